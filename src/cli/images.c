/* images.c - images, image exists. */
#include <fnmatch.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "engine/ctr.h"
#include "image/manifests.h"
#include "image/name.h"
#include "ui/template.h"

struct images_args {
	bool all, quiet, no_trunc, digests;
	const char *format;
	struct opt_strs filters;
};
#define A(member) offsetof(struct images_args, member)
static const struct opt images_opts[] = {
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = A(all), .help = "All images (there are no others)" },
	{ .name = "filter", .letter = 'f', .kind = OPT_STRS, .arg = "KEY=VALUE", .offset = A(filters),
	  .help = "Only those with dangling=true|false, label=KEY[=VALUE], reference=PATTERN, before=IMAGE, since=IMAGE, until=TIME" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = A(quiet), .help = "Only ids" },
	{ .name = "no-trunc", .kind = OPT_BOOL, .offset = A(no_trunc), .help = "Cut nothing" },
	{ .name = "digests", .kind = OPT_BOOL, .offset = A(digests), .help = "Show digests" },
	{ .name = "format", .kind = OPT_STR, .arg = "TEMPLATE", .offset = A(format),
	  .help = "table, json, or a template such as '{{.Repository}}:{{.Tag}}'" },
	{ 0 }
};

const char *cli_short_id(struct arena *a, const char *id, bool whole)
{
	const char *hex = str_after(id, "sha256:");

	return whole ? id : arena_strn(a, hex ? hex : id, strnlen(hex ? hex : id, CLI_SHORT_ID));
}

/* --- rows --- */

struct listing {
	struct arena *a;
	const struct images_args *x;
	const struct cli_filter *filter;
	const char *want;       /* the operand, or NULL */
	struct json *rows;
	bool times;             /* of creation, in full: only where the format asks */
	struct json *unknown;   /* what nobody computes, once for all rows */
};

static void add_row(struct listing *l, const char *repo, const char *tag, const char *id, const char *digest, int64_t created,
		    uint64_t size)
{
	struct arena *a = l->a;
	struct json *human = json_new_str(a, str_human(a, size, false));

	json_append(a, l->rows,
		    json_obj(a, "Repository", json_new_str(a, repo), "Tag", json_new_str(a, tag), "ID",
			     json_new_str(a, cli_short_id(a, id, l->x->no_trunc)), "Digest", json_new_str(a, digest),
			     "CreatedSince", json_new_str(a, human_ago(a, created)), "CreatedAt",
			     l->times ? json_new_str(a, human_time(a, created)) : l->unknown, "Size", human, "VirtualSize",
			     human, "SharedSize", l->unknown, "UniqueSize", l->unknown, "Containers", l->unknown, NULL));
}

/* The digest it was pulled as from this repository ("docker.io/library/x"), else its manifest's. */
static const char *digest_in(const struct image *img, const char *repo, size_t len)
{
	for (const char **d = img->digests; *d; d++)
		if (strncmp(*d, repo, len) == 0 && (*d)[len] == '@')
			return *d + len + 1;
	return img->manifest;
}

static bool operand_matches(const struct listing *l, const char *canonical)
{
	const char *full, *familiar = image_name_familiar(canonical);
	size_t n;

	if (!l->want || fnmatch(l->want, familiar, FNM_PATHNAME) == 0)
		return true;
	if (image_name_normalize(l->a, l->want, &full, NULL) < 0)
		return false;
	if (streq(full, canonical))
		return true;
	/* A repository without a tag stands for all of its tags. */
	n = strlen(full) - strlen("latest");
	return str_ends(full, ":latest") && !str_ends(l->want, ":latest") && strncmp(full, canonical, n) == 0;
}

static void add_name(struct listing *l, const struct image *img, const char *name)
{
	const char *familiar = image_name_familiar(name), *colon = strrchr(familiar, ':'), *end = strrchr(name, ':');

	if (!colon || !end || !operand_matches(l, name) || !cli_filter_match(l->a, l->filter, img, name))
		return;
	add_row(l, arena_strn(l->a, familiar, (size_t)(colon - familiar)), colon + 1, img->id,
		l->x->digests || l->x->format ? digest_in(img, name, (size_t)(end - name)) : img->manifest, img->created, img->size);
}

/* No name: what repository it came from is known when it was pulled by digest. */
static void add_nameless(struct listing *l, const struct image *img)
{
	const char *pulled = img->digests[0] ? image_name_familiar(img->digests[0]) : NULL, *at = pulled ? strchr(pulled, '@') : NULL;

	if (l->want || !cli_filter_match(l->a, l->filter, img, NULL))
		return;
	add_row(l, at ? arena_strn(l->a, pulled, (size_t)(at - pulled)) : "<none>", "<none>", img->id, at ? at + 1 : img->manifest,
		img->created, img->size);
}

/* Indexes and artifacts that have a name of their own. They have no configuration, so that only their names are
 * filtered. */
static int add_manifests(struct listing *l, struct image_store *s, struct dv_err *e)
{
	static const char *const no_names[] = { "", NULL };
	struct manifest_rows rows;
	int r = manifest_list(s, l->a, &rows, e);

	for (size_t i = 0; r >= 0 && i < rows.n; i++) {
		char text[DIGEST_TEXT_SIZE];
		const char *id = arena_str(l->a, digest_text(&rows.v[i].digest, text));
		const struct image as = { .id = id, .manifest = id, .names = (const char **)no_names, .digests = (const char **)&no_names[1],
					  .created = rows.v[i].created, .size = rows.v[i].size };

		add_name(l, &as, rows.v[i].name);
	}
	return r;
}

static int list_rows(struct listing *l, struct image_store *s, struct dv_err *e)
{
	struct image_list list;
	int r = image_list_with(s, l->a, cli_filter_wants_config(l->filter) ? IMAGE_LIST_CONFIG : 0, &list, e);

	for (size_t i = 0; r >= 0 && i < list.n; i++) {
		for (const char **n = list.v[i]->names; *n; n++)
			add_name(l, list.v[i], *n);
		if (!list.v[i]->names[0])
			add_nameless(l, list.v[i]);
	}
	return r < 0 ? r : add_manifests(l, s, e);
}

static struct json *headers(struct arena *a)
{
	static const char *const names[][2] = {
		{ "Repository", "REPOSITORY" }, { "Tag", "TAG" },           { "ID", "IMAGE ID" },       { "Digest", "DIGEST" },
		{ "CreatedSince", "CREATED" },  { "CreatedAt", "CREATED AT" }, { "Size", "SIZE" },      { "VirtualSize", "SIZE" },
		{ "SharedSize", "SHARED SIZE" }, { "UniqueSize", "UNIQUE SIZE" }, { "Containers", "CONTAINERS" },
	};
	struct json *h = json_new_object(a);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		json_set(a, h, names[i][0], json_new_str(a, names[i][1]));
	return h;
}

static int images_run(struct verb_call *c, struct dv_err *e)
{
	const struct images_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct listing l = { .a = c->arena, .x = x, .want = c->operands[0], .rows = json_new_array(c->arena),
			     .unknown = json_new_str(c->arena, "N/A") };
	const char *format = x->format ? x->format : x->quiet ? "{{.ID}}" : "table";
	struct cli_filter *filter;
	int r;

	if (streq(format, "table"))
		format = x->digests ? "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}" :
				      "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
	if ((r = cli_engine(c, &g, e)) < 0 ||
	    (r = cli_filter_parse(engine_images(g), c->arena, &x->filters, "dangling, label, reference, before, since, after, until",
				  &filter, e)) < 0)
		return r;
	l.filter = filter;
	l.times = strstr(format, "CreatedAt") || strstr(format, "json") || strstr(format, "{{.}}");
	r = list_rows(&l, engine_images(g), e);
	return r < 0 ? r : format_rows(c->arena, format, headers(c->arena), l.rows, stdout, x->no_trunc, e);
}

static const char *const images_aliases[] = { "ls", "list", NULL };
static const char *const images_examples[] = {
	"davit images", "davit images -q --filter dangling=true", "davit images --format '{{.Repository}}:{{.Tag}} {{.Size}}'", NULL
};
const struct verb verb_images = {
	.name = "images", .aliases = images_aliases, .operands = "[NAME]", .operands_max = 1, .summary = "List images",
	.description = "NAME is a repository, with or without a tag, or a pattern such as 'web*'.",
	.examples = images_examples, .opts = images_opts, .args_size = sizeof(struct images_args), .run = images_run,
};

/* --- exists --- */

static int exists_run(struct verb_call *c, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	struct image *img;
	struct manifest_row m;
	int r = cli_engine(c, &g, e);

	if (r < 0)
		return r;
	r = image_resolve(engine_images(g), c->arena, c->operands[0], &img, e);
	if (r == -DV_NOT_FOUND)
		r = manifest_resolve(engine_images(g), c->arena, c->operands[0], &m, e);
	return r == -DV_NOT_FOUND ? 1 : r;
}

static const char *const exists_examples[] = { "davit image exists busybox || davit pull busybox", NULL };
const struct verb verb_image_exists = {
	.name = "exists", .operands = "IMAGE", .operands_min = 1, .operands_max = 1,
	.summary = "Exit with 0 when the image is here, with 1 when it is not", .examples = exists_examples, .run = exists_run,
};
