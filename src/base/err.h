/* err.h - the one error convention.
 *
 * A function that can fail returns int: 0 or a positive result is success, a
 * negative value is -kind and *e is filled. The struct lives on the caller's
 * stack: nothing is allocated, nothing needs freeing, and it may be NULL when
 * the caller only wants to know whether it worked. On failure outputs named
 * ret_* are untouched.
 *
 * Callers branch on a kind only if the callee's header names it; otherwise
 * they add context with dv_wrap() and return.
 */
#pragma once

#include <stdarg.h>

/* name, HTTP status, Kubernetes reason, gRPC code, exit status */
#define DV_KINDS(X) \
	X(INVALID,     422, "Invalid",            3,  64) \
	X(NOT_FOUND,   404, "NotFound",           5,  66) \
	X(EXISTS,      409, "AlreadyExists",      6,  73) \
	X(CONFLICT,    409, "Conflict",          10,  75) \
	X(FORBIDDEN,   403, "Forbidden",          7,  77) \
	X(UNAVAILABLE, 503, "ServiceUnavailable", 14, 69) \
	X(TIMEOUT,     504, "Timeout",            4,  75) \
	X(LIMIT,       413, "RequestEntityTooLarge", 8, 70) \
	X(UNSUPPORTED, 501, "NotImplemented",    12,  69) \
	X(CORRUPT,     500, "InternalError",     15,  65) \
	X(IO,          500, "InternalError",     13,  74) \
	X(INTERNAL,    500, "InternalError",     13,  70)

enum dv_kind {
	DV_OK = 0,
#define X(name, http, reason, grpc, exit) DV_##name,
	DV_KINDS(X)
#undef X
	DV_KIND_MAX
};

struct dv_err {
	enum dv_kind kind;
	int sys;           /* the errno behind it, 0 if none */
	char msg[480];     /* one line, no newline; cut with "..." when longer */
};

#define DV_ERR_NONE ((struct dv_err){ .kind = DV_OK })
#define DV_MUST_USE __attribute__((warn_unused_result))
/* A failure that is knowingly of no interest. */
#define dv_ignore(call) ((void)!(call))
#define DV_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Fill *e with kind and message; returns -kind. */
int dv_fail(struct dv_err *e, enum dv_kind kind, const char *fmt, ...) DV_PRINTF(3, 4);

/* The same from an errno: the kind follows from sys, ": strerror" is added. */
int dv_fail_errno(struct dv_err *e, int sys, const char *fmt, ...) DV_PRINTF(3, 4);

/* Put "context: " in front of the message; returns -e->kind (-INTERNAL when e is NULL). */
int dv_wrap(struct dv_err *e, const char *fmt, ...) DV_PRINTF(2, 3);

/* The kind an errno belongs to. */
enum dv_kind dv_kind_of_errno(int sys);

const char *dv_kind_name(enum dv_kind kind);       /* "NOT_FOUND" */
const char *dv_kind_reason(enum dv_kind kind);     /* "NotFound" */
int dv_kind_http(enum dv_kind kind);
int dv_kind_grpc(enum dv_kind kind);
int dv_kind_exit(enum dv_kind kind);
