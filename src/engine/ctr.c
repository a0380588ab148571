/* ctr.c - rows of the containers table. */
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "base/str.h"
#include "engine/ctr.h"
#include "engine/pod.h"
#include "engine/volume.h"

#define LIST_MAX 100000

static const char *const steps[] = {
	"CREATE TABLE containers(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,"
	" image TEXT NOT NULL, image_ref TEXT NOT NULL, status TEXT NOT NULL, auto_remove INTEGER NOT NULL,"
	" boot TEXT NOT NULL, owner_pid INTEGER NOT NULL, owner_start INTEGER NOT NULL, pid INTEGER NOT NULL,"
	" pid_start INTEGER NOT NULL, exit_code INTEGER, error TEXT NOT NULL, created INTEGER NOT NULL,"
	" started INTEGER NOT NULL, finished INTEGER NOT NULL, oom INTEGER NOT NULL, config TEXT NOT NULL);"
	"CREATE INDEX containers_busy ON containers(seq) WHERE status IN ('creating', 'removing');"
	"CREATE INDEX containers_image ON containers(image)",
	"ALTER TABLE containers ADD COLUMN paused INTEGER NOT NULL DEFAULT 0",
	"ALTER TABLE containers ADD COLUMN request TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE containers ADD COLUMN user_stopped INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE containers ADD COLUMN restarts INTEGER NOT NULL DEFAULT 0;"
	"DROP INDEX containers_busy;"
	"CREATE INDEX containers_busy ON containers(seq) WHERE status IN ('creating', 'starting', 'removing')",
	"ALTER TABLE containers ADD COLUMN pod TEXT NOT NULL DEFAULT '';"
	"CREATE INDEX containers_pod ON containers(pod) WHERE pod <> ''",
	NULL
};
static const struct db_schema schema = { "engine", steps };

#define COLUMNS "id, name, image, image_ref, status, auto_remove, boot, owner_pid, owner_start, pid, pid_start," \
		" exit_code, error, created, started, finished, oom, config, paused, user_stopped, restarts, pod"

static const char *const status_names[] = {
	[CTR_CREATING] = "creating", [CTR_CREATED] = "created",   [CTR_RUNNING] = "running",
	[CTR_EXITED] = "exited",     [CTR_REMOVING] = "removing", [CTR_STARTING] = "starting",
};

const char *ctr_status_name(enum ctr_status s)
{
	return status_names[s];
}

const char *ctr_state_name(const struct ctr *c)
{
	if (c->status == CTR_CREATING)
		return status_names[CTR_CREATED];
	if (c->status == CTR_STARTING)
		return status_names[c->finished_ns ? CTR_EXITED : CTR_CREATED];
	if (c->status == CTR_RUNNING && c->restarting)
		return "restarting";
	return c->status == CTR_RUNNING && c->paused ? "paused" : status_names[c->status];
}

int ctr_migrate(struct engine *g, struct dv_err *e)
{
	return db_migrate(engine_db(g), &schema, e);
}

int64_t ctr_now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* --- names and ids --- */

int ctr_check_name(const char *name, struct dv_err *e)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	if (strlen(name) < 2 || strlen(name) > 255 || !str_only(name, set) || strchr("_.-", *name))
		return dv_fail(e, DV_INVALID, "Invalid container name (%.128s), only [a-zA-Z0-9][a-zA-Z0-9_.-]+ are allowed",
			       name);
	return 0;
}

int ctr_new_id(char out[CTR_ID_SIZE], struct dv_err *e)
{
	unsigned char raw[32];

	if (getrandom(raw, sizeof raw, 0) != (ssize_t)sizeof raw)
		return dv_fail_errno(e, errno, "random bytes");
	str_hex(raw, sizeof raw, out);
	return 0;
}

/* --- reading --- */

static enum ctr_status status_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(status_names); i++)
		if (streq(status_names[i], name))
			return (enum ctr_status)i;
	return CTR_EXITED;
}

static bool column_is_null(struct db_stmt *q, int col)
{
	return !db_text(q, col);
}

static struct ctr *row_load(struct arena *a, struct db_stmt *q)
{
	struct ctr *c = arena_new(a, struct ctr);

	*c = (struct ctr){
		.id = arena_str(a, db_text(q, 0)), .name = arena_str(a, db_text(q, 1)),
		.image = arena_str(a, db_text(q, 2)), .image_ref = arena_str(a, db_text(q, 3)),
		.status = status_of(db_text(q, 4)), .auto_remove = db_i64(q, 5) != 0,
		.boot = arena_str(a, db_text(q, 6)),
		.owner = { (pid_t)db_i64(q, 7), (uint64_t)db_i64(q, 8) },
		.init = { (pid_t)db_i64(q, 9), (uint64_t)db_i64(q, 10) },
		.exit_code = (int)db_i64(q, 11), .error = arena_str(a, db_text(q, 12)),
		.created_ns = db_i64(q, 13), .started_ns = db_i64(q, 14), .finished_ns = db_i64(q, 15),
		.oom = db_i64(q, 16) != 0, .config = arena_str(a, db_text(q, 17)),
		.paused = db_i64(q, 18) != 0, .user_stopped = db_i64(q, 19) != 0, .restarts = (unsigned)db_i64(q, 20),
		.pod = arena_str(a, db_text(q, 21)),
	};
	c->has_exit = !column_is_null(q, 11);
	return c;
}

static int load_all(struct arena *a, struct db_stmt *q, struct ctr_list *ret, struct dv_err *e)
{
	struct ctr_list l = { 0 };
	size_t cap = 16;
	int r;

	l.v = arena_array(a, struct ctr *, cap);
	while ((r = db_row(q, e)) > 0) {
		if (l.n == LIST_MAX)
			return dv_fail(e, DV_LIMIT, "more than %d containers", LIST_MAX);
		if (l.n == cap) {
			struct ctr **more = arena_array(a, struct ctr *, cap * 2);

			memcpy(more, l.v, cap * sizeof *more);
			l.v = more;
			cap *= 2;
		}
		l.v[l.n++] = row_load(a, q);
	}
	if (r == 0)
		*ret = l;
	return r;
}

int ctr_list(struct engine *g, struct arena *a, struct ctr_list *ret, struct dv_err *e)
{
	DB_STMT(q);
	int r = db_query(engine_db(g), &q, e, "SELECT " COLUMNS " FROM containers ORDER BY seq DESC", "");

	return r < 0 ? r : load_all(a, q, ret, e);
}

int ctr_list_busy(struct engine *g, struct arena *a, struct ctr_list *ret, struct dv_err *e)
{
	DB_STMT(q);
	int r = db_query(engine_db(g), &q, e,
			 "SELECT " COLUMNS " FROM containers WHERE status IN ('creating', 'starting', 'removing')", "");

	return r < 0 ? r : load_all(a, q, ret, e);
}

int ctr_list_of_pod(struct engine *g, struct arena *a, const char *pod, struct ctr_list *ret, struct dv_err *e)
{
	DB_STMT(q);
	int r = db_query(engine_db(g), &q, e, "SELECT " COLUMNS " FROM containers WHERE pod = ? AND pod <> '' ORDER BY seq", "t", pod);

	return r < 0 ? r : load_all(a, q, ret, e);
}

/* 1 found, 0 not, in the order of the queries; a second row of one query is CONFLICT. */
static int find_one(struct engine *g, struct arena *a, const char *sql, const char *p1, const char *p2, struct ctr **ret,
		    struct dv_err *e)
{
	DB_STMT(q);
	struct ctr *c;
	int r = db_query(engine_db(g), &q, e, sql, p2 ? "tt" : "t", p1, p2);

	if (r < 0 || (r = db_row(q, e)) <= 0)
		return r;
	c = row_load(a, q);
	if ((r = db_row(q, e)) != 0)
		return r < 0 ? r : dv_fail(e, DV_CONFLICT, "multiple containers found with the id prefix %s", p1);
	*ret = c;
	return 1;
}

int ctr_find(struct engine *g, struct arena *a, const char *ref, struct ctr **ret, struct dv_err *e)
{
	const char *name = *ref == '/' ? ref + 1 : ref;
	int r = find_one(g, a, "SELECT " COLUMNS " FROM containers WHERE name = ?", name, NULL, ret, e);

	if (r == 0 && str_only(ref, "0123456789abcdef") && strlen(ref) < CTR_ID_SIZE)
		/* 'g' follows the last hex digit. */
		r = find_one(g, a, "SELECT " COLUMNS " FROM containers WHERE id >= ?1 AND id < ?2 LIMIT 2", ref,
			     arena_printf(a, "%sg", ref), ret, e);
	if (r == 0)
		return dv_fail(e, DV_NOT_FOUND, "No such container: %.300s", ref);
	return r < 0 ? r : 0;
}

int ctr_of_image(struct engine *g, struct arena *a, const char *image, struct ctr **ret, struct dv_err *e)
{
	*ret = NULL;
	int r = find_one(g, a, "SELECT " COLUMNS " FROM containers WHERE image = ? LIMIT 1", image, NULL, ret, e);

	return r < 0 ? r : 0;
}

/* --- writing --- */

static int insert_row(struct engine *g, const struct ctr *c, struct dv_err *e)
{
	bool there = false;
	int r = image_exists(engine_images(g), c->image, &there, e);

	if (r < 0)
		return r;
	if (!there)
		return dv_fail(e, DV_NOT_FOUND, "No such image: %s", c->image_ref);
	if (c->pod && (r = pod_check_there(g, c->pod, e)) < 0)
		return r;
	return db_exec(engine_db(g), e,
		       "INSERT INTO containers(id, name, image, image_ref, status, auto_remove, boot, owner_pid, owner_start,"
		       " pid, pid_start, exit_code, error, created, started, finished, oom, config, request, pod)"
		       " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, NULL, '', ?, 0, 0, 0, ?, ?, ?)",
		       "tttttitiiittt", c->id, c->name, c->image, c->image_ref, status_names[c->status],
		       (int64_t)c->auto_remove, engine_boot(g), (int64_t)c->owner.pid, (int64_t)c->owner.start_ticks,
		       c->created_ns, c->config, c->request ? c->request : "", c->pod ? c->pod : "");
}

int ctr_insert(struct engine *g, const struct ctr *c, struct dv_err *e)
{
	struct db *db = engine_db(g);
	int r;

	if ((r = volume_settle(g, c->config, e)) < 0)
		return r;
	/* One that is removed when it ends does not outlive the machine: its directory is swept after the next boot. */
	if ((c->auto_remove && (r = db_relax(engine_db(g), e)) < 0) || (r = db_begin(db, e)) < 0)
		return r;
	if ((r = insert_row(g, c, e)) < 0 || (r = volume_claim(g, c->config, e)) < 0) {
		db_rollback(db);
		return r;
	}
	r = db_commit(db, e);
	return r < 0 ? r : 0;
}

int ctr_save(struct engine *g, const struct ctr *c, struct dv_err *e)
{
	struct db *db = engine_db(g);
	int r;

	if ((r = db_relax(engine_db(g), e)) < 0 || (r = db_begin(db, e)) < 0)
		return r;
	r = db_exec(db, e,
		    "UPDATE containers SET status = ?, boot = ?, owner_pid = ?, owner_start = ?, pid = ?, pid_start = ?,"
		    " error = ?, started = ?, finished = ?, oom = ?, user_stopped = ?, restarts = ?,"
		    " exit_code = CASE ? WHEN 0 THEN NULL ELSE ? END WHERE id = ?",
		    "ttiiiitiiiiiiit", status_names[c->status], engine_boot(g), (int64_t)c->owner.pid,
		    (int64_t)c->owner.start_ticks, (int64_t)c->init.pid, (int64_t)c->init.start_ticks,
		    c->error ? c->error : "", c->started_ns, c->finished_ns, (int64_t)c->oom,
		    (int64_t)c->user_stopped, (int64_t)c->restarts, (int64_t)c->has_exit,
		    (int64_t)c->exit_code, c->id);
	return db_finish(engine_db(g), r, e);
}

int ctr_load_request(struct engine *g, struct arena *a, const char *id, const char **ret, struct dv_err *e)
{
	DB_STMT(q);
	int r = db_query(engine_db(g), &q, e, "SELECT request FROM containers WHERE id = ?", "t", id);

	if (r < 0 || (r = db_row(q, e)) < 0)
		return r;
	if (r == 0)
		return dv_fail(e, DV_NOT_FOUND, "No such container: %.64s", id);
	if (!*db_text(q, 0))
		return dv_fail(e, DV_UNSUPPORTED, "container %.64s was made by an older davit and cannot be started again", id);
	*ret = arena_str(a, db_text(q, 0));
	return 0;
}

int ctr_set_user_stopped(struct engine *g, const char *id, bool stopped, struct dv_err *e)
{
	int r = db_begin(engine_db(g), e);

	if (r < 0)
		return r;
	r = db_exec(engine_db(g), e, "UPDATE containers SET user_stopped = ? WHERE id = ?", "it", (int64_t)stopped, id);
	return db_finish(engine_db(g), r, e);
}

int ctr_set_paused(struct engine *g, const char *id, bool paused, struct dv_err *e)
{
	int r;

	if ((r = db_relax(engine_db(g), e)) < 0 || (r = db_begin(engine_db(g), e)) < 0)
		return r;
	r = db_exec(engine_db(g), e, "UPDATE containers SET paused = ? WHERE id = ?", "it", (int64_t)paused, id);
	return db_finish(engine_db(g), r, e);
}

int ctr_set_request(struct engine *g, const char *id, const char *config, const char *request, struct dv_err *e)
{
	int r = db_begin(engine_db(g), e);

	if (r < 0)
		return r;
	r = db_exec(engine_db(g), e, "UPDATE containers SET config = ?, request = ? WHERE id = ?", "ttt", config, request, id);
	return db_finish(engine_db(g), r, e);
}

int ctr_set_name(struct engine *g, const char *id, const char *name, struct dv_err *e)
{
	int r = db_begin(engine_db(g), e);

	if (r < 0)
		return r;
	r = db_exec(engine_db(g), e, "UPDATE containers SET name = ? WHERE id = ?", "tt", name, id);
	return db_finish(engine_db(g), r, e);
}

int ctr_drop(struct engine *g, const char *id, struct dv_err *e)
{
	struct db *db = engine_db(g);
	int r;

	if ((r = db_relax(engine_db(g), e)) < 0 || (r = db_begin(db, e)) < 0)
		return r;
	r = db_exec(db, e, "DELETE FROM containers WHERE id = ?", "t", id);
	return db_finish(engine_db(g), r, e);
}

/* --- life --- */

bool ctr_owner_alive(const struct engine *g, const struct ctr *c)
{
	return c->owner.pid && streq(c->boot, engine_boot(g)) && proc_alive(&c->owner);
}

bool ctr_init_alive(const struct engine *g, const struct ctr *c)
{
	return c->init.pid && streq(c->boot, engine_boot(g)) && proc_alive(&c->init);
}
