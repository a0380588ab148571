/* caps.c - capabilities by name and as bit sets, by raw capset and prctl. */
#include <errno.h>
#include <linux/capability.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/defence.h"
#include "base/log.h"
#include "base/str.h"
#include "oci/caps.h"

static const char *const names[] = {
	"CAP_CHOWN",          "CAP_DAC_OVERRIDE",   "CAP_DAC_READ_SEARCH", "CAP_FOWNER",
	"CAP_FSETID",         "CAP_KILL",           "CAP_SETGID",          "CAP_SETUID",
	"CAP_SETPCAP",        "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",      "CAP_NET_RAW",        "CAP_IPC_LOCK",        "CAP_IPC_OWNER",
	"CAP_SYS_MODULE",     "CAP_SYS_RAWIO",      "CAP_SYS_CHROOT",      "CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",      "CAP_SYS_ADMIN",      "CAP_SYS_BOOT",        "CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",   "CAP_SYS_TIME",       "CAP_SYS_TTY_CONFIG",  "CAP_MKNOD",
	"CAP_LEASE",          "CAP_AUDIT_WRITE",    "CAP_AUDIT_CONTROL",   "CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",   "CAP_MAC_ADMIN",      "CAP_SYSLOG",          "CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",  "CAP_AUDIT_READ",     "CAP_PERFMON",         "CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};

int cap_number(const char *name)
{
	const char *bare = strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(names[i] + 4, bare) == 0)
			return (int)i;
	return -1;
}

const char *cap_name(int number)
{
	return number >= 0 && (size_t)number < ARRAY_LEN(names) ? names[number] : NULL;
}

uint64_t cap_all(void)
{
	uint64_t all = 0;

	for (int i = 0; i < 63 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		all |= CAP_BIT(i);
	return all;
}

static uint64_t set_of(const char **list, const char *which, bool warn)
{
	uint64_t set = 0;

	for (; list && *list; list++) {
		int n = cap_number(*list);

		if (n >= 0)
			set |= CAP_BIT(n);
		else if (warn)
			log_warn("ignoring unknown capability", "set", which, "name", *list, NULL);
	}
	return set;
}

void cap_sets_of_spec(const struct spec_caps *caps, bool warn, struct cap_sets *ret)
{
	*ret = (struct cap_sets){ 0 };
	if (!caps)
		return;
	ret->bounding = set_of(caps->bounding, "bounding", warn);
	ret->effective = set_of(caps->effective, "effective", warn);
	ret->inheritable = set_of(caps->inheritable, "inheritable", warn);
	ret->permitted = set_of(caps->permitted, "permitted", warn);
	ret->ambient = set_of(caps->ambient, "ambient", warn);
}

int cap_drop_bounding(uint64_t keep, struct dv_err *e)
{
	for (int i = 0; i < 63; i++) {
		if (keep & CAP_BIT(i))
			continue;
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL)
			break;      /* past the kernel's last one */
		return dv_fail_errno(e, errno, "drop %s from the bounding set", cap_name(i) ?: "a capability");
	}
	return 0;
}

static int apply_ambient(uint64_t set, struct dv_err *e)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return dv_fail_errno(e, errno, "clear ambient capabilities");
	for (int i = 0; i < 63; i++)
		if ((set & CAP_BIT(i)) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			log_warn("cannot raise an ambient capability", "name", cap_name(i), NULL);
	return 0;
}

/* As much of s as is in `have`. old: only for the build without the defence. */
static bool cap_set(const struct cap_sets *s, uint64_t have, const struct __user_cap_data_struct *old)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)((s->effective & s->permitted & have) >> (32 * i));
		data[i].permitted = (uint32_t)((s->permitted & have) >> (32 * i));
		data[i].inheritable = (uint32_t)((s->inheritable & have) >> (32 * i)) |
				      (defence_on("caps-inherit") ? 0 : old[i].inheritable);
	}
	return syscall(SYS_capset, &head, data) == 0;
}

int cap_apply(const struct cap_sets *s, struct dv_err *e)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct now[2] = { { 0 } };
	uint64_t have = ~UINT64_C(0);

	if (!defence_on("caps-inherit") && syscall(SYS_capget, &head, now) < 0)
		return dv_fail_errno(e, errno, "read capabilities");
	if (!cap_set(s, have, now)) {
		/* What the runtime itself lacks (a user of a nested container) cannot be given on. */
		if (errno != EPERM || syscall(SYS_capget, &head, now) < 0)
			return dv_fail_errno(e, errno, "set capabilities");
		have = now[0].permitted | (uint64_t)now[1].permitted << 32;
		if (!cap_set(s, have, now))
			return dv_fail_errno(e, errno, "set capabilities");
	}
	return apply_ambient(s->ambient & s->permitted & s->inheritable & have, e);
}
