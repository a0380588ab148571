/* reader.c - the events of both files in order, and waiting for more. */
#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>

#include "base/file.h"
#include "base/str.h"
#include "event/event.h"
#include "event/parts.h"

struct event_reader {
	int runfd;              /* the caller's */
	int fd;                 /* of the file we are in, -1: none */
	int watch;              /* inotify */
	bool moved;             /* it has another name now: nobody writes to it any more */
	off_t at;
	uint64_t last;          /* number of the last event that was handed out */
	struct buf line;        /* what was read and not yet handed out */
	size_t done;            /* of it */
};

bool event_read_head(int fd, uint64_t *ret_next)
{
	char head[EVENT_HEAD_SIZE + 1] = "";
	const char *number;
	uint64_t n;

	if (pread(fd, head, EVENT_HEAD_SIZE, 0) != EVENT_HEAD_SIZE || head[EVENT_HEAD_SIZE - 1] != '\n')
		return false;
	head[EVENT_HEAD_SIZE - 1] = '\0';
	number = str_after(head, "davit-events ");
	if (!number || str_u64(number, UINT64_MAX, "number", &n, NULL) < 0)
		return false;
	*ret_next = n;
	return true;
}

/* --- files --- */

static void enter(struct event_reader *r, int fd)
{
	fd_close(&r->fd);
	r->fd = fd;
	r->moved = false;
	r->at = EVENT_HEAD_SIZE;
	buf_reset(&r->line);
	r->done = 0;
}

static int try_open(const struct event_reader *r, const char *name)
{
	struct stat st;
	int fd = -1;

	if (file_open(r->runfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd, NULL) < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		fd_close(&fd);
	return fd;
}

/* Where we are is no longer the file that is written: on to the one that is. Two rotations since our last look lose what
 * was between; numbers tell. */
static bool go_on(struct event_reader *r)
{
	struct stat mine, now;
	int fd;

	if (r->fd >= 0 && fstat(r->fd, &mine) == 0 && fstatat(r->runfd, EVENT_FILE, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	    mine.st_ino == now.st_ino && mine.st_dev == now.st_dev)
		return false;
	/* What was written between our last read and its new name comes first. */
	if (r->fd >= 0 && !r->moved) {
		r->moved = true;
		return true;
	}
	fd = try_open(r, EVENT_FILE);
	if (fd < 0)
		return false;
	enter(r, fd);
	return true;
}

int event_reader_new(int runfd, struct event_reader **ret, struct dv_err *e)
{
	struct event_reader *r = mem_new(struct event_reader);
	int fd;

	(void)e;
	r->runfd = runfd;
	r->fd = r->watch = -1;
	r->line = BUF_INIT(EVENT_LINE_MAX + 4096);
	fd = try_open(r, EVENT_FILE_OLD);
	if (fd >= 0)
		enter(r, fd);
	*ret = r;
	return 0;
}

void event_reader_free(struct event_reader *r)
{
	if (!r)
		return;
	fd_close(&r->fd);
	fd_close(&r->watch);
	buf_done(&r->line);
	free(r);
}

/* --- lines --- */

/* More bytes; 0 at the end of the file for now. */
static int fill(struct event_reader *r, struct dv_err *e)
{
	size_t left = r->line.len - r->done;
	ssize_t n;
	char *room;

	if (left)
		memmove(r->line.p, r->line.p + r->done, left);
	r->line.len = left;
	r->done = 0;
	room = buf_room(&r->line, 4096);
	if (!room) {            /* no line of ours is that long */
		buf_reset(&r->line);
		r->line.over = false;
		return 1;
	}
	n = pread(r->fd, room, 4096, r->at);
	if (n < 0)
		return dv_fail_errno(e, errno, "read " EVENT_FILE);
	r->at += n;
	r->line.len += (size_t)n;
	return n > 0;
}

/* "12 {...}": false for anything else, and for what was handed out before. */
static bool take_line(struct event_reader *r, char *line, size_t len, uint64_t *ret_seq, const char **ret)
{
	struct scan s = scan_of(line, len);
	uint64_t seq;

	line[len] = '\0';
	if (!scan_u64(&s, &seq) || !scan_char(&s, ' ') || s.p == s.end || *s.p != '{' || line[len - 1] != '}' || seq <= r->last)
		return false;
	r->last = seq;
	if (ret_seq)
		*ret_seq = seq;
	*ret = s.p;
	return true;
}

int event_next(struct event_reader *r, uint64_t *ret_seq, const char **ret, struct dv_err *e)
{
	for (;;) {
		char *from = r->line.p ? r->line.p + r->done : NULL;
		char *end = from ? memchr(from, '\n', r->line.len - r->done) : NULL;
		int n;

		if (end) {
			r->done += (size_t)(end - from) + 1;
			if (take_line(r, from, (size_t)(end - from), ret_seq, ret))
				return 1;
			continue;
		}
		n = r->fd >= 0 ? fill(r, e) : 0;
		if (n < 0)
			return n;
		if (n == 0 && !go_on(r))
			return 0;
	}
}

/* --- waiting --- */

int event_wait_fd(struct event_reader *r, int *ret_fd, struct dv_err *e)
{
	char path[32];

	if (r->watch < 0) {
		(void)snprintf(path, sizeof path, "/proc/self/fd/%d", r->runfd);
		r->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		if (r->watch < 0 || inotify_add_watch(r->watch, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
			return dv_fail_errno(e, errno, "watch for events");
	}
	*ret_fd = r->watch;
	return 0;
}

void event_wait_done(struct event_reader *r)
{
	char news[4096];

	while (read(r->watch, news, sizeof news) > 0)
		;
}
