/* cache.h - answers to GETs of small manifests, as long as nobody has written to engine.db.
 *
 * The whole cache belongs to one generation of the database (db_generation): a
 * look at 48 bytes of shared memory tells whether any process has committed
 * anything since, and then everything is dropped. So an answer from here is what
 * the database would have said, without asking it. Bounded by entries and bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "image/db.h"
#include "registry/meta.h"

#define CACHE_BODY_MAX ((size_t)64 << 10)       /* a larger manifest is not kept */

struct cache;

struct cache *cache_new(size_t entries_max, size_t bytes_max);
void cache_free(struct cache *c);

struct cache_entry {
	char digest[DIGEST_TEXT_SIZE];
	char *media_type;
	char *body;
	size_t len;
};
/* The entry for the route of a manifest at this generation, or NULL. Valid until the next call of a function here. */
const struct cache_entry *cache_get(struct cache *c, const struct db_generation *now, const struct route *r);
/* What was read at or after `then`: not kept when the cache is of another generation. */
void cache_put(struct cache *c, const struct db_generation *then, const struct route *r, const struct meta_manifest *m,
	       const void *body);
size_t cache_len(const struct cache *c);
