/* table_test.c - columns, escapes, cutting on a terminal of a given width. */
#include <sys/ioctl.h>
#include <termios.h>

#include "base/unit.h"
#include "ui/table.h"
#include "ui/text.h"

static const char *const headers[] = { "NAME", "IMAGE", "PORTS", NULL };

static struct table *sample(struct arena *a)
{
	struct table *t = table_new(a, headers);

	table_row(t, (const char *const[]){ "one", "a-rather-long-image-name:latest", NULL });
	table_row(t, (const char *const[]){ "a\nb\x1b[31m", "caf\xc3\xa9\xff", "80/tcp" });
	return t;
}

static void test_file(void **state)
{
	auto_arena struct arena a;
	char out[1000] = "";
	FILE *f = fmemopen(out, sizeof out, "w");

	arena_init(&a, 0);
	table_print(sample(&a), f, false, false);
	table_print(table_new(&a, headers), f, false, false);
	table_print(sample(&a), f, false, true);
	(void)fclose(f);
	assert_string_equal(out,
		"NAME           IMAGE                             PORTS\n"
		"one            a-rather-long-image-name:latest\n"
		"a\\nb\\x1b[31m   caf\xc3\xa9\\xff                          80/tcp\n"
		"NAME      IMAGE     PORTS\n"
		"one            a-rather-long-image-name:latest\n"
		"a\\nb\\x1b[31m   caf\xc3\xa9\\xff                          80/tcp\n");
}

/* What a terminal of `columns` shows. */
static void on_terminal(unsigned short columns, bool wide, char *out, size_t size)
{
	auto_arena struct arena a;
	struct winsize ws = { .ws_row = 24, .ws_col = columns };
	struct termios raw;
	auto_close int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int slave;
	FILE *f;

	arena_init(&a, 0);
	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	assert_int_equal(tcgetattr(slave, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
	assert_int_equal(ioctl(slave, TIOCSWINSZ, &ws), 0);
	f = fdopen(slave, "w");
	assert_int_equal(ui_width(f), columns);
	table_print(sample(&a), f, wide, false);
	assert_int_equal(fflush(f), 0);
	unit_read_terminal(master, out, size);
	(void)fclose(f);
}

static void test_terminal(void **state)
{
	char out[1000];

	on_terminal(45, false, out, sizeof out);
	for (char *line = out, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		assert_true(text_width(line) <= 45);
		if (line != out && *line == 'o')
			assert_non_null(strstr(line, "a-rather-long-im"));
	}
	on_terminal(45, true, out, sizeof out);
	assert_non_null(strstr(out, "image-name:latest"));
	on_terminal(200, false, out, sizeof out);
	assert_non_null(strstr(out, "image-name:latest"));
	on_terminal(5, false, out, sizeof out);     /* too narrow for anything, and yet it ends */
	assert_non_null(strstr(out, "\xe2\x80\xa6"));
}

static void test_colour(void **state)
{
	static const struct {
		const char *no_color, *term;
		bool want;
	} cases[] = {
		{ NULL, "xterm", true }, { "", "xterm", true }, { "1", "xterm", false }, { NULL, "dumb", false },
		{ NULL, NULL, false },
	};
	FILE *file = fopen("/dev/null", "we"), *terminal = fopen("/dev/ptmx", "we");

	assert_non_null(file);
	assert_non_null(terminal);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(cases[i].no_color ? setenv("NO_COLOR", cases[i].no_color, 1) : unsetenv("NO_COLOR"), 0);
		assert_int_equal(cases[i].term ? setenv("TERM", cases[i].term, 1) : unsetenv("TERM"), 0);
		assert_int_equal(ui_colour(terminal), cases[i].want);
		assert_false(ui_colour(file));
	}
	(void)fclose(file);
	(void)fclose(terminal);
}

static void test_width(void **state)
{
	static const struct {
		const char *text;
		size_t width;
	} cases[] = {
		{ "", 0 }, { "abc", 3 }, { "caf\xc3\xa9", 4 }, { "e\xcc\x81", 1 }, { "\xe4\xb8\xad\xe6\x96\x87", 4 },
		{ "\xf0\x9f\x98\x80", 2 }, { "\xff\xfe", 2 }, { "\xe4\xb8", 2 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(text_width(cases[i].text), cases[i].width);
}

static void test_cut(void **state)
{
	auto_arena struct arena a;

	arena_init(&a, 0);
	assert_string_equal(text_cut(&a, "abcdef", 6), "abcdef");
	assert_string_equal(text_cut(&a, "abcdef", 5), "abcd\xe2\x80\xa6");
	assert_string_equal(text_cut(&a, "\xe4\xb8\xad\xe6\x96\x87", 3), "\xe4\xb8\xad\xe2\x80\xa6");
	assert_string_equal(text_cut(&a, "\xe4\xb8\xad\xe6\x96\x87", 2), "\xe2\x80\xa6");
	assert_string_equal(text_clean(&a, "x\xe2\x80\xaey\xc2\x85\xed\xa0\x80"), "x\\u202ey\\x85\\xed\\xa0\\x80");
}

static void test_wrap(void **state)
{
	auto_buf struct buf b = BUF_INIT(1000);

	buf_str(&b, "  label ");
	text_wrap(&b, "one two three  four averyveryverylongword x\nnew", 8, 8, 18);
	assert_string_equal(buf_cstr(&b), "  label one two\n        three four\n        averyveryverylongword\n"
					  "        x\n        new");
}

static void test_distance(void **state)
{
	assert_int_equal(text_distance("run", "run"), 0);
	assert_int_equal(text_distance("rnu", "run"), 1);
	assert_int_equal(text_distance("", "abc"), 3);
	assert_int_equal(text_distance("kitten", "sitting"), 3);
	assert_int_equal(text_distance("exce", "exec"), 1);
	assert_true(text_distance("a", "an-option-name-that-is-far-longer-than-any-we-have") == SIZE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file), cmocka_unit_test(test_terminal), cmocka_unit_test(test_colour), cmocka_unit_test(test_width),
		cmocka_unit_test(test_cut), cmocka_unit_test(test_wrap), cmocka_unit_test(test_distance),
	};

	return unit_run(tests);
}
