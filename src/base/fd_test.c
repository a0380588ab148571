/* fd_test.c - reads at the exact maximum, messages with descriptors, unix sockets behind long paths. */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/fault.h"
#include "base/unit.h"

static int file_of(size_t len)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	auto_free char *data = mem_alloc(len + 1);

	memset(data, 'x', len);
	assert_int_equal(fd_write_all(fd, data, len, "f", NULL), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void test_read_to_sizes(void **state)
{
	static const size_t sizes[] = { 0, 1, 63, 64, 4095, 4096, 4097, 65535, 65536, 65537, 200000 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		for (int more = -1; more <= 1; more++) {
			size_t max = sizes[i] + (size_t)more;
			auto_buf struct buf b = BUF_INIT(max);
			auto_close int fd = file_of(sizes[i]);
			int r;

			if (!sizes[i] && more < 0)
				continue;
			r = fd_read_to(fd, &b, "f", NULL);
			assert_int_equal(r, more < 0 ? -DV_LIMIT : 0);
			assert_int_equal(strlen(buf_cstr(&b)), DV_MIN(sizes[i], max));
		}
}

static void test_read_to_appends(void **state)
{
	auto_buf struct buf b = BUF_INIT(10);
	auto_close int fd = file_of(3), again = file_of(6), third = file_of(1);

	buf_str(&b, "ab");
	assert_int_equal(fd_read_to(fd, &b, "f", NULL), 0);
	assert_string_equal(buf_cstr(&b), "abxxx");
	assert_fails(fd_read_to(again, &b, "f", NULL), LIMIT);
	assert_fails(fd_read_to(third, &b, "f", NULL), LIMIT);     /* full already */
}

static void test_read_full(void **state)
{
	auto_close int fd = file_of(10);
	char data[20];

	assert_int_equal(fd_read_full(fd, data, 4, "f", NULL), 4);
	assert_int_equal(fd_read_full(fd, data, 20, "f", NULL), 6);
	assert_int_equal(fd_read_full(fd, data, 20, "f", NULL), 0);
	assert_true(fd_read_full(-1, data, 1, "f", NULL) < 0);
}

static void *drain(void *arg)
{
	int fd = *(int *)arg;
	char data[1000];
	size_t sum = 0;
	ssize_t n;

	while ((n = read(fd, data, sizeof data)) > 0)
		sum += (size_t)n;
	return (void *)sum;
}

/* More than a pipe or socket holds at once. */
static void test_large_writes(void **state)
{
	static char big[700000];

	for (int how = 0; how < 2; how++) {
		pthread_t reader;
		void *sum;
		int p[2], r;

		assert_int_equal(how ? fd_socketpair(SOCK_STREAM, p, NULL) : fd_pipe(p, NULL), 0);
		assert_int_equal(pthread_create(&reader, NULL, drain, &p[0]), 0);
		r = how ? fd_send_msg(p[1], big, sizeof big, NULL, 0, NULL) :
			  fd_write_all(p[1], big, sizeof big, "pipe", NULL);
		assert_int_equal(r, 0);
		fd_close(&p[1]);
		assert_int_equal(pthread_join(reader, &sum), 0);
		assert_int_equal((size_t)sum, sizeof big);
		fd_close(&p[0]);
	}
}

/* Surplus descriptors are closed, missing ones are -1, received ones close on exec. */
static void test_message_descriptors(void **state)
{
	static const struct {
		size_t sent, wanted;
	} cases[] = { { 0, 0 }, { 0, 2 }, { 1, 1 }, { 3, 1 }, { 1, 3 }, { 2, 0 }, { 64, 64 }, { 64, 5 } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int s[2], fds[64], got[64], before;
		char data[10];

		assert_int_equal(fd_socketpair(SOCK_SEQPACKET, s, NULL), 0);
		for (size_t k = 0; k < 64; k++)
			fds[k] = s[0];
		before = unit_fd_count();
		assert_int_equal(fd_send_msg(s[0], "hello", 5, fds, cases[i].sent, NULL), 0);
		assert_int_equal(fd_recv_msg(s[1], data, sizeof data, got, cases[i].wanted, NULL), 5);
		for (size_t k = 0; k < cases[i].wanted; k++) {
			assert_int_equal(got[k] >= 0, k < cases[i].sent);
			if (got[k] >= 0)
				assert_true(fcntl(got[k], F_GETFD) & FD_CLOEXEC);
			fd_close(&got[k]);
		}
		assert_int_equal(unit_fd_count(), before);
		assert_fails(fd_send_msg(s[0], "x", 1, fds, 65, NULL), LIMIT);
		fd_close(&s[0]);
		assert_int_equal(fd_recv_msg(s[1], data, sizeof data, got, 1, NULL), 0);
		fd_close(&s[1]);
	}
}

static void test_message_too_large(void **state)
{
	int s[2], got = 7, before;
	char data[4];

	assert_int_equal(fd_socketpair(SOCK_SEQPACKET, s, NULL), 0);
	before = unit_fd_count();
	assert_int_equal(fd_send_msg(s[0], "12345", 5, &s[0], 1, NULL), 0);
	assert_fails(fd_recv_msg(s[1], data, sizeof data, &got, 1, NULL), LIMIT);
	assert_int_equal(got, -1);
	assert_int_equal(unit_fd_count(), before);
	assert_int_equal(fd_send_msg(s[0], "1234", 4, NULL, 0, NULL), 0);
	assert_int_equal(fd_recv_msg(s[1], data, sizeof data, &got, 1, NULL), 4);
	fd_close(&s[1]);
	assert_true(fd_send_msg(s[0], "x", 1, NULL, 0, NULL) < 0);     /* and no SIGPIPE */
	fd_close(&s[0]);
}

static void test_unix_socket_deep_down(void **state)
{
	struct unit_tmp t;
	struct dv_err e = DV_ERR_NONE;
	auto_close int dir = -1, listener = -1, client = -1, server = -1, other = -1;
	char path[600] = "";
	char name[120];

	unit_tmp_new(&t);
	for (int i = 0; i < 20; i++)
		(void)snprintf(path + strlen(path), sizeof path - strlen(path), "%s/directory", i ? "" : "a");
	assert_ok(file_mkdirs(t.fd, path, 0700, &dir, &e), &e);
	assert_ok(fd_unix_listen(dir, "sock", 5, &listener, &e), &e);
	assert_ok(fd_unix_connect(dir, "sock", &client, &e), &e);
	assert_ok(fd_accept(listener, &server, &e), &e);
	assert_true(fcntl(server, F_GETFD) & FD_CLOEXEC);
	assert_fails(fd_unix_listen(dir, "sock", 5, &other, &e), CONFLICT);
	assert_fails(fd_unix_connect(dir, "none", &other, &e), NOT_FOUND);
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_fails(fd_unix_connect(dir, name, &other, &e), INVALID);
	fd_close(&listener);
	assert_fails(fd_unix_connect(dir, "sock", &other, &e), UNAVAILABLE);
	assert_int_equal(other, -1);
	unit_tmp_done(&t);
}

static void test_flags(void **state)
{
	int p[2], copy;
	auto_close int taken = -1;

	assert_int_equal(fd_pipe(p, NULL), 0);
	assert_int_equal(fd_set_cloexec(p[0], false, NULL), 0);
	assert_int_equal(fcntl(p[0], F_GETFD) & FD_CLOEXEC, 0);
	assert_int_equal(fd_cloexec_from(p[0], NULL), 0);
	assert_true(fcntl(p[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fd_set_nonblock(p[0], true, NULL), 0);
	assert_true(fcntl(p[0], F_GETFL) & O_NONBLOCK);
	assert_int_equal(fd_set_nonblock(p[0], false, NULL), 0);
	assert_false(fcntl(p[0], F_GETFL) & O_NONBLOCK);
	assert_int_equal(fd_dup(p[0], &copy, NULL), 0);
	assert_true(copy > 2 && (fcntl(copy, F_GETFD) & FD_CLOEXEC));
	fd_close(&copy);
	assert_int_equal(copy, -1);
	errno = 5;
	fd_close(&copy);
	assert_int_equal(errno, 5);
	assert_true(fd_dup(-1, &copy, NULL) < 0);
	fd_close(&p[1]);
	taken = take_fd(&p[0]);
	assert_int_equal(p[0], -1);
}

static void test_accept_from(void **state)
{
	auto_close int dir = -1, listener = -1, client = -1, server = -1;
	struct dv_err e = DV_ERR_NONE;
	struct sockaddr_storage from;
	struct unit_tmp tmp;
	socklen_t len;

	unit_tmp_new(&tmp);
	assert_ok(fd_unix_listen(tmp.fd, "s", 1, &listener, &e), &e);
	assert_ok(fd_set_nonblock(listener, true, &e), &e);
	assert_true(fd_accept_from(listener, &from, &len, &server, &e) < 0);
	assert_int_equal(e.sys, EAGAIN);
	assert_ok(fd_unix_connect(tmp.fd, "s", &client, &e), &e);
	assert_ok(fd_accept_from(listener, &from, &len, &server, &e), &e);
	assert_int_equal(from.ss_family, AF_UNIX);
	assert_true(fcntl(server, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(server, F_GETFD) & FD_CLOEXEC);
	unit_tmp_done(&tmp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_to_sizes), cmocka_unit_test(test_read_to_appends),
		cmocka_unit_test(test_read_full), cmocka_unit_test(test_large_writes),
		cmocka_unit_test(test_message_descriptors), cmocka_unit_test(test_message_too_large),
		cmocka_unit_test(test_unix_socket_deep_down), cmocka_unit_test(test_flags),
		cmocka_unit_test(test_accept_from),
	};

	return unit_run(tests);
}
