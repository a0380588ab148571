/* ctrmount.c - mount and unmount of containers, as podman has them. */
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "engine/ctrmount.h"
#include "engine/life.h"
#include "engine/root.h"

struct mount_args {
	bool all, force, latest, no_trunc;
	const char *format;
};
#define A(member) offsetof(struct mount_args, member)
static const char *const formats[] = { "json", NULL };

/* --- mount --- */

struct mounted {
	const struct ctr *ctr;
	const char *path;
};

static void show(struct verb_call *c, const struct mounted *v, size_t n, bool list)
{
	const struct mount_args *x = c->args;
	struct arena *a = c->arena;
	struct json *out = json_new_array(a);

	for (size_t i = 0; i < n; i++) {
		const char *names[] = { v[i].ctr->name, NULL };

		if (x->format)
			json_append(a, out, json_obj(a, "id", json_new_str(a, v[i].ctr->id), "Names", json_new_strs(a, names),
						     "mountpoint", json_new_str(a, v[i].path), NULL));
		else if (list || n > 1)
			printf("%s %s\n", cli_short_id(a, v[i].ctr->id, x->no_trunc), v[i].path);
		else
			printf("%s\n", v[i].path);
	}
	if (x->format)
		printf("%s\n", json_text(a, out, JSON_PRETTY));
}

static int show_mounted(struct verb_call *c, struct engine *g, struct dv_err *e)
{
	struct places p;
	struct mounted *v;
	size_t n = 0;
	int r = ctr_mount_list(g, c->arena, &p, e);

	if (r < 0)
		return r;
	v = arena_array(c->arena, struct mounted, p.n + 1);
	for (size_t i = 0; i < p.n; i++) {
		struct ctr *ctr;

		if (ctr_find(g, c->arena, p.names[i], &ctr, NULL) >= 0)
			v[n++] = (struct mounted){ ctr, p.paths[i] };
	}
	show(c, v, n, true);
	return 0;
}

static int mount_run(struct verb_call *c, struct dv_err *e)
{
	const struct mount_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct ctr_list all = { 0 };
	struct mounted *v;
	size_t n = 0;
	int status = 0, r = cli_engine(c, &g, e);

	if (r < 0 || (x->all && (r = life_list(g, c->arena, &all, e)) < 0))
		return r;
	if (!x->all && !c->n_operands)
		return show_mounted(c, g, e);
	v = arena_array(c->arena, struct mounted, c->n_operands + all.n + 1);
	for (size_t i = 0; i < c->n_operands + all.n; i++) {
		struct ctr *ctr = i < c->n_operands ? NULL : all.v[i - c->n_operands];

		if ((!ctr && (r = ctr_get(g, c->arena, c->operands[i], &ctr, e)) < 0) ||
		    (r = ctr_mount(g, c->arena, ctr, &v[n].path, e)) < 0) {
			cli_complain(c, e);
			status = 1;
			continue;
		}
		v[n++].ctr = ctr;
	}
	show(c, v, n, x->all);
	return status;
}

static const struct opt mount_opts[] = {
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = A(all), .help = "All containers" },
	{ .name = "format", .kind = OPT_STR, .arg = "FORMAT", .offset = A(format), .values = formats, .help = "Output as JSON" },
	{ .name = "no-trunc", .kind = OPT_BOOL, .offset = A(no_trunc), .help = "Cut nothing" },
	CLI_LATEST(A(latest)),
	{ 0 }
};
static const char *const mount_examples[] = { "davit mount box # prints the path", "davit mount # what is mounted", NULL };
const struct verb verb_ctr_mount = {
	.name = "mount", .operands = "[CONTAINER...]", .operands_max = UINT32_MAX,
	.summary = "Mount the root file systems of containers, or list those that are mounted",
	.description = "Prints where the container's files are, without its volumes; what it writes is seen there at once. It stays until "
		       "`unmount`, which has to be called as often, or until the container is removed. Several containers are printed "
		       "with their ids; without CONTAINER, those that are mounted.",
	.examples = mount_examples, .opts = mount_opts, .args_size = sizeof(struct mount_args), .run = mount_run,
};

/* --- unmount --- */

static int unmount_one(struct verb_call *c, struct engine *g, const char *ref, struct dv_err *e)
{
	const struct mount_args *x = c->args;
	struct ctr *ctr;
	int r;

	if ((r = ctr_find(g, c->arena, ref, &ctr, e)) < 0 || (r = ctr_unmount(g, ctr->id, x->force, e)) < 0)
		return r;
	printf("%s\n", ctr->id);
	return 0;
}

static int unmount_run(struct verb_call *c, struct dv_err *e)
{
	const struct mount_args *x = c->args;

	return cli_unmount_all(c, "a container", x->all ? ctr_mount_list : NULL, unmount_one, e);
}

static const struct opt unmount_opts[] = {
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = A(all), .help = "All that are mounted" },
	{ .name = "force", .letter = 'f', .kind = OPT_BOOL, .offset = A(force), .help = "However often it was mounted" },
	CLI_LATEST(A(latest)),
	{ 0 }
};
static const char *const unmount_aliases[] = { "umount", NULL };
static const char *const unmount_examples[] = { "davit unmount box", "davit unmount --all --force", NULL };
const struct verb verb_ctr_unmount = {
	.name = "unmount", .aliases = unmount_aliases, .operands = "[CONTAINER...]", .operands_max = UINT32_MAX,
	.summary = "Unmount the root file systems of containers", .examples = unmount_examples, .opts = unmount_opts,
	.args_size = sizeof(struct mount_args), .run = unmount_run,
};
