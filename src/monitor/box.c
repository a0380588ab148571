/* box.c - the container's process: made, adopted, signalled, and what it leaves. */
#include <errno.h>
#include <linux/ioctl.h>
#include <linux/types.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "base/deadline.h"
#include "base/file.h"
#include "base/str.h"
#include "monitor/inner.h"
#include "oci/mount.h"

/* --- what the OOM killer thinks of us --- */

void box_oom_score(struct monitor *m, bool protect)
{
	char text[16];

	if (m->oom_score == -1000)
		return;
	(void)snprintf(text, sizeof text, "%d", protect ? -1000 : m->oom_score);
	/* Only those may who have the right to. */
	dv_ignore(file_write(AT_FDCWD, "/proc/self/oom_score_adj", text, NULL));
}

/* --- start --- */

/* The namespace that the engine made, by our descriptor of it. */
static void join_network(struct monitor *m, struct arena *a, struct json *config)
{
	const struct json *list = json_path(config, "linux.namespaces");

	if (m->fds[JOB_NETNS] < 0)
		return;
	for (JSON_EACH(it, list)) {
		const char *type = json_str(json_get(it.value, "type"));

		if (type && streq(type, "network"))
			json_set(a, (struct json *)it.value, "path",
				 json_new_str(a, arena_printf(a, "/proc/self/fd/%d", m->fds[JOB_NETNS])));
	}
}

static int create(struct monitor *m, struct arena *a, int root, bool *ret_no_program, struct dv_err *e)
{
	const struct job *j = &m->job;
	uint64_t caps = j->caps.set ? j->caps.v : 0;
	struct container_opts o = { .root = j->oci_root, .id = j->id, .bundle = j->bundle, .config = m->config,
				    .console_fd = -1, .console_pair = true, .cgroup_manager = CGROUP_FS, .root_tree = root,
				    .keep = &m->box, .ret_no_program = ret_no_program };

	join_network(m, a, m->config);
	if (j->seccomp && streq(j->seccomp, "default"))
		o.default_filter = &caps;
	m->started = (struct container_started){ .pidfd = -1, .notify_fd = -1, .console_fd = -1 };
	return container_create(a, &o, &m->started, e);
}

/* The last start uses the mount up, so one that may come again gets a copy. */
static bool may_come_again(const struct monitor *m)
{
	const struct job_health *h = m->job.health;

	return m->policy.kind != POLICY_NO || (h && h->on_failure && streq(h->on_failure, "restart"));
}

static int root_for_start(struct monitor *m, int *ret, struct dv_err *e)
{
	if (!may_come_again(m)) {
		*ret = take_fd(&m->fds[JOB_ROOT_MOUNT]);
		return *ret < 0 ? dv_fail(e, DV_UNSUPPORTED, "the root is used up") : 0;
	}
	if (m->fds[JOB_ROOT_MOUNT] < 0)
		return dv_fail(e, DV_UNSUPPORTED, "no root to start from");
	if (mount_clone(m->fds[JOB_ROOT_MOUNT], "", true, false, ret, NULL) >= 0)
		return 0;
	/* A kernel that does not copy what is detached: this time it is the thing itself. */
	*ret = take_fd(&m->fds[JOB_ROOT_MOUNT]);
	return 0;
}

int box_start(struct monitor *m, bool *ret_no_program, struct dv_err *e)
{
	auto_close int root = -1;
	int r = root_for_start(m, &root, e);

	if (r < 0)
		return r;
	box_oom_score(m, false);
	if ((r = create(m, &m->box_arena, root, ret_no_program, e)) < 0)
		return r;
	m->began_ms = deadline_now_ms();
	m->rec.init = m->box.state.init;
	return 0;
}

void box_trim(struct monitor *m)
{
	container_close(&m->box);
	m->config = NULL;
	arena_done(&m->box_arena);
	arena_init(&m->box_arena, 0);
}

/* --- adoption --- */

int box_adopt(struct monitor *m, struct dv_err *e)
{
	auto_arena struct arena a = { 0 };
	auto_container struct container box = CONTAINER_NONE;
	int r;

	arena_init(&a, 0);
	if ((r = container_open(&a, m->job.oci_root, m->job.id, false, &box, e)) < 0)
		return r;
	m->rec.init = box.state.init;
	m->started = (struct container_started){ .pid = box.state.init.pid, .pidfd = -1, .notify_fd = -1, .console_fd = -1 };
	if ((r = proc_open(box.state.init.pid, &m->started.pidfd, e)) < 0)
		return r;
	if (!proc_alive(&box.state.init))
		return dv_fail(e, DV_NOT_FOUND, "container %s has ended", m->job.id);
	m->began_ms = deadline_now_ms();
	return 0;
}

/* --- signals --- */

void box_signal(struct monitor *m, int sig)
{
	if (m->lives && m->started.pidfd >= 0)
		dv_ignore(proc_signal(m->started.pidfd, sig, NULL));
}

static void on_kill(void *ctx)
{
	box_signal(ctx, SIGKILL);
}

void box_stop(struct monitor *m)
{
	const struct job *j = &m->job;

	box_signal(m, j->stop_signal.set ? (int)j->stop_signal.v : SIGTERM);
	if (!m->kill_timer)
		m->kill_timer = loop_add_timer(m->loop, on_kill, m);
	loop_arm(m->kill_timer, j->stop_ms.set && j->stop_ms.v >= 0 ? (uint64_t)j->stop_ms.v : 10000);
}

/* --- the end --- */

/* The container as it was made, or read again. */
static struct container *open_box(struct monitor *m)
{
	if (m->box.dir_fd < 0 && container_open(&m->box_arena, m->job.oci_root, m->job.id, false, &m->box, NULL) < 0)
		return NULL;
	return &m->box;
}

bool box_oom_killed(struct monitor *m)
{
	const struct container *box = open_box(m);
	auto_buf struct buf b = BUF_INIT(4096);
	const char *v1, *v2, *path, *hit;

	if (!box)
		return false;
	v1 = json_str(json_get(box->state.cgroup, "memory"));
	v2 = json_str(json_get(box->state.cgroup, ""));
	if (!v1 && !v2)
		return false;
	path = arena_printf(&m->box_arena, v1 ? "%s/memory.oom_control" : "%s/memory.events", v1 ? v1 : v2);
	if (file_read(AT_FDCWD, path, &b, NULL) < 0)
		return false;
	hit = strstr(buf_cstr(&b), "oom_kill ");
	return hit && !str_starts(hit, "oom_kill 0");
}

void box_delete(struct monitor *m)
{
	/* What stays is named by the state: the next command that settles the container tries again. */
	if (m->box.dir_fd >= 0) {
		m->box.status = STATUS_STOPPED;
		dv_ignore(container_delete_open(&m->box_arena, &m->box, true, NULL));
	} else {
		dv_ignore(container_delete(&m->box_arena, m->job.oci_root, m->job.id, true, NULL));
	}
	box_trim(m);
	fd_close(&m->started.pidfd);
}
