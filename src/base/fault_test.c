/* fault_test.c - arming, counting, and every error path of file_replace() by sweeping over its calls. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "base/unit.h"

static void test_nth_call_fails_once(void **state)
{
	fault_at(3, ENOSPC);
	assert_int_equal(fault_hit("a"), 0);
	assert_int_equal(fault_hit("b"), 0);
	assert_int_equal(fault_hit("c"), ENOSPC);
	assert_int_equal(fault_hit("d"), 0);
	assert_int_equal(fault_count(), 4);
	fault_at(0, 0);
	assert_int_equal(fault_count(), 0);
	assert_int_equal(fault_hit("a"), 0);
}

/* Whichever call fails: the content is the old or the new one, and no other file is left. */
static void test_file_replace_sweep(void **state)
{
	auto_buf struct buf b = BUF_INIT(100);
	unsigned n, failed = 0;
	int r = -1;

	for (n = 1; r < 0 && n < 100; n++) {
		struct dv_err e = DV_ERR_NONE;
		struct unit_tmp t;

		unit_tmp_new(&t);
		assert_int_equal(file_replace(t.fd, "f", 0600, "old", 3, true, NULL), 0);
		fault_at(n, EIO);
		r = file_replace(t.fd, "f", 0600, "new", 3, true, &e);
		fault_at(0, 0);
		buf_reset(&b);
		assert_int_equal(file_read(t.fd, "f", &b, NULL), 0);
		if (r < 0) {
			failed++;
			assert_int_equal(e.sys, EIO);
			/* Only the directory's sync comes after the rename. */
			assert_string_equal(buf_cstr(&b), failed < 5 ? "old" : "new");
		}
		assert_int_equal(unlinkat(t.fd, "f", 0), 0);
		assert_int_equal(unlinkat(AT_FDCWD, t.path, AT_REMOVEDIR), 0);     /* it was empty */
		(void)close(t.fd);
	}
	assert_string_equal(buf_cstr(&b), "new");
	assert_int_equal(failed, 6);     /* open, write, fsync, rename; open and fsync of the directory */
}

/* The environment is read at the first call of a process: look at children. */
static void test_environment(void **state)
{
	static const struct {
		const char *text;
		int status;     /* exit status of the child: the errno of its second call; -1: killed */
	} cases[] = {
		{ "2", EIO }, { "2:ENOSPC", ENOSPC }, { "2:28", 28 }, { "1", 0 }, { "", 0 }, { "x", 0 },
		{ "kill:2", -1 }, { "kill:9", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int status;
		pid_t pid;

		assert_int_equal(setenv("DAVIT_FAULT", cases[i].text, 1), 0);
		pid = fork();
		if (pid == 0) {
			(void)fault_hit("a");
			_exit(fault_hit("b"));
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (cases[i].status < 0)
			assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		else
			assert_int_equal(status, cases[i].status << 8);
	}
	assert_int_equal(unsetenv("DAVIT_FAULT"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_environment),     /* first: nothing has read the environment yet */
		cmocka_unit_test(test_nth_call_fails_once),
		cmocka_unit_test(test_file_replace_sweep),
	};

	return unit_run(tests);
}
