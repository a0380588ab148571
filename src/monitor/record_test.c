/* Records: bytes, damage, the lock that proves life; restart policies and their delays. */
#include <sys/wait.h>

#include "base/unit.h"
#include "monitor/policy.h"
#include "monitor/record.h"

static const struct record sample = { .state = RECORD_RUNNING, .monitor = { 11, 12 }, .init = { 21, 22 }, .started_ns = 5,
				      .finished_ns = 6, .code = 137, .oom = true, .user_stopped = true, .restarts = 3,
				      .health = HEALTH_UNHEALTHY, .failing = 2, .dropped = 99, .boot = "boot" };

static void test_bytes(void **state)
{
	char data[RECORD_BYTES];
	struct record r;

	record_encode(&sample, data);
	assert_true(record_decode(data, sizeof data, &r));
	assert_true(r.state == sample.state && r.monitor.pid == 11 && r.init.start_ticks == 22 && r.code == 137 && r.oom &&
		    r.user_stopped && !r.removed && r.restarts == 3 && r.health == HEALTH_UNHEALTHY && r.dropped == 99);
	assert_string_equal(r.boot, "boot");
	assert_false(record_decode(data, sizeof data - 1, &r));
	/* Any bit that is another one. */
	for (size_t i = 0; i < sizeof data; i++) {
		data[i] ^= 1;
		assert_false(record_decode(data, sizeof data, &r));
		data[i] ^= 1;
	}
	memset(data, 0, sizeof data);
	assert_false(record_decode(data, sizeof data, &r));
}

static void test_file(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct unit_tmp t;
	struct record r;
	bool alive = true;
	int fd = -1;

	unit_tmp_new(&t);
	assert_fails(record_read(t.fd, RECORD_LIVE, &r, &alive, NULL), NOT_FOUND);
	assert_false(alive);
	assert_ok(record_make(t.fd, RECORD_LIVE, true, &fd, &e), &e);
	assert_ok(record_write(fd, &sample, true, &e), &e);
	/* Our own lock does not count, and goes when we close the file once more: ask from another process. */
	if (fork() == 0) {
		int mine = -1;
		bool held = record_read(t.fd, RECORD_LIVE, &r, &alive, NULL) >= 0 && alive && r.code == 137;

		_exit(held && record_make(t.fd, RECORD_LIVE, true, &mine, NULL) == -DV_CONFLICT ? 0 : 1);
	}
	{
		int status = -1;

		(void)wait(&status);
		assert_int_equal(status, 0);
	}
	fd_close(&fd);
	assert_ok(record_read(t.fd, RECORD_LIVE, &r, &alive, &e), &e);
	assert_false(alive);
	unit_tmp_done(&t);
}

static void test_policy_words(void **state)
{
	static const struct { const char *text; int kind; int64_t max; } good[] = {
		{ NULL, POLICY_NO, 0 },       { "", POLICY_NO, 0 },           { "no", POLICY_NO, 0 },
		{ "always", POLICY_ALWAYS, 0 }, { "unless-stopped", POLICY_UNLESS_STOPPED, 0 },
		{ "on-failure", POLICY_ON_FAILURE, 0 }, { "on-failure:3", POLICY_ON_FAILURE, 3 },
	};
	static const char *const bad[] = { "alway", "always:3", "on-failure:", "on-failure:-1", "on-failure:x", "no:1", ":", "sometimes" };
	struct policy p;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(policy_parse(good[i].text, &p, NULL), 0);
		assert_int_equal(p.kind, good[i].kind);
		assert_int_equal(p.max, good[i].max);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_fails(policy_parse(bad[i], &p, NULL), INVALID);
}

static void test_back_off(void **state)
{
	struct policy always = { POLICY_ALWAYS, 0 }, three = { POLICY_ON_FAILURE, 3 };
	struct backoff b = { 0 };
	uint64_t delay = 0, want = POLICY_DELAY_MIN_MS;

	for (int i = 0; i < 12; i++, want = DV_MIN(2 * want, (uint64_t)POLICY_DELAY_MAX_MS)) {
		assert_true(policy_again(&always, &b, 0, 5, false, &delay));
		assert_int_equal(delay, want);
	}
	assert_int_equal(delay, POLICY_DELAY_MAX_MS);
	/* A life that was long enough. */
	assert_true(policy_again(&always, &b, 1, POLICY_GOOD_MS, false, &delay));
	assert_int_equal(delay, POLICY_DELAY_MIN_MS);
	assert_int_equal(b.restarts, 13);
	assert_false(policy_again(&always, &b, 1, 5, true, &delay));
	/* Another monitor goes on where the first one was. */
	policy_resume(&b, 2);
	assert_true(policy_again(&three, &b, 1, 5, false, &delay));
	assert_int_equal(delay, 4 * POLICY_DELAY_MIN_MS);
	assert_false(policy_again(&three, &b, 1, 5, false, &delay));
	b = (struct backoff){ 0 };
	assert_false(policy_again(&three, &b, 0, 5, false, &delay));
	for (int i = 0; i < 3; i++)
		assert_true(policy_again(&three, &b, i == 1 ? -1 : 2, 5, false, &delay));
	assert_false(policy_again(&three, &b, 2, 5, false, &delay));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes), cmocka_unit_test(test_file), cmocka_unit_test(test_policy_words),
		cmocka_unit_test(test_back_off),
	};

	return unit_run(tests);
}
