/* message_test.c - questions as clients and attackers write them, answers byte by byte. */
#include "base/unit.h"
#include "dns/message.h"

/* A query for NAME: its length. */
static size_t ask(unsigned char *p, const char *name, unsigned type, bool edns)
{
	static const unsigned char head[] = { 0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0 };
	static const unsigned char opt[] = { 0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0 };
	struct dns_name n;
	size_t len = sizeof head;

	assert_int_equal(dns_name_parse(name, &n, NULL), 0);
	memcpy(p, head, sizeof head);
	memcpy(p + len, n.wire, n.len);
	len += n.len;
	memcpy(p + len, (unsigned char[]){ (unsigned char)(type >> 8), (unsigned char)type, 0, 1 }, 4);
	len += 4;
	if (edns) {
		p[11] = 1;
		memcpy(p + len, opt, sizeof opt);
		len += sizeof opt;
	}
	return len;
}

static void names_are_read_and_written(void **state)
{
	static const struct { const char *in, *out; } good[] = {
		{ "web", "web" }, { "Web.FRONT.", "web.front" }, { "a_b-c", "a_b-c" }, { "caf\xc3\xa9", "caf\\195\\169" },
	};
	static const char *const bad[] = {
		"", ".", "..", "a..b", ".a", "a..",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	char text[DNS_TEXT_SIZE], big[300];
	struct dns_name n;
	struct dv_err e;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(dns_name_parse(good[i].in, &n, NULL), 0);
		dns_name_text(&n, text);
		assert_string_equal(text, good[i].out);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(dns_name_parse(bad[i], &n, &e), -DV_INVALID);
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = i % 2 ? '.' : 'a';
	big[253] = '\0';        /* 127 labels of one letter: 255 bytes on the wire */
	assert_int_equal(dns_name_parse(big, &n, NULL), 0);
	assert_int_equal(n.len, 255);
	big[253] = '.';
	big[255] = '\0';
	assert_int_equal(dns_name_parse(big, &n, NULL), -DV_INVALID);
}

static void a_question_is_read(void **state)
{
	unsigned char p[512];
	struct dns_query q;
	size_t len = ask(p, "web.front", DNS_AAAA, false);
	char text[DNS_TEXT_SIZE];

	p[14] = 'E';    /* wEb */
	assert_true(dns_query_parse(p, len, &q));
	assert_int_equal(q.rcode, DNS_NOERROR);
	assert_int_equal(q.id, 0x1234);
	assert_int_equal(q.type, DNS_AAAA);
	assert_int_equal(q.question_len, len - DNS_HEAD_SIZE);
	assert_true(q.recursion && !q.edns);
	assert_int_equal(q.udp_max, DNS_UDP_PLAIN);
	dns_name_text(&q.name, text);
	assert_string_equal(text, "web.front");
	len = ask(p, "web", DNS_A, true);
	assert_true(dns_query_parse(p, len, &q));
	assert_true(q.edns);
	assert_int_equal(q.udp_max, DNS_UDP_MAX);       /* 4096 was offered */
	p[len - 5] = 1;         /* version 1 of EDNS */
	assert_true(dns_query_parse(p, len, &q));
	assert_int_equal(q.rcode, DNS_BADVERS);
}

static void bad_questions_get_their_code(void **state)
{
	static const struct { size_t at; unsigned char byte; enum dns_rcode rcode; } cases[] = {
		{ 2, 0x28, DNS_NOTIMP },        /* an update */
		{ 5, 0, DNS_FORMERR },          /* no question */
		{ 5, 2, DNS_FORMERR },          /* two */
		{ 7, 1, DNS_FORMERR },          /* an answer in a question */
		{ 9, 1, DNS_FORMERR },
		{ 12, 0xc0, DNS_FORMERR },      /* compression */
		{ 12, 0x40, DNS_FORMERR },
		{ 12, 60, DNS_FORMERR },        /* a label that goes on behind the end */
		{ 11, 1, DNS_FORMERR },         /* a record that is not there */
	};
	unsigned char p[512];
	struct dns_query q;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t len = ask(p, "web", DNS_A, false);

		p[cases[i].at] = cases[i].byte;
		assert_true(dns_query_parse(p, len, &q));
		assert_int_equal(q.rcode, cases[i].rcode);
		assert_int_equal(q.question_len ? q.question_len : 0, cases[i].at == 11 ? len - DNS_HEAD_SIZE : 0);
	}
	assert_false(dns_query_parse(p, 11, &q));
	(void)ask(p, "web", DNS_A, false);
	p[2] |= 0x80;
	assert_false(dns_query_parse(p, 21, &q));       /* an answer: answering it could go on for ever */
	for (size_t len = DNS_HEAD_SIZE; len < ask(p, "web", DNS_A, true); len++) {
		assert_true(dns_query_parse(p, len, &q));
		assert_int_equal(q.rcode, DNS_FORMERR);
	}
}

static void an_answer_in_bytes(void **state)
{
	static const unsigned char want[] = {
		0x12, 0x34, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0,
		3, 'w', 'E', 'b', 0, 0, 1, 0, 1,
		0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 1, 2, 3,
	};
	unsigned char p[512], out[512];
	struct dns_writer w;
	struct dns_query q;
	size_t len = ask(p, "web", DNS_A, false);

	p[14] = 'E';
	assert_true(dns_query_parse(p, len, &q));
	dns_answer_begin(&w, &q, p, DNS_NOERROR, true, out, sizeof out);
	dns_answer_addr(&w, (uint8_t[]){ 10, 1, 2, 3 }, 4, 5);
	assert_int_equal(dns_answer_end(&w), sizeof want);
	assert_memory_equal(out, want, sizeof want);
}

static void an_answer_that_does_not_fit_says_so(void **state)
{
	unsigned char p[512], out[DNS_UDP_PLAIN];
	struct dns_writer w;
	struct dns_query q;
	size_t len = ask(p, "web", DNS_A, true), n;

	assert_true(dns_query_parse(p, len, &q));
	dns_answer_begin(&w, &q, p, DNS_NOERROR, true, out, sizeof out);
	for (int i = 0; i < 100; i++)
		dns_answer_addr(&w, (uint8_t[]){ 10, 1, 2, (uint8_t)i }, 4, 0);
	n = dns_answer_end(&w);
	assert_true(n <= sizeof out);
	assert_int_equal(out[2] & 2, 2);
	assert_int_equal(out[7], (n - len) / 16);
	assert_int_equal(out[11], 1);           /* OPT is there all the same */
}

static void addresses_in_names(void **state)
{
	static const char six[] = "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa";
	static const char *const bad[] = {
		"1.0.0.127", "256.0.0.10.in-addr.arpa", "01.0.0.10.in-addr.arpa", "0.0.10.in-addr.arpa",
		"9.1.0.0.10.in-addr.arpa", "x.0.0.10.in-addr.arpa", "in-addr.arpa", "ip6.arpa",
	};
	uint8_t addr[16];
	struct dns_name n;

	assert_int_equal(dns_name_parse("4.3.2.10.IN-ADDR.arpa", &n, NULL), 0);
	assert_int_equal(dns_reverse_parse(&n, addr), 4);
	assert_memory_equal(addr, ((uint8_t[]){ 10, 2, 3, 4 }), 4);
	assert_int_equal(dns_name_parse(six, &n, NULL), 0);
	assert_int_equal(dns_reverse_parse(&n, addr), 16);
	assert_memory_equal(addr, ((uint8_t[]){ 0x43, 0x21, 0, 0, 0, 0x01, 0, 0x02, 0, 0x03, 0, 0x04, 0x05, 0x67, 0x89, 0xab }), 16);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(dns_name_parse(bad[i], &n, NULL), 0);
		assert_int_equal(dns_reverse_parse(&n, addr), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_read_and_written), cmocka_unit_test(a_question_is_read),
		cmocka_unit_test(bad_questions_get_their_code), cmocka_unit_test(an_answer_in_bytes),
		cmocka_unit_test(an_answer_that_does_not_fit_says_so), cmocka_unit_test(addresses_in_names),
	};

	return unit_run(tests);
}
