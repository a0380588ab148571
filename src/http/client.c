/* client.c - the client: origins, their connections, and the fetches that wait for one. */
#include "base/map.h"
#include "base/str.h"
#include "http/client_parts.h"

#define ORIGINS_MAX 4096

/* --- origins --- */

void origin_kick(struct origin *o)
{
	if (list_empty(&o->kick))
		list_add_tail(&o->client->kicked_origins, &o->kick);
	loop_post(o->client->task);
}

void cconn_kick(struct cconn *n)
{
	if (n->dead)
		return;
	if (list_empty(&n->kick))
		list_add_tail(&n->client->kicked_conns, &n->kick);
	loop_post(n->client->task);
}

static void origin_free(void *p)
{
	struct origin *o = p;

	list_remove(&o->kick);
	free(o->key);
	free(o->host);
	free(o->unix_path);
	free(o);
}

int origin_get(struct http_client *c, const struct http_fetch *f, struct origin **ret, struct dv_err *e)
{
	const char *v6 = f->url.host_is_v6 ? "[" : "", *v6_end = f->url.host_is_v6 ? "]" : "";
	auto_free char *key = f->unix_path ? mem_printf("%s+unix:%s", f->url.scheme, f->unix_path) :
			      mem_printf("%s://%s%s%s:%u", f->url.scheme, v6, f->url.host, v6_end, (unsigned)f->url.port);
	struct origin *o = map_get(c->origins, key);

	if (!o && map_len(c->origins) >= ORIGINS_MAX)
		return dv_fail(e, DV_LIMIT, "more than %d servers are being talked to", ORIGINS_MAX);
	if (!o) {
		o = mem_new(struct origin);
		o->client = c;
		o->host = mem_str(f->url.host);
		o->unix_path = f->unix_path ? mem_str(f->unix_path) : NULL;
		o->port = f->url.port;
		o->tls = streq(f->url.scheme, "https");
		o->key = take_ptr(&key);
		list_init(&o->conns);
		list_init(&o->waiting);
		list_init(&o->kick);
		(void)map_set(c->origins, o->key, o);
	}
	*ret = o;
	return 0;
}

static struct cconn *pick(const struct origin *o)
{
	LIST_EACH(it, &o->conns) {
		struct cconn *n = container_of(it, struct cconn, link);

		if (n->proto && !n->going && n->proto->free(n))
			return n;
	}
	return NULL;
}

static bool should_dial(const struct origin *o)
{
	enum http_versions v = o->client->o.versions;
	bool may_share = o->shares || v == HTTP_ONLY_2 || (o->tls && !o->known && v == HTTP_ANY);
	unsigned dialing = 0;

	LIST_EACH(it, &o->conns)
		dialing += !container_of(it, struct cconn, link)->proto;
	/* One that many can share is waited for. */
	return o->n_conns < o->client->o.conns_max && dialing < (may_share ? 1 : o->n_waiting);
}

static void attach(struct cconn *n, struct http_fetch *f)
{
	list_remove(&f->link);
	f->origin->n_waiting--;
	list_add_tail(&n->fetches, &f->link);
	f->conn = n;
	f->state = FETCH_SENDING;
	f->tries++;
	f->answered = f->sent = false;
	f->moved_ms = loop_now_ms(n->client->loop);
	f->body.ended = f->body.ended || !f->streams;
	if (f->whole) {
		out_done(&f->body.out);
		out_init(&f->body.out, &n->client->pool);
		out_add(&f->body.out, f->whole, f->whole_len);
	}
	f->body.asleep = false;
	loop_disarm(n->timer);
	n->client->stats.reused += n->n_fetches > 0;
	n->n_fetches++;
	n->proto->attach(n, f);
	fetch_arm(f);
	cconn_kick(n);
}

void origin_pump(struct origin *o)
{
	while (!list_empty(&o->waiting)) {
		struct cconn *n = pick(o);

		if (n)
			attach(n, container_of(o->waiting.next, struct http_fetch, link));
		else if (should_dial(o))
			dial_start(o);
		else
			break;
	}
}

void origin_failed(struct origin *o, const struct dv_err *e)
{
	struct list failing;
	bool all = o->n_conns == 0;

	/* Those that come in the callbacks are not meant. */
	list_init(&failing);
	while (!list_empty(&o->waiting) && (all || list_empty(&failing))) {
		struct list *it = o->waiting.next;

		list_remove(it);
		list_add_tail(&failing, it);
	}
	while (!list_empty(&failing))
		fetch_fail(container_of(failing.next, struct http_fetch, link), e);
}

/* --- the task: what was caused from outside --- */

static void origin_turn(struct origin *o)
{
	origin_pump(o);
	if (list_empty(&o->conns) && list_empty(&o->waiting) && list_empty(&o->kick)) {
		(void)map_del(o->client->origins, o->key);
		origin_free(o);
	}
}

static void take_list(struct list *from, struct list *to)
{
	list_init(to);
	if (list_empty(from))
		return;
	*to = *from;
	to->next->prev = to->prev->next = to;
	list_init(from);
}

static void on_task(void *ctx)
{
	struct http_client *c = ctx;
	struct list now;

	take_list(&c->kicked_conns, &now);
	while (!list_empty(&now)) {
		struct cconn *n = container_of(now.next, struct cconn, kick);

		list_remove(&n->kick);
		cconn_turn(n);
	}
	client_sweep(c);
	take_list(&c->kicked_origins, &now);
	while (!list_empty(&now)) {
		struct origin *o = container_of(now.next, struct origin, kick);

		list_remove(&o->kick);
		origin_turn(o);
	}
	client_sweep(c);
}

void client_sweep(struct http_client *c)
{
	while (!list_empty(&c->dead_conns)) {
		struct cconn *n = container_of(c->dead_conns.next, struct cconn, link);

		list_remove(&n->link);
		if (n->proto)
			n->proto->stop(n);
		http_io_close(n->io);
		free(n);
	}
	while (!list_empty(&c->dead_fetches))
		fetch_free(container_of(c->dead_fetches.next, struct http_fetch, link));
}

/* --- the client --- */

static uint64_t or_default(uint64_t v, uint64_t d) { return v ? v : d; }

static void set_defaults(struct http_client_options *o)
{
	o->conns_max = (unsigned)or_default(o->conns_max, 8);
	o->waiting_max = (unsigned)or_default(o->waiting_max, 1024);
	o->idle_timeout_ms = or_default(o->idle_timeout_ms, 90000);
	o->connect_timeout_ms = or_default(o->connect_timeout_ms, 30000);
	o->head_timeout_ms = or_default(o->head_timeout_ms, 60000);
	o->stall_timeout_ms = or_default(o->stall_timeout_ms, UINT64_MAX);
	o->head_max_bytes = (size_t)or_default(o->head_max_bytes, (size_t)64 << 10);
	o->arena_max_bytes = (size_t)or_default(o->arena_max_bytes, (size_t)16 << 20);
}

int http_client_new(struct loop *loop, const struct http_client_options *options, struct http_client **ret,
		    struct dv_err *e)
{
	struct http_client *c = mem_new(struct http_client);

	c->loop = loop;
	if (options)
		c->o = *options;
	set_defaults(&c->o);
	c->jobs = c->o.jobs;
	c->tls = c->o.tls;
	c->origins = map_new();
	list_init(&c->dead_fetches);
	list_init(&c->dead_conns);
	list_init(&c->kicked_conns);
	list_init(&c->kicked_origins);
	c->task = loop_add_task(loop, on_task, c);
	*ret = c;
	return 0;
}

static void origin_close(struct origin *o)
{
	while (!list_empty(&o->waiting))
		http_fetch_cancel(container_of(o->waiting.next, struct http_fetch, link));
	while (!list_empty(&o->conns)) {
		struct cconn *n = container_of(o->conns.next, struct cconn, link);

		while (!list_empty(&n->fetches))
			http_fetch_cancel(container_of(n->fetches.next, struct http_fetch, link));
		cconn_close(n);
	}
}

void http_client_free(struct http_client *c)
{
	const char *key;
	void *value;
	size_t pos = 0;

	if (!c)
		return;
	while (map_next(c->origins, &pos, &key, &value))
		origin_close(value);
	client_sweep(c);
	map_free(c->origins, origin_free);
	job_pool_free(c->own_jobs);
	tls_client_free(c->own_tls);
	out_pool_done(&c->pool);
	loop_remove(c->task);
	free(c);
}

static unsigned idle_of(const struct origin *o)
{
	unsigned n = 0;

	LIST_EACH(it, &o->conns) {
		const struct cconn *conn = container_of(it, struct cconn, link);

		n += conn->proto && list_empty(&conn->fetches);
	}
	return n;
}

void http_client_stats(const struct http_client *c, struct http_client_stats *ret)
{
	const char *key;
	void *value;
	size_t pos = 0;

	*ret = c->stats;
	ret->idle = 0;
	while (map_next(c->origins, &pos, &key, &value))
		ret->idle += idle_of(value);
}
