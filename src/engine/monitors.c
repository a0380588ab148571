/* monitors.c - spawn, job, questions. */
#include <errno.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/mman.h>

#include "base/defence.h"
#include "base/file.h"
#include "base/packet.h"
#include "base/str.h"
#include "engine/logopts.h"
#include "engine/monitors.h"
#include "oci/mount.h"
#include "monitor/job.h"

#define SOCK_IN_CHILD 3
#define PATH_SIZE (sizeof "containers/" + CTR_ID_SIZE + 16)

/* --- spawn --- */

int monitor_program(char **ret, struct dv_err *e)
{
	auto_free char *own = NULL;
	int r = proc_program(&own, e);
	const char *slash;

	if (r < 0)
		return r;
	slash = strrchr(own, '/');
	*ret = mem_printf("%.*s/davit-monitor", slash ? (int)(slash - own) : 1, slash ? own : ".");
	return 0;
}

/* /proc/self/fd/N of a read-only copy of the file's mount; where that cannot be had, the file. */
static const char *protect(char *path, int *ret_fd, char space[32])
{
	if (!defence_on("self-exe") || mount_clone(AT_FDCWD, path, false, false, ret_fd, NULL) < 0 ||
	    mount_set(*ret_fd, MOUNT_ATTR_RDONLY, 0, 0, -1, false, "program file", NULL) < 0)
		return path;
	(void)snprintf(space, 32, "/proc/self/fd/%d", *ret_fd);
	return space;
}

int monitor_spawn(struct engine *g, struct monitor_proc *ret, struct dv_err *e)
{
	auto_free char *path = NULL;
	auto_close int copy = -1, null = -1, ours = -1, theirs = -1;
	const char *argv[] = { "davit-monitor", "serve", NULL };
	char space[32];
	int pair[2], r;
	pid_t pid;

	if ((r = monitor_program(&path, e)) < 0 || (r = fd_socketpair(SOCK_SEQPACKET, pair, e)) < 0)
		return r;
	ours = pair[0];
	theirs = pair[1];
	if ((r = file_open(AT_FDCWD, "/dev/null", O_RDWR, 0, &null, e)) < 0)
		return r;
	{
		const struct proc_map fds[] = { { null, 0 }, { null, 1 }, { 2, 2 }, { theirs, SOCK_IN_CHILD } };
		const struct proc_spawn s = { .path = protect(path, &copy, space), .argv = (char *const *)argv, .fds = fds, .n_fds = ARRAY_LEN(fds),
					      .own_session = true };

		if ((r = proc_spawn(&s, &pid, NULL, e)) < 0)
			return dv_wrap(e, "start the container's monitor %s", path);
	}
	ret->sock = take_fd(&ours);
	return proc_identify(pid, &ret->id, e);
}

int monitor_spawn_first(struct engine *g, int go, struct proc_id *ret, struct dv_err *e)
{
	auto_free char *path = NULL;
	auto_close int copy = -1, null = -1;
	const char *argv[] = { "davit-monitor", "first", NULL };
	char space[32];
	pid_t pid;
	int r;

	if ((r = monitor_program(&path, e)) < 0 || (r = file_open(AT_FDCWD, "/dev/null", O_RDWR, 0, &null, e)) < 0)
		return r;
	{
		const struct proc_map fds[] = { { null, 0 }, { null, 1 }, { null, 2 }, { go, SOCK_IN_CHILD } };
		const struct proc_spawn s = { .path = protect(path, &copy, space), .argv = (char *const *)argv, .fds = fds, .n_fds = ARRAY_LEN(fds),
					      .own_session = true };

		if ((r = proc_spawn(&s, &pid, NULL, e)) < 0)
			return dv_wrap(e, "start the first process of a pod: %s", path);
	}
	return proc_identify(pid, ret, e);
}

/* --- the job --- */

static const char *seccomp_of(const struct monitor_job *j)
{
	const struct run_security *sec = &j->config->sec;

	return sec->unfiltered ? "none" : sec->seccomp ? "config" : "default";
}

static struct json *ms_of(struct arena *a, const struct json *ns)
{
	int64_t v = 0;

	return json_i64(ns, &v) && v > 0 ? json_new_i64(a, DV_MAX(v / 1000000, (int64_t)1)) : NULL;
}

static struct json *or_i64(struct arena *a, struct json *j, int64_t otherwise)
{
	return j ? j : json_new_i64(a, otherwise);
}

/* docker's Test: ["NONE"], ["CMD", ...] or ["CMD-SHELL", TEXT]. */
static struct json *health(struct arena *a, const struct run_request *q, const struct json *check)
{
	const struct json *test = json_get(check, "Test");
	const char *how = json_str(json_at(test, 0));
	struct json *argv = json_new_array(a);
	int64_t retries = 0;

	if (!how || json_len(test) < 2)
		return NULL;
	if (streq(how, "CMD-SHELL")) {
		json_append(a, argv, json_new_str(a, "/bin/sh"));
		json_append(a, argv, json_new_str(a, "-c"));
	}
	for (size_t i = 1; i < json_len(test); i++)
		json_append(a, argv, json_copy(a, json_at(test, i)));
	(void)json_i64(json_get(check, "Retries"), &retries);
	return json_obj(a, "test", argv, "intervalMs", or_i64(a, ms_of(a, json_get(check, "Interval")), 30000), "timeoutMs",
			or_i64(a, ms_of(a, json_get(check, "Timeout")), 30000), "startPeriodMs",
			ms_of(a, json_get(check, "StartPeriod")), "startIntervalMs", ms_of(a, json_get(check, "StartInterval")),
			"retries", json_new_i64(a, retries > 0 ? retries : 3), "onFailure",
			q->health_on_failure ? json_new_str(a, q->health_on_failure) : NULL, NULL);
}

/* A command line of ours for the monitor: a verb, an option or two, and what it is about. */
static struct json *command(struct engine *g, struct arena *a, const char *verb, const char *sub, const char *option, const char *id)
{
	auto_free char *own = NULL;
	const char *argv[10] = { NULL, "--root", engine_root(g), "--runroot", engine_runroot(g), verb };
	size_t n = 6;

	if (!id || proc_program(&own, NULL) < 0)
		return NULL;
	argv[0] = own;
	if (sub)
		argv[n++] = sub;
	argv[n++] = option;
	argv[n] = id;
	return json_new_strs(a, argv);
}

static int stop_signal_of(const struct run_config *c)
{
	int sig = 0;

	return c->stop_signal && *c->stop_signal && proc_parse_signal(c->stop_signal, &sig, NULL) >= 0 ? sig : 15;
}

static struct json *labels_of(struct arena *a, const struct monitor_job *j)
{
	const struct json *labels = json_path(j->config->inspect, "Config.Labels");

	return json_len(labels) ? json_copy(a, labels) : NULL;
}

static struct json *job_json(struct engine *g, struct arena *a, const struct monitor_job *j, struct json *log)
{
	const struct run_request *q = j->q;
	const struct ctr *c = j->row;

	return json_obj(a, "id", json_new_str(a, c->id), "name", json_new_str(a, c->name), "image",
			json_new_str(a, c->image_ref), "new", json_new_bool(a, c->status == CTR_CREATING), "labels", labels_of(a, j), "boot", json_new_str(a, engine_boot(g)), "ociRoot",
			json_new_str(a, engine_oci_root(g)), "bundle", json_new_str(a, engine_root(g)), "seccomp",
			json_new_str(a, seccomp_of(j)), "caps", json_new_u64(a, j->config->caps), "tty",
			json_new_bool(a, q->tty), "openStdin", json_new_bool(a, q->interactive), "stdinOnce",
			json_new_bool(a, q->interactive && !q->detach), "rm", json_new_bool(a, c->auto_remove), "adopt",
			json_new_bool(a, !j->oci), "userStopped", json_new_bool(a, c->user_stopped), "restart",
			q->restart ? json_new_str(a, q->restart) : NULL, "restarts", json_new_i64(a, c->restarts), "startedNs",
			!j->oci ? json_new_i64(a, c->started_ns) : NULL, "attach", json_new_u64(a, j->attach), "timeoutMs",
			q->timeout.set ? json_new_i64(a, q->timeout.v * 1000) : NULL, "stopSignal",
			json_new_i64(a, stop_signal_of(j->config)), "stopMs",
			json_new_i64(a, 1000 * (q->stop_timeout.set ? q->stop_timeout.v : 10)), "again", command(g, a, "start", NULL, "--again", c->id), "after",
			command(g, a, "pod", "stop", "--idle", j->pod_idle), "log", log, "health", health(a, q, json_path(j->config->inspect, "Config.Healthcheck")), NULL);
}

static int job_file(struct engine *g, struct arena *a, const struct monitor_job *j, int *ret_fd, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(JOB_BYTES_MAX);
	auto_close int fd = memfd_create("davit-job", MFD_CLOEXEC);
	struct json *log = NULL;
	int r;

	if (fd < 0)
		return dv_fail_errno(e, errno, "memory file");
	if ((r = logopts_parse(a, j->q, j->row, j->config, &log, e)) < 0)
		return r;
	json_write(&b, job_json(g, a, j, log), JSON_COMPACT);
	buf_char(&b, '\0');
	if (j->oci)
		json_write(&b, j->oci, JSON_COMPACT);
	if ((r = buf_check(&b, "the container's configuration", e)) < 0 || (r = fd_write_all(fd, b.p, b.len, "job", e)) < 0)
		return r;
	*ret_fd = take_fd(&fd);
	return 0;
}

static int send_job(struct engine *g, int sock, int text, const struct monitor_job *j, struct dv_err *e)
{
	auto_close int run_top = -1, root_top = -1;
	int fds[JOB_FDS], r;

	if ((r = file_open(engine_runfd(g), "containers", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &run_top, e)) < 0 ||
	    (r = file_open(engine_rootfd(g), "containers", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &root_top, e)) < 0)
		return r;
	fds[JOB_TEXT] = text;
	fds[JOB_LOCK] = j->lock;
	fds[JOB_RUN_TOP] = run_top;
	fds[JOB_ROOT_TOP] = root_top;
	fds[JOB_ROOT_MOUNT] = j->root;
	fds[JOB_NETNS] = j->netns;
	fds[JOB_PORTS] = j->ports;
	return msg_send_job(sock, fds, e);
}

int monitor_start(struct engine *g, struct arena *a, const struct monitor_proc *p, const struct monitor_job *j,
		  struct proc_id *ret_init, int *ret_status, struct dv_err *e)
{
	auto_close int text = -1;
	char space[MSG_MAX];
	struct msg m;
	int r;

	if ((r = job_file(g, a, j, &text, e)) < 0 || (r = send_job(g, p->sock, text, j, e)) < 0)
		return r;
	r = msg_recv(p->sock, space, &m, e);
	if (r <= 0)
		return r < 0 ? r : dv_fail(e, DV_INTERNAL, "the container's monitor died");
	if (m.type == MSG_FAILED) {
		*ret_status = (int)m.flags;
		return msg_failed(&m, e);
	}
	if (m.type != MSG_STARTED)
		return dv_fail(e, DV_INTERNAL, "the container's monitor does not say whether it started");
	*ret_init = (struct proc_id){ (pid_t)m.a, (uint64_t)m.b };
	return 0;
}

/* --- questions --- */

int monitor_connect(struct engine *g, const char *id, int *ret_sock, struct dv_err *e)
{
	auto_close int dir = -1;
	char name[PATH_SIZE];
	int r;

	(void)snprintf(name, sizeof name, "containers/%s", id);
	r = file_open(engine_runfd(g), name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &dir, e);
	return r < 0 ? r : packet_connect(dir, "attach", ret_sock, e);
}

int monitor_ask(struct engine *g, const char *id, const struct msg *question, struct msg *ret, char space[MSG_MAX],
		struct dv_err *e)
{
	auto_close int sock = -1;
	int r;

	if ((r = monitor_connect(g, id, &sock, e)) < 0 || (r = msg_send(sock, question, e)) < 0)
		return r;
	while ((r = msg_recv(sock, space, ret, e)) > 0)
		if (ret->type != MSG_EXITED)
			return 0;
	return r < 0 ? r : dv_fail(e, DV_UNAVAILABLE, "the container's monitor ended");
}

bool monitor_alive(struct engine *g, const char *id, struct record *ret, bool *ret_known)
{
	char name[PATH_SIZE];
	bool alive = false;
	int r;

	(void)snprintf(name, sizeof name, "containers/%s/" RECORD_LIVE, id);
	r = record_read(engine_runfd(g), name, ret, &alive, NULL);
	if (ret_known)
		*ret_known = r >= 0;
	return alive && r >= 0;
}

int monitor_end_record(struct engine *g, const char *id, struct record *ret, struct dv_err *e)
{
	char name[PATH_SIZE];

	(void)snprintf(name, sizeof name, "containers/%s/" RECORD_EXIT, id);
	return record_read(engine_rootfd(g), name, ret, NULL, e);
}
