/* blob.h - single blobs of the store: read, put, download in pieces, keep alive.
 *
 * A blob is a file blobs/ALG/HEX and a row. The file appears under its name only
 * when its digest was verified and its bytes were synced, and the row follows; so a
 * blob can be opened and read by its digest without asking the database, from any
 * number of threads and processes at once. Whoever has it open reads on, even when
 * it is removed meanwhile.
 *
 * What keeps a blob: images, manifests that are kept (manifests.h), pins, and for as
 * long as a process needs it without any of these, a lock (blob_hold). Otherwise the
 * collector takes it when it has been there for a while (gc.h).
 *
 * Functions marked [any thread] touch no database; the others belong to the thread of
 * the store. Order of locks: partial downloads, images.lock, engine.db.lock.
 */
#pragma once

#include "base/buf.h"
#include "image/digest.h"
#include "image/image.h"

struct image_stage;

/* --- read --- */

/* For reading; ret_size may be NULL. NOT_FOUND. [any thread] */
int blob_open(const struct image_store *s, const struct digest *d, int *ret_fd, uint64_t *ret_size,
	      struct dv_err *e) DV_MUST_USE;
/* The file is there. [any thread] */
int blob_has(const struct image_store *s, const struct digest *d, bool *ret, struct dv_err *e) DV_MUST_USE;
/* The whole of a small one, appended to b; LIMIT past b's maximum. The digest is not verified again. [any thread] */
int blob_read(const struct image_store *s, const struct digest *d, struct buf *b, struct dv_err *e) DV_MUST_USE;
/* Opened as blob_open(), and it stays in the store as long as the descriptor is open (a shared flock). [any thread] */
int blob_hold(const struct image_store *s, const struct digest *d, int *ret_fd, struct dv_err *e) DV_MUST_USE;

struct blob_info {
	struct digest digest;
	uint64_t size;
	const char *media_type;         /* as far as known, or NULL */
	int64_t created;                /* seconds since 1970: when it came, or was last asked to stay */
	struct digest diff_id;          /* of a layer whose plain tar was hashed; alg 0 otherwise */
};
/* What the row says. NOT_FOUND. */
int blob_stat(struct image_store *s, struct arena *a, const struct digest *d, struct blob_info *ret,
	      struct dv_err *e) DV_MUST_USE;
struct blob_list {
	struct blob_info *v;
	size_t n;
};
/* All blobs whose plain tar has this digest: the same layer plain, as gzip, as zstd. */
int blob_of_layer(struct image_store *s, struct arena *a, const struct digest *diff_id, struct blob_list *ret,
		  struct dv_err *e) DV_MUST_USE;

/* --- where else it is --- */

#define BLOB_REPOS_MAX 8        /* of one blob: the oldest note goes */

/* The repository ("team/web") of the registry ("reg.example:5000") has these blobs; those that have no row here are left
 * out. */
int blob_repos_note(struct image_store *s, const struct digest *v, size_t n, const char *registry, const char *repo,
		    struct dv_err *e) DV_MUST_USE;
/* Repositories of the registry that had it once, the latest first; ends with NULL. */
int blob_repos(struct image_store *s, struct arena *a, const struct digest *d, const char *registry, const char ***ret,
	       struct dv_err *e) DV_MUST_USE;

/* --- put --- */

/* What goes with a blob into its row, in one transaction. All of it may be 0. */
struct blob_meta {
	const char *media_type;
	const struct digest *diff_id;           /* when the caller has hashed the plain tar: never hashed again */
	const char *pin;                        /* a holder */
	struct image_stage *stage;              /* holds it until the stage is closed */
	/* Called in the transaction, after row and pin: the caller's own rows. A failure undoes all. */
	int (*also)(void *ctx, struct image_store *s, struct dv_err *e);
	void *ctx;
};

/* Verified, synced, renamed, recorded; INVALID when the bytes have another digest. One that the store has
 * already is success (its row gets what meta says, its age starts anew). m may be NULL. */
int blob_put_bytes(struct image_store *s, const struct digest *d, const void *data, size_t len,
		   const struct blob_meta *m, struct dv_err *e) DV_MUST_USE;
/* From fd's position to its end. */
int blob_put_fd(struct image_store *s, const struct digest *d, int fd, const struct blob_meta *m, struct dv_err *e) DV_MUST_USE;
/* A finished file of the caller's, moved in when it is on the store's file system, copied otherwise (and then
 * left to the caller). The caller has hashed it: have must be what digest_end() said of all its bytes. */
int blob_put_file(struct image_store *s, const struct digest *have, int dirfd, const char *name,
		  const struct blob_meta *m, struct dv_err *e) DV_MUST_USE;
/* More about a blob that is there: fields of m that are set, its age starts anew. NOT_FOUND. */
int blob_note(struct image_store *s, const struct digest *d, const struct blob_meta *m, struct dv_err *e) DV_MUST_USE;

/* As a stream, when the digest is known at the end only. Writing is [any thread], commit is not. */
struct blob_writer;
/* DIGEST_NONE: the caller hashes what he writes, and what blob_commit() is told is taken for true. */
int blob_begin(struct image_store *s, enum digest_alg alg, struct blob_writer **ret, struct dv_err *e) DV_MUST_USE;
int blob_write(struct blob_writer *w, const void *data, size_t len, struct dv_err *e) DV_MUST_USE;
uint64_t blob_written(const struct blob_writer *w);
/* The file, for reading with pread(2) while it grows, and until the writer is freed; the writer's own. */
int blob_writer_fd(const struct blob_writer *w);
/* Of what was written so far. */
void blob_written_digest(const struct blob_writer *w, struct digest *ret);
/* want may be NULL: whatever it is; INVALID when it is another. *ret_digest may be NULL. The writer is used up
 * only by blob_writer_free(). */
int blob_commit(struct blob_writer *w, const struct digest *want, const struct blob_meta *m, struct digest *ret_digest,
		struct dv_err *e) DV_MUST_USE;
void blob_writer_free(struct blob_writer *w);   /* drops what was not committed */
static inline void blob_writer_auto_free(struct blob_writer **w) { blob_writer_free(*w); }
#define auto_blob_writer __attribute__((cleanup(blob_writer_auto_free)))

/* --- download --- *
 * partial/ALG-HEX holds what came so far of a blob, flocked by the one who downloads it. A second one waits
 * for the first and shares the result; what a killed one leaves is continued. All but open and commit are
 * [any thread], one at a time; a fetch that is open must not wait for another (open them one after the other
 * in each thread).
 *
 *	rc = blob_fetch_open(s, &d, true, &f, e);
 *	if (rc == 0 && !f) ... the store has it
 *	ask for bytes from blob_fetch_offset(f) on; when the server starts at 0: blob_fetch_rewind(f)
 *	blob_fetch_write(f, ...) ...; blob_fetch_commit(f, &meta, e); blob_fetch_close(f);
 */
struct blob_fetch;

/* *ret is NULL when the store has the blob (then also m's fields are noted by nobody: blob_note). Without
 * wait: CONFLICT when another downloads it. Bytes that are there are read once, for the running hash. */
int blob_fetch_open(struct image_store *s, const struct digest *d, bool wait, struct blob_fetch **ret,
		    struct dv_err *e) DV_MUST_USE;
uint64_t blob_fetch_offset(const struct blob_fetch *f);         /* bytes there */
/* The file, for reading with pread(2) while it grows; the fetch's own. */
int blob_fetch_fd(const struct blob_fetch *f);
int blob_fetch_rewind(struct blob_fetch *f, struct dv_err *e) DV_MUST_USE;
int blob_fetch_write(struct blob_fetch *f, const void *data, size_t len, struct dv_err *e) DV_MUST_USE;
/* Verify and put. INVALID when the digest is another: the bytes are dropped then. */
int blob_fetch_commit(struct blob_fetch *f, const struct blob_meta *m, struct dv_err *e) DV_MUST_USE;
/* What was not committed stays for the next one, unless it is nothing or proved wrong. */
void blob_fetch_close(struct blob_fetch *f);
static inline void blob_fetch_auto_close(struct blob_fetch **f) { blob_fetch_close(*f); }
#define auto_fetch __attribute__((cleanup(blob_fetch_auto_close)))

/* --- keep alive --- *
 * holder is "MODULE:WHAT" ("registry:library/web"). In the caller's transaction when one is open, else in one of
 * its own. Taking a pin away removes no file: the collector does. */
int blob_pin(struct image_store *s, const char *holder, const struct digest *d, struct dv_err *e) DV_MUST_USE;  /* NOT_FOUND */
int blob_unpin(struct image_store *s, const char *holder, const struct digest *d, struct dv_err *e) DV_MUST_USE;
int blob_unpin_all(struct image_store *s, const char *holder, struct dv_err *e) DV_MUST_USE;
