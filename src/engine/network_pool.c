/* network_pool.c - subnets for networks that do not say theirs.
 *
 * Taken are: what the host has routes to, networks of ours, and what other engines on the host have reserved in
 * one file, which is locked while it is read and written. An entry there belongs to a root directory, and counts as long as
 * that is there.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/network_parts.h"

#define POOL_FILE "/run/davit.pools"
#define POOL_BYTES ((size_t)4 << 20)

/* The default network is one of 16 large ones, others are small. */
static const struct pool {
	const char *from;
	unsigned bits, step;            /* how many subnets of 1 << (32 - bits) */
} pools[] = { { "172.24.0.0", 16, 8 }, { "10.129.0.0", 24, 2048 }, { "192.168.128.0", 24, 128 } };

struct taken {
	struct arena *a;
	struct net_prefix *v;
	size_t n, cap;
};

static void take(struct taken *t, const struct net_prefix *p)
{
	if (t->n == t->cap) {
		struct net_prefix *more = arena_array(t->a, struct net_prefix, t->cap ? t->cap * 2 : 64);

		if (t->n)
			memcpy(more, t->v, t->n * sizeof *more);
		t->v = more;
		t->cap = t->cap ? t->cap * 2 : 64;
	}
	t->v[t->n++] = *p;
}

static bool is_free(const struct taken *t, const struct net_prefix *p)
{
	for (size_t i = 0; i < t->n; i++)
		if (prefix_overlap(&t->v[i], p))
			return false;
	return true;
}

/* --- the file: lines of "DEV:INO NETNS SUBNET ROOT" --- */

static int open_file(int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	int r;

	if ((r = file_open(AT_FDCWD, POOL_FILE, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &fd, e)) < 0 ||
	    (r = file_lock(fd, true, true, POOL_FILE, e)) < 0)
		return r;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Addresses in different network namespaces do not meet. The cookie is never given to another namespace, as the inode's
 * number is. */
static int netns_name(struct arena *a, const char **ret, struct dv_err *e)
{
	auto_close int fd = -1;
	uint64_t cookie = 0;
	socklen_t len = sizeof cookie;
	int r = fd_socket(AF_UNIX, SOCK_STREAM, 0, &fd, e);

	if (r < 0)
		return r;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
		return dv_fail_errno(e, errno, "name the network namespace");
	*ret = arena_printf(a, "%llu", (unsigned long long)cookie);
	return 0;
}

static const char *root_name(struct engine *g, struct arena *a)
{
	struct stat st = { 0 };

	(void)fstat(engine_rootfd(g), &st);
	return arena_printf(a, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
}

struct entry {
	const char *root, *netns, *subnet, *path;
};

static bool parse_entry(struct arena *a, const char *line, size_t len, struct entry *ret)
{
	size_t n;
	char **w = str_split(a, arena_strn(a, line, len), ' ', &n);

	if (n < 4)
		return false;
	*ret = (struct entry){ w[0], w[1], w[2], w[3] };
	return true;
}

/* The root it belongs to is there, and is still the same. */
static bool is_alive(struct arena *a, const struct entry *x)
{
	struct stat st;

	return stat(x->path, &st) == 0 &&
	       streq(x->root, arena_printf(a, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino));
}

/* Entries that count: into t those of this namespace (not `mine`), into keep the text of all but `without`. */
static int read_entries(struct engine *g, struct arena *a, int fd, const char *without, struct taken *t, struct buf *keep,
			struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(POOL_BYTES);
	const char *netns, *mine = root_name(g, a), *line;
	struct net_prefix p;
	struct entry x;
	struct scan s;
	size_t len;
	int r = fd_read_to(fd, &b, POOL_FILE, e);

	if (r < 0 || (r = netns_name(a, &netns, e)) < 0)
		return r;
	s = scan_of(buf_cstr(&b), b.len);
	while (scan_until(&s, '\n', &line, &len)) {
		if (!parse_entry(a, line, len, &x) || !is_alive(a, &x) || prefix_parse(x.subnet, POOL_FILE, &p, NULL) < 0)
			continue;
		if (streq(x.netns, netns) && t && !streq(x.root, mine))
			take(t, &p);
		if (!(without && streq(x.root, mine) && streq(x.subnet, without) && streq(x.netns, netns)))
			buf_printf(keep, "%s %s %s %s\n", x.root, x.netns, x.subnet, x.path);
	}
	return 0;
}

static int write_entries(int fd, const struct buf *keep, struct dv_err *e)
{
	int r = buf_check(keep, POOL_FILE, e);

	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0 || ftruncate(fd, 0) < 0)
		return dv_fail_errno(e, errno, POOL_FILE);
	return keep->len ? fd_write_all(fd, keep->p, keep->len, POOL_FILE, e) : 0;
}

/* --- what is taken --- */

static int take_routes(struct arena *a, const char *except, struct taken *t, struct dv_err *e)
{
	auto_close int fd = -1;
	struct route_list l;
	struct link_info own = { 0 };
	int r;

	if ((r = nl_open(NETLINK_ROUTE, -1, &fd, e)) < 0 || (r = route_list(fd, a, &l, e)) < 0)
		return r;
	if (except)
		dv_ignore(link_find(fd, except, &own, NULL));
	for (size_t i = 0; i < l.n; i++)
		if (l.v[i].to.bits && !(own.index && l.v[i].index == own.index))
			take(t, &l.v[i].to);
	return 0;
}

static int take_networks(struct engine *g, struct arena *a, struct taken *t, struct dv_err *e)
{
	struct network_rows l;
	int r = network_rows(g, a, &l, e);

	for (size_t i = 0; r >= 0 && i < l.n; i++)
		for (int f = 0; f < NET_FAMILIES; f++)
			if (addr_is(&l.v[i]->subnets[f].prefix.addr) && !streq(l.v[i]->driver, "macvlan"))
				take(t, &l.v[i]->subnets[f].prefix);
	return r < 0 ? r : 0;
}

static bool choose_from(const struct pool *p, const struct taken *t, struct net_prefix *ret)
{
	struct net_prefix x = { .bits = p->bits };

	if (addr_parse(p->from, "pool", &x.addr, NULL) < 0)
		return false;
	for (unsigned i = 0; i < p->step; i++) {
		if (is_free(t, &x)) {
			*ret = x;
			return true;
		}
		(void)addr_add(&x.addr, UINT64_C(1) << (32 - p->bits));
	}
	return false;
}

/* A /64 of our own out of fd00::/8. The bits between follow from the root: it is the same after a loss of engine.db. */
static bool choose_six(struct engine *g, struct arena *a, const struct taken *t, struct net_prefix *ret)
{
	struct net_prefix x = { .bits = 64 };
	unsigned char tag[4];

	if (!str_unhex(network_tag(g, a), tag, sizeof tag))
		return false;
	x.addr = (struct net_addr){ .family = AF_INET6, .b = { 0xfd, 0xda, tag[0], tag[1], tag[2], tag[3] } };
	for (unsigned i = 0; i < 65536; i++) {
		x.addr.b[6] = (unsigned char)(i >> 8);
		x.addr.b[7] = (unsigned char)i;
		if (is_free(t, &x)) {
			*ret = x;
			return true;
		}
	}
	return false;
}

static int add_entry(struct engine *g, struct arena *a, int fd, struct buf *keep, const struct net_prefix *p, struct dv_err *e)
{
	const char *netns;
	int r = netns_name(a, &netns, e);

	if (r < 0)
		return r;
	buf_printf(keep, "%s %s %s %s\n", root_name(g, a), netns, prefix_str(a, p), engine_root(g));
	return write_entries(fd, keep, e);
}

int pool_choose(struct engine *g, struct arena *a, int family, bool is_default, struct net_prefix *ret, struct dv_err *e)
{
	auto_close int fd = -1;
	auto_buf struct buf keep = BUF_INIT(POOL_BYTES);
	struct taken t = { .a = a };
	struct net_prefix p;
	bool found = false;
	int r;

	if ((r = open_file(&fd, e)) < 0 || (r = read_entries(g, a, fd, NULL, &t, &keep, e)) < 0 ||
	    (r = take_networks(g, a, &t, e)) < 0 || (r = take_routes(a, NULL, &t, e)) < 0)
		return r;
	if (family == NET_V6)
		found = choose_six(g, a, &t, &p);
	for (size_t i = is_default ? 0 : 1; family == NET_V4 && i < ARRAY_LEN(pools) && !found; i++)
		found = choose_from(&pools[i], &t, &p);
	if (!found)
		return dv_fail(e, DV_LIMIT, "no subnet is free: say one with --subnet");
	if ((r = add_entry(g, a, fd, &keep, &p, e)) < 0)
		return r;
	*ret = p;
	return 0;
}

int pool_reserve(struct engine *g, struct arena *a, const struct net_prefix *p, struct dv_err *e)
{
	auto_close int fd = -1;
	auto_buf struct buf keep = BUF_INIT(POOL_BYTES);
	struct taken t = { .a = a };
	int r;

	if ((r = open_file(&fd, e)) < 0 || (r = read_entries(g, a, fd, prefix_str(a, p), &t, &keep, e)) < 0 ||
	    (r = take_networks(g, a, &t, e)) < 0 || (r = take_routes(a, NULL, &t, e)) < 0)
		return r;
	if (!is_free(&t, p))
		return dv_fail(e, DV_CONFLICT, "subnet %s is used on the host or by another network", prefix_str(a, p));
	return add_entry(g, a, fd, &keep, p, e);
}

int pool_release(struct engine *g, struct arena *a, const struct net_prefix *p, struct dv_err *e)
{
	auto_close int fd = -1;
	auto_buf struct buf keep = BUF_INIT(POOL_BYTES);
	int r;

	if (!addr_is(&p->addr))
		return 0;
	if ((r = open_file(&fd, e)) < 0 || (r = read_entries(g, a, fd, prefix_str(a, p), NULL, &keep, e)) < 0)
		return r;
	return write_entries(fd, &keep, e);
}
