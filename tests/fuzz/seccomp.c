/* seccomp.c - linux.seccomp objects: text as it is, other bytes as a recipe for a profile.
 *
 * Whatever compiles must be a program the kernel would take: it ends, with
 * an action that exists.
 */
#include <linux/audit.h>
#include <string.h>

#include "fuzz.h"
#include "oci/seccomp.h"
#include "oci/seccomp_bpf_test.h"
#include "oci/syscalls.h"

/* --- a profile from bytes --- */

struct recipe {
	const uint8_t *p, *end;
};

static unsigned next(struct recipe *r)
{
	return r->p < r->end ? *r->p++ : 0;
}

static uint64_t next_value(struct recipe *r)
{
	uint64_t v = next(r);

	return v << next(r) % 64 | next(r) % 4;
}

static struct json *pick(struct arena *a, struct recipe *r, const char *prefix, const char *const *names, unsigned n)
{
	return json_new_str(a, arena_printf(a, "%s%s", prefix, names[next(r) % n]));
}

static const char *const actions[] = { "ALLOW", "ERRNO", "KILL", "KILL_PROCESS", "TRAP", "TRACE", "LOG", "NOTIFY" };
static const char *const ops[] = { "EQ", "NE", "LT", "LE", "GT", "GE", "MASKED_EQ" };

static struct json *cook_args(struct arena *a, struct recipe *r)
{
	struct json *args = json_new_array(a);

	for (unsigned n = next(r) % 4; n > 0; n--)
		json_append(a, args, json_obj(a, "index", json_new_u64(a, next(r) % 6), "value",
					      json_new_u64(a, next_value(r)), "valueTwo", json_new_u64(a, next_value(r)),
					      "op", pick(a, r, "SCMP_CMP_", ops, ARRAY_LEN(ops)), NULL));
	return args;
}

static struct json *cook(struct arena *a, struct recipe *r)
{
	struct json *archs = json_new_array(a), *calls = json_new_array(a);
	struct json *action = pick(a, r, "SCMP_ACT_", actions, ARRAY_LEN(actions));

	for (unsigned n = next(r) % 8; n > 0; n--)
		json_append(a, archs, json_new_str(a, syscall_archs[next(r) % syscall_n_archs].name));
	while (r->p < r->end) {
		struct json *names = json_new_array(a);
		unsigned first = next(r) * 2;

		for (unsigned i = 0, n = 1 + next(r) % 16; i < n; i++)
			json_append(a, names, json_new_str(a, syscall_name((first + i * 7) % syscall_count())));
		json_append(a, calls, json_obj(a, "names", names, "action",
					       pick(a, r, "SCMP_ACT_", actions, ARRAY_LEN(actions)), "args",
					       cook_args(a, r), NULL));
	}
	return json_obj(a, "defaultAction", action, "architectures", archs, "syscalls", calls, NULL);
}

/* --- what must hold --- */

static bool is_action(int64_t ret)
{
	static const uint32_t known[] = { SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP,
					  SECCOMP_RET_ERRNO, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_TRACE, SECCOMP_RET_LOG,
					  SECCOMP_RET_ALLOW };

	for (unsigned i = 0; i < ARRAY_LEN(known) && ret >= 0; i++)
		if ((ret & SECCOMP_RET_ACTION_FULL) == known[i])
			return true;
	return false;
}

static void check_program(const struct seccomp_filter *f)
{
	FUZZ_CHECK(f->n > 0 && f->n <= BPF_MAXINSNS);
	for (unsigned i = 0; i < syscall_n_archs; i++) {
		const struct syscall_arch *arch = &syscall_archs[i];

		for (unsigned k = 0; k < arch->n_calls; k += 5) {
			struct seccomp_data d = { .arch = arch->audit, .nr = (int)number_of(arch, arch->calls[k]) };

			memset(d.args, (int)k, sizeof d.args);
			FUZZ_CHECK(is_action(bpf_run(f->insns, f->n, &d)));
		}
	}
	FUZZ_CHECK(is_action(bpf_run(f->insns, f->n, &(struct seccomp_data){ .arch = AUDIT_ARCH_X86_64, .nr = -1 })));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a;
	struct dv_err e = DV_ERR_NONE;
	struct seccomp_filter f;
	struct json *j;
	int r;

	arena_init(&a, 0);
	if (size > 0 && data[0] == '{') {
		if (json_parse(&a, (const char *)data, size, &j, &e) < 0)
			return 0;
	} else {
		j = cook(&a, &(struct recipe){ data, data + size });
	}
	r = seccomp_compile(&a, j, &f, &e);
	FUZZ_CHECK(r == 0 || ((r == -(int)DV_INVALID || r == -(int)DV_LIMIT) && e.msg[0]));
	if (r == 0)
		check_program(&f);
	return 0;
}
