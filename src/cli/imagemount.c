/* imagemount.c - image mount and image unmount, as podman has them. */
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "engine/imagemount.h"
#include "image/name.h"

struct mount_args {
	bool all, force;
	const char *format;
};
#define A(member) offsetof(struct mount_args, member)
static const char *const formats[] = { "json", NULL };

static const char *shown_name(struct arena *a, const struct image *img)
{
	return img->names[0] ? img->names[0] : cli_short_id(a, img->id, false);
}

static const char *hex_or_all(const char *id)
{
	const char *hex = str_after(id, "sha256:");

	return hex ? hex : id;
}

static struct json *names_json(struct arena *a, const struct image *img)
{
	return json_new_strs(a, (const char *const *)img->names);
}

/* --- mount --- */

struct output {
	struct arena *a;
	struct json *list;      /* NULL: text */
	bool only_path;
};

static void show(struct output *o, const struct image *img, const char *path)
{
	if (o->list)
		json_append(o->a, o->list, json_obj(o->a, "id", json_new_str(o->a, hex_or_all(img->id)), "Repositories",
						    names_json(o->a, img), "mountpoint", json_new_str(o->a, path), NULL));
	else if (o->only_path)
		printf("%s\n", path);
	else
		printf("%s %s\n", shown_name(o->a, img), path);
}

static int mount_one(struct engine *g, struct output *o, const char *ref, struct dv_err *e)
{
	struct image *img;
	const char *path;
	int r = image_resolve(engine_images(g), o->a, ref, &img, e);

	if (r >= 0)
		r = image_mount(g, o->a, img, &path, e);
	if (r >= 0)
		show(o, img, path);
	return r;
}

static int show_mounted(struct engine *g, struct output *o, struct dv_err *e)
{
	struct places m;
	int r = image_mount_list(g, o->a, &m, e);

	for (size_t i = 0; r >= 0 && i < m.n; i++) {
		struct image *img;

		if (image_resolve(engine_images(g), o->a, m.names[i], &img, NULL) == 0)
			show(o, img, m.paths[i]);
	}
	return r;
}

static int mount_refs(struct verb_call *c, struct engine *g, struct output *o, struct dv_err *e)
{
	const struct mount_args *x = c->args;
	struct image_list all = { 0 };
	int status = 0, r = x->all ? image_list(engine_images(g), c->arena, &all, e) : 0;

	if (r < 0)
		return r;
	for (size_t i = 0; i < c->n_operands + all.n; i++) {
		r = mount_one(g, o, i < c->n_operands ? c->operands[i] : all.v[i - c->n_operands]->id, e);
		if (r < 0) {
			cli_complain(c, e);
			status = 1;
		}
	}
	return status;
}

static int mount_run(struct verb_call *c, struct dv_err *e)
{
	const struct mount_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct output o = { c->arena, x->format ? json_new_array(c->arena) : NULL, c->n_operands == 1 && !x->all };
	int r = cli_engine(c, &g, e);

	if (r >= 0)
		r = x->all || c->n_operands ? mount_refs(c, g, &o, e) : show_mounted(g, &o, e);
	if (r >= 0 && o.list)
		printf("%s\n", json_text(c->arena, o.list, JSON_PRETTY));
	return r;
}

static const struct opt mount_opts[] = {
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = A(all), .help = "All images" },
	{ .name = "format", .kind = OPT_STR, .arg = "FORMAT", .offset = A(format), .values = formats, .help = "Output as JSON" },
	{ 0 }
};
static const char *const mount_examples[] = {
	"davit image mount busybox # prints the path", "davit image mount # what is mounted", NULL
};
const struct verb verb_image_mount = {
	.name = "mount", .operands = "[IMAGE...]", .operands_max = UINT32_MAX,
	.summary = "Mount images read-only, or list those that are mounted",
	.description = "Prints where the image's files are, all layers as one tree. It stays until `image unmount`, which has to be "
		       "called as often. Several images are printed with their names; without IMAGE, those that are mounted.",
	.examples = mount_examples, .opts = mount_opts, .args_size = sizeof(struct mount_args), .run = mount_run,
};

/* --- unmount --- */

static int unmount_one(struct verb_call *c, struct engine *g, const char *ref, struct dv_err *e)
{
	const struct mount_args *x = c->args;
	struct image *img;
	int r = image_resolve(engine_images(g), c->arena, ref, &img, e);

	if (r >= 0)
		r = image_unmount(g, img->id, x->force, e);
	if (r >= 0)
		printf("%s\n", hex_or_all(img->id));
	return r;
}

int cli_unmount_all(struct verb_call *c, const char *what, cli_places *list, cli_unmount *one, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	struct places all = { 0 };
	int status = 0, r = cli_engine(c, &g, e);

	if (r >= 0 && !list && !c->n_operands)
		return dv_fail(e, DV_INVALID, "%s, or --all, is wanted", what);
	if (r < 0 || (list && (r = list(g, c->arena, &all, e)) < 0))
		return r;
	for (size_t i = 0; i < c->n_operands + all.n; i++)
		if (one(c, g, i < c->n_operands ? c->operands[i] : all.names[i - c->n_operands], e) < 0) {
			cli_complain(c, e);
			status = 1;
		}
	return status;
}

static int unmount_run(struct verb_call *c, struct dv_err *e)
{
	const struct mount_args *x = c->args;

	return cli_unmount_all(c, "an image", x->all ? image_mount_list : NULL, unmount_one, e);
}

static const struct opt unmount_opts[] = {
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = A(all), .help = "All that are mounted" },
	{ .name = "force", .letter = 'f', .kind = OPT_BOOL, .offset = A(force), .help = "However often it was mounted" },
	{ 0 }
};
static const char *const unmount_aliases[] = { "umount", NULL };
static const char *const unmount_examples[] = { "davit image unmount busybox", "davit image unmount --all --force", NULL };
const struct verb verb_image_unmount = {
	.name = "unmount", .aliases = unmount_aliases, .operands = "[IMAGE...]", .operands_max = UINT32_MAX,
	.summary = "Unmount images", .examples = unmount_examples, .opts = unmount_opts, .args_size = sizeof(struct mount_args),
	.run = unmount_run,
};
