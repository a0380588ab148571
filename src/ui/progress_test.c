/* progress_test.c - plain lines, quiet, and what a terminal shows after all cursor movements. */
#include <pthread.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "base/str.h"
#include "base/unit.h"
#include "ui/progress.h"

static void plain(bool quiet, char *out, size_t size)
{
	FILE *f = fmemopen(out, size, "w");
	struct progress *p = progress_new(f, quiet);
	struct progress_item *a = progress_add(p, "aaa"), *b = progress_add(p, "b\x1b[2J");

	progress_step(a, "downloading");
	for (uint64_t i = 0; i < 1000; i++)
		progress_set(a, i, 1000);
	progress_step(b, "waiting");
	progress_step(a, "downloading");     /* no change, no line */
	progress_note(p, "a note");
	progress_step(a, "done");
	progress_free(p);
	(void)fclose(f);
}

static void test_plain_and_quiet(void **state)
{
	char out[1000] = "";

	plain(false, out, sizeof out);
	assert_string_equal(out, "aaa: downloading\nb\\x1b[2J: waiting\na note\naaa: done\n");
	memset(out, 0, sizeof out);
	plain(true, out, sizeof out);
	assert_string_equal(out, "");
}

/* A terminal of few abilities: text, newline, cursor up, erase to the end of the line or of the screen. */
struct screen {
	char rows[50][200];
	size_t row, column, lowest;
};

static const char *escape(struct screen *s, const char *p)
{
	char *end;
	size_t n = strtoul(p + 2, &end, 10);

	if (*end == 'A') {
		assert_true(n <= s->row);
		s->row -= n;
		s->column = 0;
	} else if (*end == 'K') {
		memset(s->rows[s->row] + s->column, 0, sizeof s->rows[0] - s->column);
	} else {
		assert_int_equal(*end, 'J');
		for (size_t i = s->row + 1; i < 50; i++)
			memset(s->rows[i], 0, sizeof s->rows[0]);
		memset(s->rows[s->row] + s->column, 0, sizeof s->rows[0] - s->column);
	}
	return end + 1;
}

static void show(struct screen *s, const char *p, size_t width)
{
	while (*p) {
		if (*p == '\x1b') {
			p = escape(s, p);
			continue;
		}
		if (*p == '\n') {
			s->row++;
			s->column = 0;
		} else {
			assert_true(s->column < 199 && s->row < 49);
			s->rows[s->row][s->column++] = *p;
			assert_true(s->column < width);
		}
		p++;
	}
}

struct terminal {
	int master;
	FILE *f;
};

static void open_terminal(struct terminal *t, unsigned short columns, unsigned short rows)
{
	struct winsize ws = { .ws_row = rows, .ws_col = columns };
	struct termios raw;
	int slave;

	t->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(t->master >= 0 && grantpt(t->master) == 0 && unlockpt(t->master) == 0);
	slave = open(ptsname(t->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(tcgetattr(slave, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
	assert_int_equal(ioctl(slave, TIOCSWINSZ, &ws), 0);
	t->f = fdopen(slave, "w");
	assert_non_null(t->f);
}

static void close_terminal(struct terminal *t)
{
	(void)fclose(t->f);
	fd_close(&t->master);
}

static void read_screen(struct terminal *t, struct screen *s, size_t width)
{
	char out[20000];

	assert_int_equal(fflush(t->f), 0);
	unit_read_terminal(t->master, out, sizeof out);
	show(s, out, width);
}

static void test_terminal(void **state)
{
	static struct screen s;
	struct progress_item *a, *b;
	struct progress *p;
	struct terminal t;

	assert_int_equal(setenv("TERM", "xterm", 1), 0);
	open_terminal(&t, 60, 24);
	p = progress_new(t.f, false);
	a = progress_add(p, "aaa");
	b = progress_add(p, "a-name-that-is-much-too-long-for-half-of-the-terminal");
	progress_step(a, "downloading");
	progress_step(b, "waiting");
	progress_set(a, 500000, 1000000);
	progress_note(p, "a note");
	progress_step(b, "done");
	progress_free(p);
	read_screen(&t, &s, 60);
	assert_string_equal(s.rows[0], "a note");
	assert_string_equal(s.rows[1], "aaa: downloading [===============>              ] 500kB/1MB");
	assert_true(str_starts(s.rows[2], "a-name-that-is-much-too-long-"));
	assert_true(str_ends(s.rows[2], ": done"));
	assert_string_equal(s.rows[3], "");
	close_terminal(&t);
}

/* More items than lines: the frame never becomes taller than the screen. */
static void test_small_screen(void **state)
{
	static struct screen s;
	struct progress *p;
	struct terminal t;

	open_terminal(&t, 40, 5);
	p = progress_new(t.f, false);
	for (int i = 0; i < 20; i++) {
		char name[10];

		(void)snprintf(name, sizeof name, "item%d", i);
		progress_step(progress_add(p, name), "waiting");
	}
	progress_free(p);
	read_screen(&t, &s, 40);
	assert_string_equal(s.rows[0], "item16: waiting");
	assert_string_equal(s.rows[3], "item19: waiting");
	assert_string_equal(s.rows[4], "");
	close_terminal(&t);
}

static void *update(void *arg)
{
	struct progress_item *it = progress_add(arg, "thread");

	for (uint64_t i = 0; i < 2000; i++) {
		progress_set(it, i, 2000);
		if (i % 1000 == 0)
			progress_step(it, i ? "second" : "first");
	}
	return NULL;
}

static void test_threads_and_limit(void **state)
{
	pthread_t threads[4];
	char out[4000] = "";
	FILE *f = fmemopen(out, sizeof out, "w");
	struct progress *p = progress_new(f, false);
	size_t lines = 0;

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, update, p), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (int i = 4; i < 1000; i++)
		assert_non_null(progress_add(p, "x"));
	assert_null(progress_add(p, "x"));
	progress_step(NULL, "x");
	progress_set(NULL, 1, 2);
	progress_free(p);
	(void)fclose(f);
	for (const char *q = out; *q; q++)
		lines += *q == '\n';
	assert_int_equal(lines, 8);
	progress_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_and_quiet), cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_small_screen), cmocka_unit_test(test_threads_and_limit),
	};

	return unit_run(tests);
}
