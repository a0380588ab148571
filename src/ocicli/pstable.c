/* pstable.c - UID PID PPID C STIME TTY TIME CMD from /proc/PID. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/str.h"
#include "ocicli/pstable.h"
#include "ui/table.h"

struct proc_line {
	uint64_t ppid, tty, utime, stime, start;
	const char *comm;
};

/* Fields after the name, which may itself hold spaces and parentheses: they start behind the last ')'. */
static bool parse_stat(struct arena *a, const char *text, struct proc_line *p)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	uint64_t *const want[] = { [4] = &p->ppid, [7] = &p->tty, [14] = &p->utime, [15] = &p->stime,
				   [22] = &p->start };
	char **f;
	size_t n;

	if (!open || !close || !close[1])
		return false;
	p->comm = arena_strn(a, open + 1, (size_t)(close - open - 1));
	f = str_split(a, close + 2, ' ', &n);
	for (size_t i = 3; i < ARRAY_LEN(want); i++)
		if (want[i] && (i - 3 >= n || str_u64(f[i - 3], UINT64_MAX, "stat", want[i], NULL) < 0))
			return false;
	return true;
}

static const char *command(struct arena *a, int dir, const char *comm)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);

	if (file_read(dir, "cmdline", &b, NULL) < 0 || b.len == 0)
		return arena_printf(a, "[%s]", comm);
	for (size_t i = 0; i + 1 < b.len; i++)
		if (b.p[i] == '\0')
			b.p[i] = ' ';
	return arena_str(a, b.p);
}

static const char *tty_name(struct arena *a, uint64_t dev)
{
	unsigned major = (unsigned)(dev >> 8) & 0xfff, minor = (unsigned)((dev & 0xff) | ((dev >> 12) & 0xfff00));

	if (!dev)
		return "?";
	return major >= 136 && major <= 143 ? arena_printf(a, "pts/%u", (major - 136) * 256 + minor) :
					      arena_printf(a, "tty%u", minor);
}

static const char *start_time(struct arena *a, uint64_t start, uint64_t hz)
{
	struct timespec boot, now;
	struct tm tm;
	time_t t;
	char text[16];

	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	t = now.tv_sec - boot.tv_sec + (time_t)(start / hz);
	(void)localtime_r(&t, &tm);
	(void)strftime(text, sizeof text, now.tv_sec - t < 86400 ? "%H:%M" : "%b%d", &tm);
	return arena_str(a, text);
}

static bool add_row(struct arena *a, struct table *t, pid_t pid)
{
	auto_close int dir = -1;
	auto_buf struct buf b = BUF_INIT(65536);
	struct proc_line p = { 0 };
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK), secs;
	const char *pid_text = arena_printf(a, "%d", (int)pid);
	struct stat st;

	if (file_open(AT_FDCWD, arena_printf(a, "/proc/%s", pid_text), O_PATH | O_DIRECTORY, 0, &dir, NULL) < 0 ||
	    file_read(dir, "stat", &b, NULL) < 0 || fstat(dir, &st) < 0 || !parse_stat(a, buf_cstr(&b), &p))
		return false;
	secs = (p.utime + p.stime) / hz;
	{
		const char *const cells[] = { st.st_uid == 0 ? "root" : arena_printf(a, "%u", st.st_uid),
					      pid_text,
					      arena_printf(a, "%" PRIu64, p.ppid),
					      "0",
					      start_time(a, p.start, hz),
					      tty_name(a, p.tty),
					      arena_printf(a, "%02u:%02u:%02u", (unsigned)(secs / 3600),
							   (unsigned)(secs / 60 % 60), (unsigned)(secs % 60)),
					      command(a, dir, p.comm) };

		table_row(t, cells);
	}
	return true;
}

int pstable_print(struct arena *a, const pid_t *pids, size_t n, struct dv_err *e)
{
	static const char *const headers[] = { "UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD", NULL };
	struct table *t = table_new(a, headers);

	for (size_t i = 0; i < n; i++)
		(void)add_row(a, t, pids[i]);
	table_print(t, stdout, false, false);
	return 0;
}
