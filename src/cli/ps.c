/* ps.c - ps and rm. */
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "engine/life.h"
#include "ui/template.h"
#include "ui/text.h"

#define COMMAND_WIDTH 20

/* --- one container as a row: docker's field names, all of them strings --- */

static const char *command_text(struct arena *a, const struct json *config, bool whole)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);
	const char *path = json_str(json_get(config, "Path")), *text;

	buf_str(&b, path ? path : "");
	for (JSON_EACH(it, json_get(config, "Args")))
		buf_printf(&b, " %s", json_str(it.value) ? json_str(it.value) : "");
	text = text_clean(a, buf_cstr(&b));
	return arena_printf(a, "\"%s\"", whole ? text : text_cut(a, text, COMMAND_WIDTH));
}

static const char *status_text(struct arena *a, const struct ctr *c, int64_t now_ns)
{
	const char *code = c->has_exit ? arena_printf(a, "%d", c->exit_code) : "unknown";

	switch (c->status) {
	case CTR_CREATING:
	case CTR_CREATED:
		return "Created";
	case CTR_RUNNING:
		return arena_printf(a, "Up %s%s", human_duration(a, (now_ns - c->started_ns) / 1000000000),
				    c->paused ? " (Paused)" : "");
	case CTR_EXITED:
		return arena_printf(a, "Exited (%s) %s ago", code,
				    human_duration(a, (now_ns - c->finished_ns) / 1000000000));
	case CTR_REMOVING:
		break;
	}
	return "Removal In Progress";
}

static const char *joined_labels(struct arena *a, const struct json *labels)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);

	for (JSON_EACH(it, labels))
		buf_printf(&b, "%s%s=%s", b.len ? "," : "", json_iter_key(it), json_str(it.value) ? json_str(it.value) : "");
	return arena_str(a, buf_cstr(&b));
}

static const char *joined_mounts(struct arena *a, const struct json *mounts)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);

	for (JSON_EACH(it, mounts)) {
		const char *src = json_str(json_get(it.value, "Source"));

		if (src && *src)
			buf_printf(&b, "%s%s", b.len ? "," : "", src);
	}
	return arena_str(a, buf_cstr(&b));
}

static struct json *row(struct arena *a, const struct ctr *c, bool whole)
{
	int64_t now = ctr_now_ns();
	struct json *config = NULL;
	const char *network;

	if (json_parse(a, c->config, strlen(c->config), &config, NULL) < 0)
		config = json_new_object(a);
	network = json_str(json_path(config, "HostConfig.NetworkMode"));
	return json_obj(a, "ID", json_new_strn(a, c->id, whole ? strlen(c->id) : CTR_SHORT), "Image",
			json_new_str(a, c->image_ref), "Command", json_new_str(a, command_text(a, config, whole)), "CreatedAt",
			json_new_str(a, human_time(a, c->created_ns / 1000000000)), "RunningFor",
			json_new_str(a, arena_printf(a, "%s ago", human_duration(a, (now - c->created_ns) / 1000000000))),
			"Ports", json_new_str(a, ""), "State",
			json_new_str(a, ctr_state_name(c)), "Status",
			json_new_str(a, status_text(a, c, now)), "Names", json_new_str(a, c->name), "Labels",
			json_new_str(a, joined_labels(a, json_path(config, "Config.Labels"))), "Mounts",
			json_new_str(a, joined_mounts(a, json_get(config, "Mounts"))), "Networks",
			json_new_str(a, network ? network : ""), "LocalVolumes", json_new_str(a, "0"), "Size",
			json_new_str(a, "0B"), NULL);
}

/* --- ps --- */

struct ps_args {
	bool all, quiet, no_trunc;
	const char *format;
};
#define A(member) offsetof(struct ps_args, member)
static const struct opt ps_opts[] = {
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = A(all), .help = "Also those that do not run" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = A(quiet), .help = "Only ids" },
	{ .name = "no-trunc", .kind = OPT_BOOL, .offset = A(no_trunc), .help = "Cut nothing" },
	{ .name = "format", .kind = OPT_STR, .arg = "TEMPLATE", .offset = A(format),
	  .help = "table, json, or a template such as '{{.ID}} {{.Names}}'" },
	{ 0 }
};

static struct json *headers(struct arena *a)
{
	static const char *const names[][2] = {
		{ "ID", "CONTAINER ID" }, { "Image", "IMAGE" },   { "Command", "COMMAND" }, { "CreatedAt", "CREATED AT" },
		{ "RunningFor", "CREATED" }, { "Ports", "PORTS" }, { "State", "STATE" },    { "Status", "STATUS" },
		{ "Names", "NAMES" },     { "Labels", "LABELS" }, { "Mounts", "MOUNTS" },   { "Networks", "NETWORKS" },
		{ "LocalVolumes", "LOCAL VOLUMES" }, { "Size", "SIZE" },
	};
	struct json *h = json_new_object(a);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		json_set(a, h, names[i][0], json_new_str(a, names[i][1]));
	return h;
}

static int ps_rows(struct engine *g, struct arena *a, const struct ps_args *x, struct json *rows, struct dv_err *e)
{
	struct ctr_list list;
	int r = ctr_list(g, a, &list, e);

	for (size_t i = 0; r >= 0 && i < list.n; i++) {
		r = life_settle(g, a, list.v[i], e);
		if (r == 0 && (x->all || list.v[i]->status == CTR_RUNNING))
			json_append(a, rows, row(a, list.v[i], x->no_trunc));
	}
	return r < 0 ? r : 0;
}

static int ps_run(struct verb_call *c, struct dv_err *e)
{
	const struct ps_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct json *rows = json_new_array(c->arena);
	const char *format = x->format ? x->format : x->quiet ? "{{.ID}}" : "table";
	int r;

	if (streq(format, "table"))
		format = "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";
	if ((r = cli_engine(c, &g, e)) < 0 || (r = ps_rows(g, c->arena, x, rows, e)) < 0)
		return r;
	return format_rows(c->arena, format, headers(c->arena), rows, stdout, x->no_trunc, e);
}

static const char *const ps_aliases[] = { "ls", "list", NULL };
static const char *const ps_examples[] = { "davit ps", "davit ps -aq", "davit ps --format '{{.Names}}\\t{{.Status}}'", NULL };
const struct verb verb_ps = {
	.name = "ps", .aliases = ps_aliases, .summary = "List containers", .examples = ps_examples, .opts = ps_opts,
	.args_size = sizeof(struct ps_args), .run = ps_run,
};

/* --- rm --- */

struct rm_args {
	bool force, volumes;
};
static const struct opt rm_opts[] = {
	{ .name = "force", .letter = 'f', .kind = OPT_BOOL, .offset = offsetof(struct rm_args, force),
	  .help = "Also those that run: they are killed; one that does not exist is no error" },
	{ .name = "volumes", .letter = 'v', .kind = OPT_BOOL, .offset = offsetof(struct rm_args, volumes),
	  .help = "Also anonymous volumes (there are none yet)" },
	{ 0 }
};

static int rm_run(struct verb_call *c, struct dv_err *e)
{
	const struct rm_args *x = c->args;
	auto_engine struct engine *g = NULL;
	int status = 0, r = cli_engine(c, &g, e);

	if (r < 0 || (r = life_settle_busy(g, c->arena, e)) < 0)
		return r;
	for (size_t i = 0; i < c->n_operands; i++) {
		r = ctr_remove(g, c->arena, c->operands[i], x->force, x->volumes, e);
		if (r >= 0) {
			printf("%s\n", c->operands[i]);
		} else if (r != -DV_NOT_FOUND || !x->force) {
			cli_complain(c, e);
			status = 1;
		}
	}
	return status;
}

static const char *const rm_aliases[] = { "remove", NULL };
const struct verb verb_rm = {
	.name = "rm", .aliases = rm_aliases, .operands = "CONTAINER...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Remove containers", .opts = rm_opts, .args_size = sizeof(struct rm_args), .run = rm_run,
};
