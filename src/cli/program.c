/* program.c - davit as a table: its verbs, in docker's two spellings, and what an error looks like. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "engine/life.h"

enum { EXIT_ERROR = 1, EXIT_USAGE = 125 };

#define G(member) offsetof(struct cli_globals, member)
static const struct opt globals[] = {
	{ .name = "root", .kind = OPT_STR, .arg = "DIR", .offset = G(root),
	  .help = "Directory of images and containers (default " ENGINE_ROOT_DEFAULT ")" },
	{ .name = "runroot", .kind = OPT_STR, .arg = "DIR", .offset = G(runroot),
	  .help = "Directory of what lives until the next boot (default " ENGINE_RUNROOT_DEFAULT ")" },
	{ 0 }
};

/* Verbs of davit-image: name and summary are all that is said here. */
#define EXTERNAL(verb, text) { .name = verb, .summary = text, .external = "davit-image" }
static const struct verb verb_load = EXTERNAL("load", "Load images from an archive");
static const struct verb verb_pull = EXTERNAL("pull", "Download images from a registry");
static const struct verb verb_push = EXTERNAL("push", "Upload an image to a registry");
static const struct verb verb_save = EXTERNAL("save", "Write images into an archive");
static const struct verb verb_import = EXTERNAL("import", "Make an image of a tar of a root file system");
static const struct verb verb_manifest = EXTERNAL("manifest", "Make and push manifest lists");
static const struct verb verb_copy = EXTERNAL("copy", "Copy images between registries, layouts, archives and the store");
static const struct verb verb_list_tags = EXTERNAL("list-tags", "List the tags of a repository, or the names in an archive");
static const struct verb verb_delete = EXTERNAL("delete", "Delete a manifest from a registry, with every tag of it");
static const struct verb verb_login = EXTERNAL("login", "Log in to a registry");
static const struct verb verb_logout = EXTERNAL("logout", "Log out of a registry");
static const struct verb verb_registry = EXTERNAL("registry", "Serve images to others as an OCI registry");
static const struct verb verb_check = EXTERNAL("check", "Verify everything in the image store");

/* The same verbs under the object they belong to: "container ls" is ps. The copies differ in their names. */
static const struct verb *const container_subs[] = {
	&verb_run, &verb_exec, &verb_ps, &verb_ctr_create, &verb_start, &verb_stop, &verb_restart, &verb_kill, &verb_rm,
	&verb_logs, &verb_attach, &verb_cp, &verb_port, &verb_top, &verb_stats, &verb_diff, &verb_commit, &verb_export,
	&verb_rename, &verb_update, &verb_wait, &verb_pause, &verb_unpause, &verb_ctr_mount, &verb_ctr_unmount,
	&verb_container_inspect, &verb_anatomy, &verb_container_prune, &verb_container_exists,
	NULL
};
const struct verb verb_container = { .name = "container", .summary = "Commands for containers", .subs = container_subs };
static const struct verb *const image_subs[] = {
	&verb_pull, &verb_push,
	&verb_images,       &verb_rmi,           &verb_image_inspect, &verb_history,    &verb_tag,        &verb_untag,
	&verb_image_exists, &verb_image_mount,   &verb_image_unmount, &verb_image_diff, &verb_image_tree, &verb_image_prune,
	&verb_gc,           &verb_load,          &verb_save,          &verb_import, NULL
};
const struct verb verb_image = { .name = "image", .summary = "Commands for images", .subs = image_subs };
static const struct verb *const system_subs[] = { &verb_events, &verb_boot, &verb_info, &verb_df, &verb_system_prune, &verb_gc, &verb_check, NULL };
const struct verb verb_system = { .name = "system", .summary = "Commands for the engine", .subs = system_subs };

static const struct verb *const verbs[] = {
	&verb_run, &verb_exec, &verb_ps, &verb_ctr_create, &verb_start, &verb_stop, &verb_restart, &verb_kill, &verb_rm,
	&verb_logs, &verb_attach, &verb_cp, &verb_port, &verb_top, &verb_stats, &verb_diff, &verb_commit, &verb_export,
	&verb_rename, &verb_update, &verb_wait, &verb_pause, &verb_unpause, &verb_ctr_mount, &verb_ctr_unmount,
	&verb_healthcheck,
	&verb_images, &verb_pull, &verb_push, &verb_load, &verb_save, &verb_import, &verb_tag, &verb_untag, &verb_rmi,
	&verb_history, &verb_copy, &verb_manifest, &verb_list_tags, &verb_delete,
	&verb_login, &verb_logout, &verb_registry,
	&verb_inspect, &verb_anatomy, &verb_events,
	&verb_pod, &verb_network, &verb_volume, &verb_secret,
	&verb_container, &verb_image, &verb_system, &verb_info, &verb_version,
	NULL
};

/* Without these a descriptor opened later would become the container's stdin. */
static int before(struct verb_call *c, struct dv_err *e)
{
	struct cli_globals *g = c->globals;

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", O_RDWR);
	g->root = g->root ? g->root : ENGINE_ROOT_DEFAULT;
	g->runroot = g->runroot ? g->runroot : ENGINE_RUNROOT_DEFAULT;
	return 0;
}

void cli_complain(const struct verb_call *c, const struct dv_err *e)
{
	(void)fprintf(stderr, "%s: %s\n", c->program->name, e->msg);
}

static int on_error(struct verb_call *c, const struct dv_err *e)
{
	cli_complain(c, e);
	return EXIT_ERROR;
}

int cli_engine(struct verb_call *c, struct engine **ret, struct dv_err *e)
{
	const struct cli_globals *g = c->globals;
	int r = engine_open(g->root, g->runroot, ret, e);

	if (r >= 0 && engine_fresh(*ret))
		r = life_sweep(*ret, c->arena, e);
	return r < 0 ? r : cli_latest(c, *ret, e);
}

const struct program cli_program = {
	.name = "davit",
	.summary = "run containers, without a daemon",
	.version = DAVIT_VERSION,
	.globals = globals,
	.globals_size = sizeof(struct cli_globals),
	.verbs = verbs,
	.before = before,
	.names = cli_names,
	.on_error = on_error,
	.usage_exit = EXIT_USAGE,
};
