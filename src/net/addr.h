/* addr.h - IP and MAC addresses as values: text, prefixes, arithmetic. Nothing here talks to the kernel. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/mem.h"

struct net_addr {
	int family;                     /* AF_INET, AF_INET6; 0: none */
	unsigned char b[16];            /* network order; the rest is zero */
};
struct net_prefix {
	struct net_addr addr;
	unsigned bits;
};
struct net_mac {
	unsigned char b[6];
};

#define NET_ADDR_TEXT 46
#define NET_MAC_TEXT 18

static inline bool addr_is(const struct net_addr *a) { return a->family != 0; }
static inline size_t addr_len(const struct net_addr *a) { return a->family == AF_INET6 ? 16 : 4; }
bool addr_equal(const struct net_addr *x, const struct net_addr *y);
/* x < y in the same family. */
bool addr_before(const struct net_addr *x, const struct net_addr *y);
/* Strict: "10.0.0.1", "fd00::1", no scope, no leading zeros. INVALID names `what` and the text. */
int addr_parse(const char *text, const char *what, struct net_addr *ret, struct dv_err *e) DV_MUST_USE;
/* "" for none. */
const char *addr_text(const struct net_addr *a, char out[NET_ADDR_TEXT]);
const char *addr_str(struct arena *a, const struct net_addr *addr);
/* a + n; false when it wraps. */
bool addr_add(struct net_addr *a, uint64_t n);
/* The lowest `bits` of the host part, as far as they fit 64: what addr_add() from the network gives. */
uint64_t addr_host(const struct net_addr *a, unsigned bits);
bool addr_is_loopback(const struct net_addr *a);
bool addr_is_any(const struct net_addr *a);

/* "10.0.0.0/24"; the host bits stay. INVALID. */
int prefix_parse(const char *text, const char *what, struct net_prefix *ret, struct dv_err *e) DV_MUST_USE;
const char *prefix_str(struct arena *a, const struct net_prefix *p);
/* Without host bits, and with all of them set. */
struct net_addr prefix_first(const struct net_prefix *p);
struct net_addr prefix_last(const struct net_prefix *p);
bool prefix_has(const struct net_prefix *p, const struct net_addr *a);
bool prefix_overlap(const struct net_prefix *x, const struct net_prefix *y);
/* How many addresses it has, at most 2^63. */
uint64_t prefix_size(const struct net_prefix *p);

/* "02:42:ac:11:00:02" or with dashes; INVALID, also for group addresses. */
int mac_parse(const char *text, struct net_mac *ret, struct dv_err *e) DV_MUST_USE;
const char *mac_str(struct arena *a, const struct net_mac *m);
bool mac_is(const struct net_mac *m);
/* 02:xx and four bytes of the address: the same address always has the same. */
struct net_mac mac_of_addr(const struct net_addr *a, unsigned char tag);
/* fe80::/64 with the interface id that the kernel makes of the MAC. */
struct net_addr addr_link_local(const struct net_mac *m);
