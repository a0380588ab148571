/* images.c - images and rmi. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/cli.h"
#include "engine/life.h"
#include "image/name.h"
#include "ui/template.h"

#define SHORT_ID 12

/* --- images --- */

struct images_args {
	bool all, quiet, no_trunc, digests;
	const char *format;
};
#define A(member) offsetof(struct images_args, member)
static const struct opt images_opts[] = {
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = A(all), .help = "All images (there are no others)" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = A(quiet), .help = "Only ids" },
	{ .name = "no-trunc", .kind = OPT_BOOL, .offset = A(no_trunc), .help = "Cut nothing" },
	{ .name = "digests", .kind = OPT_BOOL, .offset = A(digests), .help = "Show digests" },
	{ .name = "format", .kind = OPT_STR, .arg = "TEMPLATE", .offset = A(format),
	  .help = "table, json, or a template such as '{{.Repository}}:{{.Tag}}'" },
	{ 0 }
};

static const char *shown_id(struct arena *a, const char *id, bool whole)
{
	const char *hex = str_after(id, "sha256:");

	return whole ? id : arena_strn(a, hex ? hex : id, SHORT_ID);
}

static struct json *image_row(struct arena *a, const struct image *img, const char *name, const struct images_args *x)
{
	const char *familiar = name ? image_name_familiar(name) : NULL, *colon = familiar ? strrchr(familiar, ':') : NULL;
	const char *repo = colon ? arena_strn(a, familiar, (size_t)(colon - familiar)) : "<none>";
	int64_t now = ctr_now_ns() / 1000000000;

	return json_obj(a, "Repository", json_new_str(a, repo), "Tag", json_new_str(a, colon ? colon + 1 : "<none>"), "ID",
			json_new_str(a, shown_id(a, img->id, x->no_trunc)), "Digest", json_new_str(a, img->manifest),
			"CreatedSince",
			json_new_str(a, img->created ? arena_printf(a, "%s ago", human_duration(a, now - img->created)) :
						       "N/A"),
			"CreatedAt", json_new_str(a, human_time(a, img->created)), "Size",
			json_new_str(a, str_human(a, img->size, false)), "VirtualSize",
			json_new_str(a, str_human(a, img->size, false)), NULL);
}

static bool name_matches(struct arena *a, const char *canonical, const char *want)
{
	const char *full;

	if (image_name_normalize(a, want, &full, NULL) < 0)
		return false;
	if (streq(full, canonical))
		return true;
	/* A repository without a tag stands for all of its tags. */
	return !strchr(want, ':') && strncmp(full, canonical, strlen(full) - strlen("latest")) == 0;
}

static int images_rows(struct engine *g, struct arena *a, const struct images_args *x, const char *want,
		       struct json *rows, struct dv_err *e)
{
	struct image_list list;
	int r = image_list(engine_images(g), a, &list, e);

	for (size_t i = 0; r >= 0 && i < list.n; i++) {
		const struct image *img = list.v[i];

		for (const char **n = img->names; *n; n++)
			if (!want || name_matches(a, *n, want))
				json_append(a, rows, image_row(a, img, *n, x));
		if (!img->names[0] && !want)
			json_append(a, rows, image_row(a, img, NULL, x));
	}
	return r;
}

static struct json *headers(struct arena *a)
{
	return json_obj(a, "Repository", json_new_str(a, "REPOSITORY"), "Tag", json_new_str(a, "TAG"), "ID",
			json_new_str(a, "IMAGE ID"), "Digest", json_new_str(a, "DIGEST"), "CreatedSince",
			json_new_str(a, "CREATED"), "CreatedAt", json_new_str(a, "CREATED AT"), "Size",
			json_new_str(a, "SIZE"), "VirtualSize", json_new_str(a, "SIZE"), NULL);
}

static int images_run(struct verb_call *c, struct dv_err *e)
{
	const struct images_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct json *rows = json_new_array(c->arena);
	const char *format = x->format ? x->format : x->quiet ? "{{.ID}}" : "table";
	int r;

	if (streq(format, "table"))
		format = x->digests ? "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}" :
				      "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
	if ((r = cli_engine(c, &g, e)) < 0 || (r = images_rows(g, c->arena, x, c->operands[0], rows, e)) < 0)
		return r;
	return format_rows(c->arena, format, headers(c->arena), rows, stdout, x->no_trunc, e);
}

static const char *const images_aliases[] = { "ls", "list", NULL };
const struct verb verb_images = {
	.name = "images", .aliases = images_aliases, .operands = "[NAME]", .operands_max = 1, .summary = "List images",
	.opts = images_opts, .args_size = sizeof(struct images_args), .run = images_run,
};

/* --- rmi --- */

struct rmi_args {
	bool force;
};
static const struct opt rmi_opts[] = {
	{ .name = "force", .letter = 'f', .kind = OPT_BOOL, .offset = offsetof(struct rmi_args, force),
	  .help = "Also an image with several names; one that does not exist is no error" },
	{ 0 }
};

struct in_use_ctx {
	struct engine *g;
	struct arena *a;
};

/* A container needs the layers below it, forced or not. */
static int in_use(void *ctx, struct image_store *s, const char *id, struct dv_err *e)
{
	struct in_use_ctx *x = ctx;
	struct ctr *c;
	int r = ctr_of_image(x->g, x->a, id, &c, e);

	if (r < 0 || !c)
		return r;
	return dv_fail(e, DV_CONFLICT, "conflict: unable to remove image %s: container %s (%s) is using it",
		       shown_id(x->a, id, false), shown_id(x->a, c->id, false), c->name);
}

static void show_removed(const struct image_removed *r)
{
	for (const char **n = r->untagged; n && *n; n++)
		printf("Untagged: %s\n", image_name_familiar(*n));
	if (r->deleted)
		printf("Deleted: %s\n", r->deleted);
	for (const char **l = r->layers; l && *l; l++)
		printf("Deleted: %s\n", *l);
}

static int rmi_run(struct verb_call *c, struct dv_err *e)
{
	const struct rmi_args *x = c->args;
	auto_engine struct engine *g = NULL;
	int status = 0, r = cli_engine(c, &g, e);

	if (r < 0 || (r = life_settle_busy(g, c->arena, e)) < 0)
		return r;
	for (size_t i = 0; i < c->n_operands; i++) {
		struct in_use_ctx ctx = { g, c->arena };
		struct image_removed gone = { 0 };

		r = image_remove(engine_images(g), c->arena, c->operands[i], x->force, in_use, &ctx, &gone, e);
		if (r >= 0) {
			show_removed(&gone);
		} else if (r != -DV_NOT_FOUND || !x->force) {
			cli_complain(c, e);
			status = 1;
		}
	}
	return status;
}

static const char *const rmi_aliases[] = { "rm", "remove", NULL };
const struct verb verb_rmi = {
	.name = "rmi", .aliases = rmi_aliases, .operands = "IMAGE...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Remove images", .opts = rmi_opts, .args_size = sizeof(struct rmi_args), .run = rmi_run,
};
