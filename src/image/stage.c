/* stage.c - the work directory of one load, pull or removal.
 *
 * A stage is tmp/PID.N, flocked by its owner through a descriptor of the
 * directory. Making it and looking for dead ones happen under images.lock, so that
 * nobody takes a stage for dead between mkdir and flock. A dead stage may have died
 * in the middle of publishing: then files without rows are looked for as well.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/list.h"
#include "base/str.h"
#include "image/store_parts.h"

#define STAGED_MAX 4096

/* --- dead owners --- */

static int stage_remove(struct image_store *s, const char *name, struct dv_err *e)
{
	auto_close int tmp = -1;
	int rc = file_open(s->rootfd, "tmp", O_RDONLY | O_DIRECTORY, 0, &tmp, e);

	return rc < 0 ? rc : file_remove_tree(tmp, name, e);
}

int store_dir_each(int rootfd, const char *path, int (*each)(void *ctx, const char *name, struct dv_err *e), void *ctx,
		   struct dv_err *e)
{
	int fd, rc = file_open(rootfd, path, O_RDONLY | O_DIRECTORY, 0, &fd, e);

	if (rc < 0)
		return rc;
	DIR *d = fdopendir(fd);
	if (!d) {
		(void)close(fd);
		return dv_fail_errno(e, ENOMEM, "read %s", path);
	}
	struct dirent *de;
	while (rc == 0 && (de = readdir(d)))
		if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
			rc = each(ctx, de->d_name, e);
	(void)closedir(d);
	return rc;
}

struct sweep {
	struct image_stage *st;
	const char *dir;
	const char *sql;
	const char *prefix;
	bool found_dead;
};

static int sweep_tmp(void *ctx, const char *name, struct dv_err *e)
{
	struct sweep *w = ctx;
	auto_close int fd = -1;
	auto_free char *path = mem_printf("tmp/%s", name);

	if (streq(name, w->st->name))
		return 0;
	if (file_open(w->st->store->rootfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd, NULL) < 0)
		return 0;
	if (file_lock(fd, true, false, path, NULL) < 0)
		return 0;
	w->found_dead = true;
	return stage_remove(w->st->store, name, e);
}

static int sweep_stray(void *ctx, const char *name, struct dv_err *e)
{
	struct sweep *w = ctx;
	auto_free char *key = mem_printf("%s%s", w->prefix, name);
	DB_STMT(q);
	int rc = db_query(w->st->store->db, &q, e, w->sql, "t", key);

	if (rc == 0)
		rc = db_row(q, e);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	auto_free char *path = mem_printf("%s/%s", w->dir, name);
	return stage_trash(w->st, path, e);
}

static int sweep_all(struct image_stage *st, struct dv_err *e)
{
	static const char blob[] = "SELECT 1 FROM blobs WHERE digest = ?";
	static const char layer[] = "SELECT 1 FROM layers WHERE dir = ?";
	struct sweep w[] = {
		{ st, "layers", layer, "layers/", false },
		{ st, "blobs/sha256", blob, "sha256:", false },
		{ st, "blobs/sha512", blob, "sha512:", false },
	};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(w) && rc == 0; i++)
		rc = store_dir_each(st->store->rootfd, w[i].dir, sweep_stray, &w[i], e);
	return rc;
}

/* --- open and close --- */

static int stage_make(struct image_stage *st, struct dv_err *e)
{
	for (unsigned i = 0; i < 10000; i++) {
		auto_free char *path = NULL;

		(void)snprintf(st->name, sizeof(st->name), "%d.%u", (int)getpid(), i);
		path = mem_printf("tmp/%s", st->name);
		if (mkdirat(st->store->rootfd, path, 0700) < 0) {
			if (errno == EEXIST)
				continue;
			return dv_fail_errno(e, errno, "make %s", path);
		}
		int rc = file_open(st->store->rootfd, path, O_RDONLY | O_DIRECTORY, 0, &st->fd, e);
		return rc < 0 ? rc : file_lock(st->fd, true, false, path, e);
	}
	return dv_fail(e, DV_LIMIT, "too many directories in tmp");
}

int image_stage_open(struct image_store *s, struct image_stage **ret, struct dv_err *e)
{
	auto_close int lock = -1;
	int rc = store_lock(s, &lock, e);

	if (rc < 0)
		return store_wrap_readonly(s, rc, e);
	auto_stage struct image_stage *st = mem_new(struct image_stage);
	struct sweep w = { .st = st };
	st->store = s;
	st->fd = -1;
	(void)pthread_mutex_init(&st->lock, NULL);
	rc = stage_make(st, e);
	if (rc == 0)
		rc = store_dir_each(s->rootfd, "tmp", sweep_tmp, &w, e);
	if (rc == 0 && w.found_dead)
		rc = sweep_all(st, e);
	if (rc == 0)
		*ret = take_ptr(&st);
	return rc;
}

void image_stage_close(struct image_stage *st)
{
	if (!st)
		return;
	stage_flush_end(st);
	/* Nothing to tell: what stays is removed by the next one. */
	if (st->fd >= 0)
		(void)!stage_remove(st->store, st->name, NULL);
	fd_close(&st->fd);
	for (unsigned i = 0; i < st->n_held; i++)
		fd_close(&st->held[i]);
	(void)pthread_mutex_destroy(&st->lock);
	free(st->held);
	free(st->v);
	free(st);
}

int image_stage_dirfd(const struct image_stage *st)
{
	return st->fd;
}

struct image_store *stage_store(struct image_stage *st)
{
	return st->store;
}

int stage_trash(struct image_stage *st, const char *path, struct dv_err *e)
{
	char name[24];

	(void)snprintf(name, sizeof(name), "trash%u", st->trash++);
	int rc = store_rename(st->store->rootfd, path, st->fd, name, e);
	return rc == -DV_NOT_FOUND ? 0 : rc;
}

int stage_empty(struct image_stage *st, struct dv_err *e)
{
	char name[24];
	int rc = 0;

	while (rc == 0 && st->trash_gone < st->trash) {
		(void)snprintf(name, sizeof(name), "trash%u", st->trash_gone++);
		rc = file_remove_tree(st->fd, name, e);
	}
	return rc;
}

/* --- holding --- */

static int stage_hold(struct image_stage *st, const char *path, struct dv_err *e)
{
	auto_close int fd = -1;
	int rc = store_hold(st->store, path, &fd, e);

	if (rc < 0)
		return rc;
	(void)pthread_mutex_lock(&st->lock);
	if (!st->held)
		st->held = mem_resize(NULL, STAGED_MAX, sizeof(*st->held));
	if (st->n_held < STAGED_MAX)
		st->held[st->n_held++] = take_fd(&fd);
	else
		rc = dv_fail(e, DV_LIMIT, "more than %d layers and blobs at once", STAGED_MAX);
	(void)pthread_mutex_unlock(&st->lock);
	return rc;
}

int image_stage_hold_blob(struct image_stage *st, const struct digest *d, struct dv_err *e)
{
	char path[STORE_PATH_SIZE];

	return stage_hold(st, store_blob_path(d, path), e);
}

int image_stage_hold_layer(struct image_stage *st, const struct digest *name, struct dv_err *e)
{
	char path[STORE_PATH_SIZE];

	return stage_hold(st, store_layer_path(name, path), e);
}

/* --- staging --- */

void staged_name(unsigned no, char out[16])
{
	(void)snprintf(out, 16, "%u", no);
}

const char *staged_path(const struct staged *x, char out[STORE_PATH_SIZE])
{
	return x->layer ? store_layer_path(&x->name, out) : store_blob_path(&x->name, out);
}

static int staged_new(struct image_stage *st, bool layer, unsigned *ret, struct dv_err *e)
{
	int rc = 0;

	(void)pthread_mutex_lock(&st->lock);
	if (st->n == STAGED_MAX) {
		rc = dv_fail(e, DV_LIMIT, "more than %d layers and blobs at once", STAGED_MAX);
	} else {
		if (!st->v)
			st->v = mem_resize(NULL, STAGED_MAX, sizeof(*st->v));
		st->v[st->n] = (struct staged){ .layer = layer };
		*ret = st->n++;
	}
	(void)pthread_mutex_unlock(&st->lock);
	return rc;
}

int image_stage_blob(struct image_stage *st, unsigned *ret_no, int *ret_fd, struct dv_err *e)
{
	char name[16];
	unsigned no = 0;
	int rc = staged_new(st, false, &no, e);

	if (rc < 0)
		return rc;
	staged_name(no, name);
	rc = file_open(st->fd, name, O_RDWR | O_CREAT | O_EXCL, 0600, ret_fd, e);
	if (rc == 0)
		*ret_no = no;
	return rc;
}

int image_stage_blob_done(struct image_stage *st, unsigned no, const struct digest *d, uint64_t size,
			  struct dv_err *e)
{
	(void)e;
	st->v[no].name = *d;
	st->v[no].size = size;
	st->v[no].done = true;
	return 0;
}

int image_stage_bytes(struct image_stage *st, const struct digest *d, const void *data, size_t len, struct dv_err *e)
{
	auto_close int fd = -1;
	unsigned no;
	int rc = image_stage_blob(st, &no, &fd, e);

	if (rc == 0)
		rc = fd_write_all(fd, data, len, "staged blob", e);
	return rc < 0 ? rc : image_stage_blob_done(st, no, d, len, e);
}

/* Tried once for a stage, by whoever comes first. Rootless there is nothing but directories. */
static int stage_driver(struct image_stage *st, bool rootless, const struct layer_driver **ret, struct dv_err *e)
{
	int rc = 0;

	if (rootless) {
		*ret = layer_drivers[0];
		return 0;
	}
	(void)pthread_mutex_lock(&st->lock);
	if (!st->chosen)
		rc = layer_driver_choose(st->fd, &st->choice, e);
	st->chosen = rc == 0;
	*ret = st->choice.driver;
	(void)pthread_mutex_unlock(&st->lock);
	return rc;
}

/* Passes the stream on and counts it. */
struct counted {
	const struct tar_source *in;
	struct image_stage *st;
};

static int counted_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct counted *c = ctx;
	int rc = c->in->next(c->in->ctx, ret, ret_len, e);

	if (rc > 0)
		stage_flush_count(c->st, *ret_len);
	return rc;
}

int image_stage_layer_make(struct image_stage *st, const struct tar_source *src, const struct unpack_options *o,
			   unsigned *ret_no, struct unpack_result *ret, struct dv_err *e)
{
	struct counted counted = { src, st };
	const struct tar_source in = { counted_next, &counted, NULL };
	const struct layer_driver *d;
	char name[16];
	unsigned no = 0;
	int rc = stage_driver(st, o->rootless, &d, e);

	if (rc == 0)
		rc = staged_new(st, true, &no, e);
	if (rc < 0)
		return rc;
	st->v[no].driver = d->name;
	staged_name(no, name);
	rc = layer_make(d, st->fd, name, &in, o, ret, e);
	if (rc == 0)
		*ret_no = no;
	return rc;
}

int image_stage_layer(struct image_stage *st, unsigned *ret_no, int *ret_fd, struct dv_err *e)
{
	char name[16];
	unsigned no = 0;
	int rc = staged_new(st, true, &no, e);

	if (rc < 0)
		return rc;
	staged_name(no, name);
	/* A layer that says nothing about its root gets what a root directory usually has. */
	if (mkdirat(st->fd, name, 0755) < 0 || fchmodat(st->fd, name, 0755, 0) < 0)
		return dv_fail_errno(e, errno, "make layer directory");
	rc = file_open(st->fd, name, O_RDONLY | O_DIRECTORY, 0, ret_fd, e);
	if (rc == 0)
		*ret_no = no;
	return rc;
}

int image_stage_layer_done(struct image_stage *st, unsigned no, const struct digest *name,
			   const struct digest *diff_id, uint64_t size, struct dv_err *e)
{
	(void)e;
	st->v[no].name = *name;
	st->v[no].diff_id = *diff_id;
	st->v[no].size = size;
	st->v[no].done = true;
	return 0;
}

void image_stage_layer_driver(struct image_stage *st, unsigned no, const char *driver)
{
	st->v[no].driver = driver;
}

int image_stage_layer_open(struct image_stage *st, const struct digest *layer, int *ret_fd, struct dv_err *e)
{
	char name[16], path[STORE_PATH_SIZE];

	for (unsigned i = 0; i < st->n; i++) {
		if (!st->v[i].layer || !st->v[i].done || !digest_equal(&st->v[i].name, layer))
			continue;
		staged_name(i, name);
		return layer_open(st->fd, name, ret_fd, e);
	}
	return layer_open(st->store->rootfd, store_layer_path(layer, path), ret_fd, e);
}
