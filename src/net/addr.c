/* addr.c - IP and MAC addresses as values. */
#include <arpa/inet.h>
#include <stdio.h>

#include "base/str.h"
#include "net/addr.h"

bool addr_equal(const struct net_addr *x, const struct net_addr *y)
{
	return x->family == y->family && memcmp(x->b, y->b, sizeof x->b) == 0;
}

bool addr_before(const struct net_addr *x, const struct net_addr *y)
{
	return memcmp(x->b, y->b, sizeof x->b) < 0;
}

int addr_parse(const char *text, const char *what, struct net_addr *ret, struct dv_err *e)
{
	struct net_addr a = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	if (inet_pton(a.family, text, a.b) != 1)
		return dv_fail(e, DV_INVALID, "%s: \"%.64s\" is not an IP address", what, text);
	*ret = a;
	return 0;
}

const char *addr_text(const struct net_addr *a, char out[NET_ADDR_TEXT])
{
	*out = '\0';
	if (addr_is(a))
		(void)inet_ntop(a->family, a->b, out, NET_ADDR_TEXT);
	return out;
}

const char *addr_str(struct arena *a, const struct net_addr *addr)
{
	char text[NET_ADDR_TEXT];

	return arena_str(a, addr_text(addr, text));
}

bool addr_add(struct net_addr *a, uint64_t n)
{
	for (size_t i = addr_len(a); i-- > 0 && n;) {
		n += a->b[i];
		a->b[i] = (unsigned char)n;
		n >>= 8;
	}
	return n == 0;
}

uint64_t addr_host(const struct net_addr *a, unsigned bits)
{
	size_t len = addr_len(a);
	unsigned host = (unsigned)len * 8 - bits;
	uint64_t v = 0;

	for (size_t i = len > 8 ? len - 8 : 0; i < len; i++)
		v = v << 8 | a->b[i];
	return host >= 64 ? v : v & ((UINT64_C(1) << host) - 1);
}

bool addr_is_loopback(const struct net_addr *a)
{
	static const unsigned char one[16] = { [15] = 1 };

	return a->family == AF_INET ? a->b[0] == 127 : a->family == AF_INET6 && memcmp(a->b, one, 16) == 0;
}

bool addr_is_any(const struct net_addr *a)
{
	static const unsigned char zero[16];

	return memcmp(a->b, zero, 16) == 0;
}

/* --- prefixes --- */

int prefix_parse(const char *text, const char *what, struct net_prefix *ret, struct dv_err *e)
{
	const char *slash = strchr(text, '/');
	char addr[NET_ADDR_TEXT];
	struct net_prefix p;
	uint64_t bits;

	if (!slash || (size_t)(slash - text) >= sizeof addr)
		return dv_fail(e, DV_INVALID, "%s: \"%.64s\" is not a subnet such as 10.1.2.0/24", what, text);
	memcpy(addr, text, (size_t)(slash - text));
	addr[slash - text] = '\0';
	if (addr_parse(addr, what, &p.addr, e) < 0 ||
	    str_u64(slash + 1, addr_len(&p.addr) * 8, what, &bits, NULL) < 0)
		return dv_fail(e, DV_INVALID, "%s: \"%.64s\" is not a subnet such as 10.1.2.0/24", what, text);
	p.bits = (unsigned)bits;
	*ret = p;
	return 0;
}

const char *prefix_str(struct arena *a, const struct net_prefix *p)
{
	char text[NET_ADDR_TEXT];

	return addr_is(&p->addr) ? arena_printf(a, "%s/%u", addr_text(&p->addr, text), p->bits) : "";
}

/* The bits behind the prefix, all 0 or all 1. */
static struct net_addr with_host(const struct net_prefix *p, unsigned char fill)
{
	struct net_addr a = p->addr;

	for (size_t i = 0; i < addr_len(&a); i++) {
		unsigned keep = p->bits > i * 8 ? DV_MIN(p->bits - (unsigned)i * 8, 8u) : 0;
		unsigned char mask = (unsigned char)(0xff00 >> keep);

		a.b[i] = (unsigned char)((a.b[i] & mask) | (fill & ~mask));
	}
	return a;
}

struct net_addr prefix_first(const struct net_prefix *p)
{
	return with_host(p, 0);
}

struct net_addr prefix_last(const struct net_prefix *p)
{
	return with_host(p, 0xff);
}

bool prefix_has(const struct net_prefix *p, const struct net_addr *a)
{
	struct net_prefix other = { *a, p->bits };
	struct net_addr x = prefix_first(p), y = prefix_first(&other);

	return addr_equal(&x, &y);
}

bool prefix_overlap(const struct net_prefix *x, const struct net_prefix *y)
{
	return x->bits < y->bits ? prefix_has(x, &y->addr) : prefix_has(y, &x->addr);
}

uint64_t prefix_size(const struct net_prefix *p)
{
	unsigned host = (unsigned)addr_len(&p->addr) * 8 - p->bits;

	return UINT64_C(1) << DV_MIN(host, 63u);
}

/* --- MAC addresses --- */

int mac_parse(const char *text, struct net_mac *ret, struct dv_err *e)
{
	char hex[13], sep = strlen(text) == 17 ? text[2] : '\0';
	struct net_mac m;
	size_t n = 0;

	for (size_t i = 0; (sep == ':' || sep == '-') && i < 17; i++) {
		if (i % 3 == 2) {
			if (text[i] != sep)
				break;
		} else {
			hex[n++] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] | 0x20 : text[i]);
		}
	}
	hex[n] = '\0';
	if (n != 12 || !str_unhex(hex, m.b, 6) || (m.b[0] & 1) || !mac_is(&m))
		return dv_fail(e, DV_INVALID, "\"%.64s\" is not a MAC address of an interface", text);
	*ret = m;
	return 0;
}

const char *mac_str(struct arena *a, const struct net_mac *m)
{
	return arena_printf(a, "%02x:%02x:%02x:%02x:%02x:%02x", m->b[0], m->b[1], m->b[2], m->b[3], m->b[4], m->b[5]);
}

bool mac_is(const struct net_mac *m)
{
	static const struct net_mac none;

	return memcmp(m, &none, sizeof none) != 0;
}

struct net_mac mac_of_addr(const struct net_addr *a, unsigned char tag)
{
	size_t n = addr_len(a);

	return (struct net_mac){ { 0x02, tag, a->b[n - 4], a->b[n - 3], a->b[n - 2], a->b[n - 1] } };
}

struct net_addr addr_link_local(const struct net_mac *m)
{
	const unsigned char *b = m->b;

	return (struct net_addr){ .family = AF_INET6,
				  .b = { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, b[0] ^ 2, b[1], b[2], 0xff, 0xfe, b[3], b[4], b[5] } };
}
