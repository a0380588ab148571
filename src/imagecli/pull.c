/* pull.c - pull: names, policy, all tags of a repository. */
#include <stdio.h>

#include "base/str.h"
#include "image/name.h"
#include "imagecli/imagecli.h"
#include "imagecli/remoteopts.h"
#include "imagecli/show.h"
#include "imagecli/tell.h"
#include "transfer/pull.h"

struct pull_args {
	struct remote_args remote;
	const char *platform, *policy, *progress;
	bool all_tags, quiet, trust;
};

static const char *const policies[] = {
	[PULL_ALWAYS] = "always", [PULL_MISSING] = "missing", [PULL_NEWER] = "newer", [PULL_NEVER] = "never", NULL
};

#define A(member) offsetof(struct pull_args, member)
static const struct opt pull_opts[] = {
	{ .name = "all-tags", .letter = 'a', .kind = OPT_BOOL, .offset = A(all_tags),
	  .help = "Pull all tags of the repository" },
	{ .name = "platform", .kind = OPT_STR, .arg = "OS/ARCH[/VARIANT]", .offset = A(platform),
	  .help = "Platform to take from an index (default: the host's)" },
	{ .name = "policy", .kind = OPT_STR, .arg = "POLICY", .offset = A(policy), .values = policies,
	  .help = "always asks the registry (the default), missing only for names that are not here, newer as always but "
		  "content with what is here when it cannot be asked, never only looks here" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = A(quiet), .help = "Print the id only" },
	{ .name = "progress", .kind = OPT_STR, .arg = "STYLE", .offset = A(progress), .values = show_styles,
	  .help = "Bars on a terminal (auto), plain lines, or JSON lines on standard output" },
	{ .name = "disable-content-trust", .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = A(trust),
	  .help = "Accepted for scripts written for docker" },
	REMOTE_OPTS_RETRY(struct pull_args, remote),
	REMOTE_OPTS(struct pull_args, remote),
	{ 0 }
};

static void on_layer(void *ctx, size_t layer, const struct digest *blob, enum layer_step step, uint64_t done, uint64_t total)
{
	show_step(ctx, layer, blob, layer_step_name(step), done, total);
}

static enum pull_policy policy_of(const char *name)
{
	enum pull_policy p = PULL_ALWAYS;

	for (size_t i = 0; name && policies[i]; i++)
		if (streq(policies[i], name))
			p = i;
	return p;
}

struct pull_run {
	struct image_store *store;
	struct remote *remote;
	struct pull_options o;
	struct show *show;
	struct arena *a;
	const struct verb_call *c;
};

static int pull_one(struct pull_run *r, const char *ref, struct dv_err *e)
{
	struct pull_result res;
	int rc = image_pull(r->store, r->remote, ref, &r->o, r->a, &res, e);

	if (rc < 0)
		return rc;
	tell_named(r->c, "pull", res.name);
	show_end(r->show, "id", res.id, "name", res.name, "status", res.changed ? "pulled" : "current", NULL);
	if (!show_json(r->show)) {
		printf("%s\n", res.id);
		(void)fflush(stdout);
	}
	return 0;
}

static int pull_all(struct pull_run *r, const char *ref, struct dv_err *e)
{
	auto_remote_repo struct remote_repo *repo = NULL;
	struct remote_names names;
	struct remote_tags tags;
	struct image_name given;
	int rc = image_name_parse(r->a, ref, &given, e);

	if (rc == 0 && (given.digest || str_ends(ref, arena_printf(r->a, ":%s", given.tag))))
		return dv_fail(e, DV_INVALID, "--all-tags wants a repository without tag or digest, not \"%.200s\"", ref);
	if (rc == 0)
		rc = remote_resolve(r->remote, ref, r->a, &names, e);
	if (rc < 0)
		return rc;
	const char *name = arena_printf(r->a, "%s/%s", names.v[0].host, names.v[0].path);
	rc = remote_repo_open(r->remote, name, REMOTE_PULL, &repo, e);
	if (rc == 0)
		rc = remote_tags(repo, r->a, &tags, e);
	for (size_t i = 0; rc == 0 && i < tags.n; i++)
		rc = pull_one(r, arena_printf(r->a, "%s:%s", name, tags.v[i]), e);
	return rc;
}

static int run_with(struct pull_run *r, const struct verb_call *c, const struct remote_options *o, struct dv_err *e)
{
	const struct imagecli_globals *g = c->globals;
	const struct pull_args *args = c->args;
	auto_store struct image_store *s = NULL;
	auto_remote struct remote *remote = NULL;
	int rc = image_store_open(g->root, &s, e);

	if (rc == 0)
		rc = remote_open(o, &remote, e);
	r->store = s;
	r->remote = remote;
	for (size_t i = 0; i < c->n_operands && rc == 0; i++)
		rc = (args->all_tags ? pull_all : pull_one)(r, c->operands[i], e);
	return rc;
}

static int pull_run(struct verb_call *c, struct dv_err *e)
{
	const struct pull_args *args = c->args;
	struct show *show = show_new(args->progress, args->quiet);
	const struct layer_watch watch = { on_layer, show_note, show };
	struct pull_run r = { .o = { policy_of(args->policy), args->platform, &watch }, .show = show, .a = c->arena, .c = c };
	struct remote_options o;

	remote_args_apply(&args->remote, &o);
	o.note = show_note;
	o.note_ctx = show;
	int rc = run_with(&r, c, &o, e);
	if (rc < 0)
		rc = show_error(show, rc, e);
	show_free(show);
	return rc;
}

static const char *const pull_examples[] = {
	"davit pull alpine", "davit pull localhost:5000/web:1.2 --tls-verify=false",
	"davit pull --platform linux/arm64 debian@sha256:...", NULL
};

const struct verb imageverb_pull = {
	.name = "pull",
	.operands = "IMAGE...",
	.operands_min = 1,
	.operands_max = UINT32_MAX,
	.summary = "Download images from a registry",
	.description = "Downloads what the store does not have yet of the named images, layers in parallel, and unpacks them "
		       "meanwhile; everything is verified. A name without a registry means docker.io (or what "
		       "registries.conf says), one without a tag means latest. A pull that was interrupted continues where "
		       "it was. Prints the id of each image.",
	.examples = pull_examples,
	.opts = pull_opts,
	.args_size = sizeof(struct pull_args),
	.run = pull_run,
};
