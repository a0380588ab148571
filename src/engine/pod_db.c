/* pod_db.c - rows of the pods table. */
#include <stdio.h>

#include "base/str.h"
#include "engine/pod.h"

#define LIST_MAX 100000

static const char *const steps[] = {
	"CREATE TABLE pods(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,"
	" created INTEGER NOT NULL, status TEXT NOT NULL, boot TEXT NOT NULL, owner_pid INTEGER NOT NULL,"
	" owner_start INTEGER NOT NULL, pid INTEGER NOT NULL, pid_start INTEGER NOT NULL, config TEXT NOT NULL)",
	NULL
};
static const struct db_schema schema = { "pod", steps };

#define SELECT "SELECT id, name, created, status, boot, owner_pid, owner_start, pid, pid_start, config FROM pods "

static const char *const status_names[] = {
	[POD_CREATED] = "created",   [POD_STARTING] = "starting", [POD_UP] = "up",
	[POD_STOPPING] = "stopping", [POD_EXITED] = "exited",     [POD_REMOVING] = "removing",
};

#define POD_CONFIG(F, c) \
	F(c, node, request,     "request",    REQ, NULL) \
	F(c, i64,  share,       "share",      REQ, NULL) \
	F(c, str,  exit_policy, "exitPolicy", REQ, NULL) \
	F(c, bool, no_infra,    "noInfra",    0,   NULL) \
	F(c, bool, no_parent,   "noParent",   0,   NULL)
DV_VIEW(pod_config, POD_CONFIG);

int pod_migrate(struct engine *g, struct dv_err *e)
{
	return db_migrate(engine_db(g), &schema, e);
}

/* --- reading --- */

static enum pod_status status_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(status_names); i++)
		if (streq(status_names[i], name))
			return (enum pod_status)i;
	return POD_EXITED;
}

static int load(struct arena *a, struct db_stmt *q, struct pod **ret, struct dv_err *e)
{
	struct pod *p = arena_new(a, struct pod);
	const char *text = db_text(q, 9);
	struct pod_config c;
	struct json *j = NULL;
	int r;

	p->id = arena_str(a, db_text(q, 0));
	p->name = arena_str(a, db_text(q, 1));
	p->created_ns = db_i64(q, 2);
	p->status = status_of(db_text(q, 3));
	p->boot = arena_str(a, db_text(q, 4));
	p->owner = (struct proc_id){ (pid_t)db_i64(q, 5), (uint64_t)db_i64(q, 6) };
	p->first = (struct proc_id){ (pid_t)db_i64(q, 7), (uint64_t)db_i64(q, 8) };
	text = arena_str(a, text);
	if ((r = json_parse(a, text, strlen(text), &j, e)) < 0 || (r = view_decode(a, j, &pod_config_schema, "", &c, e)) < 0 ||
	    (r = request_of_json(a, c.request, &p->q, e)) < 0)
		return dv_wrap(e, "pod %s", p->name);
	p->config = j;
	p->share = (unsigned)c.share.v;
	p->exit_policy = c.exit_policy;
	p->no_infra = c.no_infra;
	p->no_parent = c.no_parent;
	*ret = p;
	return 0;
}

int pod_list(struct engine *g, struct arena *a, struct pod_list *ret, struct dv_err *e)
{
	struct pod_list l = { arena_array(a, struct pod *, 8), 0 };
	size_t room = 8;
	DB_STMT(q);
	int r = pod_migrate(g, e);

	if (r >= 0)
		r = db_query(engine_db(g), &q, e, SELECT "ORDER BY seq DESC", "");
	while (r >= 0 && (r = db_row(q, e)) > 0) {
		if (l.n == LIST_MAX)
			return dv_fail(e, DV_LIMIT, "more than %d pods", LIST_MAX);
		if (l.n == room) {
			struct pod **more = arena_array(a, struct pod *, room *= 2);

			memcpy(more, l.v, l.n * sizeof *more);
			l.v = more;
		}
		r = load(a, q, &l.v[l.n++], e);
	}
	if (r >= 0)
		*ret = l;
	return r;
}

/* 1 found, 0 not; a second row is CONFLICT. */
static int find_one(struct engine *g, struct arena *a, const char *sql, const char *p1, const char *p2, struct pod **ret,
		    struct dv_err *e)
{
	DB_STMT(q);
	int r = db_query(engine_db(g), &q, e, sql, p2 ? "tt" : "t", p1, p2);

	if (r < 0 || (r = db_row(q, e)) <= 0 || (r = load(a, q, ret, e)) < 0)
		return r;
	r = db_row(q, e);
	return r > 0 ? dv_fail(e, DV_CONFLICT, "more than one result for ID or name %s: pod already exists", p1) : r < 0 ? r : 1;
}

int pod_find(struct engine *g, struct arena *a, const char *ref, struct pod **ret, struct dv_err *e)
{
	int r = pod_migrate(g, e);

	if (r < 0 || (r = find_one(g, a, SELECT "WHERE name = ?", ref, NULL, ret, e)) < 0)
		return r;
	if (r == 0 && *ref && str_only(ref, "0123456789abcdef") && strlen(ref) < CTR_ID_SIZE)
		r = find_one(g, a, SELECT "WHERE id >= ?1 AND id < ?2 LIMIT 2", ref, arena_printf(a, "%sg", ref), ret, e);
	if (r == 0)
		return dv_fail(e, DV_NOT_FOUND, "no pod with name or ID %.300s found: no such pod", ref);
	return r < 0 ? r : 0;
}

static bool any_row(struct engine *g, const char *sql, const char *value)
{
	DB_STMT(q);

	return db_query(engine_db(g), &q, NULL, sql, "t", value) >= 0 && db_row(q, NULL) > 0;
}

int pod_check_there(struct engine *g, const char *id, struct dv_err *e)
{
	if (!*id || any_row(g, "SELECT 1 FROM pods WHERE id = ? AND status <> 'removing'", id))
		return 0;
	return dv_fail(e, DV_NOT_FOUND, "no pod with name or ID %s found: no such pod", id);
}

const char *pod_or_ctr_name(struct engine *g, struct arena *a, const char *id)
{
	struct ctr *c = NULL;
	struct pod *p = NULL;

	if (ctr_find(g, a, id, &c, NULL) >= 0)
		return c->name;
	return pod_find(g, a, id, &p, NULL) >= 0 ? p->name : NULL;
}

/* --- writing --- */

static int insert(struct engine *g, const struct pod *p, const char *config, struct dv_err *e)
{
	int r;

	if (any_row(g, "SELECT 1 FROM containers WHERE name = ?", p->name))
		return dv_fail(e, DV_EXISTS, "name \"%s\" is in use: container already exists", p->name);
	r = db_exec(engine_db(g), e,
		    "INSERT INTO pods(id, name, created, status, boot, owner_pid, owner_start, pid, pid_start, config)"
		    " VALUES (?, ?, ?, ?, '', 0, 0, 0, 0, ?)", "ttitt", p->id, p->name, p->created_ns, status_names[p->status],
		    config);
	return r == -DV_EXISTS ? dv_fail(e, DV_EXISTS, "name \"%s\" is in use: pod already exists", p->name) : r;
}

int pod_insert(struct engine *g, struct arena *a, const struct pod *p, struct dv_err *e)
{
	const char *config = json_text(a, p->config, JSON_COMPACT);
	int r = pod_migrate(g, e);

	return r < 0 || (r = db_begin(engine_db(g), e)) < 0 ? r : db_finish(engine_db(g), insert(g, p, config, e), e);
}

int pod_save(struct engine *g, const struct pod *p, struct dv_err *e)
{
	int r;

	if ((r = db_relax(engine_db(g), e)) < 0 || (r = db_begin(engine_db(g), e)) < 0)
		return r;
	r = db_exec(engine_db(g), e,
		    "UPDATE pods SET status = ?, boot = ?, owner_pid = ?, owner_start = ?, pid = ?, pid_start = ? WHERE id = ?",
		    "ttiiiit", status_names[p->status], engine_boot(g), (int64_t)p->owner.pid, (int64_t)p->owner.start_ticks,
		    (int64_t)p->first.pid, (int64_t)p->first.start_ticks, p->id);
	return db_finish(engine_db(g), r, e);
}

static int mark(struct engine *g, const struct pod *p, struct dv_err *e)
{
	if (any_row(g, "SELECT 1 FROM containers WHERE pod = ? AND pod <> ''", p->id))
		return dv_fail(e, DV_CONFLICT, "pod %s has containers in it: cannot be removed", p->id);
	return db_exec(engine_db(g), e, "UPDATE pods SET status = 'removing', boot = ?, owner_pid = ?, owner_start = ? WHERE id = ?",
		       "tiit", engine_boot(g), (int64_t)p->owner.pid, (int64_t)p->owner.start_ticks, p->id);
}

int pod_mark_removing(struct engine *g, struct pod *p, struct dv_err *e)
{
	int r = db_begin(engine_db(g), e);

	p->owner = *engine_self(g);
	if (r < 0 || (r = db_finish(engine_db(g), mark(g, p, e), e)) < 0)
		return r;
	p->status = POD_REMOVING;
	return 0;
}

int pod_drop(struct engine *g, const char *id, struct dv_err *e)
{
	int r = db_begin(engine_db(g), e);

	return r < 0 ? r : db_finish(engine_db(g), db_exec(engine_db(g), e, "DELETE FROM pods WHERE id = ?", "t", id), e);
}
