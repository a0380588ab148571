/* oci_source.c - OCI layouts as a source: a directory, or a tar of one. */
#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "image/store.h"
#include "json/view.h"
#include "transfer/archive.h"
#include "transfer/layout.h"
#include "transfer/oci_parts.h"

struct oci_source {
	struct arena a;
	struct archive *ar;
	int fd;
	const char *text, *ref;         /* of the place */
	struct manifest_info index;
	struct manifest_info *docs;          /* of the entries, once referrers were asked for; zeroed for what cannot be read */
};

/* --- blobs --- */

struct oci_blob {
	struct archive_member member;
	struct archive_reader reader;
};

static void blob_close(void *ctx)
{
	struct oci_blob *b = ctx;

	archive_reader_done(&b->reader);
	archive_member_done(&b->member);
	free(b);
}

int archive_blob(struct archive *ar, const char *member, uint64_t size, uint64_t offset, struct blob_stream *ret,
		 struct dv_err *e)
{
	auto_free struct oci_blob *b = mem_new(struct oci_blob);
	int rc = archive_find(ar, member, &b->member, e);

	if (rc < 0)
		return rc;
	if (size != BLOB_SIZE_UNKNOWN && b->member.size != size) {
		rc = dv_fail(e, DV_INVALID, "%s: %llu bytes, the descriptor says %llu", member,
			     (unsigned long long)b->member.size, (unsigned long long)size);
		archive_member_done(&b->member);
		return rc;
	}
	offset = DV_MIN(offset, b->member.size);
	b->member.offset += offset;
	b->member.size -= offset;
	archive_reader_init(ar, &b->member, &b->reader);
	*ret = (struct blob_stream){ { archive_reader_next, &b->reader }, blob_close, b };
	ret->ctx = take_ptr(&b);
	return 0;
}

int archive_text(struct archive *ar, const char *member, size_t max, struct arena *a, const char **ret, size_t *ret_len,
		 struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(max);
	int rc = archive_read(ar, member, &b, e);

	if (rc < 0)
		return rc;
	*ret = arena_strn(a, buf_cstr(&b), b.len);
	*ret_len = b.len;
	return 0;
}

static int oci_blob(void *ctx, const struct descriptor *d, uint64_t offset, struct blob_stream *ret, struct dv_err *e)
{
	struct oci_source *s = ctx;
	char path[LAYOUT_PATH_SIZE];

	return archive_blob(s->ar, layout_blob_path(&d->digest, path), d->size, offset, ret, e);
}

/* --- open --- */

#define LAYOUT_VIEW(F, c) F(c, str, version, "imageLayoutVersion", REQ, NULL)
DV_VIEW(layout_view, LAYOUT_VIEW);

static int read_layout(struct oci_source *s, struct dv_err *e)
{
	struct layout_view v;
	struct json *tree;
	const char *text;
	size_t len;
	int rc = archive_text(s->ar, LAYOUT_FILE, 4096, &s->a, &text, &len, e);

	if (rc == 0)
		rc = json_parse(&s->a, text, len, &tree, e);
	if (rc == 0)
		rc = view_decode(&s->a, tree, &layout_view_schema, "", &v, e);
	if (rc < 0)
		return dv_wrap(e, LAYOUT_FILE);
	if (!streq(v.version, "1.0.0"))
		return dv_fail(e, DV_UNSUPPORTED, LAYOUT_FILE " of version \"%.40s\"", v.version);
	rc = archive_text(s->ar, "index.json", IMAGE_MANIFEST_MAX, &s->a, &text, &len, e);
	if (rc == 0)
		rc = manifest_info_parse(&s->a, text, len, "", &s->index, e);
	if (rc < 0)
		return dv_wrap(e, "index.json");
	return s->index.kind == MANIFEST_CLASS_INDEX ? 0 : dv_fail(e, DV_INVALID, "index.json is not an index");
}

static int open_at(struct oci_source *s, const struct place *p, struct dv_err *e)
{
	auto_close int tmp = -1;
	int rc = file_open(AT_FDCWD, p->path, O_RDONLY, 0, &s->fd, e);

	if (rc == 0)
		rc = tmpdir_open(&tmp, e);
	if (rc == 0)
		rc = archive_open(s->fd, tmp, p->path, &s->ar, e);
	if (rc < 0)
		return rc;
	rc = read_layout(s, e);
	return rc < 0 ? dv_wrap(e, "%s", p->path) : 0;
}

static void oci_close(void *ctx)
{
	struct oci_source *s = ctx;

	archive_close(s->ar);
	fd_close(&s->fd);
	arena_done(&s->a);
	free(s);
}

static int oci_open(const struct place *p, const struct place_options *o, void **ret, struct dv_err *e)
{
	struct oci_source *s = mem_new(struct oci_source);

	(void)o;
	s->fd = -1;
	s->text = p->text;
	s->ref = p->ref;
	arena_init(&s->a, 0);
	int rc = open_at(s, p, e);
	if (rc < 0) {
		oci_close(s);
		return rc;
	}
	*ret = s;
	return 0;
}

/* --- documents --- */

static const char *entry_name(const struct descriptor *d)
{
	return json_str(json_get(d->annotations, LAYOUT_REF_NAME));
}

/* "@3" is the entry of this number. */
static int by_number(const struct oci_source *s, const struct descriptor **ret, struct dv_err *e)
{
	uint64_t i;
	int rc = str_u64(s->ref + 1, UINT32_MAX, "number of an entry", &i, e);

	if (rc < 0)
		return rc;
	if (i >= s->index.n)
		return dv_fail(e, DV_NOT_FOUND, "%s: index.json has %zu entries", s->text, s->index.n);
	*ret = &s->index.refs[i];
	return 0;
}

static int manifests_read(struct oci_source *s, struct dv_err *e);

/* The only one, not counting what refers to others. */
static int only_entry(struct oci_source *s, const struct descriptor **ret, struct dv_err *e)
{
	const struct descriptor *only = NULL;
	int rc = s->index.n > 1 ? manifests_read(s, e) : 0;

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < s->index.n; i++) {
		if (s->docs && s->docs[i].subject.alg)
			continue;
		if (only)
			return dv_fail(e, DV_INVALID, "%s: there are several images: name one", s->text);
		only = &s->index.refs[i];
	}
	if (!only)
		return dv_fail(e, DV_NOT_FOUND, "%s: there is no image", s->text);
	*ret = only;
	return 0;
}

static int named_entry(struct oci_source *s, const struct descriptor **ret, struct dv_err *e)
{
	if (!s->ref)
		return only_entry(s, ret, e);
	if (*s->ref == '@')
		return by_number(s, ret, e);
	for (size_t i = 0; i < s->index.n; i++) {
		const char *name = entry_name(&s->index.refs[i]);

		if (name && streq(name, s->ref)) {
			*ret = &s->index.refs[i];
			return 0;
		}
	}
	return dv_fail(e, DV_NOT_FOUND, "%s: no image of this name in index.json", s->text);
}

static int read_entry(struct oci_source *s, struct arena *a, const struct descriptor *d, struct document *ret,
		      struct dv_err *e)
{
	char path[LAYOUT_PATH_SIZE];
	struct digest have;

	if (d->size > IMAGE_MANIFEST_MAX)
		return dv_fail(e, DV_LIMIT, "%s: manifest is larger than %zu bytes", s->text, IMAGE_MANIFEST_MAX);
	int rc = archive_text(s->ar, layout_blob_path(&d->digest, path), IMAGE_MANIFEST_MAX, a, &ret->text, &ret->len, e);
	if (rc < 0)
		return dv_wrap(e, "%s", s->text);
	digest_of(d->digest.alg, ret->text, ret->len, &have);
	if (ret->len != d->size || !digest_equal(&have, &d->digest))
		return dv_fail(e, DV_INVALID, "%s: %s is not what index.json says of it", s->text, path);
	ret->media_type = d->media_type;
	return 0;
}

static int oci_document(void *ctx, struct arena *a, const struct digest *d, struct document *ret, struct dv_err *e)
{
	struct oci_source *s = ctx;
	const struct descriptor *entry = NULL;
	char path[LAYOUT_PATH_SIZE];

	if (d) {
		int rc = archive_text(s->ar, layout_blob_path(d, path), IMAGE_MANIFEST_MAX, a, &ret->text, &ret->len, e);
		return rc < 0 ? dv_wrap(e, "%s", s->text) : 0;
	}
	int rc = named_entry(s, &entry, e);
	return rc < 0 ? rc : read_entry(s, a, entry, ret, e);
}

/* --- lists --- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int oci_tags(void *ctx, struct arena *a, const char ***ret, struct dv_err *e)
{
	struct oci_source *s = ctx;
	const char **v = arena_array(a, const char *, s->index.n + 1);
	size_t n = 0;

	(void)e;
	for (size_t i = 0; i < s->index.n; i++)
		if (entry_name(&s->index.refs[i]))
			v[n++] = arena_str(a, entry_name(&s->index.refs[i]));
	qsort(v, n, sizeof(*v), by_text);
	*ret = v;
	return 0;
}

/* Every entry of index.json, once. One that makes no sense is not what anybody refers with. */
static int manifests_read(struct oci_source *s, struct dv_err *e)
{
	if (s->docs)
		return 0;
	struct manifest_info *v = arena_array(&s->a, struct manifest_info, s->index.n + 1);
	for (size_t i = 0; i < s->index.n; i++) {
		struct document doc;

		if (s->a.used_bytes > s->a.max_bytes)
			return dv_fail(e, DV_LIMIT, "%s: the manifests are too large", s->text);
		if (read_entry(s, &s->a, &s->index.refs[i], &doc, NULL) == 0)
			dv_ignore(manifest_info_parse(&s->a, doc.text, doc.len, s->index.refs[i].media_type, &v[i], NULL));
	}
	s->docs = v;
	return 0;
}

static int oci_referrers(void *ctx, struct arena *a, const struct digest *subject, struct descriptor **ret,
			 size_t *ret_n, struct dv_err *e)
{
	struct oci_source *s = ctx;
	int rc = manifests_read(s, e);

	if (rc < 0)
		return rc;
	struct descriptor *v = arena_array(a, struct descriptor, s->index.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s->index.n; i++)
		if (s->docs[i].subject.alg && digest_equal(&s->docs[i].subject, subject))
			v[n++] = s->index.refs[i];
	*ret = v;
	*ret_n = n;
	return 0;
}

const struct source_ops oci_source_ops = {
	.open = oci_open, .close = oci_close, .document = oci_document, .blob = oci_blob, .tags = oci_tags,
	.referrers = oci_referrers,
};
