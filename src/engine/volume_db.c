/* volume_db.c - rows of the volumes table, and which containers name a volume. */
#include <string.h>

#include "base/fd.h"
#include "base/str.h"
#include "engine/volume_parts.h"

#define LIST_MAX 100000

/* config: {"Labels": {}, "Options": {}} */
static const char *const steps[] = {
	"CREATE TABLE volumes(name TEXT PRIMARY KEY, created INTEGER NOT NULL, removing INTEGER NOT NULL,"
	" config TEXT NOT NULL) WITHOUT ROWID",
	NULL
};
static const struct db_schema schema = { "volume", steps };

/* Mounts of a container's configuration, for each container; the quick look at the text spares parsing most of them. */
#define USES " FROM containers c, json_each(c.config, '$.Mounts') m WHERE c.config LIKE '%\"Type\":\"volume\"%'" \
	     " AND json_extract(m.value, '$.Type') = 'volume' AND json_extract(m.value, '$.Name') = ?1"

int volume_migrate(struct engine *g, struct dv_err *e)
{
	return db_migrate(engine_db(g), &schema, e);
}

/* --- reading --- */

static const struct json *object(struct arena *a, const struct json *config, const char *key)
{
	const struct json *j = json_get(config, key);

	return json_type(j) == JSON_OBJECT ? j : json_new_object(a);
}

static int load(struct engine *g, struct arena *a, struct db_stmt *q, struct volume **ret, struct dv_err *e)
{
	struct volume *v = arena_new(a, struct volume);
	const char *text = db_text(q, 2);
	struct json *config = NULL;
	int r;

	v->name = arena_str(a, db_text(q, 0));
	v->created_ns = db_i64(q, 1);
	if ((r = json_parse(a, text, strlen(text), &config, e)) < 0)
		return dv_wrap(e, "volume %s", v->name);
	v->labels = object(a, config, "Labels");
	v->options = object(a, config, "Options");
	v->anonymous = json_get(v->labels, VOLUME_ANONYMOUS_LABEL) != NULL;
	v->mountpoint = arena_printf(a, "%s/volumes/%s/_data", engine_root(g), v->name);
	*ret = v;
	return 0;
}

int volume_row(struct engine *g, struct arena *a, const char *name, struct volume **ret, bool *ret_removing,
	       struct dv_err *e)
{
	DB_STMT(q);
	int r = db_query(engine_db(g), &q, e, "SELECT name, created, config, removing FROM volumes WHERE name = ?", "t", name);

	if (r < 0 || (r = db_row(q, e)) < 0)
		return r;
	if (r == 0)
		return dv_fail(e, DV_NOT_FOUND, "no such volume: %.255s", name);
	if (ret_removing)
		*ret_removing = db_i64(q, 3) != 0;
	return load(g, a, q, ret, e);
}

int volume_find(struct engine *g, struct arena *a, const char *name, struct volume **ret, struct dv_err *e)
{
	bool removing = false;
	int r = volume_migrate(g, e);

	if (r < 0 || (r = volume_row(g, a, name, ret, &removing, e)) < 0)
		return r;
	return removing ? dv_fail(e, DV_NOT_FOUND, "no such volume: %.255s", name) : 0;
}

int volume_list(struct engine *g, struct arena *a, struct volume_list *ret, struct dv_err *e)
{
	struct volume_list l = { arena_array(a, struct volume *, 16), 0 };
	size_t cap = 16;
	DB_STMT(q);
	int r = volume_migrate(g, e);

	if (r >= 0)
		r = db_query(engine_db(g), &q, e, "SELECT name, created, config FROM volumes WHERE NOT removing ORDER BY name", "");
	while (r >= 0 && (r = db_row(q, e)) > 0) {
		if (l.n == LIST_MAX)
			return dv_fail(e, DV_LIMIT, "more than %d volumes", LIST_MAX);
		if (l.n == cap) {
			struct volume **more = arena_array(a, struct volume *, cap * 2);

			memcpy(more, l.v, cap * sizeof *more);
			l.v = more;
			cap *= 2;
		}
		r = load(g, a, q, &l.v[l.n++], e);
	}
	if (r >= 0)
		*ret = l;
	return r < 0 ? r : 0;
}

int volume_users(struct engine *g, struct arena *a, const char *name, const char ***ret, size_t *ret_n, struct dv_err *e)
{
	size_t n = 0, cap = 8;
	const char **v = arena_array(a, const char *, cap + 1);
	DB_STMT(q);
	int r = db_query(engine_db(g), &q, e, "SELECT DISTINCT c.id" USES " ORDER BY c.seq", "t", name);

	while (r >= 0 && (r = db_row(q, e)) > 0) {
		if (n == cap) {
			const char **more = arena_array(a, const char *, cap * 2 + 1);

			memcpy(more, v, cap * sizeof *more);
			v = more;
			cap *= 2;
		}
		v[n++] = arena_str(a, db_text(q, 0));
	}
	if (r < 0)
		return r;
	v[n] = NULL;
	*ret = v;
	*ret_n = n;
	return 0;
}

int volume_busy(struct engine *g, const char *name, const char *but, bool *ret, struct dv_err *e)
{
	DB_STMT(q);
	int r = db_query(engine_db(g), &q, e, "SELECT 1" USES " AND c.status = 'running' AND c.id <> ?2 LIMIT 1", "tt", name, but);

	if (r >= 0 && (r = db_row(q, e)) >= 0)
		*ret = r > 0;
	return r < 0 ? r : 0;
}

const struct json *volume_mounts(struct arena *a, const char *config)
{
	struct json *j = NULL, *out = json_new_array(a);

	if (!config || !strstr(config, "\"Type\":\"volume\"") || json_parse(a, config, strlen(config), &j, NULL) < 0)
		return out;
	for (JSON_EACH(it, json_get(j, "Mounts"))) {
		const char *type = json_str(json_get(it.value, "Type"));

		if (type && streq(type, "volume") && json_str(json_get(it.value, "Name")))
			json_append(a, out, (struct json *)it.value);
	}
	return out;
}

/* --- writing --- */

int volume_row_insert(struct engine *g, const char *name, const char *config, struct dv_err *e)
{
	int r = db_exec(engine_db(g), e, "INSERT INTO volumes(name, created, removing, config) VALUES (?, ?, 0, ?)"
			" ON CONFLICT DO NOTHING", "tit", name, ctr_now_ns(), config);

	return r < 0 ? r : r == 0;
}

static int mark(struct engine *g, struct arena *a, const char *name, const char *but, struct dv_err *e)
{
	const char **users;
	size_t n;
	int r = volume_users(g, a, name, &users, &n, e);

	for (size_t i = 0; r >= 0 && i < n; i++)
		if (!but || !streq(users[i], but))
			return dv_fail(e, DV_CONFLICT, "remove %.255s: volume is in use - [%s]", name, users[i]);
	if (r < 0)
		return r;
	r = db_exec(engine_db(g), e, "UPDATE volumes SET removing = 1 WHERE name = ?", "t", name);
	return r == 0 ? dv_fail(e, DV_NOT_FOUND, "no such volume: %.255s", name) : r;
}

int volume_row_removing(struct engine *g, struct arena *a, const char *name, const char *but, struct dv_err *e)
{
	int r = db_begin(engine_db(g), e);

	return r < 0 ? r : db_finish(engine_db(g), mark(g, a, name, but, e), e);
}

int volume_row_drop(struct engine *g, const char *name, struct dv_err *e)
{
	int r = db_begin(engine_db(g), e);

	if (r < 0)
		return r;
	return db_finish(engine_db(g), db_exec(engine_db(g), e, "DELETE FROM volumes WHERE name = ?", "t", name), e);
}

/* --- with a container's row --- */

static const char *row_config(struct arena *a, const struct json *mount)
{
	const struct json *o = json_get(mount, "VolumeOptions");

	return json_text(a, json_obj(a, "Labels", json_copy(a, object(a, o, "Labels")), "Options",
				     json_copy(a, object(a, json_get(o, "DriverConfig"), "Options")), NULL), JSON_COMPACT);
}

int volume_settle(struct engine *g, const char *config, struct dv_err *e)
{
	auto_arena struct arena a = { 0 };
	int r = 0;

	arena_init(&a, 0);
	const struct json *mounts = volume_mounts(&a, config);
	if (json_len(mounts))
		r = volume_migrate(g, e);
	for (JSON_EACH(it, mounts)) {
		const char *name = json_str(json_get(it.value, "Name"));
		auto_close int dir = -1;
		struct volume *v;
		bool removing = false;

		if (r >= 0 && volume_row(g, &a, name, &v, &removing, NULL) >= 0 && removing)
			r = volume_lock(g, &a, name, &dir, e);
	}
	return r < 0 ? r : 0;
}

int volume_claim(struct engine *g, const char *config, struct dv_err *e)
{
	auto_arena struct arena a = { 0 };
	int r = 0;

	arena_init(&a, 0);
	for (JSON_EACH(it, volume_mounts(&a, config))) {
		const char *name = json_str(json_get(it.value, "Name"));
		struct volume *v;
		bool removing = false;

		if (r >= 0)
			r = volume_row_insert(g, name, row_config(&a, it.value), e);
		if (r > 0 && (r = volume_row(g, &a, name, &v, &removing, e)) >= 0 && removing)
			r = dv_fail(e, DV_CONFLICT, "volume %.255s is being removed", name);
	}
	return r < 0 ? r : 0;
}
