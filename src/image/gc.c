/* gc.c - what goes: found without any lock, taken away in small steps.
 *
 * First the directories are read, then the rows: a file that was there before and
 * has no row after is a leftover (or is just coming: looked at again under the lock).
 * Rows go sixteen at a time, referrers before what they refer to, each asked for
 * once more in the transaction that deletes it; then their files go to the stage, and
 * are deleted when the locks are free.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "image/gc_parts.h"

#define STEP 16                 /* rows in a transaction */

struct gc {
	struct image_store *s;
	struct arena *a;
	const struct gc_options *o;
	int64_t now, before;    /* blobs that came before may go */
	int64_t partial_before;
	struct gc_graph graph;
	struct gc_item *v;
	size_t n, cap;
	struct gc_result sum;
};

const char *gc_what_name(enum gc_what what)
{
	static const char *const names[] = { "blob", "layer", "manifest", "partial", "stage", "file" };

	return names[what];
}

static void item_add(struct gc *c, enum gc_what what, const char *name, uint64_t bytes, bool goes, const char *why)
{
	if (c->n == c->cap) {
		size_t more = c->cap ? 2 * c->cap : 64;
		struct gc_item *v = arena_array(c->a, struct gc_item, more);

		if (c->n)
			memcpy(v, c->v, c->n * sizeof(*v));
		c->v = v;
		c->cap = more;
	}
	c->v[c->n] = (struct gc_item){ what, name, bytes, goes, why };
	c->n++;
}

static const char *when(struct arena *a, int64_t seconds)
{
	time_t t = (time_t)seconds;
	char text[32];
	struct tm tm;

	if (seconds <= 0 || !gmtime_r(&t, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return "long ago";
	return arena_str(a, text);
}

/* --- directories --- */

/* Somebody has it locked. */
static bool is_locked(struct gc *c, const char *path)
{
	auto_close int fd = -1;

	return file_open(c->s->rootfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd, NULL) == 0 &&
	       file_lock(fd, true, false, path, NULL) == -DV_CONFLICT;
}

static int see_tmp(void *ctx, const char *name, struct dv_err *e)
{
	struct gc *c = ctx;
	const char *path = arena_printf(c->a, "tmp/%s", name);
	bool busy = is_locked(c, path);

	item_add(c, GC_STAGE, path, 0, !busy, busy ? "work of a running process" : "its process is dead");
	return 0;
}

static const char *partial_why(struct gc *c, const char *path, const char *name, const struct stat *st, bool *goes)
{
	const char *dash = strchr(name, '-');
	bool has = dash && map_get(c->graph.blobs, arena_printf(c->a, "%.*s:%s", (int)(dash - name), name, dash + 1));

	*goes = !is_locked(c, path) && (has || st->st_mtim.tv_sec < c->partial_before);
	if (*goes)
		return has ? "the blob is there" : arena_printf(c->a, "nobody continued it since %s", when(c->a, st->st_mtim.tv_sec));
	return is_locked(c, path) ? "being downloaded" :
	       arena_printf(c->a, "to be continued, last byte at %s", when(c->a, st->st_mtim.tv_sec));
}

static int see_partial(void *ctx, const char *name, struct dv_err *e)
{
	struct gc *c = ctx;
	const char *path = arena_printf(c->a, "partial/%s", name);
	struct stat st;
	bool goes;

	if (fstatat(c->s->rootfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	const char *why = partial_why(c, path, name, &st, &goes);
	item_add(c, GC_PARTIAL, path, (uint64_t)st.st_size, goes, why);
	return 0;
}

struct names {
	struct gc *c;
	const char *dir, *prefix;
	struct gc_edge *first;  /* paths */
};

static int see_name(void *ctx, const char *name, struct dv_err *e)
{
	struct names *n = ctx;
	struct gc_edge *x = arena_new(n->c->a, struct gc_edge);

	*x = (struct gc_edge){ n->first, arena_str(n->c->a, name) };
	n->first = x;
	return 0;
}

static bool has_row(struct gc *c, const struct names *n, const char *name)
{
	bool layer = streq(n->dir, "layers");

	return map_get(layer ? c->graph.layers : c->graph.blobs, arena_printf(c->a, "%s%s", n->prefix, name));
}

static void add_strays(struct gc *c, const struct names *n)
{
	for (const struct gc_edge *x = n->first; x; x = x->next) {
		const char *path = arena_printf(c->a, "%s/%s", n->dir, x->digest);
		struct stat st;

		if (!has_row(c, n, x->digest) && fstatat(c->s->rootfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
			item_add(c, GC_FILE, path, S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0, true,
				       "no row of the database knows it");
	}
}

static int plan(struct gc *c, struct dv_err *e)
{
	struct names dirs[] = {
		{ c, "layers", "layers/", NULL }, { c, "blobs/sha256", "sha256:", NULL }, { c, "blobs/sha512", "sha512:", NULL },
	};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(dirs) && rc == 0; i++)
		rc = store_dir_each(c->s->rootfd, dirs[i].dir, see_name, &dirs[i], e);
	if (rc == 0)
		rc = gc_graph_load(c->s, &c->graph, e);
	for (size_t i = 0; i < ARRAY_LEN(dirs) && rc == 0; i++)
		add_strays(c, &dirs[i]);
	if (rc == 0)
		rc = store_dir_each(c->s->rootfd, "tmp", see_tmp, c, e);
	if (rc == 0) {
		rc = store_dir_each(c->s->rootfd, "partial", see_partial, c, e);
		rc = rc == -DV_NOT_FOUND ? 0 : rc;
	}
	return rc;
}

/* --- rows --- */

static const char *path_of(struct gc *c, const struct gc_node *n)
{
	const char *colon = strchr(n->key, ':');

	return n->layer || !colon ? n->key :
	       arena_printf(c->a, "blobs/%.*s/%s", (int)(colon - n->key), n->key, colon + 1);
}

/* What has no reason yet: young, or held by somebody. Both keep their parts too. */
static void keep_the_rest(struct gc *c)
{
	for (size_t i = 0; i < c->graph.n; i++) {
		struct gc_node *n = c->graph.v[i];

		if (!n->why && !n->layer && n->created >= c->before)
			gc_graph_keep(&c->graph, n, arena_printf(c->a, "came at %s: too young to go", when(c->a, n->created)));
	}
	for (size_t i = 0; i < c->graph.n; i++)
		if (!c->graph.v[i]->why && is_locked(c, path_of(c, c->graph.v[i])))
			gc_graph_keep(&c->graph, c->graph.v[i], "in use by a running process");
}

static void add_node(struct gc *c, const struct gc_node *n)
{
	enum gc_what what = n->layer ? GC_LAYER : n->manifest ? GC_MANIFEST : GC_BLOB;
	const char *why = n->why ? n->why : n->layer ? "no image has it" :
		arena_printf(c->a, "no reference, came at %s", when(c->a, n->created));

	item_add(c, what, n->key, n->size, !n->why, why);
}

static int referrers_first(const void *x, const void *y)
{
	const struct gc_node *a = *(struct gc_node *const *)x, *b = *(struct gc_node *const *)y;

	return a->order != b->order ? a->order - b->order : strcmp(a->key, b->key);
}

/* --- removal --- */

static int step(struct gc *c, struct image_stage *st, struct orphans *o, struct dv_err *e)
{
	auto_close int lock = -1;
	int rc = store_lock(c->s, &lock, e);

	if (rc == 0)
		rc = orphans_lock(c->s, o, e);
	if (rc == 0)
		rc = db_begin(c->s->db, e);
	if (rc == 0)
		rc = store_end(c->s, true, orphans_rows(c->s, o, e), e);
	return rc < 0 ? rc : orphans_files(st, o, e);
}

/* The next few that are still there go, if nothing refers to them any more: those leave v. */
static int next_batch(struct gc *c, struct image_stage *st, struct gc_node **v, size_t n, size_t *at, size_t *ret_gone,
		      struct dv_err *e)
{
	auto_orphans struct orphans o;
	size_t place[STEP], k = 0;

	orphans_init(&o, c->a);
	for (; *at < n && k < STEP; ++*at) {
		if (!v[*at])
			continue;
		orphans_add(&o, v[*at]->key, v[*at]->diff_id, c->before);
		place[k++] = *at;
	}
	int rc = k ? step(c, st, &o, e) : 0;
	const struct orphan *x = o.first;
	for (size_t i = 0; i < k; i++, x = x->next) {
		if (!x->gone)
			continue;
		add_node(c, v[place[i]]);
		v[place[i]] = NULL;
		++*ret_gone;
	}
	return rc < 0 ? rc : stage_empty(st, e);
}

static int remove_rows(struct gc *c, struct image_stage *st, struct dv_err *e)
{
	struct gc_node **v = arena_array(c->a, struct gc_node *, c->graph.n + 1);
	size_t n = 0, gone = 1;
	int rc = 0;

	for (size_t i = 0; i < c->graph.n; i++)
		if (!c->graph.v[i]->why)
			v[n++] = c->graph.v[i];
	if (n)
		qsort(v, n, sizeof(*v), referrers_first);
	/* An index in an index needs a second pass; what somebody took meanwhile stays. */
	while (rc == 0 && gone > 0) {
		gone = 0;
		for (size_t at = 0; at < n && rc == 0;)
			rc = next_batch(c, st, v, n, &at, &gone, e);
	}
	return rc;
}

static int remove_stray(struct gc *c, struct image_stage *st, const char *path, struct dv_err *e)
{
	const char *slash = strrchr(path, '/');
	bool layer = str_starts(path, "layers/");
	const char *key = layer ? path : arena_printf(c->a, "%.6s:%s", slash - 6, slash + 1);
	bool has = false;
	int rc = store_has_row(c->s, layer, key, &has, e);

	return rc < 0 || has ? rc : stage_trash(st, path, e);
}

static int remove_partial(struct gc *c, const char *path, struct dv_err *e)
{
	auto_close int fd = -1;

	if (file_open(c->s->rootfd, path, O_RDONLY | O_NOFOLLOW, 0, &fd, NULL) < 0 ||
	    file_lock(fd, true, false, path, NULL) < 0 || !store_same_file(fd, c->s->rootfd, path))
		return 0;
	if (unlinkat(c->s->rootfd, path, 0) < 0)
		return dv_fail_errno(e, errno, "remove %s", path);
	return 0;
}

/* Those in tmp/ were removed when our stage was opened. */
static int remove_items(struct gc *c, struct image_stage *st, struct dv_err *e)
{
	int rc = 0;

	for (size_t i = 0; i < c->n && rc == 0; i++) {
		auto_close int lock = -1;

		if (!c->v[i].goes || (c->v[i].what != GC_FILE && c->v[i].what != GC_PARTIAL))
			continue;
		if (c->v[i].what == GC_PARTIAL) {
			rc = remove_partial(c, c->v[i].name, e);
			continue;
		}
		rc = store_lock(c->s, &lock, e);
		if (rc == 0)
			rc = remove_stray(c, st, c->v[i].name, e);
	}
	return rc < 0 ? rc : stage_empty(st, e);
}

/* --- all of it --- */

static void result(struct gc *c, bool only_gone, struct gc_result *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		size_t *count = c->v[i].goes ? &c->sum.gone : &c->sum.kept;
		uint64_t *bytes = c->v[i].goes ? &c->sum.gone_bytes : &c->sum.kept_bytes;

		++*count;
		*bytes += c->v[i].bytes;
		if (c->v[i].goes || !only_gone)
			c->v[n++] = c->v[i];
	}
	*ret = c->sum;
	ret->v = c->v;
	ret->n = n;
}

static int collect(struct gc *c, struct dv_err *e)
{
	auto_stage struct image_stage *st = NULL;
	int rc = image_stage_open(c->s, &st, e);

	if (rc == 0)
		rc = remove_items(c, st, e);
	if (rc == 0)
		rc = remove_rows(c, st, e);
	for (size_t i = 0; i < c->graph.n && rc == 0; i++)
		if (c->graph.v[i]->why)
			add_node(c, c->graph.v[i]);
	return rc;
}

static int64_t limit(int64_t now, int64_t asked, int64_t usual)
{
	return asked < 0 ? INT64_MAX : now - (asked ? asked : usual);
}

int image_gc(struct image_store *s, const struct gc_options *o, struct arena *a, struct gc_result *ret, struct dv_err *e)
{
	struct gc c = { .s = s, .a = a, .o = o, .now = (int64_t)time(NULL), .graph = { .a = a } };

	c.before = limit(c.now, o->grace_s, GC_GRACE_S);
	c.partial_before = limit(c.now, o->partial_s, GC_PARTIAL_S);
	int rc = plan(&c, e);
	if (rc == 0)
		keep_the_rest(&c);
	for (size_t i = 0; i < c.graph.n && rc == 0 && o->dry_run; i++)
		add_node(&c, c.graph.v[i]);
	if (rc == 0 && !o->dry_run)
		rc = collect(&c, e);
	gc_graph_done(&c.graph);
	if (rc == 0)
		result(&c, !o->dry_run, ret);
	return rc;
}
