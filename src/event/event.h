/* event.h - what happened, in a file that everybody may follow: RUNROOT/events.
 *
 * One line for each event, a sequence number and docker's JSON, appended under a
 * lock (flock of the run directory), so that lines are whole and numbers rise. The file is
 * bounded: past EVENT_FILE_MAX it becomes events.1, and what was there before goes. The
 * run directory is empty after a boot, so events are of this boot.
 *
 * Whoever holds the run directory may write: command lines, and monitors without a database.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "json/json.h"

#define EVENT_FILE_MAX ((off_t)1 << 20)
#define EVENT_LINE_MAX ((size_t)64 << 10)

/* docker's words: type "container", "image", "network", "volume", ...; action "start", "die", "exec_create: ls", ... */
struct event {
	const char *type, *action;
	const char *id;                 /* of the container; the name of a volume or network */
	const struct json *attributes;  /* an object of strings ("name", "image", "exitCode", labels); NULL: none */
	int64_t time_ns;                /* since 1970; 0: now */
};

/* runfd is the run directory. Nobody's work fails because an event could not be told: a caller logs the error at most.
 * LIMIT for one longer than EVENT_LINE_MAX. */
int event_emit(int runfd, const struct event *ev, struct dv_err *e) DV_MUST_USE;

/* --- read --- */

struct event_reader;

/* From the oldest event that is still there. No file is no error: there are no events yet. */
int event_reader_new(int runfd, struct event_reader **ret, struct dv_err *e) DV_MUST_USE;
void event_reader_free(struct event_reader *r);
static inline void event_reader_auto_free(struct event_reader **r) { event_reader_free(*r); }
#define auto_event_reader __attribute__((cleanup(event_reader_auto_free)))

/* The next one's JSON text, valid until the next call; *ret_seq may be NULL. 1, or 0 when there is none for now. Lines
 * that are none of ours are left out. */
int event_next(struct event_reader *r, uint64_t *ret_seq, const char **ret, struct dv_err *e) DV_MUST_USE;
/* Readable (poll) when event_next() may have more; made at the first call, before which event_next() must not be relied
 * on to have seen everything: call it, drain, then poll. event_wait_done() takes the news away. */
int event_wait_fd(struct event_reader *r, int *ret_fd, struct dv_err *e) DV_MUST_USE;
void event_wait_done(struct event_reader *r);
