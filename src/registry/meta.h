/* meta.h - what the registry knows: repositories, their manifests, tags, blobs, referrers, in engine.db.
 *
 * The blobs themselves are the image store's, shared with the engine: a
 * repository has a blob when it has a row for it, and a pin ("registry:NAME") keeps
 * the blob alive, set and taken away in the transaction of the row. All functions
 * belong to the thread of their store.
 */
#pragma once

#include "base/buf.h"
#include "image/blob.h"
#include "registry/document.h"
#include "registry/problem.h"
#include "registry/route.h"

/* Tables to their newest version. */
int meta_migrate(struct image_store *s, struct dv_err *e) DV_MUST_USE;

/* --- manifests --- */

struct meta_manifest {
	struct digest digest;
	const char *media_type;
	uint64_t size;
};
/* By route->tag, or route->digest. NOT_FOUND. */
int meta_manifest_find(struct image_store *s, struct arena *a, const struct route *r, struct meta_manifest *ret,
		       struct dv_err *e) DV_MUST_USE;

struct meta_put {
	const char *repo;
	const struct digest *digest;
	const void *text;
	size_t len;
	const struct manifest_info *doc;
	const char *const *tags;                /* NULL-terminated */
	bool sparse;                            /* what it refers to need not be there */
	/* Why it was refused when meta_manifest_put() says CONFLICT. */
	enum problem problem;
	char detail[256];
};
/* The blob, its rows and tags, in one transaction; everything it refers to has to be in the repository. */
int meta_manifest_put(struct image_store *s, struct meta_put *p, struct dv_err *e) DV_MUST_USE;
/* A tag alone, or a manifest with its tags. NOT_FOUND. */
int meta_manifest_delete(struct image_store *s, const struct route *r, struct dv_err *e) DV_MUST_USE;

/* --- blobs --- */

/* NOT_FOUND when the repository has no such blob. ret_used: when somebody last wanted it (seconds since 1970). */
int meta_blob_find(struct image_store *s, const char *repo, const struct digest *d, uint64_t *ret_size,
		   int64_t *ret_used, struct dv_err *e) DV_MUST_USE;
/* It is wanted: the collector's grace begins anew. */
int meta_blob_touch(struct image_store *s, const char *repo, const struct digest *d, struct dv_err *e) DV_MUST_USE;
/* A blob of the store becomes one of the repository. NOT_FOUND when the store has none. */
int meta_blob_link(struct image_store *s, const char *repo, const struct digest *d, struct dv_err *e) DV_MUST_USE;
/* A finished, hashed and synced file becomes a blob of store and repository; it is moved. */
int meta_blob_add(struct image_store *s, const char *repo, const struct digest *d, uint64_t size, int dirfd,
		  const char *name, struct dv_err *e) DV_MUST_USE;
/* NOT_FOUND; CONFLICT when a manifest of the repository refers to it. */
int meta_blob_delete(struct image_store *s, const char *repo, const struct digest *d, struct dv_err *e) DV_MUST_USE;
/* Names of up to max repositories with this blob, NULL-terminated. */
int meta_blob_repos(struct image_store *s, struct arena *a, const struct digest *d, unsigned max, const char ***ret,
		    struct dv_err *e) DV_MUST_USE;

/* --- lists: in byte order, those behind last (NULL: from the start), at most n --- */

struct meta_list {
	const char **v;
	size_t n;
	bool more;
};
/* NOT_FOUND when there is no such repository. */
int meta_tags(struct image_store *s, struct arena *a, const char *repo, const char *last, unsigned n,
	      struct meta_list *ret, struct dv_err *e) DV_MUST_USE;
/* Repositories that have a manifest. */
int meta_repos(struct image_store *s, struct arena *a, const char *last, unsigned n, struct meta_list *ret,
	       struct dv_err *e) DV_MUST_USE;
/* Descriptors of the manifests with this subject, as an array; artifact_type NULL: all. At most META_REFERRERS_MAX. */
#define META_REFERRERS_MAX 1000
int meta_referrers(struct image_store *s, struct arena *a, const char *repo, const struct digest *subject,
		   const char *artifact_type, struct json **ret, struct dv_err *e) DV_MUST_USE;

/* --- collecting --- */

struct meta_gc_options {
	bool dry_run, delete_untagged;
	int64_t grace_s;                        /* what came or was wanted since stays */
};
struct meta_gc_item {
	const char *repo, *digest;
	bool is_manifest;
	uint64_t size;
};
struct meta_gc_result {
	struct meta_gc_item *v;                 /* what goes */
	size_t n;
	uint64_t bytes;
};
#define META_GC_MAX 10000                       /* of one call */
/* Takes blobs that no manifest of their repository refers to out of it; with delete_untagged also manifests without
 * a tag, unless an index that stays has them, or what they are about (their subject) stays. In one transaction for
 * each repository, so that pushes go on. Files are the store's collector's. */
int meta_gc(struct image_store *s, struct arena *a, const struct meta_gc_options *o, struct meta_gc_result *ret,
	    struct dv_err *e) DV_MUST_USE;

/* Figures for /metrics. */
struct meta_figures {
	uint64_t repos, manifests, tags, blobs, blob_bytes;
};
int meta_figures(struct image_store *s, struct meta_figures *ret, struct dv_err *e) DV_MUST_USE;
