/* template.h - --format: the part of Go's text/template that docker users write, over a JSON tree.
 *
 * Fields and chains ({{.A.B}}, {{$.A}}, {{(index .L 0).B}}), variables, pipelines, if / else if / range / with /
 * break / continue, comments, trimming ({{- -}}). Functions: and or not, eq ne lt le gt ge, index slice len, print
 * println printf, and docker's json join split lower upper title trim pad truncate. A field with an argument
 * ({{.Label "key"}}) looks the argument up in the field's object.
 *
 * A missing member is "<no value>" and false; a field of a string or number is an error. Texts come from users:
 * sizes, depth, steps and output are bounded (LIMIT); INVALID names line and column.
 */
#pragma once

#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "json/json.h"

struct template;

enum { TEMPLATE_STRICT = 1 };       /* a missing member is an error, as docker inspect has it */

int template_parse(struct arena *a, const char *text, int flags, struct template **ret,
		   struct dv_err *e) DV_MUST_USE;
/* Output is appended to out; its maximum is a limit. */
int template_run(const struct template *t, const struct json *dot, struct buf *out, struct dv_err *e) DV_MUST_USE;

/* docker's --format of a list: "table {{.ID}}\t{{.Names}}" makes a table whose headers are the template over
 * `headers` (an object: field -> "CONTAINER ID"), "json" or "{{json .}}" one line of JSON for each row,
 * anything else one line of the template for each row. "\t" and "\n" may be written with a backslash. */
int format_rows(struct arena *a, const char *format, const struct json *headers, const struct json *rows, FILE *out,
		bool wide, struct dv_err *e) DV_MUST_USE;
enum { FORMAT_WIDE = 1, FORMAT_NO_HEADER = 2 };
int format_list(struct arena *a, const char *format, const struct json *headers, const struct json *rows, FILE *out,
		int flags, struct dv_err *e) DV_MUST_USE;
