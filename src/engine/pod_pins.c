/* pod_pins.c - namespaces that live without a process: made by a thread, held by mounts.
 *
 * Process ids are the exception: such a namespace lives as long as its first process, and ends with it. So a pod that
 * shares them has one, davit-monitor in a mode of its own (monitor/first.c), which reaps what the containers leave.
 */
#include <errno.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "engine/limit.h"
#include "engine/monitors.h"
#include "engine/network.h"
#include "engine/pod_pins.h"
#include "oci/cgroup.h"
#include "oci/mount.h"

#define CGROUP_GONE_MS 5000

enum { PIN_NET, PIN_IPC, PIN_UTS, PIN_PID, PINS };
static const struct pin {
	const char *name;
	unsigned share;
	int flag;
} pins[PINS] = {
	[PIN_NET] = { "net", POD_NET, 0 },              /* by net/netns.h */
	[PIN_IPC] = { "ipc", POD_IPC, CLONE_NEWIPC },
	[PIN_UTS] = { "uts", POD_UTS, CLONE_NEWUTS },
	[PIN_PID] = { "pid", POD_PID, CLONE_NEWPID },
};

/* --- names --- */

const char *pod_pin_path(struct engine *g, struct arena *a, const char *id, const char *name)
{
	return arena_printf(a, "%s/pods/%s/%s", engine_runroot(g), id, name);
}

const char *pod_cgroup(struct arena *a, const struct pod *p)
{
	const char *parent = p->q.cgroup_parent && *p->q.cgroup_parent ? p->q.cgroup_parent : "/davit";

	return arena_printf(a, "%s%s/%s", *parent == '/' ? "" : "/", parent, p->id);
}

bool pod_pins_net(struct arena *a, const struct pod *p)
{
	struct network_wish *w = NULL;

	return (p->share & POD_NET) && network_wish(a, &p->q, &w, NULL) >= 0 &&
	       (network_mode(w) == NETWORK_NONE || network_mode(w) == NETWORK_BRIDGED);
}

/* --- the thread --- */

struct making_ns {
	struct engine *g;
	const char *hostname;
	int flags, go;                  /* go: what the first process waits for */
	int fds[PINS];
	struct proc_id first;
	int r;
	struct dv_err err;
};

static int open_ns(struct making_ns *m, int which, const char *path)
{
	return m->flags & pins[which].flag ? file_open(AT_FDCWD, path, O_RDONLY, 0, &m->fds[which], &m->err) : 0;
}

static int make_ns(struct making_ns *m)
{
	char path[32];
	int r, sys = fault_hit("pod-ns");

	if (sys || unshare(m->flags) < 0)
		return dv_fail_errno(&m->err, sys ? sys : errno, "make the namespaces of a pod");
	if ((m->flags & CLONE_NEWUTS) && sethostname(m->hostname, strlen(m->hostname)) < 0)
		return dv_fail_errno(&m->err, errno, "host name of a pod");
	if ((r = open_ns(m, PIN_IPC, "/proc/thread-self/ns/ipc")) < 0 || (r = open_ns(m, PIN_UTS, "/proc/thread-self/ns/uts")) < 0 ||
	    !(m->flags & CLONE_NEWPID))
		return r;
	/* The thread itself stays where it was: its first child is the first process there. */
	if ((r = monitor_spawn_first(m->g, m->go, &m->first, &m->err)) < 0)
		return r;
	(void)snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)m->first.pid);
	return open_ns(m, PIN_PID, path);
}

static void *run(void *arg)
{
	struct making_ns *m = arg;

	m->r = make_ns(m);
	return NULL;
}

static int in_thread(struct making_ns *m, struct dv_err *e)
{
	pthread_t thread;
	int sys = pthread_create(&thread, NULL, run, m);

	if (sys)
		return dv_fail_errno(e, sys, "start a thread");
	(void)pthread_join(thread, NULL);
	if (m->r < 0 && e)
		*e = m->err;
	return m->r;
}

/* --- pins --- */

static int pin(int dir, const char *name, int ns, struct dv_err *e)
{
	auto_close int target = -1, mount = -1;
	int r;

	if ((r = file_open(dir, name, O_RDONLY | O_CREAT | O_NOFOLLOW, 0600, &target, e)) < 0 ||
	    (r = mount_clone(ns, "", false, false, &mount, e)) < 0)
		return dv_wrap(e, "pin the namespace of a pod");
	return mount_attach(mount, target, name, e);
}

static int pin_shm(const struct pod *p, int dir, struct dv_err *e)
{
	char size[32];
	const char *const data[] = { size, "mode=1777", NULL };
	auto_close int target = -1, mount = -1;
	int r;

	(void)snprintf(size, sizeof size, "size=%lld", (long long)limits_shm(&p->q));
	if (mkdirat(dir, "shm", 0700) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "shm of a pod");
	if ((r = file_open(dir, "shm", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &target, e)) < 0 ||
	    (r = mount_fresh("tmpfs", "shm", data, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, &mount, e)) < 0)
		return r;
	return mount_attach(mount, target, "shm", e);
}

/* The first process waits until the row knows it: one that nobody knows ends by itself. */
static int let_go(struct engine *g, struct pod *p, struct making_ns *m, int go, struct dv_err *e)
{
	int r;

	if (!m->first.pid)
		return 0;
	p->first = m->first;
	if ((r = pod_save(g, p, e)) < 0)
		return r;
	return fd_write_all(go, "g", 1, "first process of a pod", e);
}

static int pin_others(struct engine *g, struct pod *p, int dir, struct dv_err *e)
{
	struct making_ns m = { .g = g, .hostname = p->q.hostname ? p->q.hostname : p->name, .go = -1, .fds = { -1, -1, -1, -1 } };
	auto_close int theirs = -1, ours = -1;
	int pipe_fds[2], r = 0;

	for (size_t i = 0; i < PINS; i++)
		m.flags |= p->share & pins[i].share ? pins[i].flag : 0;
	if (!m.flags)
		return 0;
	if (m.flags & CLONE_NEWPID) {
		if ((r = fd_pipe(pipe_fds, e)) < 0)
			return r;
		m.go = theirs = pipe_fds[0];
		ours = pipe_fds[1];
	}
	r = in_thread(&m, e);
	for (size_t i = 0; i < PINS; i++) {
		if (r >= 0 && m.fds[i] >= 0)
			r = pin(dir, pins[i].name, m.fds[i], e);
		fd_close(&m.fds[i]);
	}
	return r < 0 ? r : let_go(g, p, &m, ours, e);
}

/* Without networks a namespace with lo only, as the runtime makes it for a container. */
static int pin_net(struct engine *g, struct arena *a, struct pod *p, int dir, struct dv_err *e)
{
	struct network_ready ready = { .netns = -1, .ports = -1 };    /* its containers' monitors hold the ports */
	struct network_wish *w = NULL;
	auto_close int route = -1;
	int r;

	if (!pod_pins_net(a, p))
		return 0;
	if ((r = network_wish(a, &p->q, &w, e)) < 0)
		return r;
	if (network_mode(w) == NETWORK_NONE) {
		struct netns_job *job = NULL;

		if ((r = netns_begin(&job, e)) >= 0)
			r = netns_take(job, &ready.netns, &route, e);
	} else {
		r = network_prepare(g, a, w, p->id, &ready, e);
	}
	if (r >= 0)
		r = pin(dir, pins[PIN_NET].name, ready.netns, e);
	network_ready_done(&ready);
	network_wish_done(w);
	return r;
}

/* --- cgroup --- */

static int open_cgroup(struct arena *a, const struct pod *p, bool of_first, struct cgroup **ret, struct dv_err *e)
{
	const char *path = pod_cgroup(a, p);
	const struct cgroup_spec spec = { .manager = CGROUP_FS, .id = p->id,
					  .path = of_first ? arena_printf(a, "%s/%s", path, p->id) : path };

	return cgroup_open(&spec, ret, e);
}

static int make_cgroup(struct arena *a, const struct pod *p, struct dv_err *e)
{
	struct run_config c = { 0 };
	struct json *limits = NULL;
	struct cgroup *cg = NULL;
	int r;

	if ((r = limits_check(&p->q, &c, e)) < 0 || (r = limits_resources(a, &p->q, &c, &limits, e)) < 0 ||
	    (r = open_cgroup(a, p, false, &cg, e)) < 0)
		return r;
	if ((r = cgroup_create(cg, e)) >= 0 && json_len(limits))
		r = cgroup_set(cg, limits, false, e);
	cgroup_close(cg);
	return r;
}

/* A cgroup with children has no processes of its own. */
static int move_first(struct arena *a, const struct pod *p, struct dv_err *e)
{
	struct cgroup *cg = NULL;
	int r;

	if (!p->first.pid)
		return 0;
	if ((r = open_cgroup(a, p, true, &cg, e)) < 0)
		return r;
	if ((r = cgroup_create(cg, e)) >= 0)
		r = cgroup_add(cg, p->first.pid, e);
	cgroup_close(cg);
	return r;
}

static int remove_cgroup(struct arena *a, const struct pod *p, struct dv_err *e)
{
	struct cgroup *cg = NULL;
	int r = open_cgroup(a, p, false, &cg, e);

	if (r < 0)
		return r;
	r = cgroup_destroy(cg, CGROUP_GONE_MS, e);
	cgroup_close(cg);
	return r;
}

/* --- all of it --- */

int pod_pin(struct engine *g, struct arena *a, struct pod *p, int dir, struct dv_err *e)
{
	int r;

	if ((r = make_cgroup(a, p, e)) < 0 || (r = pin_others(g, p, dir, e)) < 0 || (r = move_first(a, p, e)) < 0 ||
	    ((p->share & POD_IPC) && (r = pin_shm(p, dir, e)) < 0))
		return r;
	return pin_net(g, a, p, dir, e);
}

/* Killed, and gone: its cgroup is empty then. It may be our own child. */
static void end_first(struct pod *p)
{
	auto_close int fd = -1;

	if (!p->first.pid || proc_open(p->first.pid, &fd, NULL) < 0 || !proc_alive(&p->first))
		return;
	dv_ignore(proc_signal(fd, SIGKILL, NULL));
	while (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1) < 0 && errno == EINTR)
		;
	(void)waitpid(p->first.pid, NULL, WNOHANG);
}

static void unpin(const char *path, int dir, const char *name, int how)
{
	while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	(void)unlinkat(dir, name, how);
}

int pod_unpin(struct engine *g, struct arena *a, struct pod *p, int dir, struct dv_err *e)
{
	int r = network_release(g, a, p->id, false, e);

	if (r < 0)
		return r;
	end_first(p);
	p->first = (struct proc_id){ 0 };
	for (size_t i = 0; i < PINS; i++)
		unpin(pod_pin_path(g, a, p->id, pins[i].name), dir, pins[i].name, 0);
	unpin(pod_pin_path(g, a, p->id, "shm"), dir, "shm", AT_REMOVEDIR);
	return remove_cgroup(a, p, e);
}

static bool is_pinned(int dir, const char *name)
{
	auto_close int fd = -1;
	struct statfs st;

	return file_open(dir, name, O_RDONLY | O_NOFOLLOW, 0, &fd, NULL) >= 0 && fstatfs(fd, &st) == 0 &&
	       (unsigned long)st.f_type == NSFS_MAGIC;
}

int pod_pins_seen(struct engine *g, struct arena *a, const struct pod *p, int dir, struct dv_err *e)
{
	for (size_t i = 0; i < PINS; i++)
		if ((p->share & pins[i].share) && (i != PIN_NET || pod_pins_net(a, p)) && !is_pinned(dir, pins[i].name))
			return dv_fail(e, DV_CONFLICT, "pod %s: its %s namespace is not to be seen from here: it was started in another "
				       "mount namespace", p->name, pins[i].name);
	return 0;
}
