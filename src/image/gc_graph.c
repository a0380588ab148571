/* gc_graph.c - what the database knows as a graph, and why each thing in it stays.
 *
 * Loaded in one read transaction, so that nothing is half there. Marks begin with
 * images, names and pins, each with a reason in words, and follow manifests to
 * their parts and subjects to their referrers.
 */
#include <stdio.h>

#include "base/str.h"
#include "image/gc_parts.h"

/* --- load --- */

static struct gc_node *node_add(struct gc_graph *g, struct map *map, const char *key)
{
	struct gc_node *n = arena_new(g->a, struct gc_node);

	if (g->n == g->cap) {
		size_t more = g->cap ? 2 * g->cap : 256;
		struct gc_node **v = arena_array(g->a, struct gc_node *, more);

		if (g->n)
			memcpy(v, g->v, g->n * sizeof(*v));
		g->v = v;
		g->cap = more;
	}
	n->key = arena_str(g->a, key);
	n->order = 2;
	g->v[g->n++] = n;
	(void)map_set(map, key, n);
	return n;
}

typedef void row_fn(struct gc_graph *g, struct db_stmt *q);

static int each_row(struct image_store *s, struct gc_graph *g, const char *sql, row_fn *fn, struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, sql, "");

	while (rc >= 0 && (rc = db_row(q, e)) > 0)
		fn(g, q);
	return rc;
}

static void blob_row(struct gc_graph *g, struct db_stmt *q)
{
	struct gc_node *n = node_add(g, g->blobs, db_text(q, 0));

	n->size = (uint64_t)db_i64(q, 1);
	n->created = db_i64(q, 2);
}

static void layer_row(struct gc_graph *g, struct db_stmt *q)
{
	struct gc_node *n = node_add(g, g->layers, db_text(q, 0));

	n->layer = true;
	n->diff_id = arena_str(g->a, db_text(q, 1));
	n->size = (uint64_t)db_i64(q, 2);
}

static struct gc_node *blob_of(const struct gc_graph *g, struct db_stmt *q, int col)
{
	return map_get(g->blobs, db_text(q, col));
}

static void manifest_row(struct gc_graph *g, struct db_stmt *q)
{
	struct gc_node *n = blob_of(g, q, 0), *subject;

	if (!n)
		return;
	n->manifest = true;
	n->order = streq(db_text(q, 1), "index") ? 0 : 1;
	if (!db_text(q, 2))
		return;
	n->subject = arena_str(g->a, db_text(q, 2));
	subject = map_get(g->blobs, n->subject);
	if (subject) {
		n->next_referrer = subject->referrers;
		subject->referrers = n;
	}
}

static void ref_row(struct gc_graph *g, struct db_stmt *q)
{
	struct gc_node *n = blob_of(g, q, 0);
	struct gc_edge *edge = arena_new(g->a, struct gc_edge);

	if (!n)
		return;
	*edge = (struct gc_edge){ n->refs, arena_str(g->a, db_text(q, 1)) };
	n->refs = edge;
}

/* --- marks --- */

static void keep(struct gc_graph *g, struct gc_node *n, const char *why)
{
	if (!n || n->why)
		return;
	n->why = why;
	n->todo = g->todo;
	g->todo = n;
}

static const char *shortened(struct arena *a, const char *digest)
{
	return arena_printf(a, "%.19s", digest);
}

static void follow(struct gc_graph *g)
{
	while (g->todo) {
		struct gc_node *n = g->todo;

		g->todo = n->todo;
		for (const struct gc_edge *r = n->refs; r; r = r->next) {
			struct gc_node *part = map_get(g->blobs, r->digest);

			if (part && !part->why)
				keep(g, part, arena_printf(g->a, "part of %s (%s)", shortened(g->a, n->key), n->why));
		}
		for (struct gc_node *r = n->referrers; r; r = r->next_referrer)
			if (!r->why)
				keep(g, r, arena_printf(g->a, "refers to %s (%s)", shortened(g->a, n->key), n->why));
	}
}

void gc_graph_keep(struct gc_graph *g, struct gc_node *n, const char *why)
{
	keep(g, n, why);
	follow(g);
}

/* Columns: what, name of the image or NULL, its digest, then what is kept. */
static const char *label_of(struct gc_graph *g, struct db_stmt *q, int name, int id)
{
	const char *text = db_text(q, name);

	return text ? text : arena_printf(g->a, "image %.19s", db_text(q, id));
}

static void layer_of_image(struct gc_graph *g, struct db_stmt *q)
{
	const char *why = arena_printf(g->a, "layer %d of %s", (int)db_i64(q, 2) + 1, label_of(g, q, 0, 1));

	keep(g, map_get(g->layers, db_text(q, 3)), why);
	keep(g, blob_of(g, q, 4), why);
}

static void blob_of_image(struct gc_graph *g, struct db_stmt *q)
{
	const char *digest = db_text(q, 3), *what = streq(digest, db_text(q, 1)) ? "configuration" :
						    streq(digest, db_text(q, 2)) ? "manifest" : "index";

	keep(g, blob_of(g, q, 3), arena_printf(g->a, "%s of %s", what, label_of(g, q, 0, 1)));
}

static void blob_of_name(struct gc_graph *g, struct db_stmt *q)
{
	keep(g, blob_of(g, q, 1), arena_printf(g->a, "named %s", db_text(q, 0)));
}

static void blob_of_pin(struct gc_graph *g, struct db_stmt *q)
{
	const char *holder = db_text(q, 0), *colon = strchr(holder, ':');

	keep(g, blob_of(g, q, 1),
	     colon ? arena_printf(g->a, "pinned by %.*s %s", (int)(colon - holder), holder, colon + 1) :
		     arena_printf(g->a, "pinned by %s", holder));
}

#define IMAGE_NAME "(SELECT min(n.name) FROM names n WHERE n.image = i.id)"

static const struct {
	const char *sql;
	row_fn *fn;
} queries[] = {
	{ "SELECT digest, size, created FROM blobs", blob_row },
	{ "SELECT dir, diff_id, size FROM layers", layer_row },
	{ "SELECT b.digest, m.kind, m.subject FROM manifests m JOIN blobs b ON b.id = m.id", manifest_row },
	{ "SELECT b.digest, r.digest FROM manifest_refs r JOIN blobs b ON b.id = r.manifest", ref_row },
	{ "SELECT " IMAGE_NAME ", i.digest, il.idx, l.dir, b.digest FROM images i JOIN image_layers il ON il.image = i.id"
	  " JOIN layers l ON l.id = il.layer JOIN blobs b ON b.id = il.blob", layer_of_image },
	{ "SELECT " IMAGE_NAME ", i.digest, i.manifest, b.digest FROM images i JOIN image_blobs ib ON ib.image = i.id"
	  " JOIN blobs b ON b.id = ib.blob", blob_of_image },
	{ "SELECT n.name, b.digest FROM names n JOIN blobs b ON b.id = n.manifest", blob_of_name },
	{ "SELECT p.holder, b.digest FROM pins p JOIN blobs b ON b.id = p.blob", blob_of_pin },
};

int gc_graph_load(struct image_store *s, struct gc_graph *g, struct dv_err *e)
{
	int rc = db_begin_read(s->db, e);

	if (rc < 0)
		return rc;
	g->blobs = map_new();
	g->layers = map_new();
	for (size_t i = 0; i < ARRAY_LEN(queries) && rc == 0; i++)
		rc = each_row(s, g, queries[i].sql, queries[i].fn, e);
	db_rollback(s->db);
	if (rc == 0)
		follow(g);
	return rc;
}

void gc_graph_done(struct gc_graph *g)
{
	map_free(g->blobs, NULL);
	map_free(g->layers, NULL);
	g->blobs = g->layers = NULL;
}
