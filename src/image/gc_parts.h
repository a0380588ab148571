/* gc_parts.h - the graph of what refers to what, for gc.c and gc_graph.c. */
#pragma once

#include "base/map.h"
#include "image/gc.h"
#include "image/store_parts.h"

struct gc_node {
	int64_t row;
	bool layer, manifest;
	int order;                      /* 0 indexes, 1 other manifests, 2 the rest: referrers go first */
	const char *key;                /* digest of a blob, "layers/HEX" */
	const char *diff_id;            /* of layers */
	const char *subject;            /* of manifests, or NULL */
	uint64_t size;
	int64_t created;
	const char *why;                /* why it stays; NULL: it goes */
	struct gc_edge *refs;           /* of manifests */
	struct gc_node *referrers, *next_referrer;
	struct gc_node *todo;           /* marked, its parts not yet */
};
struct gc_edge {
	struct gc_edge *next;
	const char *digest;
};
struct gc_graph {
	struct arena *a;
	struct map *blobs, *layers;     /* by key */
	struct gc_node **v;             /* all, blobs first */
	size_t n, cap;
	struct gc_node *todo;
};

/* Everything the database knows, in one read transaction, with why for what stays for good. */
int gc_graph_load(struct image_store *s, struct gc_graph *g, struct dv_err *e) DV_MUST_USE;
/* It stays, and so does what it refers to and what has it as its subject. */
void gc_graph_keep(struct gc_graph *g, struct gc_node *n, const char *why);
void gc_graph_done(struct gc_graph *g);
