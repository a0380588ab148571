/* progress.h - what several things at once (layers, files) are doing: lines that move on a terminal.
 *
 * On a terminal each item has a line with a bar, redrawn in place at most ten times a second. Elsewhere
 * only changes of an item's step are written, one line each ("b1946ac92492: downloading"). Quiet writes
 * nothing. Items may be updated from any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress;
struct progress_item;

/* out stays the caller's. */
struct progress *progress_new(FILE *out, bool quiet);
/* Plain lines also on a terminal; before anything is shown. */
void progress_plain(struct progress *p);
/* Draws the last state; lines stay. NULL is fine. Items go with it. */
void progress_free(struct progress *p);

/* A line more. name is copied, control characters are escaped. At most 1000 items: NULL beyond, and NULL is
 * accepted below. */
struct progress_item *progress_add(struct progress *p, const char *name);
/* What the item does now: "waiting", "downloading", "extracting", "done". */
void progress_step(struct progress_item *it, const char *step);
/* How far: bytes of total; total 0: not known. */
void progress_set(struct progress_item *it, uint64_t done, uint64_t total);
/* A line above the items that stays. */
void progress_note(struct progress *p, const char *line);
