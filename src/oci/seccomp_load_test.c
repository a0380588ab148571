/* seccomp_load_test.c - filters in the kernel: each load happens in a child, which then makes calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "oci/seccomp.h"
#include "oci/seccomp_default.h"

/* What a child says about itself by its exit status. */
enum { FINE = 0, NOT_LOADED = 100, WRONG_ANSWER };

static int compile(struct arena *a, const char *text, struct seccomp_filter *f)
{
	struct json *j;
	struct dv_err e = DV_ERR_NONE;

	if (json_parse(a, text, strlen(text), &j, &e) < 0 || seccomp_compile(a, j, f, &e) < 0) {
		print_error("%s: %s\n", text, e.msg);
		return -1;
	}
	return 0;
}

/* Runs `then` in a child with the filter loaded; returns the wait status. */
static int in_child(const struct seccomp_filter *f, int (*then)(int notify_fd))
{
	struct dv_err e = DV_ERR_NONE;
	int status = -1, fd = -1;
	pid_t pid = fork();

	if (pid == 0) {
		/* cmocka catches this one and would go on with the other tests in the child */
		(void)signal(SIGSYS, SIG_DFL);
		alarm(20);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (seccomp_load(f, &fd, &e) < 0) {
			print_error("%s\n", e.msg);
			_exit(NOT_LOADED);
		}
		_exit(then(fd));
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int mkdir_errno(const char *path)
{
	errno = 0;
	return syscall(SYS_mkdirat, AT_FDCWD, path, 0700) < 0 ? errno : 0;
}

static int wants_errno(int notify_fd)
{
	return notify_fd == -1 && mkdir_errno("") == EACCES && getppid() > 0 ? FINE : WRONG_ANSWER;
}

static int wants_death(int notify_fd)
{
	(void)mkdir_errno("");
	return WRONG_ANSWER;
}

static int wants_through(int notify_fd)
{
	return mkdir_errno("") == ENOENT ? FINE : WRONG_ANSWER;
}

#define MKDIR(action) "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdirat\"]," action "}]}"
#define KILL_ARG "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdirat\"]," \
	"\"action\":\"SCMP_ACT_KILL_PROCESS\",\"args\":[{\"index\":2,\"op\":\"SCMP_CMP_EQ\",\"value\":448}]}]}"

static void test_actions(void **unused)
{
	static const struct {
		const char *profile;
		int (*then)(int);
		int exits, signal;
	} cases[] = {
		{ MKDIR("\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":13"), wants_errno, FINE, 0 },
		{ MKDIR("\"action\":\"SCMP_ACT_KILL\""), wants_death, 0, SIGSYS },
		{ MKDIR("\"action\":\"SCMP_ACT_KILL_PROCESS\""), wants_death, 0, SIGSYS },
		{ MKDIR("\"action\":\"SCMP_ACT_TRAP\""), wants_death, 0, SIGSYS },
		{ MKDIR("\"action\":\"SCMP_ACT_LOG\""), wants_through, FINE, 0 },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", wants_through, FINE, 0 },
		{ KILL_ARG, wants_death, 0, SIGSYS },
	};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct seccomp_filter f;
		int status;
		auto_arena struct arena a;

		arena_init(&a, 0);
		assert_int_equal(compile(&a, cases[i].profile, &f), 0);
		status = in_child(&f, cases[i].then);
		if (cases[i].signal)
			assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : -1, cases[i].signal);
		else
			assert_int_equal(WIFEXITED(status) ? WEXITSTATUS(status) : -1, cases[i].exits);
	}
}

/* --- the listener --- */

static int answers_itself(int notify_fd)
{
	struct seccomp_notif ask = { 0 };
	struct seccomp_notif_resp answer = { 0 };
	pid_t pid = fork();

	if (pid == 0)
		_exit(mkdir_errno("") == EXDEV ? FINE : WRONG_ANSWER);
	if (notify_fd < 0 || !(fcntl(notify_fd, F_GETFD) & FD_CLOEXEC) ||
	    ioctl(notify_fd, SECCOMP_IOCTL_NOTIF_RECV, &ask) < 0 || ask.data.nr != SYS_mkdirat)
		return WRONG_ANSWER;
	answer.id = ask.id;
	answer.error = -EXDEV;
	if (ioctl(notify_fd, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0)
		return WRONG_ANSWER;
	int status = -1;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : WRONG_ANSWER;
}

static void test_notify(void **unused)
{
	struct seccomp_filter f;
	int status;
	auto_arena struct arena a;

	arena_init(&a, 0);
	assert_int_equal(compile(&a, "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_TSYNC\","
		"\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"],\"syscalls\":[{\"names\":[\"mkdirat\"],"
		"\"action\":\"SCMP_ACT_NOTIFY\"}]}", &f), 0);
	status = in_child(&f, answers_itself);
	assert_int_equal(WIFEXITED(status) ? WEXITSTATUS(status) : -1, FINE);
}

/* --- whole profiles --- */

static int lives_by_default(int notify_fd)
{
	int pipe_fds[2];

	if (mkdir_errno("") != ENOENT || fd_pipe(pipe_fds, NULL) < 0 || write(pipe_fds[1], "x", 1) != 1)
		return WRONG_ANSWER;
	if (syscall(SYS_unshare, 0) == 0 || errno != EPERM)
		return WRONG_ANSWER;
	if (syscall(SYS_clone3, NULL, 0) == 0 || errno != ENOSYS)
		return WRONG_ANSWER;
	/* a number no kernel has yet */
	return syscall(1000) < 0 && errno == ENOSYS ? FINE : WRONG_ANSWER;
}

static void test_default(void **unused)
{
	struct seccomp_filter f;
	struct dv_err e = DV_ERR_NONE;
	int status;
	auto_arena struct arena a;

	arena_init(&a, 0);
	assert_int_equal(seccomp_default_compile(&a, 0, &f, &e), 0);
	status = in_child(&f, lives_by_default);
	assert_int_equal(WIFEXITED(status) ? WEXITSTATUS(status) : -1, FINE);
}

/* All architectures and many arguments: long programs, with jumps beyond 255 instructions. */
static struct json *long_profile(struct arena *a)
{
	struct json *archs = json_new_array(a), *calls = json_new_array(a);

	for (unsigned i = 0; i < 6; i++)
		json_append(a, archs, json_new_str(a, ((const char *[]){ "SCMP_ARCH_X86_64", "SCMP_ARCH_X86",
			"SCMP_ARCH_X32", "SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64", "SCMP_ARCH_RISCV64" })[i]));
	for (uint64_t i = 0; i < 100; i++) {
		struct json *names = json_new_array(a), *args = json_new_array(a);

		json_append(a, names, json_new_str(a, i % 2 ? "ioctl" : "prctl"));
		json_append(a, args, json_obj(a, "index", json_new_u64(a, 1 + i % 5), "value",
					      json_new_u64(a, i << 30), "op", json_new_str(a, "SCMP_CMP_EQ"), NULL));
		json_append(a, calls, json_obj(a, "names", names, "action", json_new_str(a, "SCMP_ACT_LOG"), "args",
					       args, NULL));
	}
	return json_obj(a, "defaultAction", json_new_str(a, "SCMP_ACT_ALLOW"), "architectures", archs, "syscalls",
			calls, NULL);
}

static void test_long(void **unused)
{
	struct seccomp_filter f;
	struct dv_err e = DV_ERR_NONE;
	int status;
	auto_arena struct arena a;

	arena_init(&a, 0);
	assert_int_equal(seccomp_compile(&a, long_profile(&a), &f, &e), 0);
	assert_true(f.n > 800);
	status = in_child(&f, wants_through);
	assert_int_equal(WIFEXITED(status) ? WEXITSTATUS(status) : -1, FINE);
}

/* --- errors --- */

static int never(int notify_fd)
{
	return WRONG_ANSWER;
}

static void test_refused(void **unused)
{
	struct sock_filter nonsense = { .code = BPF_MISC | BPF_TXA };
	struct seccomp_filter f = { .insns = &nonsense, .n = 1 };
	struct dv_err e = DV_ERR_NONE;
	int fd = 77;

	/* the kernel takes no program without a return, so this process stays free of filters */
	assert_int_equal(seccomp_load(&f, &fd, &e), -DV_UNSUPPORTED);
	assert_string_equal(e.msg, "seccomp: the kernel refuses a filter of 1 instructions with flags 0x0");
	assert_int_equal(fd, 77);
	assert_int_equal(WEXITSTATUS(in_child(&f, never)), NOT_LOADED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_actions), cmocka_unit_test(test_notify), cmocka_unit_test(test_default),
		cmocka_unit_test(test_long),    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
