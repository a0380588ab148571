/* seccomp_load.c - hands a filter to the kernel; allocates nothing. */
#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci/seccomp.h"

static long set_filter(struct sock_fprog *program, unsigned flags)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
}

static int load_error(struct dv_err *e, const struct seccomp_filter *f)
{
	switch (errno) {
	case EACCES:
		return dv_fail(e, DV_FORBIDDEN, "seccomp: a filter needs noNewPrivileges or CAP_SYS_ADMIN");
	case EBUSY:
		return dv_fail(e, DV_CONFLICT, "seccomp: another filter of this process has a listener already");
	case ENOSYS:
		return dv_fail(e, DV_UNSUPPORTED, "seccomp: the kernel has no seccomp filters");
	case EINVAL:
		return dv_fail(e, DV_UNSUPPORTED, "seccomp: the kernel refuses a filter of %zu instructions with "
			       "flags 0x%x%s", f->n, f->flags, f->has_notify ? " and a listener" : "");
	default:
		return dv_fail_errno(e, errno, "seccomp: load a filter of %zu instructions", f->n);
	}
}

int seccomp_load(const struct seccomp_filter *f, int *ret_notify_fd, struct dv_err *e)
{
	struct sock_fprog program = { .len = (unsigned short)f->n, .filter = f->insns };
	unsigned flags = f->flags;
	long r;

	if (f->has_notify) {
		flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
		/* one return value cannot name both a listener and a thread that did not follow */
		flags &= ~SECCOMP_FILTER_FLAG_TSYNC;
	}
	r = set_filter(&program, flags);
	if (r < 0 && errno == EINVAL && flags & f->soft_flags)
		r = set_filter(&program, flags & ~f->soft_flags);
	/* before Linux 3.17 */
	if (r < 0 && errno == ENOSYS && !(flags & ~f->soft_flags))
		r = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
	if (r < 0)
		return load_error(e, f);
	if (r > 0 && !f->has_notify)
		return dv_fail(e, DV_CONFLICT, "seccomp: thread %ld has a filter of its own", r);
	*ret_notify_fd = f->has_notify ? (int)r : -1;
	return 0;
}
