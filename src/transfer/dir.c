/* dir.c - skopeo's plain directory of one image: manifest.json, and blobs by the hex of their digest.
 *
 * What an index has below it is HEX.manifest.json. Digests that are not sha256 have
 * "ALG-" in front. The directory is made anew and takes the place of the old one.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "image/store.h"
#include "transfer/oci_parts.h"

#define VERSION_FILE "version"
#define VERSION_TEXT "Directory Transport Version: 1.1\n"
#define VERSION_PREFIX "Directory Transport Version: 1."
#define NAME_SIZE (DIGEST_TEXT_SIZE + sizeof(".manifest.json"))

static const char *blob_name(const struct digest *d, const char *suffix, char out[NAME_SIZE])
{
	char hex[DIGEST_TEXT_SIZE];

	(void)snprintf(out, NAME_SIZE, "%s%s%s%s", d->alg == DIGEST_SHA256 ? "" : digest_alg_name(d->alg),
		       d->alg == DIGEST_SHA256 ? "" : "-", digest_hex(d, hex), suffix);
	return out;
}

/* The path has no ":REF" behind it. */
static int dir_parse(struct arena *a, const char *rest, struct place *ret, struct dv_err *e)
{
	ret->path = arena_str(a, rest);
	return *rest ? 0 : dv_fail(e, DV_INVALID, "\"%.200s\": no path", ret->text);
}

/* --- source --- */

struct dir_source {
	struct archive *ar;
	int fd;
};

static void source_done(void *ctx)
{
	struct dir_source *s = ctx;

	archive_close(s->ar);
	fd_close(&s->fd);
	free(s);
}

static int version_check(struct archive *ar, const char *path, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(200);
	int rc = archive_read(ar, VERSION_FILE, &b, e);

	if (rc == 0 && !str_starts(buf_cstr(&b), VERSION_PREFIX))
		return dv_fail(e, DV_UNSUPPORTED, "%s: its file \"version\" is not of a directory of version 1", path);
	return rc < 0 ? dv_wrap(e, "%s", path) : 0;
}

static int source_begin(const struct place *p, const struct place_options *o, void **ret, struct dv_err *e)
{
	struct dir_source *s = mem_new(struct dir_source);

	(void)o;
	s->fd = -1;
	int rc = file_open(AT_FDCWD, p->path, O_RDONLY | O_DIRECTORY, 0, &s->fd, e);
	if (rc == 0)
		rc = archive_open(s->fd, s->fd, p->path, &s->ar, e);
	if (rc == 0)
		rc = version_check(s->ar, p->path, e);
	if (rc < 0) {
		source_done(s);
		return rc;
	}
	*ret = s;
	return 0;
}

static int source_doc(void *ctx, struct arena *a, const struct digest *d, struct document *ret, struct dv_err *e)
{
	struct dir_source *s = ctx;
	char name[NAME_SIZE];
	int rc;

	if (!d)
		return archive_text(s->ar, "manifest.json", IMAGE_MANIFEST_MAX, a, &ret->text, &ret->len, e);
	rc = archive_text(s->ar, blob_name(d, ".manifest.json", name), IMAGE_MANIFEST_MAX, a, &ret->text, &ret->len, NULL);
	/* manifest.json may be the one: who asks verifies. */
	return rc < 0 ? archive_text(s->ar, "manifest.json", IMAGE_MANIFEST_MAX, a, &ret->text, &ret->len, e) : 0;
}

static int source_stream(void *ctx, const struct descriptor *d, uint64_t offset, struct blob_stream *ret,
			 struct dv_err *e)
{
	struct dir_source *s = ctx;
	char name[NAME_SIZE];

	return archive_blob(s->ar, blob_name(&d->digest, "", name), d->size, offset, ret, e);
}

static const struct source_ops source_ops = {
	.open = source_begin, .close = source_done, .document = source_doc, .blob = source_stream,
};

/* --- destination --- */

struct dir_dest {
	struct newdir dir;
	bool named;
};

static void dest_done(void *ctx)
{
	struct dir_dest *d = ctx;

	newdir_done(&d->dir);
	free(d);
}

/* Only our like is replaced. */
static int place_check(const char *path, struct dv_err *e)
{
	auto_close int fd = -1;
	struct stat st;
	int rc = file_open(AT_FDCWD, path, O_PATH, 0, &fd, NULL);

	if (rc < 0)
		return 0;
	if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return dv_fail(e, DV_INVALID, "%s is not a directory", path);
	if (fstatat(fd, VERSION_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0 && !newdir_is_empty(fd))
		return dv_fail(e, DV_INVALID, "%s is neither empty nor a directory of an image", path);
	return 0;
}

static int dest_begin(const struct place *p, const struct place_options *o, void **ret, struct dv_err *e)
{
	int rc = place_check(p->path, e);
	struct newdir dir;

	(void)o;
	if (rc == 0)
		rc = newdir_make(&dir, p->path, e);
	if (rc < 0)
		return rc;
	struct dir_dest *d = mem_new(struct dir_dest);
	d->dir = dir;
	*ret = d;
	return 0;
}

static int dest_has(void *ctx, const struct descriptor *blob, const struct place *from, bool *ret, struct dv_err *e)
{
	struct dir_dest *d = ctx;
	char name[NAME_SIZE];
	struct stat st;

	(void)from;
	(void)e;
	*ret = fstatat(d->dir.fd, blob_name(&blob->digest, "", name), &st, AT_SYMLINK_NOFOLLOW) == 0;
	return 0;
}

static int dest_put(void *ctx, struct descriptor *blob, const struct tar_source *in, struct dv_err *e)
{
	struct dir_dest *d = ctx;
	char name[NAME_SIZE];
	struct newfile f;
	int rc = newfile_make(&f, d->dir.fd, in, e);

	if (rc < 0)
		return rc;
	rc = newfile_place(&f, blob_name(&blob->digest, "", name), e);
	newfile_done(&f);
	return rc;
}

static int dest_doc(void *ctx, const struct document *doc, const char *name, struct dv_err *e)
{
	struct dir_dest *d = ctx;
	char file[NAME_SIZE];

	if (name && d->named)
		return 0;               /* a second name of the same */
	d->named = d->named || name;
	return file_replace(d->dir.fd, name ? "manifest.json" : blob_name(&doc->digest, ".manifest.json", file), 0644,
			    doc->text, doc->len, false, e);
}

static int dest_end(void *ctx, struct dv_err *e)
{
	struct dir_dest *d = ctx;
	int rc = file_replace(d->dir.fd, VERSION_FILE, 0644, VERSION_TEXT, strlen(VERSION_TEXT), false, e);

	return rc < 0 ? rc : newdir_commit(&d->dir, true, e);
}

static const struct dest_ops dest_ops = {
	.accepts = DEST_ANY, .open = dest_begin, .close = dest_done, .has = dest_has, .blob = dest_put,
	.document = dest_doc, .commit = dest_end,
};

const struct transport transport_dir = { "dir", dir_parse, &source_ops, &dest_ops };
