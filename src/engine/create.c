/* create.c - a request becomes a row.
 *
 * The row holds the whole request, free of this process and its directory, so that whoever starts the container needs
 * nothing else.
 */
#include <errno.h>
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/create.h"
#include "engine/events.h"
#include "engine/life.h"
#include "engine/logopts.h"
#include "engine/network.h"
#include "engine/pod.h"
#include "engine/volume.h"
#include "image/name.h"
#include "monitor/policy.h"

#define NAME_ATTEMPTS 16

static int find_image(struct making *x, const char *ref, struct dv_err *e)
{
	const char *full = NULL;
	int r = image_resolve(engine_images(x->g), x->a, ref, &x->image, e);

	if (r != -DV_NOT_FOUND)
		return r;
	if (image_name_normalize(x->a, ref, &full, NULL) >= 0)
		ref = image_name_familiar(full);
	return dv_fail(e, DV_NOT_FOUND, "Unable to find image '%.256s' locally", ref);
}

/* Who has the name may be a container whose command line has died, or one that ended and was to be removed. */
static int name_taken(struct making *x, const char *name, struct dv_err *e)
{
	struct ctr *c = NULL;
	int r = ctr_find(x->g, x->a, name, &c, e);

	if (r == -DV_NOT_FOUND)
		return 0;
	if (r < 0 || (r = life_settle(x->g, x->a, c, e)) != 0)
		return r < 0 ? r : 0;
	return dv_fail(e, DV_EXISTS,
		       "Conflict. The container name \"/%.64s\" is already in use by container \"%s\". You have to remove "
		       "(or rename) that container to be able to reuse that name.", name, c->id);
}

static int insert(struct making *x, struct dv_err *e)
{
	const char *name = x->q.name;
	int r = -DV_EXISTS;

	for (unsigned i = 0; r == -DV_EXISTS && i < NAME_ATTEMPTS; i++) {
		x->row.name = name ? name : ctr_random_name(x->a, i);
		r = ctr_insert(x->g, &x->row, e);
		if (r != -DV_EXISTS || !name)
			continue;
		if ((r = name_taken(x, name, e)) < 0)
			return r;
		r = -DV_EXISTS;
	}
	return r;
}

static int check(struct making *x, struct dv_err *e)
{
	const struct run_request *q = &x->q;
	struct policy p;
	struct json *log;
	int r;

	if (q->name && (r = ctr_check_name(q->name, e)) < 0)
		return r;
	if ((r = policy_parse(q->restart, &p, e)) < 0 || (r = logopts_parse(x->a, q, NULL, NULL, &log, e)) < 0)
		return r;
	if (q->rm && p.kind != POLICY_NO)
		return dv_fail(e, DV_INVALID, "conflicting options: cannot specify both --restart and --rm");
	return 0;
}

/* The request is that of the container from here on; what is stored has only the pod's id. */
static int enter_pod(struct making *x, bool check_flags, struct dv_err *e)
{
	struct pod *p = NULL;
	int r;

	if (!x->q.pod)
		return 0;
	if ((r = pod_find(x->g, x->a, x->q.pod, &p, e)) < 0 || (check_flags && (r = pod_check_flags(p, &x->q, e)) < 0))
		return r;
	x->q.pod = p->id;
	x->pod_idle = streq(p->exit_policy, "stop") ? p->id : NULL;
	pod_apply(x->g, x->a, p, &x->q);
	return 0;
}

int making_record(struct making *x, enum ctr_status status, struct dv_err *e)
{
	struct run_request asked;
	int r;

	if ((r = check(x, e)) < 0 || (r = find_image(x, x->q.image, e)) < 0 || (r = ctr_new_id(x->id, e)) < 0 ||
	    (r = request_resolve(x->a, &x->q, e)) < 0)
		return r;
	asked = x->q;
	if ((r = enter_pod(x, true, e)) < 0 || (r = volumes_from(x->g, x->a, &x->q, e)) < 0 ||
	    (r = run_configure(x->a, &x->q, x->image, x->id, &x->config, e)) < 0)
		return r;
	asked.pod = x->q.pod;
	asked.inherited = x->q.inherited;
	x->row = (struct ctr){ .id = x->id, .image = x->image->id, .image_ref = x->q.image, .status = status,
			       .auto_remove = x->q.rm, .boot = engine_boot(x->g), .error = "", .created_ns = ctr_now_ns(),
			       .pod = x->q.pod ? x->q.pod : "", .config = json_text(x->a, x->config.inspect, JSON_COMPACT),
			       .request = json_text(x->a, request_to_json(x->a, &asked), JSON_COMPACT) };
	if (status == CTR_CREATING) {
		x->row.owner = *engine_self(x->g);
		network_begin(x->config.network);       /* beside the row */
	}
	if ((r = insert(x, e)) < 0)
		network_wish_done(x->config.network);
	return r;
}

int making_load(struct making *x, const struct ctr *c, struct dv_err *e)
{
	const char *text = NULL;
	struct json *tree = NULL;
	int r;

	x->row = *c;
	(void)snprintf(x->id, sizeof x->id, "%s", c->id);
	if ((r = ctr_load_request(x->g, x->a, c->id, &text, e)) < 0)
		return r;
	if ((r = json_parse(x->a, text, strlen(text), &tree, e)) < 0 || (r = request_of_json(x->a, tree, &x->q, e)) < 0)
		return dv_wrap(e, "container %s", c->id);
	if ((r = enter_pod(x, false, e)) < 0 || (r = find_image(x, c->image, e)) < 0)
		return r;
	return run_configure(x->a, &x->q, x->image, x->id, &x->config, e);
}

int engine_create(struct engine *g, struct arena *a, const struct run_request *q, const char **ret_id, struct dv_err *e)
{
	struct making x = { .g = g, .a = a, .q = *q };
	int r = making_record(&x, CTR_CREATED, e);

	if (r < 0)
		return r;
	event_ctr(g, &x.row, "create", NULL, NULL);
	*ret_id = arena_str(a, x.id);
	return 0;
}
