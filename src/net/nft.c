/* nft.c - nf_tables messages: tables, chains, sets and their elements. */
#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/str.h"
#include "net/nft.h"

#define BASES_MAX 10000
#define ELEMS_MAX 400           /* of one message: an attribute has 64 KiB at most, an element 100 bytes */

static void message(struct nl_batch *b, const char *label, unsigned type, unsigned flags, int family, unsigned res_id)
{
	struct nfgenmsg m = { .nfgen_family = (uint8_t)family, .version = NFNETLINK_V0, .res_id = htobe16((uint16_t)res_id) };

	nl_msg(b, label, type, flags, &m, sizeof m);
}

static void table_message(const struct nft *t, const char *label, unsigned type, unsigned flags)
{
	message(t->b, label, NFNL_SUBSYS_NFTABLES << 8 | type, flags, t->family, 0);
}

void nft_begin(struct nl_batch *b)
{
	message(b, "firewall transaction", NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

int nft_send(int fd, struct nl_batch *b, struct dv_err *e)
{
	if (b->n < 2)
		return 0;
	nl_ask(b);
	message(b, "firewall transaction", NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	return nl_send(fd, b, e);
}

/* --- tables and chains --- */

void nft_table(const struct nft *t, unsigned flags)
{
	table_message(t, "make the firewall's table", NFT_MSG_NEWTABLE, NLM_F_CREATE | flags);
	nl_str(t->b, NFTA_TABLE_NAME, t->table);
	nl_be32(t->b, NFTA_TABLE_FLAGS, 0);
}

void nft_del_table(const struct nft *t)
{
	table_message(t, "remove the firewall's table", NFT_MSG_DELTABLE, 0);
	nl_str(t->b, NFTA_TABLE_NAME, t->table);
}

static int take_nothing(void *ctx, const struct nlmsghdr *h, const void *body, size_t len, struct dv_err *e)
{
	(void)ctx, (void)h, (void)body, (void)len, (void)e;
	return 0;
}

bool nft_ask(int fd, struct nl_batch *b)
{
	return nl_dump(fd, b, take_nothing, NULL, NULL) >= 0;
}

bool nft_table_there(int fd, const struct nft *t)
{
	auto_nl struct nl_batch b = NL_BATCH;

	message(&b, t->table, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, 0, t->family, 0);
	nl_str(&b, NFTA_TABLE_NAME, t->table);
	return nft_ask(fd, &b);
}

/* 1: a chain that others jump to. */
static int base_parse(const struct nlmsghdr *h, const void *body, size_t len, struct nft_base *ret, struct dv_err *e)
{
	struct nl_value v[NFTA_CHAIN_POLICY + 1], hook[NFTA_HOOK_PRIORITY + 1];
	struct nft_base x = { 0 };
	struct nfgenmsg m;
	int r;

	if (h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN) || len < sizeof m)
		return 1;
	memcpy(&m, body, sizeof m);
	if ((r = nl_parse((const char *)body + sizeof m, len - sizeof m, v, NFTA_CHAIN_POLICY, e)) < 0)
		return r;
	if (!v[NFTA_CHAIN_HOOK].p)
		return 1;
	if ((r = nl_parse(v[NFTA_CHAIN_HOOK].p, v[NFTA_CHAIN_HOOK].len, hook, NFTA_HOOK_PRIORITY, e)) < 0)
		return r;
	x.family = m.nfgen_family;
	x.hook = nl_get_be32(&hook[NFTA_HOOK_HOOKNUM]);
	x.policy = v[NFTA_CHAIN_POLICY].p ? nl_get_be32(&v[NFTA_CHAIN_POLICY]) : NF_ACCEPT;
	if (!nl_get_str(&v[NFTA_CHAIN_TABLE], x.table, sizeof x.table) || !nl_get_str(&v[NFTA_CHAIN_NAME], x.chain, sizeof x.chain))
		return 1;
	*ret = x;
	return 0;
}

static int take_base(void *ctx, const struct nlmsghdr *h, const void *body, size_t len, struct dv_err *e)
{
	struct nft_bases *l = ctx;
	struct nft_base x;
	int r = base_parse(h, body, len, &x, e);

	if (r)
		return DV_MIN(r, 0);
	if (l->n == BASES_MAX)
		return dv_fail(e, DV_LIMIT, "more than %d chains", BASES_MAX);
	if (l->n == l->cap) {
		struct nft_base *more = arena_array(l->a, struct nft_base, l->cap = DV_MAX(2 * l->cap, (size_t)16));

		if (l->n)
			memcpy(more, l->v, l->n * sizeof *more);
		l->v = more;
	}
	l->v[l->n++] = x;
	return 0;
}

int nft_bases(int fd, struct arena *a, struct nft_bases *ret, struct dv_err *e)
{
	auto_nl struct nl_batch b = NL_BATCH;
	struct nft_bases l = { .a = a };
	int r;

	message(&b, "list the firewall's chains", NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, NLM_F_DUMP, AF_UNSPEC, 0);
	if ((r = nl_dump(fd, &b, take_base, &l, e)) < 0)
		return r;
	*ret = l;
	return 0;
}

void nft_chain(const struct nft *t, const char *name, const struct nft_hook *hook)
{
	size_t nest;

	table_message(t, "make a chain of the firewall", NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	nl_str(t->b, NFTA_CHAIN_TABLE, t->table);
	nl_str(t->b, NFTA_CHAIN_NAME, name);
	if (!hook)
		return;
	nl_str(t->b, NFTA_CHAIN_TYPE, hook->type);
	nl_be32(t->b, NFTA_CHAIN_POLICY, NF_ACCEPT);
	nest = nl_nest(t->b, NFTA_CHAIN_HOOK | NLA_F_NESTED);
	nl_be32(t->b, NFTA_HOOK_HOOKNUM, hook->hook);
	nl_be32(t->b, NFTA_HOOK_PRIORITY, (uint32_t)hook->priority);
	nl_nest_end(t->b, nest);
}

void nft_flush_chain(const struct nft *t, const char *name)
{
	table_message(t, "empty a chain of the firewall", NFT_MSG_DELRULE, 0);
	nl_str(t->b, NFTA_RULE_TABLE, t->table);
	nl_str(t->b, NFTA_RULE_CHAIN, name);
}

void nft_del_rule(const struct nft *t, const char *chain, uint64_t handle)
{
	table_message(t, "remove a rule of the firewall", NFT_MSG_DELRULE, 0);
	nl_str(t->b, NFTA_RULE_TABLE, t->table);
	nl_str(t->b, NFTA_RULE_CHAIN, chain);
	nl_be64(t->b, NFTA_RULE_HANDLE, handle);
}

/* --- sets --- */

/* Without this nft(8) shows the names of interfaces backwards. */
static void set_byteorder(struct nl_batch *b, const struct nft_set *s)
{
	static const unsigned char host_order[] = { 0, 4, 1, 0, 0, 0 };

	if (s->key_type == NFT_T_IFNAME)
		nl_attr(b, NFTA_SET_USERDATA, host_order, sizeof host_order);
}

void nft_set(const struct nft *t, const struct nft_set *s, uint32_t id)
{
	struct nl_batch *b = t->b;

	table_message(t, s->name, NFT_MSG_NEWSET, NLM_F_CREATE);
	nl_str(b, NFTA_SET_TABLE, t->table);
	nl_str(b, NFTA_SET_NAME, s->name);
	nl_be32(b, NFTA_SET_FLAGS, s->data_len ? NFT_SET_MAP : 0);
	nl_be32(b, NFTA_SET_KEY_TYPE, s->key_type);
	nl_be32(b, NFTA_SET_KEY_LEN, s->key_len);
	if (s->data_len) {
		nl_be32(b, NFTA_SET_DATA_TYPE, s->data_type);
		nl_be32(b, NFTA_SET_DATA_LEN, s->data_len);
	}
	nl_be32(b, NFTA_SET_ID, id);
	set_byteorder(b, s);
}

static void elems_message(struct nl_batch *b, const struct nft *t, const char *set, unsigned type, unsigned flags)
{
	table_message(t, set, type, flags);
	nl_str(b, NFTA_SET_ELEM_LIST_TABLE, t->table);
	nl_str(b, NFTA_SET_ELEM_LIST_SET, set);
}

struct nft_elems nft_elems(const struct nft *t, const char *set, bool remove, unsigned flags)
{
	struct nft_elems l = { .b = t->b };

	elems_message(t->b, t, set, remove ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM, flags);
	l.list = nl_nest(t->b, NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED);
	return l;
}

struct nft_elems nft_elems_ask(const struct nft *t, const char *set)
{
	struct nft_elems l = { .b = t->b };

	elems_message(t->b, t, set, NFT_MSG_GETSETELEM, 0);
	l.list = nl_nest(t->b, NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED);
	return l;
}

static void value(struct nl_batch *b, unsigned type, const void *data, size_t len)
{
	size_t nest = nl_nest(b, type | NLA_F_NESTED);

	nl_attr(b, NFTA_DATA_VALUE, data, len);
	nl_nest_end(b, nest);
}

void nft_elem(struct nft_elems *l, const void *key, size_t key_len, const void *data, size_t data_len)
{
	size_t nest;

	if (l->n++ == ELEMS_MAX) {
		l->b->b.over = true;    /* the caller splits; see ELEMS_MAX */
		return;
	}
	nest = nl_nest(l->b, NFTA_LIST_ELEM | NLA_F_NESTED);
	value(l->b, NFTA_SET_ELEM_KEY, key, key_len);
	if (data_len)
		value(l->b, NFTA_SET_ELEM_DATA, data, data_len);
	nl_nest_end(l->b, nest);
}

void nft_elems_end(struct nft_elems *l)
{
	nl_nest_end(l->b, l->list);
}
