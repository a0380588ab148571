/* network_others.c - where the firewall of another program drops what it does not know (docker's and ufw's policy, and
 * firewalld's last rule), it gets rules of ours in front.
 *
 * A packet has to be accepted by every table, so ours alone cannot let anything through. What is let through here is
 * only what comes from or goes to our bridges, and our own table still decides about that. The expressions are those
 * that iptables writes itself for "-i NAME+ -j ACCEPT" and "-p udp --dport 53", so that it can read its table as before.
 */
#include "base/fd.h"
#include "base/str.h"
#include "engine/network_parts.h"
#include "net/nft.h"

#define RULES 2         /* in each chain */

struct others {
	struct nl_batch b;
	const char *bridges;            /* how their names begin */
	const char *comment;            /* by which our rules are known */
	int fd;
};

bool others_drop(const struct nft_base *c)
{
	return (c->hook == NF_INET_FORWARD || c->hook == NF_INET_LOCAL_IN) &&
	       (c->family == NFPROTO_INET || c->family == NFPROTO_IPV4 || c->family == NFPROTO_IPV6) &&
	       (c->policy == NF_DROP || streq(c->table, "firewalld"));
}

static const char *comment_of(struct engine *g, struct arena *a)
{
	return arena_printf(a, "davit-%s", network_tag(g, a));
}

bool others_open(struct engine *g, struct arena *a, int nft, const struct nft_base *c)
{
	struct nft t = { .family = c->family, .table = c->table };
	struct nft_handles ours = { .n = 0 };

	return nft_rules_with(nft, &t, c->chain, comment_of(g, a), &ours, NULL) >= 0 && ours.n == RULES;
}

static void accept_name(const struct others *o, const struct nft *t, const char *chain, uint32_t key)
{
	struct nft_rule r = nft_rule_first(t, chain, o->comment);

	nft_if_meta(&r, key, NFT_CMP_EQ, o->bridges, strlen(o->bridges));
	nft_counter(&r);
	nft_verdict(&r, NF_ACCEPT, NULL);
	nft_rule_end(&r);
}

/* Containers ask the host for names. */
static void accept_names(const struct others *o, const struct nft *t, const char *chain, unsigned char proto)
{
	struct nft_rule r = nft_rule_first(t, chain, o->comment);

	nft_if_meta(&r, NFT_META_IIFNAME, NFT_CMP_EQ, o->bridges, strlen(o->bridges));
	nft_if_meta(&r, NFT_META_L4PROTO, NFT_CMP_EQ, &proto, 1);
	nft_payload(&r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1);
	nft_cmp(&r, NFT_CMP_EQ, NFT_REG_1, "\0\x35", 2);
	nft_counter(&r);
	nft_verdict(&r, NF_ACCEPT, NULL);
	nft_rule_end(&r);
}

/* Those that are there stay: their removal is what davit-netd listens for. */
static int write_chain(struct others *o, const struct nft_base *c, bool wanted, struct dv_err *e)
{
	struct nft t = { &o->b, c->family, c->table };
	struct nft_handles old;
	int r = nft_rules_with(o->fd, &t, c->chain, o->comment, &old, e);

	if (r < 0)
		return r;
	if (wanted && old.n == RULES)
		return 0;
	for (size_t i = 0; i < old.n; i++)
		nft_del_rule(&t, c->chain, old.v[i]);
	if (!wanted)
		return 0;
	if (c->hook == NF_INET_FORWARD) {
		accept_name(o, &t, c->chain, NFT_META_IIFNAME);
		accept_name(o, &t, c->chain, NFT_META_OIFNAME);
	} else {
		accept_names(o, &t, c->chain, 17);
		accept_names(o, &t, c->chain, 6);
	}
	return 0;
}

static int write_all(struct others *o, struct arena *a, bool wanted, struct dv_err *e)
{
	struct nft_bases l;
	int r = nft_bases(o->fd, a, &l, e);

	nft_begin(&o->b);
	for (size_t i = 0; r >= 0 && i < l.n; i++)
		if (others_drop(&l.v[i]))
			r = write_chain(o, &l.v[i], wanted, e);
	return r < 0 ? r : nft_send(o->fd, &o->b, e);
}

/* Whoever owns a table may be changing it right now (NOT_FOUND, CONFLICT): it is looked at again. */
int others_write(struct engine *g, struct arena *a, bool wanted, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	struct others o = { .fd = -1 };
	int r = -DV_NOT_FOUND;

	o.bridges = arena_printf(a, "br%s-", network_tag(g, a));
	o.comment = comment_of(g, a);
	for (int tries = 0; tries < 3 && r == -DV_NOT_FOUND; tries++) {
		o.b = NL_BATCH;
		r = nl_open(NETLINK_NETFILTER, -1, &o.fd, &why);
		if (r >= 0)
			r = write_all(&o, a, wanted, &why);
		nl_batch_done(&o.b);
		fd_close(&o.fd);
	}
	if (r < 0 && e) {
		*e = why;
		return dv_wrap(e, "rules in the firewall of another program");
	}
	return r;
}
