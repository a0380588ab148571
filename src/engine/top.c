/* top.c - ps(1) for the processes of one container, from /proc: nothing is executed, in the container or outside. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/control.h"
#include "engine/events.h"
#include "engine/top.h"

#define TEXT_MAX ((size_t)1 << 17)
#define COLUMNS_MAX 64

/* What /proc says about one process. */
struct process {
	struct arena *a;
	pid_t pid;
	uid_t uid;
	gid_t gid;
	const char *comm, *cmdline;
	char state;
	int64_t f[53];          /* fields of stat by their number in proc(5) */
	int64_t now_s, boot_s;
};

enum { F_PPID = 4, F_PGRP = 5, F_SESSION = 6, F_TTY = 7, F_UTIME = 14, F_STIME = 15, F_PRIORITY = 18, F_NICE = 19, F_THREADS = 20,
       F_START = 22, F_VSIZE = 23, F_RSS = 24, F_CPU = 39 };

/* --- reading --- */

static bool read_stat(struct process *p)
{
	auto_free char *path = mem_printf("/proc/%d/stat", (int)p->pid);
	char text[4096];
	const char *open, *close;
	struct scan s;

	if (file_read_kernel(AT_FDCWD, path, text, sizeof text, NULL) < 0 || !(open = strchr(text, '(')) ||
	    !(close = strrchr(text, ')')) || close[1] != ' ')
		return false;
	p->comm = arena_strn(p->a, open + 1, (size_t)(close - open) - 1);
	p->state = close[2];
	s = scan_of(close + 3, strlen(close + 3));
	for (int i = F_PPID; i < (int)ARRAY_LEN(p->f); i++) {
		bool minus;
		uint64_t v;

		scan_blanks(&s);
		minus = scan_char(&s, '-');
		if (!scan_u64(&s, &v))
			break;
		p->f[i] = minus ? -(int64_t)v : (int64_t)v;
	}
	return true;
}

static void read_cmdline(struct process *p)
{
	auto_buf struct buf b = BUF_INIT(TEXT_MAX);
	auto_free char *path = mem_printf("/proc/%d/cmdline", (int)p->pid);

	if (file_read(AT_FDCWD, path, &b, NULL) < 0 || b.len == 0) {
		p->cmdline = arena_printf(p->a, "[%s]", p->comm);
		return;
	}
	while (b.len > 0 && b.p[b.len - 1] == '\0')
		b.len--;
	for (size_t i = 0; i < b.len; i++)
		if ((unsigned char)b.p[i] < ' ')
			b.p[i] = ' ';
	p->cmdline = arena_strn(p->a, b.p ? b.p : "", b.len);
}

/* False when it has gone. */
static bool read_process(struct arena *a, pid_t pid, int64_t boot_s, struct process *ret)
{
	struct process p = { .a = a, .pid = pid, .now_s = (int64_t)time(NULL), .boot_s = boot_s };
	auto_free char *path = mem_printf("/proc/%d", (int)pid);
	struct stat st;

	if (stat(path, &st) < 0 || !read_stat(&p))
		return false;
	p.uid = st.st_uid;
	p.gid = st.st_gid;
	read_cmdline(&p);
	*ret = p;
	return true;
}

static int64_t boot_time(void)
{
	auto_buf struct buf b = BUF_INIT((size_t)1 << 20);
	const char *at;
	struct scan s;
	uint64_t v = 0;

	if (file_read(AT_FDCWD, "/proc/stat", &b, NULL) < 0 || !(at = strstr(buf_cstr(&b), "\nbtime ")))
		return 0;
	s = scan_of(at + 7, strlen(at + 7));
	(void)scan_u64(&s, &v);
	return (int64_t)v;
}

/* --- columns --- */

typedef const char *column_fn(const struct process *p);

static const char *num(const struct process *p, int64_t v)
{
	return arena_printf(p->a, "%lld", (long long)v);
}

static int64_t cpu_s(const struct process *p)
{
	return (p->f[F_UTIME] + p->f[F_STIME]) / sysconf(_SC_CLK_TCK);
}

static int64_t start_s(const struct process *p)
{
	return p->boot_s + p->f[F_START] / sysconf(_SC_CLK_TCK);
}

static int64_t percent_cpu(const struct process *p)
{
	int64_t lived = p->now_s - start_s(p);

	return lived > 0 ? 1000 * cpu_s(p) / lived : 0;         /* in tenths */
}

/* Names of the host's users, as ps on the host shows them; a number where there is none. */
static const char *user_name(const struct process *p, const char *file, uint32_t id)
{
	auto_buf struct buf b = BUF_INIT((size_t)1 << 22);
	const char *line, *name, *word;
	size_t len, name_len;
	struct scan s;

	if (file_read(AT_FDCWD, file, &b, NULL) < 0)
		return num(p, id);
	s = scan_of(buf_cstr(&b), b.len);
	while (scan_until(&s, '\n', &line, &len)) {
		struct scan l = scan_of(line, len);
		uint64_t n;

		if (scan_until(&l, ':', &name, &name_len) && scan_until(&l, ':', &word, &len) && scan_u64(&l, &n) && n == id)
			return arena_strn(p->a, name, name_len);
	}
	return num(p, id);
}

static const char *clock_text(const struct process *p, int64_t s)
{
	return arena_printf(p->a, "%02lld:%02lld:%02lld", (long long)(s / 3600), (long long)(s / 60 % 60), (long long)(s % 60));
}

static const char *c_user(const struct process *p) { return user_name(p, "/etc/passwd", p->uid); }
static const char *c_group(const struct process *p) { return user_name(p, "/etc/group", p->gid); }
static const char *c_uid(const struct process *p) { return num(p, p->uid); }
static const char *c_gid(const struct process *p) { return num(p, p->gid); }
static const char *c_pid(const struct process *p) { return num(p, p->pid); }
static const char *c_ppid(const struct process *p) { return num(p, p->f[F_PPID]); }
static const char *c_pgid(const struct process *p) { return num(p, p->f[F_PGRP]); }
static const char *c_sid(const struct process *p) { return num(p, p->f[F_SESSION]); }
static const char *c_nice(const struct process *p) { return num(p, p->f[F_NICE]); }
static const char *c_pri(const struct process *p) { return num(p, 19 - p->f[F_NICE]); }
static const char *c_threads(const struct process *p) { return num(p, p->f[F_THREADS]); }
static const char *c_vsz(const struct process *p) { return num(p, p->f[F_VSIZE] / 1024); }
static const char *c_rss(const struct process *p) { return num(p, p->f[F_RSS] * sysconf(_SC_PAGESIZE) / 1024); }
static const char *c_psr(const struct process *p) { return num(p, p->f[F_CPU]); }
static const char *c_c(const struct process *p) { return num(p, percent_cpu(p) / 10); }
static const char *c_time(const struct process *p) { return clock_text(p, cpu_s(p)); }
static const char *c_comm(const struct process *p) { return p->comm; }
static const char *c_args(const struct process *p) { return p->cmdline; }
static const char *c_state(const struct process *p) { return arena_printf(p->a, "%c", p->state); }

static const char *c_pcpu(const struct process *p)
{
	return arena_printf(p->a, "%lld.%lld", (long long)(percent_cpu(p) / 10), (long long)(percent_cpu(p) % 10));
}

static const char *c_pmem(const struct process *p)
{
	int64_t pages = sysconf(_SC_PHYS_PAGES), tenths = pages > 0 ? 1000 * p->f[F_RSS] / pages : 0;

	return arena_printf(p->a, "%lld.%lld", (long long)(tenths / 10), (long long)(tenths % 10));
}

static const char *c_tty(const struct process *p)
{
	int64_t tty = p->f[F_TTY], major = tty >> 8 & 0xfff, minor = (tty & 0xff) | (tty >> 12 & 0xfff00);

	if (!tty)
		return "?";
	return major >= 136 && major <= 143 ? arena_printf(p->a, "pts/%lld", (long long)(minor + (major - 136) * 256)) :
					      arena_printf(p->a, "tty%lld", (long long)minor);
}

static const char *c_stime(const struct process *p)
{
	time_t t = (time_t)start_s(p);
	char text[16] = "";
	struct tm tm;

	if (localtime_r(&t, &tm))
		(void)strftime(text, sizeof text, p->now_s - t < 86400 ? "%H:%M" : "%b%d", &tm);
	return arena_str(p->a, text);
}

static const char *c_etime(const struct process *p)
{
	int64_t s = p->now_s > start_s(p) ? p->now_s - start_s(p) : 0;

	return s < 3600 ? arena_printf(p->a, "%02lld:%02lld", (long long)(s / 60), (long long)(s % 60)) :
	       s < 86400 ? clock_text(p, s) :
			   arena_printf(p->a, "%lld-%s", (long long)(s / 86400), clock_text(p, s % 86400));
}

/* Names as in ps -o; what they are called in podman's top, too. */
static const struct column {
	const char *name, *title;
	column_fn *text;
} columns[] = {
	{ "user", "USER", c_user },      { "euser", "EUSER", c_user },     { "ruser", "RUSER", c_user },    { "uid", "UID", c_uid },
	{ "euid", "EUID", c_uid },       { "group", "GROUP", c_group },    { "gid", "GID", c_gid },         { "pid", "PID", c_pid },
	{ "hpid", "HPID", c_pid },       { "ppid", "PPID", c_ppid },       { "pgid", "PGID", c_pgid },      { "pgrp", "PGRP", c_pgid },
	{ "sid", "SID", c_sid },         { "sess", "SESS", c_sid },        { "ni", "NI", c_nice },          { "nice", "NI", c_nice },
	{ "pri", "PRI", c_pri },         { "nlwp", "NLWP", c_threads },    { "thcount", "THCNT", c_threads }, { "vsz", "VSZ", c_vsz },
	{ "vsize", "VSZ", c_vsz },       { "rss", "RSS", c_rss },          { "rssize", "RSS", c_rss },      { "psr", "PSR", c_psr },
	{ "c", "C", c_c },               { "time", "TIME", c_time },       { "cputime", "TIME", c_time },   { "comm", "COMMAND", c_comm },
	{ "ucmd", "CMD", c_comm },       { "args", "COMMAND", c_args },    { "cmd", "CMD", c_args },        { "command", "COMMAND", c_args },
	{ "s", "S", c_state },           { "stat", "STAT", c_state },      { "state", "S", c_state },       { "pcpu", "%CPU", c_pcpu },
	{ "%cpu", "%CPU", c_pcpu },      { "pmem", "%MEM", c_pmem },       { "%mem", "%MEM", c_pmem },      { "tty", "TT", c_tty },
	{ "tt", "TT", c_tty },           { "stime", "STIME", c_stime },    { "start", "START", c_stime },   { "start_time", "START", c_stime },
	{ "etime", "ELAPSED", c_etime },
};

/* The formats that are asked for by a word. */
static const struct {
	const char *word;
	const char *names[12], *titles[12];
} formats[] = {
	{ "-ef", { "user", "pid", "ppid", "c", "stime", "tty", "time", "cmd" }, { "UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD" } },
	{ "aux", { "user", "pid", "%cpu", "%mem", "vsz", "rss", "tty", "stat", "start", "time", "command" },
	  { "USER", "PID", "%CPU", "%MEM", "VSZ", "RSS", "TTY", "STAT", "START", "TIME", "COMMAND" } },
	{ "-e", { "pid", "tty", "time", "comm" }, { "PID", "TTY", "TIME", "CMD" } },
};

struct choice {
	const struct column *v[COLUMNS_MAX];
	const char *titles[COLUMNS_MAX];
	size_t n;
};

/* "pid" or "pid=ID" */
static int choose(struct arena *a, struct choice *ch, const char *text, const char *title, struct dv_err *e)
{
	const char *eq = strchr(text, '='), *name = eq ? arena_strn(a, text, (size_t)(eq - text)) : text;

	for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
		if (strcasecmp(columns[i].name, name) != 0)
			continue;
		if (ch->n == COLUMNS_MAX)
			return dv_fail(e, DV_LIMIT, "more than %d columns", COLUMNS_MAX);
		ch->titles[ch->n] = title ? title : eq && eq[1] ? eq + 1 : columns[i].title;
		ch->v[ch->n++] = &columns[i];
		return 0;
	}
	return dv_fail(e, DV_INVALID, "unknown column \"%.40s\" of ps", name);
}

static int choose_list(struct arena *a, struct choice *ch, const char *list, struct dv_err *e)
{
	size_t n;
	char **v = str_split(a, list, ',', &n);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = choose(a, ch, v[i], NULL, e);
	return r;
}

static int choose_format(struct arena *a, struct choice *ch, const char *word, struct dv_err *e)
{
	const char *plain = *word == '-' ? word + 1 : word;
	const char *known = strchr(plain, 'f') ? "-ef" : strchr(plain, 'u') ? "aux" : "-e";
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		for (size_t k = 0; streq(formats[i].word, known) && r >= 0 && formats[i].names[k]; k++)
			r = choose(a, ch, formats[i].names[k], formats[i].titles[k], e);
	return r;
}

static int choose_all(struct arena *a, struct choice *ch, const char *const *args, struct dv_err *e)
{
	int r = 0;

	for (; args && *args && r >= 0; args++) {
		const char *list = str_after(*args, "-eo");

		list = list ? list : str_after(*args, "-o");
		list = list ? list : str_after(*args, "--format=");
		if (list && !*list && args[1])
			list = *++args;
		if (list)
			r = choose_list(a, ch, list, e);
		else if (**args != '-' && strspn(*args, "aefuxlw") != strlen(*args))
			r = choose_list(a, ch, *args, e);
		else if (!ch->n)
			r = choose_format(a, ch, *args, e);
	}
	return r < 0 || ch->n ? r : choose_format(a, ch, "-ef", e);
}

/* --- all of it --- */

static struct json *row(struct arena *a, const struct choice *ch, const struct process *p)
{
	struct json *out = json_new_array(a);

	for (size_t i = 0; i < ch->n; i++)
		json_append(a, out, json_new_str(a, ch->v[i]->text(p)));
	return out;
}

int ctr_top(struct engine *g, struct arena *a, const struct ctr *c, const char *const *args, struct json **ret,
	    struct dv_err *e)
{
	auto_container struct container box = CONTAINER_NONE;
	struct json *titles = json_new_array(a), *list = json_new_array(a);
	int64_t boot = boot_time();
	struct choice ch = { 0 };
	struct ctr *now = NULL;
	pid_t *pids;
	size_t n;
	int r = choose_all(a, &ch, args, e);

	if (r < 0 || (r = control_open(g, a, c->id, false, &now, &box, e)) < 0 || (r = cgroup_pids(box.cgroup, a, &pids, &n, e)) < 0)
		return r;
	for (size_t i = 0; i < ch.n; i++)
		json_append(a, titles, json_new_str(a, ch.titles[i]));
	for (size_t i = 0; i < n; i++) {
		struct process p;

		if (read_process(a, pids[i], boot, &p))
			json_append(a, list, row(a, &ch, &p));
	}
	*ret = json_obj(a, "Titles", titles, "Processes", list, NULL);
	event_ctr(g, now, "top", NULL, NULL);
	return 0;
}
