/* logs.h - the kept output of containers, read from the files of the json-file driver. */
#pragma once

#include "engine/ctr.h"

struct logs_request {
	const char *container;
	bool follow;
	int64_t since_ns, until_ns;     /* 0: no bound */
	int64_t tail;                   /* -1: all; else so many of the last lines */
};

/* One line or a piece of one; text is as it was written, with its newline unless it is a piece. attrs: an object or
 * NULL. */
struct logs_line {
	const char *text;
	size_t len;
	int stream;                     /* 1, 2 */
	const char *time;               /* as stored: RFC 3339 */
	const struct json *attrs;
};
typedef int logs_fn(void *ctx, const struct logs_line *l, struct dv_err *e);

/* With follow until the container has ended. NOT_FOUND: no such container; UNSUPPORTED: its driver keeps nothing that
 * can be read. What `each` returns below 0 ends it. */
int engine_logs(struct engine *g, struct arena *a, const struct logs_request *q, logs_fn *each, void *ctx,
		struct dv_err *e) DV_MUST_USE;

/* RFC 3339 with or without a fraction, as nanoseconds since 1970. */
bool logs_time(const char *text, int64_t *ret_ns);
