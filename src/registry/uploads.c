/* uploads.c - the table of uploads, its limits, and what nobody continues. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "registry/uploads.h"

#define EXPIRE_MAX 1000         /* of one round */

struct uploads {
	struct map *by_id;
	int dirfd;
};

int uploads_new(struct registry *g, struct uploads **ret, struct dv_err *e)
{
	auto_close int fd = -1;
	int rc = file_mkdirs(g->dirfd, "uploads", 0700, NULL, e);

	if (rc == 0)
		rc = file_open(g->dirfd, "uploads", O_RDONLY | O_DIRECTORY, 0, &fd, e);
	if (rc < 0)
		return rc;
	*ret = mem_new(struct uploads);
	(*ret)->by_id = map_new();
	(*ret)->dirfd = take_fd(&fd);
	return 0;
}

static void upload_free(void *p)
{
	struct upload *u = p;

	if (!u)
		return;
	fd_close(&u->fd);
	buf_done(&u->fill);
	buf_done(&u->drain);
	free(u->repo);
	free(u->peer);
	free(u);
}

void uploads_free(struct uploads *us)
{
	if (!us)
		return;
	map_free(us->by_id, upload_free);
	fd_close(&us->dirfd);
	free(us);
}

unsigned uploads_len(const struct uploads *us)
{
	return (unsigned)map_len(us->by_id);
}

int uploads_dirfd(const struct uploads *us)
{
	return us->dirfd;
}

struct upload *upload_find(struct uploads *us, const char *id)
{
	return map_get(us->by_id, id);
}

/* The longest idle one leaves the table; its files stay. */
static bool make_room(struct uploads *us)
{
	struct upload *oldest = NULL;
	const char *id;
	size_t pos = 0;
	void *v;

	while (map_next(us->by_id, &pos, &id, &v)) {
		struct upload *u = v;

		if (!u->owner && (!oldest || u->touched_ms < oldest->touched_ms))
			oldest = u;
	}
	if (oldest)
		upload_free(map_del(us->by_id, oldest->id));
	return oldest;
}

static bool within_limits(const struct registry *g, const char *repo, const char *peer)
{
	unsigned n_repo = 0, n_peer = 0;
	const char *id;
	size_t pos = 0;
	void *v;

	while (map_next(g->uploads->by_id, &pos, &id, &v)) {
		const struct upload *u = v;

		n_repo += streq(u->repo, repo);
		n_peer += streq(u->peer, peer);
	}
	return n_repo < g->o.uploads_per_repo && n_peer < g->o.uploads_per_peer;
}

void upload_new_id(char out[ROUTE_UPLOAD_SIZE])
{
	unsigned char bytes[(ROUTE_UPLOAD_SIZE - 1) / 2];

	/* Never short of so few bytes once the kernel is up. */
	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
		abort();
	str_hex(bytes, sizeof bytes, out);
}

struct upload *upload_add(struct registry *g, const char *id, const char *repo, const char *peer)
{
	if (!within_limits(g, repo, peer))
		return NULL;
	if (uploads_len(g->uploads) >= UPLOADS_MAX && !make_room(g->uploads))
		return NULL;
	struct upload *u = mem_new(struct upload);
	memcpy(u->id, id, sizeof u->id);
	u->repo = mem_str(repo);
	u->peer = mem_str(peer);
	u->fd = -1;
	u->touched_ms = loop_now_ms(g->loop);
	u->fill = BUF_INIT(16 << 20);
	u->drain = BUF_INIT(16 << 20);
	(void)map_set(g->uploads->by_id, id, u);
	return u;
}

void upload_release(struct ask *q)
{
	struct upload *u = take_ptr(&q->upload);

	u->owner = NULL;
	u->shown = u->committed;
	u->receiving = u->ended = u->paused = u->writing = false;
	u->touched_ms = loop_now_ms(q->g->loop);
	fd_close(&u->fd);
	buf_done(&u->fill);
	buf_done(&u->drain);
	u->fill = u->drain = BUF_INIT(16 << 20);
	if (u->gone)
		upload_free(map_del(q->g->uploads->by_id, u->id));
}

/* --- the client left --- */

static int cut_work(void *ctx, struct dv_err *e)
{
	struct ask *q = ctx;
	struct upload *u = q->upload;
	int dirfd = q->g->uploads->dirfd, rc = u->chunk ? upload_rollback(u, dirfd, e) : upload_commit(u, dirfd, e);

	/* What nobody can say the length of cannot be continued. */
	if (rc < 0)
		upload_remove_files(u->id, dirfd, true);
	return rc;
}

static void cut_done(void *ctx, int rc, const struct dv_err *e)
{
	struct ask *q = ctx;

	if (rc < 0) {
		log_warn("upload lost", "upload", q->upload->id, "error", e->msg, NULL);
		q->upload->gone = true;
	}
	ask_end(q);
}

bool upload_cut(struct ask *q)
{
	struct upload *u = q->upload;

	if (!u->receiving || u->gone || q->works)
		return false;
	u->receiving = false;
	if (job_submit(q->g->pool, cut_work, cut_done, q, NULL) == 0) {
		q->works = true;
		return true;
	}
	/* No room for the job: from its file, when it is asked for again. */
	u->gone = true;
	return false;
}

/* --- expiry --- */

struct expiry {
	struct registry *g;
	char (*ids)[ROUTE_UPLOAD_SIZE];
	size_t n;
};

/* The names with the age, whatever they are: also what a crash has left half written. */
static int expiry_look(void *ctx, struct dv_err *e)
{
	struct expiry *x = ctx;
	int64_t before = (int64_t)time(NULL) - (int64_t)x->g->o.upload_expiry_s;
	int fd = -1, rc = file_open(x->g->uploads->dirfd, ".", O_RDONLY | O_DIRECTORY, 0, &fd, e);
	DIR *d = rc == 0 ? fdopendir(fd) : NULL;
	struct dirent *de;
	struct stat st;

	if (!d) {
		fd_close(&fd);
		return rc < 0 ? rc : dv_fail_errno(e, errno, "read the directory of uploads");
	}
	while (x->n < EXPIRE_MAX && (de = readdir(d))) {
		if (fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
		    st.st_mtime >= before)
			continue;
		if (strlen(de->d_name) == ROUTE_UPLOAD_SIZE - 1)
			memcpy(x->ids[x->n++], de->d_name, ROUTE_UPLOAD_SIZE);
		else if (!str_ends(de->d_name, ".json"))
			(void)unlinkat(dirfd(d), de->d_name, 0);
	}
	(void)closedir(d);
	return 0;
}

static int expiry_remove(void *ctx, struct dv_err *e)
{
	struct expiry *x = ctx;

	(void)e;
	for (size_t i = 0; i < x->n; i++)
		upload_remove_files(x->ids[i], x->g->uploads->dirfd, true);
	return 0;
}

static void expiry_end(void *ctx, int rc, const struct dv_err *e)
{
	struct expiry *x = ctx;

	if (rc < 0)
		log_warn("uploads not looked through", "error", e->msg, NULL);
	x->g->expiry_runs = false;
	free(x->ids);
	free(x);
}

/* Back on the loop: those that somebody writes to stay. */
static void expiry_looked(void *ctx, int rc, const struct dv_err *e)
{
	struct expiry *x = ctx;
	size_t kept = 0;

	for (size_t i = 0; i < x->n; i++) {
		struct upload *u = upload_find(x->g->uploads, x->ids[i]);

		if (u && u->owner)
			continue;
		upload_free(u ? map_del(x->g->uploads->by_id, u->id) : NULL);
		memmove(x->ids[kept++], x->ids[i], ROUTE_UPLOAD_SIZE);
	}
	x->n = kept;
	if (rc < 0 || !kept || job_submit(x->g->pool, expiry_remove, expiry_end, x, NULL) < 0)
		expiry_end(x, rc, e);
}

void uploads_expire(struct registry *g)
{
	if (g->expiry_runs)
		return;
	struct expiry *x = mem_new(struct expiry);
	x->g = g;
	x->ids = mem_resize(NULL, EXPIRE_MAX, ROUTE_UPLOAD_SIZE);
	g->expiry_runs = true;
	if (job_submit(g->pool, expiry_look, expiry_looked, x, NULL) < 0)
		expiry_end(x, 0, NULL);
}
