/* yaml.h - YAML 1.1 core schema, as Kubernetes users expect it, into the JSON tree (libyaml). */
#pragma once

#include "json/json.h"

/* The first document of text; null when it is empty. Anchors and aliases are expanded within the
 * arena's limit (a billion laughs is LIMIT), "<<" merges. Plain scalars become null, bool (also
 * yes, no, on, off, y, n), int (0644 is octal), float or string, as kubectl reads them. Duplicate
 * keys, keys that are not strings, unknown tags, .inf and .nan are INVALID with line and column. */
int yaml_parse(struct arena *a, const char *text, size_t len, struct json **ret, struct dv_err *e) DV_MUST_USE;

/* All documents, in order; empty documents are skipped. `on_doc` < 0 stops with its error. */
int yaml_parse_all(struct arena *a, const char *text, size_t len,
		   int (*on_doc)(void *ctx, struct json *doc, struct dv_err *e), void *ctx,
		   struct dv_err *e) DV_MUST_USE;

/* Block style, keys in the tree's order, strings quoted only where YAML would read another type. */
void yaml_write(struct buf *b, const struct json *j);
