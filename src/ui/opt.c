/* opt.c - the option parser over rows. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "ui/inner.h"
#include "ui/text.h"

const struct opt *opt_by_name(const struct opt *opts, const char *name, size_t len)
{
	for (const struct opt *o = opts; o && o->kind != OPT_END; o++)
		if (o->name && strlen(o->name) == len && memcmp(o->name, name, len) == 0)
			return o;
	return NULL;
}

const struct opt *opt_by_letter(const struct opt *opts, char letter)
{
	for (const struct opt *o = opts; o && o->kind != OPT_END; o++)
		if (o->letter && o->letter == letter)
			return o;
	return NULL;
}

bool opt_takes_value(const struct opt *o)
{
	return o->kind != OPT_BOOL && !(o->flags & OPT_OPTIONAL);
}

/* --- storing --- */

static int store_bool(struct arena *a, const struct opt *o, void *field, const char *value, struct dv_err *e)
{
	static const char *const yes[] = { "true", "1", "t", "T", "TRUE", "True" };
	static const char *const no[] = { "false", "0", "f", "F", "FALSE", "False" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (streq(value, yes[i]) || streq(value, no[i])) {
			*(bool *)field = streq(value, yes[i]);
			return 0;
		}
	return dv_fail(e, DV_INVALID, "true or false is wanted");
}

static int store_str(struct arena *a, const struct opt *o, void *field, const char *value, struct dv_err *e)
{
	*(const char **)field = value;
	return 0;
}

static int store_strs(struct arena *a, const struct opt *o, void *field, const char *value, struct dv_err *e)
{
	struct opt_strs *s = field;

	if ((s->n & (s->n - 1)) == 0) {     /* full at every power of two: twice the room, and the NULL */
		const char **v = arena_array(a, const char *, DV_MAX(s->n, (size_t)1) * 2 + 1);

		if (s->n)
			memcpy(v, s->v, s->n * sizeof *v);
		s->v = v;
	}
	s->v[s->n++] = value;
	return 0;
}

static int store_int(struct arena *a, const struct opt *o, void *field, const char *value, struct dv_err *e)
{
	int64_t v;
	int r = str_i64(value, o->kind == OPT_U64 ? 0 : INT64_MIN, INT64_MAX, "number", &v, e);

	if (r == 0)
		*(struct opt_int *)field = (struct opt_int){ true, v };
	return r;
}

static int store_bytes(struct arena *a, const struct opt *o, void *field, const char *value, struct dv_err *e)
{
	uint64_t v;
	int r = str_bytes(value, "size", &v, e);

	if (r == 0)
		*(struct opt_int *)field = (struct opt_int){ true, (int64_t)v };
	return r;
}

static int (*const stores[])(struct arena *a, const struct opt *o, void *field, const char *value,
			     struct dv_err *e) = {
	[OPT_BOOL] = store_bool, [OPT_STR] = store_str,  [OPT_STRS] = store_strs,
	[OPT_I64] = store_int,   [OPT_U64] = store_int,  [OPT_BYTES] = store_bytes,
};

static int check_values(const struct opt *o, const char *value, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(300);

	for (size_t i = 0; o->values && o->values[i]; i++) {
		if (streq(o->values[i], value))
			return 0;
		buf_printf(&b, "%s%s", i ? ", " : "", o->values[i]);
	}
	return o->values ? dv_fail(e, DV_INVALID, "must be one of %s", buf_cstr(&b)) : 0;
}

static int store(struct arena *a, const struct opt *o, void *args, const char *value, struct dv_err *e)
{
	void *field = (char *)args + o->offset;
	int r = value ? check_values(o, value, e) : 0;

	if (r == 0 && o->kind == OPT_FUNC)
		r = o->parse(args, value, e);
	else if (r == 0 && (o->flags & OPT_MINUS_ONE) && value && streq(value, "-1"))
		*(struct opt_int *)field = (struct opt_int){ true, -1 };
	else if (r == 0)
		r = stores[o->kind](a, o, field, value ? value : "", e);
	return r < 0 ? dv_wrap(e, "invalid argument \"%s\" for --%s", value ? value : "", o->name) : 0;
}

/* --- the line --- */

/* The row whose name is near, if one is. */
static const char *guess_flag(const struct opt *opts, const char *name)
{
	size_t best = DV_MAX(strlen(name) / 3, (size_t)1) + 1;
	const char *found = NULL;

	for (const struct opt *o = opts; o && o->kind != OPT_END; o++) {
		size_t d = o->name && !(o->flags & OPT_HIDDEN) ? text_distance(name, o->name) : SIZE_MAX;

		if (d < best) {
			best = d;
			found = o->name;
		}
	}
	return found;
}

static int unknown_flag(const struct opt_line *line, const char *name, size_t len, struct dv_err *e)
{
	auto_free char *copy = mem_printf("%.*s", (int)DV_MIN(len, (size_t)100), name);
	const char *near = guess_flag(line->opts, copy);

	if (near)
		return dv_fail(e, DV_INVALID, "unknown flag: --%s (did you mean --%s?)", copy, near);
	if (opt_by_name(line->also, name, len))
		return dv_fail(e, DV_INVALID, "unknown flag: --%s (it goes before the command)", copy);
	return dv_fail(e, DV_INVALID, "unknown flag: --%s", copy);
}

/* One "--name" or "--name=value" at argv[*at]; moves *at to the last word used. */
static int take_long(struct opt_line *line, const char *const *argv, size_t *at, void *args, struct dv_err *e)
{
	const char *name = argv[*at] + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const struct opt *o = opt_by_name(line->opts, name, len);
	const char *value = equals ? equals + 1 : NULL;

	if (!o && line->take_help && streq(name, "help")) {
		line->help = true;
		return 0;
	}
	if (!o && line->take_version && streq(name, "version")) {
		line->version = true;
		return 0;
	}
	if (!o)
		return unknown_flag(line, name, len, e);
	if (!value && o->kind == OPT_BOOL)
		value = "true";
	if (!value && opt_takes_value(o)) {
		value = argv[*at + 1];
		if (!value)
			return dv_fail(e, DV_INVALID, "flag needs an argument: --%s", o->name);
		++*at;
	}
	return store(line->arena, o, args, value, e);
}

/* A word of letters: "-d", "-it", "-p80:80", "-p=80:80", "-p", "80:80". */
static int take_letters(struct opt_line *line, const char *const *argv, size_t *at, void *args, struct dv_err *e)
{
	for (const char *p = argv[*at] + 1; *p; p++) {
		const struct opt *o = opt_by_letter(line->opts, *p);
		const char *value = p[1] == '=' ? p + 2 : NULL;
		int r;

		if (!o && line->take_help && *p == 'h') {
			line->help = true;
			return 0;
		}
		if (!o && line->take_version && *p == 'v') {
			line->version = true;
			return 0;
		}
		if (!o)
			return dv_fail(e, DV_INVALID, "unknown shorthand flag: '%c' in %.100s", *p, argv[*at]);
		if (!value && o->kind == OPT_BOOL)
			value = "true";
		else if (!value && opt_takes_value(o)) {
			value = p[1] ? p + 1 : argv[*at + 1];
			if (!value)
				return dv_fail(e, DV_INVALID, "flag needs an argument: '%c' in %s", *p, argv[*at]);
			*at += !p[1];
			return store(line->arena, o, args, value, e);
		}
		r = store(line->arena, o, args, value, e);
		if (r < 0 || p[1] == '=')
			return r;
	}
	return 0;
}

int opt_parse_line(struct opt_line *line, const char *const *argv, void *args, struct dv_err *e)
{
	size_t count = 0;
	bool ended = false;

	while (argv[count])
		count++;
	line->operands = arena_array(line->arena, const char *, count + 1);
	for (size_t i = 0; i < count && !line->help && !line->version; i++) {
		const char *word = argv[i];
		int r = 0;

		if (ended || word[0] != '-' || word[1] == '\0') {
			line->operands[line->n++] = word;
			ended = ended || line->stop_at_operand;
		} else if (streq(word, "--")) {
			ended = true;
		} else {
			r = word[1] == '-' ? take_long(line, argv, &i, args, e) : take_letters(line, argv, &i, args, e);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int opt_parse(struct arena *a, const struct opt *opts, bool stop_at_operand, const char *const *argv, void *args,
	      const char ***ret_operands, size_t *ret_n, struct dv_err *e)
{
	struct opt_line line = { .arena = a, .opts = opts, .stop_at_operand = stop_at_operand };
	int r = opt_parse_line(&line, argv, args, e);

	if (r < 0)
		return r;
	*ret_operands = line.operands;
	*ret_n = line.n;
	return 0;
}
