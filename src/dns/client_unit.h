/* client_unit.h - for tests: what a resolver sends and what it makes of the answer. */
#pragma once

#include "base/unit.h"
#include "dns/message.h"

/* A query: its length. edns is the size it offers, 0 for none. */
static inline size_t client_query(unsigned char *p, const char *name, unsigned type, unsigned edns)
{
	struct dns_name n;
	size_t len = DNS_HEAD_SIZE;

	assert_int_equal(dns_name_parse(name, &n, NULL), 0);
	memset(p, 0, DNS_HEAD_SIZE);
	memcpy(p, (unsigned char[]){ 7, 7, 1, 0, 0, 1 }, 6);
	memcpy(p + len, n.wire, n.len);
	len += n.len;
	memcpy(p + len, (unsigned char[]){ (unsigned char)(type >> 8), (unsigned char)type, 0, 1 }, 4);
	len += 4;
	if (edns) {
		p[11] = 1;
		memcpy(p + len, (unsigned char[]){ 0, 0, 41, (unsigned char)(edns >> 8), (unsigned char)edns, 0, 0, 0, 0, 0, 0 }, 11);
		len += 11;
	}
	return len;
}

/* "NXDOMAIN", "NODATA", "SERVFAIL", or the data of the records: "10.0.0.2 10.0.0.3". */
static inline void client_read(const unsigned char *p, size_t len, char *out, size_t size)
{
	static const char *const codes[] = { "NODATA", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };
	unsigned n = p[7];
	size_t at = DNS_HEAD_SIZE, k = 0;

	assert_true(len > DNS_HEAD_SIZE && (p[2] & 0x80) && p[0] == 7 && p[1] == 7);
	(void)snprintf(out, size, "%s%s", p[2] & 2 ? "TC " : "", n ? "" : codes[p[3] & 7]);
	k = strlen(out);
	while (p[at])
		at += p[at] + 1u;
	at += 5;
	for (unsigned i = 0; i < n; i++) {
		unsigned size_data = (unsigned)(p[at + 10] << 8 | p[at + 11]);
		const unsigned char *d = p + at + 12;

		assert_true(at + 12 + size_data <= len);
		k += (size_t)snprintf(out + k, size - k, "%s", i ? " " : "");
		if (p[at + 3] == DNS_A)
			k += (size_t)snprintf(out + k, size - k, "%u.%u.%u.%u", d[0], d[1], d[2], d[3]);
		else if (p[at + 3] == DNS_PTR)
			k += (size_t)snprintf(out + k, size - k, "%.*s", (int)d[0], d + 1);
		else
			k += (size_t)snprintf(out + k, size - k, "v6:%x", d[15]);
		at += 12 + size_data;
	}
}
