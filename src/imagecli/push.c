/* push.c - push: an image of the store to a registry. */
#include <stdio.h>

#include "base/file.h"
#include "base/map.h"
#include "base/str.h"
#include "image/manifests.h"
#include "image/name.h"
#include "imagecli/imagecli.h"
#include "imagecli/remoteopts.h"
#include "imagecli/show.h"
#include "imagecli/tell.h"
#include "transfer/push.h"

struct push_args {
	struct remote_args remote;
	const char *format, *compression, *progress, *digestfile;
	struct opt_int level;
	bool all, all_tags, quiet, remove_signatures, trust;
};

static const char *const formats[] = { "oci", "v2s2", NULL };
static const char *const compressions[] = { "gzip", "zstd", NULL };

#define A(member) offsetof(struct push_args, member)
static const struct opt push_opts[] = {
	{ .name = "all", .kind = OPT_BOOL, .offset = A(all), .help = "Push all images of an index, and the index" },
	{ .name = "all-tags", .letter = 'a', .kind = OPT_BOOL, .offset = A(all_tags),
	  .help = "Push all tags that the repository has here" },
	{ .name = "compression-format", .kind = OPT_STR, .arg = "FORMAT", .offset = A(compression), .values = compressions,
	  .help = "Compression of the layers (default: what they have, gzip for those without)" },
	{ .name = "compression-level", .kind = OPT_U64, .arg = "N", .offset = A(level),
	  .help = "Level of the compression (gzip 1 to 9, zstd 1 to 20)" },
	{ .name = "digestfile", .kind = OPT_STR, .arg = "FILE", .offset = A(digestfile),
	  .help = "Write the digest of what was pushed to a file" },
	{ .name = "format", .letter = 'f', .kind = OPT_STR, .arg = "FORMAT", .offset = A(format), .values = formats,
	  .help = "Type of the manifest: oci or docker's v2s2 (default: what it is)" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = A(quiet), .help = "Show nothing" },
	{ .name = "progress", .kind = OPT_STR, .arg = "STYLE", .offset = A(progress), .values = show_styles,
	  .help = "Bars on a terminal (auto), plain lines, or JSON lines on standard output" },
	{ .name = "remove-signatures", .kind = OPT_BOOL, .offset = A(remove_signatures),
	  .help = "Accepted for scripts written for podman: no signatures are pushed" },
	{ .name = "disable-content-trust", .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = A(trust),
	  .help = "Accepted for scripts written for docker" },
	REMOTE_OPTS_RETRY(struct push_args, remote),
	REMOTE_OPTS(struct push_args, remote),
	{ 0 }
};

static void on_blob(void *ctx, size_t no, const struct digest *blob, enum push_step step, uint64_t done, uint64_t total)
{
	show_step(ctx, no, blob, push_step_name(step), done, total);
}

static int digest_save(const char *file, const char *digest, struct dv_err *e)
{
	return file ? file_replace(AT_FDCWD, file, 0644, digest, strlen(digest), false, e) : 0;
}

struct push_run {
	struct image_store *store;
	struct remote *remote;
	struct push_options o;
	struct show *show;
	const struct push_args *args;
	struct arena *a;
	const struct verb_call *c;
};

/* docker's: by its name, as people write it. */
static void tell_pushed(const struct push_run *r, const char *ref)
{
	const char *full;

	if (image_name_normalize(r->a, ref, &full, NULL) >= 0)
		tell_named(r->c, "push", full);
}

static int push_one(struct push_run *r, const char *ref, const char *dest, struct dv_err *e)
{
	char digest[DIGEST_TEXT_SIZE];
	struct push_result res;
	int rc = image_push(r->store, r->remote, ref, dest, &r->o, r->a, &res, e);

	if (rc < 0)
		return rc;
	tell_pushed(r, dest ? dest : ref);
	digest_text(&res.digest, digest);
	if (r->args->all_tags)
		show_end(r->show, "name", ref, "digest", digest, NULL);
	else
		show_end(r->show, "digest", digest, NULL);
	if (!show_json(r->show) && !r->args->quiet) {
		printf("%s\n", digest);
		(void)fflush(stdout);
	}
	return digest_save(r->args->digestfile, digest, e);
}

/* The names of images and of indexes alone that are this repository's. */
static int names_in(struct push_run *r, const char *repo, struct map *ret, struct dv_err *e)
{
	const char *prefix = arena_printf(r->a, "%s:", repo);
	struct manifest_rows indexes;
	struct image_list images;
	int rc = image_list(r->store, r->a, &images, e);

	if (rc == 0)
		rc = manifest_list(r->store, r->a, &indexes, e);
	for (size_t i = 0; rc == 0 && i < images.n; i++)
		for (const char **n = images.v[i]->names; *n; n++)
			if (str_starts(*n, prefix))
				(void)map_set(ret, *n, r->a);
	for (size_t i = 0; rc == 0 && i < indexes.n; i++)
		if (str_starts(indexes.v[i].name, prefix))
			(void)map_set(ret, indexes.v[i].name, r->a);
	return rc;
}

static int push_tags(struct push_run *r, const char *ref, const char *dest, struct map *names, struct dv_err *e)
{
	struct image_name n;
	const char *name;
	size_t pos = 0, count = 0;
	void *value;
	int rc = image_name_parse(r->a, ref, &n, e);

	if (rc == 0 && (n.digest || str_ends(ref, arena_printf(r->a, ":%s", n.tag)) || dest))
		return dv_fail(e, DV_INVALID, "--all-tags wants a repository without tag or digest, and no destination");
	if (rc == 0)
		rc = names_in(r, arena_printf(r->a, "%s/%s", n.host, n.path), names, e);
	while (rc == 0 && map_next(names, &pos, &name, &value)) {
		rc = push_one(r, name, NULL, e);
		count++;
	}
	return rc == 0 && !count ? dv_fail(e, DV_NOT_FOUND, "no image of the repository %.200s is here", ref) : rc;
}

static int run_with(struct push_run *r, const struct verb_call *c, const struct remote_options *ro, struct dv_err *e)
{
	const struct imagecli_globals *g = c->globals;
	auto_store struct image_store *s = NULL;
	auto_remote struct remote *remote = NULL;
	const char *dest = c->n_operands > 1 ? c->operands[1] : NULL;
	struct map *names = map_new();
	int rc = image_store_open(g->root, &s, e);

	if (dest && str_after(dest, "docker://"))
		dest = str_after(dest, "docker://");
	if (rc == 0)
		rc = remote_open(ro, &remote, e);
	r->store = s;
	r->remote = remote;
	if (rc == 0)
		rc = r->args->all_tags ? push_tags(r, c->operands[0], dest, names, e) : push_one(r, c->operands[0], dest, e);
	map_free(names, NULL);
	return rc;
}

static struct push_options options_of(const struct push_args *args, const struct push_watch *watch)
{
	return (struct push_options){
		.compression = !args->compression ? COMPRESS_NONE :
			       streq(args->compression, "zstd") ? COMPRESS_ZSTD : COMPRESS_GZIP,
		.level = (int)DV_MIN(args->level.v, 100), .all = args->all, .watch = watch,
		.format = !args->format ? PUSH_AS_IT_IS : streq(args->format, "oci") ? PUSH_OCI : PUSH_DOCKER,
	};
}

static int push_run(struct verb_call *c, struct dv_err *e)
{
	const struct push_args *args = c->args;
	struct show *show = show_new(args->progress, args->quiet);
	const struct push_watch watch = { on_blob, show };
	struct push_run r = { .o = options_of(args, &watch), .show = show, .args = args, .a = c->arena, .c = c };
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

static const char *const push_examples[] = {
	"davit push registry.example.com/team/web:1.2", "davit push web docker://localhost:5000/web --tls-verify=false",
	"davit push --all-tags registry.example.com/team/web", NULL
};

const struct verb imageverb_push = {
	.name = "push",
	.operands = "IMAGE [DESTINATION]",
	.operands_min = 1,
	.operands_max = 2,
	.summary = "Upload an image to a registry",
	.description = "Sends what the registry does not have yet. Layers that came compressed are sent as they came, so that "
		       "the image keeps its digest; others are compressed on the way and the result is kept, so that the next "
		       "push finds it. Prints the digest.",
	.examples = push_examples,
	.opts = push_opts,
	.args_size = sizeof(struct push_args),
	.run = push_run,
};
