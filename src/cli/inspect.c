/* inspect.c - inspect, of containers and images, alone or both. */
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "engine/inspect.h"
#include "engine/life.h"
#include "image/manifests.h"

struct inspect_args {
	const char *format, *type;
	bool size;
};
#define A(member) offsetof(struct inspect_args, member)
static const char *const types[] = { "container", "image", NULL };
#define COMMON_OPTS \
	{ .name = "format", .letter = 'f', .kind = OPT_STR, .arg = "TEMPLATE", .offset = A(format), \
	  .help = "json, or a template such as '{{.Config.Cmd}}'" }, \
	{ .name = "size", .letter = 's', .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = A(size), .help = "Sizes are shown anyway" }
static const struct opt both_opts[] = {
	COMMON_OPTS,
	{ .name = "type", .kind = OPT_STR, .arg = "TYPE", .offset = A(type), .values = types,
	  .help = "Only a container, or only an image, of this name" },
	{ 0 }
};
static const struct opt one_opts[] = { COMMON_OPTS, { 0 } };

static int find_container(struct engine *g, struct arena *a, const char *ref, struct json **ret, struct dv_err *e)
{
	struct ctr *c;
	int r = ctr_find(g, a, ref, &c, e);

	if (r >= 0)
		r = life_settle(g, a, c, e);
	if (r > 0 || r == -DV_NOT_FOUND)
		return dv_fail(e, DV_NOT_FOUND, "No such container: %.300s", ref);
	return r < 0 ? r : inspect_container(g, a, c, ret, e);
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
static int find_any(struct engine *g, struct arena *a, const char *ref, struct json **ret, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	int r = find_container(g, a, ref, ret, &why);

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

static int inspect_run(struct verb_call *c, struct dv_err *e)
{
	const struct inspect_args *x = c->args;

	cli_find *find = !x->type ? find_any : streq(x->type, "image") ? find_image : find_container;

	return cli_inspect_all(c, x->format, find, e);
}

static int container_run(struct verb_call *c, struct dv_err *e)
{
	const struct inspect_args *x = c->args;

	return cli_inspect_all(c, x->format, find_container, e);
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
	.summary = "Show everything about containers", .opts = one_opts, .args_size = sizeof(struct inspect_args),
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
