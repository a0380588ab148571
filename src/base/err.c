/* err.c - errors with a closed table of kinds. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/errtext.h"

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
	{ ENOMEM, DV_LIMIT },        { EADDRINUSE, DV_CONFLICT }, { ETXTBSY, DV_CONFLICT },
	{ ECONNREFUSED, DV_UNAVAILABLE }, { EAGAIN, DV_UNAVAILABLE },
	{ ENETUNREACH, DV_UNAVAILABLE },  { EHOSTUNREACH, DV_UNAVAILABLE },
	{ EXDEV, DV_FORBIDDEN },     /* openat2: the path left its root */
};

enum dv_kind dv_kind_of_errno(int sys)
{
	for (size_t i = 0; i < sizeof errno_kinds / sizeof *errno_kinds; i++)
		if (errno_kinds[i].sys == sys)
			return errno_kinds[i].kind;
	return DV_IO;
}

/* A cut message says so: a reader must not take half a path for a path. Control characters of foreign
 * names become "?": the message is one line, and goes to terminals. */
static void set_message(struct dv_err *e, const char *text, int len)
{
	size_t size = sizeof e->msg;

	if (len < 0)
		text = "error without a message";
	(void)snprintf(e->msg, size, "%s", text);
	if (len >= 0 && (size_t)len >= size)
		memcpy(e->msg + size - 4, "...", 4);
	for (char *p = e->msg; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
}

/* All formatting goes through a text of its own: the arguments may be e->msg itself. */
int dv_fail(struct dv_err *e, enum dv_kind kind, const char *fmt, ...)
{
	char text[sizeof e->msg];
	va_list ap;
	int len;

	if (!e)
		return -(int)kind;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	e->kind = kind;
	e->sys = 0;
	set_message(e, text, len);
	return -(int)kind;
}

/* "what fmt says: behind"; behind may be e's own message. */
static void set_joined(struct dv_err *e, const char *behind, const char *fmt, va_list ap)
{
	char text[sizeof e->msg];
	int len = vsnprintf(text, sizeof text, fmt, ap);

	if (len >= 0 && (size_t)len < sizeof text)
		len += snprintf(text + len, sizeof text - (size_t)len, ": %s", behind);
	set_message(e, text, len);
}

int dv_fail_errno(struct dv_err *e, int sys, const char *fmt, ...)
{
	enum dv_kind kind = dv_kind_of_errno(sys);
	va_list ap;

	if (!e)
		return -(int)kind;
	va_start(ap, fmt);
	set_joined(e, err_sys_text(sys), fmt, ap);
	va_end(ap);
	e->kind = kind;
	e->sys = sys;
	return -(int)kind;
}

int dv_wrap(struct dv_err *e, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -(int)DV_INTERNAL;
	va_start(ap, fmt);
	set_joined(e, e->msg, fmt, ap);
	va_end(ap);
	return -(int)e->kind;
}

const char *dv_kind_name(enum dv_kind kind) { return kinds[kind].name; }
const char *dv_kind_reason(enum dv_kind kind) { return kinds[kind].reason; }
int dv_kind_http(enum dv_kind kind) { return kinds[kind].http; }
int dv_kind_grpc(enum dv_kind kind) { return kinds[kind].grpc; }
int dv_kind_exit(enum dv_kind kind) { return kinds[kind].exit; }
