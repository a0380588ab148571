/* rmi.c - names and images come and go: tag, untag, rmi, image prune. */
#include <stdio.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cli.h"
#include "engine/events.h"
#include "engine/imagemount.h"
#include "engine/life.h"
#include "image/manifests.h"
#include "image/name.h"

/* --- tag --- */

/* docker names an image by its id in these events. */
static const char *id_of(struct engine *g, struct arena *a, const char *ref)
{
	struct image *img = NULL;

	return image_resolve(engine_images(g), a, ref, &img, NULL) >= 0 ? img->id : ref;
}

static int tag_run(struct verb_call *c, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	const char *id, *full;
	int r = cli_engine(c, &g, e);

	if (r < 0)
		return r;
	id = id_of(g, c->arena, c->operands[0]);
	for (size_t i = 1; r >= 0 && i < c->n_operands; i++)
		if ((r = image_tag(engine_images(g), c->operands[0], c->operands[i], e)) >= 0 &&
		    image_name_normalize(c->arena, c->operands[i], &full, NULL) >= 0)
			event_image(g, "tag", id, image_name_familiar(full));
	return r < 0 ? r : 0;
}

static const char *const tag_examples[] = { "davit tag busybox localhost:5000/tools/busybox:1.36", NULL };
const struct verb verb_tag = {
	.name = "tag", .operands = "IMAGE NAME...", .operands_min = 2, .operands_max = UINT32_MAX,
	.summary = "Give an image further names",
	.description = "A name that another image has moves here. An index stays one: the new name stands for all its images.", .examples = tag_examples, .run = tag_run,
};

/* --- untag --- */

/* Of an image, or of an index that they alone stand for. */
static int names_of(struct image_store *s, struct arena *a, const char *ref, const char ***ret, const char **ret_id, struct dv_err *e)
{
	struct manifest_row index;
	char text[DIGEST_TEXT_SIZE];
	struct image *img;
	int r = manifest_alone(s, a, ref, &index, e);

	if (r > 0) {
		*ret_id = arena_str(a, digest_text(&index.digest, text));
		return manifest_names(s, a, &index.digest, ret, e);
	}
	if (r == 0)
		r = image_resolve(s, a, ref, &img, e);
	if (r < 0)
		return r;
	*ret_id = img->id;
	*ret = img->names;
	return 0;
}

static int untag_full(struct engine *g, const char *id, const char *full, struct dv_err *e)
{
	int r = image_untag(engine_images(g), full, e);

	if (r >= 0)
		event_image(g, "untag", id, id);
	return r;
}

static int untag_one(struct engine *g, struct arena *a, const char *id, const char *const *names, const char *name,
		     struct dv_err *e)
{
	const char *full;
	int r = image_name_normalize(a, name, &full, e);

	if (r < 0)
		return r;
	for (; *names; names++)
		if (streq(*names, full))
			return untag_full(g, id, full, e);
	return dv_fail(e, DV_NOT_FOUND, "%s is not a name of image %s", name, cli_short_id(a, id, false));
}

static int untag_run(struct verb_call *c, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	const char **names = NULL, *id = NULL;
	int r = cli_engine(c, &g, e);

	if (r >= 0)
		r = names_of(engine_images(g), c->arena, c->operands[0], &names, &id, e);
	for (size_t i = 1; r >= 0 && i < c->n_operands; i++)
		r = untag_one(g, c->arena, id, names, c->operands[i], e);
	for (const char **n = names; r >= 0 && c->n_operands == 1 && *n; n++)
		r = untag_full(g, id, *n, e);
	return r < 0 ? r : 0;
}

static const char *const untag_examples[] = { "davit untag web registry.example.com/web:old", "davit untag 41c1d4b0a2f3", NULL };
const struct verb verb_untag = {
	.name = "untag", .operands = "IMAGE [NAME...]", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Take names away from an image",
	.description = "Without NAME all of them. The image stays, and can be removed by its id; an index that has no name "
		       "any more goes with the next collection.", .examples = untag_examples,
	.run = untag_run,
};

/* --- rmi --- */

struct rmi_args {
	bool force, all, ignore, no_prune;
};
#define A(member) offsetof(struct rmi_args, member)
static const struct opt rmi_opts[] = {
	{ .name = "force", .letter = 'f', .kind = OPT_BOOL, .offset = A(force),
	  .help = "Also an image with several names; one that does not exist is no error" },
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = A(all), .help = "All images that no container uses" },
	{ .name = "ignore", .letter = 'i', .kind = OPT_BOOL, .offset = A(ignore), .help = "One that does not exist is no error" },
	{ .name = "no-prune", .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = A(no_prune), .help = "Nothing: there are no parents" },
	{ 0 }
};

/* A container needs the layers below it, forced or not; a mount as well. */
int cli_image_in_use(void *ctx, struct image_store *s, const char *id, struct dv_err *e)
{
	struct cli_in_use *x = ctx;
	struct ctr *c;
	int r = ctr_of_image(x->g, x->a, id, &c, e);

	if (r < 0)
		return r;
	if (c)
		return dv_fail(e, DV_CONFLICT, "conflict: unable to remove image %s: container %s (%s) is using it",
			       cli_short_id(x->a, id, false), cli_short_id(x->a, c->id, false), c->name);
	if (image_is_mounted(x->g, id))
		return dv_fail(e, DV_CONFLICT, "conflict: unable to remove image %s: it is mounted (davit image unmount)",
			       cli_short_id(x->a, id, false));
	return 0;
}

static void show_removed(const struct image_removed *r, const char *untagged, const char *deleted)
{
	for (const char **n = r->untagged; n && *n; n++)
		printf("%s: %s\n", untagged, image_name_familiar(*n));
	if (r->deleted)
		printf("%s: %s\n", deleted, r->deleted);
	for (const char **l = r->layers; l && *l; l++)
		printf("%s: %s\n", deleted, *l);
}

static void tell_removed(struct engine *g, const struct image_removed *r, const char *id)
{
	for (const char **n = r->untagged; n && *n; n++)
		event_image(g, "untag", id, id);
	if (r->deleted)
		event_image(g, "delete", r->deleted, r->deleted);
}

static int rmi_one(struct verb_call *c, struct engine *g, const char *ref, struct dv_err *e)
{
	const struct rmi_args *x = c->args;
	struct cli_in_use ctx = { g, c->arena };
	struct image_removed gone = { 0 };
	const char *id = id_of(g, c->arena, ref);
	int r = image_remove(engine_images(g), c->arena, ref, x->force || x->all, cli_image_in_use, &ctx, &gone, e);

	if (r >= 0) {
		show_removed(&gone, "Untagged", "Deleted");
		tell_removed(g, &gone, id);
	}
	return r;
}

static int rmi_run(struct verb_call *c, struct dv_err *e)
{
	const struct rmi_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct image_list all = { 0 };
	int status = 0, r = cli_engine(c, &g, e);

	if (r >= 0 && !x->all && !c->n_operands)
		return dv_fail(e, DV_INVALID, "an image, or --all, is wanted");
	if (r < 0 || (r = life_settle_busy(g, c->arena, e)) < 0 ||
	    (x->all && (r = image_list(engine_images(g), c->arena, &all, e)) < 0))
		return r;
	for (size_t i = 0; i < c->n_operands + all.n; i++) {
		r = rmi_one(c, g, i < c->n_operands ? c->operands[i] : all.v[i - c->n_operands]->id, e);
		if (r < 0 && !(r == -DV_NOT_FOUND && (x->force || x->ignore || x->all))) {
			cli_complain(c, e);
			status = 1;
		}
	}
	return status;
}

static const char *const rmi_aliases[] = { "rm", "remove", NULL };
static const char *const rmi_examples[] = { "davit rmi busybox:1.36 web", "davit rmi -f $(davit images -q)", "davit rmi --all", NULL };
const struct verb verb_rmi = {
	.name = "rmi", .aliases = rmi_aliases, .operands = "IMAGE...", .operands_max = UINT32_MAX, .summary = "Remove images",
	.description = "By name, only that name goes, and the image with its last one; by id the image or index goes. What only it "
		       "needed goes with it. An image that a container uses, or that is mounted, stays.",
	.examples = rmi_examples, .opts = rmi_opts, .args_size = sizeof(struct rmi_args), .run = rmi_run,
};

/* --- prune --- */

struct prune_args {
	bool all, force;
	struct opt_strs filters;
};
#define P(member) offsetof(struct prune_args, member)
static const struct opt prune_opts[] = {
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = P(all), .help = "Also those with a name, when no container uses them" },
	{ .name = "force", .letter = 'f', .kind = OPT_BOOL, .offset = P(force), .help = "Do not ask" },
	{ .name = "filter", .kind = OPT_STRS, .arg = "KEY=VALUE", .offset = P(filters),
	  .help = "Only those with label=KEY[=VALUE], label!=KEY[=VALUE], until=TIME" },
	{ 0 }
};

bool cli_confirm(const char *warning)
{
	char line[16];

	printf("WARNING! %s\nAre you sure you want to continue? [y/N] ", warning);
	(void)fflush(stdout);
	return fgets(line, sizeof line, stdin) && (*line == 'y' || *line == 'Y');
}

static uint64_t unique_bytes(struct image_store *s, const struct image_removed *r, const struct image *img)
{
	uint64_t sum = 0;

	for (const char **l = r->layers; l && *l; l++)
		for (size_t i = 0; i < img->n_layers; i++)
			if (streq(img->layers[i].diff_id, *l)) {
				sum += img->layers[i].size;
				break;
			}
	return sum;
}

static int prune_matching(struct engine *g, struct arena *a, bool all, const struct cli_filter *filter, uint64_t *ret_bytes,
			  struct dv_err *e)
{
	struct cli_in_use ctx = { g, a };
	struct image_list list;
	uint64_t before = *ret_bytes;
	bool first = true;
	int r = image_list_with(engine_images(g), a, IMAGE_LIST_LAYERS | IMAGE_LIST_CONFIG, &list, e);

	for (size_t i = 0; r >= 0 && i < list.n; i++) {
		struct image_removed gone = { 0 };
		struct dv_err why;

		if ((list.v[i]->names[0] && !all) || !cli_filter_match(a, filter, list.v[i], NULL))
			continue;
		r = image_remove(engine_images(g), a, list.v[i]->id, true, cli_image_in_use, &ctx, &gone, &why);
		if (r == -DV_CONFLICT || r == -DV_NOT_FOUND) {
			r = 0;
			continue;
		}
		if (r < 0) {
			*e = why;
			return r;
		}
		if (first)
			printf("Deleted Images:\n");
		first = false;
		show_removed(&gone, "untagged", "deleted");
		tell_removed(g, &gone, list.v[i]->id);
		*ret_bytes += unique_bytes(engine_images(g), &gone, list.v[i]);
	}
	if (!first)
		printf("\n");
	if (r >= 0)
		event_prune(g, "image", *ret_bytes - before);
	return r < 0 ? r : 0;
}

int cli_image_prune(struct verb_call *c, struct engine *g, bool all, const struct opt_strs *filters, uint64_t *bytes,
		    struct dv_err *e)
{
	struct cli_filter *filter;
	int r;

	if ((r = cli_filter_parse(engine_images(g), c->arena, filters, "label, label!, until", &filter, e)) < 0 ||
	    (r = life_settle_busy(g, c->arena, e)) < 0)
		return r;
	return prune_matching(g, c->arena, all, filter, bytes, e);
}

static int prune_run(struct verb_call *c, struct dv_err *e)
{
	const struct prune_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct cli_filter *filter;
	uint64_t bytes = 0;
	int r = cli_engine(c, &g, e);

	if (r < 0 || (r = cli_filter_parse(engine_images(g), c->arena, &x->filters, "label, label!, until", &filter, e)) < 0)
		return r;
	if (!x->force && !cli_confirm(x->all ? "This will remove all images without at least one container associated to them." :
					       "This will remove all dangling images."))
		return 0;
	if ((r = cli_image_prune(c, g, x->all, &x->filters, &bytes, e)) < 0)
		return r;
	printf("Total reclaimed space: %s\n", str_human(c->arena, bytes, false));
	return 0;
}

static const char *const prune_examples[] = { "davit image prune -f", "davit image prune -a --filter until=24h", NULL };
const struct verb verb_image_prune = {
	.name = "prune", .summary = "Remove images without a name, or all that nothing uses", .examples = prune_examples,
	.opts = prune_opts, .args_size = sizeof(struct prune_args), .run = prune_run,
};
