/* registry_gc.c - registry gc: while a registry serves the same root, or while none does. */
#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "imagecli/imagecli.h"
#include "imagecli/registrycli.h"
#include "json/json.h"
#include "registry/gc.h"

struct gc_args {
	const char *root, *format;
	bool dry_run, untagged;
	struct opt_int grace;
};

int registry_seconds(const char *text, const char *what, struct opt_int *ret, struct dv_err *e)
{
	static const struct { char unit; uint64_t seconds; } units[] = {
		{ '\0', 1 }, { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
	};
	struct scan s = scan_of(text, strlen(text));
	uint64_t n;

	if (scan_u64(&s, &n) && n <= INT32_MAX && s.end - s.p <= 1)
		for (size_t i = 0; i < ARRAY_LEN(units); i++)
			if (units[i].unit == *s.p) {
				*ret = (struct opt_int){ true, (int64_t)(n * units[i].seconds) };
				return 0;
			}
	return dv_fail(e, DV_INVALID, "%s \"%s\" is not a time (such as 90s, 15m, 24h or 7d)", what, text);
}

static int parse_grace(void *args, const char *value, struct dv_err *e)
{
	return registry_seconds(value, "--grace", &((struct gc_args *)args)->grace, e);
}

static const char *const formats[] = { "text", "json", NULL };

#define A(member) offsetof(struct gc_args, member)
static const struct opt gc_opts[] = {
	{ .name = "root", .kind = OPT_STR, .arg = "DIR", .offset = A(root), .help = "Directory of images and containers" },
	{ .name = "dry-run", .letter = 'n', .kind = OPT_BOOL, .offset = A(dry_run), .help = "Only say what would go" },
	{ .name = "delete-untagged", .kind = OPT_BOOL, .offset = A(untagged),
	  .help = "Also delete manifests that no tag, index or subject keeps" },
	{ .name = "grace", .kind = OPT_FUNC, .arg = "TIME", .parse = parse_grace,
	  .help = "Keep what was pushed or asked for so lately (default 24h; 0: keep nothing for its age)" },
	{ .name = "format", .kind = OPT_STR, .arg = "FORMAT", .offset = A(format), .values = formats,
	  .help = "Output as lines of text or as one JSON document" },
	{ 0 }
};

static void show_text(const struct gc_args *args, const struct registry_gc_result *r)
{
	const char *verb = args->dry_run ? "would delete" : "deleted";

	for (size_t i = 0; i < r->meta.n; i++)
		printf("%s %s %s@%s (%" PRIu64 " bytes)\n", verb, r->meta.v[i].is_manifest ? "manifest" : "blob",
		       r->meta.v[i].repo, r->meta.v[i].digest, r->meta.v[i].size);
	printf("%s: %zu from repositories; %" PRIu64 " files of the store, %" PRIu64 " bytes\n", verb, r->meta.n, r->files,
	       r->file_bytes);
}

static void show_json(struct arena *a, const struct gc_args *args, const struct registry_gc_result *r)
{
	struct json *list = json_new_array(a);

	for (size_t i = 0; i < r->meta.n; i++)
		json_append(a, list, json_obj(a, "repository", json_new_str(a, r->meta.v[i].repo), "digest",
					      json_new_str(a, r->meta.v[i].digest), "manifest",
					      json_new_bool(a, r->meta.v[i].is_manifest), "size",
					      json_new_u64(a, r->meta.v[i].size), NULL));
	printf("%s\n", json_text(a, json_obj(a, "dryRun", json_new_bool(a, args->dry_run), "deleted", list, "files",
					     json_new_u64(a, r->files), "fileBytes", json_new_u64(a, r->file_bytes), NULL),
				 JSON_COMPACT));
}

static int gc_run(struct verb_call *c, struct dv_err *e)
{
	const struct imagecli_globals *g = c->globals;
	const struct gc_args *args = c->args;
	auto_store struct image_store *s = NULL;
	struct registry_gc_options o = { args->dry_run, args->untagged, 24 * 60 * 60 };
	struct registry_gc_result r;
	int rc = image_store_open(args->root ? args->root : g->root, &s, e);

	if (args->grace.set)
		o.grace_s = args->grace.v ? args->grace.v : -1;
	if (rc == 0)
		rc = meta_migrate(s, e);
	if (rc == 0)
		rc = registry_gc(s, c->arena, &o, &r, e);
	if (rc < 0)
		return rc;
	if (args->format && streq(args->format, "json"))
		show_json(c->arena, args, &r);
	else
		show_text(args, &r);
	return 0;
}

static const char *const gc_examples[] = {
	"davit registry gc --dry-run --delete-untagged", "davit registry gc --grace 7d", NULL
};

const struct verb registryverb_gc = {
	.name = "gc",
	.summary = "Delete what no manifest of a repository needs",
	.description = "Blobs that no manifest of their repository refers to leave it, and files that nothing in the store "
		       "needs any more are deleted. Pushes and pulls may go on meanwhile. Manifests without a tag stay "
		       "unless --delete-untagged is given; even then those stay that an index which stays contains, "
		       "and those about something that stays, such as signatures.",
	.examples = gc_examples,
	.opts = gc_opts,
	.args_size = sizeof(struct gc_args),
	.run = gc_run,
};
