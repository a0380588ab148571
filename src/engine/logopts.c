/* logopts.c - options of log drivers: a table. */
#include <stdio.h>

#include "base/str.h"
#include "engine/logopts.h"

#define SIZE_DEFAULT (INT64_C(10) << 20)
#define FILES_DEFAULT 3

struct opts {
	struct arena *a;
	const struct run_request *q;
	const struct ctr *row;
	const struct run_config *c;
	int64_t max_size, max_file;
	bool has_files;
	const char *tag;
	struct json *attrs;
};

typedef int on_option(struct opts *x, const char *value, struct dv_err *e);

static int on_max_size(struct opts *x, const char *value, struct dv_err *e)
{
	static const struct { char letter; int shift; } units[] = { { 'b', 0 }, { 'k', 10 }, { 'm', 20 }, { 'g', 30 } };
	struct scan s = scan_of(value, strlen(value));
	uint64_t n = 0;

	if (streq(value, "-1")) {
		x->max_size = 0;
		return 0;
	}
	if (!scan_u64(&s, &n) || n > (UINT64_C(1) << 33))
		return dv_fail(e, DV_INVALID, "invalid size: '%.64s'", value);
	for (size_t i = 0; s.p < s.end && i < ARRAY_LEN(units); i++)
		if ((*s.p | 0x20) == units[i].letter) {
			n <<= units[i].shift;
			s.p++;
			if (s.p < s.end && (*s.p | 0x20) == 'b')
				s.p++;
			break;
		}
	if (s.p != s.end || n == 0)
		return dv_fail(e, DV_INVALID, "invalid size: '%.64s'", value);
	x->max_size = (int64_t)n;
	return 0;
}

static int on_max_file(struct opts *x, const char *value, struct dv_err *e)
{
	struct scan s = scan_of(value, strlen(value));
	uint64_t n = 0;

	if (!scan_u64(&s, &n) || s.p != s.end || n < 1 || n > 1000)
		return dv_fail(e, DV_INVALID, "invalid value for option max-file: '%.64s'", value);
	x->max_file = (int64_t)n;
	x->has_files = true;
	return 0;
}

/* The words of docker's templates that mean something here. */
static const char *tag_word(const struct opts *x, const char *word, size_t len)
{
	const struct ctr *c = x->row;
	const struct {
		const char *word, *value;
	} words[] = {
		{ ".ID", arena_printf(x->a, "%.12s", c->id) },
		{ ".FullID", c->id },
		{ ".Name", c->name },
		{ ".ImageName", c->image_ref },
		{ ".ImageFullID", c->image },
		{ ".ImageID", arena_printf(x->a, "%.12s", strchr(c->image, ':') ? strchr(c->image, ':') + 1 : c->image) },
		{ ".DaemonName", "davit" },
	};

	while (len && *word == ' ') {
		word++;
		len--;
	}
	while (len && word[len - 1] == ' ')
		len--;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strlen(words[i].word) == len && memcmp(words[i].word, word, len) == 0)
			return words[i].value;
	return NULL;
}

static int on_tag(struct opts *x, const char *value, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(4096);

	if (!x->row)
		return 0;
	for (const char *p = value; *p;) {
		const char *end = p[0] == '{' && p[1] == '{' ? strstr(p, "}}") : NULL;
		const char *word = end ? tag_word(x, p + 2, (size_t)(end - p) - 2) : NULL;

		if (end && !word)
			return dv_fail(e, DV_INVALID, "failed to parse template: tag: %.100s", value);
		if (end) {
			buf_str(&b, word);
			p = end + 2;
		} else {
			buf_char(&b, *p++);
		}
	}
	x->tag = arena_str(x->a, buf_cstr(&b));
	return buf_check(&b, "--log-opt tag", e);
}

/* Names of labels of the container whose values every line carries. */
static int on_labels(struct opts *x, const char *value, struct dv_err *e)
{
	size_t n;
	char **names = str_split(x->a, value, ',', &n);

	for (size_t i = 0; i < n; i++) {
		const char *v = x->c ? json_str(json_get(x->c->labels, names[i])) : NULL;

		if (v)
			json_set(x->a, x->attrs, names[i], json_new_str(x->a, v));
	}
	return 0;
}

static int on_env(struct opts *x, const char *value, struct dv_err *e)
{
	size_t n;
	char **names = str_split(x->a, value, ',', &n);

	for (size_t i = 0; i < n; i++)
		for (const char *const *v = x->c ? (const char *const *)x->c->env : NULL; v && *v; v++) {
			const char *text = str_starts(*v, names[i]) ? *v + strlen(names[i]) : "";

			if (*text == '=')
				json_set(x->a, x->attrs, names[i], json_new_str(x->a, text + 1));
		}
	return 0;
}

static int on_ignored(struct opts *x, const char *value, struct dv_err *e)
{
	return 0;
}

enum { FOR_FILE = 1, FOR_LOCAL = 2, FOR_JOURNALD = 4 };
static const struct {
	const char *name;
	int drivers;
	on_option *set;
} options[] = {
	{ "max-size", FOR_FILE | FOR_LOCAL, on_max_size },
	{ "max-file", FOR_FILE | FOR_LOCAL, on_max_file },
	{ "tag", FOR_FILE | FOR_LOCAL | FOR_JOURNALD, on_tag },
	{ "labels", FOR_FILE | FOR_JOURNALD, on_labels },
	{ "env", FOR_FILE | FOR_JOURNALD, on_env },
	/* How docker hands lines to its driver: ours never blocks the container. */
	{ "mode", FOR_FILE | FOR_LOCAL | FOR_JOURNALD, on_ignored },
	{ "max-buffer-size", FOR_FILE | FOR_LOCAL | FOR_JOURNALD, on_ignored },
};

static int set_option(struct opts *x, const char *driver, int bit, const char *text, struct dv_err *e)
{
	const char *eq = strchr(text, '=');

	if (!eq)
		return dv_fail(e, DV_INVALID, "invalid logging opt: %.100s", text);
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (strlen(options[i].name) == (size_t)(eq - text) && str_starts(text, options[i].name) && (options[i].drivers & bit))
			return options[i].set(x, eq + 1, e);
	return dv_fail(e, DV_INVALID, "unknown log opt '%.*s' for %s log driver", (int)(eq - text), text, driver);
}

int logopts_parse(struct arena *a, const struct run_request *q, const struct ctr *row, const struct run_config *c,
		  struct json **ret, struct dv_err *e)
{
	static const struct { const char *name; int bit; } drivers[] = {
		{ "json-file", FOR_FILE }, { "k8s-file", FOR_FILE }, { "local", FOR_LOCAL }, { "journald", FOR_JOURNALD }, { "none", 0 },
	};
	const char *driver = q->log_driver && *q->log_driver ? q->log_driver : LOG_DRIVER_DEFAULT;
	struct opts x = { .a = a, .q = q, .row = row, .c = c, .max_size = SIZE_DEFAULT, .max_file = FILES_DEFAULT,
			  .attrs = json_new_object(a) };
	int bit = -1, r = 0;

	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		if (streq(drivers[i].name, driver))
			bit = drivers[i].bit;
	if (bit < 0)
		return dv_fail(e, DV_INVALID, "logger: no log driver named '%.64s' is registered", driver);
	for (const char *const *o = q->log_opts; r >= 0 && o && *o; o++)
		r = set_option(&x, driver, bit, *o, e);
	if (r < 0)
		return r;
	/* podman's name for the same thing. */
	*ret = json_obj(a, "driver", json_new_str(a, streq(driver, "k8s-file") ? "json-file" : driver), "maxSize",
			json_new_i64(a, x.max_size), "maxFile", json_new_i64(a, x.max_file), "tag",
			x.tag ? json_new_str(a, x.tag) : NULL, "attrs", x.attrs, NULL);
	return 0;
}

struct json *logopts_inspect(struct arena *a, const struct run_request *q)
{
	struct json *config = json_new_object(a);

	for (const char *const *o = q->log_opts; o && *o; o++) {
		const char *eq = strchr(*o, '=');

		if (eq)
			json_set(a, config, arena_strn(a, *o, (size_t)(eq - *o)), json_new_str(a, eq + 1));
	}
	return json_obj(a, "Type", json_new_str(a, q->log_driver && *q->log_driver ? q->log_driver : LOG_DRIVER_DEFAULT), "Config",
			config, NULL);
}
