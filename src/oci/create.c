/* create.c - make a container: the runtime's side, from the configuration to a process that waits or runs.
 *
 * The order is that of crash safety: the state names the cgroup before it is made, the process
 * dies with the runtime until the state knows it. What is gathered is in create_prepare.c, the way of the
 * process in create_spawn.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/file.h"
#include "oci/hooks.h"
#include "oci/launch.h"
#include "oci/listener.h"
#include "oci/newnet.h"

#define CLEANUP_MS 2000
#define DYING_MS 1000

/* --- what is told --- */

static int write_pid_file(const char *path, pid_t pid, struct dv_err *e)
{
	auto_close int dir = -1;
	const char *slash = strrchr(path, '/');
	auto_free char *parent = slash ? mem_printf("%.*s", (int)(slash - path) + 1, path) : mem_str(".");
	char text[16];
	int r, n = snprintf(text, sizeof text, "%d", (int)pid);

	if ((r = file_open(AT_FDCWD, parent, O_RDONLY | O_DIRECTORY, 0, &dir, e)) < 0)
		return dv_wrap(e, "pid file");
	return file_replace(dir, slash ? slash + 1 : path, 0644, text, (size_t)n, false, e);
}

int container_report(const char *pid_file, const char *pidfd_socket, pid_t pid, int pidfd, struct dv_err *e)
{
	auto_close int sock = -1;
	int r;

	if (pid_file && (r = write_pid_file(pid_file, pid, e)) < 0)
		return r;
	if (!pidfd_socket)
		return 0;
	if ((r = fd_unix_connect(AT_FDCWD, pidfd_socket, &sock, e)) < 0 ||
	    (r = fd_send_msg(sock, "pidfd", 5, &pidfd, 1, e)) < 0)
		return dv_wrap(e, "pidfd socket");
	return 0;
}

static int poststart(struct launch *l, struct dv_err *e)
{
	const struct spec_hooks *h = l->spec.hooks;

	if (!h || l->opts->wait_for_start)
		return 0;
	return hooks_run("poststart", &h->poststart,
			 json_text(l->arena, state_json(l->arena, &l->state, STATUS_RUNNING, l->started.pid),
				   JSON_COMPACT),
			 &l->spec.annotations, e);
}

/* --- undo --- */

/* It died without a word: say of what. The kernel does that to a process that passes its memory limit. */
static void explain_death(struct launch *l, struct dv_err *e)
{
	int64_t limit = 0;
	int status;

	if (l->started.pid <= 0 || (e->sys != EPIPE && e->sys != ECONNRESET && e->kind != DV_INTERNAL))
		return;
	/* Its end of the socket is closed some time before it is dead. */
	(void)poll(&(struct pollfd){ .fd = l->started.pidfd, .events = POLLIN }, 1, DYING_MS);
	if (waitpid(l->started.pid, &status, WNOHANG) <= 0)
		return;
	l->started.pid = 0;
	if (!WIFSIGNALED(status))
		return;
	if (WTERMSIG(status) == SIGKILL && json_i64(json_path(l->linux_->resources, "memory.limit"), &limit) && limit > 0)
		(void)dv_fail(e, DV_INTERNAL,
			      "the container's process was killed before it could start: is the memory limit of %" PRId64
			      " bytes too low?", limit);
	else
		(void)dv_fail(e, DV_INTERNAL, "the container's process was killed by %s before it could start",
			      proc_signal_name(WTERMSIG(status)));
}

static void undo(struct launch *l)
{
	int status;

	if (l->started.pid > 0) {
		(void)kill(l->started.pid, SIGKILL);
		(void)waitpid(l->started.pid, &status, 0);
	}
	if (l->dir_fd >= 0) {
		/* What could not be made may be another container's. */
		if (l->owns_cgroup) {
			dv_ignore(cgroup_kill(l->cgroup, SIGKILL, NULL));
			dv_ignore(cgroup_destroy(l->cgroup, CLEANUP_MS, NULL));
		}
		if (l->cgroup)
			cgroup_undo(l->cgroup);
		dv_ignore(state_remove(l->root_fd, l->opts->id, NULL));
	}
	fd_close(&l->started.pidfd);
	fd_close(&l->started.notify_fd);
}

static void release(struct launch *l)
{
	newnet_wait();
	for (size_t i = 0; l->source_fds && i < l->spec.mounts.n; i++)
		fd_close(&l->source_fds[i]);
	for (size_t i = 0; l->mounts.cgroup_fds && i < l->mounts.n_cgroups; i++)
		fd_close(&l->mounts.cgroup_fds[i]);
	ns_plan_done(&l->ns);
	fd_close(&l->root_tree);
	fd_close(&l->proc_fd);
	fd_close(&l->console_fd);
	fd_close(&l->listen_fd);
	fd_close(&l->sync[0]);
	fd_close(&l->sync[1]);
	fd_close(&l->dir_fd);
	fd_close(&l->root_fd);
	cgroup_close(l->cgroup);
}

static void hand_over(struct launch *l, struct container *ret)
{
	(void)flock(l->dir_fd, LOCK_UN);
	*ret = (struct container){ .state = l->state, .status = STATUS_RUNNING, .root_fd = take_fd(&l->root_fd),
				   .dir_fd = take_fd(&l->dir_fd), .cgroup = take_ptr(&l->cgroup) };
}

static int launch_all(struct launch *l, struct dv_err *e)
{
	int r;

	if ((r = launch_gather(l, e)) < 0 || (r = launch_open_host(l, e)) < 0 || (r = launch_make_state(l, e)) < 0 ||
	    (r = launch_spawn(l, e)) < 0 || (r = launch_make_late(l, e)) < 0 || (r = launch_place(l, e)) < 0 ||
	    (r = launch_follow(l, e)) < 0 ||
	    (r = container_report(l->opts->pid_file, l->opts->pidfd_socket, l->started.pid, l->started.pidfd, e)) < 0)
		return r;
	return poststart(l, e);
}

int container_create(struct arena *a, const struct container_opts *o, struct container_started *ret,
		     struct dv_err *e)
{
	struct launch l = { .arena = a, .opts = o, .root_tree = -1, .proc_fd = -1, .console_fd = -1, .listen_fd = -1,
			    .sync = { -1, -1 }, .root_fd = -1, .dir_fd = -1, .started = { .pidfd = -1, .notify_fd = -1, .console_fd = -1 } };
	int r;

	for (int i = 0; i < NS_COUNT; i++)
		l.ns.fd[i] = -1;
	r = launch_all(&l, e);
	l.started.terminal = l.process && l.process->terminal;
	if (r < 0) {
		struct dv_err none = DV_ERR_NONE;

		explain_death(&l, e ? e : &none);
		undo(&l);
	} else {
		*ret = l.started;
		if (o->keep)
			hand_over(&l, o->keep);
	}
	release(&l);
	return r < 0 ? r : 0;
}
