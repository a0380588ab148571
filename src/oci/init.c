/* init.c - the container's first process, from its birth in new namespaces to exec.
 *
 * It starts as a copy of the runtime with everything decoded and opened. Every step may fail
 * with a message to the runtime; after exec the closed socket says that all went well.
 */
#include <errno.h>
#include <grp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/defence.h"
#include "base/file.h"
#include "base/str.h"
#include "oci/hooks.h"
#include "oci/launch.h"
#include "oci/newnet.h"
#include "oci/process.h"
#include "oci/procfs.h"
#include "oci/rootfs.h"
#include "oci/scratch.h"
#include "oci/self.h"
#include "oci/sync.h"
#include "oci/sys.h"
#include "oci/tty.h"

/* --- namespaces --- */

#define MIDDLE_KINDS (1u << NS_USER | 1u << NS_PID | 1u << NS_TIME)

bool init_needs_middle(const struct launch *l)
{
	return l->ns.mode[NS_USER] == NS_JOIN || l->ns.mode[NS_PID] == NS_JOIN || l->ns.mode[NS_TIME] != NS_HOST;
}

/* Namespaces that the process makes itself, as root of its user namespace. The root of the message queues belongs to
 * whoever makes the ipc namespace; the network namespace, which takes long, is made while the runtime goes on. */
static int made_inside(const struct launch *l)
{
	int flags = 0;

	if (l->ns.mode[NS_USER] != NS_NEW)
		return 0;
	if (l->ns.mode[NS_IPC] == NS_NEW)
		flags |= ns_types[NS_IPC].flag;
	if (l->ns.mode[NS_NET] == NS_NEW && !json_len(l->linux_->net_devices))
		flags |= ns_types[NS_NET].flag;
	return flags;
}

uint64_t init_clone_flags(const struct launch *l)
{
	/* The cgroup namespace waits until the process is in its cgroup, time is made by the middle process. */
	int later = ns_types[NS_CGROUP].flag | ns_types[NS_TIME].flag | made_inside(l);

	if (l->net_aside)
		later |= ns_types[NS_NET].flag;
	return (uint64_t)(unsigned)ns_plan_flags(&l->ns, NS_NEW) & ~(uint64_t)(unsigned)later;
}

static int join(const struct launch *l, enum ns_kind kind, struct dv_err *e)
{
	if (l->ns.mode[kind] == NS_JOIN && setns(l->ns.fd[kind], ns_types[kind].flag) < 0)
		return dv_fail_errno(e, errno, "join the %s namespace", ns_types[kind].spec_name);
	return 0;
}

static int become_root(struct dv_err *e)
{
	if (sys_setresgid(0, 0, 0) < 0 || sys_setresuid(0, 0, 0) < 0)
		return dv_fail_errno(e, errno, "become root of the user namespace");
	return 0;
}

static int new_time(const struct launch *l, struct dv_err *e)
{
	int r;

	if (unshare(ns_types[NS_TIME].flag) < 0)
		return dv_fail_errno(e, errno, "make the time namespace");
	/* The files in /proc of what is not dumpable belong to the host's root. Nobody else is in here yet. */
	if (prctl(PR_SET_DUMPABLE, 1) < 0)
		return dv_fail_errno(e, errno, "open up the process");
	r = ns_time_offsets(l->linux_->time_offsets, e);
	return prctl(PR_SET_DUMPABLE, 0) < 0 && r >= 0 ? dv_fail_errno(e, errno, "close the process") : r;
}

static int middle_steps(struct launch *l, struct dv_err *e)
{
	int r, pidfd = -1;
	long pid;

	/* In a joined pid namespace others see the process from its birth. A user's own namespace is mapped
	 * through files of /proc that only the dumpable keep. */
	if (l->ns.mode[NS_USER] != NS_NEW && prctl(PR_SET_DUMPABLE, 0) < 0)
		return dv_fail_errno(e, errno, "hide the process");
	if ((r = join(l, NS_USER, e)) < 0 ||
	    (l->ns.mode[NS_USER] == NS_JOIN && (r = become_root(e)) < 0) || (r = join(l, NS_PID, e)) < 0 ||
	    (r = join(l, NS_TIME, e)) < 0)
		return r;
	if (l->ns.mode[NS_TIME] == NS_NEW && (r = new_time(l, e)) < 0) {
		/* A user gets the right only inside their user namespace: the first process does it itself. */
		if (e->sys != EPERM || l->ns.mode[NS_USER] != NS_NEW)
			return r;
	} else if (l->ns.mode[NS_TIME] == NS_NEW) {
		l->ns.mode[NS_TIME] = NS_HOST;
	}
	pid = sys_clone3(init_clone_flags(l) | CLONE_PARENT, cgroup_clone_fd(l->cgroup), &pidfd);
	if (pid < 0 && cgroup_clone_fd(l->cgroup) >= 0)
		pid = sys_clone3(init_clone_flags(l) | CLONE_PARENT, -1, &pidfd);
	if (pid < 0)
		return dv_fail_errno(e, errno, "make the container's process");
	if (pid == 0)
		init_main(l);
	{
		struct sync_msg m = { .kind = SYNC_PID };

		return fd_send_msg(l->sync[1], &m, sizeof m, &pidfd, 1, e);
	}
}

void init_middle(struct launch *l)
{
	struct dv_err e = DV_ERR_NONE;
	int r = middle_steps(l, &e);

	if (r < 0)
		sync_send_error(l->sync[1], false, &e);
	_exit(r < 0);
}

static int join_rest(const struct launch *l, struct dv_err *e)
{
	for (int kind = 0; kind < NS_COUNT; kind++) {
		int r = MIDDLE_KINDS & 1u << kind ? 0 : join(l, kind, e);

		if (r < 0)
			return r;
	}
	return 0;
}

/* --- host names, loopback, sysctls --- */

static int set_names(const struct spec *s, struct dv_err *e)
{
	if (s->hostname && *s->hostname && sethostname(s->hostname, strlen(s->hostname)) < 0)
		return dv_fail_errno(e, errno, "set hostname \"%s\"", s->hostname);
	if (s->domainname && *s->domainname && setdomainname(s->domainname, strlen(s->domainname)) < 0)
		return dv_fail_errno(e, errno, "set domainname \"%s\"", s->domainname);
	return 0;
}

static int loopback_up(struct dv_err *e)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	auto_scratch int fd = -1;
	int r = fd_socket(AF_INET, SOCK_DGRAM, 0, &fd, e);

	if (r < 0)
		return r;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return dv_fail_errno(e, errno, "bring up the loopback interface");
	return 0;
}

/* A sysctl of a namespace the container shares with the host would change the host. */
static int check_sysctl(const struct launch *l, const char *name, struct dv_err *e)
{
	static const struct {
		const char *prefix;
		enum ns_kind kind;
	} rows[] = {
		{ "net.", NS_NET },          { "fs.mqueue.", NS_IPC },      { "kernel.msgmax", NS_IPC },
		{ "kernel.msgmnb", NS_IPC }, { "kernel.msgmni", NS_IPC },   { "kernel.sem", NS_IPC },
		{ "kernel.shm", NS_IPC },    { "kernel.msg_next_id", NS_IPC }, { "kernel.sem_next_id", NS_IPC },
		{ "kernel.domainname", NS_UTS }, { "kernel.hostname", NS_UTS }, { "user.", NS_USER },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (str_starts(name, rows[i].prefix)) {
			if (l->ns.mode[rows[i].kind] != NS_HOST)
				return 0;
			return dv_fail(e, DV_INVALID, "sysctl %s is not allowed in the host's %s namespace", name,
				       ns_types[rows[i].kind].spec_name);
		}
	return dv_fail(e, DV_INVALID, "sysctl %s is not in a separate kernel namespace", name);
}

static int set_sysctls(const struct launch *l, struct dv_err *e)
{
	const struct view_map *m = &l->linux_->sysctl;

	for (size_t i = 0; i < m->n; i++) {
		char *path = arena_printf(l->arena, "sys/%s", m->keys[i]);
		char *dotted = arena_str(l->arena, m->keys[i]);
		/* Both spellings: with a slash in it, dots belong to names (an interface "eth0.1"). */
		bool slashes = strchr(dotted, '/');
		int r;

		if (defence_on("sysctl-path") && spec_path_climbs(path))
			return dv_fail(e, DV_INVALID, "sysctl %s has \"..\" in it", m->keys[i]);
		for (char *p = path; !slashes && *p; p++)
			if (*p == '.')
				*p = '/';
		for (char *p = dotted; slashes && *p; p++)
			if (*p == '/')
				*p = '.';
		if ((r = check_sysctl(l, dotted, e)) < 0 ||
		    (r = procfs_write(l->proc_fd, path, m->values[i], e)) < 0)
			return dv_wrap(e, "sysctl");
	}
	return 0;
}

/* --- the root --- */

/* Into the cgroups, when the runtime has made them beside us. */
static int join_late(struct launch *l, struct dv_err *e)
{
	int fds[2 * CGROUP_TREES_MAX + 1], *next = fds, r;
	struct cgroup_joint j = { 0 };
	struct sync_msg m;

	if (!l->joins_late)
		return 0;
	l->joins_late = false;
	if ((r = launch_compile_filter(l, e)) < 0 || (r = sync_expect_fds(l->sync[1], SYNC_CGROUP, &m, fds, ARRAY_LEN(fds), e)) < 0)
		return r;
	j.opened = m.value;
	j.made = m.more;
	for (unsigned left = (unsigned)j.opened; left; left &= left - 1)
		j.fds[j.n++] = *next++;
	cgroup_take_joint(l->cgroup, &j);
	if (l->opts->wait_for_start)
		l->listen_fd = *next++;
	if (launch_has_cgroup_mount(&l->spec) &&
	    (r = mount_cgroups_take(&l->mounts, next, (size_t)__builtin_popcount((unsigned)j.made), e)) < 0)
		return r;
	return cgroup_join_self(l->cgroup, e);
}

static int join_net(struct launch *l, struct dv_err *e)
{
	if (!l->net_aside)
		return 0;
	l->net_aside = false;
	return newnet_join(l->sync[1], e);
}

/* Whose file systems have nothing to do with the network: until another one comes, its namespace need not be there. */
static bool has_no_net(const struct spec_mount *m)
{
	static const char *const types[] = { "proc", "tmpfs", "devpts", "mqueue", "bind", NULL };

	for (const char *const *t = types; m->type && *t; t++)
		if (streq(m->type, *t))
			return true;
	return false;
}

/* The cgroups themselves; and what is copied into a file system in memory counts as the container's. */
static bool wants_cgroup(const struct spec_mount *m)
{
	struct mount_opts o;

	if (m->type && (streq(m->type, "cgroup") || streq(m->type, "cgroup2")))
		return true;
	return mount_opts_parse(m->options, &o, NULL) >= 0 && o.tmpcopyup;
}

static int do_mounts(struct launch *l, struct dv_err *e)
{
	for (size_t i = 0; i < l->spec.mounts.n; i++) {
		const struct spec_mount *m = view_at(&l->spec.mounts, struct spec_mount, i);
		int r = has_no_net(m) ? 0 : join_net(l, e);

		if (r >= 0 && l->joins_late && wants_cgroup(m) && (r = join_net(l, e)) >= 0)
			r = join_late(l, e);
		if (r >= 0)
			r = mount_one(&l->mounts, m, l->source_fds[i], e);

		if (r < 0)
			return r;
		fd_close(&l->source_fds[i]);
	}
	return join_net(l, e);
}

static int make_terminal(struct launch *l, int *ret_slave, struct dv_err *e)
{
	auto_close int master = -1;
	int r;

	if (!l->process || !l->process->terminal)
		return 0;
	r = tty_open(l->mounts.root_fd, l->process->console_height.v, l->process->console_width.v, &master,
		     ret_slave, e);
	if (r < 0 || (r = tty_bind_console(l->mounts.root_fd, *ret_slave, e)) < 0)
		return r;
	return l->console_fd >= 0 ? tty_send(l->console_fd, master, e) : 0;
}

/* prestart and createRuntime run outside, createContainer here: in that order, before the root changes,
 * and after the runtime is done with the process: it waits for their messages then. */
static int create_hooks(struct launch *l, struct dv_err *e)
{
	const struct spec_hooks *h = l->spec.hooks;
	pid_t pid;
	int r;

	if (!h)
		return 0;
	if (h->prestart.n || h->create_runtime.n)
		if ((r = sync_send(l->sync[1], SYNC_HOOKS, 0, e)) < 0 ||
		    (r = sync_expect(l->sync[1], SYNC_HOOKS_DONE, e)) < 0)
			return r;
	if (!h->create_container.n)
		return 0;
	if ((r = procfs_self(l->proc_fd, &pid, e)) < 0)
		return r;
	return hooks_run("createContainer", &h->create_container,
			 json_text(l->arena, state_json(l->arena, &l->state, STATUS_CREATING, pid), JSON_COMPACT),
			 &l->spec.annotations, e);
}

static int wait_for_go(struct launch *l, struct dv_err *e)
{
	int ignored, r;

	if ((r = launch_compile_filter(l, e)) < 0 || (r = join_late(l, e)) < 0 ||
	    (r = sync_expect_value(l->sync[1], SYNC_GO, &ignored, e)) < 0)
		return r;
	process_unignore((unsigned)ignored);
	if (l->ns.mode[NS_CGROUP] == NS_NEW && unshare(ns_types[NS_CGROUP].flag) < 0)
		return dv_fail_errno(e, errno, "make the cgroup namespace");
	return 0;
}

/* Without a mount namespace of its own the container only gets another root directory. */
static int only_chroot(struct launch *l, struct dv_err *e)
{
	int r;

	if ((r = join_net(l, e)) < 0 || (r = wait_for_go(l, e)) < 0 || (r = create_hooks(l, e)) < 0)
		return r;
	if (chroot(l->rootfs) < 0 || chdir("/") < 0)
		return dv_fail_errno(e, errno, "chroot to %s", l->rootfs);
	return 0;
}

/* Without the defence: what runtimes did to a stdin that is the null device, by its name in the root. */
static int reopen_null(int root_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	int r = file_open(root_fd, "dev/null", O_RDWR | O_NOCTTY, 0, &fd, e);

	return r >= 0 && dup2(fd, 0) < 0 ? dv_fail_errno(e, errno, "reopen stdin") : r;
}

static int make_root(struct launch *l, int *ret_slave, struct dv_err *e)
{
	auto_scratch int null_fd = -1;
	bool bind = l->ns.mode[NS_USER] != NS_HOST || l->rootless;
	int r;

	if (l->linux_->masked_paths && (r = rootfs_host_null(&null_fd, e)) < 0)
		return r;
	if ((r = rootfs_enter(l->rootfs, l->linux_->propagation, &l->root_tree, e)) < 0)
		return r;
	l->mounts.root_fd = l->root_tree;
	if ((r = do_mounts(l, e)) < 0 || (r = rootfs_devices(l->root_tree, &l->spec, bind, e)) < 0 ||
	    (!defence_on("stdio") && (r = reopen_null(l->root_tree, e)) < 0) ||
	    (r = make_terminal(l, ret_slave, e)) < 0 ||
	    (l->spec.hooks && ((r = wait_for_go(l, e)) < 0 || (r = create_hooks(l, e)) < 0)) ||
	    (r = rootfs_masks(l->root_tree, l->linux_, null_fd, e)) < 0 ||
	    (r = rootfs_pivot(l->root_tree, l->linux_->propagation, l->opts->no_pivot, e)) < 0)
		return r;
	/* Last: pivot_root refuses a shared root. */
	if ((r = rootfs_finish(l->root_tree, &l->spec, e)) < 0)
		return r;
	/* Hooks see the root as it is before; without them the runtime has all this time for its own work. */
	return l->spec.hooks ? 0 : wait_for_go(l, e);
}

/* --- waiting for start --- */

/* status commands connect and leave again: only a message starts. */
static int wait_for_start(struct launch *l, int *ret_conn, struct dv_err *e)
{
	for (;;) {
		auto_close int conn = -1;
		struct sync_msg m;
		int r = fd_accept(l->listen_fd, &conn, e);

		if (r < 0)
			return r;
		r = sync_recv(conn, &m, e);
		if (r > 0 && m.kind == SYNC_START) {
			*ret_conn = take_fd(&conn);
			return 0;
		}
	}
}

static int start_hooks(struct launch *l, struct dv_err *e)
{
	const struct spec_hooks *h = l->spec.hooks;

	if (!h || !h->start_container.n)
		return 0;
	return hooks_run("startContainer", &h->start_container,
			 json_text(l->arena, state_json(l->arena, &l->state, STATUS_CREATED, getpid()), JSON_COMPACT),
			 &l->spec.annotations, e);
}

/* --- all of it --- */

static int on_notify(void *ctx, int notify_fd, struct dv_err *e)
{
	struct launch *l = ctx;
	int r = sync_send(l->sync[1], SYNC_NOTIFY, notify_fd, e);

	return r < 0 ? r : sync_expect(l->sync[1], SYNC_NOTIFY_DONE, e);
}

static int first_steps(struct launch *l, struct dv_err *e)
{
	int r = 0;

	/* A runtime that dies before the next call is the end of this file then, not a wait without end. */
	fd_close(&l->sync[0]);
	self_release();
	if (l->joins_itself && !l->joins_late && (r = cgroup_join_self(l->cgroup, e)) < 0)
		return r;
	/* The runtime may die at any moment before the container exists as such. */
	if (l->ns.mode[NS_USER] == NS_NEW &&
	    (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || (r = sync_expect(l->sync[1], SYNC_MAPPED, e)) < 0 ||
	     (r = become_root(e)) < 0))
		return r;
	if (made_inside(l) && unshare(made_inside(l)) < 0)
		return dv_fail_errno(e, errno, "make namespaces inside the user namespace");
	/* Becoming root of a user namespace has cleared it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return dv_fail_errno(e, errno, "tie the process to the runtime");
	if (l->ns.mode[NS_TIME] == NS_NEW && (r = new_time(l, e)) < 0)
		return r;
	if ((r = join_rest(l, e)) < 0)
		return r;
	(void)setsid();
	if ((r = set_names(&l->spec, e)) < 0)
		return r;
	return l->ns.mode[NS_NET] == NS_NEW && !l->net_aside ? loopback_up(e) : 0;
}

static int become(struct launch *l, struct process *p, struct dv_err *e)
{
	static const struct spec_process idle = { .cwd = "/" };
	const char *const *extra = l->extra_env;

	*p = (struct process){ .spec = l->process ? l->process : &idle, .proc_fd = l->proc_fd,
			       .filter = l->has_filter ? &l->filter : NULL, .on_notify = on_notify, .ctx = l,
			       .personality = l->linux_->personality, .memory_policy = l->linux_->memory_policy,
			       .rootless = l->rootless, .make_cwd = true, .preserve_fds = l->opts->preserve_fds,
			       .extra_env = extra, .arena = l->arena, .keep = { l->sync[1], l->listen_fd } };
	if (!l->opts->no_new_keyring)
		p->keyring = arena_printf(l->arena, "_ses.%s", l->opts->id);
	p->exec_follows = !l->opts->wait_for_start && !(l->spec.hooks && ((struct spec_hooks *)l->spec.hooks)->start_container.n);
	if (p->spec->args)
		return process_become(p, e);
	if (!l->opts->wait_for_start)
		return dv_fail(e, DV_INVALID, "process.args: is missing");
	/* It only waits; the lock, shared with the runtime, must not wait with it. */
	fd_close(&l->dir_fd);
	return 0;
}

static int run(struct launch *l, struct process *p, struct dv_err *e)
{
	auto_close int slave = -1, conn = -1;
	int r;

	if ((r = first_steps(l, e)) < 0)
		return r;
	if (l->ns.mode[NS_MNT] == NS_HOST) {
		if ((r = only_chroot(l, e)) < 0)
			return r;
	} else if ((r = make_root(l, &slave, e)) < 0) {
		return r;
	}
	if ((r = set_sysctls(l, e)) < 0 || (slave >= 0 && (r = tty_adopt(slave, e)) < 0))
		return r;
	slave = -1;
	if ((r = become(l, p, e)) < 0)
		return r;
	/* Other ids clear it, and from here on the death of the runtime is nothing to die of. */
	(void)prctl(PR_SET_PDEATHSIG, 0);
	if (l->listen_fd >= 0) {
		if ((r = sync_send(l->sync[1], SYNC_READY, 0, e)) < 0)
			return r;
		fd_close(&l->sync[1]);
		if ((r = wait_for_start(l, &conn, e)) < 0)
			return r;
		l->sync[1] = take_fd(&conn);
	}
	if ((r = start_hooks(l, e)) < 0)
		return r;
	if (!p->spec->args)
		return dv_fail(e, DV_INVALID, "process.args: is missing");
	if (launch_tells_exec(l) && (r = sync_send(l->sync[1], SYNC_EXEC, 0, e)) < 0)
		return r;
	return process_exec(p, e);
}

void init_main(struct launch *l)
{
	struct dv_err e = DV_ERR_NONE;
	struct process p = { 0 };

	(void)run(l, &p, &e);
	sync_send_error(l->sync[1], p.no_program, &e);
	_exit(1);
}
