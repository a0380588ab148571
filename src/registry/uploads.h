/* uploads.h - blobs that are coming in: files in ROOT/registry/uploads that survive us.
 *
 * ID holds the bytes, ID.json the repository and how many of them count. A chunk
 * that names its place (Content-Range) counts when all of it has come; a stream
 * counts byte by byte. The table and everything here belongs to the loop's
 * thread, but for what the comments say runs in jobs; an upload has one owner at a
 * time, the ask that reads or writes it.
 */
#pragma once

#include "base/list.h"
#include "registry/ask.h"

#define UPLOAD_CHUNK ((size_t)64 << 10)         /* two of these buffer an upload */
#define UPLOADS_MAX 4096                        /* that this process knows of */

struct upload {
	char id[ROUTE_UPLOAD_SIZE];
	char *repo, *peer;
	struct ask *owner;
	uint64_t size;                  /* bytes in the file */
	uint64_t committed;             /* bytes that count; jobs of the owner write it */
	uint64_t shown;                 /* the same as of the last time that nobody owned it */
	uint64_t touched_ms;
	int fd;                         /* of the file while somebody owns it, or -1 */
	bool hashed;                    /* hash is that of the size bytes */
	struct digest_stream hash, hash_committed;
	/* while a body is coming */
	bool receiving, chunk, stream_marked, writing, ended, paused;
	struct buf fill, drain;         /* coming in; being written by a job */
	bool gone;                      /* has become a blob, or was removed */
};

int uploads_new(struct registry *g, struct uploads **ret, struct dv_err *e) DV_MUST_USE;
void uploads_free(struct uploads *u);
unsigned uploads_len(const struct uploads *u);
int uploads_dirfd(const struct uploads *u);
/* Removes files nobody has touched for so long: as a job. */
void uploads_expire(struct registry *g);

struct upload *upload_find(struct uploads *us, const char *id);
/* A new one, or one that was read from disk; in the table. NULL: too many, of the repository, the peer or in all. */
struct upload *upload_add(struct registry *g, const char *id, const char *repo, const char *peer);
void upload_new_id(char out[ROUTE_UPLOAD_SIZE]);
/* The ask has no more to do with it. */
void upload_release(struct ask *q);
/* The client left in the middle: keeps or takes back what came, by a job. False when there is nothing to do. */
bool upload_cut(struct ask *q);

/* --- in jobs --- */

int upload_create(struct upload *u, int dirfd, struct dv_err *e) DV_MUST_USE;
/* Repository and length of an upload of an earlier process. NOT_FOUND. */
int upload_read_info(struct arena *a, int dirfd, const char *id, struct upload_info *ret, struct dv_err *e) DV_MUST_USE;
/* Appends u->drain. */
int upload_write(struct upload *u, int dirfd, struct dv_err *e) DV_MUST_USE;
/* All that is there counts from now on. */
int upload_commit(struct upload *u, int dirfd, struct dv_err *e) DV_MUST_USE;
/* Back to what counted. */
int upload_rollback(struct upload *u, int dirfd, struct dv_err *e) DV_MUST_USE;
/* The digest of all of it. */
int upload_digest(struct upload *u, int dirfd, enum digest_alg alg, struct digest *ret, struct dv_err *e) DV_MUST_USE;
void upload_remove_files(const char *id, int dirfd, bool data_too);
