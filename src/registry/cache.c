/* cache.c - a map from repository and reference to manifest, of one generation. */
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "registry/cache.h"

#define KEY_SIZE (ROUTE_NAME_MAX + DIGEST_TEXT_SIZE + 2)

struct cache {
	struct map *entries;
	struct db_generation generation;
	size_t entries_max, bytes_max, bytes;
};

struct cache *cache_new(size_t entries_max, size_t bytes_max)
{
	struct cache *c = mem_new(struct cache);

	c->entries = map_new();
	c->entries_max = entries_max;
	c->bytes_max = bytes_max;
	return c;
}

static void entry_free(void *p)
{
	struct cache_entry *en = p;

	if (!en)
		return;
	free(en->media_type);
	free(en->body);
	free(en);
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	map_free(c->entries, entry_free);
	free(c);
}

static void cache_drop(struct cache *c)
{
	if (map_len(c->entries) == 0)
		return;
	map_free(c->entries, entry_free);
	c->entries = map_new();
	c->bytes = 0;
}

/* A blank is in no name, tag or digest. */
static size_t key_of(const struct route *r, char out[KEY_SIZE])
{
	char text[DIGEST_TEXT_SIZE];
	size_t n = strlen(r->name);

	memcpy(out, r->name, n);
	out[n++] = ' ';
	const char *ref = r->tag[0] ? r->tag : digest_text(&r->digest, text);
	size_t len = strlen(ref);
	memcpy(out + n, ref, len);
	return n + len;
}

const struct cache_entry *cache_get(struct cache *c, const struct db_generation *now, const struct route *r)
{
	char key[KEY_SIZE];

	if (memcmp(now, &c->generation, sizeof *now) != 0) {
		cache_drop(c);
		c->generation = *now;
		return NULL;
	}
	return map_getn(c->entries, key, key_of(r, key));
}

void cache_put(struct cache *c, const struct db_generation *then, const struct route *r, const struct meta_manifest *m,
	       const void *body)
{
	char key[KEY_SIZE];

	if (m->size > CACHE_BODY_MAX || !then->valid || memcmp(then, &c->generation, sizeof *then) != 0)
		return;
	if (map_len(c->entries) >= c->entries_max || c->bytes + m->size > c->bytes_max)
		cache_drop(c);
	size_t n = key_of(r, key);
	if (map_getn(c->entries, key, n))
		return;
	struct cache_entry *en = mem_new(struct cache_entry);
	digest_text(&m->digest, en->digest);
	en->media_type = mem_str(m->media_type);
	en->len = m->size;
	en->body = mem_alloc(en->len + 1);
	memcpy(en->body, body, en->len);
	c->bytes += en->len;
	(void)map_setn(c->entries, key, n, en);
}

size_t cache_len(const struct cache *c)
{
	return map_len(c->entries);
}
