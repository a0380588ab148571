/* cgroup_test.h - what the tests of the cgroup driver share. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "oci/cgroup.h"

static struct arena mem;
static struct dv_err last;
static char name[64];

static inline void ok_(int r, const struct dv_err *e, const char *what, int line)
{
	if (r < 0)
		fail_msg("line %d: %s: %s", line, what, e->msg);
}
/* In both, the call names its error `e`. */
#define OK(call) do { struct dv_err e_ = DV_ERR_NONE, *e = &e_; ok_(call, e, #call, __LINE__); } while (0)
#define FAILS(kind_, call) do { \
	struct dv_err *e = &last; \
	*e = DV_ERR_NONE; \
	int r_ = call; \
	if (r_ != -DV_##kind_) \
		fail_msg("line %d: %s: %d: %s", __LINE__, #call, r_, e->msg); \
} while (0)
#define FAILS_WITH(kind_, text, call) do { \
	FAILS(kind_, call); \
	if (!strstr(last.msg, text)) \
		fail_msg("line %d: \"%s\" is not in \"%s\"", __LINE__, text, last.msg); \
} while (0)

static inline int set_up(void **state)
{
	arena_init(&mem, 0);
	(void)snprintf(name, sizeof name, "davit-test-%d", (int)getpid());
	return 0;
}

static inline int tear_down(void **state)
{
	arena_done(&mem);
	return 0;
}
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

static inline struct json *json_of(const char *text)
{
	struct json *j = NULL;

	OK(json_parse(&mem, text, strlen(text), &j, e));
	return j;
}

static inline const char *dir_of(struct cgroup *cg, const char *controller)
{
	return json_str(json_get(cgroup_to_json(cg, &mem), controller));
}

/* A file of the container's cgroup without its last newline. */
static inline const char *content(struct cgroup *cg, const char *controller, const char *file)
{
	struct buf b = BUF_INIT(65536);
	const char *dir = dir_of(cg, controller), *text;

	if (!dir)
		return "(no cgroup)";
	OK(file_read(AT_FDCWD, arena_printf(&mem, "%s/%s", dir, file), &b, e));
	text = arena_strn(&mem, buf_cstr(&b), b.len && b.p[b.len - 1] == '\n' ? b.len - 1 : b.len);
	buf_done(&b);
	return text;
}

/* A process that does nothing. */
static inline pid_t idle_process(void)
{
	static char sleep_[] = "sleep", long_[] = "1000";
	static char *const argv[] = { sleep_, long_, NULL };
	struct proc_spawn s = { .path = "sleep", .search = true, .argv = argv };
	pid_t pid = -1;

	OK(proc_spawn(&s, &pid, NULL, e));
	return pid;
}
