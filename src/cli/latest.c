/* latest.c - --latest: the newest container instead of a name. */
#include "base/str.h"
#include "cli/cli.h"
#include "engine/life.h"

static const struct opt *latest_of(const struct verb *v)
{
	for (const struct opt *o = v->opts; o && o->kind != OPT_END; o++)
		if (o->flags & OPT_INSTEAD)
			return o;
	return NULL;
}

int cli_latest(struct verb_call *c, struct engine *g, struct dv_err *e)
{
	const struct opt *o = latest_of(c->verb);
	bool *wanted = o ? (bool *)((char *)c->args + o->offset) : NULL;
	const char **operands;
	struct ctr_list list;
	int r;

	if (!wanted || !*wanted)
		return 0;
	*wanted = false;
	/* "[CONTAINER...]": names are all it takes. */
	if (c->n_operands && strstr(c->verb->operands, "CONTAINER..."))
		return dv_fail(e, DV_INVALID, "--latest and containers cannot be used together");
	if ((r = life_list(g, c->arena, &list, e)) < 0)
		return r;
	if (!list.n)
		return dv_fail(e, DV_NOT_FOUND, "--latest: there is no container");
	operands = arena_array(c->arena, const char *, c->n_operands + 2);
	operands[0] = list.v[0]->id;
	memcpy(operands + 1, c->operands, (c->n_operands + 1) * sizeof *operands);
	c->operands = operands;
	c->n_operands++;
	return 0;
}
