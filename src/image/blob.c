/* blob.c - blobs that are there: open, hold, ask, note, pin.
 *
 * A blob's file is complete whenever it has its name, so reading asks the file
 * system alone. To hold one is a shared flock on its file: whoever removes takes
 * the exclusive one first, and whoever got the lock looks whether the file still
 * has its name.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/blob.h"
#include "image/store.h"
#include "image/store_parts.h"

/* --- files --- */

static int blob_fail(int rc, const struct digest *d, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];

	return rc == -DV_NOT_FOUND ? dv_fail(e, DV_NOT_FOUND, "no such blob: %s", digest_text(d, text)) : rc;
}

int blob_open(const struct image_store *s, const struct digest *d, int *ret_fd, uint64_t *ret_size, struct dv_err *e)
{
	char path[STORE_PATH_SIZE];
	auto_close int fd = -1;
	struct stat st;
	int rc = file_open(s->rootfd, store_blob_path(d, path), O_RDONLY | O_NOFOLLOW, 0, &fd, e);

	if (rc < 0)
		return blob_fail(rc, d, e);
	if (ret_size) {
		if (fstat(fd, &st) < 0)
			return dv_fail_errno(e, errno, "stat %s", path);
		*ret_size = (uint64_t)st.st_size;
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

int image_store_blob_open(struct image_store *s, const struct digest *d, int *ret_fd, struct dv_err *e)
{
	return blob_open(s, d, ret_fd, NULL, e);
}

int blob_has(const struct image_store *s, const struct digest *d, bool *ret, struct dv_err *e)
{
	char path[STORE_PATH_SIZE];
	struct stat st;
	int rc = fstatat(s->rootfd, store_blob_path(d, path), &st, AT_SYMLINK_NOFOLLOW);

	if (rc < 0 && errno != ENOENT)
		return dv_fail_errno(e, errno, "stat %s", path);
	*ret = rc == 0;
	return 0;
}

int blob_read(const struct image_store *s, const struct digest *d, struct buf *b, struct dv_err *e)
{
	char path[STORE_PATH_SIZE];
	auto_close int fd = -1;
	int rc = blob_open(s, d, &fd, NULL, e);

	return rc < 0 ? rc : fd_read_to(fd, b, store_blob_path(d, path), e);
}

bool store_same_file(int fd, int dirfd, const char *name)
{
	struct stat mine, there;

	return fstat(fd, &mine) == 0 && fstatat(dirfd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

int store_hold(const struct image_store *s, const char *path, int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	int rc = file_open(s->rootfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd, e);

	if (rc == 0)
		rc = file_lock(fd, false, true, path, e);
	if (rc < 0)
		return rc;
	/* Who removes it had the lock before us. */
	if (!store_same_file(fd, s->rootfd, path))
		return dv_fail(e, DV_NOT_FOUND, "%s is being removed", path);
	*ret_fd = take_fd(&fd);
	return 0;
}

int blob_hold(const struct image_store *s, const struct digest *d, int *ret_fd, struct dv_err *e)
{
	char path[STORE_PATH_SIZE];

	return blob_fail(store_hold(s, store_blob_path(d, path), ret_fd, e), d, e);
}

/* --- rows --- */

#define INFO_COLUMNS "SELECT digest, size, media_type, created, diff_id FROM blobs "

static int info_of_row(struct arena *a, struct db_stmt *q, struct blob_info *ret, struct dv_err *e)
{
	struct blob_info b = { .size = (uint64_t)db_i64(q, 1), .created = db_i64(q, 3) };
	int rc = digest_parse(db_text(q, 0), &b.digest, e);

	if (rc == 0 && db_text(q, 4))
		rc = digest_parse(db_text(q, 4), &b.diff_id, e);
	if (rc < 0)
		return dv_wrap(e, "engine.db: blobs");
	b.media_type = db_text(q, 2) ? arena_str(a, db_text(q, 2)) : NULL;
	*ret = b;
	return 0;
}

int blob_stat(struct image_store *s, struct arena *a, const struct digest *d, struct blob_info *ret, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, INFO_COLUMNS "WHERE digest = ?", "t", digest_text(d, text));

	if (rc == 0)
		rc = db_row(q, e);
	if (rc < 0)
		return rc;
	return rc == 0 ? blob_fail(-DV_NOT_FOUND, d, e) : info_of_row(a, q, ret, e);
}

#define VARIANTS_MAX 64

int blob_of_layer(struct image_store *s, struct arena *a, const struct digest *diff_id, struct blob_list *ret,
		  struct dv_err *e)
{
	struct blob_list l = { arena_array(a, struct blob_info, VARIANTS_MAX), 0 };
	char text[DIGEST_TEXT_SIZE];
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, INFO_COLUMNS "WHERE diff_id = ? ORDER BY id LIMIT 64", "t",
			  digest_text(diff_id, text));

	while (rc >= 0 && (rc = db_row(q, e)) > 0)
		rc = info_of_row(a, q, &l.v[l.n++], e);
	if (rc == 0)
		*ret = l;
	return rc;
}

/* --- in a transaction, the caller's or one of our own --- */

int store_begin(struct image_store *s, bool *ret_own, struct dv_err *e)
{
	*ret_own = !db_in_transaction(s->db);
	return *ret_own ? db_begin(s->db, e) : 0;
}

int store_end(struct image_store *s, bool own, int rc, struct dv_err *e)
{
	if (!own)
		return rc;
	if (rc >= 0)
		return db_commit(s->db, e);
	db_rollback(s->db);
	return rc;
}

static int pin_row(struct image_store *s, const char *holder, const struct digest *d, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	int rc = db_exec(s->db, e, "INSERT INTO pins (holder, blob) SELECT ?1, id FROM blobs WHERE digest = ?2"
				   " ON CONFLICT DO UPDATE SET holder = holder", "tt", holder, digest_text(d, text));

	return rc == 0 ? blob_fail(-DV_NOT_FOUND, d, e) : rc < 0 ? rc : 0;
}

int blob_pin(struct image_store *s, const char *holder, const struct digest *d, struct dv_err *e)
{
	bool own;
	int rc = store_begin(s, &own, e);

	return rc < 0 ? rc : store_end(s, own, pin_row(s, holder, d, e), e);
}

int blob_unpin(struct image_store *s, const char *holder, const struct digest *d, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	bool own;
	int rc = store_begin(s, &own, e);

	if (rc == 0)
		rc = db_exec(s->db, e, "DELETE FROM pins WHERE holder = ? AND blob = (SELECT id FROM blobs WHERE digest = ?)",
			     "tt", holder, digest_text(d, text));
	return store_end(s, own, rc < 0 ? rc : 0, e);
}

int blob_unpin_all(struct image_store *s, const char *holder, struct dv_err *e)
{
	bool own;
	int rc = store_begin(s, &own, e);

	if (rc == 0)
		rc = db_exec(s->db, e, "DELETE FROM pins WHERE holder = ?", "t", holder);
	return store_end(s, own, rc < 0 ? rc : 0, e);
}

/* --- what goes with a blob --- */

int blob_meta_rows(struct image_store *s, const struct digest *d, const struct blob_meta *m, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE], diff[DIGEST_TEXT_SIZE];
	int rc = db_exec(s->db, e, "UPDATE blobs SET created = unixepoch(), media_type = coalesce(?2, media_type),"
				   " diff_id = coalesce(?3, diff_id) WHERE digest = ?1", "ttt", digest_text(d, text),
			 m ? m->media_type : NULL, m && m->diff_id ? digest_text(m->diff_id, diff) : NULL);

	if (rc == 0)
		return blob_fail(-DV_NOT_FOUND, d, e);
	if (rc > 0 && m && m->pin)
		rc = pin_row(s, m->pin, d, e);
	if (rc >= 0 && m && m->also)
		rc = m->also(m->ctx, s, e);
	return rc < 0 ? rc : 0;
}

int blob_note(struct image_store *s, const struct digest *d, const struct blob_meta *m, struct dv_err *e)
{
	bool own;
	int rc = m && m->stage ? image_stage_hold_blob(m->stage, d, e) : 0;

	if (rc == 0)
		rc = store_begin(s, &own, e);
	return rc < 0 ? rc : store_end(s, own, blob_meta_rows(s, d, m, e), e);
}
