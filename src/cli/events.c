/* events.c - events: what happened, and what happens. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "base/str.h"
#include "cli/cli.h"
#include "engine/ctr.h"
#include "event/event.h"
#include "ui/template.h"

struct events_args {
	struct opt_strs filters;
	const char *since, *until, *format;
	bool no_trunc, stream;
};
#define A(member) offsetof(struct events_args, member)
static const struct opt opts[] = {
	{ .name = "filter", .letter = 'f', .kind = OPT_STRS, .arg = "KEY=VALUE", .offset = A(filters),
	  .help = "container, event, image, label, network, type, volume; several values of one key: any of them" },
	{ .name = "since", .kind = OPT_STR, .arg = "TIME", .offset = A(since), .help = "Also those from then on: a time, seconds since 1970, or 10m" },
	{ .name = "until", .kind = OPT_STR, .arg = "TIME", .offset = A(until), .help = "Stop then" },
	{ .name = "format", .kind = OPT_STR, .arg = "TEMPLATE", .offset = A(format), .help = "json, or a template such as '{{.Action}} {{.Actor.ID}}'" },
	{ .name = "no-trunc", .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = A(no_trunc), .help = "Nothing is cut anyway" },
	{ .name = "stream", .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = A(stream), .help = "The default" },
	{ 0 }
};

/* --- filters --- */

static const char *text_at(const struct json *ev, const char *path)
{
	const char *s = json_str(json_path(ev, path));

	return s ? s : "";
}

static bool is_type(const struct json *ev, const char *type)
{
	return streq(text_at(ev, "Type"), type);
}

static bool by_name(const struct json *ev, const char *type, const char *attribute, const char *value)
{
	if (is_type(ev, type) && *value && (str_starts(text_at(ev, "Actor.ID"), value) || streq(text_at(ev, "Actor.Attributes.name"), value)))
		return true;
	return attribute && streq(text_at(ev, attribute), value);
}

static bool match_container(const struct json *ev, const char *value)
{
	return by_name(ev, "container", "Actor.Attributes.container", value);
}

/* "exec_create" is for "exec_create: ls" too. */
static bool match_event(const struct json *ev, const char *value)
{
	const char *rest = str_after(text_at(ev, "Action"), value);

	return rest && (!*rest || *rest == ':');
}

static bool match_image(const struct json *ev, const char *value)
{
	const char *name = is_type(ev, "image") ? text_at(ev, "Actor.ID") : text_at(ev, "Actor.Attributes.image");
	const char *rest = str_after(name, value);

	return (rest && (!*rest || *rest == ':')) || (is_type(ev, "image") && streq(text_at(ev, "Actor.Attributes.name"), value));
}

static bool match_label(const struct json *ev, const char *value)
{
	const struct json *attributes = json_path(ev, "Actor.Attributes");
	const char *eq = strchr(value, '=');
	const struct json *v = eq ? json_getn(attributes, value, (size_t)(eq - value)) : json_get(attributes, value);

	return v && (!eq || (json_str(v) && streq(json_str(v), eq + 1)));
}

static bool match_network(const struct json *ev, const char *value) { return by_name(ev, "network", NULL, value); }
static bool match_volume(const struct json *ev, const char *value) { return by_name(ev, "volume", NULL, value); }
static bool match_type(const struct json *ev, const char *value) { return is_type(ev, value); }

/* Several labels must all be there; of other keys one value is enough. */
static const struct key {
	const char *name;
	bool (*match)(const struct json *ev, const char *value);
	bool all;
} keys[] = {
	{ "container", match_container, false }, { "event", match_event, false }, { "image", match_image, false },
	{ "label", match_label, true },          { "network", match_network, false }, { "type", match_type, false },
	{ "volume", match_volume, false },
};

static const struct key *key_of(const char *text, const char **ret_value)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *rest = str_after(text, keys[i].name);

		if (rest && *rest == '=') {
			*ret_value = rest + 1;
			return &keys[i];
		}
	}
	return NULL;
}

static bool matches(const struct opt_strs *filters, const struct json *ev)
{
	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		size_t asked = 0, hits = 0;

		for (size_t i = 0; i < filters->n; i++) {
			const char *value = "";

			if (key_of(filters->v[i], &value) != &keys[k])
				continue;
			asked++;
			hits += keys[k].match(ev, value);
		}
		if (asked && (keys[k].all ? hits != asked : !hits))
			return false;
	}
	return true;
}

static int check_filters(const struct opt_strs *filters, struct dv_err *e)
{
	const char *value;

	for (size_t i = 0; i < filters->n; i++)
		if (!key_of(filters->v[i], &value))
			return dv_fail(e, DV_INVALID, "invalid filter '%.100s'", filters->v[i]);
	return 0;
}

/* --- output --- */

struct view {
	struct verb_call *c;
	const struct events_args *x;
	struct template *t;
	int64_t since_ns, until_ns;     /* 0: none */
};

static const char *when(struct arena *a, int64_t ns)
{
	time_t t = (time_t)(ns / 1000000000);
	char text[32] = "", zone[8] = "";
	struct tm tm;

	if (!localtime_r(&t, &tm))
		return "";
	(void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)strftime(zone, sizeof zone, "%z", &tm);
	/* RFC 3339 wants a colon in the zone, or Z. */
	return tm.tm_gmtoff == 0 ? arena_printf(a, "%s.%09lldZ", text, (long long)(ns % 1000000000)) :
				   arena_printf(a, "%s.%09lld%.3s:%s", text, (long long)(ns % 1000000000), zone, zone + 3);
}

static int by_key(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static void print_text(struct arena *a, const struct json *ev, int64_t ns)
{
	const struct json *attributes = json_path(ev, "Actor.Attributes");
	size_t n = json_len(attributes);
	const char *separator = " (", **names = arena_array(a, const char *, n + 1);

	printf("%s %s %s %s", when(a, ns), text_at(ev, "Type"), text_at(ev, "Action"), text_at(ev, "Actor.ID"));
	for (size_t i = 0; i < n; i++)
		names[i] = json_key(attributes, i);
	if (n)
		qsort(names, n, sizeof *names, by_key);
	for (size_t i = 0; i < n; i++) {
		const char *value = json_str(json_get(attributes, names[i]));

		printf("%s%s=%s", separator, names[i], value ? value : "");
		separator = ", ";
	}
	printf("%s\n", *separator == ',' ? ")" : "");
}

static int print_one(struct view *v, struct arena *a, const struct json *ev, int64_t ns, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(EVENT_LINE_MAX * 4);
	int r = 0;

	if (v->t)
		r = template_run(v->t, ev, &b, e);
	else if (v->x->format)
		json_write(&b, ev, JSON_COMPACT);
	else
		print_text(a, ev, ns);
	if (r >= 0 && v->x->format)
		printf("%s\n", buf_cstr(&b));
	return r;
}

/* 1 when it lies behind --until. */
static int show(struct view *v, const char *text, struct dv_err *e)
{
	auto_arena struct arena a = { 0 };
	struct json *ev = NULL;
	int64_t ns = 0;

	arena_init(&a, 0);
	if (json_parse(&a, text, strlen(text), &ev, NULL) < 0 || !json_i64(json_get(ev, "timeNano"), &ns))
		return 0;
	if (v->until_ns && ns > v->until_ns)
		return 1;
	if (ns < v->since_ns || !matches(&v->x->filters, ev))
		return 0;
	return print_one(v, &a, ev, ns, e);
}

/* Everything that is there now. */
static int drain(struct view *v, struct event_reader *r, struct dv_err *e)
{
	const char *text;
	int rc;

	while ((rc = event_next(r, NULL, &text, e)) > 0)
		if ((rc = show(v, text, e)) != 0)
			return rc;
	(void)fflush(stdout);
	return rc;
}

static int64_t left_ms(const struct view *v)
{
	int64_t left = v->until_ns ? (v->until_ns - ctr_now_ns()) / 1000000 + 1 : -1;

	return v->until_ns && left < 0 ? 0 : left;
}

/* Until --until has come, or nobody reads us any more. */
static int follow(struct view *v, struct event_reader *r, struct dv_err *e)
{
	struct pollfd p[2] = { { .events = POLLIN }, { .fd = STDOUT_FILENO } };
	int rc = event_wait_fd(r, &p[0].fd, e);

	while (rc >= 0 && (rc = drain(v, r, e)) == 0) {
		int64_t left = left_ms(v);

		if (left == 0 || ferror(stdout))
			return 0;
		if (poll(p, 2, left > INT32_MAX ? INT32_MAX : (int)left) < 0 && errno != EINTR)
			return dv_fail_errno(e, errno, "wait for events");
		if (p[1].revents & (POLLERR | POLLHUP))
			return 0;
		event_wait_done(r);
	}
	return rc < 0 ? rc : 0;
}

static int parse_times(struct view *v, struct dv_err *e)
{
	int64_t now = ctr_now_ns();
	int r = 0;

	/* Without --since, from now on. */
	v->since_ns = v->x->until && !v->x->since ? 0 : now;
	if (v->x->since)
		r = cli_time_parse(v->x->since, &v->since_ns, e);
	if (r >= 0 && v->x->until)
		r = cli_time_parse(v->x->until, &v->until_ns, e);
	return r;
}

static int run(struct verb_call *c, struct dv_err *e)
{
	struct view v = { .c = c, .x = c->args };
	auto_event_reader struct event_reader *reader = NULL;
	auto_engine struct engine *g = NULL;
	int r;

	if ((r = check_filters(&v.x->filters, e)) < 0 || (r = parse_times(&v, e)) < 0)
		return r;
	if (v.x->format && !streq(v.x->format, "json") && !streq(v.x->format, "{{json .}}") &&
	    (r = template_parse(c->arena, v.x->format, 0, &v.t, e)) < 0)
		return r;
	if ((r = cli_engine(c, &g, e)) < 0 || (r = event_reader_new(engine_runfd(g), &reader, e)) < 0)
		return r;
	return follow(&v, reader, e);
}

static const char *const examples[] = {
	"davit events --filter type=container --filter event=die", "davit events --since 10m --until 0s --format json", NULL
};
const struct verb verb_events = {
	.name = "events", .summary = "Show what happens to containers, volumes, networks and images",
	.description = "Events are kept until the next boot, the last few thousand of them.", .examples = examples, .opts = opts,
	.args_size = sizeof(struct events_args), .run = run,
};
