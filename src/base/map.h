/* map.h - a hash map from byte strings to pointers (SipHash-keyed: foreign keys cannot flood it). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct map;

struct map *map_new(void);
void map_free(struct map *m, void (*free_value)(void *));              /* free_value may be NULL */
size_t map_len(const struct map *m);
void *map_get(const struct map *m, const char *key);
void *map_getn(const struct map *m, const void *key, size_t len);
/* The key is copied. Returns the value that was there before, or NULL. Values are never NULL. */
void *map_set(struct map *m, const char *key, void *value);
void *map_setn(struct map *m, const void *key, size_t len, void *value);
void *map_del(struct map *m, const char *key);                         /* returns the value, or NULL */
/* In order of insertion (deleted ones left out); start with *pos = 0. The map must not change meanwhile,
 * except that the entry just returned may be deleted. */
bool map_next(const struct map *m, size_t *pos, const char **ret_key, void **ret_value);
