/* show.h - what pull and push show meanwhile: bars on a terminal, plain lines, JSON lines, or nothing.
 *
 * JSON goes to standard output, one object a line: {"layer": "sha256:...", "step": "downloading", "done": 1,
 * "total": 2}, {"note": "..."}; at the end {"id": ...} or {"error": ..., "kind": "NOT_FOUND"}. The rest goes to
 * standard error.
 */
#pragma once

#include "image/digest.h"
#include "ui/opt.h"

struct show;
extern const char *const show_styles[];         /* values of --progress: auto, plain, json */

/* style NULL is auto. */
struct show *show_new(const char *style, bool quiet);
void show_free(struct show *s);
bool show_json(const struct show *s);
/* Any thread. Items count from 0; at most 1000 are shown. */
void show_step(struct show *s, size_t item, const struct digest *d, const char *step, uint64_t done, uint64_t total);
void show_note(void *show, const char *line);
/* The end: {"KEY": text, ...} as a JSON line; pairs of key and text, NULL. Nothing in other styles. */
void show_end(struct show *s, const char *key, ...) __attribute__((sentinel));
/* Ends with the error as JSON when that is the style; returns the exit status then, otherwise rc. */
int show_error(struct show *s, int rc, const struct dv_err *e);
