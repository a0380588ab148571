/* commit.c - an image whose uppermost layer is the upper directory of a container. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "engine/commit.h"
#include "engine/control.h"
#include "engine/events.h"
#include "engine/life.h"
#include "image/change.h"
#include "image/manifest.h"
#include "image/store.h"
#include "image/tarwalk.h"

#define CHUNK ((size_t)256 << 10)

struct commit {
	struct engine *g;
	struct arena *a;
	const struct ctr *c;
	const struct commit_request *q;
	struct image_stage *stage;
	struct image *img;
	struct image_record_layer *layers;      /* those of the image, and ours last */
	uint64_t blob_size;
};

/* --- the layer --- */

/* The staged tar: hashed on its way to the layer's driver. */
struct input {
	int fd;
	char *chunk;
	struct digest_stream hash;
	uint64_t bytes;
};

static int input_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct input *in = ctx;
	ssize_t n = fd_read_full(in->fd, in->chunk, CHUNK, "layer", e);

	if (n < 0)
		return (int)n;
	digest_add(&in->hash, in->chunk, (size_t)n);
	in->bytes += (uint64_t)n;
	*ret = in->chunk;
	*ret_len = (size_t)n;
	return n > 0;
}

static int write_tar(struct commit *x, int fd, struct dv_err *e)
{
	static const struct tarwalk_options options = { .whiteouts = true };
	const char *name = arena_printf(x->a, "containers/%s/upper", x->c->id);
	auto_close int upper = -1;
	int r = file_open_how(engine_rootfd(x->g), name, O_RDONLY | O_DIRECTORY, 0, FILE_BENEATH | FILE_NO_LINKS, &upper, e);

	if (r == -DV_NOT_FOUND)
		return dv_fail(e, DV_CONFLICT, "Container %s was never started: it has changed nothing", x->c->id);
	return r < 0 ? r : tar_walk(upper, fd, "layer", &options, e);
}

static int stage_layer(struct commit *x, struct image_record_layer *ret, struct dv_err *e)
{
	auto_free char *chunk = mem_alloc(CHUNK);
	struct input in = { .fd = -1, .chunk = chunk };
	const struct tar_source src = { input_next, &in };
	const struct unpack_options options = { 0 };
	struct unpack_result result;
	unsigned blob_no, layer_no;
	auto_close int fd = -1;
	int r;

	if ((r = image_stage_blob(x->stage, &blob_no, &fd, e)) < 0 || (r = write_tar(x, fd, e)) < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return dv_fail_errno(e, errno, "layer");
	in.fd = fd;
	digest_begin(&in.hash, DIGEST_SHA256);
	if ((r = image_stage_layer_make(x->stage, &src, &options, &layer_no, &result, e)) < 0)
		return r;
	digest_end(&in.hash, &ret->blob);
	ret->dir = ret->diff_id = ret->blob;
	ret->blob_size = in.bytes;
	ret->media_type = MEDIA_OCI_LAYER;
	if ((r = image_stage_blob_done(x->stage, blob_no, &ret->blob, in.bytes, e)) < 0)
		return r;
	return image_stage_layer_done(x->stage, layer_no, &ret->dir, &ret->diff_id, result.bytes, e);
}

/* What is below stays where it is, for as long as we need it. */
static int hold_layer(struct commit *x, const struct image_layer *l, struct image_record_layer *ret, struct dv_err *e)
{
	const char *hex = strrchr(l->dir, '/');
	int r;

	if ((r = digest_parse(arena_printf(x->a, "sha256:%s", hex ? hex + 1 : l->dir), &ret->dir, e)) < 0 ||
	    (r = digest_parse(l->diff_id, &ret->diff_id, e)) < 0 || (r = digest_parse(l->blob, &ret->blob, e)) < 0 ||
	    (r = image_stage_hold_layer(x->stage, &ret->dir, e)) < 0 || (r = image_stage_hold_blob(x->stage, &ret->blob, e)) < 0)
		return dv_wrap(e, "layer %s", l->diff_id);
	ret->blob_size = l->blob_size;
	ret->media_type = arena_str(x->a, l->media_type);
	return 0;
}

static int make_layers(struct commit *x, struct dv_err *e)
{
	int r = 0;

	x->layers = arena_array(x->a, struct image_record_layer, x->img->n_layers + 1);
	for (size_t i = 0; r >= 0 && i < x->img->n_layers; i++)
		r = hold_layer(x, &x->img->layers[i], &x->layers[i], e);
	return r < 0 ? r : stage_layer(x, &x->layers[x->img->n_layers], e);
}

/* --- configuration --- */

/* What the container was told at its start becomes the image's: docker does the same. */
static struct json *base_config(struct commit *x, const struct json *image, struct dv_err *e)
{
	static const char *const taken[] = { "Cmd", "Entrypoint", "Env", "Labels", "User", "WorkingDir", "StopSignal" };
	struct json *out = json_type(image) == JSON_OBJECT ? json_copy(x->a, image) : json_new_object(x->a), *config = NULL;

	if (json_parse(x->a, x->c->config, strlen(x->c->config), &config, e) < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
		const struct json *v = json_get(json_get(config, "Config"), taken[i]);
		const char *text = json_str(v);

		if (json_type(v) == JSON_NULL || (text && !*text))
			continue;
		json_set(x->a, out, taken[i], json_copy(x->a, v));
	}
	return out;
}

/* HOSTNAME is the container's own. */
static void drop_hostname(struct commit *x, struct json *config)
{
	const struct json *env = json_get(config, "Env");
	struct json *out = json_new_array(x->a);

	if (!env)
		return;
	for (JSON_EACH(it, env))
		if (json_str(it.value) && !str_starts(json_str(it.value), "HOSTNAME="))
			json_append(x->a, out, json_copy(x->a, it.value));
	json_set(x->a, config, "Env", out);
}

static struct json *array_of(struct commit *x, const struct json *j)
{
	return json_type(j) == JSON_ARRAY ? json_copy(x->a, j) : json_new_array(x->a);
}

static const char *now_text(struct arena *a)
{
	time_t now = time(NULL);
	char text[40];
	struct tm tm;

	(void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	return arena_str(a, text);
}

static int make_config(struct commit *x, const char **ret, struct dv_err *e)
{
	struct json *tree = NULL, *config, *diffs, *history;
	char text[DIGEST_TEXT_SIZE];
	struct arena *a = x->a;
	int r = json_parse(a, x->img->config, x->img->config_len, &tree, e);

	if (r < 0)
		return r;
	config = base_config(x, json_get(tree, "config"), e);
	if (!config)
		return -DV_INVALID;
	drop_hostname(x, config);
	for (const char *const *i = x->q->changes; i && *i; i++)
		if ((r = image_change(a, config, *i, e)) < 0)
			return r;
	diffs = array_of(x, json_path(tree, "rootfs.diff_ids"));
	json_append(a, diffs, json_new_str(a, digest_text(&x->layers[x->img->n_layers].diff_id, text)));
	history = array_of(x, json_get(tree, "history"));
	json_append(a, history, json_obj(a, "created", json_new_str(a, now_text(a)), "author",
					 x->q->author ? json_new_str(a, x->q->author) : NULL, "created_by",
					 json_new_str(a, arena_printf(a, "davit commit %s", x->c->name)), "comment",
					 x->q->message ? json_new_str(a, x->q->message) : NULL, NULL));
	json_set(a, tree, "created", json_new_str(a, now_text(a)));
	if (x->q->author)
		json_set(a, tree, "author", json_new_str(a, x->q->author));
	json_set(a, tree, "config", config);
	json_set(a, tree, "rootfs", json_obj(a, "type", json_new_str(a, "layers"), "diff_ids", diffs, NULL));
	json_set(a, tree, "history", history);
	*ret = json_text(a, tree, JSON_COMPACT);
	return 0;
}

/* --- publish --- */

static const char *manifest_of(struct commit *x, const struct digest *config, size_t config_len)
{
	size_t n = x->img->n_layers + 1;
	struct descriptor c = { .media_type = MEDIA_OCI_CONFIG, .digest = *config, .size = config_len };
	struct descriptor *l = arena_array(x->a, struct descriptor, n);

	for (size_t i = 0; i < n; i++)
		l[i] = (struct descriptor){ .media_type = x->layers[i].media_type, .digest = x->layers[i].blob,
					    .size = x->layers[i].blob_size };
	return manifest_write(x->a, &c, l, n);
}

static int publish(struct commit *x, const char **ret_id, struct dv_err *e)
{
	const char *names[] = { x->q->name, NULL }, *config = NULL, *manifest;
	struct image_record rec = { .created = time(NULL), .layers = x->layers, .n_layers = x->img->n_layers + 1, .names = names };
	char text[DIGEST_TEXT_SIZE];
	int r = make_config(x, &config, e);

	if (r < 0)
		return r;
	rec.config = config;
	rec.config_len = strlen(config);
	digest_of(DIGEST_SHA256, config, rec.config_len, &rec.id);
	manifest = manifest_of(x, &rec.id, rec.config_len);
	digest_of(DIGEST_SHA256, manifest, strlen(manifest), &rec.manifest);
	if ((r = image_stage_bytes(x->stage, &rec.id, config, rec.config_len, e)) < 0 ||
	    (r = image_stage_bytes(x->stage, &rec.manifest, manifest, strlen(manifest), e)) < 0 ||
	    (r = image_publish(x->stage, &rec, 1, e)) < 0)
		return r;
	*ret_id = arena_str(x->a, digest_text(&rec.id, text));
	return 0;
}

static int commit(struct commit *x, const char **ret_id, struct dv_err *e)
{
	auto_stage struct image_stage *stage = NULL;
	int r;

	if ((r = image_resolve(engine_images(x->g), x->a, x->c->image, &x->img, e)) < 0 ||
	    (r = image_stage_open(engine_images(x->g), &stage, e)) < 0)
		return r;
	x->stage = stage;
	if (x->img->n_layers + 1 > IMAGE_LAYERS_MAX)
		return dv_fail(e, DV_LIMIT, "more than %d layers", IMAGE_LAYERS_MAX);
	r = make_layers(x, e);
	return r < 0 ? r : publish(x, ret_id, e);
}

int ctr_commit(struct engine *g, struct arena *a, const struct ctr *c, const struct commit_request *q, const char **ret_id,
	       struct dv_err *e)
{
	struct commit x = { .g = g, .a = a, .c = c, .q = q };
	bool held = q->pause && c->status == CTR_RUNNING && !c->paused && control_pause(g, a, c->id, NULL) >= 0;
	auto_close int lock = -1;
	int r = c->status == CTR_RUNNING ? 0 : life_lock(g, c->id, &lock, e);

	if (r >= 0)
		r = commit(&x, ret_id, e);
	if (held)
		dv_ignore(control_unpause(g, a, c->id, NULL));
	if (r >= 0)
		event_ctr(g, c, "commit", "comment", q->message ? q->message : "");
	return r;
}
