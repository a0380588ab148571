/* user.c - passwd and group files of an image: the input is "USER[:GROUP]", a line feed, passwd, a NUL byte, group. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "engine/user.h"
#include "fuzz.h"

static char top[] = "/tmp/davit-fuzz-user.XXXXXX";
static int root = -1;

static void remove_root(void)
{
	dv_ignore(file_remove_tree(AT_FDCWD, top, NULL));
}

static void put(const char *name, const char *text, size_t len)
{
	auto_close int fd = -1;

	FUZZ_CHECK(file_open(root, name, O_WRONLY | O_CREAT | O_TRUNC, 0600, &fd, NULL) == 0);
	FUZZ_CHECK(fd_write_all(fd, text, len, name, NULL) == 0);
}

static void open_root(void)
{
	FUZZ_CHECK(mkdtemp(top));
	FUZZ_CHECK(atexit(remove_root) == 0);
	FUZZ_CHECK(file_open(AT_FDCWD, top, O_PATH | O_DIRECTORY, 0, &root, NULL) == 0);
	FUZZ_CHECK(mkdirat(root, "etc", 0700) == 0);
}

/* A number is that id, whatever the files say of it, and no id is out of range. */
static void check_user(const char *text, const struct user *u)
{
	size_t digits = strspn(text, "0123456789");

	FUZZ_CHECK(u->uid <= INT32_MAX && u->gid <= INT32_MAX && u->home);
	for (size_t i = 0; i < u->n_groups; i++)
		FUZZ_CHECK(u->groups[i] <= INT32_MAX);
	if (digits && digits < 10 && (!text[digits] || text[digits] == ':'))
		FUZZ_CHECK(u->uid == strtoul(text, NULL, 10) || memchr(text, ':', digits));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data, *line = memchr(data, '\n', size), *nul;
	struct dv_err e = DV_ERR_NONE;
	auto_arena struct arena a;
	struct user u;

	arena_init(&a, 0);
	if (root < 0)
		open_root();
	if (!line || line - p > 200)
		return 0;
	const char *who = arena_strn(&a, p, (size_t)(line - p)), *end = p + size;

	line++;
	nul = memchr(line, '\0', (size_t)(end - line));
	nul = nul ? nul : end;
	put("etc/passwd", line, (size_t)(nul - line));
	put("etc/group", nul < end ? nul + 1 : end, nul < end ? (size_t)(end - nul - 1) : 0);
	if (user_find(&a, root, who, &u, &e) >= 0)
		check_user(who, &u);
	else
		FUZZ_CHECK(*e.msg && !strchr(e.msg, '\n'));
	return 0;
}
