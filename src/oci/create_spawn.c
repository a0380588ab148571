/* create_spawn.c - the container's process, seen from outside: born, placed, followed until it is ready. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/file.h"
#include "oci/attrs.h"
#include "oci/hooks.h"
#include "oci/launch.h"
#include "oci/listener.h"
#include "oci/netdev.h"
#include "oci/newnet.h"
#include "oci/rdt.h"
#include "oci/self.h"
#include "oci/sync.h"
#include "oci/sys.h"

/* --- the process --- */

/* The middle process gives birth to a sibling of its own and hands over its pidfd. */
static int spawn_by_middle(struct launch *l, struct dv_err *e)
{
	struct sync_msg m;
	int status;
	long middle = sys_clone3(0, -1, NULL);

	if (middle < 0)
		return dv_fail_errno(e, errno, "make the container's process");
	if (middle == 0)
		init_middle(l);
	(void)waitpid((pid_t)middle, &status, 0);
	if (fd_recv_msg(l->sync[0], &m, sizeof m, &l->started.pidfd, 1, e) <= 0)
		return dv_fail(e, DV_INTERNAL, "the container's process was not made");
	if (m.kind == SYNC_ERROR) {
		m.err.msg[sizeof m.err.msg - 1] = '\0';
		*e = m.err;
		return -(int)m.err.kind;
	}
	return proc_of_pidfd(l->started.pidfd, &l->started.pid, e);
}

/* A real-time process cannot enter a cgroup without real-time budget, and being put in first gives the right
 * message: with a scheduler the runtime keeps the order in its own hands. */
static int prepare_join(struct launch *l, struct dv_err *e)
{
	l->joins_itself = !(l->process && l->process->scheduler);
	return l->joins_itself && !l->joins_late ? cgroup_prepare_join(l->cgroup, e) : 0;
}

int launch_spawn(struct launch *l, struct dv_err *e)
{
	long pid;
	int r;

	if ((r = prepare_join(l, e)) < 0)
		return r;
	if (init_needs_middle(l)) {
		r = spawn_by_middle(l, e);
	} else {
		pid = sys_clone3(init_clone_flags(l), cgroup_clone_fd(l->cgroup), &l->started.pidfd);
		if (pid > 0 && cgroup_clone_fd(l->cgroup) >= 0)
			cgroup_cloned_into(l->cgroup);
		/* No rights to be born there, or a kernel before 5.7: it is moved later. */
		if (pid < 0 && cgroup_clone_fd(l->cgroup) >= 0)
			pid = sys_clone3(init_clone_flags(l), -1, &l->started.pidfd);
		if (pid == 0)
			init_main(l);
		l->started.pid = (pid_t)pid;
		r = pid < 0 ? dv_fail_errno(e, errno, "make the container's process (namespaces)") : 0;
	}
	fd_close(&l->sync[1]);
	if (r < 0 || l->ns.mode[NS_USER] != NS_NEW)
		return r;
	r = ns_write_maps(l->started.pid, l->linux_, e);
	return r < 0 ? r : sync_send(l->sync[0], SYNC_MAPPED, 0, e);
}

static int from_outside(struct launch *l, struct dv_err *e)
{
	const struct spec_process *p = l->process;
	pid_t pid = l->started.pid;
	int r;

	if (!p)
		return 0;
	if ((r = attrs_rlimits(pid, &p->rlimits, RLIMITS_EARLY, e)) < 0 ||
	    (p->oom_score_adj.set && (r = attrs_oom_score(l->proc_fd, pid, p->oom_score_adj.v, e)) < 0) ||
	    (p->scheduler && (r = attrs_scheduler(pid, p->scheduler, e)) < 0) ||
	    (p->io_priority && (r = attrs_io_priority(pid, p->io_priority, e)) < 0))
		return r;
	return 0;
}

/* Hierarchies that turn out to be out of reach (a user's) leave the cgroup here: the state must not name them. */
static int add_to_cgroup(struct launch *l, struct dv_err *e)
{
	size_t known = 0;
	int r;

	while (cgroup_warning(l->cgroup, known))
		known++;
	r = cgroup_add(l->cgroup, l->started.pid, e);
	if (r < 0 || !cgroup_warning(l->cgroup, known))
		return r;
	launch_warn(l->cgroup, known);
	l->state.cgroup = cgroup_to_json(l->cgroup, l->arena);
	return state_save(l->dir_fd, l->arena, &l->state, e);
}

static int give_interfaces(struct launch *l, struct dv_err *e)
{
	auto_close int fd = -1;
	char name[32];
	int r;

	if (!json_len(l->linux_->net_devices))
		return 0;
	(void)snprintf(name, sizeof name, "%d/ns/net", (int)l->started.pid);
	if (l->ns.mode[NS_NET] == NS_JOIN)
		return netdev_move(l->linux_->net_devices, l->ns.fd[NS_NET], e);
	r = file_open(l->proc_fd, name, O_RDONLY, 0, &fd, e);
	return r < 0 ? r : netdev_move(l->linux_->net_devices, fd, e);
}

int launch_place(struct launch *l, struct dv_err *e)
{
	struct proc_id id;
	uint32_t ignored;
	int r;

	newnet_wait();
	if ((r = add_to_cgroup(l, e)) < 0 || (r = from_outside(l, e)) < 0 || (r = give_interfaces(l, e)) < 0 ||
	    (l->linux_->rdt && (r = rdt_apply(l->linux_->rdt, l->opts->id, l->started.pid, e)) < 0) ||
	    (r = proc_look(l->started.pid, &id, &ignored, e)) < 0 || (r = state_save_pid(l->dir_fd, &id, e)) < 0)
		return r;
	l->state.init = id;
	return sync_send(l->sync[0], SYNC_GO, (int)ignored, e);
}

static int runtime_hooks(struct launch *l, struct dv_err *e)
{
	const struct spec_hooks *h = l->spec.hooks;
	const char *text = json_text(l->arena, state_json(l->arena, &l->state, STATUS_CREATING, l->started.pid),
				     JSON_COMPACT);
	int r;

	if ((r = hooks_run("prestart", &h->prestart, text, &l->spec.annotations, e)) < 0 ||
	    (r = hooks_run("createRuntime", &h->create_runtime, text, &l->spec.annotations, e)) < 0)
		return r;
	return sync_send(l->sync[0], SYNC_HOOKS_DONE, 0, e);
}

static int pass_notify(struct launch *l, int their_fd, struct dv_err *e)
{
	int r = listener_pass(l->started.pidfd, their_fd, &l->filter,
			      state_json(l->arena, &l->state, STATUS_CREATING, l->started.pid), l->started.pid,
			      l->arena, e);

	return r < 0 ? r : sync_send(l->sync[0], SYNC_NOTIFY_DONE, 0, e);
}

bool launch_tells_exec(const struct launch *l)
{
	bool filter = l->opts->default_filter || l->linux_->seccomp;
	int64_t limit = 0;

	if (l->opts->wait_for_start || !json_i64(json_path(l->linux_->resources, "memory.limit"), &limit) || limit <= 0)
		return false;
	return !filter || (l->process && l->process->no_new_privs && !l->filter.has_notify);
}

/* Until it is ready, or has become the program: then the socket closes by exec. */
int launch_follow(struct launch *l, struct dv_err *e)
{
	struct sync_msg m = { 0 };
	bool ready_to_exec = false;
	int r;

	self_release();
	while ((r = sync_recv(l->sync[0], &m, e)) > 0) {
		if (m.kind == SYNC_READY)
			return 0;
		ready_to_exec |= m.kind == SYNC_EXEC;
		if (m.kind == SYNC_HOOKS)
			r = runtime_hooks(l, e);
		else if (m.kind == SYNC_NOTIFY)
			r = pass_notify(l, m.value, e);
		if (r < 0)
			return r;
	}
	if (r == 0 && launch_tells_exec(l) && !ready_to_exec)
		return dv_fail(e, DV_INTERNAL, "the container's process died");
	if (r < 0 && m.kind == SYNC_ERROR && m.value && l->opts->ret_no_program)
		*l->opts->ret_no_program = true;
	if (r == 0 && l->opts->wait_for_start)
		return dv_fail(e, DV_INTERNAL, "the container's process died before it was ready");
	return r;
}
