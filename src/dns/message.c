/* message.c - reading questions, writing answers. */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "dns/message.h"

enum { FLAG_QR = 0x8000, FLAG_OPCODE = 0x7800, FLAG_AA = 0x0400, FLAG_TC = 0x0200, FLAG_RD = 0x0100, FLAG_RA = 0x0080 };
enum { OPT_FIXED = 11, RECORD_FIXED = 12 /* a pointer for the name, type, class, ttl, length */ };
#define POINTER_TO_QUESTION (0xc000 | DNS_HEAD_SIZE)

static uint16_t get16(const unsigned char *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(unsigned char *p, unsigned v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

static void put32(unsigned char *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* --- names --- */

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

/* The name at p: its length, 0 when it does not end in time or uses compression. */
static size_t name_read(const unsigned char *p, size_t len, struct dns_name *ret)
{
	size_t at = 0;

	while (at < len && p[at] <= DNS_LABEL_MAX) {
		unsigned n = p[at];

		if (at + n + 1 > len || at + n + 1 > DNS_NAME_MAX)
			return 0;
		ret->wire[at] = (unsigned char)n;
		for (unsigned i = 1; i <= n; i++)
			ret->wire[at + i] = lower(p[at + i]);
		at += n + 1;
		if (n == 0) {
			ret->len = (uint8_t)at;
			return at;
		}
	}
	return 0;
}

int dns_name_parse(const char *text, struct dns_name *ret, struct dv_err *e)
{
	struct scan s = scan_of(text, strlen(text));
	struct dns_name n = { 0 };
	size_t at = 0, len;
	const char *label;

	if (s.end > s.p && s.end[-1] == '.')
		s.end--;
	while (scan_until(&s, '.', &label, &len)) {
		if (len == 0 || len > DNS_LABEL_MAX || at + len + 2 > DNS_NAME_MAX)
			return dv_fail(e, DV_INVALID, "\"%.256s\" is no name of a host", text);
		n.wire[at++] = (unsigned char)len;
		for (size_t i = 0; i < len; i++)
			n.wire[at++] = lower((unsigned char)label[i]);
	}
	if (at == 0 || s.end[-1] == '.')
		return dv_fail(e, DV_INVALID, "\"%.256s\" is no name of a host", text);
	n.wire[at++] = 0;
	n.len = (uint8_t)at;
	*ret = n;
	return 0;
}

static char *text_byte(char *out, unsigned char c)
{
	if (isgraph(c) && c != '.' && c != '\\') {
		*out = (char)c;
		return out + 1;
	}
	*out++ = '\\';
	*out++ = (char)('0' + c / 100);
	*out++ = (char)('0' + c / 10 % 10);
	*out++ = (char)('0' + c % 10);
	return out;
}

void dns_name_text(const struct dns_name *n, char *out)
{
	char *p = out;

	for (size_t at = 0; n->wire[at]; at += n->wire[at] + 1u) {
		if (at)
			*p++ = '.';
		for (unsigned i = 1; i <= n->wire[at]; i++)
			p = text_byte(p, n->wire[at + i]);
	}
	*p = '\0';
}

bool dns_name_is(const struct dns_name *a, const struct dns_name *b)
{
	return a->len == b->len && memcmp(a->wire, b->wire, a->len) == 0;
}

/* --- reverse names --- */

/* What is left of n after `count` labels is exactly suffix. */
static bool tail_is(const struct dns_name *n, size_t at, const char *suffix)
{
	struct dns_name want;

	return dns_name_parse(suffix, &want, NULL) >= 0 && n->len - at == want.len &&
	       memcmp(n->wire + at, want.wire, want.len) == 0;
}

static bool octet(const unsigned char *label, uint8_t *ret)
{
	char text[4] = "";
	uint64_t v;

	if (*label == 0 || *label > 3 || (*label > 1 && label[1] == '0'))
		return false;
	memcpy(text, label + 1, *label);
	if (str_u64(text, 255, "octet", &v, NULL) < 0)
		return false;
	*ret = (uint8_t)v;
	return true;
}

static size_t reverse4(const struct dns_name *n, uint8_t addr[16])
{
	size_t at = 0;

	for (int i = 3; i >= 0; i--) {
		if (!octet(n->wire + at, &addr[i]))
			return 0;
		at += n->wire[at] + 1u;
	}
	return tail_is(n, at, "in-addr.arpa") ? 4 : 0;
}

static int nibble(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t reverse6(const struct dns_name *n, uint8_t addr[16])
{
	if (n->len < 64 || !tail_is(n, 64, "ip6.arpa"))
		return 0;
	memset(addr, 0, 16);
	for (int i = 0; i < 32; i++) {
		int v = n->wire[2 * i] == 1 ? nibble(n->wire[2 * i + 1]) : -1;
		int byte = 15 - i / 2;

		if (v < 0)
			return 0;
		addr[byte] = (uint8_t)(i % 2 ? addr[byte] | v << 4 : v);
	}
	return 16;
}

size_t dns_reverse_parse(const struct dns_name *n, uint8_t ret_addr[16])
{
	uint8_t addr[16];
	size_t len = reverse4(n, addr);

	if (!len)
		len = reverse6(n, addr);
	if (len)
		memcpy(ret_addr, addr, len);
	return len;
}

/* --- queries --- */

/* The one record that a query may have behind its question is OPT. */
static enum dns_rcode read_edns(const unsigned char *p, size_t len, struct dns_query *q)
{
	if (len < OPT_FIXED || p[0] != 0 || get16(p + 1) != DNS_OPT || (size_t)get16(p + 9) + OPT_FIXED > len)
		return DNS_FORMERR;
	q->edns = true;
	q->udp_max = DV_MIN(DV_MAX(get16(p + 3), (uint16_t)DNS_UDP_PLAIN), (uint16_t)DNS_UDP_MAX);
	return p[6] ? DNS_BADVERS : DNS_NOERROR;
}

static enum dns_rcode read_question(const unsigned char *p, size_t len, struct dns_query *q)
{
	size_t n;

	if (get16(p + 2) & FLAG_OPCODE)
		return DNS_NOTIMP;
	if (get16(p + 4) != 1 || get16(p + 6) || get16(p + 8) || get16(p + 10) > 1)
		return DNS_FORMERR;
	n = name_read(p + DNS_HEAD_SIZE, len - DNS_HEAD_SIZE, &q->name);
	if (!n || DNS_HEAD_SIZE + n + 4 > len)
		return DNS_FORMERR;
	q->type = get16(p + DNS_HEAD_SIZE + n);
	q->class = get16(p + DNS_HEAD_SIZE + n + 2);
	q->question_len = n + 4;
	if (!get16(p + 10))
		return DNS_NOERROR;
	return read_edns(p + DNS_HEAD_SIZE + n + 4, len - DNS_HEAD_SIZE - n - 4, q);
}

bool dns_query_parse(const void *data, size_t len, struct dns_query *ret)
{
	const unsigned char *p = data;

	if (len < DNS_HEAD_SIZE || (get16(p + 2) & FLAG_QR))
		return false;
	*ret = (struct dns_query){ .id = get16(p), .recursion = get16(p + 2) & FLAG_RD, .udp_max = DNS_UDP_PLAIN };
	ret->rcode = read_question(p, len, ret);
	return true;
}

/* --- answers --- */

void dns_answer_begin(struct dns_writer *w, const struct dns_query *q, const void *query, enum dns_rcode rcode,
		      bool authoritative, void *p, size_t max)
{
	const unsigned char *in = query;
	unsigned flags = FLAG_QR | FLAG_RA | (get16(in + 2) & (FLAG_OPCODE | FLAG_RD)) | (authoritative ? FLAG_AA : 0);

	*w = (struct dns_writer){ .p = p, .max = max, .q = q, .opt_len = q->edns ? OPT_FIXED : 0 };
	memset(w->p, 0, DNS_HEAD_SIZE);
	put16(w->p, q->id);
	put16(w->p + 2, flags | (rcode & 15u));
	put16(w->p + 4, q->question_len ? 1 : 0);
	memcpy(w->p + DNS_HEAD_SIZE, in + DNS_HEAD_SIZE, q->question_len);
	w->len = DNS_HEAD_SIZE + q->question_len;
	if (q->edns) {          /* written last, made here: the upper half of rcode is in it */
		unsigned char *opt = w->p + w->max - OPT_FIXED;

		memset(opt, 0, OPT_FIXED);
		put16(opt + 1, DNS_OPT);
		put16(opt + 3, DNS_UDP_MAX);
		opt[5] = (unsigned char)(rcode >> 4);
	}
}

/* Room for a record of the question's name with len bytes of data. */
static unsigned char *record(struct dns_writer *w, enum dns_type type, uint32_t ttl, size_t len)
{
	unsigned char *p = w->p + w->len;

	if (w->truncated || w->len + RECORD_FIXED + len + w->opt_len > w->max) {
		w->truncated = true;
		return NULL;
	}
	put16(p, POINTER_TO_QUESTION);
	put16(p + 2, type);
	put16(p + 4, DNS_CLASS_IN);
	put32(p + 6, ttl);
	put16(p + 10, (unsigned)len);
	w->len += RECORD_FIXED + len;
	return p + RECORD_FIXED;
}

void dns_answer_addr(struct dns_writer *w, const uint8_t *addr, size_t len, uint32_t ttl)
{
	unsigned char *p = record(w, len == 4 ? DNS_A : DNS_AAAA, ttl, len);

	if (!p)
		return;
	memcpy(p, addr, len);
	w->answers++;
}

void dns_answer_ptr(struct dns_writer *w, const struct dns_name *target, uint32_t ttl)
{
	unsigned char *p = record(w, DNS_PTR, ttl, target->len);

	if (!p)
		return;
	memcpy(p, target->wire, target->len);
	w->answers++;
}

/* Server and mailbox are the name itself; the five numbers are serial, refresh, retry, expire, minimum. */
void dns_answer_soa(struct dns_writer *w, uint32_t ttl)
{
	unsigned char *p = record(w, DNS_SOA, ttl, 2 + 2 + 5 * 4);

	if (!p)
		return;
	put16(p, POINTER_TO_QUESTION);
	put16(p + 2, POINTER_TO_QUESTION);
	for (int i = 0; i < 5; i++)
		put32(p + 4 + 4 * i, ttl);
	w->authorities++;
}

size_t dns_answer_end(struct dns_writer *w)
{
	if (w->truncated)
		put16(w->p + 2, get16(w->p + 2) | FLAG_TC);
	put16(w->p + 6, w->answers);
	put16(w->p + 8, w->authorities);
	if (w->q->edns) {
		memmove(w->p + w->len, w->p + w->max - OPT_FIXED, OPT_FIXED);
		w->len += OPT_FIXED;
		put16(w->p + 10, 1);
	}
	return w->len;
}
