/* resolve.c - names to addresses without blocking a loop. */
#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "http/resolve.h"

struct resolve {
	char *host;
	uint16_t port;
	resolve_done *done;         /* NULL: cancelled. Of the loop's thread, as ctx */
	void *ctx;
	struct addrinfo *list;
};

static int lookup(const char *host, uint16_t port, int flags, struct addrinfo **ret)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV };
	char service[8];

	(void)snprintf(service, sizeof service, "%u", (unsigned)port);
	return getaddrinfo(host, service, &hints, ret);
}

static int fail(struct dv_err *e, int code, const char *host)
{
	if (code == EAI_SYSTEM)
		return dv_fail_errno(e, errno, "resolve %s", host);
	if (code == EAI_NONAME || code == EAI_NODATA)
		return dv_fail(e, DV_NOT_FOUND, "resolve %s: no such host", host);
	return dv_fail(e, DV_UNAVAILABLE, "resolve %s: %s", host, gai_strerror(code));
}

static int work(void *ctx, struct dv_err *e)
{
	struct resolve *r = ctx;
	int code = lookup(r->host, r->port, AI_ADDRCONFIG, &r->list);

	/* A machine with nothing but loopback has no configured family; "localhost" is there all the same. */
	if (code == EAI_NONAME || code == EAI_ADDRFAMILY || code == EAI_NODATA)
		code = lookup(r->host, r->port, 0, &r->list);
	return code ? fail(e, code, r->host) : 0;
}

static void finish(void *ctx, int result, const struct dv_err *e)
{
	struct resolve *r = ctx;

	if (r->done)
		r->done(r->ctx, r->list, result < 0 ? e : NULL);
	if (r->list)
		freeaddrinfo(r->list);
	free(r->host);
	free(r);
}

int resolve_start(struct job_pool *pool, const char *host, uint16_t port, resolve_done *done, void *ctx,
		  struct resolve **ret, struct dv_err *e)
{
	struct resolve *q = mem_new(struct resolve);
	int r;

	q->host = mem_str(host);
	q->port = port;
	q->done = done;
	q->ctx = ctx;
	r = job_submit(pool, work, finish, q, e);
	if (r < 0) {
		free(q->host);
		free(q);
		return dv_wrap(e, "resolve %s", host);
	}
	*ret = q;
	return 0;
}

void resolve_cancel(struct resolve *r)
{
	if (r)
		r->done = NULL;
}

struct addrinfo *resolve_numeric(const char *host, uint16_t port)
{
	struct addrinfo *list = NULL;

	return lookup(host, port, AI_NUMERICHOST, &list) == 0 ? list : NULL;
}
