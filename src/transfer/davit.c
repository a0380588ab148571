/* davit.c - the local store as a source and as a destination.
 *
 * Blobs and manifests go into the store as they come, held by a stage. At the
 * commit the image is unpacked from there by the loader, which publishes it under
 * its names; of an index that is this machine's image, the index comes with it.
 * The store is one thread's: calls that need its database take a lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "image/manifests.h"
#include "image/name.h"
#include "image/store.h"
#include "transfer/layout.h"
#include "transfer/load.h"
#include "transfer/oci_parts.h"

/* "davit:" alone is an image without a name: a destination only. */
static int davit_parse(struct arena *a, const char *rest, struct place *ret, struct dv_err *e)
{
	(void)e;
	ret->path = arena_str(a, rest);
	return 0;
}

static int store_of(const struct place_options *o, struct image_store **ret, struct dv_err *e)
{
	if (!o->store)
		return dv_fail(e, DV_INTERNAL, "no store was opened for davit: places");
	*ret = o->store;
	return 0;
}

/* --- source --- */

struct davit_source {
	struct arena a;
	struct image_store *store;
	struct manifest_row row;
};

static void source_done(void *ctx)
{
	struct davit_source *s = ctx;

	arena_done(&s->a);
	free(s);
}

static int source_begin(const struct place *p, const struct place_options *o, void **ret, struct dv_err *e)
{
	struct davit_source *s = mem_new(struct davit_source);
	int rc = store_of(o, &s->store, e);

	arena_init(&s->a, 0);
	if (rc == 0 && !*p->path)
		rc = dv_fail(e, DV_INVALID, "davit: wants the name of an image");
	if (rc == 0)
		rc = manifest_resolve(s->store, &s->a, p->path, &s->row, e);
	if (rc < 0) {
		source_done(s);
		return rc;
	}
	*ret = s;
	return 0;
}

static int source_doc(void *ctx, struct arena *a, const struct digest *d, struct document *ret, struct dv_err *e)
{
	struct davit_source *s = ctx;

	if (!d)
		ret->media_type = s->row.media_type;
	return manifest_load(s->store, a, d ? d : &s->row.digest, &ret->text, &ret->len, e);
}

struct davit_blob {
	int fd;
	char *buf;
};
#define CHUNK ((size_t)256 << 10)

static int blob_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct davit_blob *b = ctx;
	ssize_t n = fd_read_full(b->fd, b->buf, CHUNK, "stored blob", e);

	if (n < 0)
		return (int)n;
	*ret = b->buf;
	*ret_len = (size_t)n;
	return n > 0;
}

static void blob_close(void *ctx)
{
	struct davit_blob *b = ctx;

	fd_close(&b->fd);
	free(b->buf);
	free(b);
}

static int source_stream(void *ctx, const struct descriptor *d, uint64_t offset, struct blob_stream *ret,
			 struct dv_err *e)
{
	struct davit_source *s = ctx;
	auto_close int fd = -1;
	uint64_t size;
	int rc = blob_open(s->store, &d->digest, &fd, &size, e);

	if (rc < 0)
		return rc;
	if (size != d->size)
		return dv_fail(e, DV_CORRUPT, "stored blob of %llu bytes, the descriptor says %llu", (unsigned long long)size,
			       (unsigned long long)d->size);
	if (lseek(fd, (off_t)offset, SEEK_SET) < 0)
		return dv_fail_errno(e, errno, "stored blob");
	struct davit_blob *b = mem_new(struct davit_blob);
	*b = (struct davit_blob){ take_fd(&fd), mem_alloc(CHUNK) };
	*ret = (struct blob_stream){ { blob_next, b }, blob_close, b };
	return 0;
}

static int source_refs(void *ctx, struct arena *a, const struct digest *subject, struct descriptor **ret, size_t *ret_n,
		       struct dv_err *e)
{
	struct davit_source *s = ctx;
	struct manifest_rows rows;
	int rc = manifest_referrers(s->store, a, subject, NULL, &rows, e);

	if (rc < 0)
		return rc;
	struct descriptor *v = arena_array(a, struct descriptor, rows.n + 1);
	for (size_t i = 0; i < rows.n; i++)
		v[i] = (struct descriptor){ .media_type = rows.v[i].media_type, .digest = rows.v[i].digest,
					    .size = rows.v[i].size, .artifact_type = rows.v[i].artifact_type };
	*ret = v;
	*ret_n = rows.n;
	return 0;
}

static const struct source_ops source_ops = {
	.open = source_begin, .close = source_done, .document = source_doc, .blob = source_stream, .referrers = source_refs,
};

/* --- destination --- */

struct davit_dest {
	struct arena a;
	struct image_store *store;
	struct image_stage *stage;      /* holds the blobs */
	pthread_mutex_t lock;           /* of store and stage */
	struct platform platform;
	const char *name;               /* canonical, or NULL */
	/* what has a name */
	bool has_doc;
	struct document doc;
	struct manifest_info info;
	const char **names;
	size_t n_names;
};

static void dest_done(void *ctx)
{
	struct davit_dest *d = ctx;

	image_stage_close(d->stage);
	(void)pthread_mutex_destroy(&d->lock);
	arena_done(&d->a);
	free(d);
}

static int dest_name(struct davit_dest *d, const char *text, const char **ret, struct dv_err *e)
{
	struct image_name n;
	int rc = image_name_parse(&d->a, text, &n, e);

	if (rc == 0 && n.digest)
		return dv_fail(e, DV_INVALID, "a name to give cannot have a digest: %s", text);
	if (rc == 0)
		*ret = image_name_text(&d->a, &n);
	return rc;
}

static int dest_begin(const struct place *p, const struct place_options *o, void **ret, struct dv_err *e)
{
	struct davit_dest *d = mem_new(struct davit_dest);
	int rc = store_of(o, &d->store, e);

	arena_init(&d->a, 0);
	(void)pthread_mutex_init(&d->lock, NULL);
	if (o->platform)
		d->platform = *o->platform;
	else if (rc == 0)
		rc = platform_parse(&d->a, NULL, &d->platform, e);
	if (rc == 0 && *p->path)
		rc = dest_name(d, p->path, &d->name, e);
	if (rc == 0)
		rc = image_stage_open(d->store, &d->stage, e);
	if (rc < 0) {
		dest_done(d);
		return rc;
	}
	*ret = d;
	return 0;
}

static int dest_has(void *ctx, const struct descriptor *blob, const struct place *from, bool *ret, struct dv_err *e)
{
	struct davit_dest *d = ctx;

	(void)from;
	/* One that is held stays until the commit. */
	int rc = image_stage_hold_blob(d->stage, &blob->digest, e);
	if (rc < 0 && rc != -DV_NOT_FOUND)
		return rc;
	*ret = rc == 0;
	return 0;
}

static int write_all(struct blob_writer *w, const struct tar_source *in, struct dv_err *e)
{
	const void *p;
	size_t len;
	int rc;

	while ((rc = in->next(in->ctx, &p, &len, e)) > 0) {
		rc = blob_write(w, p, len, e);
		if (rc < 0)
			break;
	}
	return rc;
}

static int dest_put(void *ctx, struct descriptor *blob, const struct tar_source *in, struct dv_err *e)
{
	struct davit_dest *d = ctx;
	auto_blob_writer struct blob_writer *w = NULL;
	const struct blob_meta meta = { .media_type = blob->media_type, .stage = d->stage };

	/* The source is checked as it is read, to the last byte (dest_ops.blob). */
	(void)pthread_mutex_lock(&d->lock);
	int rc = blob_begin(d->store, DIGEST_NONE, &w, e);
	(void)pthread_mutex_unlock(&d->lock);
	if (rc == 0)
		rc = write_all(w, in, e);
	if (rc < 0)
		return rc;
	(void)pthread_mutex_lock(&d->lock);
	rc = blob_commit(w, &blob->digest, &meta, NULL, e);
	(void)pthread_mutex_unlock(&d->lock);
	return rc;
}

static int dest_named(struct davit_dest *d, const struct document *doc, const char *name, struct dv_err *e)
{
	const char **more = arena_array(&d->a, const char *, d->n_names + 2);
	int rc = 0;

	if (d->has_doc && !digest_equal(&d->doc.digest, &doc->digest))
		return dv_fail(e, DV_INTERNAL, "two images for one name");
	if (!d->has_doc)
		rc = manifest_info_parse(&d->a, doc->text, doc->len, doc->media_type, &d->info, e);
	if (rc == 0 && *name)
		rc = dest_name(d, name, &name, e);
	else
		name = d->name;
	if (rc < 0)
		return rc;
	d->doc = *doc;
	d->has_doc = true;
	if (d->n_names > 0)
		memcpy(more, d->names, d->n_names * sizeof(*more));
	if (name)
		more[d->n_names++] = name;
	d->names = more;
	return 0;
}

static int dest_doc(void *ctx, const struct document *doc, const char *name, struct dv_err *e)
{
	struct davit_dest *d = ctx;
	const struct blob_meta meta = { .stage = d->stage };
	int rc = manifest_put(d->store, &doc->digest, doc->text, doc->len, doc->media_type, NULL, &meta, e);

	return rc < 0 || !name ? rc : dest_named(d, doc, name, e);
}

/* --- commit --- */

/* The image of this machine that the named document is, or leads to. */
static int image_of(struct davit_dest *d, struct descriptor *ret, struct dv_err *e)
{
	struct manifest_info info = d->info;
	struct descriptor at = { .media_type = d->doc.media_type, .digest = d->doc.digest, .size = d->doc.len };

	for (int i = 0; i < 4 && info.kind == MANIFEST_CLASS_INDEX; i++) {
		const struct manifest index = { .kind = MANIFEST_INDEX, .v = info.refs, .n = info.n };
		const struct descriptor *child;
		const char *text;
		size_t len;
		int rc = manifest_select(&index, &d->platform, &child, e);

		if (rc == 0)
			rc = manifest_load(d->store, &d->a, &child->digest, &text, &len, e);
		if (rc == 0)
			rc = manifest_info_parse(&d->a, text, len, child->media_type, &info, e);
		if (rc < 0)
			return rc;
		at = *child;
	}
	if (info.kind != MANIFEST_CLASS_IMAGE)
		return dv_fail(e, DV_NOT_FOUND, "not an image");
	*ret = at;
	return 0;
}

static int link_blob(struct davit_dest *d, int dirfd, const struct digest *digest, struct dv_err *e)
{
	char path[LAYOUT_PATH_SIZE];

	/* The store names its blobs as a layout does. */
	layout_blob_path(digest, path);
	if (linkat(image_store_rootfd(d->store), path, dirfd, path, 0) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "link %s", path);
	return 0;
}

static int link_blobs(struct davit_dest *d, int dirfd, const struct descriptor *image, struct dv_err *e)
{
	struct manifest_info info;
	const char *text;
	size_t len;
	int rc = manifest_load(d->store, &d->a, &image->digest, &text, &len, e);

	if (rc == 0)
		rc = manifest_info_parse(&d->a, text, len, image->media_type, &info, e);
	if (rc == 0)
		rc = file_mkdirs(dirfd, "blobs/sha256", 0700, NULL, e);
	if (rc == 0)
		rc = file_mkdirs(dirfd, "blobs/sha512", 0700, NULL, e);
	if (rc == 0)
		rc = link_blob(d, dirfd, &image->digest, e);
	for (size_t i = 0; i < info.n && rc == 0; i++)
		rc = link_blob(d, dirfd, &info.refs[i].digest, e);
	return rc;
}

/* index.json with one entry for each name, or one without. */
static const char *index_text(struct davit_dest *d, const struct descriptor *image)
{
	struct json *list = json_new_array(&d->a);

	for (size_t i = 0; i < DV_MAX(d->n_names, (size_t)1); i++) {
		struct descriptor entry = { .media_type = image->media_type, .digest = image->digest, .size = image->size };

		if (i < d->n_names)
			entry.annotations = json_obj(&d->a, LAYOUT_REF_NAME, json_new_str(&d->a, d->names[i]), NULL);
		json_append(&d->a, list, descriptor_json(&d->a, &entry));
	}
	return json_text(&d->a, json_obj(&d->a, "schemaVersion", json_new_u64(&d->a, 2), "manifests", list, NULL),
			 JSON_COMPACT);
}

/* A layout of links in the stage, for the loader. */
static int layout_make(struct davit_dest *d, const struct descriptor *image, int *ret_fd, struct dv_err *e)
{
	const char *text = index_text(d, image);
	auto_close int fd = -1;
	int rc = file_mkdirs(image_stage_dirfd(d->stage), "layout", 0700, NULL, e);

	if (rc == 0)
		rc = file_open(image_stage_dirfd(d->stage), "layout", O_RDONLY | O_DIRECTORY, 0, &fd, e);
	if (rc == 0)
		rc = link_blobs(d, fd, image, e);
	if (rc == 0)
		rc = file_replace(fd, LAYOUT_FILE, 0600, LAYOUT_FILE_TEXT, strlen(LAYOUT_FILE_TEXT), false, e);
	if (rc == 0)
		rc = file_replace(fd, "index.json", 0600, text, strlen(text), false, e);
	if (rc == 0)
		*ret_fd = take_fd(&fd);
	return rc;
}

static int load_image(struct davit_dest *d, const struct descriptor *image, struct dv_err *e)
{
	const struct platform *p = &d->platform;
	auto_close int fd = -1;
	struct load_result r;
	int rc = layout_make(d, image, &fd, e);

	if (rc < 0)
		return rc;
	const struct load_options o = {
		.fd = fd, .what = d->names && d->names[0] ? d->names[0] : "image",
		.platform = arena_printf(&d->a, "%s/%s%s%s", p->os, p->arch, *p->variant ? "/" : "", p->variant),
		.indexes = &d->doc.digest, .n_indexes = d->info.kind == MANIFEST_CLASS_INDEX,
	};
	return image_load(d->store, &o, &d->a, &r, e);
}

/* An artifact, or an index without an image for this machine. */
static int name_only(struct davit_dest *d, struct dv_err *e)
{
	int rc = 0;

	for (size_t i = 0; i < d->n_names && rc == 0; i++)
		rc = manifest_tag(d->store, &d->doc.digest, d->names[i], e);
	return rc;
}

static int dest_end(void *ctx, struct dv_err *e)
{
	struct davit_dest *d = ctx;
	struct descriptor image;
	struct dv_err why = DV_ERR_NONE;

	if (!d->has_doc)
		return 0;
	int rc = image_of(d, &image, &why);
	if (rc == -DV_NOT_FOUND)
		return name_only(d, e);
	if (rc == 0)
		rc = load_image(d, &image, &why);
	if (rc < 0 && e)
		*e = why;
	return rc;
}

static const struct dest_ops dest_ops = {
	.accepts = DEST_ANY, .open = dest_begin, .close = dest_done, .has = dest_has, .blob = dest_put,
	.document = dest_doc, .commit = dest_end,
};

const struct transport transport_davit = { "davit", davit_parse, &source_ops, &dest_ops };
