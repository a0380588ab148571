/* exec_keep.c - what is left of a command line that went before what it executed.
 *
 * The kept process is not our child any more: who reaps it is the machine's first process, and its status comes by the
 * pidfd, on kernels that tell.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "engine/events.h"
#include "engine/exec_keep.h"
#include "engine/nullio.h"
#include "oci/sys.h"

#define REAP_MS 3000            /* for whoever it belongs to now */

/* Nobody sees it. False when every other end is closed. */
static bool discard(int terminal)
{
	char space[4096];
	ssize_t n = read(terminal, space, sizeof space);

	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void wait_for_end(const struct exec_kept *k)
{
	struct pollfd p[2] = { { .fd = k->pidfd, .events = POLLIN }, { .fd = k->terminal, .events = POLLIN } };

	while (!(p[0].revents & POLLIN)) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents && !discard(k->terminal))
			p[1].fd = -1;
	}
}

/* -1: nobody knows. The pidfd of a process that was reaped hangs up. */
static int exit_code(int pidfd)
{
	struct pollfd p = { .fd = pidfd };
	int status;

	if (proc_info_pidfd(pidfd, &status) == 0 && poll(&p, 1, REAP_MS) < 0)
		return -1;
	return proc_info_pidfd(pidfd, &status) > 0 ? proc_exit_code(status) : -1;
}

static void keep(const struct exec_kept *k)
{
	int fds[] = { k->pidfd, k->terminal, engine_runfd(k->g) };

	(void)setsid();
	if (stdio_null(NULL) >= 0 && fd_keep_only(3, fds, ARRAY_LEN(fds), NULL) >= 0) {
		wait_for_end(k);
		event_exec(k->g, k->row, "exec_die", NULL, k->id, exit_code(k->pidfd));
	}
	_exit(0);
}

int exec_keep(const struct exec_kept *k, struct dv_err *e)
{
	long pid = sys_clone3(0, -1, NULL);

	if (pid == 0)
		keep(k);
	return pid < 0 ? dv_fail_errno(e, errno, "helper process") : 0;
}
