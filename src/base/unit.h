/* unit.h - for unit tests only: cmocka's includes, descriptor counting, a temporary directory. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"

/* Open descriptors of this process. */
static inline int unit_fd_count(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n - 3;     /* ".", ".." and the directory itself */
}

/* Group setup and teardown: the tests between leak no descriptor. */
static inline int unit_start(void **state)
{
	*state = mem_new(int);
	*(int *)*state = unit_fd_count();
	return 0;
}

static inline int unit_end(void **state)
{
	int before = *(int *)*state, now = unit_fd_count();

	free(*state);
	if (before == now)
		return 0;
	/* cmocka would report the failed teardown and yet return success. */
	fprintf(stderr, "%d descriptors at the start, %d at the end\n", before, now);
	(void)fflush(stdout);
	_exit(1);
}
#define unit_run(tests) cmocka_run_group_tests(tests, unit_start, unit_end)

/* What a terminal's other side wrote: the kernel passes it on in pieces, so until 200 ms are silent. */
static inline void unit_read_terminal(int master, char *out, size_t size)
{
	struct pollfd pf = { .fd = master, .events = POLLIN };
	size_t len = 0;

	while (len + 1 < size && poll(&pf, 1, 200) == 1) {
		ssize_t n = read(master, out + len, size - 1 - len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	out[len] = '\0';
	assert_true(len > 0);
}

/* A new directory, opened; unit_tmp_done() removes it. */
struct unit_tmp {
	char path[64];
	int fd;
};

static inline void unit_tmp_new(struct unit_tmp *t)
{
	const char *dir = getenv("TMPDIR");

	if (!dir || strlen(dir) > sizeof t->path - 20)
		dir = "/tmp";
	(void)snprintf(t->path, sizeof t->path, "%s/unit.XXXXXX", dir);
	assert_non_null(mkdtemp(t->path));
	t->fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(t->fd >= 0);
}

static inline void unit_tmp_done(struct unit_tmp *t)
{
	struct dv_err e = DV_ERR_NONE;

	(void)close(t->fd);
	if (file_remove_tree(AT_FDCWD, t->path, &e) < 0)
		fail_msg("%s", e.msg);
}

/* The call succeeds; otherwise its message is the test's. */
#define assert_ok(call, e) do { if ((call) < 0) fail_msg("%s: %s", #call, (e)->msg); } while (0)
#define assert_fails(call, want_kind) assert_int_equal((int)(call), -(int)DV_##want_kind)
