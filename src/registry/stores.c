/* stores.c - open connections in a stack behind a lock. */
#include <pthread.h>

#include "base/mem.h"
#include "registry/meta.h"
#include "registry/stores.h"

#define STORES_MAX 64

struct stores {
	pthread_mutex_t lock;
	char *root;
	struct image_store *v[STORES_MAX];
	unsigned n, max;
};

int stores_new(const char *root, unsigned n_max, struct stores **ret, struct dv_err *e)
{
	struct image_store *st = NULL;
	int rc = image_store_open(root, &st, e);

	if (rc == 0)
		rc = meta_migrate(st, e);
	if (rc < 0) {
		image_store_close(st);
		return rc;
	}
	struct stores *s = mem_new(struct stores);
	(void)pthread_mutex_init(&s->lock, NULL);
	s->root = mem_str(root);
	s->max = DV_MIN(n_max, (unsigned)STORES_MAX);
	s->v[s->n++] = st;
	*ret = s;
	return 0;
}

void stores_free(struct stores *s)
{
	if (!s)
		return;
	while (s->n)
		image_store_close(s->v[--s->n]);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->root);
	free(s);
}

int stores_take(struct stores *s, struct image_store **ret, struct dv_err *e)
{
	struct image_store *st = NULL;

	(void)pthread_mutex_lock(&s->lock);
	if (s->n)
		st = s->v[--s->n];
	(void)pthread_mutex_unlock(&s->lock);
	if (!st) {
		int rc = image_store_open(s->root, &st, e);
		if (rc < 0)
			return rc;
	}
	*ret = st;
	return 0;
}

void stores_give(struct stores *s, struct image_store *st)
{
	(void)pthread_mutex_lock(&s->lock);
	if (s->n < s->max)
		s->v[s->n++] = take_ptr(&st);
	(void)pthread_mutex_unlock(&s->lock);
	image_store_close(st);
}
