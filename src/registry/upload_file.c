/* upload_file.c - the files of an upload. On job threads. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "json/view.h"
#include "registry/uploads.h"

#define INFO_BYTES_MAX 4096
#define READ_BYTES (256 << 10)

#define INFO_VIEW(F, c) \
	F(c, str,  repo,      "repository", REQ, NULL) \
	F(c, str,  peer,      "peer",       0,   NULL) \
	F(c, u64,  committed, "committed",  REQ, NULL) \
	F(c, bool, stream,    "stream",     0,   NULL)
DV_VIEW(info_view, INFO_VIEW);

static void info_name(const char *id, char out[ROUTE_UPLOAD_SIZE + 8])
{
	(void)snprintf(out, ROUTE_UPLOAD_SIZE + 8, "%s.json", id);
}

/* stream: every byte of the file counts. Not synced: after a power failure an upload may be lost, or longer than its
 * bytes; its digest tells. */
static int info_write(const struct upload *u, int dirfd, bool stream, struct dv_err *e)
{
	char name[ROUTE_UPLOAD_SIZE + 8];
	auto_arena struct arena a;

	arena_init(&a, 0);
	const char *text = json_text(&a, json_obj(&a, "repository", json_new_str(&a, u->repo), "peer",
						  json_new_str(&a, u->peer), "committed", json_new_u64(&a, u->committed),
						  "stream", json_new_bool(&a, stream), NULL), JSON_COMPACT);
	info_name(u->id, name);
	return file_replace(dirfd, name, 0600, text, strlen(text), false, e);
}

int upload_read_info(struct arena *a, int dirfd, const char *id, struct upload_info *ret, struct dv_err *e)
{
	char name[ROUTE_UPLOAD_SIZE + 8];
	struct info_view v;
	struct json *j;
	struct stat st;

	info_name(id, name);
	int rc = json_parse_file(a, dirfd, name, &j, e);
	if (rc == 0)
		rc = view_decode(a, j, &info_view_schema, name, &v, e);
	if (rc < 0)
		return rc;
	if (fstatat(dirfd, id, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return dv_fail_errno(e, errno, "upload %s", id);
	uint64_t committed = v.stream ? (uint64_t)st.st_size : DV_MIN(v.committed.v, (uint64_t)st.st_size);
	*ret = (struct upload_info){ v.repo, v.peer ? v.peer : "", committed };
	return 0;
}

int upload_create(struct upload *u, int dirfd, struct dv_err *e)
{
	int rc = file_open(dirfd, u->id, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, &u->fd, e);

	return rc < 0 ? rc : info_write(u, dirfd, false, e);
}

static int file_ready(struct upload *u, int dirfd, struct dv_err *e)
{
	return u->fd >= 0 ? 0 : file_open(dirfd, u->id, O_RDWR | O_NOFOLLOW, 0, &u->fd, e);
}

int upload_write(struct upload *u, int dirfd, struct dv_err *e)
{
	int rc = file_ready(u, dirfd, e);

	if (rc == 0 && !u->chunk && !u->stream_marked) {
		rc = info_write(u, dirfd, true, e);
		u->stream_marked = rc == 0;
	}
	for (size_t done = 0; rc == 0 && done < u->drain.len;) {
		ssize_t n = pwrite(u->fd, u->drain.p + done, u->drain.len - done, (off_t)(u->size + done));

		if (n < 0 && errno != EINTR)
			rc = dv_fail_errno(e, errno, "write upload %s", u->id);
		done += n > 0 ? (size_t)n : 0;
	}
	if (rc < 0)
		return rc;
	if (u->hashed)
		digest_add(&u->hash, u->drain.p, u->drain.len);
	u->size += u->drain.len;
	return 0;
}

int upload_commit(struct upload *u, int dirfd, struct dv_err *e)
{
	uint64_t before = u->committed;

	u->committed = u->size;
	int rc = info_write(u, dirfd, false, e);
	if (rc < 0)
		u->committed = before;
	else
		u->hash_committed = u->hash;
	return rc;
}

int upload_rollback(struct upload *u, int dirfd, struct dv_err *e)
{
	int rc = file_ready(u, dirfd, e);

	if (rc < 0)
		return rc;
	if (ftruncate(u->fd, (off_t)u->committed) < 0)
		return dv_fail_errno(e, errno, "cut upload %s", u->id);
	u->size = u->committed;
	u->hash = u->hash_committed;
	return 0;
}

int upload_digest(struct upload *u, int dirfd, enum digest_alg alg, struct digest *ret, struct dv_err *e)
{
	struct digest_stream s = u->hash;
	int rc = file_ready(u, dirfd, e);

	if (rc < 0)
		return rc;
	if (!u->hashed || u->hash.alg != alg) {
		auto_free char *block = mem_alloc(READ_BYTES);
		uint64_t at = 0;

		digest_begin(&s, alg);
		while (at < u->size) {
			ssize_t n = pread(u->fd, block, (size_t)DV_MIN(u->size - at, (uint64_t)READ_BYTES), (off_t)at);

			if (n == 0)
				return dv_fail(e, DV_CORRUPT, "upload %s is shorter than it was", u->id);
			if (n < 0 && errno != EINTR)
				return dv_fail_errno(e, errno, "read upload %s", u->id);
			digest_add(&s, block, n > 0 ? (size_t)n : 0);
			at += n > 0 ? (uint64_t)n : 0;
		}
	}
	digest_end(&s, ret);
	return 0;
}

void upload_remove_files(const char *id, int dirfd, bool data_too)
{
	char name[ROUTE_UPLOAD_SIZE + 8];

	info_name(id, name);
	(void)unlinkat(dirfd, name, 0);
	if (data_too)
		(void)unlinkat(dirfd, id, 0);
}
