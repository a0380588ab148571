/* ctr_opts.c - from the flags of run and create to a request. */
#include "cli/ctr_opts.h"
#include "engine/life.h"

const char *const ctr_pull_policies[] = { "always", "missing", "newer", "never", NULL };
const char *const ctr_health_actions[] = { "none", "kill", "restart", "stop", NULL };

#define SET_str(member) q.member = x->member;
#define SET_strs(member) q.member = x->member.v;
#define SET_i64(member) q.member = (struct opt_i64){ x->member.set, x->member.v };
#define SET_bool(member) q.member = x->member;
#define SET(kind, member) SET_##kind(member)

struct run_request ctr_request_of(const struct ctr_args *x)
{
	struct run_request q;

	RUN_REQUEST(SET)
	return q;
}

struct run_request ctr_request(const struct verb_call *c)
{
	struct run_request q = ctr_request_of(c->args);

	q.image = c->operands[0];
	q.args = c->operands + 1;
	return q;
}

int ctr_want_image(struct verb_call *c, struct engine *g, const struct run_request *q, struct dv_err *e)
{
	const struct ctr_args *x = c->args;
	int r = cli_want_image(c, engine_images(g), q->image, x->pull, x->platform, x->quiet, e);

	if (r >= 0 && q->replace && q->name) {
		r = ctr_remove(g, c->arena, q->name, true, false, e);
		r = r == -DV_NOT_FOUND ? 0 : r;
	}
	return r;
}
