/* push.c - from an image of the store to a manifest at a registry. */
#include "base/fd.h"
#include "base/str.h"
#include "image/config.h"
#include "transfer/push_parts.h"

#define NESTED_MAX 4            /* indexes in indexes */

static const char *const step_names[] = {
	[PUSH_WAITING] = "waiting", [PUSH_EXISTS] = "exists", [PUSH_MOUNTED] = "mounted",
	[PUSH_COMPRESSING] = "compressing", [PUSH_PUSHING] = "pushing", [PUSH_DONE] = "done",
};

const char *push_step_name(enum push_step step)
{
	return step_names[step];
}

/* --- where else the registry may have a blob --- */

static bool image_has(const struct image *img, const char *blob)
{
	for (size_t i = 0; i < img->n_layers; i++)
		if (streq(img->layers[i].blob, blob))
			return true;
	return false;
}

static void mount_add_path(struct push *p, struct push_blob *b, const char *path)
{
	size_t i = 0;

	if (streq(path, p->name.path))
		return;
	for (; b->mounts[i]; i++)
		if (streq(b->mounts[i], path))
			return;
	if (i < PUSH_MOUNTS_MAX)
		b->mounts[i] = path;
}

static void mount_add(struct push *p, struct push_blob *b, const char *name)
{
	struct image_name n;

	if (image_name_parse(p->a, name, &n, NULL) == 0 && streq(n.host, p->name.host))
		mount_add_path(p, b, n.path);
}

static void mounts_find(struct push *p, struct push_blob *b)
{
	char text[DIGEST_TEXT_SIZE];
	const char **noted;

	/* What was sent there is better than what has a name that may never have been there. */
	if (blob_repos(p->store, p->a, &b->d.digest, p->name.host, &noted, NULL) == 0)
		while (*noted)
			mount_add_path(p, b, *noted++);
	if (!p->listed && image_list_with(p->store, p->a, IMAGE_LIST_LAYERS, &p->list, NULL) < 0)
		p->list.n = 0;
	p->listed = true;
	digest_text(&b->d.digest, text);
	for (size_t i = 0; i < p->list.n; i++) {
		const struct image *img = p->list.v[i];

		if (!image_has(img, text))
			continue;
		for (const char **n = img->names; *n; n++)
			mount_add(p, b, *n);
		for (const char **n = img->digests; *n; n++)
			mount_add(p, b, *n);
	}
}

/* --- layers --- */

static enum compression kind_of(struct push *p, const struct digest *d)
{
	unsigned char head[4];
	auto_close int fd = -1;
	ssize_t n = blob_open(p->store, d, &fd, NULL, NULL) < 0 ? 0 : fd_read_full(fd, head, sizeof(head), "blob", NULL);

	return compress_detect(head, n > 0 ? (size_t)n : 0);
}

static bool fits(const struct push *p, enum compression have)
{
	return have != COMPRESS_NONE && (p->o->compression == COMPRESS_NONE || have == p->o->compression);
}

static bool docker_types(const struct push *p, const struct manifest *m)
{
	return p->o->format == PUSH_DOCKER || (p->o->format == PUSH_AS_IT_IS && streq(m->media_type, MEDIA_DOCKER_MANIFEST));
}

static const char *layer_type(struct push *p, const struct manifest *m, enum compression c)
{
	if (docker_types(p, m) && c == COMPRESS_GZIP)
		return "application/vnd.docker.image.rootfs.diff.tar.gzip";
	return arena_printf(p->a, MEDIA_OCI_LAYER "+%s", compress_name(c));
}

/* One that is compressed as wanted; else any, to be compressed. */
static int layer_choose(struct push *p, const struct manifest *m, const struct image_layer *l, struct push_blob *b,
			struct dv_err *e)
{
	struct blob_list have = { 0 };
	struct blob_info *any = NULL;
	int rc = digest_parse(l->diff_id, &b->diff_id, e);

	if (rc == 0)
		rc = blob_of_layer(p->store, p->a, &b->diff_id, &have, e);
	for (size_t i = 0; i < have.n && rc == 0; i++) {
		bool there = false;
		enum compression c;

		rc = blob_has(p->store, &have.v[i].digest, &there, e);
		if (rc < 0 || !there)
			continue;
		c = kind_of(p, &have.v[i].digest);
		if (fits(p, c)) {
			b->d = (struct descriptor){ .media_type = layer_type(p, m, c), .digest = have.v[i].digest,
						    .size = have.v[i].size };
			return 0;
		}
		any = !any || c == COMPRESS_NONE ? &have.v[i] : any;
	}
	if (rc == 0 && !any)
		return dv_fail(e, DV_NOT_FOUND, "no blob of layer %.19s is in the store", l->diff_id);
	if (rc < 0)
		return rc;
	b->compress = true;
	b->plain = any->digest;
	b->d = (struct descriptor){ .media_type = layer_type(p, m, p->o->compression ? p->o->compression : COMPRESS_GZIP),
				    .size = any->size };
	return 0;
}

/* Without an image (of another platform, never unpacked) blobs go as they are. */
int push_layers(struct push *p, const struct image *img, const struct manifest *m, struct push_blob *blobs,
		bool *ret_same, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	bool same = p->o->format == PUSH_AS_IT_IS || docker_types(p, m) == streq(m->media_type, MEDIA_DOCKER_MANIFEST);
	int rc = 0;

	for (size_t i = 0; i < m->n && rc == 0; i++) {
		struct push_blob *b = &blobs[i];
		bool there = false;

		b->p = p;
		b->no = i;
		rc = blob_has(p->store, &m->v[i].digest, &there, e);
		if (rc < 0)
			return rc;
		if (there && (!img || fits(p, kind_of(p, &m->v[i].digest)))) {
			b->d = m->v[i];
			mounts_find(p, b);
			continue;
		}
		if (!img)
			return dv_fail(e, DV_NOT_FOUND, "%.30s, a layer, is not in the store", digest_text(&m->v[i].digest, text));
		same = false;
		rc = layer_choose(p, m, &img->layers[i], b, e);
		if (rc == 0 && !b->compress)
			mounts_find(p, b);
	}
	*ret_same = same;
	return rc;
}

/* For later pushes. A store that cannot be written is no reason to fail. */
static void blobs_note(struct push *p, const struct push_blob *blobs, size_t n)
{
	struct digest *v = arena_array(p->a, struct digest, n);

	for (size_t i = 0; i < n; i++)
		v[i] = blobs[i].d.digest;
	if (blob_repos_note(p->store, v, n, p->name.host, p->name.path, NULL) < 0)
		return;
}

/* --- documents --- */

static const char *docker_manifest(struct push *p, const struct descriptor *config, const struct push_blob *blobs, size_t n)
{
	struct json *layers = json_new_array(p->a);
	struct descriptor c = *config;

	c.media_type = MEDIA_DOCKER_CONFIG;
	for (size_t i = 0; i < n; i++)
		json_append(p->a, layers, descriptor_json(p->a, &blobs[i].d));
	return json_text(p->a, json_obj(p->a, "schemaVersion", json_new_i64(p->a, 2), "mediaType",
					json_new_str(p->a, MEDIA_DOCKER_MANIFEST), "config", descriptor_json(p->a, &c),
					"layers", layers, NULL), JSON_COMPACT);
}

static const char *new_manifest(struct push *p, const struct manifest *m, const struct push_blob *blobs)
{
	struct descriptor *layers = arena_array(p->a, struct descriptor, m->n + 1);
	struct descriptor config = m->config;

	if (docker_types(p, m))
		return docker_manifest(p, &m->config, blobs, m->n);
	for (size_t i = 0; i < m->n; i++) {
		layers[i] = blobs[i].d;
		if (str_starts(layers[i].media_type, "application/vnd.docker."))
			layers[i].media_type = MEDIA_OCI_LAYER "+gzip";
	}
	config.media_type = MEDIA_OCI_CONFIG;
	return manifest_write(p->a, &config, layers, m->n);
}

static int put_document(struct push *p, const char *text, size_t len, const char *media_type, bool top,
			struct push_result *ret, struct dv_err *e)
{
	char digest[DIGEST_TEXT_SIZE];
	struct digest d;

	digest_of(DIGEST_SHA256, text, len, &d);
	ret->digest = d;
	return remote_manifest_put(p->repo, top && p->name.tag ? p->name.tag : digest_text(&d, digest), text, len, media_type,
				   NULL, e);
}

static int push_image(struct push *p, const struct image *img, const char *text, size_t len, bool top,
		      struct push_result *ret, struct dv_err *e)
{
	struct push_blob *blobs;
	struct manifest m;
	bool same = false;
	int rc = manifest_parse(p->a, text, len, "", &m, e);

	if (rc == 0 && img && m.n != img->n_layers)
		rc = dv_fail(e, DV_CORRUPT, "the manifest names %zu layers, the image has %zu", m.n, img->n_layers);
	if (rc < 0)
		return rc;
	if (docker_types(p, &m) && p->o->compression == COMPRESS_ZSTD)
		return dv_fail(e, DV_INVALID, "docker's format has no zstd: use --format oci");
	blobs = arena_array(p->a, struct push_blob, m.n + 1);
	rc = push_layers(p, img, &m, blobs, &same, e);
	blobs[m.n] = (struct push_blob){ .p = p, .no = m.n, .d = m.config };
	if (rc == 0)
		rc = push_blobs(p, blobs, m.n + 1, e);
	if (rc < 0)
		return rc;
	blobs_note(p, blobs, m.n + 1);
	const char *type = *m.media_type ? m.media_type : MEDIA_OCI_MANIFEST;
	if (!same) {
		text = new_manifest(p, &m, blobs);
		len = strlen(text);
		type = docker_types(p, &m) ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST;
	}
	for (size_t i = 0; i < m.n; i++)
		ret->size += blobs[i].d.size;
	return put_document(p, text, len, type, top, ret, e);
}

/* --- an index and all it names --- */

static int push_index(struct push *p, const struct manifest_row *row, int depth, struct push_result *ret, struct dv_err *e);

static int push_child(struct push *p, const struct digest *d, int depth, struct push_result *ret, struct dv_err *e)
{
	char digest[DIGEST_TEXT_SIZE];
	struct image *img = NULL;
	struct manifest_row row;
	const char *text;
	size_t len;
	int rc = manifest_stat(p->store, p->a, d, &row, e);

	if (rc == 0 && row.kind == MANIFEST_CLASS_INDEX)
		return push_index(p, &row, depth + 1, ret, e);
	if (rc == 0)
		rc = manifest_load(p->store, p->a, d, &text, &len, e);
	if (rc == 0 && manifest_image(p->store, p->a, d, &img, NULL) < 0)
		img = NULL;
	if (rc == 0)
		rc = push_image(p, img, text, len, false, ret, e);
	if (rc == 0 && !digest_equal(&ret->digest, d))
		return dv_fail(e, DV_NOT_FOUND, "%s is not here as the index has it", digest_text(d, digest));
	return rc;
}

static int push_index(struct push *p, const struct manifest_row *row, int depth, struct push_result *ret, struct dv_err *e)
{
	struct manifest m;
	const char *text;
	size_t len;
	int rc = manifest_load(p->store, p->a, &row->digest, &text, &len, e);

	if (rc == 0 && depth > NESTED_MAX)
		return dv_fail(e, DV_LIMIT, "indexes are nested too deep");
	if (rc == 0)
		rc = manifest_parse(p->a, text, len, row->media_type, &m, e);
	for (size_t i = 0; rc == 0 && i < m.n; i++)
		rc = push_child(p, &m.v[i].digest, depth, ret, e);
	return rc < 0 ? rc : put_document(p, text, len, row->media_type, depth == 0, ret, e);
}

/* --- public --- */

/* An index goes with all it names when that is asked for, and when nothing of it is for this machine. */
static int push_to(struct push *p, const char *ref, struct push_result *ret, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	struct manifest_row row;
	struct digest d;
	struct image *img;
	const char *text;
	size_t len;
	int rc = p->o->all ? manifest_resolve(p->store, p->a, ref, &row, e) : 0;

	if (rc == 0 && p->o->all && row.kind == MANIFEST_CLASS_INDEX)
		return push_index(p, &row, 0, ret, e);
	if (rc == 0)
		rc = image_resolve(p->store, p->a, ref, &img, &why);
	if (rc == -DV_NOT_FOUND && manifest_alone(p->store, p->a, ref, &row, NULL) > 0 && row.kind == MANIFEST_CLASS_INDEX)
		return push_index(p, &row, 0, ret, e);
	if (rc < 0 && why.kind && e)
		*e = why;
	if (rc == 0)
		rc = digest_parse(img->manifest, &d, e);
	if (rc == 0)
		rc = manifest_load(p->store, p->a, &d, &text, &len, e);
	return rc < 0 ? rc : push_image(p, img, text, len, true, ret, e);
}

/* An id says nothing of where to. What is not here at all is somebody else's to report. */
static int check_is_name(struct push *p, const char *ref, struct dv_err *e)
{
	const char *name = image_name_text(p->a, &p->name);
	struct manifest_row row;
	struct image *img;
	bool id = false;

	if (manifest_alone(p->store, p->a, ref, &row, NULL) > 0)
		id = !row.name;
	else if (!p->name.digest && image_resolve(p->store, p->a, ref, &img, NULL) == 0) {
		id = true;
		for (const char **n = img->names; *n; n++)
			id = id && !streq(*n, name);
	}
	return id ? dv_fail(e, DV_INVALID, "%.100s is an id: say also where to push it", ref) : 0;
}

int image_push(struct image_store *s, struct remote *r, const char *ref, const char *dest, const struct push_options *o,
	       struct arena *a, struct push_result *ret, struct dv_err *e)
{
	struct push p = { .a = a, .store = s, .o = o };
	auto_remote_repo struct remote_repo *repo = NULL;
	struct push_result res = { 0 };
	int rc = image_name_parse(a, dest ? dest : ref, &p.name, e);

	if (rc < 0)
		return rc;
	p.shown = image_name_familiar(image_name_text(a, &p.name));
	if (!dest && (rc = check_is_name(&p, ref, e)) < 0)
		return rc;
	rc = remote_repo_open(r, arena_printf(a, "%s/%s", p.name.host, p.name.path), REMOTE_PUSH, &repo, e);
	p.repo = repo;
	if (rc == 0)
		rc = push_to(&p, ref, &res, e);
	if (rc < 0)
		return rc;
	res.sent = p.sent;
	*ret = res;
	return 0;
}
