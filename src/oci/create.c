/* create.c - make a container: the runtime's side.
 *
 * The order is that of crash safety: the state names the cgroup before it is made, the process
 * dies with the runtime until the state knows it.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "oci/attrs.h"
#include "oci/caps.h"
#include "oci/hooks.h"
#include "oci/launch.h"
#include "oci/listener.h"
#include "oci/netdev.h"
#include "oci/notify.h"
#include "oci/process.h"
#include "oci/procfs.h"
#include "oci/rdt.h"
#include "oci/rootfs.h"
#include "oci/sync.h"
#include "oci/sys.h"

#define CLEANUP_MS 2000

/* --- gather --- */

static int load_config(struct launch *l, const char *bundle, struct dv_err *e)
{
	const struct container_opts *o = l->opts;
	struct cap_sets ignored;
	struct json *j = NULL;
	int r = 0;

	l->config = o->config;
	if (!l->config) {
		const char *path = o->config_file ? o->config_file : arena_printf(l->arena, "%s/config.json", bundle);

		r = json_parse_file(l->arena, AT_FDCWD, path, &j, e);
		l->config = j;
	}
	if (r < 0 || (r = spec_decode(l->arena, l->config, &l->spec, e)) < 0)
		return dv_wrap(e, "config");
	l->linux_ = l->spec.linux_;
	l->process = l->spec.process;
	if (l->process)
		cap_sets_of_spec(l->process->caps, true, &ignored);     /* the process has no log any more */
	if (o->filter) {
		l->filter = *o->filter;
		l->has_filter = true;
	}
	if (o->filter || !l->linux_->seccomp)
		return 0;
	r = seccomp_compile(l->arena, l->linux_->seccomp, &l->filter, e);
	if (r < 0)
		return dv_wrap(e, "config: linux.seccomp");
	l->has_filter = true;
	if (l->filter.has_notify && !l->filter.listener_path)
		return dv_fail(e, DV_INVALID, "config: linux.seccomp.listenerPath: is missing, SCMP_ACT_NOTIFY wants it");
	return 0;
}

static int absolute(struct arena *a, const char *path, const char **ret, struct dv_err *e)
{
	char cwd[PATH_MAX];

	if (*path == '/') {
		*ret = path;
		return 0;
	}
	if (!getcwd(cwd, sizeof cwd))
		return dv_fail_errno(e, errno, "working directory");
	*ret = streq(path, ".") || !*path ? arena_str(a, cwd) : arena_printf(a, "%s/%s", cwd, path);
	return 0;
}

/* Not the initial user namespace: its map does not cover all ids. */
static bool in_user_namespace(void)
{
	char text[4096];
	struct scan s;
	uint64_t inside, outside, n;
	ssize_t len = readlink("/proc/self/ns/user", text, sizeof text - 1);

	/* The first one has the same number on every kernel. */
	if (len == sizeof "user:[4026531837]" - 1 && memcmp(text, "user:[4026531837]", (size_t)len) == 0)
		return false;
	if (file_read_kernel(AT_FDCWD, "/proc/self/uid_map", text, sizeof text, NULL) < 0)
		return false;
	s = scan_of(text, strlen(text));
	scan_blanks(&s);
	if (!scan_u64(&s, &inside))
		return false;
	scan_blanks(&s);
	if (!scan_u64(&s, &outside))
		return false;
	scan_blanks(&s);
	return !scan_u64(&s, &n) || inside != 0 || outside != 0 || n != UINT32_MAX;
}

static bool is_rootless(const struct container_opts *o)
{
	if (o->rootless >= 0)
		return o->rootless;
	return geteuid() != 0 || in_user_namespace();
}

/* Days since 1970 as a date (proleptic Gregorian). gmtime_r would read the time zone files. */
static void civil_date(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day)
{
	int64_t era, z = days + 719468;
	unsigned day_of_era, year_of_era, day_of_year, m;

	era = (z >= 0 ? z : z - 146096) / 146097;
	day_of_era = (unsigned)(z - era * 146097);
	year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	m = (5 * day_of_year + 2) / 153;
	*ret_day = day_of_year - (153 * m + 2) / 5 + 1;
	*ret_month = m < 10 ? m + 3 : m - 9;
	*ret_year = (int64_t)year_of_era + era * 400 + (*ret_month <= 2);
}

static const char *now_text(struct arena *a)
{
	struct timespec ts;
	unsigned month, day, secs;
	int64_t year;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	civil_date(ts.tv_sec / 86400, &year, &month, &day);
	secs = (unsigned)(ts.tv_sec % 86400);
	return arena_printf(a, "%04" PRId64 "-%02u-%02uT%02u:%02u:%02u.%09ldZ", year, month, day, secs / 3600,
			    secs / 60 % 60, secs % 60, ts.tv_nsec);
}

static int check_terminal(const struct launch *l, struct dv_err *e)
{
	bool has_console = l->opts->console_socket || l->opts->console_fd >= 0 || l->opts->console_pair;
	bool terminal = l->process && l->process->terminal;

	if (terminal && !has_console && (l->opts->detached || l->opts->wait_for_start))
		return dv_fail(e, DV_INVALID, "cannot allocate tty if runc will detach without setting console socket");
	if (!terminal && (l->opts->console_socket || (l->opts->console_fd >= 0 && !l->opts->console_optional)))
		return dv_fail(e, DV_INVALID, "cannot use console socket if %s",
			       "runc will not detach or allocate tty");
	return 0;
}

/* The program in the container is process 1 there. */
static const char *const *listen_env(struct arena *a, unsigned n)
{
	const char **env = arena_array(a, const char *, 3);

	env[0] = arena_printf(a, "LISTEN_FDS=%u", n);
	env[1] = "LISTEN_PID=1";
	return env;
}

static int gather(struct launch *l, struct dv_err *e)
{
	const struct container_opts *o = l->opts;
	const char *bundle = NULL, *root;
	int r;

	if ((r = state_check_id(o->id, e)) < 0 || (r = absolute(l->arena, o->bundle ? o->bundle : ".", &bundle, e)) < 0 ||
	    (r = load_config(l, bundle, e)) < 0 || (r = check_terminal(l, e)) < 0 ||
	    (r = process_check_preserved(o->preserve_fds, e)) < 0)
		return r;
	root = ((const struct spec_root *)l->spec.root)->path;
	l->rootfs = *root == '/' ? root : arena_printf(l->arena, "%s/%s", bundle, root);
	if (o->notify) {
		const char *state = NULL;

		if ((r = absolute(l->arena, o->root, &state, e)) < 0)
			return r;
		notify_configure(l->arena, arena_printf(l->arena, "%s/%s", state, o->id), &l->spec);
	}
	l->rootless = is_rootless(o);
	l->extra_env = o->listen_fds ? listen_env(l->arena, o->listen_fds) : NULL;
	l->state = (struct container_state){ .id = o->id, .bundle = bundle, .rootfs = l->rootfs,
					     .created = now_text(l->arena), .config = l->config,
					     .rootless = l->rootless,
					     .owner = geteuid() == 0 ? "root" :
								       arena_printf(l->arena, "%u", (unsigned)geteuid()) };
	l->mounts = (struct mount_env){ .arena = l->arena, .root_fd = -1, .bundle = bundle,
					.label = l->linux_->mount_label, .linux_ = l->linux_ };
	return 0;
}

/* --- open what the process will need while the host is still all there is --- */

static bool has_cgroup_mount(const struct spec *s)
{
	for (size_t i = 0; i < s->mounts.n; i++) {
		const char *type = view_at(&s->mounts, struct spec_mount, i)->type;

		if (type && (streq(type, "cgroup") || streq(type, "cgroup2")))
			return true;
	}
	return false;
}

/* In a user namespace the process may lack the rights to the sources; without one it opens them itself. */
static int open_sources(struct launch *l, struct dv_err *e)
{
	l->source_fds = arena_array(l->arena, int, l->spec.mounts.n);
	for (size_t i = 0; i < l->spec.mounts.n; i++) {
		const struct spec_mount *m = view_at(&l->spec.mounts, struct spec_mount, i);
		struct mount_opts mo;
		int r = mount_opts_parse(m->options, &mo, e);

		l->source_fds[i] = -1;
		if (r < 0)
			return dv_wrap(e, "mount %s", m->destination);
		if (l->ns.mode[NS_USER] == NS_HOST && !mo.idmap && !m->uid_maps.n)
			continue;
		r = mount_source_open(&l->mounts, m, &l->source_fds[i], e);
		if (r < 0 && e->sys != EPERM)
			return r;
	}
	return 0;
}

static int check_rootfs(const struct launch *l, struct dv_err *e)
{
	struct stat st;

	if (l->opts->root_tree > 0)
		return 0;
	if (stat(l->rootfs, &st) < 0)
		return dv_fail_errno(e, errno, "rootfs %s", l->rootfs);
	if (!S_ISDIR(st.st_mode))
		return dv_fail(e, DV_INVALID, "rootfs %s is not a directory", l->rootfs);
	return 0;
}

static int open_host(struct launch *l, struct dv_err *e)
{
	int r;

	if ((r = ns_plan_open(l->linux_, &l->ns, e)) < 0 || (r = procfs_open(&l->proc_fd, e)) < 0 ||
	    (r = check_rootfs(l, e)) < 0 || (r = open_sources(l, e)) < 0)
		return r;
	if (l->opts->root_tree > 0)
		r = fd_dup(l->opts->root_tree, &l->root_tree, e);
	else if (l->ns.mode[NS_MNT] != NS_HOST)
		r = rootfs_open(l->rootfs, l->linux_->propagation, &l->root_tree, e);
	if (r < 0)
		return r;
	if (!l->process || !l->process->terminal)
		return 0;
	if (l->opts->console_pair && !l->opts->console_socket) {
		int pair[2];

		r = fd_socketpair(SOCK_STREAM, pair, e);
		l->console_fd = r < 0 ? -1 : pair[1];
		l->started.console_fd = r < 0 ? -1 : pair[0];
		return r;
	}
	if (l->opts->console_fd >= 0)
		return fd_dup(l->opts->console_fd, &l->console_fd, e);
	if (l->opts->console_socket && (r = fd_unix_connect(AT_FDCWD, l->opts->console_socket, &l->console_fd, e)) < 0)
		return dv_wrap(e, "console socket");
	return 0;
}

/* --- state and cgroup --- */

static void show_warnings(const struct cgroup *cg, size_t first)
{
	for (size_t i = first; cgroup_warning(cg, i); i++)
		log_warn(cgroup_warning(cg, i), NULL);
}

static int make_state(struct launch *l, struct dv_err *e)
{
	const struct container_opts *o = l->opts;
	struct cgroup_spec cs = { o->cgroup_manager, l->linux_->cgroups_path, o->id, l->rootless };
	int r;

	if ((r = cgroup_open(&cs, &l->cgroup, e)) < 0 ||
	    (r = state_root_open(o->root, true, &l->root_fd, e)) < 0 ||
	    (r = state_make(l->root_fd, o->id, &l->dir_fd, e)) < 0 ||
	    (o->notify && (r = notify_bind(l->dir_fd, true, &l->started.notify_fd, e)) < 0))
		return r;
	l->state.cgroup = cgroup_to_json(l->cgroup, l->arena);
	l->mounts.cgroup = l->cgroup;
	if ((r = state_save(l->dir_fd, l->arena, &l->state, e)) < 0 || (r = cgroup_create(l->cgroup, e)) < 0 ||
	    (r = cgroup_set(l->cgroup, l->linux_->resources, true, e)) < 0)
		return r;
	show_warnings(l->cgroup, 0);
	if (has_cgroup_mount(&l->spec) && (r = mount_cgroups_open(&l->mounts, e)) < 0)
		return r;
	if (o->wait_for_start)
		return fd_unix_listen(l->dir_fd, "start.sock", 4, &l->listen_fd, e);
	return 0;
}

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
	return l->joins_itself ? cgroup_prepare_join(l->cgroup, e) : 0;
}

static int spawn(struct launch *l, struct dv_err *e)
{
	long pid;
	int r;

	if ((r = fd_socketpair(SOCK_SEQPACKET, l->sync, e)) < 0 || (r = prepare_join(l, e)) < 0)
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
	return r;
}

static int from_outside(struct launch *l, struct dv_err *e)
{
	const struct spec_process *p = l->process;
	pid_t pid = l->started.pid;
	int r;

	if (!p)
		return 0;
	if ((r = attrs_rlimits(pid, &p->rlimits, e)) < 0 ||
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
	show_warnings(l->cgroup, known);
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

static int place(struct launch *l, struct dv_err *e)
{
	struct proc_id id;
	int r;

	if (l->ns.mode[NS_USER] == NS_NEW &&
	    ((r = ns_write_maps(l->started.pid, l->linux_, e)) < 0 ||
	     (r = sync_send(l->sync[0], SYNC_MAPPED, 0, e)) < 0))
		return r;
	if ((r = add_to_cgroup(l, e)) < 0 || (r = from_outside(l, e)) < 0 || (r = give_interfaces(l, e)) < 0 ||
	    (l->linux_->rdt && (r = rdt_apply(l->linux_->rdt, l->opts->id, l->started.pid, e)) < 0) ||
	    (r = proc_identify(l->started.pid, &id, e)) < 0 || (r = state_save_pid(l->dir_fd, &id, e)) < 0)
		return r;
	l->state.init = id;
	return sync_send(l->sync[0], SYNC_GO, 0, e);
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

/* Until it is ready, or has become the program: then the socket closes by exec. */
static int follow(struct launch *l, struct dv_err *e)
{
	struct sync_msg m = { 0 };
	int r;

	while ((r = sync_recv(l->sync[0], &m, e)) > 0) {
		if (m.kind == SYNC_READY)
			return 0;
		if (m.kind == SYNC_HOOKS)
			r = runtime_hooks(l, e);
		else if (m.kind == SYNC_NOTIFY)
			r = pass_notify(l, m.value, e);
		if (r < 0)
			return r;
	}
	if (r < 0 && m.kind == SYNC_ERROR && m.value && l->opts->ret_no_program)
		*l->opts->ret_no_program = true;
	if (r == 0 && l->opts->wait_for_start)
		return dv_fail(e, DV_INTERNAL, "the container's process died before it was ready");
	return r;
}

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

	if (l->started.pid <= 0 || (e->sys != EPIPE && e->sys != ECONNRESET && e->kind != DV_INTERNAL) ||
	    waitpid(l->started.pid, &status, WNOHANG) <= 0)
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
		if (l->cgroup) {
			dv_ignore(cgroup_kill(l->cgroup, SIGKILL, NULL));
			dv_ignore(cgroup_destroy(l->cgroup, CLEANUP_MS, NULL));
			cgroup_undo(l->cgroup);
		}
		dv_ignore(state_remove(l->root_fd, l->opts->id, NULL));
	}
	fd_close(&l->started.pidfd);
	fd_close(&l->started.notify_fd);
}

static void release(struct launch *l)
{
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

	if ((r = gather(l, e)) < 0 || (r = open_host(l, e)) < 0 || (r = make_state(l, e)) < 0 ||
	    (r = spawn(l, e)) < 0 || (r = place(l, e)) < 0 || (r = follow(l, e)) < 0 ||
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
