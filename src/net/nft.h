/* nft.h - nf_tables by raw netlink: one transaction is one batch (nl.h), from nft_begin() to nft_send().
 *
 * A struct nft names the table that the messages are about. Expressions stand between nft_rule() and
 * nft_rule_end(); each is one of the kernel's, registers are given by the constants below. A transaction works as a
 * whole or not at all.
 */
#pragma once

#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_bridge.h>

#include "net/addr.h"
#include "net/nl.h"

struct nft {
	struct nl_batch *b;
	int family;                     /* NFPROTO_INET, NFPROTO_BRIDGE */
	const char *table;
};

void nft_begin(struct nl_batch *b);
/* Ends the transaction and sends it. The errno of what failed is in e->sys: EEXIST, ENOENT. */
int nft_send(int fd, struct nl_batch *b, struct dv_err *e) DV_MUST_USE;

/* --- tables, chains, sets --- */

/* flags: NLM_F_EXCL fails with EEXIST when it is there. */
void nft_table(const struct nft *t, unsigned flags);
/* Takes everything in it along; ENOENT. */
void nft_del_table(const struct nft *t);

/* Asks the kernel; outside of transactions. */
bool nft_table_there(int fd, const struct nft *t);

/* The chains of all tables that see packets by themselves. */
struct nft_base {
	int family;
	char table[64], chain[64];
	uint32_t hook, policy;          /* NF_ACCEPT, NF_DROP */
};
struct nft_bases {
	struct arena *a;
	struct nft_base *v;
	size_t n, cap;
};
int nft_bases(int fd, struct arena *a, struct nft_bases *ret, struct dv_err *e) DV_MUST_USE;

struct nft_hook {
	const char *type;               /* "filter", "nat" */
	uint32_t hook;                  /* NF_INET_*, NF_BR_* */
	int32_t priority;
};
/* hook NULL: one that others jump to. The policy is accept. */
void nft_chain(const struct nft *t, const char *name, const struct nft_hook *hook);
void nft_flush_chain(const struct nft *t, const char *name);

/* Types of keys as nft(8) numbers them; it shows them, the kernel only looks at lengths. */
enum { NFT_T_IPV4 = 7, NFT_T_IPV6 = 8, NFT_T_ETHER = 9, NFT_T_PROTO = 12, NFT_T_PORT = 13, NFT_T_IFNAME = 41 };
#define NFT_T2(a, b) ((uint32_t)(a) << 6 | (b))
#define NFT_T3(a, b, c) (NFT_T2(a, b) << 6 | (c))

struct nft_set {
	const char *name;
	uint32_t key_type, key_len;
	uint32_t data_type, data_len;   /* 0: a set, not a map */
};
void nft_set(const struct nft *t, const struct nft_set *s, uint32_t id);

/* Elements. A message of them is begun for each call of nft_elems() and ended by nft_elems_end(). create:
 * NLM_F_CREATE, NLM_F_CREATE | NLM_F_EXCL (EEXIST when one is there); remove: ENOENT when one is not. */
struct nft_elems {
	struct nl_batch *b;
	size_t list;
	unsigned n;
};
struct nft_elems nft_elems(const struct nft *t, const char *set, bool remove, unsigned flags);
/* A question: are they there? One element, and nft_ask() instead of a transaction. */
struct nft_elems nft_elems_ask(const struct nft *t, const char *set);
bool nft_ask(int fd, struct nl_batch *b);
void nft_elem(struct nft_elems *l, const void *key, size_t key_len, const void *data, size_t data_len);
void nft_elems_end(struct nft_elems *l);

/* --- rules --- */

struct nft_rule {
	struct nl_batch *b;
	size_t list;
	const char *comment;
};
struct nft_rule nft_rule(const struct nft *t, const char *chain, const char *comment);
/* In front of those that are there. */
struct nft_rule nft_rule_first(const struct nft *t, const char *chain, const char *comment);
void nft_rule_end(struct nft_rule *r);
void nft_del_rule(const struct nft *t, const char *chain, uint64_t handle);

/* Registers of 4 bytes; r(0)..r(3) together are the first of 16. */
#define NFT_R(i) (NFT_REG32_00 + (i))

void nft_meta(struct nft_rule *r, uint32_t key, uint32_t reg);
void nft_ct(struct nft_rule *r, uint32_t key, uint32_t reg);
void nft_payload(struct nft_rule *r, uint32_t base, uint32_t offset, uint32_t len, uint32_t reg);
void nft_cmp(struct nft_rule *r, uint32_t op, uint32_t reg, const void *data, size_t len);
void nft_mask(struct nft_rule *r, uint32_t reg, const void *mask, size_t len);
void nft_fib_daddr_type(struct nft_rule *r, uint32_t reg);
/* dreg 0: a set; else what the map has for the key goes there. */
void nft_lookup(struct nft_rule *r, const char *set, uint32_t reg, uint32_t dreg, bool inverted);
void nft_dnat(struct nft_rule *r, uint32_t family, uint32_t addr_reg, uint32_t port_reg);
void nft_masquerade(struct nft_rule *r, uint32_t flags);
void nft_counter(struct nft_rule *r);
/* NF_ACCEPT, NF_DROP, NFT_JUMP (with a chain), NFT_RETURN. */
void nft_verdict(struct nft_rule *r, int code, const char *chain);

/* Of several expressions: compare meta with a value. */
void nft_if_meta(struct nft_rule *r, uint32_t key, uint32_t op, const void *data, size_t len);
void nft_if_name(struct nft_rule *r, uint32_t key, uint32_t op, const char *name);
/* Any of the bits. */
void nft_if_ct(struct nft_rule *r, uint32_t key, uint32_t bits);

#define NFT_HANDLES_MAX 16
struct nft_handles {
	uint64_t v[NFT_HANDLES_MAX];
	size_t n;
};
/* The rules of a chain that have this comment, the first NFT_HANDLES_MAX of them. */
int nft_rules_with(int fd, const struct nft *t, const char *chain, const char *comment, struct nft_handles *ret,
		   struct dv_err *e) DV_MUST_USE;
