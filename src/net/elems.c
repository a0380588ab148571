/* elems.c - transactions about elements, and elements as text. */
#include <errno.h>

#include "base/fd.h"
#include "base/str.h"
#include "net/elems.h"

#define ELEMS_TEXT_MAX 100000

struct change {
	struct nl_batch b;
	struct nft inet, bridge;
	int fd;
};

static int change_begin(struct change *c, const char *table, struct dv_err *e)
{
	c->b = NL_BATCH;
	c->fd = -1;
	c->inet = (struct nft){ &c->b, NFPROTO_INET, table };
	c->bridge = (struct nft){ &c->b, NFPROTO_BRIDGE, table };
	nft_begin(&c->b);
	return nl_open(NETLINK_NETFILTER, -1, &c->fd, e);
}

static int change_end(struct change *c, int r, struct dv_err *e)
{
	if (r >= 0)
		r = nft_send(c->fd, &c->b, e);
	nl_batch_done(&c->b);
	fd_close(&c->fd);
	return r;
}

void elem_put(const struct nft *inet, const struct nft *bridge, const struct elem *x, bool remove)
{
	struct nft_elems l = nft_elems(x->family == NFPROTO_INET ? inet : bridge, x->set, remove, remove ? 0 : NLM_F_CREATE);

	nft_elem(&l, x->key, x->key_len, remove ? NULL : x->data, remove ? 0 : x->data_len);
	nft_elems_end(&l);
}

int elems_add(const char *table, const struct elem *v, size_t n, struct dv_err *e)
{
	struct change c;
	int r = change_begin(&c, table, e);

	for (size_t i = 0; r >= 0 && i < n; i++)
		elem_put(&c.inet, &c.bridge, &v[i], false);
	return change_end(&c, r, e);
}

/* Added first, so that none of them is missing. */
static int remove_some(const char *table, const struct elem *v, size_t n, struct dv_err *e)
{
	struct change c;
	int r = change_begin(&c, table, e);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		elem_put(&c.inet, &c.bridge, &v[i], false);
		elem_put(&c.inet, &c.bridge, &v[i], true);
	}
	return change_end(&c, r, e);
}

/* One that another container has by now (EEXIST) is none of ours any more. */
int elems_remove(const char *table, const struct elem *v, size_t n, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	int r = n ? remove_some(table, v, n, &why) : 0;

	/* Without a table, or nf_tables at all, there is nothing to remove. */
	if (r >= 0 || r == -DV_NOT_FOUND || why.sys == EPROTONOSUPPORT || why.sys == EOPNOTSUPP)
		return 0;
	for (size_t i = 0; i < n && r == -DV_EXISTS; i++)
		if ((r = remove_some(table, &v[i], 1, &why)) >= 0)
			r = -DV_EXISTS;
	if (r == -DV_EXISTS || r == -DV_NOT_FOUND)
		return 0;
	if (e)
		*e = why;
	return r;
}

bool elem_there(int fd, const char *table, const struct elem *x)
{
	auto_nl struct nl_batch b = NL_BATCH;
	struct nft t = { &b, x->family, table };
	struct nft_elems l = nft_elems_ask(&t, x->set);

	nft_elem(&l, x->key, x->key_len, NULL, 0);
	nft_elems_end(&l);
	return nft_ask(fd, &b);
}

/* --- as text --- */

static struct json *hex(struct arena *a, const unsigned char *p, size_t len)
{
	char text[2 * sizeof ((struct elem *)NULL)->key + 1];

	str_hex(p, len, text);
	return json_new_str(a, text);
}

struct json *elems_json(struct arena *a, const struct elem *v, size_t n)
{
	struct json *list = json_new_array(a);

	for (size_t i = 0; i < n; i++)
		json_append(a, list,
			    json_obj(a, "family", json_new_u64(a, (uint64_t)v[i].family), "set", json_new_str(a, v[i].set), "key",
				     hex(a, v[i].key, v[i].key_len), "data",
				     v[i].data_len ? hex(a, v[i].data, v[i].data_len) : NULL, NULL));
	return list;
}

static bool unhex(const struct json *j, unsigned char *to, size_t size, size_t *ret_len)
{
	const char *text = json_str(j);
	size_t len = text ? strlen(text) / 2 : 0;

	*ret_len = len;
	return len <= size && (!len || str_unhex(text, to, len));
}

static bool parse_one(const struct json *j, struct elem *x)
{
	const char *set = json_str(json_get(j, "set"));
	uint64_t family = 0;

	if (!set || strlen(set) >= sizeof x->set || !json_u64(json_get(j, "family"), &family) ||
	    (family != NFPROTO_INET && family != NFPROTO_BRIDGE))
		return false;
	x->family = (int)family;
	memcpy(x->set, set, strlen(set) + 1);
	return unhex(json_get(j, "key"), x->key, sizeof x->key, &x->key_len) && x->key_len &&
	       unhex(json_get(j, "data"), x->data, sizeof x->data, &x->data_len);
}

int elems_parse(struct arena *a, const struct json *list, struct elem **ret, size_t *ret_n, struct dv_err *e)
{
	size_t n = json_len(list);
	struct elem *v;

	if (n > ELEMS_TEXT_MAX)
		return dv_fail(e, DV_INVALID, "more than %d elements", ELEMS_TEXT_MAX);
	v = arena_array(a, struct elem, n + 1);
	for (size_t i = 0; i < n; i++)
		if (!parse_one(json_at(list, i), &v[i]))
			return dv_fail(e, DV_INVALID, "element %zu of the firewall is not well-formed", i);
	*ret = v;
	*ret_n = n;
	return 0;
}
