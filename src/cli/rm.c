/* rm.c - rm, container prune, container exists. */
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/ps.h"
#include "engine/control.h"
#include "engine/events.h"
#include "engine/life.h"
#include "engine/usage.h"

#define CIDFILE_MAX 4096

/* --- rm --- */

struct rm_args {
	bool force, volumes, all, latest, ignore, link, depend;
	struct opt_int seconds;
	struct opt_strs cidfiles, filters;
};
#define A(member) offsetof(struct rm_args, member)
static const struct opt rm_opts[] = {
	{ .name = "force", .letter = 'f', .kind = OPT_BOOL, .offset = A(force),
	  .help = "Also those that run: they are killed; one that does not exist is no error" },
	{ .name = "volumes", .letter = 'v', .kind = OPT_BOOL, .offset = A(volumes), .help = "Also their anonymous volumes" },
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = A(all), .help = "Every container" },
	{ .name = "latest", .kind = OPT_BOOL, .offset = A(latest), .help = "The newest" },
	{ .name = "ignore", .letter = 'i', .kind = OPT_BOOL, .offset = A(ignore), .help = "One that does not exist is no error" },
	{ .name = "depend", .kind = OPT_BOOL, .offset = A(depend), .help = "Also containers that are in its namespaces" },
	{ .name = "link", .letter = 'l', .kind = OPT_BOOL, .offset = A(link), .help = "Refused: there are no links to remove" },
	{ .name = "time", .letter = 't', .kind = OPT_I64, .arg = "SECONDS", .offset = A(seconds),
	  .help = "With --force: stop first, and wait so long before the kill" },
	{ .name = "cidfile", .kind = OPT_STRS, .arg = "FILE", .offset = A(cidfiles), .help = "Containers whose ids are in files" },
	{ .name = "filter", .kind = OPT_STRS, .arg = "KEY=VALUE", .offset = A(filters), .help = "Those that ps -a -f would list" },
	{ 0 }
};

static int remove_one(struct verb_call *c, struct engine *g, const char *ref, struct dv_err *e);

/* Those that share a namespace with it go first. */
static int remove_dependants(struct verb_call *c, struct engine *g, const char *ref, struct dv_err *e)
{
	static const char *const modes[] = { "PidMode", "IpcMode", "UTSMode", "NetworkMode" };
	struct ctr *main_one;
	struct ctr_list list;
	int r;

	if ((r = ctr_find(g, c->arena, ref, &main_one, e)) < 0 || (r = ctr_list(g, c->arena, &list, e)) < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < list.n; i++) {
		struct ps_item it = ps_item_of(c->arena, list.v[i]);
		bool depends = false;

		for (size_t k = 0; k < ARRAY_LEN(modes); k++) {
			const char *mode = json_str(json_get(json_get(it.config, "HostConfig"), modes[k]));
			const char *other = mode ? str_after(mode, "container:") : NULL;

			depends = depends || (other && *other && (streq(other, main_one->name) || str_starts(main_one->id, other)));
		}
		if (depends && !streq(list.v[i]->id, main_one->id))
			r = remove_one(c, g, list.v[i]->id, e);
	}
	return r;
}

static int remove_one(struct verb_call *c, struct engine *g, const char *ref, struct dv_err *e)
{
	const struct rm_args *x = c->args;
	int r = x->depend ? remove_dependants(c, g, ref, e) : 0;

	if (r >= 0 && x->force && x->seconds.set)
		r = control_stop(g, c->arena, ref, (int)x->seconds.v, e);
	return r < 0 ? r : ctr_remove(g, c->arena, ref, x->force || x->depend, x->volumes, e);
}

struct refs {
	const char **v;
	size_t n;
};

static int add_file(struct verb_call *c, struct refs *refs, const char *path, struct dv_err *e)
{
	const struct rm_args *x = c->args;
	auto_buf struct buf b = BUF_INIT(CIDFILE_MAX);
	int r = file_read(AT_FDCWD, path, &b, e);

	if (r == -DV_NOT_FOUND && (x->ignore || x->force))
		return 0;
	if (r < 0)
		return dv_wrap(e, "--cidfile");
	refs->v[refs->n++] = arena_strn(c->arena, buf_cstr(&b), strcspn(buf_cstr(&b), "\n"));
	return 0;
}

static int add_listed(struct verb_call *c, struct engine *g, struct refs *refs, struct dv_err *e)
{
	const struct rm_args *x = c->args;
	struct ps_filter *f;
	struct ctr_list list;
	int r = ps_filter_parse(g, c->arena, &x->filters, &f, e);

	if (r < 0)
		return r;
	r = ctr_list(g, c->arena, &list, e);
	if (r >= 0) {
		const char **more = arena_array(c->arena, const char *, refs->n + list.n + 1);

		if (refs->n)
			memcpy(more, refs->v, refs->n * sizeof *more);
		refs->v = more;
	}
	for (size_t i = 0; r >= 0 && i < list.n && !(x->latest && i == 1); i++) {
		struct ps_item it = ps_item_of(c->arena, list.v[i]);

		if (life_settle(g, c->arena, list.v[i], NULL) == 0 && ps_filter_match(c->arena, f, &it))
			refs->v[refs->n++] = list.v[i]->id;
	}
	ps_filter_done(f);
	return r;
}

static int collect(struct verb_call *c, struct engine *g, struct refs *refs, struct dv_err *e)
{
	const struct rm_args *x = c->args;
	int r = 0;

	refs->v = arena_array(c->arena, const char *, c->n_operands + x->cidfiles.n + 1);
	for (size_t i = 0; i < c->n_operands; i++)
		refs->v[refs->n++] = c->operands[i];
	for (size_t i = 0; r >= 0 && i < x->cidfiles.n; i++)
		r = add_file(c, refs, x->cidfiles.v[i], e);
	if (r >= 0 && (x->all || x->latest || x->filters.n))
		r = add_listed(c, g, refs, e);
	return r;
}

static int check(const struct verb_call *c, struct dv_err *e)
{
	const struct rm_args *x = c->args;
	bool some = x->all || x->latest || x->filters.n || x->cidfiles.n;

	if (x->link)
		return dv_fail(e, DV_UNSUPPORTED, "--link: there are no links to remove");
	if (x->seconds.set && (x->seconds.v < -1 || x->seconds.v > 1000000))
		return dv_fail(e, DV_INVALID, "--time: %lld is no number of seconds", (long long)x->seconds.v);
	if (!some && !c->n_operands)
		return dv_fail(e, DV_INVALID, "a container is wanted, or --all");
	if ((x->all || x->latest) && c->n_operands)
		return dv_fail(e, DV_INVALID, "--all and --latest take no names of containers");
	return 0;
}

static int rm_run(struct verb_call *c, struct dv_err *e)
{
	const struct rm_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct refs refs = { 0 };
	int status = 0, r;

	if ((r = check(c, e)) < 0 || (r = cli_engine(c, &g, e)) < 0 || (r = life_settle_busy(g, c->arena, e)) < 0 ||
	    (r = collect(c, g, &refs, e)) < 0)
		return r;
	for (size_t i = 0; i < refs.n; i++) {
		r = remove_one(c, g, refs.v[i], e);
		if (r >= 0) {
			printf("%s\n", refs.v[i]);
		} else if (r != -DV_NOT_FOUND || !(x->force || x->ignore)) {
			cli_complain(c, e);
			status = 1;
		}
	}
	return status;
}

static const char *const rm_aliases[] = { "remove", NULL };
static const char *const rm_examples[] = { "davit rm box", "davit rm -f web db", "davit rm -a", "davit rm --filter status=exited", NULL };
const struct verb verb_rm = {
	.name = "rm", .aliases = rm_aliases, .operands = "[CONTAINER...]", .operands_max = UINT32_MAX,
	.summary = "Remove containers", .examples = rm_examples, .opts = rm_opts, .args_size = sizeof(struct rm_args), .run = rm_run,
};

/* --- container prune --- */

struct prune_args {
	bool force;
	struct opt_strs filters;
};
static const struct opt prune_opts[] = {
	{ .name = "force", .letter = 'f', .kind = OPT_BOOL, .offset = offsetof(struct prune_args, force), .help = "Do not ask" },
	{ .name = "filter", .kind = OPT_STRS, .arg = "KEY=VALUE", .offset = offsetof(struct prune_args, filters),
	  .help = "Only those: label=K[=V], label!=K[=V], until=TIME" },
	{ 0 }
};

static int check_prune_filters(const struct opt_strs *filters, struct dv_err *e)
{
	for (size_t i = 0; i < filters->n; i++)
		if (!str_starts(filters->v[i], "label") && !str_starts(filters->v[i], "until="))
			return dv_fail(e, DV_INVALID, "invalid filter '%.60s': known are label, label!, until", filters->v[i]);
	return 0;
}

int cli_container_prune(struct verb_call *c, struct engine *g, const struct opt_strs *filters, uint64_t *bytes, struct dv_err *e)
{
	struct ps_filter *f;
	struct ctr_list list;
	bool any = false;
	uint64_t before = *bytes;
	int r;

	if ((r = ps_filter_parse(g, c->arena, filters, &f, e)) < 0)
		return r;
	r = life_list(g, c->arena, &list, e);
	for (size_t i = 0; r >= 0 && i < list.n; i++) {
		struct ps_item it = ps_item_of(c->arena, list.v[i]);
		uint64_t size;

		if ((list.v[i]->status != CTR_EXITED && list.v[i]->status != CTR_CREATED) || !ps_filter_match(c->arena, f, &it))
			continue;
		size = usage_of_container(g, c->arena, list.v[i]->id);
		/* One that was started meanwhile is no longer meant. */
		if (ctr_remove(g, c->arena, list.v[i]->id, false, false, NULL) < 0)
			continue;
		printf("%s%s\n", any ? "" : "Deleted Containers:\n", list.v[i]->id);
		any = true;
		*bytes += size;
	}
	ps_filter_done(f);
	if (any)
		printf("\n");
	if (r >= 0)
		event_prune(g, "container", *bytes - before);
	return r < 0 ? r : 0;
}

static int prune_run(struct verb_call *c, struct dv_err *e)
{
	const struct prune_args *x = c->args;
	auto_engine struct engine *g = NULL;
	uint64_t bytes = 0;
	int r;

	if ((r = check_prune_filters(&x->filters, e)) < 0)
		return r;
	if (!x->force && !cli_confirm("This will remove all stopped containers."))
		return 0;
	if ((r = cli_engine(c, &g, e)) < 0 || (r = cli_container_prune(c, g, &x->filters, &bytes, e)) < 0)
		return r;
	printf("Total reclaimed space: %s\n", str_human(c->arena, bytes, false));
	return 0;
}

const struct verb verb_container_prune = {
	.name = "prune", .summary = "Remove all containers that do not run", .opts = prune_opts,
	.args_size = sizeof(struct prune_args), .run = prune_run,
};

/* --- container exists --- */

static int exists_run(struct verb_call *c, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	struct ctr *ctr;
	int r = cli_engine(c, &g, e);

	if (r < 0 || (r = ctr_find(g, c->arena, c->operands[0], &ctr, e)) >= 0)
		r = r < 0 ? r : life_settle(g, c->arena, ctr, e);
	return r == -DV_NOT_FOUND || r > 0 ? 1 : r;
}

const struct verb verb_container_exists = {
	.name = "exists", .operands = "CONTAINER", .operands_min = 1, .operands_max = 1,
	.summary = "Tell by the exit status whether there is such a container: 0 yes, 1 no", .run = exists_run,
};
