/* helper.c - fork, do, send descriptors. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "engine/helper.h"
#include "oci/sys.h"

static void child(int sock, helper_fn *fn, const void *ctx, size_t n)
{
	struct dv_err e = DV_ERR_NONE;
	int fds[HELPER_FDS_MAX] = { -1, -1, -1, -1 }, r = fn(ctx, fds, &e);

	dv_ignore(fd_send_msg(sock, &e, sizeof e, fds, r < 0 ? 0 : n, NULL));
	_exit(0);
}

int helper_run(unsigned flags, helper_fn *fn, const void *ctx, int *ret, size_t n, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	int sock[2], status, r;
	long pid;

	if ((r = fd_socketpair(SOCK_SEQPACKET, sock, e)) < 0)
		return r;
	pid = sys_clone3(flags, -1, NULL);
	if (pid == 0)
		child(sock[1], fn, ctx, n);
	fd_close(&sock[1]);
	if (pid < 0) {
		fd_close(&sock[0]);
		return dv_fail_errno(e, errno, "helper process");
	}
	r = (int)fd_recv_msg(sock[0], &why, sizeof why, ret, n, e);
	(void)waitpid((pid_t)pid, &status, 0);
	fd_close(&sock[0]);
	if (r >= 0 && r != (int)sizeof why)
		return dv_fail(e, DV_INTERNAL, "the helper process died");
	if (r >= 0 && why.kind != DV_OK) {
		if (e)
			*e = why;
		return -(int)why.kind;
	}
	return r < 0 ? r : 0;
}
