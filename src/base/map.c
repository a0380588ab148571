/* map.c - hash map that keeps the order of insertion.
 *
 * Entries stand in one array in the order they came; the table holds indexes
 * into it (linear probing). Deleting leaves a hole in the array and a
 * tombstone in the table; both go when the table is rebuilt.
 */
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/map.h"
#include "base/mem.h"

#define SLOTS_MIN 16
#define SLOT_EMPTY UINT32_MAX
#define SLOT_GONE (UINT32_MAX - 1)

struct entry {
	char *key;          /* NULL: deleted */
	size_t len;
	uint64_t hash;
	void *value;
};

struct map {
	uint64_t seed[2];
	struct entry *entries;
	size_t n_entries;   /* with holes */
	size_t live;
	uint32_t *slots;
	size_t n_slots;     /* a power of two; n_entries stays below 3/4 of it */
};

#define ROTL(x, b) ((x) << (b) | (x) >> (64 - (b)))

static void sip_round(uint64_t v[4])
{
	v[0] += v[1]; v[1] = ROTL(v[1], 13); v[1] ^= v[0]; v[0] = ROTL(v[0], 32);
	v[2] += v[3]; v[3] = ROTL(v[3], 16); v[3] ^= v[2];
	v[0] += v[3]; v[3] = ROTL(v[3], 21); v[3] ^= v[0];
	v[2] += v[1]; v[1] = ROTL(v[1], 17); v[1] ^= v[2]; v[2] = ROTL(v[2], 32);
}

/* SipHash-1-3: one round per word, three at the end. */
static uint64_t sip_hash(const uint64_t seed[2], const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t v[4] = { seed[0] ^ 0x736f6d6570736575, seed[1] ^ 0x646f72616e646f6d,
			  seed[0] ^ 0x6c7967656e657261, seed[1] ^ 0x7465646279746573 };
	uint64_t word, last = (uint64_t)len << 56;
	size_t left = len;

	for (; left >= 8; p += 8, left -= 8) {
		memcpy(&word, p, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)p[i] << (8 * i);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct map *map_new(void)
{
	struct map *m = mem_new(struct map);

	/* Without random bytes (very early in boot) the clock must do. */
	if (getrandom(m->seed, sizeof m->seed, GRND_NONBLOCK) != (ssize_t)sizeof m->seed) {
		struct timespec ts;

		(void)clock_gettime(CLOCK_MONOTONIC, &ts);
		m->seed[0] = (uint64_t)ts.tv_nsec;
		m->seed[1] = (uintptr_t)m;
	}
	return m;
}

void map_free(struct map *m, void (*free_value)(void *))
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n_entries; i++) {
		if (m->entries[i].key && free_value)
			free_value(m->entries[i].value);
		free(m->entries[i].key);
	}
	free(m->entries);
	free(m->slots);
	free(m);
}

size_t map_len(const struct map *m)
{
	return m->live;
}

/* The slot of the key, or SIZE_MAX. */
static size_t find_slot(const struct map *m, const void *key, size_t len, uint64_t hash)
{
	if (!m->n_slots)
		return SIZE_MAX;
	for (size_t i = hash & (m->n_slots - 1); m->slots[i] != SLOT_EMPTY; i = (i + 1) & (m->n_slots - 1)) {
		const struct entry *en;

		if (m->slots[i] == SLOT_GONE)
			continue;
		en = &m->entries[m->slots[i]];
		if (en->hash == hash && en->len == len && memcmp(en->key, key, len) == 0)
			return i;
	}
	return SIZE_MAX;
}

static void place(struct map *m, uint64_t hash, size_t index)
{
	size_t i = hash & (m->n_slots - 1);

	while (m->slots[i] != SLOT_EMPTY)
		i = (i + 1) & (m->n_slots - 1);
	m->slots[i] = (uint32_t)index;
}

/* A table with room for as many again, without holes and tombstones. */
static void rebuild(struct map *m)
{
	size_t n = 0, n_slots = SLOTS_MIN;

	while (n_slots < (m->live + 1) * 2)
		n_slots = mem_mul(n_slots, 2);
	for (size_t i = 0; i < m->n_entries; i++)
		if (m->entries[i].key)
			m->entries[n++] = m->entries[i];
	m->n_entries = n;
	m->n_slots = n_slots;
	m->slots = mem_resize(m->slots, n_slots, sizeof *m->slots);
	m->entries = mem_resize(m->entries, n_slots / 4 * 3, sizeof *m->entries);
	memset(m->slots, 0xff, n_slots * sizeof *m->slots);
	for (size_t i = 0; i < n; i++)
		place(m, m->entries[i].hash, i);
}

void *map_getn(const struct map *m, const void *key, size_t len)
{
	size_t slot = find_slot(m, key, len, sip_hash(m->seed, key, len));

	return slot == SIZE_MAX ? NULL : m->entries[m->slots[slot]].value;
}

void *map_get(const struct map *m, const char *key)
{
	return map_getn(m, key, strlen(key));
}

void *map_setn(struct map *m, const void *key, size_t len, void *value)
{
	uint64_t hash = sip_hash(m->seed, key, len);
	size_t slot = find_slot(m, key, len, hash);
	struct entry *en;

	if (slot != SIZE_MAX) {
		void *old = m->entries[m->slots[slot]].value;

		m->entries[m->slots[slot]].value = value;
		return old;
	}
	/* Every entry, also a hole, has at most one slot: so slots stay a quarter empty. */
	if (m->n_entries >= m->n_slots / 4 * 3)
		rebuild(m);
	en = &m->entries[m->n_entries];
	*en = (struct entry){ .key = mem_alloc(len + 1), .len = len, .hash = hash, .value = value };
	memcpy(en->key, key, len);
	place(m, hash, m->n_entries++);
	m->live++;
	return NULL;
}

void *map_set(struct map *m, const char *key, void *value)
{
	return map_setn(m, key, strlen(key), value);
}

void *map_del(struct map *m, const char *key)
{
	size_t len = strlen(key), slot = find_slot(m, key, len, sip_hash(m->seed, key, len));
	struct entry *en;

	if (slot == SIZE_MAX)
		return NULL;
	en = &m->entries[m->slots[slot]];
	m->slots[slot] = SLOT_GONE;
	free(take_ptr(&en->key));
	m->live--;
	return en->value;
}

bool map_next(const struct map *m, size_t *pos, const char **ret_key, void **ret_value)
{
	while (*pos < m->n_entries) {
		const struct entry *en = &m->entries[(*pos)++];

		if (!en->key)
			continue;
		*ret_key = en->key;
		*ret_value = en->value;
		return true;
	}
	return false;
}
