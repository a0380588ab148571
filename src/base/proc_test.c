/* proc_test.c - spawning with descriptor maps, errors of exec, waiting, captured output, signal names. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/proc.h"
#include "base/str.h"
#include "base/unit.h"

static int run_shell(const char *script, struct buf *out)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct proc_spawn s = { .path = "/bin/sh", .argv = (char *const *)argv };
	struct dv_err e = DV_ERR_NONE;
	int status;

	assert_ok(proc_run(&s, NULL, 0, out, 10000, &status, &e), &e);
	return proc_exit_code(status);
}

static void test_exit_codes(void **state)
{
	static const struct {
		const char *script;
		int code;
	} cases[] = {
		{ "exit 0", 0 }, { "exit 255", 255 }, { "exit 7", 7 }, { "kill -9 $$", 137 }, { "kill -15 $$", 143 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(run_shell(cases[i].script, NULL), cases[i].code);
}

static void test_run_output(void **state)
{
	auto_buf struct buf out = BUF_INIT(100);

	assert_int_equal(run_shell("echo out; echo err >&2", &out), 0);
	assert_string_equal(buf_cstr(&out), "out\nerr\n");
}

static void test_run_output_cut_at_maximum(void **state)
{
	auto_buf struct buf out = BUF_INIT(5), exact = BUF_INIT(4);

	assert_int_equal(run_shell("printf 12345678; exec head -c 300000 /dev/zero", &out), 0);
	assert_string_equal(buf_cstr(&out), "12345");
	assert_fails(buf_check(&out, "output", NULL), LIMIT);
	assert_int_equal(run_shell("printf 1234", &exact), 0);
	assert_int_equal(buf_check(&exact, "output", NULL), 0);
}

static void test_run_input(void **state)
{
	static char big[200000];
	const char *const argv[] = { "wc", "-c", NULL };
	struct proc_spawn s = { .path = "wc", .search = true, .argv = (char *const *)argv };
	auto_buf struct buf out = BUF_INIT(100);
	struct dv_err e = DV_ERR_NONE;
	int status;

	assert_ok(proc_run(&s, big, sizeof big, &out, 10000, &status, &e), &e);
	assert_string_equal(buf_cstr(&out), "200000\n");
}

static void test_run_times_out_and_reaps(void **state)
{
	const char *const argv[] = { "sh", "-c", "exec sleep 100", NULL };
	struct proc_spawn s = { .path = "/bin/sh", .argv = (char *const *)argv, .own_session = true };
	struct dv_err e = DV_ERR_NONE;
	int status = 42;

	assert_fails(proc_run(&s, NULL, 0, NULL, 50, &status, &e), TIMEOUT);
	assert_string_equal(e.msg, "run /bin/sh: did not end within 50 ms");
	assert_int_equal(status, 42);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* A daemon that inherits the pipe must not hold us. */
static void test_run_does_not_wait_for_grandchildren(void **state)
{
	auto_buf struct buf out = BUF_INIT(100);
	uint64_t pid;

	assert_int_equal(run_shell("sleep 100 & echo $!", &out), 0);
	out.p[out.len - 1] = '\0';
	assert_int_equal(str_u64(out.p, INT32_MAX, "pid", &pid, NULL), 0);
	assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
}

static void test_exec_errors(void **state)
{
	struct unit_tmp t;
	char script[100];
	const struct {
		const char *path;
		bool search;
		enum dv_kind kind;
	} cases[] = {
		{ "/nonexistent/program", false, DV_NOT_FOUND },
		{ "surely-no-such-program", true, DV_NOT_FOUND },
		{ "", true, DV_NOT_FOUND },
		{ "/", false, DV_FORBIDDEN },
		{ script, false, DV_FORBIDDEN },
	};

	unit_tmp_new(&t);
	(void)snprintf(script, sizeof script, "%s/x", t.path);
	assert_int_equal(file_replace(t.fd, "x", 0600, "#!/bin/sh\n", 10, false, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *const argv[] = { "x", NULL };
		struct proc_spawn s = { .path = cases[i].path, .search = cases[i].search, .argv = (char *const *)argv };
		struct dv_err e = DV_ERR_NONE;
		pid_t pid = 77;
		int pidfd = 77;

		assert_int_equal(proc_spawn(&s, &pid, &pidfd, &e), -(int)cases[i].kind);
		assert_non_null(strstr(e.msg, cases[i].path));
		assert_int_equal(pid, 77);
		assert_int_equal(pidfd, 77);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	unit_tmp_done(&t);
}

/* Swapped and overlapping numbers: each target shows the file its source had. */
static void test_fd_map_overlaps(void **state)
{
	int fds[4];
	struct unit_tmp t;
	auto_buf struct buf out = BUF_INIT(100);
	const char *const argv[] = { "sh", "-c", "eval \"cat <&$1; cat <&$2; cat <&$3; cat <&$4\"; test ! -e /proc/self/fd/$5",
				     "sh", NULL, NULL, NULL, NULL, NULL, NULL };
	char numbers[5][12];
	struct dv_err e = DV_ERR_NONE;
	int status, extra;

	unit_tmp_new(&t);
	for (int i = 0; i < 4; i++) {
		char name[2] = { (char)('a' + i), '\0' };

		assert_int_equal(file_replace(t.fd, name, 0600, name, 1, false, NULL), 0);
		assert_int_equal(file_open(t.fd, name, O_RDONLY, 0, &fds[i], NULL), 0);
	}
	assert_int_equal(fd_dup(fds[3], &extra, NULL), 0);
	/* a -> b's number, b -> a's, c stays, d -> far away. */
	struct proc_map map[] = { { fds[0], fds[1] }, { fds[1], fds[0] }, { fds[2], fds[2] }, { fds[3], 60 } };
	const int shown[] = { fds[0], fds[1], fds[2], 60, extra };

	for (int i = 0; i < 5; i++) {
		(void)snprintf(numbers[i], sizeof numbers[i], "%d", shown[i]);
		((const char **)argv)[4 + i] = numbers[i];
	}
	struct proc_spawn s = { .path = "bash", .search = true, .argv = (char *const *)argv, .fds = map,
				.n_fds = ARRAY_LEN(map) };
	assert_ok(proc_run(&s, NULL, 0, &out, 10000, &status, &e), &e);
	assert_string_equal(buf_cstr(&out), "bacd");
	assert_int_equal(proc_exit_code(status), 0);
	for (int i = 0; i < 4; i++)
		fd_close(&fds[i]);
	fd_close(&extra);
	unit_tmp_done(&t);
}

/* Two descriptors trade numbers, and nothing else is mapped: the higher one is a source as well. */
static void test_fd_map_swap(void **state)
{
	auto_buf struct buf out = BUF_INIT(100);
	const char *argv[] = { "bash", "-c", "cat <&$1; cat <&$2", "sh", NULL, NULL, NULL };
	struct dv_err e = DV_ERR_NONE;
	char numbers[2][12];
	int fds[2], status;
	struct unit_tmp t;

	unit_tmp_new(&t);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(file_replace(t.fd, "f", 0600, i ? "b" : "a", 1, false, NULL), 0);
		assert_int_equal(file_open(t.fd, "f", O_RDONLY, 0, &fds[i], NULL), 0);
		(void)snprintf(numbers[i], sizeof numbers[i], "%d", fds[i]);
		argv[4 + i] = numbers[i];
	}
	struct proc_map map[] = { { fds[0], fds[1] }, { fds[1], fds[0] } };
	struct proc_spawn s = { .path = "bash", .search = true, .argv = (char *const *)argv, .fds = map, .n_fds = 2 };

	assert_ok(proc_run(&s, NULL, 0, &out, 10000, &status, &e), &e);
	assert_string_equal(buf_cstr(&out), "ba");
	fd_close(&fds[0]);
	fd_close(&fds[1]);
	unit_tmp_done(&t);
}

static void test_fd_map_bad_source(void **state)
{
	const char *const argv[] = { "true", NULL };
	struct proc_map map[] = { { 900, 3 } };
	struct proc_spawn s = { .path = "/bin/true", .argv = (char *const *)argv, .fds = map, .n_fds = 1 };
	struct dv_err e = DV_ERR_NONE;
	pid_t pid;

	assert_true(proc_spawn(&s, &pid, NULL, &e) < 0);
	assert_int_equal(e.sys, EBADF);
	assert_string_equal(e.msg, "start /bin/true: place a descriptor: Bad file descriptor");
}

/* Blocked and ignored signals of ours are neither in the child. */
static void test_child_signal_state(void **state)
{
	auto_buf struct buf out = BUF_INIT(1000);
	sigset_t set, old;
	const char *pending;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, &old), 0);
	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	assert_int_equal(run_shell("exec grep -E '^Sig(Blk|Ign)' /proc/self/status", &out), 0);
	assert_true(signal(SIGPIPE, SIG_DFL) == SIG_IGN);
	pending = buf_cstr(&out);
	assert_string_equal(pending, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	assert_int_equal(sigprocmask(SIG_SETMASK, &old, &set), 0);
	assert_int_equal(sigismember(&set, SIGTERM), 1);
	assert_int_equal(sigismember(&set, SIGINT), 0);
}

static void test_session_and_cwd(void **state)
{
	auto_buf struct buf out = BUF_INIT(200);
	const char *const argv[] = { "sh", "-c", "pwd; cut -d' ' -f1,6 /proc/$$/stat", NULL };
	char want[200];
	struct unit_tmp t;
	struct dv_err e = DV_ERR_NONE;
	int status;
	unsigned long pid, sid;
	char *end;

	unit_tmp_new(&t);
	struct proc_spawn s = { .path = "/bin/sh", .argv = (char *const *)argv, .own_session = true, .cwd_fd = t.fd };
	assert_ok(proc_run(&s, NULL, 0, &out, 10000, &status, &e), &e);
	(void)snprintf(want, sizeof want, "%s\n", t.path);
	assert_true(str_starts(buf_cstr(&out), want));
	pid = strtoul(out.p + strlen(want), &end, 10);
	sid = strtoul(end, NULL, 10);
	assert_true(pid > 0);
	assert_int_equal(pid, sid);
	unit_tmp_done(&t);
}

static void test_environment(void **state)
{
	auto_buf struct buf out = BUF_INIT(200);
	const char *const argv[] = { "env", NULL }, *const env[] = { "A=1", "B=2 3", NULL };
	struct proc_spawn s = { .path = "env", .search = true, .argv = (char *const *)argv,
				.envp = (char *const *)env };
	int status;

	assert_int_equal(proc_run(&s, NULL, 0, &out, 10000, &status, NULL), 0);
	assert_string_equal(buf_cstr(&out), "A=1\nB=2 3\n");
}

static void test_pidfd_life(void **state)
{
	const char *const argv[] = { "sleep", "100", NULL };
	struct proc_spawn s = { .path = "sleep", .search = true, .argv = (char *const *)argv };
	auto_close int pidfd = -1, other = -1;
	struct proc_id id, wrong;
	struct dv_err e = DV_ERR_NONE;
	int status = 0;
	pid_t pid;

	assert_ok(proc_spawn(&s, &pid, &pidfd, &e), &e);
	assert_true(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
	assert_ok(proc_identify(pid, &id, &e), &e);
	assert_true(proc_alive(&id));
	wrong = (struct proc_id){ pid, id.start_ticks + 1 };
	assert_false(proc_alive(&wrong));
	assert_fails(proc_wait_pidfd(pidfd, 0, &status, &e), TIMEOUT);
	assert_fails(proc_wait_pidfd(pidfd, 20, &status, &e), TIMEOUT);
	assert_ok(proc_open(pid, &other, &e), &e);
	assert_ok(proc_signal(other, SIGTERM, &e), &e);
	assert_ok(proc_wait_pidfd(pidfd, -1, &status, &e), &e);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_false(proc_alive(&id));
	assert_fails(proc_signal(other, 0, &e), NOT_FOUND);
	assert_fails(proc_identify(pid, &wrong, &e), NOT_FOUND);
	assert_fails(proc_wait(pid, &status, &e), IO);
}

static void test_zombie_is_not_alive(void **state)
{
	const char *const argv[] = { "true", NULL };
	struct proc_spawn s = { .path = "/bin/true", .argv = (char *const *)argv };
	siginfo_t si;
	struct proc_id id;
	int status;
	pid_t pid;

	assert_int_equal(proc_spawn(&s, &pid, NULL, NULL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT), 0);
	assert_int_equal(proc_identify(pid, &id, NULL), 0);
	assert_false(proc_alive(&id));
	assert_int_equal(proc_wait(pid, &status, NULL), 0);
	assert_int_equal(status, 0);
}

static void test_no_such_process(void **state)
{
	static const pid_t pids[] = { 0, -1, -5, 1 << 29 };
	struct proc_id id;

	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		struct proc_id never = { pids[i], 1 };

		assert_fails(proc_identify(pids[i], &id, NULL), NOT_FOUND);
		assert_false(proc_alive(&never));
	}
}

static void test_signal_names(void **state)
{
	static const struct {
		const char *text;
		int sig;     /* 0: refused */
	} cases[] = {
		{ "SIGTERM", 15 }, { "TERM", 15 }, { "term", 15 }, { "sigterm", 15 }, { "15", 15 }, { "9", 9 },
		{ "64", 64 }, { "65", 0 }, { "0", 0 }, { "", 0 }, { "SIG", 0 }, { "-9", 0 }, { "9x", 0 }, { " 9", 0 },
		{ "RTMIN", 34 }, { "RTMIN+3", 37 }, { "SIGRTMIN+30", 64 }, { "RTMIN+31", 0 }, { "RTMIN+", 0 },
		{ "RTMAX", 64 }, { "RTMAX-14", 50 }, { "rtmax-30", 34 }, { "RTMAX-31", 0 }, { "RTMAX+1", 0 },
		{ "CHLD", 17 }, { "CLD", 17 }, { "IOT", 6 }, { "POLL", 29 }, { "WINCH", 28 }, { "NONSENSE", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int sig = -1, r = proc_parse_signal(cases[i].text, &sig, NULL);

		assert_int_equal(r, cases[i].sig ? 0 : -DV_INVALID);
		assert_int_equal(sig, cases[i].sig ? cases[i].sig : -1);
	}
}

static void test_signal_names_round_trip(void **state)
{
	for (int i = 1; i <= 64; i++) {
		int sig;

		if (i == 32 || i == 33)     /* libc's own */
			continue;
		assert_int_equal(proc_parse_signal(proc_signal_name(i), &sig, NULL), 0);
		assert_int_equal(sig, i);
	}
	assert_string_equal(proc_signal_name(0), "unknown signal");
	assert_string_equal(proc_signal_name(65), "unknown signal");
	assert_string_equal(proc_signal_name(-1), "unknown signal");
}

static void test_ignored_signals(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct proc_id id, own;
	uint32_t before, with;

	(void)state;
	assert_ok(proc_look(getpid(), &id, &before, &e), &e);
	(void)signal(SIGUSR1, SIG_IGN);
	(void)signal(SIGSYS, SIG_IGN);
	assert_ok(proc_look(getpid(), &id, &with, &e), &e);
	(void)signal(SIGUSR1, SIG_DFL);
	(void)signal(SIGSYS, SIG_DFL);
	assert_int_equal(with, before | 1u << (SIGUSR1 - 1) | 1u << (SIGSYS - 1));
	assert_ok(proc_identify(getpid(), &own, &e), &e);
	assert_int_equal(own.start_ticks, id.start_ticks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ignored_signals),
		cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_run_output),
		cmocka_unit_test(test_run_output_cut_at_maximum),
		cmocka_unit_test(test_run_input),
		cmocka_unit_test(test_run_times_out_and_reaps),
		cmocka_unit_test(test_run_does_not_wait_for_grandchildren),
		cmocka_unit_test(test_exec_errors),
		cmocka_unit_test(test_fd_map_overlaps),
		cmocka_unit_test(test_fd_map_swap),
		cmocka_unit_test(test_fd_map_bad_source),
		cmocka_unit_test(test_child_signal_state),
		cmocka_unit_test(test_session_and_cwd),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_pidfd_life),
		cmocka_unit_test(test_zombie_is_not_alive),
		cmocka_unit_test(test_no_such_process),
		cmocka_unit_test(test_signal_names),
		cmocka_unit_test(test_signal_names_round_trip),
	};

	return unit_run(tests);
}
