/* create_prepare.c - what a container is made of: its configuration, descriptors of the host, state and cgroup. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "oci/caps.h"
#include "oci/launch.h"
#include "oci/newnet.h"
#include "oci/notify.h"
#include "oci/process.h"
#include "oci/procfs.h"
#include "oci/rootfs.h"
#include "oci/seccomp_default.h"
#include "oci/sync.h"

/* --- gather --- */

/* Limits of the program that the process has from some moment on before it is the program. */
static bool limits_memory(const struct spec_process *p)
{
	for (size_t i = 0; p && i < p->rlimits.n; i++) {
		const char *type = view_at(&p->rlimits, struct spec_rlimit, i)->type;

		if (streq(type, "RLIMIT_AS") || streq(type, "RLIMIT_DATA"))
			return true;
	}
	return false;
}

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
	/* The process compiles its own while it waits for us, unless it is to be told of here, or may lack the memory. */
	l->filter_late = o->default_filter || l->linux_->seccomp;
	return json_get(l->linux_->seccomp, "listenerPath") || limits_memory(l->process) ? launch_compile_filter(l, e) : 0;
}

int launch_compile_filter(struct launch *l, struct dv_err *e)
{
	int r;

	if (!l->filter_late)
		return 0;
	l->filter_late = false;
	if (l->opts->default_filter)
		r = seccomp_default_compile(l->arena, *l->opts->default_filter, &l->filter, e);
	else
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

static bool is_rootless(const struct container_opts *o, uid_t uid)
{
	if (o->rootless >= 0)
		return o->rootless;
	return uid != 0 || ns_in_user_namespace();
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

int launch_gather(struct launch *l, struct dv_err *e)
{
	const struct container_opts *o = l->opts;
	const char *bundle = NULL, *root;
	uid_t uid = geteuid();
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
	l->rootless = is_rootless(o, uid);
	l->extra_env = o->listen_fds ? listen_env(l->arena, o->listen_fds) : NULL;
	l->state = (struct container_state){ .id = o->id, .bundle = bundle, .rootfs = l->rootfs,
					     .created = now_text(l->arena), .config = l->config,
					     .rootless = l->rootless,
					     .owner = uid == 0 ? "root" : arena_printf(l->arena, "%u", (unsigned)uid) };
	l->mounts = (struct mount_env){ .arena = l->arena, .root_fd = -1, .bundle = bundle,
					.label = l->linux_->mount_label, .linux_ = l->linux_ };
	return 0;
}

/* --- open what the process will need while the host is still all there is --- */

bool launch_has_cgroup_mount(const struct spec *s)
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

/* A user namespace owns the network namespaces that are made in it, a process in between has a socket full of its own
 * messages, and interfaces are given by way of the process: it must be in its namespace then. */
static void begin_net(struct launch *l)
{
	if (l->ns.mode[NS_NET] == NS_NEW && l->ns.mode[NS_USER] == NS_HOST && !init_needs_middle(l) &&
	    !json_len(l->linux_->net_devices))
		l->net_aside = newnet_begin(l->sync[0]);
}

int launch_open_host(struct launch *l, struct dv_err *e)
{
	int r;

	if ((r = ns_plan_open(l->linux_, &l->ns, e)) < 0 || (r = fd_socketpair(SOCK_SEQPACKET, l->sync, e)) < 0)
		return r;
	begin_net(l);
	if ((r = procfs_open(&l->proc_fd, e)) < 0 ||
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

void launch_warn(const struct cgroup *cg, size_t first)
{
	for (size_t i = first; cgroup_warning(cg, i); i++)
		log_warn(cgroup_warning(cg, i), NULL);
}

/* The directory and its lock, and in it what shall be: whatever kills us, `delete --force` finds all there is. */
static int make_state(struct launch *l, struct dv_err *e)
{
	const struct container_opts *o = l->opts;
	int r;

	if ((r = state_root_open(o->root, true, &l->root_fd, e)) < 0 ||
	    (r = state_make(l->root_fd, o->id, &l->dir_fd, e)) < 0 ||
	    (o->notify && (r = notify_bind(l->dir_fd, true, &l->started.notify_fd, e)) < 0))
		return r;
	l->state.cgroup = cgroup_to_json(l->cgroup, l->arena);
	return state_save(l->dir_fd, l->arena, &l->state, e);
}

static int make_cgroup(struct launch *l, struct dv_err *e)
{
	int r;

	if ((r = cgroup_create(l->cgroup, e)) < 0)
		return r;
	l->owns_cgroup = true;
	if ((r = cgroup_set(l->cgroup, l->linux_->resources, true, e)) < 0)
		return r;
	launch_warn(l->cgroup, 0);
	if (launch_has_cgroup_mount(&l->spec) && (r = mount_cgroups_open(&l->mounts, e)) < 0)
		return r;
	if (l->opts->wait_for_start)
		return fd_unix_listen(l->dir_fd, "start.sock", 4, &l->listen_fd, e);
	return 0;
}

/* On cgroup v1 the process enters by descriptors, at any time before it becomes the program: the directories and
 * limits, a third of the runtime's work, are made while it builds its root. On v2 it is born inside. One that has to be
 * put in by us is, and mounts of the cgroups that only the process has the right to make want the old order. */
static bool can_join_late(const struct launch *l)
{
	enum cgroup_layout layout = cgroup_layout(l->cgroup);

	return (layout == CGROUP_V1 || layout == CGROUP_HYBRID) && !init_needs_middle(l) &&
	       !(l->rootless && launch_has_cgroup_mount(&l->spec)) && !(l->process && l->process->scheduler);
}

/* The files to join by, the socket to be started by, and the mounts of type "cgroup". */
static int hand_late(struct launch *l, struct dv_err *e)
{
	struct sync_msg m = { .kind = SYNC_CGROUP };
	int fds[2 * CGROUP_TREES_MAX + 1];
	struct cgroup_joint j;
	size_t n;

	cgroup_joint(l->cgroup, &j);
	m.value = j.opened;
	m.more = j.made;
	memcpy(fds, j.fds, j.n * sizeof *fds);
	n = j.n;
	if (l->listen_fd >= 0)
		fds[n++] = l->listen_fd;
	for (size_t i = 0; i < l->mounts.n_cgroups; i++) {
		if (l->mounts.cgroup_fds[i] < 0)
			return dv_fail(e, DV_FORBIDDEN, "no right to mount cgroup %s", l->mounts.cgroups[i].name);
		fds[n++] = l->mounts.cgroup_fds[i];
	}
	newnet_wait();
	return sync_send_fds(l->sync[0], &m, fds, n, e);
}

int launch_make_state(struct launch *l, struct dv_err *e)
{
	struct cgroup_spec cs = { l->opts->cgroup_manager, l->linux_->cgroups_path, l->opts->id, l->rootless };
	int r = cgroup_open(&cs, &l->cgroup, e);

	if (r < 0)
		return r;
	l->mounts.cgroup = l->cgroup;
	l->joins_late = can_join_late(l);
	if (!l->joins_late)
		return (r = make_state(l, e)) < 0 ? r : make_cgroup(l, e);
	/* The v2 tree of a hybrid machine has one directory, and the notify socket is mounted. */
	if (cgroup_layout(l->cgroup) == CGROUP_V1 && !l->opts->notify)
		return 0;
	return (r = make_state(l, e)) < 0 ? r : cgroup_create_born(l->cgroup, e);
}

int launch_make_late(struct launch *l, struct dv_err *e)
{
	int r;

	if (!l->joins_late)
		return 0;
	if ((l->dir_fd < 0 && (r = make_state(l, e)) < 0) || (r = make_cgroup(l, e)) < 0 ||
	    (r = cgroup_prepare_join(l->cgroup, e)) < 0)
		return r;
	return hand_late(l, e);
}
