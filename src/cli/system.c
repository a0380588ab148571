/* system.c - what the store keeps and why, and what it takes: system gc, system df. */
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

/* --- df --- */

struct df_args {
	const char *format;
};
static const struct opt df_opts[] = {
	{ .name = "format", .kind = OPT_STR, .arg = "TEMPLATE", .offset = offsetof(struct df_args, format),
	  .help = "table, json, or a template such as '{{.Type}} {{.Size}}'" },
	{ 0 }
};

static int one_number(struct engine *g, const char *sql, uint64_t *ret, struct dv_err *e)
{
	DB_STMT(q);
	int r = db_query(engine_db(g), &q, e, sql, "");

	if (r >= 0)
		r = db_row(q, e);
	if (r > 0)
		*ret = (uint64_t)db_i64(q, 0);
	return r < 0 ? r : 0;
}

static struct json *df_row(struct arena *a, const char *type, uint64_t total, uint64_t active, uint64_t size, uint64_t unused)
{
	const char *share = size ? arena_printf(a, " (%llu%%)", (unsigned long long)(unused * 100 / size)) : "";

	return json_obj(a, "Type", json_new_str(a, type), "TotalCount", json_new_str(a, arena_printf(a, "%llu", (unsigned long long)total)),
			"Active", json_new_str(a, arena_printf(a, "%llu", (unsigned long long)active)), "Size",
			json_new_str(a, str_human(a, size, false)), "Reclaimable",
			json_new_str(a, arena_printf(a, "%s%s", str_human(a, unused, false), share)), NULL);
}

static int df_run(struct verb_call *c, struct dv_err *e)
{
	static const char *const sql[] = {
		"SELECT count(*) FROM images",
		"SELECT count(*) FROM images WHERE digest IN (SELECT image FROM containers)",
		"SELECT coalesce(sum(size), 0) FROM layers",
		"SELECT coalesce(sum(size), 0) FROM layers WHERE id NOT IN (SELECT il.layer FROM image_layers il"
		" JOIN images i ON i.id = il.image WHERE i.digest IN (SELECT image FROM containers))",
		"SELECT count(*) FROM blobs",
		"SELECT coalesce(sum(size), 0) FROM blobs",
	};
	const struct df_args *x = c->args;
	struct arena *a = c->arena;
	auto_engine struct engine *g = NULL;
	uint64_t n[ARRAY_LEN(sql)] = { 0 };
	struct json *rows = json_new_array(a);
	int r = cli_engine(c, &g, e);

	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(sql); i++)
		r = one_number(g, sql[i], &n[i], e);
	if (r < 0)
		return r;
	json_append(a, rows, df_row(a, "Images", n[0], n[1], n[2], n[3]));
	json_append(a, rows, df_row(a, "Blobs", n[4], n[4], n[5], 0));
	return format_rows(a, !x->format || streq(x->format, "table") ? "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}" : x->format,
			   json_obj(a, "Type", json_new_str(a, "TYPE"), "TotalCount", json_new_str(a, "TOTAL"), "Active",
				    json_new_str(a, "ACTIVE"), "Size", json_new_str(a, "SIZE"), "Reclaimable",
				    json_new_str(a, "RECLAIMABLE"), NULL), rows, stdout, true, e);
}

static const char *const df_examples[] = { "davit system df", NULL };
const struct verb verb_df = {
	.name = "df", .summary = "Show the disk space that images take",
	.description = "Images are the files of all layers; Blobs are the layers as they came, kept to push and to repair.",
	.examples = df_examples, .opts = df_opts, .args_size = sizeof(struct df_args), .run = df_run,
};
