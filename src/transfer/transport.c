/* transport.c - the table of transports, and what is the same for all of them: verification.
 *
 * Documents are hashed here when they come, blobs on their way into a
 * destination: the end of a stream is only reported when digest and size are
 * right, so no transport can forget to look.
 */
#include "base/str.h"
#include "image/store.h"
#include "transfer/transport_parts.h"

static const struct transport *const transports[] = {
	&transport_docker, &transport_oci, &transport_oci_archive, &transport_docker_archive, &transport_dir, &transport_davit,
};

/* --- places --- */

int place_parse_path(struct arena *a, const char *rest, struct place *ret, struct dv_err *e)
{
	const char *colon = strchr(rest, ':');

	ret->path = colon ? arena_strn(a, rest, (size_t)(colon - rest)) : arena_str(a, rest);
	ret->ref = colon && colon[1] ? arena_str(a, colon + 1) : NULL;
	return *ret->path ? 0 : dv_fail(e, DV_INVALID, "\"%.200s\": no path", ret->text);
}

int place_parse(struct arena *a, const char *text, struct place *ret, struct dv_err *e)
{
	struct place p = { .text = arena_str(a, text) };
	const char *rest = p.text;

	p.transport = &transport_docker;
	for (size_t i = 0; i < ARRAY_LEN(transports); i++) {
		const char *after = str_after(p.text, transports[i]->name);

		if (after && *after == ':') {
			p.transport = transports[i];
			rest = after + 1;
			break;
		}
	}
	int rc = p.transport->parse(a, rest, &p, e);
	if (rc == 0)
		*ret = p;
	return rc;
}

int place_make(struct arena *a, const char *transport, const char *path, const char *ref, struct place *ret,
	       struct dv_err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(transports); i++) {
		if (!streq(transports[i]->name, transport))
			continue;
		*ret = (struct place){ transports[i], arena_str(a, path), arena_str(a, path), ref ? arena_str(a, ref) : NULL };
		return 0;
	}
	return dv_fail(e, DV_INVALID, "%s: no such transport", transport);
}

const char *place_transport(const struct place *p)
{
	return p->transport->name;
}

/* --- sources --- */

struct source {
	struct place place;
	const struct source_ops *ops;
	void *ctx;
};

void blob_stream_close(struct blob_stream *s)
{
	if (s->close)
		s->close(s->ctx);
	*s = (struct blob_stream){ 0 };
}

int source_open(const struct place *p, const struct place_options *o, struct source **ret, struct dv_err *e)
{
	void *ctx;

	if (!p->transport->source)
		return dv_fail(e, DV_UNSUPPORTED, "%s: is written only", p->transport->name);
	int rc = p->transport->source->open(p, o, &ctx, e);
	if (rc < 0)
		return rc;
	struct source *s = mem_new(struct source);
	*s = (struct source){ *p, p->transport->source, ctx };
	*ret = s;
	return 0;
}

void source_close(struct source *s)
{
	if (!s)
		return;
	s->ops->close(s->ctx);
	free(s);
}

const struct place *source_place(const struct source *s)
{
	return &s->place;
}

int source_document(struct source *s, struct arena *a, const struct digest *d, struct document *ret, struct dv_err *e)
{
	char have[DIGEST_TEXT_SIZE], want[DIGEST_TEXT_SIZE];
	struct document doc = { .media_type = "" };
	int rc = s->ops->document(s->ctx, a, d, &doc, e);

	if (rc < 0)
		return rc;
	if (doc.len > IMAGE_MANIFEST_MAX)
		return dv_fail(e, DV_LIMIT, "%s: manifest is larger than %zu bytes", s->place.text, IMAGE_MANIFEST_MAX);
	digest_of(d ? d->alg : DIGEST_SHA256, doc.text, doc.len, &doc.digest);
	if (d && !digest_equal(d, &doc.digest))
		return dv_fail(e, DV_INVALID, "%s: the manifest has digest %s, not %s", s->place.text,
			       digest_text(&doc.digest, have), digest_text(d, want));
	*ret = doc;
	return 0;
}

int source_blob(struct source *s, const struct descriptor *d, uint64_t offset, struct blob_stream *ret, struct dv_err *e)
{
	return s->ops->blob(s->ctx, d, offset, ret, e);
}

int source_tags(struct source *s, struct arena *a, const char ***ret, struct dv_err *e)
{
	if (!s->ops->tags)
		return dv_fail(e, DV_UNSUPPORTED, "%s: places have no list of names", s->place.transport->name);
	return s->ops->tags(s->ctx, a, ret, e);
}

int source_referrers(struct source *s, struct arena *a, const struct digest *subject, struct descriptor **ret,
		     size_t *ret_n, struct dv_err *e)
{
	if (s->ops->referrers)
		return s->ops->referrers(s->ctx, a, subject, ret, ret_n, e);
	*ret = NULL;
	*ret_n = 0;
	return 0;
}

/* --- verification --- */

/* Passes pieces on and compares at the end; fills digest and size in *d where they were not known. */
struct checked {
	struct tar_source in;
	struct descriptor *d;
	struct digest_stream hash;
	uint64_t bytes;
	bool ended;
};

static int checked_end(struct checked *c, struct dv_err *e)
{
	char have_text[DIGEST_TEXT_SIZE], want_text[DIGEST_TEXT_SIZE];
	struct digest have;

	c->ended = true;
	digest_end(&c->hash, &have);
	if (c->d->digest.alg == DIGEST_NONE) {
		c->d->digest = have;
		c->d->size = c->bytes;
		return 0;
	}
	if (c->bytes != c->d->size)
		return dv_fail(e, DV_INVALID, "%llu bytes, the descriptor says %llu", (unsigned long long)c->bytes,
			       (unsigned long long)c->d->size);
	return digest_equal(&have, &c->d->digest) ? 0 :
	       dv_fail(e, DV_INVALID, "the content has digest %s, not %s", digest_text(&have, have_text),
		       digest_text(&c->d->digest, want_text));
}

static int checked_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct checked *c = ctx;

	if (c->ended)
		return 0;
	int rc = c->in.next(c->in.ctx, ret, ret_len, e);
	if (rc == 0)
		return checked_end(c, e);
	if (rc < 0)
		return rc;
	c->bytes += *ret_len;
	/* The size comes first: what is longer than it says is not stored until it ends. */
	if (c->bytes > c->d->size)
		return dv_fail(e, DV_INVALID, "more than the %llu bytes of the descriptor", (unsigned long long)c->d->size);
	digest_add(&c->hash, *ret, *ret_len);
	return 1;
}

static void checked_begin(struct checked *c, struct descriptor *d, const struct tar_source *in)
{
	*c = (struct checked){ .in = *in, .d = d };
	digest_begin(&c->hash, d->digest.alg ? d->digest.alg : DIGEST_SHA256);
}

static int checked_read(struct checked *c, char *out, struct dv_err *e)
{
	const void *p;
	size_t len, n = 0;
	int rc;

	while ((rc = checked_next(c, &p, &len, e)) > 0) {
		memcpy(out + n, p, len);
		n += len;
	}
	return rc;
}

int source_bytes(struct source *s, struct arena *a, const struct descriptor *d, size_t max, const char **ret,
		 size_t *ret_len, struct dv_err *e)
{
	struct descriptor want = *d;
	struct blob_stream in;
	struct checked c;
	char text[DIGEST_TEXT_SIZE];

	if (d->size > max)
		return dv_fail(e, DV_LIMIT, "%.80s: %llu bytes, at most %zu are allowed", digest_text(&d->digest, text),
			       (unsigned long long)d->size, max);
	int rc = source_blob(s, d, 0, &in, e);
	if (rc < 0)
		return rc;
	char *out = arena_alloc(a, d->size + 1);
	checked_begin(&c, &want, &in.in);
	rc = checked_read(&c, out, e);
	blob_stream_close(&in);
	if (rc < 0)
		return dv_wrap(e, "%s", digest_text(&d->digest, text));
	*ret = out;
	*ret_len = d->size;
	return 0;
}

/* --- destinations --- */

struct dest {
	struct place place;
	const struct dest_ops *ops;
	void *ctx;
};

int dest_open(const struct place *p, const struct place_options *o, struct dest **ret, struct dv_err *e)
{
	void *ctx;

	if (!p->transport->dest)
		return dv_fail(e, DV_UNSUPPORTED, "%s: is read only", p->transport->name);
	int rc = p->transport->dest->open(p, o, &ctx, e);
	if (rc < 0)
		return rc;
	struct dest *d = mem_new(struct dest);
	*d = (struct dest){ *p, p->transport->dest, ctx };
	*ret = d;
	return 0;
}

void dest_close(struct dest *d)
{
	if (!d)
		return;
	d->ops->close(d->ctx);
	free(d);
}

const struct place *dest_place(const struct dest *d)
{
	return &d->place;
}

enum dest_accepts dest_accepts(const struct dest *d)
{
	return d->ops->accepts;
}

int dest_has_blob(struct dest *d, const struct descriptor *blob, const struct source *from, bool *ret, struct dv_err *e)
{
	return d->ops->has(d->ctx, blob, from ? &from->place : NULL, ret, e);
}

int dest_blob(struct dest *d, const struct descriptor *blob, const struct tar_source *in, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	struct descriptor want = *blob;
	struct checked c;

	checked_begin(&c, &want, in);
	const struct tar_source checked = { checked_next, &c };
	int rc = d->ops->blob(d->ctx, &want, &checked, e);
	if (rc == 0 && !c.ended)
		rc = dv_fail(e, DV_INTERNAL, "was not read to its end");
	return rc < 0 ? dv_wrap(e, "%s", digest_text(&blob->digest, text)) : 0;
}

int dest_blob_new(struct dest *d, const char *media_type, const struct tar_source *in, struct descriptor *ret,
		  struct dv_err *e)
{
	struct descriptor made = { .media_type = media_type, .size = BLOB_SIZE_UNKNOWN };
	struct checked c;

	checked_begin(&c, &made, in);
	const struct tar_source checked = { checked_next, &c };
	int rc = d->ops->blob(d->ctx, &made, &checked, e);
	if (rc == 0 && !c.ended)
		return dv_fail(e, DV_INTERNAL, "a blob was not read to its end");
	if (rc == 0)
		*ret = made;
	return rc;
}

int dest_document(struct dest *d, const struct document *doc, const char *name, struct dv_err *e)
{
	return d->ops->document(d->ctx, doc, name, e);
}

int dest_commit(struct dest *d, struct dv_err *e)
{
	return d->ops->commit(d->ctx, e);
}
