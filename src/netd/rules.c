/* rules.c - listens to what nf_tables tells everybody: that our table is gone, or that somebody else's firewall has come or
 * has lost our rules in it.
 *
 * A flush of the whole ruleset removes each table with a message of its own. When messages were lost, the table may
 * be: it is asked to be looked at then. A command of ours that makes the table anew removes it first, in one step:
 * what is made after it was removed is not lost.
 */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "netd/inner.h"

struct rules_watch {
	int fd;
	struct loop_source *source;
	char *table;
	void (*lost)(void *ctx);
	void *ctx;
};

/* An attribute of a message; NULL when there is none. */
static const char *attr_of(const struct nlmsghdr *h, unsigned type, size_t *ret_len)
{
	size_t at = NLMSG_LENGTH(sizeof(struct nfgenmsg));

	while (at + NLA_HDRLEN <= h->nlmsg_len) {
		const struct nlattr *a = (const void *)((const char *)h + at);

		if (a->nla_len < NLA_HDRLEN || at + a->nla_len > h->nlmsg_len)
			return NULL;
		if ((a->nla_type & NLA_TYPE_MASK) == type) {
			*ret_len = a->nla_len - NLA_HDRLEN;
			return (const char *)a + NLA_HDRLEN;
		}
		at += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

/* Messages about tables, chains and rules have it in the same place. */
static const char *table_of(const struct nlmsghdr *h)
{
	size_t len;
	const char *text = attr_of(h, NFTA_TABLE_NAME, &len);

	return text && len && text[len - 1] == '\0' ? text : "";
}

struct noted {
	uint64_t gone;                  /* our tables, a bit for each family */
	bool others;
};

/* There are two tables of the name, in two families. */
static void note_table(const struct rules_watch *w, const struct nlmsghdr *h, bool gone, struct noted *ret)
{
	uint64_t family = UINT64_C(1) << (((const struct nfgenmsg *)NLMSG_DATA(h))->nfgen_family & 63);

	if (streq(table_of(h), w->table))
		ret->gone = gone ? ret->gone | family : ret->gone & ~family;
}

static void note(const struct rules_watch *w, const struct nlmsghdr *h, struct noted *ret)
{
	size_t len;
	const char *text;

	switch (h->nlmsg_type ^ NFNL_SUBSYS_NFTABLES << 8) {
	case NFT_MSG_DELTABLE:
		note_table(w, h, true, ret);
		break;
	case NFT_MSG_NEWTABLE:
		note_table(w, h, false, ret);
		break;
	case NFT_MSG_NEWCHAIN:          /* packets come to it, or its policy is another now */
		ret->others |= attr_of(h, NFTA_CHAIN_HOOK, &len) && !str_starts(table_of(h), "davit-");
		break;
	case NFT_MSG_DELRULE:           /* the comment of our rules there is our table's name, behind its type and length */
		text = attr_of(h, NFTA_RULE_USERDATA, &len);
		ret->others |= text && len > 2 && strnlen(text + 2, len - 2) == strlen(w->table) &&
			       memcmp(text + 2, w->table, strlen(w->table)) == 0;
		break;
	default:
		break;
	}
}

static void note_all(const struct rules_watch *w, const char *data, size_t len, struct noted *ret)
{
	for (size_t at = 0; at + sizeof(struct nlmsghdr) <= len;) {
		const struct nlmsghdr *h = (const void *)(data + at);

		if (h->nlmsg_len < sizeof *h || at + h->nlmsg_len > len)
			return;
		note(w, h, ret);
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
}

static void on_message(void *ctx, int fd, uint32_t events)
{
	struct rules_watch *w = ctx;
	char buf[16384] __attribute__((aligned(8)));
	bool missed = false;
	struct noted noted = { 0 };
	ssize_t n;

	while ((n = recv(fd, buf, sizeof buf, MSG_DONTWAIT)) > 0 || (n < 0 && errno == ENOBUFS)) {
		missed |= n < 0;
		if (n > 0)
			note_all(w, buf, (size_t)n, &noted);
	}
	if (missed || noted.gone || noted.others)
		w->lost(w->ctx);
}

void rules_watch_free(struct rules_watch *w)
{
	if (!w)
		return;
	loop_remove(w->source);
	fd_close(&w->fd);
	free(w->table);
	free(w);
}

int rules_watch_new(struct loop *l, const char *table, void (*lost)(void *ctx), void *ctx, struct rules_watch **ret,
		    struct dv_err *e)
{
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK, .nl_groups = 1u << (NFNLGRP_NFTABLES - 1) };
	struct rules_watch *w = mem_new(struct rules_watch);
	int r;

	*w = (struct rules_watch){ .fd = -1, .table = mem_str(table), .lost = lost, .ctx = ctx };
	r = fd_socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_NETFILTER, &w->fd, e);
	if (r >= 0 && bind(w->fd, (struct sockaddr *)&sa, sizeof sa) < 0)
		r = dv_fail_errno(e, errno, "listen to nf_tables");
	if (r >= 0)
		r = loop_add_fd(l, w->fd, EPOLLIN, on_message, w, &w->source, e);
	if (r < 0) {
		rules_watch_free(w);
		return r;
	}
	*ret = w;
	return 0;
}
