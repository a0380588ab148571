/* program.c - davit-image as a table. */
#include <stdio.h>

#include "imagecli/imagecli.h"

#define G(member) offsetof(struct imagecli_globals, member)
static const struct opt globals[] = {
	{ .name = "root", .kind = OPT_STR, .arg = "DIR", .offset = G(root),
	  .help = "Directory of images and containers (default " IMAGECLI_ROOT_DEFAULT ")" },
	{ .name = "runroot", .kind = OPT_STR, .arg = "DIR", .offset = G(runroot),
	  .help = "Directory of what lives until the next boot (default " IMAGECLI_RUNROOT_DEFAULT ")" },
	{ 0 }
};

static const struct verb *const verbs[] = {
	&imageverb_load, &imageverb_pull, &imageverb_push, &imageverb_login, &imageverb_logout,
	&imageverb_copy, &imageverb_save, &imageverb_list_tags, &imageverb_delete,
	&imageverb_registry, &imageverb_check,
	&imageverb_import, &imageverb_manifest,
	NULL
};

static int before(struct verb_call *c, struct dv_err *e)
{
	struct imagecli_globals *g = c->globals;

	g->root = g->root ? g->root : IMAGECLI_ROOT_DEFAULT;
	g->runroot = g->runroot ? g->runroot : IMAGECLI_RUNROOT_DEFAULT;
	return 0;
}

static int on_error(struct verb_call *c, const struct dv_err *e)
{
	fprintf(stderr, "%s: %s\n", c->program->name, e->msg);
	return 1;
}

const struct program imagecli_program = {
	.name = "davit-image",
	.front = "davit",
	.summary = "move images between archives, registries and the store",
	.version = DAVIT_VERSION,
	.globals = globals,
	.globals_size = sizeof(struct imagecli_globals),
	.verbs = verbs,
	.before = before,
	.on_error = on_error,
	.usage_exit = 125,
};
