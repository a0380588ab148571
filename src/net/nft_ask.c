/* nft_ask.c - rules in nf_tables, whoever's chain they are in, by their comment. */
#include <linux/netfilter/nfnetlink.h>

#include "base/str.h"
#include "net/nft.h"

#define NAME_SIZE 256

static void question(struct nl_batch *b, const char *label, unsigned type, int family)
{
	struct nfgenmsg m = { .nfgen_family = (uint8_t)family, .version = NFNETLINK_V0 };

	nl_msg(b, label, NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_DUMP, &m, sizeof m);
}

struct rules {
	const char *chain, *comment;
	struct nft_handles *found;
};

/* As nft(8) stores it; see nft_rule_end(). */
static bool has_comment(const struct nl_value *v, const char *comment)
{
	const unsigned char *p = v->p;
	size_t len = strlen(comment) + 1;

	return p && v->len >= len + 2 && p[0] == 0 && p[1] == len && memcmp(p + 2, comment, len) == 0;
}

static int take_rule(void *ctx, const struct nlmsghdr *h, const void *body, size_t len, struct dv_err *e)
{
	size_t head = NLMSG_ALIGN(sizeof(struct nfgenmsg));
	struct nl_value v[NFTA_RULE_MAX + 1];
	struct rules *x = ctx;
	char chain[NAME_SIZE];
	int r;

	if (h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE))
		return 0;
	if (len < head)
		return dv_fail(e, DV_CORRUPT, "netlink: a rule of %zu bytes", len);
	if ((r = nl_parse((const char *)body + head, len - head, v, NFTA_RULE_MAX, e)) < 0)
		return r;
	if (nl_get_str(&v[NFTA_RULE_CHAIN], chain, sizeof chain) && streq(chain, x->chain) &&
	    has_comment(&v[NFTA_RULE_USERDATA], x->comment) && x->found->n < NFT_HANDLES_MAX)
		x->found->v[x->found->n++] = nl_get_be64(&v[NFTA_RULE_HANDLE]);
	return 0;
}

int nft_rules_with(int fd, const struct nft *t, const char *chain, const char *comment, struct nft_handles *ret, struct dv_err *e)
{
	auto_nl struct nl_batch b = NL_BATCH;
	struct nft_handles found = { .n = 0 };
	struct rules x = { chain, comment, &found };
	int r;

	question(&b, "list the rules of a chain", NFT_MSG_GETRULE, t->family);
	nl_str(&b, NFTA_RULE_TABLE, t->table);
	nl_str(&b, NFTA_RULE_CHAIN, chain);
	r = nl_dump(fd, &b, take_rule, &x, e);
	if (r >= 0)
		*ret = found;
	return r;
}
