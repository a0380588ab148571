/* system.c - what the store keeps and why: system gc. */
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "engine/ctr.h"
#include "image/gc.h"
#include "image/name.h"
#include "ui/table.h"
#include "ui/template.h"

/* --- gc --- */

struct gc_args {
	bool dry_run, force;
	const char *format;
	struct opt_int grace;
};
#define A(member) offsetof(struct gc_args, member)
static const char *const formats[] = { "text", "json", NULL };
static const struct opt gc_opts[] = {
	{ .name = "dry-run", .letter = 'n', .kind = OPT_BOOL, .offset = A(dry_run),
	  .help = "Remove nothing: say of everything whether it would go or stay, and why" },
	{ .name = "grace", .kind = OPT_U64, .arg = "SECONDS", .offset = A(grace),
	  .help = "Age from which what nothing refers to may go (default: an hour, downloads a day)" },
	{ .name = "format", .kind = OPT_STR, .arg = "FORMAT", .offset = A(format), .values = formats,
	  .help = "Output as text or as one JSON document" },
	{ 0 }
};

static struct json *gc_json(struct arena *a, const struct gc_result *r)
{
	struct json *list = json_new_array(a);

	for (size_t i = 0; i < r->n; i++)
		json_append(a, list, json_obj(a, "Type", json_new_str(a, gc_what_name(r->v[i].what)), "Name",
					      json_new_str(a, r->v[i].name), "Size", json_new_u64(a, r->v[i].bytes), "Removed",
					      json_new_bool(a, r->v[i].goes), "Reason", json_new_str(a, r->v[i].why), NULL));
	return json_obj(a, "Items", list, "Removed", json_new_u64(a, r->gone), "RemovedSize", json_new_u64(a, r->gone_bytes),
			"Kept", json_new_u64(a, r->kept), "KeptSize", json_new_u64(a, r->kept_bytes), NULL);
}

static void gc_text(struct arena *a, const struct gc_result *r, bool dry)
{
	static const char *const headers[] = { "", "TYPE", "NAME", "SIZE", "WHY", NULL };
	struct table *t = table_new(a, headers);

	for (size_t i = 0; i < r->n; i++) {
		const struct gc_item *x = &r->v[i];
		const char *cells[] = { dry ? x->goes ? "goes" : "stays" : "gone", gc_what_name(x->what), x->name,
					str_human(a, x->bytes, false), x->why };

		table_row(t, cells);
	}
	if (r->n)
		table_print(t, stdout, true, false);
	printf("%s: %s in %zu\nKept: %s in %zu\n", dry ? "Would be removed" : "Removed", str_human(a, r->gone_bytes, false),
	       r->gone, str_human(a, r->kept_bytes, false), r->kept);
}

static int gc_run(struct verb_call *c, struct dv_err *e)
{
	const struct gc_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct gc_options o = { .dry_run = x->dry_run };
	struct gc_result result;
	int r = cli_engine(c, &g, e);

	if (x->grace.set)
		o.grace_s = o.partial_s = x->grace.v ? x->grace.v : -1;
	if (r >= 0)
		r = image_gc(engine_images(g), &o, c->arena, &result, e);
	if (r < 0)
		return r;
	if (x->format && streq(x->format, "json"))
		printf("%s\n", json_text(c->arena, gc_json(c->arena, &result), JSON_PRETTY));
	else
		gc_text(c->arena, &result, x->dry_run);
	return 0;
}

static const char *const gc_examples[] = { "davit system gc --dry-run", "davit system gc --grace 0", NULL };
const struct verb verb_gc = {
	.name = "gc", .summary = "Remove blobs and layers that nothing refers to",
	.description = "Images and what they need are kept, named indexes and artifacts, what the registry keeps, signatures of "
		       "what is kept, what a running command uses, and what came within the grace period. It may run while "
		       "others pull, push and upload.",
	.examples = gc_examples, .opts = gc_opts, .args_size = sizeof(struct gc_args), .run = gc_run,
};
