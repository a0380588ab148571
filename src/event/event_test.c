/* event_test.c - order, rotation, several writers, damaged files, followers. */
#include <sys/wait.h>

#include "base/str.h"
#include "base/unit.h"
#include "event/event.h"

static void emit(int runfd, const char *action, const char *id)
{
	struct dv_err e = DV_ERR_NONE;
	struct event ev = { .type = "container", .action = action, .id = id };

	assert_ok(event_emit(runfd, &ev, &e), &e);
}

/* Reads one that must be there; returns its number. */
static uint64_t expect_action(struct event_reader *r, const char *action)
{
	struct dv_err e = DV_ERR_NONE;
	struct json *j = NULL;
	struct arena a = { 0 };
	const char *text;
	uint64_t seq = 0;

	arena_init(&a, 0);
	assert_int_equal(event_next(r, &seq, &text, &e), 1);
	assert_ok(json_parse(&a, text, strlen(text), &j, &e), &e);
	assert_string_equal(json_str(json_get(j, "Action")), action);
	arena_done(&a);
	return seq;
}

static void expect_none(struct event_reader *r)
{
	struct dv_err e = DV_ERR_NONE;
	const char *text;

	assert_int_equal(event_next(r, NULL, &text, &e), 0);
}

static void test_form(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct json *j = NULL, *attrs;
	struct event_reader *r;
	struct arena a = { 0 };
	struct unit_tmp t;
	const char *text;

	arena_init(&a, 0);
	unit_tmp_new(&t);
	attrs = json_obj(&a, "image", json_new_str(&a, "bb\nx"), "exitCode", json_new_str(&a, "3"), NULL);
	struct event ev = { .type = "container", .action = "die", .id = "abc", .attributes = attrs, .time_ns = 5000000007 };
	assert_ok(event_emit(t.fd, &ev, &e), &e);
	assert_ok(event_reader_new(t.fd, &r, &e), &e);
	assert_int_equal(event_next(r, NULL, &text, &e), 1);
	assert_ok(json_parse(&a, text, strlen(text), &j, &e), &e);
	assert_string_equal(json_str(json_path(j, "Actor.Attributes.exitCode")), "3");
	assert_string_equal(json_str(json_get(j, "from")), "bb\nx");
	assert_string_equal(json_str(json_get(j, "status")), "die");
	assert_string_equal(json_num_text(json_get(j, "time")), "5");
	assert_string_equal(json_num_text(json_get(j, "timeNano")), "5000000007");
	event_reader_free(r);
	unit_tmp_done(&t);
	arena_done(&a);
}

static void test_follow(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct event_reader *r;
	struct unit_tmp t;
	struct pollfd p = { .events = POLLIN };

	unit_tmp_new(&t);
	assert_ok(event_reader_new(t.fd, &r, &e), &e);
	assert_ok(event_wait_fd(r, &p.fd, &e), &e);
	expect_none(r);
	assert_int_equal(poll(&p, 1, 0), 0);
	emit(t.fd, "start", "a");
	assert_int_equal(poll(&p, 1, 10000), 1);
	event_wait_done(r);
	assert_int_equal(expect_action(r, "start"), 1);
	expect_none(r);
	assert_int_equal(poll(&p, 1, 0), 0);
	emit(t.fd, "die", "a");
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(expect_action(r, "die"), 2);
	event_reader_free(r);
	unit_tmp_done(&t);
}

/* A follower loses nothing over a rotation; who comes later finds the two newest files' worth, in order. */
static void test_rotation(void **state)
{
	enum { COUNT = 9000 };
	struct dv_err e = DV_ERR_NONE;
	struct event_reader *r, *late;
	struct unit_tmp t;
	struct stat now, old;
	const char *text;
	uint64_t seq, last = 0, n = 0;

	unit_tmp_new(&t);
	assert_ok(event_reader_new(t.fd, &r, &e), &e);
	for (uint64_t i = 1; i <= COUNT; i++) {
		emit(t.fd, "start", "0123456789012345678901234567890123456789012345678901234567890123");
		if (i % 7 && i != COUNT)
			continue;
		while (event_next(r, &seq, &text, &e) == 1) {
			assert_int_equal(seq, last + 1);
			last = seq;
		}
	}
	assert_int_equal(last, COUNT);
	event_reader_free(r);
	assert_int_equal(fstatat(t.fd, "events", &now, 0), 0);
	assert_int_equal(fstatat(t.fd, "events.1", &old, 0), 0);
	assert_true(now.st_size <= EVENT_FILE_MAX + 1024 && old.st_size <= EVENT_FILE_MAX + 1024);
	assert_ok(event_reader_new(t.fd, &late, &e), &e);
	for (last = 0; event_next(late, &seq, &text, &e) == 1; last = seq, n++)
		assert_true(last == 0 || seq == last + 1);
	assert_true(last == COUNT && n > 1000 && n < COUNT);
	event_reader_free(late);
	unit_tmp_done(&t);
}

static void test_writers(void **state)
{
	enum { WRITERS = 4, EACH = 100 };
	struct dv_err e = DV_ERR_NONE;
	struct event_reader *r;
	struct unit_tmp t;
	const char *text;
	uint64_t seq, n = 0;
	pid_t pids[WRITERS];

	unit_tmp_new(&t);
	for (int w = 0; w < WRITERS; w++) {
		pids[w] = fork();
		if (pids[w] == 0) {
			for (int i = 0; i < EACH; i++)
				emit(t.fd, "start", "x");
			_exit(0);
		}
	}
	for (int w = 0; w < WRITERS; w++) {
		int status = -1;

		assert_int_equal(waitpid(pids[w], &status, 0), pids[w]);
		assert_int_equal(status, 0);
	}
	assert_ok(event_reader_new(t.fd, &r, &e), &e);
	while (event_next(r, &seq, &text, &e) == 1)
		assert_int_equal(seq, ++n);
	assert_int_equal(n, WRITERS * EACH);
	event_reader_free(r);
	unit_tmp_done(&t);
}

static void put(int dirfd, const char *text, int flags)
{
	auto_close int fd = -1;
	struct dv_err e = DV_ERR_NONE;

	assert_ok(file_open(dirfd, "events", O_WRONLY | O_CREAT | flags, 0600, &fd, &e), &e);
	assert_ok(fd_write_all(fd, text, strlen(text), "events", &e), &e);
}

static void test_damage(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct event_reader *r;
	struct event ev = { .type = "container", .action = "x", .id = "a" };
	struct unit_tmp t;
	char *large = mem_alloc(EVENT_LINE_MAX + 1);

	unit_tmp_new(&t);
	emit(t.fd, "start", "a");
	put(t.fd, "junk\n7 not json\n99999999999999999999 {}\n2 {\"cut", O_APPEND);
	emit(t.fd, "die", "a");
	assert_ok(event_reader_new(t.fd, &r, &e), &e);
	assert_int_equal(expect_action(r, "start"), 1);
	/* The line that was cut off is the only thing lost. */
	assert_int_equal(expect_action(r, "die"), 2);
	expect_none(r);
	event_reader_free(r);
	/* What is no file of ours begins anew. */
	put(t.fd, "something else entirely, and longer than a head\n", O_TRUNC);
	emit(t.fd, "start", "b");
	assert_ok(event_reader_new(t.fd, &r, &e), &e);
	assert_int_equal(expect_action(r, "start"), 1);
	expect_none(r);
	event_reader_free(r);
	memset(large, 'x', EVENT_LINE_MAX);
	ev.id = large;
	assert_fails(event_emit(t.fd, &ev, &e), LIMIT);
	free(large);
	unit_tmp_done(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),    cmocka_unit_test(test_follow), cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_writers), cmocka_unit_test(test_damage),
	};

	return unit_run(tests);
}
