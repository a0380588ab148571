/* log_test.c - formats and escaping of log lines. */
#include "base/log.h"
#include "base/str.h"
#include "base/unit.h"

/* What one event writes, with the time replaced by T. */
static void logged(enum log_format format, struct buf *out, const char *msg, const char *key, const char *value)
{
	int p[2];
	char *t;

	assert_int_equal(fd_pipe(p, NULL), 0);
	log_setup(p[1], format, LOG_INFO);
	log_event(LOG_INFO, msg, key, value, NULL);
	log_debug("too quiet to see", NULL);
	log_setup(2, LOG_PLAIN, LOG_WARN);
	(void)close(p[1]);
	buf_reset(out);
	assert_int_equal(fd_read_to(p[0], out, "log", NULL), 0);
	(void)close(p[0]);
	t = strstr(out->p, "20");
	if (format != LOG_PLAIN) {
		assert_non_null(t);
		assert_int_equal(t[10], 'T');
		assert_int_equal(t[23], 'Z');
		memmove(t + 1, t + 24, strlen(t + 24) + 1);
		*t = 'T';
	}
}

static void test_formats(void **state)
{
	static const struct {
		enum log_format format;
		const char *value, *want;
	} cases[] = {
		{ LOG_PLAIN, "v", "info: did it k=v\n" },
		{ LOG_TEXT, "v", "time=T level=info msg=\"did it\" k=v\n" },
		{ LOG_JSON, "v", "{\"level\":\"info\",\"time\":\"T\",\"msg\":\"did it\",\"k\":\"v\"}\n" },
		{ LOG_TEXT, "", "time=T level=info msg=\"did it\" k=\"\"\n" },
		{ LOG_TEXT, "a b", "time=T level=info msg=\"did it\" k=\"a b\"\n" },
		{ LOG_TEXT, "a\nlevel=error", "time=T level=info msg=\"did it\" k=\"a\\nlevel=error\"\n" },
		{ LOG_TEXT, "q\"\\", "time=T level=info msg=\"did it\" k=\"q\\\"\\\\\"\n" },
		{ LOG_TEXT, "\x1b[31m", "time=T level=info msg=\"did it\" k=\"\\u001b[31m\"\n" },
		{ LOG_TEXT, "\xc2\x9b", "time=T level=info msg=\"did it\" k=\"\\u009b\"\n" },
		{ LOG_TEXT, "\xff", "time=T level=info msg=\"did it\" k=\"\\xff\"\n" },
		{ LOG_JSON, "\xff\xed\xa0\x80", "{\"level\":\"info\",\"time\":\"T\",\"msg\":\"did it\","
		  "\"k\":\"\\ufffd\\ufffd\\ufffd\\ufffd\"}\n" },
		{ LOG_JSON, "\x01\t\"\\\x7f", "{\"level\":\"info\",\"time\":\"T\",\"msg\":\"did it\","
		  "\"k\":\"\\u0001\\t\\\"\\\\\\u007f\"}\n" },
		{ LOG_JSON, "caf\xc3\xa9", "{\"level\":\"info\",\"time\":\"T\",\"msg\":\"did it\",\"k\":\"caf\xc3\xa9\"}\n" },
		{ LOG_PLAIN, NULL, "info: did it k=\"\"\n" },
	};
	auto_buf struct buf out = BUF_INIT(40000);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		logged(cases[i].format, &out, "did it", "k", cases[i].value);
		assert_string_equal(buf_cstr(&out), cases[i].want);
	}
}

/* Long values are cut, and a pair that does not fit leaves a whole line. */
static void test_long_values(void **state)
{
	auto_buf struct buf out = BUF_INIT(100000);
	auto_free char *big = mem_alloc(100001);
	int p[2];

	memset(big, 1, 100000);
	logged(LOG_JSON, &out, "m", "k", big);
	assert_true(str_ends(out.p, "\\u0001...\"}\n"));
	assert_true(out.len < 16384);

	assert_int_equal(fd_pipe(p, NULL), 0);
	log_setup(p[1], LOG_JSON, LOG_INFO);
	log_event(LOG_WARN, "m", "k1", big, "k2", big, "k3", "short", NULL);
	log_setup(2, LOG_PLAIN, LOG_WARN);
	(void)close(p[1]);
	buf_reset(&out);
	assert_int_equal(fd_read_to(p[0], &out, "log", NULL), 0);
	(void)close(p[0]);
	assert_true(str_ends(out.p, "\\u0001...\"}\n"));
	assert_null(strstr(out.p, "k2"));
}

static void test_levels(void **state)
{
	static const struct {
		const char *name;
		int level;
	} cases[] = {
		{ "debug", LOG_DEBUG }, { "info", LOG_INFO }, { "warn", LOG_WARN }, { "warning", LOG_WARN },
		{ "error", LOG_ERROR }, { "DEBUG", LOG_DEBUG }, { "", -1 }, { "trace", -1 }, { "warnings", -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum log_level level = LOG_ERROR;
		bool ok = log_level_parse(cases[i].name, &level);

		assert_int_equal(ok, cases[i].level >= 0);
		if (ok)
			assert_int_equal(level, cases[i].level);
	}
	assert_false(log_wants(LOG_INFO));
	assert_true(log_wants(LOG_WARN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_long_values),
		cmocka_unit_test(test_levels),
	};

	return unit_run(tests);
}
