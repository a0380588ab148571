/* passwd.c - lines that --passwd, --passwd-entry, --group-entry and --hostuser add to the container's files. */
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/request.h"
#include "engine/user.h"

bool passwd_wanted(const struct run_request *q)
{
	return q->passwd || q->passwd_entry || q->group_entry || q->host_users;
}

/* The line whose field `column` is this. */
static bool find_line(const struct buf *file, size_t column, const char *want, const char **ret, size_t *ret_len)
{
	struct scan s = scan_of(buf_cstr(file), file->len), field;
	const char *word;
	size_t len;

	while (scan_until(&s, '\n', ret, ret_len)) {
		field = scan_of(*ret, *ret_len);
		for (size_t i = 0; scan_until(&field, ':', &word, &len); i++)
			if (i == column && strlen(want) == len && memcmp(word, want, len) == 0)
				return true;
	}
	return false;
}

static void end_line(struct buf *b)
{
	if (b->len && b->p[b->len - 1] != '\n')
		buf_char(b, '\n');
}

/* "$UID" and its like; what is no such word stays. */
static void put_expanded(struct buf *b, const char *text, const char *const (*words)[2], size_t n)
{
	end_line(b);
	while (*text) {
		size_t i = 0;

		while (i < n && !str_starts(text, words[i][0]))
			i++;
		if (i < n)
			buf_str(b, words[i][1]);
		else
			buf_char(b, *text);
		text += i < n ? strlen(words[i][0]) : 1;
	}
	buf_char(b, '\n');
}

static int add_host_users(const struct run_request *q, struct buf *passwd, struct dv_err *e)
{
	auto_buf struct buf own = BUF_INIT(USER_FILE_MAX);
	const char *line;
	size_t len;
	int r = q->host_users ? file_read(AT_FDCWD, "/etc/passwd", &own, e) : 0;

	for (const char *const *name = q->host_users; r >= 0 && name && *name; name++) {
		if (!find_line(&own, 0, *name, &line, &len))
			return dv_fail(e, DV_NOT_FOUND, "--hostuser %.64s: /etc/passwd has no such user", *name);
		end_line(passwd);
		buf_add(passwd, line, len);
		buf_char(passwd, '\n');
	}
	return r;
}

static int write_file(int dir_fd, const char *name, struct buf *b, struct dv_err *e)
{
	auto_close int fd = -1;
	int r;

	if (b->over)
		return dv_fail(e, DV_LIMIT, "the container's /etc/%s is too large", name);
	r = file_open(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644, &fd, e);
	return r < 0 ? r : fd_write_all(fd, buf_cstr(b), b->len, name, e);
}

int passwd_write(struct arena *a, int dir_fd, int root_fd, const struct run_request *q, const struct user *u,
		 struct dv_err *e)
{
	auto_buf struct buf passwd = BUF_INIT(USER_FILE_MAX), group = BUF_INIT(USER_FILE_MAX);
	const char *uid = arena_printf(a, "%u", u->uid), *gid = arena_printf(a, "%u", u->gid), *line;
	const char *const words[][2] = { { "$USERNAME", uid }, { "$UID", uid }, { "$GID", gid }, { "$NAME", "container user" },
					 { "$HOME", u->home }, { "$GROUPNAME", gid } };
	size_t len;
	int r;

	if (!passwd_wanted(q))
		return 0;
	if ((r = user_read_inside(root_fd, "etc/passwd", &passwd, e)) < 0 ||
	    (r = user_read_inside(root_fd, "etc/group", &group, e)) < 0 || (r = add_host_users(q, &passwd, e)) < 0)
		return r;
	if (!find_line(&passwd, 2, uid, &line, &len))
		put_expanded(&passwd, q->passwd_entry ? q->passwd_entry : "$USERNAME:*:$UID:$GID:$NAME:$HOME:/bin/sh", words,
			     ARRAY_LEN(words));
	if (!find_line(&group, 2, gid, &line, &len))
		put_expanded(&group, q->group_entry ? q->group_entry : "$GROUPNAME:*:$GID:", words, ARRAY_LEN(words));
	r = write_file(dir_fd, "passwd", &passwd, e);
	return r < 0 ? r : write_file(dir_fd, "group", &group, e);
}
