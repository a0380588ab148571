/* tls_watch.c - tells when one of a few files was replaced.
 *
 * inotify on the directories says when to look, stat says whether a file is
 * another one: links that are swapped (as mounted secrets and certbot do),
 * renames and writes in place are all the same then. It looks a moment after
 * the first event, so that a certificate and its key are seen together.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/str.h"
#include "http/tls_parts.h"

#define SETTLE_MS 250
#define EVENTS (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_DELETE | IN_ATTRIB | IN_ONLYDIR)

struct seen {
	char *path;
	struct stat st;             /* all zero: it is not there */
};

struct tls_watch {
	int fd;
	struct loop_source *source, *timer;
	bool waiting;
	void (*on_change)(void *ctx);
	void *ctx;
	size_t n;
	struct seen files[];
};

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Looks at the file; true when it is another than before. */
static bool look(struct seen *f)
{
	struct stat st;
	bool changed;

	if (stat(f->path, &st) < 0)
		st = (struct stat){ 0 };
	changed = !same(&st, &f->st);
	f->st = st;
	return changed;
}

static void on_settled(void *ctx)
{
	struct tls_watch *w = ctx;
	bool changed = false;

	w->waiting = false;
	for (size_t i = 0; i < w->n; i++)
		changed |= look(&w->files[i]);
	if (changed)
		w->on_change(w->ctx);
}

static void on_event(void *ctx, int fd, uint32_t events)
{
	struct tls_watch *w = ctx;
	char skip[4096];
	ssize_t n;

	do {
		n = read(fd, skip, sizeof skip);
	} while (n > 0);
	if (!w->waiting)
		loop_arm(w->timer, SETTLE_MS);
	w->waiting = true;
}

static int watch_dir_of(struct tls_watch *w, const char *path, struct dv_err *e)
{
	const char *slash = strrchr(path, '/');
	auto_free char *dir = slash ? mem_printf("%.*s/", (int)(slash - path), path) : mem_str(".");

	return inotify_add_watch(w->fd, dir, EVENTS) < 0 ? dv_fail_errno(e, errno, "watch %s", dir) : 0;
}

static int start(struct tls_watch *w, struct loop *l, struct dv_err *e)
{
	int r = 0;

	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd < 0)
		return dv_fail_errno(e, errno, "watch certificates");
	for (size_t i = 0; r == 0 && i < w->n; i++) {
		r = watch_dir_of(w, w->files[i].path, e);
		(void)look(&w->files[i]);
	}
	if (r == 0)
		r = loop_add_fd(l, w->fd, EPOLLIN, on_event, w, &w->source, e);
	w->timer = loop_add_timer(l, on_settled, w);
	return r;
}

int tls_watch_new(struct loop *l, const char *const *files, size_t n, void (*on_change)(void *ctx), void *ctx,
		  struct tls_watch **ret, struct dv_err *e)
{
	struct tls_watch *w = mem_alloc(sizeof *w + mem_mul(n, sizeof *w->files));
	int r;

	w->on_change = on_change;
	w->ctx = ctx;
	for (; w->n < n; w->n++)
		w->files[w->n].path = mem_str(files[w->n]);
	r = start(w, l, e);
	if (r < 0) {
		tls_watch_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void tls_watch_free(struct tls_watch *w)
{
	if (!w)
		return;
	loop_remove(w->source);
	loop_remove(w->timer);
	fd_close(&w->fd);
	for (size_t i = 0; i < w->n; i++)
		free(w->files[i].path);
	free(w);
}
