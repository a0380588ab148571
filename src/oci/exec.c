/* exec.c - one more process in a running container.
 *
 * A child joins the namespaces of the first process through its pidfd (one setns), is put into the
 * cgroup, and gives birth to the process itself when the pid namespace differs. What the process
 * object leaves out comes from the container's configuration.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/str.h"
#include "oci/attrs.h"
#include "oci/cgroup.h"
#include "oci/container.h"
#include "oci/listener.h"
#include "oci/ns.h"
#include "oci/process.h"
#include "oci/procfs.h"
#include "oci/self.h"
#include "oci/sync.h"
#include "oci/sys.h"
#include "oci/tty.h"

struct exec {
	struct arena *arena;
	const struct container_exec_opts *opts;
	struct container *c;
	struct spec spec;               /* of the container */
	struct spec_process process;
	struct seccomp_filter filter;
	bool has_filter;
	int proc_fd, init_pidfd, init_root, console_fd;
	int sync[2];
	int ns_flags;                   /* those in which the container differs from us */
	bool join_user;
	bool quick_join;                /* the process is born in its cgroups */
	struct container_started started;
};

/* --- gather --- */

/* The configuration's process with the members that the given one has put over it. */
static int merge_process(struct exec *x, struct dv_err *e)
{
	static const char *const inherited[] = { "capabilities", "rlimits", "noNewPrivileges", "apparmorProfile",
						 "selinuxLabel", "oomScoreAdj", "scheduler", "ioPriority",
						 "execCPUAffinity" };
	const struct json *base = json_get(x->c->state.config, "process"), *given = x->opts->process;
	struct json *merged = json_copy(x->arena, given);

	for (size_t i = 0; i < ARRAY_LEN(inherited); i++)
		if (!json_get(merged, inherited[i]) && json_get(base, inherited[i]))
			json_set(x->arena, merged, inherited[i], json_copy(x->arena, json_get(base, inherited[i])));
	return spec_process_decode(x->arena, merged, &x->process, e);
}

static int check_status(const struct container *c, bool ignore_paused, struct dv_err *e)
{
	switch (c->status) {
	case STATUS_RUNNING:
	case STATUS_CREATED:
		return 0;
	case STATUS_PAUSED:
		if (ignore_paused)
			return 0;
		return dv_fail(e, DV_CONFLICT, "cannot exec in a paused container (use --ignore-paused to override)");
	case STATUS_CREATING:
	case STATUS_STOPPED:
		break;
	}
	return dv_fail(e, DV_CONFLICT, "cannot exec in a %s container", status_name(c->status));
}

static int open_namespaces(struct exec *x, struct dv_err *e)
{
	for (int k = 0; k < NS_COUNT; k++) {
		char ours[64], theirs[64];
		auto_free char *a = NULL, *b = NULL;
		int r;

		(void)snprintf(ours, sizeof ours, "self/ns/%s", ns_types[k].proc_name);
		(void)snprintf(theirs, sizeof theirs, "%d/ns/%s", (int)x->c->state.init.pid, ns_types[k].proc_name);
		if (file_readlink(x->proc_fd, ours, &a, NULL) < 0)
			continue;       /* the kernel has none of that kind */
		if ((r = file_readlink(x->proc_fd, theirs, &b, e)) < 0)
			return dv_wrap(e, "container's process");
		if (!streq(a, b))
			x->ns_flags |= ns_types[k].flag;
	}
	x->join_user = x->ns_flags & CLONE_NEWUSER;
	return 0;
}

static int gather(struct exec *x, struct dv_err *e)
{
	char name[32];
	int r;

	if ((r = check_status(x->c, x->opts->ignore_paused, e)) < 0 ||
	    (r = process_check_preserved(x->opts->preserve_fds, e)) < 0 ||
	    (r = spec_decode(x->arena, x->c->state.config, &x->spec, e)) < 0 || (r = merge_process(x, e)) < 0)
		return r;
	if (!x->process.args)
		return dv_fail(e, DV_INVALID, "process.args: is missing");
	if (x->process.terminal && x->opts->detached && !x->opts->console_socket && x->opts->console_fd < 0)
		return dv_fail(e, DV_INVALID, "cannot allocate tty if runc will detach without setting console socket");
	if (x->opts->filter) {
		x->filter = *x->opts->filter;
		x->has_filter = true;
	} else if (((struct spec_linux *)x->spec.linux_)->seccomp) {
		r = seccomp_compile(x->arena, ((struct spec_linux *)x->spec.linux_)->seccomp, &x->filter, e);
		if (r < 0)
			return r;
		x->has_filter = true;
	}
	if ((r = procfs_open(&x->proc_fd, e)) < 0 || (r = proc_open(x->c->state.init.pid, &x->init_pidfd, e)) < 0 ||
	    (r = open_namespaces(x, e)) < 0)
		return r;
	/* The pidfd is right only if the process still is who it was when it was opened. */
	if (!proc_alive(&x->c->state.init))
		return dv_fail(e, DV_CONFLICT, "cannot exec in a stopped container");
	(void)snprintf(name, sizeof name, "%d/root", (int)x->c->state.init.pid);
	if ((r = file_open(x->proc_fd, name, O_PATH | O_DIRECTORY, 0, &x->init_root, e)) < 0)
		return r;
	if (x->opts->console_fd >= 0)
		return fd_dup(x->opts->console_fd, &x->console_fd, e);
	if (x->opts->console_socket &&
	    (r = fd_unix_connect(AT_FDCWD, x->opts->console_socket, &x->console_fd, e)) < 0)
		return dv_wrap(e, "console socket");
	return 0;
}

/* --- the process --- */

static int on_notify(void *ctx, int notify_fd, struct dv_err *e)
{
	struct exec *x = ctx;
	int r = sync_send(x->sync[1], SYNC_NOTIFY, notify_fd, e);

	return r < 0 ? r : sync_expect(x->sync[1], SYNC_NOTIFY_DONE, e);
}

static int terminal(struct exec *x, struct dv_err *e)
{
	auto_close int root = -1, master = -1, slave = -1;
	int r;

	if (!x->process.terminal)
		return 0;
	if ((r = file_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0, &root, e)) < 0 ||
	    (r = tty_open(root, x->process.console_height.v, x->process.console_width.v, &master, &slave, e)) < 0 ||
	    (x->console_fd >= 0 && (r = tty_send(x->console_fd, master, e)) < 0))
		return r;
	return tty_adopt(slave, e);
}

/* Every descriptor of the host is gone or close-on-exec, and the root is the container's. */
static int enter_root(struct exec *x, struct dv_err *e)
{
	if (!(x->ns_flags & CLONE_NEWNS)) {
		/* No mount namespace: the root is only a directory, joined like the first process did. */
		if (fchdir(x->init_root) < 0 || chroot(".") < 0)
			return dv_fail_errno(e, errno, "enter the container's root");
	}
	if (chdir("/") < 0)
		return dv_fail_errno(e, errno, "enter the container's root");
	return 0;
}

static int final_steps(struct exec *x, bool *ret_no_program, struct dv_err *e)
{
	const struct spec_linux *l = x->spec.linux_;
	struct process p = { .spec = &x->process, .proc_fd = x->proc_fd, .on_notify = on_notify, .ctx = x,
			     .filter = x->has_filter ? &x->filter : NULL, .personality = l->personality,
			     .rootless = x->c->state.rootless, .preserve_fds = x->opts->preserve_fds,
			     .arena = x->arena, .keep = { x->sync[1], -1 } };
	int ignored, r;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return dv_fail_errno(e, errno, "tie the process to the runtime");
	if ((r = sync_expect_value(x->sync[1], SYNC_GO, &ignored, e)) < 0)
		return r;
	process_unignore((unsigned)ignored);
	(void)setsid();
	if ((r = enter_root(x, e)) < 0 || (r = terminal(x, e)) < 0)
		return r;
	r = process_become(&p, e);
	if (r >= 0) {
		(void)prctl(PR_SET_PDEATHSIG, 0);
		r = process_exec(&p, e);
	}
	*ret_no_program = p.no_program;
	return r;
}

static void __attribute__((noreturn)) exec_main(struct exec *x)
{
	struct dv_err e = DV_ERR_NONE;
	bool no_program = false;

	self_release();
	fd_close(&x->c->dir_fd);
	fd_close(&x->c->root_fd);
	fd_close(&x->sync[0]);
	(void)final_steps(x, &no_program, &e);
	sync_send_error(x->sync[1], no_program, &e);
	_exit(1);
}

/* Joins, then bears the process as our sibling, so that it is born in the pid namespace. */
static int middle_steps(struct exec *x, struct dv_err *e)
{
	struct sync_msg m = { .kind = SYNC_PID };
	int pidfd = -1;
	long pid;

	/* Before anybody in the container can see the process that holds descriptors of the host. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return dv_fail_errno(e, errno, "hide the process");
	/* All at once: a joined user namespace gives the rights to the others. */
	if (x->ns_flags && setns(x->init_pidfd, x->ns_flags) < 0)
		return dv_fail_errno(e, errno, "join the container's namespaces");
	if (x->join_user && (sys_setresgid(0, 0, 0) < 0 || sys_setresuid(0, 0, 0) < 0))
		return dv_fail_errno(e, errno, "become root of the user namespace");
	pid = sys_clone3(CLONE_PARENT, -1, &pidfd);
	if (pid < 0)
		return dv_fail_errno(e, errno, "make the process");
	if (pid == 0)
		exec_main(x);
	return fd_send_msg(x->sync[1], &m, sizeof m, &pidfd, 1, e);
}

static void __attribute__((noreturn)) middle_main(struct exec *x)
{
	struct dv_err e = DV_ERR_NONE;
	int r = x->quick_join ? cgroup_join_self(x->c->cgroup, &e) : 0;

	if (r >= 0)
		r = middle_steps(x, &e);
	if (r < 0)
		sync_send_error(x->sync[1], false, &e);
	_exit(r < 0);
}

/* --- the runtime's side --- */

/* The middle process joins the cgroups and the process is born in them, unless it shall be elsewhere, or have
 * another affinity first. */
static int make_middle(struct exec *x, long *ret_pid, struct dv_err *e)
{
	struct cgroup *cg = x->c->cgroup;
	int into = -1, r;

	x->quick_join = cg && !x->opts->cgroup && !x->process.exec_affinity;
	if (x->quick_join) {
		if ((r = cgroup_prepare_join(cg, e)) < 0)
			return r;
		into = cgroup_clone_fd(cg);
	}
	*ret_pid = into >= 0 ? sys_clone3(0, into, NULL) : -1;
	if (*ret_pid > 0)
		cgroup_cloned_into(cg);
	/* The container passes controllers on, or an old kernel: the process is moved later. */
	if (*ret_pid < 0)
		*ret_pid = sys_clone3(0, -1, NULL);
	if (*ret_pid < 0)
		return dv_fail_errno(e, errno, "make a process");
	if (*ret_pid == 0)
		middle_main(x);
	return 0;
}

static int spawn(struct exec *x, struct dv_err *e)
{
	struct sync_msg m;
	int status, r = fd_socketpair(SOCK_SEQPACKET, x->sync, e);
	long middle;

	if (r < 0 || (r = make_middle(x, &middle, e)) < 0)
		return r;
	fd_close(&x->sync[1]);
	(void)waitpid((pid_t)middle, &status, 0);
	if (fd_recv_msg(x->sync[0], &m, sizeof m, &x->started.pidfd, 1, e) <= 0)
		return dv_fail(e, DV_INTERNAL, "the process was not made");
	if (m.kind == SYNC_ERROR) {
		m.err.msg[sizeof m.err.msg - 1] = '\0';
		*e = m.err;
		return -(int)m.err.kind;
	}
	return proc_of_pidfd(x->started.pidfd, &x->started.pid, e);
}

static int join_cgroup(struct exec *x, struct dv_err *e)
{
	const char *where = x->opts->cgroup, *colon = where ? strrchr(where, ':') : NULL;

	if (!where)
		return cgroup_add_beside(x->c->cgroup, x->started.pid, x->c->state.init.pid, e);
	return cgroup_add_below(x->c->cgroup, x->started.pid,
				colon ? arena_strn(x->arena, where, (size_t)(colon - where)) : NULL,
				colon ? colon + 1 : where, e);
}

static int place(struct exec *x, struct dv_err *e)
{
	const struct spec_process *p = &x->process;
	const struct spec_affinity *affinity = p->exec_affinity;
	pid_t pid = x->started.pid;
	struct proc_id id;
	uint32_t ignored;
	int r;

	if ((affinity && (r = attrs_affinity(pid, affinity->initial, e)) < 0) || (r = join_cgroup(x, e)) < 0 ||
	    (affinity && (r = attrs_affinity(pid, affinity->final, e)) < 0) ||
	    (r = attrs_rlimits(pid, &p->rlimits, RLIMITS_ALL, e)) < 0 ||
	    (p->oom_score_adj.set && (r = attrs_oom_score(x->proc_fd, pid, p->oom_score_adj.v, e)) < 0) ||
	    (p->scheduler && (r = attrs_scheduler(pid, p->scheduler, e)) < 0) ||
	    (p->io_priority && (r = attrs_io_priority(pid, p->io_priority, e)) < 0) ||
	    (r = proc_look(pid, &id, &ignored, e)) < 0)
		return r;
	return sync_send(x->sync[0], SYNC_GO, (int)ignored, e);
}

static int follow(struct exec *x, struct dv_err *e)
{
	struct sync_msg m = { 0 };
	int r;

	self_release();
	while ((r = sync_recv(x->sync[0], &m, e)) > 0)
		if (m.kind == SYNC_NOTIFY) {
			r = listener_pass(x->started.pidfd, m.value, &x->filter,
					  state_json(x->arena, &x->c->state, x->c->status, x->c->state.init.pid),
					  x->started.pid, x->arena, e);
			if (r < 0 || (r = sync_send(x->sync[0], SYNC_NOTIFY_DONE, 0, e)) < 0)
				return r;
		}
	if (r < 0 && m.kind == SYNC_ERROR && m.value && x->opts->ret_no_program)
		*x->opts->ret_no_program = true;
	return r;
}

static int exec_all(struct exec *x, struct dv_err *e)
{
	int r;

	if ((r = gather(x, e)) < 0 || (r = spawn(x, e)) < 0 || (r = place(x, e)) < 0 || (r = follow(x, e)) < 0)
		return r;
	return container_report(x->opts->pid_file, x->opts->pidfd_socket, x->started.pid, x->started.pidfd, e);
}

int container_exec(struct arena *a, const struct container_exec_opts *o, struct container_started *ret,
		   struct dv_err *e)
{
	auto_container struct container c = CONTAINER_NONE;
	struct exec x = { .arena = a, .opts = o, .c = &c, .proc_fd = -1, .init_pidfd = -1, .init_root = -1,
			  .console_fd = -1, .sync = { -1, -1 }, .started = { .pidfd = -1, .notify_fd = -1, .console_fd = -1 } };
	int status, r = container_open(a, o->root, o->id, false, &c, e);

	if (r >= 0)
		r = exec_all(&x, e);
	x.started.terminal = x.process.terminal;
	if (r < 0 && x.started.pid > 0) {
		(void)kill(x.started.pid, SIGKILL);
		(void)waitpid(x.started.pid, &status, 0);
		fd_close(&x.started.pidfd);
	}
	fd_close(&x.proc_fd);
	fd_close(&x.init_pidfd);
	fd_close(&x.init_root);
	fd_close(&x.console_fd);
	fd_close(&x.sync[0]);
	fd_close(&x.sync[1]);
	if (r >= 0)
		*ret = x.started;
	return r < 0 ? r : 0;
}
