/* index.c - the hash index of large objects.
 *
 * Open addressing over the positions of the members, at most half full. The
 * hash is SipHash-1-3 with a key of this process, so that nobody can send an
 * object whose keys all collide.
 */
#include <pthread.h>
#include <sys/random.h>
#include <time.h>

#include "json/node.h"

struct index {
	uint32_t mask;
	struct {
		uint32_t hash;
		uint32_t pos1;          /* position + 1; 0 is free */
	} cells[];
};

static struct {
	pthread_once_t once;
	uint64_t k0, k1;
} secret = { .once = PTHREAD_ONCE_INIT };

static void secret_make(void)
{
	uint64_t k[2];
	struct timespec now;

	if (getrandom(k, sizeof k, GRND_NONBLOCK) != (ssize_t)sizeof k) {
		/* Before the kernel has entropy there is nobody to flood us yet. */
		clock_gettime(CLOCK_MONOTONIC, &now);
		k[0] = (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u;
		k[1] = (uint64_t)(uintptr_t)&now;
	}
	secret.k0 = k[0];
	secret.k1 = k[1];
}

static inline uint64_t rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] = rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] = rotl(v[2], 32);
}

static uint32_t key_hash(const char *s, size_t len)
{
	uint64_t v[4], word, last = (uint64_t)len << 56;
	size_t left = len;

	pthread_once(&secret.once, secret_make);
	v[0] = secret.k0 ^ 0x736f6d6570736575u;
	v[1] = secret.k1 ^ 0x646f72616e646f6du;
	v[2] = secret.k0 ^ 0x6c7967656e657261u;
	v[3] = secret.k1 ^ 0x7465646279746573u;
	for (; left >= 8; left -= 8, s += 8) {
		memcpy(&word, s, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)(unsigned char)s[i] << (8 * i);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	word = v[0] ^ v[1] ^ v[2] ^ v[3];
	return (uint32_t)(word ^ word >> 32);
}

static uint32_t cells_for(uint32_t n)
{
	uint32_t cells = 64;

	while (cells < n * 2)
		cells *= 2;
	return cells;
}

size_t index_bytes(uint32_t n)
{
	return sizeof(struct index) + cells_for(n) * sizeof(((struct index *)NULL)->cells[0]);
}

/* The cell of key, or the free one where it belongs. */
static uint32_t cell_of(const struct kids *k, const char *key, size_t len, uint32_t hash)
{
	const struct index *x = k->index;
	uint32_t c = hash & x->mask;

	for (; x->cells[c].pos1; c = (c + 1) & x->mask)
		if (x->cells[c].hash == hash && key_is(k->members[x->cells[c].pos1 - 1].key, key, len))
			break;
	return c;
}

static bool index_put(struct kids *k, uint32_t pos)
{
	const char *key = k->members[pos].key;
	size_t len = key_len(key);
	uint32_t hash = key_hash(key, len);
	uint32_t c = cell_of(k, key, len, hash);

	if (k->index->cells[c].pos1)
		return false;
	k->index->cells[c].hash = hash;
	k->index->cells[c].pos1 = pos + 1;
	return true;
}

bool index_build(struct arena *a, struct kids *k, uint32_t *ret_dup)
{
	uint32_t room = DV_MAX(k->n, k->cap);

	k->index = arena_alloc(a, index_bytes(room));
	k->index->mask = cells_for(room) - 1;
	for (uint32_t i = 0; i < k->n; i++) {
		if (!index_put(k, i)) {
			*ret_dup = i;
			return false;
		}
	}
	return true;
}

ptrdiff_t index_find(const struct kids *k, const char *key, size_t len)
{
	uint32_t c = cell_of(k, key, len, key_hash(key, len));

	return (ptrdiff_t)k->index->cells[c].pos1 - 1;
}

void index_add(struct arena *a, struct kids *k, uint32_t pos)
{
	uint32_t dup;

	if (k->index && k->n * 2 <= k->index->mask + 1)
		index_put(k, pos);
	else if (k->n > INDEX_MIN)
		index_build(a, k, &dup);
}

/* Free cell c and move up those behind it that would not be found any more. */
static void cell_free(struct index *x, uint32_t c)
{
	uint32_t next = c;

	for (;;) {
		next = (next + 1) & x->mask;
		if (!x->cells[next].pos1)
			break;
		if (((next - x->cells[next].hash) & x->mask) < ((next - c) & x->mask))
			continue;
		x->cells[c] = x->cells[next];
		c = next;
	}
	x->cells[c].pos1 = 0;
}

void index_del(struct kids *k, uint32_t pos)
{
	const char *key = k->members[pos].key;
	size_t len = key_len(key);
	struct index *x = k->index;

	cell_free(x, cell_of(k, key, len, key_hash(key, len)));
	for (uint32_t c = 0; c <= x->mask; c++)
		x->cells[c].pos1 -= x->cells[c].pos1 > pos + 1;
}
