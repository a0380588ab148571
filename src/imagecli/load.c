/* load.c - load: archives and layouts into the store. */
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "image/name.h"
#include "imagecli/imagecli.h"
#include "imagecli/show.h"
#include "imagecli/tell.h"
#include "json/json.h"
#include "transfer/load.h"

struct load_args {
	const char *input, *platform, *format, *progress;
	bool quiet;
};

static const char *const formats[] = { "text", "json", NULL };

static const struct opt load_opts[] = {
	{ .name = "input", .letter = 'i', .kind = OPT_STR, .arg = "FILE", .offset = offsetof(struct load_args, input),
	  .help = "Archive or layout directory to read instead of standard input" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = offsetof(struct load_args, quiet),
	  .help = "Do not show progress" },
	{ .name = "progress", .kind = OPT_STR, .arg = "STYLE", .offset = offsetof(struct load_args, progress),
	  .values = show_styles, .help = "Bars on a terminal (auto), plain lines, or JSON lines on standard output (default: bars on a "
				       "terminal, nothing elsewhere)" },
	{ .name = "platform", .kind = OPT_STR, .arg = "OS/ARCH[/VARIANT]",
	  .offset = offsetof(struct load_args, platform), .help = "Platform to take from an index (default: the host's)" },
	{ .name = "format", .kind = OPT_STR, .arg = "FORMAT", .offset = offsetof(struct load_args, format),
	  .values = formats, .help = "Output as lines of text or as one JSON document" },
	{ 0 }
};

static void show_text(const struct load_image *img)
{
	for (const char **n = img->names; *n; n++)
		printf("Loaded image: %s\n", image_name_familiar(*n));
	if (!img->names[0])
		printf("Loaded image ID: %s\n", img->id);
}

static void show_json_list(struct arena *a, const struct load_result *r)
{
	struct json *list = json_new_array(a);

	for (size_t i = 0; i < r->n; i++)
		json_append(a, list, json_obj(a, "Id", json_new_str(a, r->v[i].id), "Names",
					      json_new_strs(a, (const char *const *)r->v[i].names), NULL));
	printf("%s\n", json_text(a, list, JSON_COMPACT));
}

static void show_lines(struct show *show, const struct load_image *img)
{
	for (const char **n = img->names; *n; n++)
		show_end(show, "id", img->id, "name", *n, "status", "loaded", NULL);
	if (!img->names[0])
		show_end(show, "id", img->id, "status", "loaded", NULL);
}

static void on_layer(void *ctx, size_t layer, const struct digest *blob, enum layer_step step, uint64_t done, uint64_t total)
{
	show_step(ctx, layer, blob, layer_step_name(step), done, total);
}

static int load_from(const struct verb_call *c, struct load_options *o, struct load_result *ret, struct dv_err *e)
{
	const struct imagecli_globals *g = c->globals;
	const struct load_args *args = c->args;
	auto_store struct image_store *s = NULL;
	auto_close int fd = -1;
	int rc = 0;

	if (args->input) {
		rc = file_open(AT_FDCWD, args->input, O_RDONLY, 0, &fd, e);
		o->fd = fd;
		o->what = args->input;
	} else if (isatty(STDIN_FILENO)) {
		return dv_fail(e, DV_INVALID, "an archive is wanted: by --input, or on standard input");
	}
	if (rc == 0)
		rc = image_store_open(g->root, &s, e);
	return rc < 0 ? rc : image_load(s, o, c->arena, ret, e);
}

static int load_run(struct verb_call *c, struct dv_err *e)
{
	const struct load_args *args = c->args;
	/* As docker: without a terminal only what is asked for. */
	struct show *show = show_new(args->progress, args->quiet || (!args->progress && !isatty(STDERR_FILENO)));
	const struct layer_watch watch = { on_layer, show_note, show };
	struct load_options o = { .fd = STDIN_FILENO, .what = "standard input", .platform = args->platform, .watch = &watch };
	struct load_result r;
	bool list = args->format && streq(args->format, "json"), lines = show_json(show) && !list;
	int rc = load_from(c, &o, &r, e);

	for (size_t i = 0; rc == 0 && lines && i < r.n; i++)
		show_lines(show, &r.v[i]);
	for (size_t i = 0; rc == 0 && i < r.n; i++)
		tell_image(c, "load", r.v[i].id, r.v[i].id);
	if (rc < 0)
		rc = show_error(show, rc, e);
	show_free(show);        /* bars are drawn to the end before anything else is written */
	if (rc == 0 && list)
		show_json_list(c->arena, &r);
	for (size_t i = 0; rc == 0 && !list && !lines && i < r.n; i++)
		show_text(&r.v[i]);
	return rc;
}

static const char *const load_examples[] = {
	"davit load -i busybox.tar", "skopeo copy docker-daemon:web oci-archive:/dev/stdout | davit load", NULL
};

const struct verb imageverb_load = {
	.name = "load",
	.summary = "Load images from an archive or an OCI layout",
	.description = "Reads a docker archive (docker save), an OCI archive or an OCI layout directory, plain or "
		       "compressed with gzip or zstd. Every digest and size is verified; either all images of the "
		       "archive are loaded, or none.",
	.examples = load_examples,
	.opts = load_opts,
	.args_size = sizeof(struct load_args),
	.run = load_run,
};
