/* prune.c - system prune: everything that nobody uses. */
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"

struct prune_args {
	bool all, force, volumes;
	struct opt_strs filters;
};
#define A(member) offsetof(struct prune_args, member)
static const struct opt opts[] = {
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = A(all), .help = "Also images with a name, when no container uses them" },
	{ .name = "force", .letter = 'f', .kind = OPT_BOOL, .offset = A(force), .help = "Do not ask" },
	{ .name = "volumes", .kind = OPT_BOOL, .offset = A(volumes), .help = "Also anonymous volumes that no container uses" },
	{ .name = "filter", .kind = OPT_STRS, .arg = "KEY=VALUE", .offset = A(filters),
	  .help = "Only those: label=K[=V], label!=K[=V], until=TIME" },
	{ 0 }
};

/* A volume has no time of its last use: with --volumes there is no until. */
static int check_filters(const struct prune_args *x, struct dv_err *e)
{
	static const char *const known[] = { "label=", "label!=", "until=" };

	for (size_t i = 0; i < x->filters.n; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(known) && !str_starts(x->filters.v[i], known[k]))
			k++;
		if (k == ARRAY_LEN(known))
			return dv_fail(e, DV_INVALID, "invalid filter '%.60s': known are label, label!, until", x->filters.v[i]);
		if (x->volumes && k == 2)
			return dv_fail(e, DV_INVALID, "the \"until\" filter is not supported with \"--volumes\"");
	}
	return 0;
}

static bool confirm(struct arena *a, const struct prune_args *x)
{
	return cli_confirm(arena_printf(a, "This will remove:\n  - all stopped containers\n"
					   "  - all networks not used by at least one container\n%s  - all %s\n  - unused build cache\n",
					x->volumes ? "  - all anonymous volumes not used by at least one container\n" : "",
					x->all ? "images without at least one container associated to them" : "dangling images"));
}

/* Containers first: what they alone used goes with them. */
static int run(struct verb_call *c, struct dv_err *e)
{
	const struct prune_args *x = c->args;
	auto_engine struct engine *g = NULL;
	uint64_t bytes = 0;
	int r = check_filters(x, e);

	if (r < 0 || (!x->force && !confirm(c->arena, x)))
		return r;
	if ((r = cli_engine(c, &g, e)) < 0 || (r = cli_container_prune(c, g, &x->filters, &bytes, e)) < 0 ||
	    (r = cli_network_prune(c, g, &x->filters, e)) < 0 ||
	    (x->volumes && (r = cli_volume_prune(c, g, false, &x->filters, &bytes, e)) < 0) ||
	    (r = cli_image_prune(c, g, x->all, &x->filters, &bytes, e)) < 0)
		return r;
	printf("Total reclaimed space: %s\n", str_human(c->arena, bytes, false));
	return 0;
}

static const char *const examples[] = {
	"davit system prune", "davit system prune -a --volumes -f", "davit system prune -f --filter until=24h", NULL
};
const struct verb verb_system_prune = {
	.name = "prune", .summary = "Remove containers, networks and images that are not used", .examples = examples,
	.description = "Containers that do not run go, networks without containers, images without a name (all that no container uses, "
		       "with --all), and with --volumes anonymous volumes that no container has.",
	.opts = opts, .args_size = sizeof(struct prune_args), .run = run,
};
