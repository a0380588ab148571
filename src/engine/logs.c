/* logs.c - read log files: the old ones first, the last lines found backwards, what comes followed by inotify.
 *
 * The writer rotates by renaming: the file that is open stays the right one to its end, then the one that has the
 * name now is next.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "engine/life.h"
#include "engine/logs.h"
#include "image/config.h"

#define FILES_MAX 1000
#define LINE_MAX_BYTES (1 << 20)
#define BLOCK_BYTES 65536

struct reader {
	struct engine *g;
	struct arena *a;
	const struct logs_request *q;
	logs_fn *each;
	void *ctx;
	struct ctr *row;
	int dir, fd;            /* the log directory, the open file; -1 */
	ino_t inode;
	char name[96];
	struct buf line;        /* what was read of a line so far */
	bool over;              /* --until is passed */
};

bool logs_time(const char *text, int64_t *ret_ns)
{
	char whole[40];
	const char *dot = strchr(text, '.');
	int64_t seconds, ns = 0, unit = 100000000;
	size_t head = dot ? (size_t)(dot - text) : strlen(text);
	const char *p = dot ? dot + 1 : text + head;

	for (; dot && *p >= '0' && *p <= '9'; p++, unit /= 10)
		ns += unit * (*p - '0');
	if (snprintf(whole, sizeof whole, "%.*s%s", (int)head, text, p) >= (int)sizeof whole || !image_time_parse(whole, &seconds))
		return false;
	*ret_ns = seconds * 1000000000 + ns;
	return true;
}

/* --- lines --- */

/* A line that is none of ours (the disk was full, the machine crashed) is left out. */
static int tell(struct reader *x, struct dv_err *e)
{
	auto_arena struct arena a = { 0 };
	struct logs_line l = { 0 };
	struct json *j = NULL;
	const char *stream;
	int64_t ns = 0;

	arena_init(&a, 0);
	if (json_parse(&a, buf_cstr(&x->line), x->line.len, &j, NULL) < 0 || !json_str(json_get(j, "log")))
		return 0;
	l.text = json_str(json_get(j, "log"));
	l.len = json_str_len(json_get(j, "log"));
	l.time = json_str(json_get(j, "time"));
	l.attrs = json_get(j, "attrs");
	stream = json_str(json_get(j, "stream"));
	l.stream = stream && streq(stream, "stderr") ? 2 : 1;
	if (!l.time || !logs_time(l.time, &ns) || (x->q->since_ns && ns < x->q->since_ns))
		return 0;
	if (x->q->until_ns && ns > x->q->until_ns) {
		x->over = true;
		return 0;
	}
	return x->each(x->ctx, &l, e);
}

static int feed(struct reader *x, const char *data, size_t len, struct dv_err *e)
{
	while (len && !x->over) {
		const char *nl = memchr(data, '\n', len);
		size_t n = nl ? (size_t)(nl - data) : len;
		int r;

		buf_add(&x->line, data, n);
		if (!nl)
			return 0;
		r = tell(x, e);
		buf_reset(&x->line);
		if (r < 0)
			return r;
		data += n + 1;
		len -= n + 1;
	}
	return 0;
}

/* To the end of the open file. */
static int read_on(struct reader *x, struct dv_err *e)
{
	char data[BLOCK_BYTES];
	ssize_t n;
	int r;

	while (!x->over && x->fd >= 0 && (n = read(x->fd, data, sizeof data)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return dv_fail_errno(e, errno, "read %s", x->name);
		if ((r = feed(x, data, (size_t)n, e)) < 0)
			return r;
	}
	return 0;
}

/* --- files --- */

/* number 0 is the one that is written to. */
static int open_file(struct reader *x, int number, int *ret_fd)
{
	char name[128];

	(void)snprintf(name, sizeof name, number ? "%s.%d" : "%s", x->name, number);
	return file_open(x->dir, name, O_RDONLY | O_NOFOLLOW, 0, ret_fd, NULL);
}

/* Newlines of a file from its end, until `want` lines are complete: the offset where they begin. */
static int64_t find_tail(int fd, int64_t *want)
{
	char data[BLOCK_BYTES];
	struct stat st;
	int64_t at;

	if (fstat(fd, &st) < 0)
		return 0;
	for (at = st.st_size; at > 0;) {
		int64_t from = at > BLOCK_BYTES ? at - BLOCK_BYTES : 0;
		ssize_t n = pread(fd, data, (size_t)(at - from), from);

		if (n <= 0)
			return 0;
		for (ssize_t i = n; i-- > 0;)
			/* The last newline ends a line; each one before it begins one. */
			if (data[i] == '\n' && from + i + 1 < st.st_size && --*want == 0)
				return from + i + 1;
		at = from;
	}
	if (st.st_size > 0)
		--*want;
	return 0;
}

/* The files that are there, newest first, as far back as the tail wants. */
static size_t open_files(struct reader *x, int *fds)
{
	int64_t want = x->q->tail;
	size_t n = 0;

	while (n < FILES_MAX && open_file(x, (int)n, &fds[n]) >= 0) {
		n++;
		if (x->q->tail < 0)
			continue;
		if (want <= 0)
			(void)lseek(fds[n - 1], 0, SEEK_END);
		else
			(void)lseek(fds[n - 1], find_tail(fds[n - 1], &want), SEEK_SET);
		if (want <= 0)
			break;
	}
	return n;
}

static void take_file(struct reader *x, int fd)
{
	struct stat st;

	fd_close(&x->fd);
	x->fd = fd;
	x->inode = fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static int read_all(struct reader *x, struct dv_err *e)
{
	int fds[FILES_MAX], r = 0;
	size_t n = open_files(x, fds);

	while (n > 0) {
		take_file(x, fds[--n]);
		if (r >= 0)
			r = read_on(x, e);
	}
	return r;
}

/* --- following --- */

/* The file that has the name now, when it is another one. */
static int next_file(struct reader *x, struct dv_err *e)
{
	struct stat st;
	int fd = -1, r;

	if (x->dir < 0 || fstatat(x->dir, x->name, &st, AT_SYMLINK_NOFOLLOW) < 0 || (x->fd >= 0 && st.st_ino == x->inode))
		return 0;
	if ((r = read_on(x, e)) < 0 || open_file(x, 0, &fd) < 0)
		return r;
	take_file(x, fd);
	return read_on(x, e);
}

static int open_dir(struct reader *x)
{
	char path[sizeof "containers//log" + CTR_ID_SIZE];

	(void)snprintf(path, sizeof path, "containers/%s/log", x->row->id);
	return x->dir >= 0 ? 0 : file_open(engine_rootfd(x->g), path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &x->dir, NULL);
}

/* The directory appears with the first line. */
static int watch(struct reader *x, int in, struct dv_err *e)
{
	char path[48];
	auto_close int parent = -1;
	char name[sizeof "containers/" + CTR_ID_SIZE];

	(void)snprintf(name, sizeof name, "containers/%s", x->row->id);
	if (open_dir(x) >= 0)
		(void)snprintf(path, sizeof path, "/proc/self/fd/%d", x->dir);
	else if (file_open(engine_rootfd(x->g), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &parent, NULL) >= 0)
		(void)snprintf(path, sizeof path, "/proc/self/fd/%d", parent);
	else
		return 0;
	if (inotify_add_watch(in, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF) < 0)
		return dv_fail_errno(e, errno, "inotify");
	return 0;
}

static int read_new(struct reader *x, int in, struct dv_err *e)
{
	bool had = x->dir >= 0;
	int r;

	if (!had && open_dir(x) >= 0 && (r = watch(x, in, e)) < 0)
		return r;
	r = read_on(x, e);
	return r < 0 ? r : next_file(x, e);
}

static void drain(int in)
{
	char news[4096] __attribute__((aligned(8)));

	while (read(in, news, sizeof news) > 0)
		;
}

static int64_t left_ms(const struct reader *x)
{
	int64_t left = x->q->until_ns ? (x->q->until_ns - ctr_now_ns()) / 1000000 : -1;

	return x->q->until_ns && left < 0 ? 0 : left;
}

/* Until the monitor is gone: then the container has ended, or somebody gives it another monitor. */
static int follow_monitor(struct reader *x, int in, struct dv_err *e)
{
	auto_close int monitor = -1;
	struct dv_err gone = DV_ERR_NONE;
	/* One that runs without a monitor is followed to its own end. */
	const struct proc_id *id = ctr_owner_alive(x->g, x->row) ? &x->row->owner : &x->row->init;
	bool alive = id->pid && proc_open(id->pid, &monitor, &gone) >= 0 && proc_alive(id);

	while (!x->over) {
		struct pollfd p[2] = { { .fd = in, .events = POLLIN }, { .fd = alive ? monitor : -1, .events = POLLIN } };
		int64_t left = left_ms(x);
		int r;

		if ((r = read_new(x, in, e)) < 0 || !alive || left == 0)
			return r;
		r = poll(p, 2, (int)DV_MIN(left, (int64_t)1000000));
		if (r < 0 && errno != EINTR)
			return dv_fail_errno(e, errno, "wait for output");
		drain(in);
		if (p[1].revents)
			alive = false;
	}
	return 0;
}

static int follow(struct reader *x, struct dv_err *e)
{
	auto_close int in = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int r;

	if (in < 0)
		return dv_fail_errno(e, errno, "inotify");
	if ((r = watch(x, in, e)) < 0)
		return r;
	for (;;) {
		if ((r = follow_monitor(x, in, e)) < 0 || x->over || left_ms(x) == 0)
			return r;
		r = ctr_find(x->g, x->a, x->row->id, &x->row, NULL);
		if (r < 0 || life_settle(x->g, x->a, x->row, NULL) != 0 || x->row->status != CTR_RUNNING)
			return 0;
	}
}

static int check_driver(struct reader *x, struct dv_err *e)
{
	struct json *config = NULL;
	const char *driver;

	if (json_parse(x->a, x->row->config, strlen(x->row->config), &config, NULL) < 0)
		return 0;
	driver = json_str(json_path(config, "HostConfig.LogConfig.Type"));
	if (driver && (streq(driver, "none") || streq(driver, "journald")))
		return dv_fail(e, DV_UNSUPPORTED, "configured logging driver does not support reading");
	return 0;
}

int engine_logs(struct engine *g, struct arena *a, const struct logs_request *q, logs_fn *each, void *ctx, struct dv_err *e)
{
	struct reader x = { .g = g, .a = a, .q = q, .each = each, .ctx = ctx, .dir = -1, .fd = -1, .line = BUF_INIT(LINE_MAX_BYTES) };
	int r;

	if ((r = ctr_find(g, a, q->container, &x.row, e)) < 0 || (r = life_settle(g, a, x.row, e)) < 0)
		return r;
	if (r > 0)
		return dv_fail(e, DV_NOT_FOUND, "No such container: %.300s", q->container);
	if ((r = check_driver(&x, e)) < 0)
		return r;
	(void)snprintf(x.name, sizeof x.name, "%s-json.log", x.row->id);
	if (open_dir(&x) >= 0)
		r = read_all(&x, e);
	if (r >= 0 && q->follow && !x.over && x.row->status == CTR_RUNNING)
		r = follow(&x, e);
	fd_close(&x.fd);
	fd_close(&x.dir);
	buf_done(&x.line);
	return r < 0 ? r : 0;
}
