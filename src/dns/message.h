/* message.h - DNS messages: the question of a query, and the answer to it (RFC 1035, EDNS of RFC 6891).
 *
 * Names are handled as they are on the wire (length and bytes of each label, a zero at the end), in lower case:
 * whatever a label holds, two names are the same if their bytes are. Only the question of a message is read, so
 * there is no compression to follow.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DNS_NAME_MAX 255        /* bytes on the wire, RFC 1035 section 2.3.4 */
#define DNS_LABEL_MAX 63
#define DNS_HEAD_SIZE 12
#define DNS_MESSAGE_MAX 65535
#define DNS_UDP_PLAIN 512       /* without EDNS */
#define DNS_UDP_MAX 1232        /* what fits into one packet on every path */

enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_SOA = 6, DNS_PTR = 12, DNS_AAAA = 28, DNS_OPT = 41, DNS_ANY = 255 };
enum dns_rcode {
	DNS_NOERROR = 0, DNS_FORMERR = 1, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_NOTIMP = 4, DNS_REFUSED = 5, DNS_BADVERS = 16
};
enum { DNS_CLASS_IN = 1 };

struct dns_name {
	uint8_t len;                    /* the zero included */
	unsigned char wire[DNS_NAME_MAX];
};

struct dns_query {
	uint16_t id;
	bool recursion;                 /* RD */
	bool edns;
	uint16_t udp_max;               /* the largest answer that the client takes by UDP */
	struct dns_name name;           /* lower case */
	uint16_t type, class;
	size_t question_len;            /* bytes after the head */
	enum dns_rcode rcode;           /* what is wrong with it, or DNS_NOERROR */
};

/* false when it is not to be answered at all: too short for a head, or itself an answer. With a wrong question
 * rcode says what to answer, and question_len is 0 when it cannot be repeated. */
bool dns_query_parse(const void *data, size_t len, struct dns_query *ret);

/* "web.front" or "web.front."; lower case is made. INVALID: an empty or too long label or name. */
int dns_name_parse(const char *text, struct dns_name *ret, struct dv_err *e) DV_MUST_USE;
/* For people; every byte that is not printable, a dot or a backslash as \DDD. out has DNS_TEXT_SIZE bytes. */
#define DNS_TEXT_SIZE (4 * DNS_NAME_MAX + 1)
void dns_name_text(const struct dns_name *n, char *out);
bool dns_name_is(const struct dns_name *a, const struct dns_name *b);

/* The address that a name below in-addr.arpa or ip6.arpa stands for: its length (4 or 16), or 0. */
size_t dns_reverse_parse(const struct dns_name *n, uint8_t ret_addr[16]);

/* --- answers --- */

struct dns_writer {
	unsigned char *p;
	size_t len, max;
	size_t opt_len;                 /* kept free at the end */
	uint16_t answers, authorities;
	bool truncated;
	const struct dns_query *q;
};

/* Head and question, which are those of the query message. max is the room behind p, at least DNS_UDP_PLAIN. */
void dns_answer_begin(struct dns_writer *w, const struct dns_query *q, const void *query, enum dns_rcode rcode,
		      bool authoritative, void *p, size_t max);
/* Records for the name of the question. len is 4 or 16. */
void dns_answer_addr(struct dns_writer *w, const uint8_t *addr, size_t len, uint32_t ttl);
void dns_answer_ptr(struct dns_writer *w, const struct dns_name *target, uint32_t ttl);
/* The SOA that goes with a negative answer; zero: it is not to be kept (RFC 2308). */
void dns_answer_soa(struct dns_writer *w, uint32_t ttl);
/* The length of the message. */
size_t dns_answer_end(struct dns_writer *w);
