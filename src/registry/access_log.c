/* access_log.c - two buffers: one that fills, one that is being written by a thread of its own. */
#include <time.h>

#include "base/fd.h"
#include "base/mem.h"
#include "registry/access_log.h"

#define WAITING_MAX ((size_t)1 << 20)
#define LINE_MAX_BYTES 4096

struct access_log {
	struct job_pool *pool;
	int fd;
	bool json, writes;
	struct buf waiting, written;
};

int access_log_new(struct loop *loop, int fd, bool json, struct access_log **ret, struct dv_err *e)
{
	struct job_pool *pool = NULL;
	int rc = job_pool_new(loop, 1, 2, &pool, e);

	if (rc < 0)
		return rc;
	*ret = mem_new(struct access_log);
	**ret = (struct access_log){ pool, fd, json, false, BUF_INIT(WAITING_MAX), BUF_INIT(WAITING_MAX) };
	return 0;
}

void access_log_free(struct access_log *l)
{
	if (!l)
		return;
	job_pool_free(l->pool);
	dv_ignore(fd_write_all(l->fd, l->waiting.p, l->waiting.len, "access log", NULL));
	buf_done(&l->waiting);
	buf_done(&l->written);
	free(l);
}

static int write_work(void *ctx, struct dv_err *e)
{
	struct access_log *l = ctx;

	return fd_write_all(l->fd, l->written.p, l->written.len, "access log", e);
}

static void write_start(struct access_log *l);

/* A log that cannot be written is no reason to answer nobody. */
static void write_done(void *ctx, int rc, const struct dv_err *e)
{
	struct access_log *l = ctx;

	(void)e;
	l->writes = false;
	buf_reset(&l->written);
	if (l->waiting.len && rc != -DV_UNAVAILABLE)
		write_start(l);
}

static void write_start(struct access_log *l)
{
	struct buf empty = l->written;

	l->written = l->waiting;
	l->waiting = empty;
	l->writes = job_submit(l->pool, write_work, write_done, l, NULL) == 0;
	if (l->writes)
		return;
	l->waiting = l->written;
	l->written = empty;
}

void access_log_add(struct access_log *l, const struct http_log_entry *en, struct metrics *m)
{
	auto_buf struct buf line = BUF_INIT(LINE_MAX_BYTES);

	access_line(&line, en, (int64_t)time(NULL), l->json);
	if (line.over || l->waiting.len + line.len > WAITING_MAX) {
		m->log_dropped++;
		return;
	}
	buf_add(&l->waiting, line.p, line.len);
	if (!l->writes)
		write_start(l);
}
