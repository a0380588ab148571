/* capset.c - which capabilities a container gets. */
#include <linux/capability.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"
#include "engine/request.h"
#include "oci/caps.h"

/* Docker's default without NET_RAW (ping works without it: see the sysctls of a new network namespace). */
#define DEFAULT_CAPS \
	(CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_FSETID) | CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_MKNOD) | \
	 CAP_BIT(CAP_SETGID) | CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETFCAP) | CAP_BIT(CAP_SETPCAP) | \
	 CAP_BIT(CAP_NET_BIND_SERVICE) | CAP_BIT(CAP_SYS_CHROOT) | CAP_BIT(CAP_KILL) | CAP_BIT(CAP_AUDIT_WRITE))

uint64_t caps_available(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { 0 };

	if (syscall(SYS_capget, &h, d) < 0)
		return 0;
	return d[0].permitted | (uint64_t)d[1].permitted << 32;
}

static int one(const char *flag, const char *name, uint64_t available, uint64_t *ret, struct dv_err *e)
{
	int n;

	if (strcasecmp(name, "ALL") == 0 || strcasecmp(name, "CAP_ALL") == 0) {
		*ret = available;
		return 0;
	}
	n = cap_number(name);
	if (n < 0)
		return dv_fail(e, DV_INVALID, "%s: invalid capability: \"%.64s\"", flag, name);
	*ret = CAP_BIT(n);
	return 0;
}

static int collect(const char *flag, const char *const *names, uint64_t available, uint64_t *ret, struct dv_err *e)
{
	*ret = 0;
	for (; names && *names; names++) {
		uint64_t bits = 0;
		int r = one(flag, *names, available, &bits, e);

		if (r < 0)
			return r;
		*ret |= bits;
	}
	return 0;
}

static bool has_all(const char *const *names)
{
	for (; names && *names; names++)
		if (strcasecmp(*names, "ALL") == 0 || strcasecmp(*names, "CAP_ALL") == 0)
			return true;
	return false;
}

int caps_choose(const struct run_request *q, uint64_t available, uint64_t *ret, struct dv_err *e)
{
	uint64_t add, drop, base = has_all(q->cap_drop) ? 0 : DEFAULT_CAPS & available;
	int r;

	if (q->privileged) {
		*ret = available;
		return 0;
	}
	if ((r = collect("--cap-add", q->cap_add, available, &add, e)) < 0 ||
	    (r = collect("--cap-drop", q->cap_drop, available, &drop, e)) < 0)
		return r;
	if (add & ~available) {
		int n = __builtin_ctzll(add & ~available);

		return dv_fail(e, DV_INVALID, "--cap-add: %s is not available in the current environment", cap_name(n));
	}
	/* "ALL" in one list, names in the other: the names are the exceptions. */
	if (has_all(q->cap_drop))
		*ret = add;
	else if (has_all(q->cap_add))
		*ret = available & ~drop;
	else
		*ret = (base | add) & ~drop;
	return 0;
}
