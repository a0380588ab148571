/* docker.c - registries as sources and destinations, over the registry client.
 *
 * The client pushes a blob's bytes into a sink; whoever copies pulls them out of a
 * source. Between the two is a thread with a few chunks in hand, so that download
 * and upload run at the same time and neither can fill the memory.
 */
#include <pthread.h>

#include "base/str.h"
#include "image/name.h"
#include "transfer/remote.h"
#include "transfer/transport_parts.h"

#define CHUNK ((size_t)256 << 10)
#define CHUNKS 4

static int docker_parse(struct arena *a, const char *rest, struct place *ret, struct dv_err *e)
{
	const char *name = str_after(rest, "//");

	ret->path = arena_str(a, name ? name : rest);
	return *ret->path ? 0 : dv_fail(e, DV_INVALID, "\"%.200s\": no name", ret->text);
}

/* --- what both sides are --- */

struct registry {
	struct arena a;
	struct remote *remote;
	struct remote_repo *repo;
	struct image_name name;
	const char *ref;                /* digest or tag */
	const char *text;
};

static void registry_close(void *ctx)
{
	struct registry *r = ctx;

	remote_repo_close(r->repo);
	remote_close(r->remote);
	arena_done(&r->a);
	free(r);
}

static int registry_name(struct registry *r, const struct place *p, enum remote_access access, struct dv_err *e)
{
	struct remote_names names;
	int rc;

	/* Nobody pushes to a place that was guessed. */
	if (access == REMOTE_PUSH)
		return image_name_parse(&r->a, p->path, &r->name, e);
	rc = remote_resolve(r->remote, p->path, &r->a, &names, e);
	if (rc == 0)
		r->name = names.v[0];
	return rc;
}

static int registry_begin(struct registry *r, const struct place *p, const struct place_options *o,
			  enum remote_access access, struct dv_err *e)
{
	static const enum remote_tls tls[] = {
		[PLACE_TLS_CONFIGURED] = REMOTE_TLS_CONFIG, [PLACE_TLS_VERIFY] = REMOTE_TLS_VERIFY,
		[PLACE_TLS_INSECURE] = REMOTE_TLS_INSECURE,
	};
	const struct remote_options ro = { .authfile = o->authfile, .cert_dir = o->cert_dir, .creds = o->creds,
					   .registry_token = o->registry_token, .no_creds = o->no_creds, .tls = tls[o->tls] };
	int rc = remote_open(&ro, &r->remote, e);

	if (rc == 0)
		rc = registry_name(r, p, access, e);
	if (rc < 0)
		return rc;
	r->ref = r->name.digest ? r->name.digest : r->name.tag;
	r->text = arena_str(&r->a, p->text);
	return remote_repo_open(r->remote, arena_printf(&r->a, "%s/%s", r->name.host, r->name.path), access, &r->repo, e);
}

static int registry_open(const struct place *p, const struct place_options *o, enum remote_access access, void **ret,
			 struct dv_err *e)
{
	struct registry *r = mem_new(struct registry);

	arena_init(&r->a, 0);
	int rc = registry_begin(r, p, o, access, e);
	if (rc < 0) {
		registry_close(r);
		return rc;
	}
	*ret = r;
	return 0;
}

/* --- documents of a source --- */

static int source_begin(const struct place *p, const struct place_options *o, void **ret, struct dv_err *e)
{
	return registry_open(p, o, REMOTE_PULL, ret, e);
}

static int source_doc(void *ctx, struct arena *a, const struct digest *d, struct document *ret, struct dv_err *e)
{
	struct registry *r = ctx;
	struct remote_manifest m;
	char text[DIGEST_TEXT_SIZE];
	int rc = remote_manifest_get(r->repo, d ? digest_text(d, text) : r->ref, a, &m, e);

	if (rc < 0)
		return rc;
	*ret = (struct document){ .text = m.bytes, .len = m.len, .media_type = m.media_type };
	return 0;
}

static int source_list(void *ctx, struct arena *a, const char ***ret, struct dv_err *e)
{
	struct registry *r = ctx;
	struct remote_tags tags;
	int rc = remote_tags(r->repo, a, &tags, e);

	if (rc == 0)
		*ret = tags.v;
	return rc;
}

static int source_refs(void *ctx, struct arena *a, const struct digest *subject, struct descriptor **ret, size_t *ret_n,
		       struct dv_err *e)
{
	struct registry *r = ctx;
	struct json *list;
	struct manifest_info m;
	int rc = remote_referrers(r->repo, subject, NULL, a, &list, e);

	if (rc < 0)
		return rc;
	/* The list is read as strictly as an index. */
	const char *text = json_text(a, json_obj(a, "schemaVersion", json_new_u64(a, 2), "manifests", list, NULL),
				     JSON_COMPACT);
	rc = manifest_info_parse(a, text, strlen(text), MEDIA_OCI_INDEX, &m, e);
	if (rc < 0)
		return dv_wrap(e, "%s: referrers", r->text);
	*ret = m.refs;
	*ret_n = m.n;
	return 0;
}

/* --- blobs of a source --- */

struct pipe {
	struct registry *r;
	struct descriptor d;
	uint64_t offset;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	char *chunk[CHUNKS];
	size_t len[CHUNKS];
	unsigned head, n;               /* the oldest filled one, and how many are filled */
	bool held;                      /* the reader has the oldest */
	bool given_up, ended;
	int result;
	struct dv_err why;
};

static char *pipe_room(struct pipe *p, unsigned *ret_i, struct dv_err *e)
{
	(void)pthread_mutex_lock(&p->lock);
	while (p->n == CHUNKS && !p->given_up)
		(void)pthread_cond_wait(&p->moved, &p->lock);
	*ret_i = (p->head + p->n) % CHUNKS;
	bool stop = p->given_up;
	(void)pthread_mutex_unlock(&p->lock);
	if (stop)
		(void)dv_fail(e, DV_UNAVAILABLE, "nobody wants the rest");
	return stop ? NULL : p->chunk[*ret_i];
}

static int pipe_sink(void *ctx, const void *data, size_t len, struct dv_err *e)
{
	struct pipe *p = ctx;
	const char *from = data;

	while (len > 0) {
		size_t part = DV_MIN(len, CHUNK);
		unsigned i;
		char *room = pipe_room(p, &i, e);

		if (!room)
			return -DV_UNAVAILABLE;
		memcpy(room, from, part);
		(void)pthread_mutex_lock(&p->lock);
		p->len[i] = part;
		p->n++;
		(void)pthread_cond_broadcast(&p->moved);
		(void)pthread_mutex_unlock(&p->lock);
		from += part;
		len -= part;
	}
	return 0;
}

static void *pipe_run(void *ctx)
{
	struct pipe *p = ctx;
	struct dv_err why = DV_ERR_NONE;
	int rc = remote_blob_get(p->r->repo, &p->d.digest, p->d.size, p->offset, pipe_sink, p, &why);

	(void)pthread_mutex_lock(&p->lock);
	p->result = rc;
	p->why = why;
	p->ended = true;
	(void)pthread_cond_broadcast(&p->moved);
	(void)pthread_mutex_unlock(&p->lock);
	return NULL;
}

static int pipe_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct pipe *p = ctx;
	int rc = 0;

	(void)pthread_mutex_lock(&p->lock);
	if (p->held) {
		p->held = false;
		p->head = (p->head + 1) % CHUNKS;
		p->n--;
		(void)pthread_cond_broadcast(&p->moved);
	}
	while (p->n == 0 && !p->ended)
		(void)pthread_cond_wait(&p->moved, &p->lock);
	if (p->n > 0) {
		*ret = p->chunk[p->head];
		*ret_len = p->len[p->head];
		p->held = true;
		rc = 1;
	} else if (p->result < 0) {
		*e = p->why;
		rc = p->result;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return rc;
}

static void pipe_free(struct pipe *p)
{
	for (size_t i = 0; i < CHUNKS; i++)
		free(p->chunk[i]);
	(void)pthread_cond_destroy(&p->moved);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

static void pipe_close(void *ctx)
{
	struct pipe *p = ctx;

	(void)pthread_mutex_lock(&p->lock);
	p->given_up = true;
	(void)pthread_cond_broadcast(&p->moved);
	(void)pthread_mutex_unlock(&p->lock);
	(void)pthread_join(p->thread, NULL);
	pipe_free(p);
}

static int source_stream(void *ctx, const struct descriptor *d, uint64_t offset, struct blob_stream *ret,
			 struct dv_err *e)
{
	struct pipe *p = mem_new(struct pipe);

	p->r = ctx;
	p->d = *d;
	p->offset = offset;
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->moved, NULL);
	for (size_t i = 0; i < CHUNKS; i++)
		p->chunk[i] = mem_alloc(CHUNK);
	int sys = pthread_create(&p->thread, NULL, pipe_run, p);
	if (sys) {
		pipe_free(p);
		return dv_fail_errno(e, sys, "start a thread");
	}
	*ret = (struct blob_stream){ { pipe_next, p }, pipe_close, p };
	return 0;
}

static const struct source_ops source_ops = {
	.open = source_begin, .close = registry_close, .document = source_doc, .blob = source_stream,
	.tags = source_list, .referrers = source_refs,
};

/* --- destination --- */

static int dest_begin(const struct place *p, const struct place_options *o, void **ret, struct dv_err *e)
{
	return registry_open(p, o, REMOTE_PUSH, ret, e);
}

/* From another repository of the same registry it is taken without a byte sent. */
static int dest_has(void *ctx, const struct descriptor *blob, const struct place *from, bool *ret, struct dv_err *e)
{
	struct registry *r = ctx;
	auto_arena struct arena a = { 0 };
	struct image_name n;
	uint64_t size = REMOTE_SIZE_UNKNOWN;
	int rc = remote_blob_exists(r->repo, &blob->digest, ret, &size, e);

	if (rc < 0 || *ret || !from || from->transport != &transport_docker)
		return rc;
	arena_init(&a, 0);
	if (image_name_parse(&a, from->path, &n, NULL) < 0 || !streq(n.host, r->name.host) || streq(n.path, r->name.path))
		return 0;
	return remote_blob_mount(r->repo, &blob->digest, n.path, ret, e);
}

struct feed {
	const struct tar_source *in;
	const char *p;
	size_t len;
};

static int feed_read(void *ctx, void *buf, size_t size, size_t *ret_n, struct dv_err *e)
{
	struct feed *f = ctx;
	const void *p;
	int rc = 1;

	while (f->len == 0 && (rc = f->in->next(f->in->ctx, &p, &f->len, e)) > 0)
		f->p = p;
	if (rc <= 0) {
		f->len = 0;
		*ret_n = 0;
		return rc;
	}
	*ret_n = DV_MIN(size, f->len);
	memcpy(buf, f->p, *ret_n);
	f->p += *ret_n;
	f->len -= *ret_n;
	return 0;
}

/* The client asks for the size it was told and not for the end behind it, which is what verifies. */
static int feed_end(struct feed *f, struct dv_err *e)
{
	char extra;
	size_t n;
	int rc = feed_read(f, &extra, 1, &n, e);

	return rc < 0 ? rc : n > 0 ? dv_fail(e, DV_INVALID, "more bytes than the descriptor says") : 0;
}

/* An upload is complete before its last byte was compared: the registry compares too. */
static int dest_put(void *ctx, struct descriptor *blob, const struct tar_source *in, struct dv_err *e)
{
	struct registry *r = ctx;
	struct feed f = { .in = in };
	const struct remote_source src = { .read = feed_read, .ctx = &f };
	int rc = remote_blob_put(r->repo, &blob->digest,
				 blob->size == BLOB_SIZE_UNKNOWN ? REMOTE_SIZE_UNKNOWN : blob->size, &src, e);

	return rc < 0 ? rc : feed_end(&f, e);
}

/* What refers to another document is listed with it; a registry without that list has an index for it. */
static int refer(struct registry *r, const struct document *doc, struct dv_err *e)
{
	struct manifest_info m;
	int rc = manifest_info_parse(&r->a, doc->text, doc->len, doc->media_type, &m, e);

	if (rc < 0)
		return rc;
	const struct descriptor d = { .media_type = doc->media_type, .digest = doc->digest, .size = doc->len,
				      .artifact_type = m.artifact_type, .annotations = m.annotations };
	return remote_referrer_add(r->repo, &m.subject, descriptor_json(&r->a, &d), e);
}

static int dest_doc(void *ctx, const struct document *doc, const char *name, struct dv_err *e)
{
	struct registry *r = ctx;
	struct manifest_info m;
	char text[DIGEST_TEXT_SIZE];
	bool subject = false;
	int rc = manifest_info_parse(&r->a, doc->text, doc->len, doc->media_type, &m, e);

	if (rc < 0)
		return rc;
	if (!name)
		name = digest_text(&doc->digest, text);
	else if (!*name)
		name = r->ref;
	if (r->name.digest && streq(name, r->ref) && !streq(r->ref, digest_text(&doc->digest, text)))
		return dv_fail(e, DV_INVALID, "%s: the manifest to be put there has digest %s", r->text, text);
	rc = remote_manifest_put(r->repo, name, doc->text, doc->len, doc->media_type, &subject, e);
	return rc < 0 || !m.subject.alg || subject ? rc : refer(r, doc, e);
}

/* Everything is there when its manifest is. */
static int dest_end(void *ctx, struct dv_err *e)
{
	(void)ctx;
	(void)e;
	return 0;
}

static const struct dest_ops dest_ops = {
	.accepts = DEST_ANY, .open = dest_begin, .close = registry_close, .has = dest_has, .blob = dest_put,
	.document = dest_doc, .commit = dest_end,
};

const struct transport transport_docker = { "docker", docker_parse, &source_ops, &dest_ops };
