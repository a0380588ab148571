/* oci_archive.c - an OCI layout in a tar as a destination: always a new one, in place of what was there. */
#include <pthread.h>
#include <stdio.h>

#include "base/map.h"
#include "base/str.h"
#include "transfer/layout.h"
#include "transfer/oci_parts.h"
#include "transfer/tarfile.h"

struct oci_archive {
	struct arena a;
	struct tarfile *tar;
	struct layout_index index;
	struct map *members;            /* "sha256:HEX" of what is in it */
	pthread_mutex_t lock;           /* of members */
	const char *ref;
};

static void archive_dest_close(void *ctx)
{
	struct oci_archive *d = ctx;

	tarfile_close(d->tar);
	map_free(d->members, NULL);
	(void)pthread_mutex_destroy(&d->lock);
	arena_done(&d->a);
	free(d);
}

static int archive_dest_open(const struct place *p, const struct place_options *o, void **ret, struct dv_err *e)
{
	struct tarfile *tar;
	int rc = o->stream_fd > 0 ? tarfile_on(o->stream_fd, p->path, &tar, e) : tarfile_create(p->path, &tar, e);

	if (rc < 0)
		return rc;
	struct oci_archive *d = mem_new(struct oci_archive);
	d->tar = tar;
	d->members = map_new();
	d->ref = p->ref;
	arena_init(&d->a, 0);
	(void)pthread_mutex_init(&d->lock, NULL);
	layout_index_new(&d->index, &d->a);
	*ret = d;
	return 0;
}

static bool is_member(struct oci_archive *d, const struct digest *digest)
{
	char text[DIGEST_TEXT_SIZE];

	(void)pthread_mutex_lock(&d->lock);
	bool has = map_get(d->members, digest_text(digest, text)) != NULL;
	(void)pthread_mutex_unlock(&d->lock);
	return has;
}

static void member_add(struct oci_archive *d, const struct digest *digest)
{
	char text[DIGEST_TEXT_SIZE];

	(void)pthread_mutex_lock(&d->lock);
	(void)map_set(d->members, digest_text(digest, text), d);
	(void)pthread_mutex_unlock(&d->lock);
}

static int archive_dest_has(void *ctx, const struct descriptor *blob, const struct place *from, bool *ret,
			    struct dv_err *e)
{
	(void)from;
	(void)e;
	*ret = is_member(ctx, &blob->digest);
	return 0;
}

static const char *blob_name(void *ctx, char out[TARFILE_NAME_MAX + 1])
{
	const struct descriptor *blob = ctx;
	char path[LAYOUT_PATH_SIZE];

	(void)snprintf(out, TARFILE_NAME_MAX + 1, "%s", layout_blob_path(&blob->digest, path));
	return out;
}

static int archive_dest_blob(void *ctx, struct descriptor *blob, const struct tar_source *in, struct dv_err *e)
{
	struct oci_archive *d = ctx;
	int rc = tarfile_add(d->tar, &(struct tarfile_name){ blob_name, blob }, blob->size, in, e);

	if (rc == 0)
		member_add(d, &blob->digest);
	return rc;
}

static int archive_dest_document(void *ctx, const struct document *doc, const char *name, struct dv_err *e)
{
	struct oci_archive *d = ctx;
	struct memory_source text = { doc->text, doc->len };
	const struct tar_source in = { memory_source_next, &text };
	struct descriptor blob = { .digest = doc->digest, .size = doc->len };
	struct manifest_info m;
	int rc = manifest_info_parse(&d->a, doc->text, doc->len, doc->media_type, &m, e);

	if (rc == 0 && !is_member(d, &doc->digest))
		rc = archive_dest_blob(d, &blob, &in, e);
	if (rc < 0 || (!name && !m.subject.alg))
		return rc;
	return layout_index_add(&d->index, doc, arena_str(&d->a, doc->media_type),
				!name || *name ? name : d->ref, e);
}

static int archive_dest_commit(void *ctx, struct dv_err *e)
{
	struct oci_archive *d = ctx;
	const char *text = layout_index_text(&d->index);
	int rc = tarfile_add_bytes(d->tar, LAYOUT_FILE, LAYOUT_FILE_TEXT, strlen(LAYOUT_FILE_TEXT), e);

	if (rc == 0)
		rc = tarfile_add_bytes(d->tar, "index.json", text, strlen(text), e);
	return rc < 0 ? rc : tarfile_commit(d->tar, e);
}

static const struct dest_ops ops = {
	.accepts = DEST_OCI_ONLY, .open = archive_dest_open, .close = archive_dest_close, .has = archive_dest_has,
	.blob = archive_dest_blob, .document = archive_dest_document, .commit = archive_dest_commit,
};

const struct transport transport_oci_archive = { "oci-archive", place_parse_path, &oci_source_ops, &ops };
