/* logs.c - logs: what containers wrote. */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "base/fd.h"
#include "base/str.h"
#include "cli/logs.h"
#include "engine/logs.h"

static const struct opt opts[] = {
	LOGS_OPTS('n')
	{ .name = "names", .kind = OPT_BOOL, .offset = LOGS_AT(names), .help = "Each line with the name of its container" },
	CLI_LATEST(LOGS_AT(latest)),
	{ 0 }
};

/* --- times --- */

/* "1h30m", "1.5h", "90s": so long ago. */
static bool parse_ago(const char *text, int64_t *ret_ns)
{
	static const struct { const char *unit; int64_t ns; } units[] = {
		{ "ms", 1000000 }, { "us", 1000 }, { "ns", 1 }, { "s", 1000000000 }, { "m", INT64_C(60000000000) },
		{ "h", INT64_C(3600000000000) },
	};
	struct scan s = scan_of(text, strlen(text));
	double sum = 0;

	while (s.p < s.end) {
		uint64_t whole = 0;
		double v, part = 1;
		size_t i;

		if (!scan_u64(&s, &whole))
			return false;
		v = (double)whole;
		if (scan_char(&s, '.'))
			for (; s.p < s.end && *s.p >= '0' && *s.p <= '9'; s.p++)
				v += (*s.p - '0') * (part /= 10);
		for (i = 0; i < ARRAY_LEN(units); i++)
			if ((size_t)(s.end - s.p) >= strlen(units[i].unit) && memcmp(s.p, units[i].unit, strlen(units[i].unit)) == 0)
				break;
		if (i == ARRAY_LEN(units))
			return false;
		s.p += strlen(units[i].unit);
		sum += v * (double)units[i].ns;
	}
	if (!*text || sum > 4e18)
		return false;
	*ret_ns = (int64_t)sum;
	return true;
}

/* "1700000000" and "1700000000.5" */
static bool parse_unix(const char *text, int64_t *ret_ns)
{
	struct scan s = scan_of(text, strlen(text));
	int64_t ns = 0, unit = 100000000;
	uint64_t seconds = 0;

	if (!scan_u64(&s, &seconds) || seconds > 9000000000u)
		return false;
	if (scan_char(&s, '.'))
		for (; s.p < s.end && *s.p >= '0' && *s.p <= '9'; s.p++, unit /= 10)
			ns += unit * (*s.p - '0');
	*ret_ns = (int64_t)seconds * 1000000000 + ns;
	return s.p == s.end;
}

static int parse_when(const char *flag, const char *text, int64_t *ret_ns, struct dv_err *e)
{
	int64_t ago;

	if (!text || parse_unix(text, ret_ns) || logs_time(text, ret_ns))
		return 0;
	/* A day, and a time without a zone. */
	if (strlen(text) == 10 || strlen(text) == 19) {
		auto_free char *whole = mem_printf("%s%s", text, strlen(text) == 10 ? "T00:00:00Z" : "Z");

		if (logs_time(whole, ret_ns))
			return 0;
	}
	if (!parse_ago(text, &ago))
		return dv_fail(e, DV_INVALID, "--%s: \"%.60s\" is no time", flag, text);
	*ret_ns = DV_MAX(ctr_now_ns() - ago, (int64_t)1);
	return 0;
}

static int parse_tail(const char *text, int64_t *ret, struct dv_err *e)
{
	*ret = -1;
	if (!text || streq(text, "all") || streq(text, "-1"))
		return 0;
	return str_i64(text, 0, INT64_MAX, "--tail", ret, e);
}

/* --- output --- */

struct shown {
	const struct logs_args *x;
	const char *name;       /* before each line, or NULL */
	bool middle[3];         /* of a line, by stream: its next piece has no head */
};

static void put_details(struct buf *b, const struct json *attrs)
{
	bool first = true;

	for (JSON_EACH(it, attrs)) {
		buf_printf(b, "%s%s=%s", first ? "" : ",", json_iter_key(it), json_str(it.value) ? json_str(it.value) : "");
		first = false;
	}
	buf_char(b, ' ');
}

static int show(void *ctx, const struct logs_line *l, struct dv_err *e)
{
	struct shown *s = ctx;
	auto_buf struct buf b = BUF_INIT(1 << 20);

	if (!s->middle[l->stream]) {
		if (s->name)
			buf_printf(&b, "%s ", s->name);
		if (s->x->timestamps)
			buf_printf(&b, "%s ", l->time);
		if (s->x->details)
			put_details(&b, l->attrs);
	}
	s->middle[l->stream] = !l->len || l->text[l->len - 1] != '\n';
	buf_add(&b, l->text, l->len);
	return fd_write_all(l->stream == 2 ? 2 : 1, b.p, b.len, "output", e);
}

static int one(struct verb_call *c, struct engine *g, struct logs_request q, const struct logs_ref *ref, struct dv_err *e)
{
	struct shown s = { .x = c->args, .name = ref->name };

	q.container = ref->container;
	return engine_logs(g, c->arena, &q, show, &s, e);
}

/* Each has a process of its own: they are followed at the same time. */
static int follow_all(struct verb_call *c, const struct logs_request *q, const struct logs_ref *v, size_t n, struct dv_err *e)
{
	int status = 0, one_status;

	for (size_t i = 0; i < n; i++) {
		struct engine *g = NULL;
		pid_t pid = fork();
		int r;

		if (pid < 0)
			return dv_fail_errno(e, errno, "fork");
		if (pid > 0)
			continue;
		r = cli_engine(c, &g, e);
		if (r >= 0)
			r = one(c, g, *q, &v[i], e);
		if (r < 0)
			cli_complain(c, e);
		_exit(r < 0);
	}
	while (wait(&one_status) > 0)
		status |= one_status != 0;
	return status;
}

int logs_show(struct verb_call *c, struct engine **g, const struct logs_ref *v, size_t n, struct dv_err *e)
{
	const struct logs_args *x = c->args;
	struct logs_request q = { .follow = x->follow };
	int r;

	if ((r = parse_when("since", x->since, &q.since_ns, e)) < 0 || (r = parse_when("until", x->until, &q.until_ns, e)) < 0 ||
	    (r = parse_tail(x->tail, &q.tail, e)) < 0)
		return r;
	if (x->follow && n > 1) {
		engine_close(take_ptr(g));
		return follow_all(c, &q, v, n, e);
	}
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = one(c, *g, q, &v[i], e);
	return r < 0 ? r : 0;
}

static int run(struct verb_call *c, struct dv_err *e)
{
	const struct logs_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct logs_ref *v;
	int r = cli_engine(c, &g, e);

	if (r < 0)
		return r;
	v = arena_array(c->arena, struct logs_ref, c->n_operands + 1);
	for (size_t i = 0; i < c->n_operands; i++)
		v[i] = (struct logs_ref){ c->operands[i], x->names ? c->operands[i] : NULL };
	return logs_show(c, &g, v, c->n_operands, e);
}

static const char *const examples[] = { "davit logs web", "davit logs -f -n 10 web", "davit logs --since 10m -t web db", NULL };
const struct verb verb_logs = {
	.name = "logs", .operands = "CONTAINER...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Show what containers wrote",
	.description = "What a container wrote to its standard output is shown on ours, and what it wrote to its standard error on "
		       "our standard error. Logs are rotated: the oldest lines are gone when they take more than --log-opt "
		       "max-size times max-file.",
	.examples = examples, .opts = opts, .args_size = sizeof(struct logs_args), .run = run,
};
