/* seccomp_oracle.c - libseccomp driven the way runc drives it.
 *
 * Written against the spec and the manual pages only: it shares no code with
 * the compiler it judges.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/str.h"
#include "oci/seccomp_oracle.h"

/* --- libseccomp --- */

static void die(const char *what, int rc)
{
	fprintf(stderr, "seccomp oracle: %s: %d\n", what, rc);
	abort();
}

static uint32_t action_of(const struct json *holder, const char *action_key, const char *errno_key)
{
	const char *name = json_str(json_get(holder, action_key));
	uint64_t ret = EPERM;

	json_u64(json_get(holder, errno_key), &ret);
	if (streq(name, "SCMP_ACT_ALLOW"))
		return SCMP_ACT_ALLOW;
	if (streq(name, "SCMP_ACT_ERRNO"))
		return SCMP_ACT_ERRNO((uint32_t)ret);
	if (streq(name, "SCMP_ACT_KILL") || streq(name, "SCMP_ACT_KILL_THREAD"))
		return SCMP_ACT_KILL_THREAD;
	if (streq(name, "SCMP_ACT_KILL_PROCESS"))
		return SCMP_ACT_KILL_PROCESS;
	if (streq(name, "SCMP_ACT_TRAP"))
		return SCMP_ACT_TRAP;
	if (streq(name, "SCMP_ACT_TRACE"))
		return SCMP_ACT_TRACE((uint32_t)ret);
	if (streq(name, "SCMP_ACT_LOG"))
		return SCMP_ACT_LOG;
	if (streq(name, "SCMP_ACT_NOTIFY"))
		return SCMP_ACT_NOTIFY;
	die(name, 0);
	return 0;
}

static enum scmp_compare op_of(const char *name)
{
	static const char *const names[] = { [SCMP_CMP_NE] = "NE", [SCMP_CMP_LT] = "LT", [SCMP_CMP_LE] = "LE",
					     [SCMP_CMP_EQ] = "EQ", [SCMP_CMP_GE] = "GE", [SCMP_CMP_GT] = "GT",
					     [SCMP_CMP_MASKED_EQ] = "MASKED_EQ" };

	for (unsigned i = 1; i < ARRAY_LEN(names); i++)
		if (streq(names[i], name + strlen("SCMP_CMP_")))
			return (enum scmp_compare)i;
	die(name, 0);
	return SCMP_CMP_EQ;
}

static unsigned args_of(const struct json *args, struct scmp_arg_cmp *cmps, bool *repeated)
{
	unsigned n = 0;

	for (JSON_EACH(it, args)) {
		uint64_t index = 0, value = 0, two = 0;

		json_u64(json_get(it.value, "index"), &index);
		json_u64(json_get(it.value, "value"), &value);
		json_u64(json_get(it.value, "valueTwo"), &two);
		for (unsigned i = 0; i < n; i++)
			*repeated |= cmps[i].arg == index;
		cmps[n++] = (struct scmp_arg_cmp){ (unsigned)index, op_of(json_str(json_get(it.value, "op"))), value,
						   two };
	}
	return n;
}

static unsigned rule_add(scmp_filter_ctx c, uint32_t action, int number, unsigned n, const struct scmp_arg_cmp *cmps)
{
	int rc = seccomp_rule_add_array(c, action, number, n, cmps);

	if (rc && rc != -EEXIST)
		die("rule", rc);
	return rc != 0;
}

static unsigned call_add(scmp_filter_ctx c, const struct json *call, uint32_t default_action)
{
	uint32_t action = action_of(call, "action", "errnoRet");
	struct scmp_arg_cmp cmps[16];
	bool repeated = false;
	unsigned n = args_of(json_get(call, "args"), cmps, &repeated), conflicts = 0;

	if (action == default_action)
		return 0;
	for (JSON_EACH(it, json_get(call, "names"))) {
		int number = seccomp_syscall_resolve_name(json_str(it.value));

		if (number == __NR_SCMP_ERROR)
			continue;
		if (!repeated) {
			conflicts += rule_add(c, action, number, n, cmps);
			continue;
		}
		for (unsigned i = 0; i < n; i++)
			conflicts += rule_add(c, action, number, 1, &cmps[i]);
	}
	return conflicts;
}

static uint32_t arch_of(const char *name)
{
	char lower[32] = "";

	name += strlen("SCMP_ARCH_");
	for (size_t i = 0; name[i] && i < sizeof lower - 1; i++)
		lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 'a' - 'A') : name[i];
	return seccomp_arch_resolve_name(lower);
}

static bool is_big_endian(uint32_t arch)
{
	return !(arch & 0x40000000 /* __AUDIT_ARCH_LE */);
}

static bool is_action(uint32_t k)
{
	switch (k & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_TRAP:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_USER_NOTIF:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_ALLOW:
		return true;
	default:
		return false;
	}
}

/* libseccomp writes the program in the byte order of the machine it is for, and some of the actions in ours. */
static void swap_bytes(struct sock_filter *insns, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t swapped = __builtin_bswap32(insns[i].k);

		insns[i].code = __builtin_bswap16(insns[i].code);
		if (insns[i].code != (BPF_RET | BPF_K) || is_action(swapped))
			insns[i].k = swapped;
	}
}

static struct sock_filter *export(struct arena *a, scmp_filter_ctx c, size_t *ret_n)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	int rc = seccomp_export_bpf(c, fd);
	off_t size = lseek(fd, 0, SEEK_END);
	struct sock_filter *insns;

	if (rc || size <= 0)
		die("export", rc);
	insns = arena_array(a, struct sock_filter, (size_t)size / sizeof *insns);
	if (pread(fd, insns, (size_t)size, 0) != size)
		die("read", 0);
	(void)close(fd);
	*ret_n = (size_t)size / sizeof *insns;
	return insns;
}

struct sock_filter *oracle_compile(struct arena *a, const struct json *seccomp, size_t *ret_n, unsigned *ret_conflicts)
{
	uint32_t action = action_of(seccomp, "defaultAction", "defaultErrnoRet");
	scmp_filter_ctx c = seccomp_init(action);
	struct sock_filter *insns;

	bool big_endian = false;

	*ret_conflicts = 0;
	for (JSON_EACH(it, json_get(seccomp, "architectures"))) {
		uint32_t arch = arch_of(json_str(it.value));
		int rc;

		/* one filter cannot be for both: without the machine's own, which the caller then leaves out */
		if (is_big_endian(arch) && !big_endian)
			seccomp_arch_remove(c, SCMP_ARCH_NATIVE);
		big_endian |= is_big_endian(arch);
		rc = seccomp_arch_add(c, arch);
		if (rc && rc != -EEXIST)
			die(json_str(it.value), rc);
	}
	for (JSON_EACH(it, json_get(seccomp, "syscalls")))
		*ret_conflicts += call_add(c, it.value, action);
	insns = export(a, c, ret_n);
	if (big_endian)
		swap_bytes(insns, *ret_n);
	seccomp_release(c);
	return insns;
}

/* --- names --- */

/* Calls whose numbers on other architectures libseccomp 2.5 does not find from their name. */
static const char *const odd_names[] = { "sync_file_range2", "sys_debug_setcontext" };

static bool is_known(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(odd_names); i++)
		if (streq(odd_names[i], name))
			return false;
	return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

static struct json *known_names(struct arena *a, const struct json *names)
{
	struct json *known = json_new_array(a);

	for (JSON_EACH(it, names))
		if (is_known(json_str(it.value)))
			json_append(a, known, json_new_str(a, json_str(it.value)));
	return known;
}

struct json *oracle_known(struct arena *a, const struct json *seccomp)
{
	struct json *copy = json_copy(a, seccomp);
	struct json *calls = json_new_array(a);

	for (JSON_EACH(it, json_get(seccomp, "syscalls"))) {
		struct json *call = json_copy(a, it.value);

		json_set(a, call, "names", known_names(a, json_get(it.value, "names")));
		json_append(a, calls, call);
	}
	json_set(a, copy, "syscalls", calls);
	return copy;
}
