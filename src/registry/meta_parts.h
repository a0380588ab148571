/* meta_parts.h - what the files of meta share. */
#pragma once

#include "registry/meta.h"

/* Seconds since 1970. */
int64_t meta_now(void);
/* "registry:NAME", whose pins keep the repository's blobs. */
#define META_HOLDER_SIZE (ROUTE_NAME_MAX + 16)
const char *meta_holder(const char *repo, char out[META_HOLDER_SIZE]);
/* The row id; NOT_FOUND. */
int meta_repo_find(struct db *db, const char *repo, int64_t *ret, struct dv_err *e) DV_MUST_USE;
/* Made when missing; inside a transaction. */
int meta_repo_make(struct db *db, const char *repo, int64_t *ret, struct dv_err *e) DV_MUST_USE;
/* Takes the repository's pin away unless it still has the digest as a blob or a manifest; in a transaction. */
int meta_unpin(struct image_store *s, int64_t repo_id, const char *repo, const struct digest *d, struct dv_err *e) DV_MUST_USE;
/* One number or text: 1 when there is a row, its first column in ret_i64 (may be NULL). */
int meta_one(struct db_stmt *q, int rc, int64_t *ret_i64, struct dv_err *e);
