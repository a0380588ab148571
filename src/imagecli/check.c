/* check.c - system check: whether everything in the store is what it says. */
#include <stdio.h>
#include <unistd.h>

#include "base/str.h"
#include "image/check.h"
#include "image/name.h"
#include "imagecli/imagecli.h"
#include "json/json.h"
#include "transfer/compress.h"

struct check_args {
	bool repair, quiet;
	const char *format;
};

static const char *const formats[] = { "text", "json", NULL };
#define A(member) offsetof(struct check_args, member)
static const struct opt check_opts[] = {
	{ .name = "repair", .kind = OPT_BOOL, .offset = A(repair),
	  .help = "Make layers again from their blobs, remove what is half made, mark what cannot be put right" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = A(quiet), .help = "Only the exit status" },
	{ .name = "format", .kind = OPT_STR, .arg = "FORMAT", .offset = A(format), .values = formats,
	  .help = "Output as lines of text or as one JSON document" },
	{ 0 }
};

/* --- decompression for the store's module --- */

static int inflate_begin(const struct tar_source *in, struct tar_source *ret, void **ret_ctx, struct dv_err *e)
{
	static const struct inflate_limits limits;
	struct inflate *z;
	int r = inflate_new(in, &limits, &z, e);

	if (r < 0)
		return r;
	*ret = inflate_source(z);
	*ret_ctx = z;
	return 0;
}

static void inflate_done(void *ctx)
{
	inflate_free(ctx);
}
static const struct check_inflate inflate = { inflate_begin, inflate_done };

/* --- output --- */

static struct json *result_json(struct arena *a, const struct check_result *r)
{
	struct json *list = json_new_array(a);

	for (size_t i = 0; i < r->n; i++) {
		const struct check_problem *p = &r->v[i];

		json_append(a, list, json_obj(a, "Type", json_new_str(a, p->what), "Name", json_new_str(a, p->name), "Problem",
					      json_new_str(a, p->text), "Repaired", json_new_bool(a, p->repaired), "Images",
					      json_new_strs(a, (const char *const *)p->images), NULL));
	}
	return json_obj(a, "Problems", list, "Repaired", json_new_u64(a, r->n_repaired), "Blobs", json_new_u64(a, r->blobs),
			"Layers", json_new_u64(a, r->layers), "Files", json_new_u64(a, r->files), "Bytes",
			json_new_u64(a, r->bytes), "BlobsOnly", json_new_bool(a, r->blobs_only), NULL);
}

static void show_problem(const struct check_problem *p)
{
	printf("%s %s: %s%s", p->what, p->name, p->text, p->repaired ? " (repaired)" : "");
	for (const char **img = p->images; *img; img++)
		printf("%s%s", img == p->images ? "; images: " : ", ", image_name_familiar(*img));
	printf("\n");
}

static void show_text(struct arena *a, const struct check_result *r)
{
	for (size_t i = 0; i < r->n; i++)
		show_problem(&r->v[i]);
	if (r->blobs_only)
		printf("the store is read-only: the files of layers were not compared with their blobs\n");
	printf("%llu blobs, %llu layers, %llu files, %s: ", (unsigned long long)r->blobs, (unsigned long long)r->layers,
	       (unsigned long long)r->files, str_human(a, r->bytes, false));
	if (!r->n)
		printf("no problems\n");
	else
		printf("%zu problems, %zu repaired\n", r->n, r->n_repaired);
}

static int check_run(struct verb_call *c, struct dv_err *e)
{
	const struct imagecli_globals *g = c->globals;
	const struct check_args *x = c->args;
	const struct check_options o = { .repair = x->repair, .inflate = &inflate };
	auto_store struct image_store *s = NULL;
	struct check_result result;
	int r = image_store_open(g->root, &s, e);

	if (r >= 0)
		r = image_check(s, &o, c->arena, &result, e);
	if (r < 0)
		return r;
	if (x->format && streq(x->format, "json"))
		printf("%s\n", json_text(c->arena, result_json(c->arena, &result), JSON_PRETTY));
	else if (!x->quiet)
		show_text(c->arena, &result);
	return result.n > result.n_repaired;
}

static const char *const check_examples[] = { "davit system check", "davit system check --repair", NULL };
const struct verb imageverb_check = {
	.name = "check",
	.summary = "Verify everything in the image store",
	.description = "Reads every blob, makes every layer again beside the one that is there, and compares names, types, modes, "
		       "owners, times and content; rows and files have to agree. The exit status is 0 when all is well or was "
		       "repaired. What cannot be repaired is marked: pulling or loading the image brings it again. A container that "
		       "runs should be started again when a layer of its image was repaired.",
	.examples = check_examples,
	.opts = check_opts,
	.args_size = sizeof(struct check_args),
	.run = check_run,
};
