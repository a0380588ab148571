/* event.c - append a line, and put the file aside when it is long enough. */
#include <errno.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>

#include "base/file.h"
#include "base/str.h"
#include "event/event.h"
#include "event/parts.h"

static int64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* docker's, with the members that older clients read ("status", "id", "from"). */
static void line_json(struct arena *a, const struct event *ev, struct buf *b)
{
	int64_t t = ev->time_ns ? ev->time_ns : now_ns();
	bool ctr = streq(ev->type, "container"), image = streq(ev->type, "image");
	const char *from = json_str(json_get(ev->attributes, "image"));
	struct json *j = json_obj(a, "status", ctr || image ? json_new_str(a, ev->action) : NULL, "id",
				  ctr || image ? json_new_str(a, ev->id) : NULL, "from",
				  ctr && from ? json_new_str(a, from) : NULL, "Type", json_new_str(a, ev->type), "Action",
				  json_new_str(a, ev->action), "Actor",
				  json_obj(a, "ID", json_new_str(a, ev->id), "Attributes",
					   ev->attributes ? json_copy(a, ev->attributes) : json_new_object(a), NULL),
				  "scope", json_new_str(a, "local"), "time", json_new_i64(a, t / 1000000000), "timeNano",
				  json_new_i64(a, t), NULL);

	json_write(b, j, JSON_COMPACT);
}

/* --- the file, with the lock --- */

struct file {
	int fd;
	uint64_t seq;           /* of the next event */
	off_t size;
};

static int write_head(int fd, uint64_t seq, struct dv_err *e)
{
	char head[EVENT_HEAD_SIZE + 1];

	(void)snprintf(head, sizeof head, EVENT_HEAD_FORMAT, (unsigned long long)seq);
	return pwrite(fd, head, EVENT_HEAD_SIZE, 0) == EVENT_HEAD_SIZE ? 0 : dv_fail_errno(e, errno, "write " EVENT_FILE);
}

/* A file that is empty, or that does not begin as ours does, begins anew. */
static int open_file(int runfd, uint64_t seq, struct file *ret, struct dv_err *e)
{
	struct stat st;
	int r = file_open(runfd, EVENT_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600, &ret->fd, e);

	if (r < 0)
		return r;
	if (fstat(ret->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return dv_fail(e, DV_CORRUPT, EVENT_FILE " is no regular file");
	ret->seq = seq;
	ret->size = st.st_size;
	if (st.st_size > 0 && event_read_head(ret->fd, &ret->seq))
		return 0;
	ret->size = EVENT_HEAD_SIZE;
	if (ftruncate(ret->fd, 0) < 0)
		return dv_fail_errno(e, errno, "empty " EVENT_FILE);
	return write_head(ret->fd, ret->seq, e);
}

static int rotate(int runfd, struct file *f, struct dv_err *e)
{
	uint64_t seq = f->seq;

	if (renameat(runfd, EVENT_FILE, runfd, EVENT_FILE_OLD) < 0)
		return dv_fail_errno(e, errno, "rename " EVENT_FILE);
	fd_close(&f->fd);
	return open_file(runfd, seq, f, e);
}

/* What a full disk cut off ends here: the next line must begin a line. */
static bool ends_whole(const struct file *f)
{
	char c = '\n';

	return f->size <= EVENT_HEAD_SIZE || (pread(f->fd, &c, 1, f->size - 1) == 1 && c == '\n');
}

/* The number is taken before it is used: a writer that is killed in between leaves a gap, never two of one number. */
static int append(struct file *f, struct buf *json, struct dv_err *e)
{
	auto_buf struct buf line = BUF_INIT(EVENT_LINE_MAX + 64);
	int r = write_head(f->fd, f->seq + 1, e);

	if (r < 0)
		return r;
	buf_printf(&line, "%s%llu ", ends_whole(f) ? "" : "\n", (unsigned long long)f->seq);
	buf_add(&line, json->p, json->len);
	buf_char(&line, '\n');
	if ((r = buf_check(&line, "event", e)) < 0)
		return r;
	return pwrite(f->fd, line.p, line.len, f->size) == (ssize_t)line.len ? 0 : dv_fail_errno(e, errno ? errno : ENOSPC, "write " EVENT_FILE);
}

static int emit_locked(int runfd, struct buf *json, struct dv_err *e)
{
	struct file f = { .fd = -1 };
	int r = open_file(runfd, 1, &f, e);

	if (r >= 0 && f.size + (off_t)json->len > EVENT_FILE_MAX)
		r = rotate(runfd, &f, e);
	if (r >= 0)
		r = append(&f, json, e);
	fd_close(&f.fd);
	return r;
}

int event_emit(int runfd, const struct event *ev, struct dv_err *e)
{
	auto_buf struct buf json = BUF_INIT(EVENT_LINE_MAX);
	auto_arena struct arena a = { 0 };
	auto_close int dir = -1;
	int r;

	arena_init(&a, 0);
	line_json(&a, ev, &json);
	/* The lock belongs to the open description: one of our own, since runfd may be shared with others. */
	if ((r = buf_check(&json, "event", e)) < 0 || (r = file_open(runfd, ".", O_RDONLY | O_DIRECTORY, 0, &dir, e)) < 0 ||
	    (r = file_lock(dir, true, true, "events", e)) < 0)
		return r;
	return emit_locked(dir, &json, e);
}
