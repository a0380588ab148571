/* toml_parts.h - the cursor that the parts of the TOML parser share; for src/json only. */
#pragma once

#include "json/toml.h"

struct map;

struct toml {
	struct arena *a;
	const char *p, *end;            /* the text is NUL-terminated at end */
	unsigned line, depth;
	struct map *kinds;              /* of tables that may still grow: address -> enum table_kind */
};

struct toml_key {
	const char *v[TOML_DEPTH_MAX];
	size_t n;
};

/* INVALID with the line in front. */
int toml_fail(const struct toml *t, struct dv_err *e, const char *fmt, ...) DV_PRINTF(3, 4);

/* Past spaces and tabs; past those, line breaks and comments. */
void toml_blanks(struct toml *t);
int toml_lines(struct toml *t, struct dv_err *e) DV_MUST_USE;
/* Past a line break if there is one. */
bool toml_newline(struct toml *t);

/* --- toml_string.c: at a quote --- */
int toml_string(struct toml *t, bool multi_ok, const char **ret, size_t *ret_len, struct dv_err *e) DV_MUST_USE;
/* --- toml_number.c: a number, a date or a word, all of [s, s + len) --- */
int toml_scalar(struct toml *t, const char *s, size_t len, struct json **ret, struct dv_err *e) DV_MUST_USE;
/* The length of a date or time at s with the blank that may be inside; 0: neither begins here. */
size_t toml_date_len(const char *s, const char *end);
/* --- toml_value.c --- */
int toml_value(struct toml *t, struct json **ret, struct dv_err *e) DV_MUST_USE;
/* --- toml.c: "a.b.c" and "a.b.c = value" into a table --- */
int toml_key(struct toml *t, struct toml_key *ret, struct dv_err *e) DV_MUST_USE;
int toml_pair(struct toml *t, struct json *table, struct dv_err *e) DV_MUST_USE;
