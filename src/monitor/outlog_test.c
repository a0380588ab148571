/* Logs: docker's lines, pieces of long ones, rotation, a disk that is full. */
#include "base/unit.h"
#include "base/fault.h"
#include "json/json.h"
#include "monitor/outlog.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define FILE_NAME "log/" ID "-json.log"

static void test_line(void **state)
{
	static const struct { const char *text; size_t len; bool complete; int stream; const char *attrs, *want; } rows[] = {
		{ "hello", 5, true, 1, NULL, "{\"log\":\"hello\\n\",\"stream\":\"stdout\",\"time\":\"2023-11-14T22:13:20.000000005Z\"}\n" },
		{ "", 0, true, 2, NULL, "{\"log\":\"\\n\",\"stream\":\"stderr\",\"time\":\"2023-11-14T22:13:20.000000005Z\"}\n" },
		{ "a\"\\\t\r\x01", 6, false, 1, "{\"k\":\"v\"}",
		  "{\"log\":\"a\\\"\\\\\\t\\r\\u0001\",\"stream\":\"stdout\",\"attrs\":{\"k\":\"v\"},\"time\":\"2023-11-14T22:13:20.000000005Z\"}\n" },
		{ "\xc3\xa4\xff\xed\xa0\x80", 6, true, 1, NULL,
		  "{\"log\":\"\xc3\xa4\\ufffd\\ufffd\\ufffd\\ufffd\\n\",\"stream\":\"stdout\",\"time\":\"2023-11-14T22:13:20.000000005Z\"}\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_buf struct buf b = BUF_INIT(4096);

		outlog_json_line(&b, rows[i].text, rows[i].len, rows[i].complete, rows[i].stream, rows[i].attrs,
				 INT64_C(1700000000000000005));
		assert_string_equal(buf_cstr(&b), rows[i].want);
	}
}

static struct outlog *open_log(struct unit_tmp *t, int64_t max_size, int64_t max_file)
{
	static struct job_log c;
	static struct job j;
	struct dv_err e = DV_ERR_NONE;
	struct outlog *l = NULL;

	c = (struct job_log){ .driver = "json-file", .max_size = { true, max_size }, .max_file = { true, max_file } };
	j = (struct job){ .id = ID, .name = "n", .log = &c };
	assert_ok(outlog_new(&j, t->fd, &l, &e), &e);
	return l;
}

/* The texts of all lines of a file, one after the other. */
static size_t read_texts(int dir, const char *name, struct buf *out)
{
	auto_buf struct buf b = BUF_INIT(8 << 20);
	auto_arena struct arena a = { 0 };
	struct dv_err e = DV_ERR_NONE;
	size_t n = 0;
	char *text, *line;

	arena_init(&a, 0);
	assert_ok(file_read(dir, name, &b, &e), &e);
	text = buf_take(&b);
	for (line = text; *line; n++) {
		char *end = strchr(line, '\n');
		struct json *j = NULL;

		assert_non_null(end);
		assert_ok(json_parse(&a, line, (size_t)(end - line), &j, &e), &e);
		buf_add(out, json_str(json_get(j, "log")), json_str_len(json_get(j, "log")));
		line = end + 1;
	}
	free(text);
	return n;
}

static void test_pieces(void **state)
{
	auto_buf struct buf all = BUF_INIT(1 << 20), got = BUF_INIT(1 << 20);
	struct unit_tmp t;
	struct outlog *l;

	unit_tmp_new(&t);
	for (int i = 0; i < 40000; i++)
		buf_char(&all, (char)('a' + i % 26));
	buf_str(&all, "\nshort\nhalf");
	l = open_log(&t, 0, 1);
	/* In pieces of any size. */
	for (size_t at = 0, n = 1; at < all.len; at += n, n = n * 7 % 9973 + 1)
		outlog_data(l, 1, all.p + at, DV_MIN(n, all.len - at));
	outlog_end(l);
	outlog_free(l);
	assert_int_equal(read_texts(t.fd, FILE_NAME, &got), 5);
	assert_int_equal(got.len, all.len);
	assert_memory_equal(got.p, all.p, all.len);
	unit_tmp_done(&t);
}

static void test_rotation(void **state)
{
	auto_buf struct buf got = BUF_INIT(1 << 20);
	struct unit_tmp t;
	struct outlog *l;
	char line[32];
	struct stat st;

	unit_tmp_new(&t);
	l = open_log(&t, 2000, 3);
	for (int i = 0; i < 200; i++)
		outlog_data(l, 1, line, (size_t)snprintf(line, sizeof line, "line %03d\n", i));
	outlog_free(l);
	assert_int_equal(fstatat(t.fd, FILE_NAME ".1", &st, 0), 0);
	assert_true(st.st_size <= 2000);
	assert_int_equal(fstatat(t.fd, FILE_NAME ".2", &st, 0), 0);
	assert_int_equal(fstatat(t.fd, FILE_NAME ".3", &st, 0), -1);
	(void)read_texts(t.fd, FILE_NAME ".2", &got);
	(void)read_texts(t.fd, FILE_NAME ".1", &got);
	(void)read_texts(t.fd, FILE_NAME, &got);
	/* Nothing is missing between the files, and the last line is the last one. */
	for (size_t i = 0, first = (size_t)strtoul(got.p + 5, NULL, 10); i < got.len / 9; i++)	/* allow(strtol): our own text */
		assert_int_equal(strtoul(got.p + 9 * i + 5, NULL, 10), first + i);	/* allow(strtol): our own text */
	assert_memory_equal(got.p + got.len - 9, "line 199\n", 9);
	unit_tmp_done(&t);
}

static void test_none(void **state)
{
	struct job_log c = { .driver = "none" };
	struct job j = { .id = ID, .name = "n", .log = &c };
	struct unit_tmp t;
	struct outlog *l = (struct outlog *)&c;
	struct stat st;

	unit_tmp_new(&t);
	assert_int_equal(outlog_new(&j, t.fd, &l, NULL), 0);
	assert_null(l);
	outlog_data(l, 1, "x\n", 2);
	outlog_end(l);
	outlog_free(l);
	assert_int_equal(fstatat(t.fd, "log", &st, 0), -1);
	c.driver = "nosuch";
	assert_fails(outlog_new(&j, t.fd, &l, NULL), INVALID);
	unit_tmp_done(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line), cmocka_unit_test(test_pieces), cmocka_unit_test(test_rotation), cmocka_unit_test(test_none),
	};

	return unit_run(tests);
}
