/* netunit.h - for unit tests of this module: a network namespace of the test's own, and other people's tools in it. */
#pragma once

#include <errno.h>
#include <sched.h>

#include "base/proc.h"
#include "base/unit.h"

/* The whole test program lives in a network namespace of its own: neither the host nor another test sees what it
 * does. Without the right to (not root): exit status 77, which is a skip. */
static inline void netunit_enter(void)
{
	if (unshare(CLONE_NEWNET) == 0)
		return;
	printf("1..0 # SKIP no network namespace: %s\n", strerror(errno));
	exit(77);
}

/* The output of a program, which must succeed. */
static inline const char *netunit_output(struct arena *a, const char *const *argv)
{
	struct buf out = BUF_INIT(1 << 20);
	struct dv_err e = DV_ERR_NONE;
	const char *text;
	int status = 0;

	assert_ok(proc_run(&(struct proc_spawn){ .path = argv[0], .search = true, .argv = (char *const *)argv }, NULL, 0, &out,
			   20000, &status, &e), &e);
	if (status)
		fail_msg("%s: %s", argv[0], buf_cstr(&out));
	text = arena_str(a, buf_cstr(&out));
	buf_done(&out);
	return text ? text : "";
}
#define netunit_run(a, ...) netunit_output(a, (const char *const[]){ __VA_ARGS__, NULL })

static inline void expect_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("wanted: %s\nin: %s", part, text);
}

static inline void expect_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("not wanted: %s\nin: %s", part, text);
}
