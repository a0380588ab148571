/* oci_dest.c - an OCI layout directory as a destination.
 *
 * A new layout is made beside its place and moved there. In one that exists, blobs
 * are added first, which changes nothing for its readers; then index.json is
 * replaced, under a lock, so that writers at the same time keep each other's names.
 */
#include <errno.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "image/store.h"
#include "transfer/layout.h"
#include "transfer/oci_parts.h"

struct oci_entry {
	struct oci_entry *next;
	struct document doc;            /* without text */
	const char *media_type, *name;
};

struct oci_dest {
	struct arena a;
	struct newdir dir;              /* of a new layout */
	int fd;                         /* of the layout */
	int blobs[DIGEST_SHA512 + 1];   /* by algorithm; -1: not there yet */
	const char *path, *ref;
	struct oci_entry *first, **end;
};

/* --- open --- */

static int open_existing(struct oci_dest *d, struct dv_err *e)
{
	struct stat st;

	if (fstatat(d->fd, LAYOUT_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0 && !newdir_is_empty(d->fd))
		return dv_fail(e, DV_INVALID, "%s is neither empty nor an OCI layout", d->path);
	return 0;
}

static int open_blobs(struct oci_dest *d, struct dv_err *e)
{
	static const char *const names[] = { [DIGEST_SHA256] = "blobs/sha256", [DIGEST_SHA512] = "blobs/sha512" };
	int rc = 0;

	for (int alg = DIGEST_SHA256; alg <= DIGEST_SHA512 && rc == 0; alg++) {
		rc = file_mkdirs(d->fd, names[alg], 0755, NULL, e);
		if (rc == 0)
			rc = file_open(d->fd, names[alg], O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &d->blobs[alg], e);
	}
	return rc;
}

static int open_any(struct oci_dest *d, struct dv_err *e)
{
	int rc = file_open(AT_FDCWD, d->path, O_RDONLY | O_DIRECTORY, 0, &d->fd, e);

	if (rc == 0) {
		rc = open_existing(d, e);
	} else if (rc == -DV_NOT_FOUND) {
		rc = newdir_make(&d->dir, d->path, e);
		if (rc == 0)
			rc = fd_dup(d->dir.fd, &d->fd, e);
	}
	return rc < 0 ? rc : open_blobs(d, e);
}

static void oci_close(void *ctx)
{
	struct oci_dest *d = ctx;

	for (size_t i = 0; i < ARRAY_LEN(d->blobs); i++)
		fd_close(&d->blobs[i]);
	fd_close(&d->fd);
	newdir_done(&d->dir);
	arena_done(&d->a);
	free(d);
}

static int oci_open(const struct place *p, const struct place_options *o, void **ret, struct dv_err *e)
{
	struct oci_dest *d = mem_new(struct oci_dest);
	struct dv_err why = DV_ERR_NONE;

	(void)o;
	*d = (struct oci_dest){ .dir = { .parent = -1, .fd = -1 }, .fd = -1, .blobs = { -1, -1, -1 }, .path = p->path,
				.ref = p->ref };
	d->end = &d->first;
	arena_init(&d->a, 0);
	int rc = open_any(d, &why);
	if (rc < 0) {
		oci_close(d);
		if (e)
			*e = why;
		return rc;
	}
	*ret = d;
	return 0;
}

/* --- blobs --- */

static int oci_has(void *ctx, const struct descriptor *blob, const struct place *from, bool *ret, struct dv_err *e)
{
	struct oci_dest *d = ctx;
	char hex[DIGEST_TEXT_SIZE];
	struct stat st;

	(void)from;
	(void)e;
	*ret = fstatat(d->blobs[blob->digest.alg], digest_hex(&blob->digest, hex), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && (uint64_t)st.st_size == blob->size;
	return 0;
}

/* A blob that is there with another size is the leftover of a broken writer. */
static int remove_wrong(const struct oci_dest *d, const struct descriptor *blob, struct dv_err *e)
{
	int dirfd = d->blobs[blob->digest.alg];
	char hex[DIGEST_TEXT_SIZE];
	struct stat st;

	digest_hex(&blob->digest, hex);
	if (fstatat(dirfd, hex, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (S_ISREG(st.st_mode) && (uint64_t)st.st_size == blob->size))
		return 0;
	return unlinkat(dirfd, hex, 0) < 0 ? dv_fail_errno(e, errno, "%s: remove blobs/.../%s", d->path, hex) : 0;
}

static int oci_blob(void *ctx, struct descriptor *blob, const struct tar_source *in, struct dv_err *e)
{
	struct oci_dest *d = ctx;
	enum digest_alg alg = blob->digest.alg ? blob->digest.alg : DIGEST_SHA256;
	char hex[DIGEST_TEXT_SIZE];
	struct newfile f;
	int rc = newfile_make(&f, d->blobs[alg], in, e);

	if (rc < 0)
		return rc;
	rc = remove_wrong(d, blob, e);
	if (rc == 0)
		rc = newfile_place(&f, digest_hex(&blob->digest, hex), e);
	newfile_done(&f);
	return rc;
}

/* --- documents --- */

static int oci_document(void *ctx, const struct document *doc, const char *name, struct dv_err *e)
{
	struct oci_dest *d = ctx;
	struct manifest_info m;
	struct memory_source text = { doc->text, doc->len };
	const struct tar_source in = { memory_source_next, &text };
	struct descriptor blob = { .digest = doc->digest, .size = doc->len };
	int rc = manifest_info_parse(&d->a, doc->text, doc->len, doc->media_type, &m, e);

	if (rc == 0)
		rc = oci_blob(d, &blob, &in, e);
	if (rc < 0)
		return rc;
	/* Children of an index are found through it. */
	if (!name && !m.subject.alg)
		return 0;
	struct oci_entry *x = arena_new(&d->a, struct oci_entry);
	*x = (struct oci_entry){ .doc = *doc, .media_type = arena_str(&d->a, doc->media_type) };
	if (name)
		x->name = *name ? arena_str(&d->a, name) : d->ref;
	*d->end = x;
	d->end = &x->next;
	return 0;
}

/* --- commit --- */

static int index_now(struct oci_dest *d, struct layout_index *x, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(IMAGE_MANIFEST_MAX);
	int rc = file_read(d->fd, "index.json", &b, e);

	if (rc == -DV_NOT_FOUND) {
		layout_index_new(x, &d->a);
		return 0;
	}
	return rc < 0 ? rc : layout_index_read(x, &d->a, buf_cstr(&b), b.len, e);
}

static int write_index(struct oci_dest *d, struct dv_err *e)
{
	struct layout_index x;
	struct dv_err why = DV_ERR_NONE;
	int rc = index_now(d, &x, &why);

	for (const struct oci_entry *it = d->first; it && rc == 0; it = it->next)
		rc = layout_index_add(&x, &it->doc, it->media_type, it->name, &why);
	if (rc == 0)
		rc = file_replace(d->fd, LAYOUT_FILE, 0644, LAYOUT_FILE_TEXT, strlen(LAYOUT_FILE_TEXT), true, &why);
	if (rc < 0) {
		if (e)
			*e = why;
		return rc;
	}
	const char *text = layout_index_text(&x);
	return file_replace(d->fd, "index.json", 0644, text, strlen(text), true, e);
}

static int commit_existing(struct oci_dest *d, struct dv_err *e)
{
	if (syncfs(d->fd) < 0)
		return dv_fail_errno(e, errno, "sync %s", d->path);
	int rc = file_lock(d->fd, true, true, d->path, e);
	if (rc < 0)
		return rc;
	rc = write_index(d, e);
	fd_close(&d->fd);
	return rc;
}

static int oci_commit(void *ctx, struct dv_err *e)
{
	struct oci_dest *d = ctx;
	int rc;

	if (d->dir.fd < 0)
		return commit_existing(d, e);
	rc = write_index(d, e);
	return rc < 0 ? rc : newdir_commit(&d->dir, false, e);
}

static const struct dest_ops oci_dest_ops = {
	.accepts = DEST_OCI_ONLY, .open = oci_open, .close = oci_close, .has = oci_has, .blob = oci_blob,
	.document = oci_document, .commit = oci_commit,
};

const struct transport transport_oci = { "oci", place_parse_path, &oci_source_ops, &oci_dest_ops };
