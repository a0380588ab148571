/* dns.c - any bytes as a question: it is dropped, or answered with a whole message of the allowed size.
 *
 * The first byte chooses the names that are known.
 */
#include <string.h>

#include "dns/zone.h"
#include "fuzz.h"

static void fill(struct zone *z, uint8_t how)
{
	const char *names[] = { "web", "db.front", "a" };
	struct zone_addr addrs[] = { { 4, { 10, 0, 0, 2 } }, { 16, { 0xfd, 1 } } };

	for (unsigned i = 0; i < 3; i++)
		if (how >> i & 1)
			FUZZ_CHECK(zone_set(z, "n", names[i], names, i + 1, addrs, how >> 3 & 1 ? 2 : 1, NULL) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zone_asker asker = { "n", { 4, { 10, 0, 0, 2 } } };
	unsigned char out[DNS_UDP_MAX];
	struct dns_writer w;
	struct dns_query q;
	struct zone *z;
	size_t len = 0;
	char text[DNS_TEXT_SIZE];
	struct dns_name again;

	if (!size || !dns_query_parse(data + 1, size - 1, &q))
		return 0;
	FUZZ_CHECK(q.question_len <= size - 1 - DNS_HEAD_SIZE && q.udp_max >= DNS_UDP_PLAIN && q.udp_max <= sizeof out);
	if (q.rcode != DNS_NOERROR) {
		dns_answer_begin(&w, &q, data + 1, q.rcode, false, out, q.udp_max);
		len = dns_answer_end(&w);
		FUZZ_CHECK(len >= DNS_HEAD_SIZE && len <= q.udp_max && (out[2] & 0x80));
		return 0;
	}
	dns_name_text(&q.name, text);
	if (!strchr(text, '\\') && *text)
		FUZZ_CHECK(dns_name_parse(text, &again, NULL) >= 0 && dns_name_is(&again, &q.name));
	z = zone_new();
	fill(z, data[0]);
	if (zone_answer(z, &asker, &q, data + 1, out, q.udp_max, &len)) {
		FUZZ_CHECK(len >= DNS_HEAD_SIZE + q.question_len && len <= q.udp_max);
		FUZZ_CHECK((out[2] & 0x84) == 0x84 && memcmp(out, data + 1, 2) == 0);
		FUZZ_CHECK(memcmp(out + DNS_HEAD_SIZE, data + 1 + DNS_HEAD_SIZE, q.question_len) == 0);
	}
	zone_free(z);
	return 0;
}
