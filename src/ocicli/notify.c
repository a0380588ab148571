/* notify.c - run and start under a service manager: they tell it when the container is ready. */
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "oci/notify.h"
#include "oci/sys.h"
#include "ocicli/ocicli.h"

const char *oci_notify_host(void)
{
	const char *host = getenv("NOTIFY_SOCKET");

	return host && (*host == '/' || *host == '@') ? host : NULL;
}

void oci_notify_beside(struct container_started *s)
{
	if (s->notify_fd < 0)
		return;
	if (sys_clone3(0, -1, NULL) == 0) {
		sigset_t none;

		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(notify_relay(s->notify_fd, s->pidfd, 0, oci_notify_host(), NULL) < 0);
	}
	fd_close(&s->notify_fd);
}

int oci_start(const char *root, const char *id, struct dv_err *e)
{
	auto_arena struct arena a = { 0 };
	auto_container struct container box = CONTAINER_NONE;
	auto_close int fd = -1, pidfd = -1;
	int r;

	if (!oci_notify_host())
		return container_start(root, id, e);
	arena_init(&a, 0);
	if ((r = container_open(&a, root, id, false, &box, e)) < 0)
		return r;
	r = notify_bind(box.dir_fd, false, &fd, e);
	if (r == -DV_NOT_FOUND || box.status != STATUS_CREATED)
		return container_start(root, id, e);
	if (r < 0 || (r = proc_open(box.state.init.pid, &pidfd, e)) < 0 || (r = container_start(root, id, e)) < 0)
		return r;
	return notify_relay(fd, pidfd, box.state.init.pid, oci_notify_host(), e);
}
