/* save.c - save: images of the store into one archive, or a directory. */
#include <stdio.h>
#include <unistd.h>

#include "base/str.h"
#include "image/manifests.h"
#include "image/name.h"
#include "imagecli/blobshow.h"
#include "imagecli/imagecli.h"
#include "imagecli/tell.h"
#include "transfer/copy.h"

struct save_args {
	const char *output, *format, *platform;
	bool quiet, multi, compress, uncompressed;
};

static const char *const formats[] = { "docker-archive", "oci-archive", "docker-dir", "oci-dir", NULL };
/* In the same order. */
static const struct { const char *transport; bool dir; enum copy_format format; } forms[] = {
	{ "docker-archive", false, COPY_FORMAT_ANY },
	{ "oci-archive", false, COPY_FORMAT_OCI },
	{ "dir", true, COPY_FORMAT_DOCKER },
	{ "oci", true, COPY_FORMAT_OCI },
};

#define A(member) offsetof(struct save_args, member)
static const struct opt save_opts[] = {
	{ .name = "output", .letter = 'o', .kind = OPT_STR, .arg = "FILE", .offset = A(output),
	  .help = "File or directory to write instead of standard output" },
	{ .name = "format", .kind = OPT_STR, .arg = "FORMAT", .values = formats, .offset = A(format),
	  .help = "What to write (default docker-archive)" },
	{ .name = "multi-image-archive", .letter = 'm', .kind = OPT_BOOL, .offset = A(multi),
	  .help = "Accepted; several images go into one archive anyway" },
	{ .name = "compress", .kind = OPT_BOOL, .offset = A(compress), .help = "Compress layers (docker-dir, oci-dir)" },
	{ .name = "uncompressed", .kind = OPT_BOOL, .offset = A(uncompressed), .help = "Plain layers in OCI archives" },
	{ .name = "platform", .kind = OPT_STR, .arg = "OS/ARCH[/VARIANT]", .offset = A(platform),
	  .help = "Platform to take from an index (default: the host's)" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = A(quiet), .help = "Show no progress" },
	{ 0 }
};

/* --- one image --- */

struct save_call {
	struct verb_call *c;
	const struct save_args *args;
	struct place_options places;
	struct copy_options options;
	struct dest *dest;
};

/* An id gives no name. */
static const char *name_of(struct arena *a, struct image_store *s, const char *ref)
{
	struct image_name n;
	struct manifest_row index;
	struct image *img;

	if (image_name_parse(a, ref, &n, NULL) < 0 || n.digest)
		return NULL;
	const char *name = image_name_text(a, &n);
	if (manifest_alone(s, a, ref, &index, NULL) > 0)
		return index.name;
	if (image_resolve(s, a, ref, &img, NULL) < 0)
		return name;
	for (const char **have = img->names; *have; have++)
		if (streq(*have, name))
			return name;
	return NULL;
}

static int save_one(struct save_call *k, const char *ref, struct dv_err *e)
{
	auto_source struct source *s = NULL;
	struct copy_options o = k->options;
	struct document doc;
	struct place p;
	int rc = place_make(k->c->arena, "davit", ref, NULL, &p, e);

	if (rc == 0)
		rc = source_open(&p, &k->places, &s, e);
	o.name = name_of(k->c->arena, k->places.store, ref);
	return rc < 0 ? rc : copy_image(s, k->dest, &o, k->c->arena, &doc, e);
}

/* --- all --- */

static int dest_make(struct save_call *k, size_t form, struct dv_err *e)
{
	const char *out = k->args->output;
	struct place p;

	if (!out && forms[form].dir)
		return dv_fail(e, DV_INVALID, "--format %s wants --output", formats[form]);
	if (!out && isatty(STDOUT_FILENO))
		return dv_fail(e, DV_INVALID, "an archive is not written to a terminal: use --output, or a pipe");
	if (!out)
		k->places.stream_fd = STDOUT_FILENO;
	int rc = place_make(k->c->arena, forms[form].transport, out ? out : "standard output", NULL, &p, e);
	return rc < 0 ? rc : dest_open(&p, &k->places, &k->dest, e);
}

static int options_make(struct save_call *k, size_t form, struct dv_err *e)
{
	const struct save_args *x = k->args;
	struct platform *p = arena_new(k->c->arena, struct platform);
	int rc = platform_parse(k->c->arena, x->platform, p, e);

	k->places.platform = p;
	/* Others take a signature in a layout for a second image. */
	k->options = (struct copy_options){ .platform = p, .format = forms[form].format, .no_referrers = true, .compression = COMPRESS_GZIP };
	if (x->compress)
		k->options.compress = COPY_COMPRESS_PLAIN;
	if (x->uncompressed)
		k->options.compress = COPY_DECOMPRESS;
	return rc;
}

static int save_all(struct save_call *k, struct dv_err *e)
{
	int rc = 0;

	for (size_t i = 0; i < k->c->n_operands && rc == 0; i++)
		rc = save_one(k, k->c->operands[i], e);
	return rc < 0 ? rc : dest_commit(k->dest, e);
}

static void tell_saved(const struct verb_call *c, struct image_store *s, const char *ref)
{
	struct image *img = NULL;

	if (image_resolve(s, c->arena, ref, &img, NULL) >= 0)
		tell_image(c, "save", img->id, img->id);
}

static int save_run(struct verb_call *c, struct dv_err *e)
{
	const struct imagecli_globals *g = c->globals;
	struct save_call k = { .c = c, .args = c->args };
	auto_store struct image_store *store = NULL;
	auto_blobshow struct blobshow *show = NULL;
	size_t form = 0;

	while (k.args->format && !streq(k.args->format, formats[form]))
		form++;
	if (form == 2 && c->n_operands > 1)
		return dv_fail(e, DV_INVALID, "a docker-dir holds one image");
	int rc = options_make(&k, form, e);
	if (rc == 0)
		rc = image_store_open(g->root, &store, e);
	k.places.store = store;
	if (rc == 0)
		rc = dest_make(&k, form, e);
	if (rc < 0)
		return rc;
	show = blobshow_new(NULL, k.args->quiet || !isatty(STDERR_FILENO));
	k.options.events = blobshow_events(show);
	rc = save_all(&k, e);
	for (size_t i = 0; rc >= 0 && i < c->n_operands; i++)
		tell_saved(c, store, c->operands[i]);
	dest_close(k.dest);
	return rc;
}

static const char *const save_examples[] = { "davit save -o web.tar web", "davit save a b | ssh host docker load", NULL };

const struct verb imageverb_save = {
	.name = "save",
	.operands = "IMAGE...",
	.operands_min = 1,
	.operands_max = 1000,
	.summary = "Write images into an archive",
	.description = "What it writes can be loaded by davit load, docker load, podman load and skopeo. The file appears "
		       "when it is complete, in place of an older one.",
	.examples = save_examples,
	.opts = save_opts,
	.args_size = sizeof(struct save_args),
	.run = save_run,
};
