/* nft_expr.c - rules of nf_tables: one function for each expression of the kernel that is used here. */
#include <linux/netfilter/nfnetlink.h>

#include "base/str.h"
#include "net/nft.h"

#define COMMENT_MAX 127

static struct nft_rule begin_rule(const struct nft *t, const char *chain, const char *comment, unsigned flags)
{
	struct nfgenmsg m = { .nfgen_family = (uint8_t)t->family, .version = NFNETLINK_V0 };
	struct nft_rule r = { .b = t->b, .comment = comment };

	nl_msg(t->b, comment ? comment : chain, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE, NLM_F_CREATE | flags, &m,
	       sizeof m);
	nl_str(t->b, NFTA_RULE_TABLE, t->table);
	nl_str(t->b, NFTA_RULE_CHAIN, chain);
	r.list = nl_nest(t->b, NFTA_RULE_EXPRESSIONS | NLA_F_NESTED);
	return r;
}

struct nft_rule nft_rule(const struct nft *t, const char *chain, const char *comment)
{
	return begin_rule(t, chain, comment, NLM_F_APPEND);
}

struct nft_rule nft_rule_first(const struct nft *t, const char *chain, const char *comment)
{
	return begin_rule(t, chain, comment, 0);
}

/* The comment as nft(8) stores it: type 0, length, text with its NUL. */
void nft_rule_end(struct nft_rule *r)
{
	unsigned char data[COMMENT_MAX + 3] = { 0 };
	size_t len = r->comment ? strlen(r->comment) : 0;

	nl_nest_end(r->b, r->list);
	if (!len || len > COMMENT_MAX)
		return;
	data[1] = (unsigned char)(len + 1);
	memcpy(data + 2, r->comment, len);
	nl_attr(r->b, NFTA_RULE_USERDATA, data, len + 3);
}

struct expr {
	struct nl_batch *b;
	size_t elem, data;
};

static struct expr begin(struct nft_rule *r, const char *name)
{
	struct expr x = { .b = r->b };

	x.elem = nl_nest(r->b, NFTA_LIST_ELEM | NLA_F_NESTED);
	nl_str(r->b, NFTA_EXPR_NAME, name);
	x.data = nl_nest(r->b, NFTA_EXPR_DATA | NLA_F_NESTED);
	return x;
}

static void end(struct expr *x)
{
	nl_nest_end(x->b, x->data);
	nl_nest_end(x->b, x->elem);
}

static void data_value(struct nl_batch *b, unsigned type, const void *data, size_t len)
{
	size_t nest = nl_nest(b, type | NLA_F_NESTED);

	nl_attr(b, NFTA_DATA_VALUE, data, len);
	nl_nest_end(b, nest);
}

void nft_meta(struct nft_rule *r, uint32_t key, uint32_t reg)
{
	struct expr x = begin(r, "meta");

	nl_be32(r->b, NFTA_META_KEY, key);
	nl_be32(r->b, NFTA_META_DREG, reg);
	end(&x);
}

void nft_ct(struct nft_rule *r, uint32_t key, uint32_t reg)
{
	struct expr x = begin(r, "ct");

	nl_be32(r->b, NFTA_CT_KEY, key);
	nl_be32(r->b, NFTA_CT_DREG, reg);
	end(&x);
}

void nft_payload(struct nft_rule *r, uint32_t base, uint32_t offset, uint32_t len, uint32_t reg)
{
	struct expr x = begin(r, "payload");

	nl_be32(r->b, NFTA_PAYLOAD_DREG, reg);
	nl_be32(r->b, NFTA_PAYLOAD_BASE, base);
	nl_be32(r->b, NFTA_PAYLOAD_OFFSET, offset);
	nl_be32(r->b, NFTA_PAYLOAD_LEN, len);
	end(&x);
}

void nft_cmp(struct nft_rule *r, uint32_t op, uint32_t reg, const void *data, size_t len)
{
	struct expr x = begin(r, "cmp");

	nl_be32(r->b, NFTA_CMP_SREG, reg);
	nl_be32(r->b, NFTA_CMP_OP, op);
	data_value(r->b, NFTA_CMP_DATA, data, len);
	end(&x);
}

void nft_mask(struct nft_rule *r, uint32_t reg, const void *mask, size_t len)
{
	static const unsigned char zero[16];
	struct expr x = begin(r, "bitwise");

	nl_be32(r->b, NFTA_BITWISE_SREG, reg);
	nl_be32(r->b, NFTA_BITWISE_DREG, reg);
	nl_be32(r->b, NFTA_BITWISE_LEN, (uint32_t)len);
	data_value(r->b, NFTA_BITWISE_MASK, mask, len);
	data_value(r->b, NFTA_BITWISE_XOR, zero, DV_MIN(len, sizeof zero));
	end(&x);
}

void nft_fib_daddr_type(struct nft_rule *r, uint32_t reg)
{
	struct expr x = begin(r, "fib");

	nl_be32(r->b, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nl_be32(r->b, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	nl_be32(r->b, NFTA_FIB_DREG, reg);
	end(&x);
}

void nft_lookup(struct nft_rule *r, const char *set, uint32_t reg, uint32_t dreg, bool inverted)
{
	struct expr x = begin(r, "lookup");

	nl_str(r->b, NFTA_LOOKUP_SET, set);
	nl_be32(r->b, NFTA_LOOKUP_SREG, reg);
	if (dreg)
		nl_be32(r->b, NFTA_LOOKUP_DREG, dreg);
	if (inverted)
		nl_be32(r->b, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	end(&x);
}

void nft_dnat(struct nft_rule *r, uint32_t family, uint32_t addr_reg, uint32_t port_reg)
{
	struct expr x = begin(r, "nat");

	nl_be32(r->b, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	nl_be32(r->b, NFTA_NAT_FAMILY, family);
	nl_be32(r->b, NFTA_NAT_REG_ADDR_MIN, addr_reg);
	nl_be32(r->b, NFTA_NAT_REG_PROTO_MIN, port_reg);
	end(&x);
}

void nft_masquerade(struct nft_rule *r, uint32_t flags)
{
	struct expr x = begin(r, "masq");

	nl_be32(r->b, NFTA_MASQ_FLAGS, flags);
	end(&x);
}

void nft_counter(struct nft_rule *r)
{
	struct expr x = begin(r, "counter");

	end(&x);
}

void nft_verdict(struct nft_rule *r, int code, const char *chain)
{
	struct expr x = begin(r, "immediate");
	size_t data, verdict;

	nl_be32(r->b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nl_nest(r->b, NFTA_IMMEDIATE_DATA | NLA_F_NESTED);
	verdict = nl_nest(r->b, NFTA_DATA_VERDICT | NLA_F_NESTED);
	nl_be32(r->b, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		nl_str(r->b, NFTA_VERDICT_CHAIN, chain);
	nl_nest_end(r->b, verdict);
	nl_nest_end(r->b, data);
	end(&x);
}

/* --- several --- */

void nft_if_meta(struct nft_rule *r, uint32_t key, uint32_t op, const void *data, size_t len)
{
	nft_meta(r, key, NFT_REG_1);
	nft_cmp(r, op, NFT_REG_1, data, len);
}

void nft_if_name(struct nft_rule *r, uint32_t key, uint32_t op, const char *name)
{
	char whole[16] = { 0 };

	memcpy(whole, name, DV_MIN(strlen(name), sizeof whole - 1));
	nft_if_meta(r, key, op, whole, sizeof whole);
}

void nft_if_ct(struct nft_rule *r, uint32_t key, uint32_t bits)
{
	static const uint32_t zero;

	nft_ct(r, key, NFT_REG_1);
	nft_mask(r, NFT_REG_1, &bits, sizeof bits);
	nft_cmp(r, NFT_CMP_NEQ, NFT_REG_1, &zero, sizeof zero);
}
