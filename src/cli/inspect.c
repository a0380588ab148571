/* inspect.c - inspect, of containers and images, alone or both. */
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "engine/inspect.h"
#include "engine/life.h"
#include "engine/usage.h"
#include "image/manifests.h"

struct inspect_args {
	const char *format, *type;
	bool size, latest;
};
#define A(member) offsetof(struct inspect_args, member)
static const char *const types[] = { "container", "image", NULL };
#define COMMON_OPTS \
	{ .name = "format", .letter = 'f', .kind = OPT_STR, .arg = "TEMPLATE", .offset = A(format), \
	  .help = "json, or a template such as '{{.Config.Cmd}}'" }, \
	{ .name = "size", .letter = 's', .kind = OPT_BOOL, .offset = A(size), .help = "Of containers also SizeRw, what they have written, and SizeRootFs" }
static const struct opt both_opts[] = {
	COMMON_OPTS,
	CLI_LATEST(A(latest)),
	{ .name = "type", .kind = OPT_STR, .arg = "TYPE", .offset = A(type), .values = types,
	  .help = "Only a container, or only an image, of this name" },
	{ 0 }
};
static const struct opt one_opts[] = { COMMON_OPTS, { 0 } };
static const struct opt container_opts[] = { COMMON_OPTS, CLI_LATEST(A(latest)), { 0 } };

/* Templates may name what was not asked for; texts leave it out. */
enum sizes { SIZES_LEFT_OUT, SIZES_NULL, SIZES_SHOWN };

/* docker's names: what it wrote, and that with its image. */
static void add_sizes(struct engine *g, struct arena *a, const struct ctr *c, enum sizes sizes, struct json *j)
{
	uint64_t own = 0, all = 0;

	if (sizes == SIZES_LEFT_OUT)
		return;
	if (sizes == SIZES_SHOWN)
		usage_sizes(g, a, c, &own, &all);
	json_set(a, j, "SizeRw", sizes == SIZES_SHOWN ? json_new_u64(a, own) : json_null(a));
	json_set(a, j, "SizeRootFs", sizes == SIZES_SHOWN ? json_new_u64(a, all) : json_null(a));
}

static int find_container(struct engine *g, struct arena *a, const char *ref, enum sizes sizes, struct json **ret, struct dv_err *e)
{
	struct ctr *c;
	int r = ctr_find(g, a, ref, &c, e);

	if (r >= 0)
		r = life_settle(g, a, c, e);
	if (r > 0 || r == -DV_NOT_FOUND)
		return dv_fail(e, DV_NOT_FOUND, "No such container: %.300s", ref);
	if (r >= 0)
		r = inspect_container(g, a, c, ret, e);
	if (r >= 0)
		add_sizes(g, a, c, sizes, *ret);
	return r;
}

static int find_image(struct engine *g, struct arena *a, const char *ref, struct json **ret, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	struct manifest_row m;
	struct image *img;
	int r = image_resolve(engine_images(g), a, ref, &img, &why);

	/* An index without an image for this machine, or an artifact. */
	if ((r == -DV_NOT_FOUND || r == -DV_INVALID) && manifest_alone(engine_images(g), a, ref, &m, NULL) > 0)
		return inspect_manifest(g, a, &m, ret, e);
	if (r < 0 && e)
		*e = why;
	return r < 0 ? r : inspect_image(g, a, img, ret, e);
}

/* A container wins over an image of the same name, as in docker. */
static int find_any(struct engine *g, struct arena *a, const char *ref, enum sizes sizes, struct json **ret, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	int r = find_container(g, a, ref, sizes, ret, &why);

	if (r == -DV_NOT_FOUND)
		r = find_image(g, a, ref, ret, &why);
	if (r == -DV_NOT_FOUND)
		return dv_fail(e, DV_NOT_FOUND, "No such object: %.300s", ref);
	if (r < 0 && e)
		*e = why;
	return r;
}

int cli_inspect_all(struct verb_call *c, const char *format, cli_find *find, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	struct json *list = json_new_array(c->arena), *j;
	int status = 0, r = cli_engine(c, &g, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < c->n_operands; i++) {
		r = find(g, c->arena, c->operands[i], &j, e);
		if (r >= 0 && format)
			r = cli_show(c, format, j, e);
		else if (r >= 0)
			json_append(c->arena, list, j);
		if (r < 0) {
			cli_complain(c, e);
			status = 1;
		}
	}
	if (!format)
		printf("%s\n", json_text(c->arena, list, JSON_PRETTY));
	return status;
}

/* One for each of enum sizes. */
#define FINDER(name, find, sizes) \
	static int name(struct engine *g, struct arena *a, const char *ref, struct json **ret, struct dv_err *e) \
	{ \
		return find(g, a, ref, sizes, ret, e); \
	}
FINDER(ctr_plain, find_container, SIZES_LEFT_OUT)
FINDER(ctr_null, find_container, SIZES_NULL)
FINDER(ctr_sized, find_container, SIZES_SHOWN)
FINDER(any_plain, find_any, SIZES_LEFT_OUT)
FINDER(any_null, find_any, SIZES_NULL)
FINDER(any_sized, find_any, SIZES_SHOWN)

static int inspect_with(struct verb_call *c, cli_find *const finders[], struct dv_err *e)
{
	const struct inspect_args *x = c->args;
	enum sizes sizes = x->size ? SIZES_SHOWN : x->format && !streq(x->format, "json") ? SIZES_NULL : SIZES_LEFT_OUT;

	return cli_inspect_all(c, x->format, finders[sizes], e);
}

static cli_find *const containers[] = { ctr_plain, ctr_null, ctr_sized }, *const anything[] = { any_plain, any_null, any_sized };

static int inspect_run(struct verb_call *c, struct dv_err *e)
{
	const struct inspect_args *x = c->args;

	if (x->type && streq(x->type, "image"))
		return cli_inspect_all(c, x->format, find_image, e);
	return inspect_with(c, x->type ? containers : anything, e);
}

static int container_run(struct verb_call *c, struct dv_err *e)
{
	return inspect_with(c, containers, e);
}

static int image_run(struct verb_call *c, struct dv_err *e)
{
	const struct inspect_args *x = c->args;

	return cli_inspect_all(c, x->format, find_image, e);
}

static const char *const inspect_examples[] = {
	"davit inspect box", "davit inspect -f '{{.State.Pid}}' box", "davit inspect --type image busybox", NULL
};
const struct verb verb_inspect = {
	.name = "inspect", .operands = "NAME...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Show everything about containers and images",
	.description = "A container wins over an image of the same name, unless --type says what is meant.",
	.examples = inspect_examples, .opts = both_opts, .args_size = sizeof(struct inspect_args), .run = inspect_run,
};
const struct verb verb_container_inspect = {
	.name = "inspect", .operands = "CONTAINER...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Show everything about containers", .opts = container_opts, .args_size = sizeof(struct inspect_args),
	.run = container_run,
};
static const char *const image_examples[] = {
	"davit image inspect busybox", "davit image inspect -f '{{json .Config.Env}}' busybox", NULL
};
const struct verb verb_image_inspect = {
	.name = "inspect", .operands = "IMAGE...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Show everything about images", .examples = image_examples, .opts = one_opts,
	.args_size = sizeof(struct inspect_args), .run = image_run,
};
