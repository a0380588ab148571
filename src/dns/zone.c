/* zone.c - names to containers, by hash maps per network. Keys are names as dns_name_text() writes them. */
#include <string.h>

#include "base/list.h"
#include "base/map.h"
#include "base/str.h"
#include "dns/zone.h"

#define TTL 0           /* a container may be gone in the next second */
#define ADDR_KEY 33     /* hex digits and NUL */

struct network {
	char *id;
	struct map *names;              /* struct bearers */
	struct map *addrs;              /* in hex: struct owner */
	size_t owners;
};

struct owner {
	struct network *network;
	char *id;
	size_t n_names, n_addrs;
	char **names;                   /* keys */
	struct dns_name first;
	struct zone_addr *addrs;
	struct list of_id;              /* the same container in other networks */
};

/* Those that have one name. */
struct bearers {
	struct owner **v;
	size_t n;
	unsigned turn;
};

struct zone {
	struct map *networks;           /* by id */
	struct map *owners;             /* by id: struct list of owner.of_id */
	size_t n_owners;
};

struct zone *zone_new(void)
{
	struct zone *z = mem_new(struct zone);

	z->networks = map_new();
	z->owners = map_new();
	return z;
}

static void addr_key(const struct zone_addr *a, char out[ADDR_KEY])
{
	str_hex(a->bytes, a->len, out);
}

/* --- taking away --- */

static void bearers_free(void *p)
{
	struct bearers *b = p;

	free(b->v);
	free(b);
}

static void network_free(void *p)
{
	struct network *n = p;

	map_free(n->names, bearers_free);
	map_free(n->addrs, NULL);
	free(n->id);
	free(n);
}

static void owner_free(struct owner *o)
{
	for (size_t i = 0; i < o->n_names; i++)
		free(o->names[i]);
	free(o->names);
	free(o->addrs);
	free(o->id);
	free(o);
}

static void name_unlink(struct owner *o, const char *name)
{
	struct bearers *b = map_get(o->network->names, name);
	size_t i = 0;

	while (b && i < b->n && b->v[i] != o)
		i++;
	if (!b || i == b->n)
		return;
	memmove(b->v + i, b->v + i + 1, (b->n - i - 1) * sizeof(struct owner *));
	if (--b->n == 0)
		bearers_free(map_del(o->network->names, name));
}

static void addr_unlink(struct owner *o, const struct zone_addr *a)
{
	char key[ADDR_KEY];

	addr_key(a, key);
	if (map_get(o->network->addrs, key) == o)
		(void)map_del(o->network->addrs, key);
}

/* A list head without entries is no longer kept. */
static void id_unlink(struct zone *z, struct owner *o)
{
	struct list *head = map_get(z->owners, o->id);

	list_remove(&o->of_id);
	if (head && list_empty(head))
		free(map_del(z->owners, o->id));
}

static void owner_remove(struct zone *z, struct owner *o)
{
	struct network *n = o->network;

	for (size_t i = 0; i < o->n_names; i++)
		name_unlink(o, o->names[i]);
	for (size_t i = 0; i < o->n_addrs; i++)
		addr_unlink(o, &o->addrs[i]);
	id_unlink(z, o);
	owner_free(o);
	z->n_owners--;
	if (--n->owners == 0)
		network_free(map_del(z->networks, n->id));
}

static struct owner *owner_find(const struct zone *z, const char *network, const char *id)
{
	struct list *head = map_get(z->owners, id);

	if (!head)
		return NULL;
	LIST_EACH(it, head) {
		struct owner *o = container_of(it, struct owner, of_id);

		if (streq(o->network->id, network))
			return o;
	}
	return NULL;
}

void zone_drop(struct zone *z, const char *network, const char *id)
{
	struct owner *o = owner_find(z, network, id);

	if (o)
		owner_remove(z, o);
}

void zone_free(struct zone *z)
{
	size_t pos = 0;
	const char *key;
	void *head;

	if (!z)
		return;
	while (map_next(z->owners, &pos, &key, &head))
		LIST_EACH_SAFE(it, (struct list *)head)
			owner_free(container_of(it, struct owner, of_id));
	map_free(z->owners, free);
	map_free(z->networks, network_free);
	free(z);
}

size_t zone_owners(const struct zone *z)
{
	return z->n_owners;
}

/* --- adding --- */

static void name_link(struct owner *o, const char *name)
{
	struct bearers *b = map_get(o->network->names, name);

	if (!b) {
		b = mem_new(struct bearers);
		(void)map_set(o->network->names, name, b);
	}
	if (b->n && b->v[b->n - 1] == o)
		return;         /* named twice */
	b->v = mem_resize(b->v, b->n + 1, sizeof(struct owner *));
	b->v[b->n++] = o;
}

static struct network *network_want(struct zone *z, const char *id)
{
	struct network *n = map_get(z->networks, id);

	if (n)
		return n;
	n = mem_new(struct network);
	*n = (struct network){ .id = mem_str(id), .names = map_new(), .addrs = map_new() };
	(void)map_set(z->networks, id, n);
	return n;
}

static void owner_link(struct zone *z, const char *network, struct owner *o)
{
	struct list *head = map_get(z->owners, o->id);

	if (!head) {
		head = mem_new(struct list);
		list_init(head);
		(void)map_set(z->owners, o->id, head);
	}
	list_add_tail(head, &o->of_id);
	o->network = network_want(z, network);
	o->network->owners++;
	z->n_owners++;
	for (size_t i = 0; i < o->n_names; i++)
		name_link(o, o->names[i]);
	for (size_t i = 0; i < o->n_addrs; i++) {
		char key[ADDR_KEY];

		addr_key(&o->addrs[i], key);
		(void)map_set(o->network->addrs, key, o);
	}
}

static int owner_make(const char *id, const char *const *names, size_t n_names, struct owner *o, struct dv_err *e)
{
	o->id = mem_str(id);
	o->names = mem_alloc(mem_mul(n_names + 1, sizeof(char *)));
	for (size_t i = 0; i < n_names; i++) {
		char text[DNS_TEXT_SIZE];
		struct dns_name n;
		int r = dns_name_parse(names[i], &n, e);

		if (r < 0)
			return r;
		dns_name_text(&n, text);
		o->names[o->n_names++] = mem_str(text);
		if (i == 0)
			o->first = n;
	}
	return 0;
}

int zone_set(struct zone *z, const char *network, const char *id, const char *const *names, size_t n_names,
	     const struct zone_addr *addrs, size_t n_addrs, struct dv_err *e)
{
	struct owner *old = owner_find(z, network, id), *o;
	int r;

	if (n_names > ZONE_NAMES_MAX || n_addrs > ZONE_ADDRS_MAX || (!old && z->n_owners == ZONE_OWNERS_MAX))
		return dv_fail(e, DV_LIMIT, "too many names, addresses or containers in network %.64s", network);
	o = mem_new(struct owner);
	if ((r = owner_make(id, names, n_names, o, e)) < 0) {
		owner_free(o);
		return r;
	}
	o->n_addrs = n_addrs;
	o->addrs = mem_alloc(mem_mul(n_addrs + 1, sizeof *addrs));
	memcpy(o->addrs, addrs, n_addrs * sizeof *addrs);
	if (old)
		owner_remove(z, old);
	owner_link(z, network, o);
	return 0;
}

/* --- answers --- */

/* The networks that the asker is in: those of the container that has the address, else the one it came from. */
struct view {
	struct network *v[32];
	size_t n;
};

static void view_of(const struct zone *z, const struct zone_asker *asker, struct view *ret)
{
	struct network *n = map_get(z->networks, asker->network);
	struct owner *o;
	char key[ADDR_KEY];

	ret->n = 0;
	if (!n)
		return;
	ret->v[ret->n++] = n;
	addr_key(&asker->addr, key);
	o = map_get(n->addrs, key);
	if (!o)
		return;
	LIST_EACH(it, (struct list *)map_get(z->owners, o->id)) {
		struct owner *other = container_of(it, struct owner, of_id);

		if (other->network != n && ret->n < ARRAY_LEN(ret->v))
			ret->v[ret->n++] = other->network;
	}
}

static bool wanted(const struct dns_query *q, const struct zone_addr *a)
{
	return q->type == DNS_ANY || q->type == (a->len == 4 ? DNS_A : DNS_AAAA);
}

/* Beginning with another one each time. */
static void add_bearers(struct dns_writer *w, struct bearers *b)
{
	size_t first = b->turn++ % b->n;

	for (size_t i = 0; i < b->n; i++) {
		const struct owner *o = b->v[(first + i) % b->n];

		for (size_t k = 0; k < o->n_addrs; k++)
			if (wanted(w->q, &o->addrs[k]))
				dns_answer_addr(w, o->addrs[k].bytes, o->addrs[k].len, TTL);
	}
}

static bool answer_name(const struct view *view, struct dns_writer *w, const struct dns_query *q, const void *query,
			void *out, size_t max)
{
	char name[DNS_TEXT_SIZE];
	bool found = false;

	dns_name_text(&q->name, name);
	for (size_t i = 0; i < view->n; i++) {
		struct bearers *b = map_get(view->v[i]->names, name);

		if (!b)
			continue;
		if (!found)
			dns_answer_begin(w, q, query, DNS_NOERROR, true, out, max);
		found = true;
		add_bearers(w, b);
	}
	return found;
}

static bool answer_reverse(const struct view *view, struct dns_writer *w, const struct dns_query *q, const void *query,
			   void *out, size_t max)
{
	struct zone_addr a = { 0 };
	char key[ADDR_KEY];

	a.len = (uint8_t)dns_reverse_parse(&q->name, a.bytes);
	if (!a.len)
		return false;
	addr_key(&a, key);
	for (size_t i = 0; i < view->n; i++) {
		const struct owner *o = map_get(view->v[i]->addrs, key);

		if (!o || !o->n_names)
			continue;
		dns_answer_begin(w, q, query, DNS_NOERROR, true, out, max);
		if (q->type == DNS_PTR || q->type == DNS_ANY)
			dns_answer_ptr(w, &o->first, TTL);
		return true;
	}
	return false;
}

bool zone_answer(struct zone *z, const struct zone_asker *asker, const struct dns_query *q, const void *query,
		 void *out, size_t max, size_t *ret_len)
{
	struct dns_writer w;
	struct view view;

	if (q->class != DNS_CLASS_IN)
		return false;
	view_of(z, asker, &view);
	if (!answer_name(&view, &w, q, query, out, max) && !answer_reverse(&view, &w, q, query, out, max))
		return false;
	if (!w.answers && !w.truncated)
		dns_answer_soa(&w, TTL);
	*ret_len = dns_answer_end(&w);
	return true;
}
