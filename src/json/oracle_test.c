/* oracle_test.c - accepted, refused and understood as jansson does, and as RFC 8259 says. */
#include "base/str.h"
#include "base/unit.h"
#include "json/json.h"
#include "json/oracle.h"

/* --- edge cases --- */

enum peer { SAME, OTHER };      /* OTHER: jansson decides differently, for the reason given */

struct edge {
	bool accept;
	enum peer peer;
	const char *text;
	size_t len;
};
#define YES(t) { true, SAME, t, sizeof(t) - 1 }
#define NO(t) { false, SAME, t, sizeof(t) - 1 }
#define YES_OTHER(t) { true, OTHER, t, sizeof(t) - 1 }

static const struct edge edges[] = {
	/* structure */
	YES("[]"), YES("{}"), YES(" \t\r\n[ ] "), YES("[[]   ]"), YES("[1,null,\"a\",{}]"),
	YES("{\"a\":{}}"),
	NO(""), NO(" "), NO("["), NO("]"), NO("{"), NO("}"), NO("[}"), NO("{]"), NO("[1,]"), NO("[,1]"),
	NO("[,]"), NO(","), NO("[1,,2]"), NO("[1 2]"), NO("[1}"), NO("[]]"), NO("[][]"), NO("{}{}"),
	NO("[] x"), NO("[1]\0"), NO("\0"), NO("[\0]"), NO("{\"a\"}"), NO("{\"a\":}"), NO("{:1}"),
	NO("{\"a\" \"b\"}"), NO("{\"a\":1 \"b\":2}"), NO("{\"a\":1,}"), NO("{,}"), NO("{\"a\"::1}"),
	NO("{a:1}"), NO("{'a':1}"), NO("{1:1}"), NO("{null:1}"), NO("{[]:1}"), NO("{\"a\":1,,\"b\":2}"),
	NO("{\"a\":1:2}"), NO("[\"a\":1]"), NO("[\"a\",\n4\n,1,"), NO("[{}"), NO("[\"\"],"),
	NO("{\"a\":\"b\"}#"), NO("{\"a\":\"b\"}/**/"), NO("/**/[]"), NO("[/**/]"), NO("//\n[]"),
	NO("\xef\xbb\xbf[]"), NO("\xef\xbb\xbf"), NO("[\x0c]"), NO("[\x0b]"), NO("[\xc2\xa0]"),
	NO("\xe2\x80\xa8[]"), NO("[\xe2\x81\xa0]"), NO("<.>"), NO("[<null>]"), NO("*"), NO("[*]"),
	/* words */
	YES("null"), YES("true"), YES("false"), YES("[true,false,null]"),
	NO("nul"), NO("tru"), NO("fals"), NO("True"), NO("NULL"), NO("nullx"), NO("[truefalse]"),
	NO("undefined"), NO("a"), NO("NaN"), NO("[Infinity]"), NO("[-Infinity]"), NO("[nan]"),
	/* numbers */
	YES("0"), YES("-0"), YES("-0.0"), YES("0e1"), YES("0E+1"), YES("0e-1"), YES("1e1"), YES("1E22"),
	YES("1.5"), YES("-1"), YES("123e45"), YES("123.456e78"), YES("123.456E-78"), YES("[20e1 ]"),
	YES("[-123]"), YES("0.000000000000000000000000001"), YES("9223372036854775807"),
	YES("-9223372036854775808"), YES("[0,-1]"), YES("1.7976931348623157e308"), YES("5e-324"),
	/* jansson takes integers of 64 bits and finite doubles only */
	YES_OTHER("9223372036854775808"), YES_OTHER("18446744073709551615"),
	YES_OTHER("123456789012345678901234567890"), YES_OTHER("1e400"), YES_OTHER("-1e99999"),
	YES("1e-400"),
	NO("00"), NO("01"), NO("-01"), NO("-"), NO("+1"), NO("++1"), NO("--1"), NO("1."), NO(".1"),
	NO("-.1"), NO("1.e1"), NO("1e"), NO("1e+"), NO("1e-"), NO("1eE2"), NO("1e1.5"), NO("0.e1"),
	NO("0.3e"), NO("0x1"), NO("1_000"), NO("1 000"), NO("1a"), NO("[-a]"), NO("1+2"), NO("[1.2.3]"),
	NO("-1.0."), NO("2.e3"), NO("0e"), NO("0E+"), NO("[-2.]"), NO("\xef\xbc\x91"), NO("1e1e1"),
	/* strings */
	YES("\"\""), YES("\" \""), YES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), YES("\"\\u0000\""),
	YES("\"\\u0020\\u00e9\\u20AC\""), YES("\"\\uD834\\uDd1e\""), YES("\"\\uDBFF\\uDFFF\""),
	YES("\"\\\\u0000\""), YES("\"\\\\a\""), YES("\"\x7f\""), YES("\"\xc2\x80\""), YES("\"\xdf\xbf\""),
	YES("\"\xe0\xa0\x80\""), YES("\"\xed\x9f\xbf\""), YES("\"\xee\x80\x80\""), YES("\"\xef\xbf\xbf\""),
	YES("\"\xf0\x90\x80\x80\""), YES("\"\xf4\x8f\xbf\xbf\""), YES("\"\xe2\x80\xa8\xe2\x80\xa9\""),
	YES("\"\\uFFFE\\uFFFF\""), YES("\"\\uD83F\\uDFFE\""), YES("\"/\""), YES("[\"asd \"]"),
	YES("\"\xef\xbb\xbf\""),
	NO("\""), NO("\"a"), NO("\"\\"), NO("\"\\\""), NO("'a'"), NO("\"\n\""), NO("\"\t\""),
	NO("\"\x1f\""), NO("\"\0\""), NO("\"\\x00\""), NO("\"\\a\""), NO("\"\\U0041\""), NO("\"\\u\""),
	NO("\"\\u1\""), NO("\"\\u12\""), NO("\"\\u123\""), NO("\"\\u123"), NO("\"\\u00G0\""),
	NO("\"\\u 123\""), NO("\"\\u+123\""), NO("\"\\ \""), NO("\"\\\n\""), NO("\"\\\xc3\xa9\""),
	NO("\"\\0\""), NO("\"\\v\""), NO("\"\\'\""), NO("\"\\uD800\""), NO("\"\\uDBFF\""),
	NO("\"\\uDC00\""), NO("\"\\uDFFF\""), NO("\"\\uD800a\""), NO("\"\\uD800\\n\""),
	NO("\"\\uD800\\u0041\""), NO("\"\\uD800\\uD800\""), NO("\"\\uD800\\uE000\""),
	NO("\"\\uDC00\\uD800\""), NO("\"\\uD800\\u\""), NO("\"\\uD800\\uDC0\""), NO("\"\\uD834\\\\uDd1e\""),
	NO("\"\\uD8"),
	/* UTF-8 that is none */
	NO("\"\x80\""), NO("\"\xbf\""), NO("\"\xc0\x80\""), NO("\"\xc1\xbf\""), NO("\"\xc2\""),
	NO("\"\xc2\x41\""), NO("\"\xe0\x80\x80\""), NO("\"\xe0\x9f\xbf\""), NO("\"\xe2\x82\""),
	NO("\"\xe2\x82\x41\""), NO("\"\xed\xa0\x80\""), NO("\"\xed\xbf\xbf\""), NO("\"\xf0\x80\x80\x80\""),
	NO("\"\xf0\x8f\xbf\xbf\""), NO("\"\xf0\x9f\x98\""), NO("\"\xf4\x90\x80\x80\""),
	NO("\"\xf5\x80\x80\x80\""), NO("\"\xf8\x88\x80\x80\x80\""), NO("\"\xfe\""), NO("\"\xff\""),
	NO("\"\xe9\""), NO("[\xe9]"), NO("\xff"), NO("{\"\xff\":1}"), NO("\xff\xfe[\0]\0"), NO("[\0\"\0"),
	/* keys */
	YES("{\"\":0}"), YES("{\"a\":1,\"A\":2}"), YES("{\"a\\nb\":[]}"), YES("{\"a\":{\"a\":{\"a\":1}}}"),
	YES("{\"\xc3\xa9\":1,\"e\\u0301\":2}"),
	NO("{\"a\":1,\"a\":1}"), NO("{\"a\":1,\"b\":2,\"\\u0061\":3}"), NO("{\"\":1,\"\":2}"),
	NO("{\"\xc3\xa9\":1,\"\\u00e9\":2}"),
	/* jansson refuses keys with NUL bytes */
	YES_OTHER("{\"a\\u0000\":1,\"a\":2}"),
	NO("{\"a\\u0000\":1,\"a\\u0000\":2}"),
};

static void test_edges(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
		const struct edge *c = &edges[i];
		auto_arena struct arena a;
		auto_free char *exact = mem_resize(NULL, c->len, 1);
		struct json *j = NULL;
		struct dv_err e = DV_ERR_NONE;
		oracle *t;
		int r;

		memcpy(exact, c->text, c->len);
		arena_init(&a, 0);
		r = json_parse(&a, exact, c->len, &j, &e);
		if (r != (c->accept ? 0 : -DV_INVALID))
			fail_msg("%s: %s", c->text, r < 0 ? e.msg : "accepted");
		t = oracle_parse(exact, c->len);
		if ((t != NULL) != (c->accept == (c->peer == SAME)))
			fail_msg("%s: jansson %s it", c->text, t ? "accepts" : "refuses");
		if (r == 0 && t && !oracle_same(j, t))
			fail_msg("%s: understood otherwise by jansson", c->text);
		oracle_free(t);
	}
}

/* --- random documents --- */

struct rnd {
	uint64_t state;
};

static unsigned rnd_below(struct rnd *r, unsigned n)
{
	r->state = r->state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((r->state >> 33) % n);
}

static struct json *random_string(struct arena *a, struct rnd *r)
{
	static const char *const pieces[] = {
		"a", "the quick brown fox", "\"", "\\", "/", "\n", "\t", "\x01", "\x1f", "\x7f",
		"\xc3\xa9", "\xe2\x82\xac",
		"\xf0\x9f\x98\x80", "0123456789abcdef", " ", "\xed\x9f\xbf", "{}[],:", "\b\f\r",
	};
	auto_buf struct buf b = BUF_INIT(4096);

	for (unsigned n = rnd_below(r, 8); n; n--) {
		const char *piece = pieces[rnd_below(r, ARRAY_LEN(pieces))];

		buf_str(&b, piece);
	}
	if (rnd_below(r, 20) == 0)
		buf_char(&b, '\0');
	return json_new_strn(a, buf_cstr(&b), b.len);
}

static struct json *random_scalar(struct arena *a, struct rnd *r)
{
	static const char *const numbers[] = { "0", "-0", "1.5", "-1e-7", "1E+20", "9223372036854775807",
	"1e22", "0.1" };

	switch (rnd_below(r, 7)) {
	case 0: return json_null(a);
	case 1: return json_new_bool(a, rnd_below(r, 2));
	case 2: return json_new_i64(a, (int64_t)(r->state >> rnd_below(r, 60)) * (rnd_below(r, 2) ? 1 : -1));
	case 3: return json_new_num(a, numbers[rnd_below(r, ARRAY_LEN(numbers))]);
	case 4: return json_new_double(a, (double)(int64_t)r->state / (double)(1 + rnd_below(r, 1000000)));
	default: return random_string(a, r);
	}
}

static struct json *random_tree(struct arena *a, struct rnd *r, unsigned depth)
{
	unsigned kind = rnd_below(r, 3), n = rnd_below(r, rnd_below(r, 30) ? 6 : 60);
	struct json *j;

	if (!depth || kind == 0)
		return random_scalar(a, r);
	j = kind == 1 ? json_new_array(a) : json_new_object(a);
	for (unsigned i = 0; i < n; i++) {
		struct json *v = random_tree(a, r, depth - 1);
		const struct json *key = random_string(a, r);

		if (kind == 1)
			json_append(a, j, v);
		else if (strlen(json_str(key)) == json_str_len(key))
			json_set(a, j, json_str(key), v);
	}
	return j;
}

/* Flip, drop or double a few bytes: most of the results are no JSON, and both must say so. */
static void damage(struct buf *b, struct rnd *r)
{
	static const char bytes[] = "\"\\{}[],:0129-+.eEtfnu \n\x80\xc3\xff";

	for (unsigned n = 1 + rnd_below(r, 3); n && b->len; n--) {
		size_t at = rnd_below(r, (unsigned)b->len);

		switch (rnd_below(r, 3)) {
		case 0:
			b->p[at] = bytes[rnd_below(r, sizeof bytes - 1)];
			break;
		case 1:
			memmove(b->p + at, b->p + at + 1, b->len - at);
			b->len--;
			break;
		default:
			buf_char(b, b->p[at]);
			break;
		}
	}
}

/* jansson's numbers end where ours go on. */
static bool beyond_peer(const struct json *j)
{
	int64_t v;

	if (json_type(j) == JSON_NUMBER)
		return strpbrk(json_num_text(j),
		".eE") ? json_double(j) - json_double(j) != 0 : !json_i64(j, &v);
	for (JSON_EACH(it, j)) {
		if (beyond_peer(it.value) || (json_type(j) == JSON_OBJECT &&
		strlen(json_iter_key(it)) != json_key_len(j, it.i - 1)))
			return true;
	}
	return false;
}

static void compare(const char *text, size_t len)
{
	auto_arena struct arena a;
	struct json *j = NULL;
	struct dv_err e = DV_ERR_NONE;
	oracle *t = oracle_parse(text, len);
	int r;

	arena_init(&a, 0);
	r = json_parse(&a, text, len, &j, &e);
	if ((r == 0) != (t != NULL) && !(r == 0 && beyond_peer(j)))
		fail_msg("ours %s, jansson %s: %.*s", r ? e.msg : "accepts", t ? "accepts" : "refuses",
		(int)len, text);
	if (r == 0 && t)
		assert_true(oracle_same(j, t));
	oracle_free(t);
}

static void test_random(void **state)
{
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		auto_arena struct arena a;
		auto_buf struct buf b = BUF_INIT(1 << 22);
		struct rnd r = { seed * 0x9e3779b97f4a7c15u };
		struct json *j, *again = NULL;
		struct dv_err e;
		oracle *t;

		arena_init(&a, 0);
		j = random_tree(&a, &r, 5);
		json_write(&b, j, rnd_below(&r, 2) ? JSON_PRETTY : JSON_COMPACT);
		assert_ok(json_parse(&a, b.p, b.len, &again, &e), &e);
		assert_true(json_equal(j, again));
		t = oracle_parse(b.p, b.len);
		if (t) {
			auto_free char *theirs = oracle_write(t);

			assert_true(oracle_same(again, t));
			assert_ok(json_parse(&a, theirs, strlen(theirs), &again, &e), &e);
			assert_true(json_equal(j, again));
		}
		assert_true(t || beyond_peer(j));
		oracle_free(t);
		damage(&b, &r);
		compare(b.p, b.len);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_edges),
	cmocka_unit_test(test_random) };

	return unit_run(tests);
}
