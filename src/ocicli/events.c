/* events.c - events: statistics at intervals, and out-of-memory kills as they happen. */
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/proc.h"
#include "base/str.h"
#include "ocicli/ocicli.h"

struct events_args {
	bool stats;
	const char *interval;
};
static const struct opt opts[] = {
	{ .name = "stats", .kind = OPT_BOOL, .offset = offsetof(struct events_args, stats),
	  .help = "Print the statistics once and return" },
	{ .name = "interval", .kind = OPT_STR, .arg = "DURATION", .offset = offsetof(struct events_args, interval),
	  .help = "Time between statistics (default 5s)" },
	{ 0 }
};

struct events {
	struct verb_call *call;
	struct container box;
	struct loop *loop;
	struct loop_source *timer;
	struct cgroup_oom *oom;
	uint64_t interval_ms;
	struct dv_err err;
};

static int emit(struct arena *a, const char *type, const char *id, struct json *data, struct dv_err *e)
{
	return oci_print(a, json_obj(a, "type", json_new_str(a, type), "id", json_new_str(a, id), "data", data, NULL),
			 JSON_COMPACT, e);
}

static int emit_stats(struct events *v, struct dv_err *e)
{
	auto_arena struct arena a;
	struct json *data;
	int r;

	arena_init(&a, 0);
	r = cgroup_stats(v->box.cgroup, &a, &data, e);
	return r < 0 ? r : emit(&a, "stats", v->box.state.id, data, e);
}

static void on_timer(void *ctx)
{
	struct events *v = ctx;

	if (emit_stats(v, &v->err) < 0)
		loop_stop(v->loop, -(int)v->err.kind);
	else
		loop_arm(v->timer, v->interval_ms);
}

static void on_oom(void *ctx, int fd, uint32_t events)
{
	struct events *v = ctx;
	auto_arena struct arena a;
	uint64_t kills;

	arena_init(&a, 0);
	if (cgroup_oom_read(v->oom, &kills, NULL) < 0)
		return;
	for (; kills; kills--)
		if (emit(&a, "oom", v->box.state.id, NULL, &v->err) < 0)
			loop_stop(v->loop, -(int)v->err.kind);
}

static void on_end(void *ctx, int pidfd)
{
	struct events *v = ctx;

	loop_stop(v->loop, 0);
}

/* "5s", "500ms", "1m"; runc takes Go durations. */
static int parse_interval(const char *text, uint64_t *ret_ms, struct dv_err *e)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
	struct scan s = scan_of(text, strlen(text));
	uint64_t n;

	if (scan_u64(&s, &n) && n > 0 && n < 1000000)
		for (size_t i = 0; i < ARRAY_LEN(units); i++)
			if (streq(s.p, units[i].unit)) {
				*ret_ms = n * units[i].ms;
				return 0;
			}
	return dv_fail(e, DV_INVALID, "--interval: \"%s\" is not a duration greater than 0 such as 5s", text);
}

static int follow(struct events *v, struct dv_err *e)
{
	struct loop_source *source;
	int pidfd, code, r;

	if ((r = proc_open(v->box.state.init.pid, &pidfd, e)) < 0)
		return r;
	if ((r = loop_new(&v->loop, e)) >= 0 &&
	    (r = loop_add_pidfd(v->loop, pidfd, on_end, v, &source, e)) >= 0) {
		v->timer = loop_add_timer(v->loop, on_timer, v);
		loop_arm(v->timer, v->interval_ms);
		if (cgroup_oom_open(v->box.cgroup, &v->oom, NULL) >= 0)
			r = loop_add_fd(v->loop, cgroup_oom_fd(v->oom), EPOLLIN, on_oom, v, &source, e);
		code = r < 0 ? r : loop_run(v->loop, e);
		if (r >= 0 && code < 0) {
			*e = v->err;
			r = code;
		}
	}
	loop_free(v->loop);
	if (v->oom)
		cgroup_oom_close(v->oom);
	(void)close(pidfd);
	return r;
}

static int run(struct verb_call *c, struct dv_err *e)
{
	const struct events_args *a = c->args;
	struct events v = { .call = c, .box = CONTAINER_NONE, .interval_ms = 5000 };
	int r;

	if (a->interval && (r = parse_interval(a->interval, &v.interval_ms, e)) < 0)
		return r;
	if ((r = oci_open(c, false, &v.box, e)) < 0)
		return r;
	if (v.box.status == STATUS_STOPPED)
		r = dv_fail(e, DV_CONFLICT, "container with id %s is not running", v.box.state.id);
	else
		r = a->stats ? emit_stats(&v, e) : follow(&v, e);
	container_close(&v.box);
	return r;
}

static const char *const examples[] = { "davit-oci events --stats web", NULL };
const struct verb verb_events = {
	.name = "events", .operands = "CONTAINER", .operands_min = 1, .operands_max = 1,
	.summary = "Print statistics and out-of-memory events as JSON lines", .examples = examples, .opts = opts,
	.args_size = sizeof(struct events_args), .run = run,
};
