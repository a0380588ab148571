/* network_db.c - rows of networks and endpoints; addresses are given here, inside a transaction.
 *
 * Addresses are given in turn: the one behind the last, as long as there are free ones. So one that a container has
 * left comes back as late as can be, when nobody remembers it any more (caches of names and neighbours, connections).
 */
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/network_parts.h"

#define ROWS_MAX 100000
#define TRIES_MAX (UINT64_C(1) << 20)

static const char *const steps[] = {
	"CREATE TABLE networks(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,"
	" created INTEGER NOT NULL, next INTEGER NOT NULL, config TEXT NOT NULL);"
	"CREATE TABLE endpoints(seq INTEGER PRIMARY KEY AUTOINCREMENT, network INTEGER NOT NULL, container TEXT NOT NULL,"
	" addr4 TEXT, addr6 TEXT, boot TEXT NOT NULL, config TEXT NOT NULL,"
	" UNIQUE(network, addr4), UNIQUE(network, addr6), UNIQUE(container, network))",
	NULL
};
static const struct db_schema schema = { "network", steps };

int network_migrate(struct engine *g, struct dv_err *e)
{
	return db_migrate(engine_db(g), &schema, e);
}

const char *network_tag(struct engine *g, struct arena *a)
{
	struct stat st = { 0 };
	uint64_t h;

	(void)fstat(engine_rootfd(g), &st);
	h = ((uint64_t)st.st_dev * UINT64_C(0x9e3779b97f4a7c15)) ^ ((uint64_t)st.st_ino * UINT64_C(0xc2b2ae3d27d4eb4f));
	return arena_printf(a, "%08x", (unsigned)(h >> 32));
}

const char *endpoint_link(struct engine *g, struct arena *a, const struct endpoint *n)
{
	return arena_printf(a, "dv%s%05x", network_tag(g, a), (unsigned)(n->seq & 0xfffff));
}

int network_lock(struct engine *g, bool exclusive, int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	int r;

	if ((r = file_open(engine_runfd(g), "network.lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &fd, e)) < 0 ||
	    (r = file_lock(fd, exclusive, true, "network.lock", e)) < 0)
		return r;
	*ret_fd = take_fd(&fd);
	return 0;
}

bool endpoint_active(const struct engine *g, const struct endpoint *p)
{
	return (addr_is(&p->addr[NET_V4]) || addr_is(&p->addr[NET_V6])) && streq(p->boot, engine_boot(g));
}

/* --- networks as rows --- */

static const char *const family_names[NET_FAMILIES] = { "ipv4", "ipv6" };

static struct json *subnet_json(struct arena *a, const struct network_subnet *s)
{
	if (!addr_is(&s->prefix.addr))
		return NULL;
	return json_obj(a, "subnet", json_new_str(a, prefix_str(a, &s->prefix)), "gateway",
			addr_is(&s->gateway) ? json_new_str(a, addr_str(a, &s->gateway)) : NULL, "range",
			addr_is(&s->range.addr) ? json_new_str(a, prefix_str(a, &s->range)) : NULL, NULL);
}

static const char *network_json(struct arena *a, const struct network *n)
{
	struct json *j = json_obj(a, "driver", json_new_str(a, n->driver), "interface", json_new_str(a, n->bridge), "mode",
				  n->mode ? json_new_str(a, n->mode) : NULL, "mtu", json_new_u64(a, n->mtu), "internal",
				  json_new_bool(a, n->internal), "isolate", json_new_bool(a, n->isolate), "icc",
				  json_new_bool(a, n->icc), "masquerade", json_new_bool(a, n->masquerade), "dns",
				  json_new_bool(a, n->dns), "labels", n->labels ? json_copy(a, n->labels) : NULL, "options",
				  n->options ? json_copy(a, n->options) : NULL, NULL);

	for (int f = 0; f < NET_FAMILIES; f++)
		if (addr_is(&n->subnets[f].prefix.addr))
			json_set(a, j, family_names[f], subnet_json(a, &n->subnets[f]));
	return json_text(a, j, JSON_COMPACT);
}

static int subnet_load(const struct json *j, struct network_subnet *ret, struct dv_err *e)
{
	const char *subnet = json_str(json_get(j, "subnet")), *gateway = json_str(json_get(j, "gateway")),
		   *range = json_str(json_get(j, "range"));
	int r;

	if (!j)
		return 0;
	if (!subnet)
		return dv_fail(e, DV_CORRUPT, "a subnet without addresses");
	if ((r = prefix_parse(subnet, "subnet", &ret->prefix, e)) < 0 ||
	    (gateway && (r = addr_parse(gateway, "gateway", &ret->gateway, e)) < 0))
		return r;
	return range ? prefix_parse(range, "range", &ret->range, e) : 0;
}

static int network_load(struct arena *a, struct db_stmt *q, struct network **ret, struct dv_err *e)
{
	struct network *n = arena_new(a, struct network);
	struct json *j = NULL;
	int64_t mtu = 0;
	int r;

	n->seq = db_i64(q, 0);
	n->id = arena_str(a, db_text(q, 1));
	n->name = arena_str(a, db_text(q, 2));
	n->created_ns = db_i64(q, 3);
	n->next = (uint64_t)db_i64(q, 4);
	if ((r = json_parse(a, db_text(q, 5), strlen(db_text(q, 5)), &j, e)) < 0)
		return dv_wrap(e, "network %s", n->name);
	for (int f = 0; f < NET_FAMILIES; f++)
		if ((r = subnet_load(json_get(j, family_names[f]), &n->subnets[f], e)) < 0)
			return dv_wrap(e, "network %s", n->name);
	n->driver = json_str(json_get(j, "driver"));
	n->bridge = json_str(json_get(j, "interface"));
	n->mode = json_str(json_get(j, "mode"));
	n->mtu = json_i64(json_get(j, "mtu"), &mtu) ? (unsigned)mtu : 0;
	n->internal = json_bool(json_get(j, "internal"));
	n->isolate = json_bool(json_get(j, "isolate"));
	n->icc = json_bool(json_get(j, "icc"));
	n->masquerade = json_bool(json_get(j, "masquerade"));
	n->dns = json_bool(json_get(j, "dns"));
	n->labels = json_get(j, "labels");
	n->options = json_get(j, "options");
	*ret = n;
	return 0;
}

/* Room for one more: lists double, from 8 on. */
static void *room(struct arena *a, void *v, size_t n, size_t size)
{
	void *more;

	if (n && (n < 8 || (n & (n - 1))))
		return v;
	more = arena_alloc(a, mem_mul(n ? n * 2 : 8, size));
	if (n)
		memcpy(more, v, n * size);
	return more;
}

int network_rows(struct engine *g, struct arena *a, struct network_rows *ret, struct dv_err *e)
{
	DB_STMT(q);
	struct network_rows l = { 0 };
	int r = db_query(engine_db(g), &q, e, "SELECT seq, id, name, created, next, config FROM networks ORDER BY name", "");

	while (r >= 0 && (r = db_row(q, e)) > 0) {
		if (l.n == ROWS_MAX)
			return dv_fail(e, DV_LIMIT, "more than %d networks", ROWS_MAX);
		l.v = room(a, l.v, l.n, sizeof *l.v);
		if ((r = network_load(a, q, &l.v[l.n], e)) >= 0)
			l.n++;
	}
	if (r >= 0)
		*ret = l;
	return r;
}

const struct network *network_by_seq(const struct network_rows *l, int64_t seq)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i]->seq == seq)
			return l->v[i];
	return NULL;
}

int network_find(struct engine *g, struct arena *a, const char *ref, struct network **ret, struct dv_err *e)
{
	const char *name = streq(ref, NETWORK_DEFAULT_ALIAS) || streq(ref, "default") ? NETWORK_DEFAULT : ref;
	struct network_rows l;
	struct network *found = NULL;
	int r = network_rows(g, a, &l, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < l.n; i++)
		if (streq(l.v[i]->name, name) || streq(l.v[i]->id, name)) {
			*ret = l.v[i];
			return 0;
		}
	for (size_t i = 0; i < l.n && *name; i++) {
		if (!str_starts(l.v[i]->id, name))
			continue;
		if (found)
			return dv_fail(e, DV_CONFLICT, "network %.64s is ambiguous: more than one id begins so", ref);
		found = l.v[i];
	}
	if (!found)
		return dv_fail(e, DV_NOT_FOUND, "network %.128s not found", ref);
	*ret = found;
	return 0;
}

static int insert_network(struct engine *g, struct arena *a, struct network *n, struct dv_err *e)
{
	struct db *db = engine_db(g);
	int r = db_exec(db, e, "INSERT INTO networks(id, name, created, next, config) VALUES(?, ?, ?, 0, '')", "tti", n->id,
			n->name, n->created_ns);

	if (r < 0)
		return r == -DV_EXISTS ? dv_fail(e, DV_EXISTS, "network with name %.128s already exists", n->name) : r;
	n->seq = db_last_id(db);
	if (!n->bridge)
		n->bridge = arena_printf(a, "br%s-%x", network_tag(g, a), (unsigned)(n->seq & 0xffff));
	return db_exec(db, e, "UPDATE networks SET config = ? WHERE seq = ?", "ti", network_json(a, n), n->seq);
}

int network_insert(struct engine *g, struct arena *a, struct network *n, struct dv_err *e)
{
	int r = db_begin(engine_db(g), e);

	return r < 0 ? r : db_finish(engine_db(g), insert_network(g, a, n, e), e);
}

int network_drop(struct engine *g, int64_t seq, struct dv_err *e)
{
	int r = db_begin(engine_db(g), e);

	if (r < 0)
		return r;
	if ((r = db_exec(engine_db(g), e, "DELETE FROM endpoints WHERE network = ?", "i", seq)) >= 0)
		r = db_exec(engine_db(g), e, "DELETE FROM networks WHERE seq = ?", "i", seq);
	return db_finish(engine_db(g), r, e);
}

/* --- endpoints as rows --- */

static const char *endpoint_json(struct arena *a, const struct endpoint *p)
{
	return json_text(a,
			 json_obj(a, "mac", json_new_str(a, mac_str(a, &p->mac)), "if", json_new_str(a, p->ifname), "ip",
				  p->want[NET_V4] ? json_new_str(a, p->want[NET_V4]) : NULL, "ip6",
				  p->want[NET_V6] ? json_new_str(a, p->want[NET_V6]) : NULL, "want_mac",
				  p->want_mac ? json_new_str(a, p->want_mac) : NULL, "aliases",
				  p->aliases ? json_copy(a, p->aliases) : NULL, "ports",
				  p->ports ? json_copy(a, p->ports) : NULL, NULL),
			 JSON_COMPACT);
}

static int endpoint_load(struct arena *a, struct db_stmt *q, struct endpoint **ret, struct dv_err *e)
{
	struct endpoint *p = arena_new(a, struct endpoint);
	struct json *j = NULL;
	const char *mac, *config = db_text(q, 6);
	int r;

	p->seq = db_i64(q, 0);
	p->network = db_i64(q, 1);
	p->container = arena_str(a, db_text(q, 2));
	p->boot = arena_str(a, db_text(q, 5));
	for (int f = 0; f < NET_FAMILIES; f++)
		if (db_text(q, 3 + f) && (r = addr_parse(db_text(q, 3 + f), "endpoint", &p->addr[f], e)) < 0)
			return r;
	if ((r = json_parse(a, config, strlen(config), &j, e)) < 0)
		return r;
	mac = json_str(json_get(j, "mac"));
	if (mac && mac_parse(mac, &p->mac, NULL) < 0)
		p->mac = (struct net_mac){ 0 };
	p->ifname = json_str(json_get(j, "if"));
	p->want[NET_V4] = json_str(json_get(j, "ip"));
	p->want[NET_V6] = json_str(json_get(j, "ip6"));
	p->want_mac = json_str(json_get(j, "want_mac"));
	p->aliases = json_get(j, "aliases");
	p->ports = json_get(j, "ports");
	*ret = p;
	return 0;
}

#define ENDPOINT_COLUMNS "SELECT seq, network, container, addr4, addr6, boot, config FROM endpoints "

int endpoint_rows(struct engine *g, struct arena *a, const char *container, int64_t network, struct endpoint_list *ret,
		  struct dv_err *e)
{
	DB_STMT(q);
	struct endpoint_list l = { 0 };
	int r;

	if (container && *container)
		r = db_query(engine_db(g), &q, e, ENDPOINT_COLUMNS "WHERE container = ? ORDER BY seq", "t", container);
	else if (network)
		r = db_query(engine_db(g), &q, e, ENDPOINT_COLUMNS "WHERE network = ? ORDER BY seq", "i", network);
	else
		r = db_query(engine_db(g), &q, e, ENDPOINT_COLUMNS "ORDER BY seq", "");
	while (r >= 0 && (r = db_row(q, e)) > 0) {
		if (l.n == ROWS_MAX)
			return dv_fail(e, DV_LIMIT, "more than %d endpoints", ROWS_MAX);
		l.v = room(a, l.v, l.n, sizeof *l.v);
		if ((r = endpoint_load(a, q, &l.v[l.n], e)) >= 0)
			l.n++;
	}
	if (r >= 0)
		*ret = l;
	return r;
}

/* --- addresses --- */

static bool is_taken(struct engine *g, int family, int64_t network, const char *addr)
{
	static const char *const sql[NET_FAMILIES] = { "SELECT 1 FROM endpoints WHERE network = ? AND addr4 = ?",
						       "SELECT 1 FROM endpoints WHERE network = ? AND addr6 = ?" };
	DB_STMT(q);

	return db_query(engine_db(g), &q, NULL, sql[family], "it", network, addr) >= 0 && db_row(q, NULL) > 0;
}

/* The network's own address, the gateway, and (of IPv4) the last one are nobody's. */
static bool is_reserved(const struct network_subnet *s, const struct net_addr *x)
{
	struct net_addr first = prefix_first(&s->prefix), last = prefix_last(&s->prefix);
	bool small = prefix_size(&s->prefix) <= 2;

	return addr_equal(x, &s->gateway) || (!small && (addr_equal(x, &first) || (x->family == AF_INET && addr_equal(x, &last))));
}

static int take_wanted(struct engine *g, int family, const struct network *n, const char *want, struct net_addr *ret,
		       struct dv_err *e)
{
	const struct network_subnet *s = &n->subnets[family];
	char text[NET_ADDR_TEXT];
	int r = addr_parse(want, family == NET_V4 ? "--ip" : "--ip6", ret, e);

	if (r < 0)
		return r;
	if (!addr_is(&s->prefix.addr) || !prefix_has(&s->prefix, ret))
		return dv_fail(e, DV_INVALID, "address %.64s is not in a subnet of network %.64s", want, n->name);
	if (is_reserved(s, ret) || is_taken(g, family, n->seq, addr_text(ret, text)))
		return dv_fail(e, DV_CONFLICT, "Address already in use: %.64s in network %.64s", want, n->name);
	return 0;
}

/* From *next on, once around. */
static int take_free(struct engine *g, int family, const struct network *n, uint64_t *next, struct net_addr *ret,
		     struct dv_err *e)
{
	const struct network_subnet *s = &n->subnets[family];
	const struct net_prefix *pool = addr_is(&s->range.addr) ? &s->range : &s->prefix;
	uint64_t size = prefix_size(pool), tries = DV_MIN(size, TRIES_MAX);
	char text[NET_ADDR_TEXT];

	for (uint64_t i = 0; i < tries; i++) {
		uint64_t at = (*next + i) % size;
		struct net_addr x = prefix_first(pool);

		if (!addr_add(&x, at) || is_reserved(s, &x) || is_taken(g, family, n->seq, addr_text(&x, text)))
			continue;
		*next = at + 1;
		*ret = x;
		return 0;
	}
	return dv_fail(e, DV_LIMIT, "no address of network %.64s is free", n->name);
}

static int choose_mac(const struct endpoint *p, const struct net_addr *addr, struct net_mac *ret, struct dv_err *e)
{
	if (p->want_mac)
		return mac_parse(p->want_mac, ret, e);
	*ret = mac_of_addr(addr, addr->family == AF_INET ? 0x42 : 0x46);
	return 0;
}

static int give(struct engine *g, const struct network *n, struct endpoint *p, struct dv_err *e)
{
	uint64_t next = n->next, six = 0;
	int r = 0;

	for (int f = 0; f < NET_FAMILIES && r >= 0; f++) {
		p->addr[f] = (struct net_addr){ 0 };
		if (p->want[f])
			r = take_wanted(g, f, n, p->want[f], &p->addr[f], e);
		else if (addr_is(&n->subnets[f].prefix.addr))
			r = take_free(g, f, n, f == NET_V4 ? &next : &six, &p->addr[f], e);
		/* Both families of a container look alike. */
		six = addr_is(&p->addr[NET_V4]) ? addr_host(&p->addr[NET_V4], n->subnets[NET_V4].prefix.bits) : next;
	}
	if (r < 0)
		return r;
	if (!addr_is(&n->subnets[NET_V4].prefix.addr))
		next = six;
	if (next != n->next && (r = db_exec(engine_db(g), e, "UPDATE networks SET next = ? WHERE seq = ?", "ii",
					    (int64_t)next, n->seq)) < 0)
		return r;
	return choose_mac(p, addr_is(&p->addr[NET_V4]) ? &p->addr[NET_V4] : &p->addr[NET_V6], &p->mac, e);
}

static const char *text_or_null(struct arena *a, const struct net_addr *x)
{
	return addr_is(x) ? addr_str(a, x) : NULL;
}

/* The network's row is read again: others may have taken addresses meanwhile. */
static int give_fresh(struct engine *g, struct arena *a, const struct network *known, struct endpoint *p, struct dv_err *e)
{
	DB_STMT(q);
	struct network n = *known;
	int r = db_query(engine_db(g), &q, e, "SELECT next FROM networks WHERE seq = ?", "i", n.seq);

	if (r < 0 || (r = db_row(q, e)) < 0)
		return r;
	if (r == 0)
		return dv_fail(e, DV_NOT_FOUND, "network %.128s not found", n.name);
	n.next = (uint64_t)db_i64(q, 0);
	db_stmt_end(take_ptr(&q));
	if ((r = give(g, &n, p, e)) < 0)
		return r;
	if (p->seq)
		return db_exec(engine_db(g), e, "UPDATE endpoints SET addr4 = ?, addr6 = ?, boot = ?, config = ? WHERE seq = ?",
			       "tttti", text_or_null(a, &p->addr[NET_V4]), text_or_null(a, &p->addr[NET_V6]), p->boot,
			       endpoint_json(a, p), p->seq);
	r = db_exec(engine_db(g), e,
		    "INSERT INTO endpoints(network, container, addr4, addr6, boot, config) VALUES(?, ?, ?, ?, ?, ?)", "ittttt",
		    n.seq, p->container, text_or_null(a, &p->addr[NET_V4]), text_or_null(a, &p->addr[NET_V6]), p->boot,
		    endpoint_json(a, p));
	p->seq = r < 0 ? 0 : db_last_id(engine_db(g));
	return r == -DV_EXISTS ? dv_fail(e, DV_EXISTS, "the container is in network %.128s already", n.name) : r;
}

int endpoint_store(struct engine *g, struct arena *a, const struct network_rows *nets, struct endpoint **v, size_t n,
		   struct dv_err *e)
{
	int r;

	if ((r = db_relax(engine_db(g), e)) < 0 || (r = db_begin(engine_db(g), e)) < 0)
		return r;
	for (size_t i = 0; i < n && r >= 0; i++) {
		const struct network *net = network_by_seq(nets, v[i]->network);

		v[i]->boot = engine_boot(g);
		if (json_len(v[i]->ports) && (r = ports_check(g, a, v[i]->container, v[i]->ports, e)) < 0)
			break;
		r = net ? give_fresh(g, a, net, v[i], e) : dv_fail(e, DV_NOT_FOUND, "a network is gone");
	}
	return db_finish(engine_db(g), r, e);
}

int endpoint_clear(struct engine *g, const char *container, bool forget, struct dv_err *e)
{
	int r;

	if ((r = db_relax(engine_db(g), e)) < 0 || (r = db_begin(engine_db(g), e)) < 0)
		return r;
	r = forget ? db_exec(engine_db(g), e, "DELETE FROM endpoints WHERE container = ?", "t", container) :
		     db_exec(engine_db(g), e, "UPDATE endpoints SET addr4 = NULL, addr6 = NULL, boot = '' WHERE container = ?", "t",
			     container);
	return db_finish(engine_db(g), r, e);
}

int endpoint_insert(struct engine *g, struct arena *a, struct endpoint *p, struct dv_err *e)
{
	int r = db_begin(engine_db(g), e);

	if (r < 0)
		return r;
	r = db_exec(engine_db(g), e, "INSERT INTO endpoints(network, container, boot, config) VALUES(?, ?, '', ?)", "itt",
		    p->network, p->container, endpoint_json(a, p));
	p->seq = r < 0 ? 0 : db_last_id(engine_db(g));
	return db_finish(engine_db(g), r, e);
}

int endpoint_drop(struct engine *g, int64_t seq, struct dv_err *e)
{
	int r = db_begin(engine_db(g), e);

	return r < 0 ? r : db_finish(engine_db(g), db_exec(engine_db(g), e, "DELETE FROM endpoints WHERE seq = ?", "i", seq), e);
}
