/* err.c - errors with a closed table of kinds. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

static const struct {
	const char *name;
	int http;
	const char *reason;
	int grpc;
	int exit;
} kinds[DV_KIND_MAX] = {
	[DV_OK] = { "OK", 200, "", 0, 0 },
#define X(name, http, reason, grpc, exit) [DV_##name] = { #name, http, reason, grpc, exit },
	DV_KINDS(X)
#undef X
};

static const struct {
	int sys;
	enum dv_kind kind;
} errno_kinds[] = {
	{ ENOENT, DV_NOT_FOUND },    { ENOTDIR, DV_NOT_FOUND },  { ESRCH, DV_NOT_FOUND },
	{ EEXIST, DV_EXISTS },       { EBUSY, DV_CONFLICT },     { ENOTEMPTY, DV_CONFLICT },
	{ EPERM, DV_FORBIDDEN },     { EACCES, DV_FORBIDDEN },   { EROFS, DV_FORBIDDEN },
	{ EINVAL, DV_INVALID },      { ELOOP, DV_INVALID },      { ENAMETOOLONG, DV_INVALID },
	{ ETIMEDOUT, DV_TIMEOUT },   { ENOSPC, DV_LIMIT },       { EDQUOT, DV_LIMIT },
	{ EMFILE, DV_LIMIT },        { ENFILE, DV_LIMIT },       { EFBIG, DV_LIMIT },
	{ ENOSYS, DV_UNSUPPORTED },  { EOPNOTSUPP, DV_UNSUPPORTED },
	{ ECONNREFUSED, DV_UNAVAILABLE }, { EAGAIN, DV_UNAVAILABLE },
	{ EXDEV, DV_FORBIDDEN },     /* openat2: the path left its root */
};

enum dv_kind dv_kind_of_errno(int sys)
{
	for (size_t i = 0; i < sizeof errno_kinds / sizeof *errno_kinds; i++)
		if (errno_kinds[i].sys == sys)
			return errno_kinds[i].kind;
	return DV_IO;
}

/* A cut message says so: a reader must not take half a path for a path. */
static void mark_cut(char *msg, size_t size, int len)
{
	if (len >= 0 && (size_t)len >= size)
		memcpy(msg + size - 4, "...", 4);
}

int dv_fail(struct dv_err *e, enum dv_kind kind, const char *fmt, ...)
{
	if (e) {
		va_list ap;

		e->kind = kind;
		e->sys = 0;
		va_start(ap, fmt);
		mark_cut(e->msg, sizeof e->msg, vsnprintf(e->msg, sizeof e->msg, fmt, ap));
		va_end(ap);
	}
	return -(int)kind;
}

int dv_fail_errno(struct dv_err *e, int sys, const char *fmt, ...)
{
	enum dv_kind kind = dv_kind_of_errno(sys);

	if (e) {
		va_list ap;
		int len;

		e->kind = kind;
		e->sys = sys;
		va_start(ap, fmt);
		len = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
		va_end(ap);
		if (len >= 0 && (size_t)len < sizeof e->msg)
			len += snprintf(e->msg + len, sizeof e->msg - (size_t)len, ": %s",
					strerrordesc_np(sys) ?: "unknown error");
		mark_cut(e->msg, sizeof e->msg, len);
	}
	return -(int)kind;
}

int dv_wrap(struct dv_err *e, const char *fmt, ...)
{
	char old[sizeof e->msg];
	va_list ap;
	int len;

	if (!e)
		return -(int)DV_INTERNAL;
	memcpy(old, e->msg, sizeof old);
	va_start(ap, fmt);
	len = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len + 3 >= sizeof e->msg)
		mark_cut(e->msg, sizeof e->msg, (int)sizeof e->msg);
	else
		mark_cut(e->msg, sizeof e->msg,
			 len + snprintf(e->msg + len, sizeof e->msg - (size_t)len, ": %s", old));
	return -(int)e->kind;
}

const char *dv_kind_name(enum dv_kind kind) { return kinds[kind].name; }
const char *dv_kind_reason(enum dv_kind kind) { return kinds[kind].reason; }
int dv_kind_http(enum dv_kind kind) { return kinds[kind].http; }
int dv_kind_grpc(enum dv_kind kind) { return kinds[kind].grpc; }
int dv_kind_exit(enum dv_kind kind) { return kinds[kind].exit; }
