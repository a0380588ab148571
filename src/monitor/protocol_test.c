/* Messages: what is encoded is decoded, all else is refused; a job with its descriptors. */
#include <errno.h>

#include "base/unit.h"
#include "monitor/protocol.h"

static void test_round_trip(void **state)
{
	static const struct msg rows[] = {
		{ .type = MSG_ATTACH, .flags = 15, .a = 24, .b = 80 },  { .type = MSG_STDIN, .body = "x", .len = 1 },
		{ .type = MSG_STDIN_EOF },                              { .type = MSG_RESIZE, .a = 1, .b = 65535 },
		{ .type = MSG_SIGNAL, .a = 15 },                        { .type = MSG_STARTED, .a = 7, .b = INT64_MAX },
		{ .type = MSG_FAILED, .flags = 127, .a = DV_NOT_FOUND, .body = "why", .len = 3 },
		{ .type = MSG_OUT, .flags = 2, .body = "a\0b", .len = 3 }, { .type = MSG_EXITED, .flags = 3, .a = -1 },
		{ .type = MSG_OK },                                     { .type = MSG_RENAME, .body = "new", .len = 3 },
	};
	char data[MSG_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dv_err e = DV_ERR_NONE;
		struct msg m;
		size_t n = msg_encode(&rows[i], data);

		assert_ok(msg_decode(data, n, &m, &e), &e);
		assert_int_equal(m.type, rows[i].type);
		assert_int_equal(m.flags, rows[i].flags);
		assert_true(m.a == rows[i].a && m.b == rows[i].b && m.len == rows[i].len);
		if (m.len)
			assert_memory_equal(m.body, rows[i].body, m.len);
	}
}

static void test_refused(void **state)
{
	static const struct msg rows[] = {
		{ .type = 0 },                            { .type = 12345 },
		{ .type = MSG_ATTACH, .flags = 16 },      { .type = MSG_RESIZE, .a = 65536 },
		{ .type = MSG_SIGNAL, .a = 0 },           { .type = MSG_SIGNAL, .a = 65 },
		{ .type = MSG_OUT, .flags = 0 },          { .type = MSG_OUT, .flags = 3 },
		{ .type = MSG_EXITED, .a = 256 },         { .type = MSG_EXITED, .a = -2 },
		{ .type = MSG_OK, .body = "x", .len = 1 }, { .type = MSG_STARTED, .a = 0 },
		{ .type = MSG_FAILED, .a = 0 },
	};
	char data[MSG_MAX];
	struct msg m;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_fails(msg_decode(data, msg_encode(&rows[i], data), &m, NULL), INVALID);
	for (size_t n = 0; n < MSG_HEAD; n++)
		assert_fails(msg_decode(data, n, &m, NULL), INVALID);
}

static void test_job(void **state)
{
	int pair[2], fds[JOB_FDS], got[JOB_FDS];
	struct dv_err e = DV_ERR_NONE;

	for (int i = 0; i < JOB_FDS; i++)
		fds[i] = -1;
	assert_ok(fd_socketpair(SOCK_SEQPACKET, pair, &e), &e);
	fds[JOB_TEXT] = fds[JOB_NETNS] = pair[0];
	assert_ok(msg_send_job(pair[0], fds, &e), &e);
	assert_ok(msg_recv_job(pair[1], got, &e), &e);
	for (int i = 0; i < JOB_FDS; i++) {
		assert_true((got[i] >= 0) == (fds[i] >= 0));
		fd_close(&got[i]);
	}
	/* Anything else first is no job; and a creator that went has none. */
	assert_ok(msg_send(pair[0], &(struct msg){ .type = MSG_OK }, &e), &e);
	assert_fails(msg_recv_job(pair[1], got, NULL), INVALID);
	fd_close(&pair[0]);
	assert_fails(msg_recv_job(pair[1], got, NULL), NOT_FOUND);
	fd_close(&pair[1]);
}

/* What was said before an end that left something unread is not lost. */
static void test_reset(void **state)
{
	char *space = mem_alloc(MSG_MAX);
	struct dv_err e = DV_ERR_NONE;
	struct msg m;
	int pair[2];

	assert_ok(fd_socketpair(SOCK_SEQPACKET, pair, &e), &e);
	assert_ok(msg_send(pair[0], &(struct msg){ .type = MSG_EXITED, .a = 5 }, &e), &e);
	assert_ok(msg_send(pair[1], &(struct msg){ .type = MSG_STDIN_EOF }, &e), &e);
	fd_close(&pair[0]);
	assert_int_equal(msg_recv(pair[1], space, &m, &e), 1);
	assert_int_equal(m.a, 5);
	assert_int_equal(msg_recv(pair[1], space, &m, &e), 0);
	fd_close(&pair[1]);
	free(space);
}

static void test_failed(void **state)
{
	struct dv_err why = DV_ERR_NONE, e = DV_ERR_NONE;
	char *space = mem_alloc(MSG_MAX);
	struct msg m;
	int pair[2];

	(void)dv_fail_errno(&why, ENOENT, "open %s", "x");
	assert_ok(fd_socketpair(SOCK_SEQPACKET, pair, &e), &e);
	assert_ok(msg_send_failed(pair[0], 127, &why, &e), &e);
	assert_int_equal(msg_recv(pair[1], space, &m, &e), 1);
	assert_int_equal(m.flags, 127);
	assert_fails(msg_failed(&m, &e), NOT_FOUND);
	assert_string_equal(e.msg, why.msg);
	assert_int_equal(e.sys, ENOENT);
	fd_close(&pair[0]);
	fd_close(&pair[1]);
	free(space);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_refused), cmocka_unit_test(test_job),
		cmocka_unit_test(test_reset),      cmocka_unit_test(test_failed),
	};

	return unit_run(tests);
}
