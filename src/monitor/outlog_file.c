/* outlog_file.c - the json-file driver: one write for what one read gave, rotation by rename. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "monitor/outlog_driver.h"

#define PENDING_MAX (160 << 10)         /* a line of the longest piece, escaped */
#define FLUSH_BYTES (48 << 10)
#define FILES_MAX 1000

struct file_log {
	int dir;                /* the container's; then, once there is one, that of the logs */
	bool made;
	int fd;
	char name[96];
	char *attrs;            /* a JSON object, or NULL */
	int64_t max_size;       /* 0: none */
	int max_file;
	int64_t size;
	uint64_t waiting;       /* bytes of text in `out` */
	struct buf out;
};

static int file_log_open(const struct job *j, int dir, void **ret, struct dv_err *e)
{
	const struct job_log *c = j->log;
	struct file_log *f = mem_new(struct file_log);
	int r;

	f->fd = -1;
	f->max_size = c->max_size.set ? c->max_size.v : 0;
	f->max_file = c->max_file.set && c->max_file.v > 0 ? (int)DV_MIN(c->max_file.v, (int64_t)FILES_MAX) : 1;
	f->out = BUF_INIT(PENDING_MAX);
	(void)snprintf(f->name, sizeof f->name, "%s-json.log", j->id);
	if (c->attrs.n) {
		struct arena a = { 0 };
		struct json *o;

		arena_init(&a, 0);
		o = json_new_object(&a);
		for (size_t i = 0; i < c->attrs.n; i++)
			json_set(&a, o, c->attrs.keys[i], json_new_str(&a, c->attrs.values[i]));
		f->attrs = mem_str(json_text(&a, o, JSON_COMPACT));
		arena_done(&a);
	}
	if ((r = fd_dup(dir, &f->dir, e)) < 0) {
		free(f->attrs);
		free(f);
		return r;
	}
	*ret = f;
	return 0;
}

/* The directory is made with the first line: most short containers never write one. */
static bool make(struct file_log *f)
{
	struct stat st;
	int dir = -1;

	if (!f->made) {
		if ((mkdirat(f->dir, OUTLOG_DIR, 0700) < 0 && errno != EEXIST) ||
		    file_open(f->dir, OUTLOG_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &dir, NULL) < 0)
			return false;
		fd_close(&f->dir);
		f->dir = dir;
		f->made = true;
	}
	if (file_open(f->dir, f->name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0640, &f->fd, NULL) < 0)
		return false;
	f->size = fstat(f->fd, &st) == 0 ? st.st_size : 0;
	return true;
}

/* All of it or nothing: half a line would spoil the file. */
static bool put(struct file_log *f)
{
	size_t done = 0;

	if (fault_hit("write") || (f->fd < 0 && !make(f)))
		return false;
	while (done < f->out.len) {
		ssize_t n = write(f->fd, f->out.p + done, f->out.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			dv_ignore(ftruncate(f->fd, f->size));
			return false;
		}
		done += (size_t)n;
	}
	f->size += (int64_t)done;
	return true;
}

static uint64_t file_log_flush(void *state)
{
	struct file_log *f = state;
	uint64_t lost = 0;

	if (f->out.len && !put(f))
		lost = f->waiting;
	buf_reset(&f->out);
	f->waiting = 0;
	return lost;
}

/* NAME.2 becomes NAME.3, and so on; a reader that follows keeps the file it has open and sees the new one appear. */
static void rotate(struct file_log *f)
{
	char from[128], to[128];

	for (int i = f->max_file - 1; i >= 1; i--) {
		(void)snprintf(to, sizeof to, "%s.%d", f->name, i);
		if (i > 1)
			(void)snprintf(from, sizeof from, "%s.%d", f->name, i - 1);
		else
			(void)snprintf(from, sizeof from, "%s", f->name);
		(void)renameat(f->dir, from, f->dir, to);
	}
	if (f->max_file <= 1)
		(void)unlinkat(f->dir, f->name, 0);
	fd_close(&f->fd);
	f->size = 0;
}

static uint64_t file_log_line(void *state, int stream, const char *text, size_t len, bool complete, int64_t ns)
{
	struct file_log *f = state;
	uint64_t lost = 0;
	size_t before;

	if (f->out.len > FLUSH_BYTES)
		lost = file_log_flush(f);
	before = f->out.len;
	outlog_json_line(&f->out, text, len, complete, stream, f->attrs, ns);
	f->waiting += len;
	if (f->fd < 0 && !make(f))
		return lost;            /* the flush tells */
	if (f->max_size && f->size + (int64_t)before > 0 && f->size + (int64_t)f->out.len > f->max_size) {
		/* What came before this line belongs to the old file. */
		size_t line = f->out.len - before;
		auto_free char *keep = mem_alloc(line);

		memcpy(keep, f->out.p + before, line);
		f->out.len = before;
		f->waiting -= len;
		lost += file_log_flush(f);
		rotate(f);
		buf_add(&f->out, keep, line);
		f->waiting = len;
	}
	return lost;
}

static void file_log_close(void *state)
{
	struct file_log *f = state;

	fd_close(&f->fd);
	fd_close(&f->dir);
	buf_done(&f->out);
	free(f->attrs);
	free(f);
}

const struct outlog_driver outlog_json_file = { "json-file", file_log_open, file_log_line, file_log_flush, file_log_close };
const struct outlog_driver outlog_local = { "local", file_log_open, file_log_line, file_log_flush, file_log_close };
