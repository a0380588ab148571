/* cgroup_stats.c - what a container uses, in the form of `runc events --stats`: common parts and v2. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "oci/cgroup_priv.h"

#define CPU_MAX 8192            /* highest number a list may name */

/* --- shared with v1 --- */

void cg_put(struct arena *a, struct json *obj, const char *key, uint64_t v, bool always)
{
	if (v || always)
		json_set(a, obj, key, json_new_u64(a, v));
}

struct json *cg_flat(struct arena *a, const char *text)
{
	struct json *o = json_new_object(a);
	struct scan s = scan_of(text, strlen(text));
	const char *line;
	size_t len;

	while (scan_until(&s, '\n', &line, &len)) {
		const char *space = memchr(line, ' ', len);
		struct scan v = scan_of(space ? space + 1 : line, space ? (size_t)(line + len - space - 1) : 0);
		uint64_t n;

		if (space && scan_u64(&v, &n))
			json_set(a, o, arena_strn(a, line, (size_t)(space - line)), json_new_u64(a, n));
	}
	return o;
}

struct json *cg_list(struct arena *a, const char *text)
{
	struct json *list = json_new_array(a);
	struct scan s = scan_of(text, strlen(text));
	uint64_t from, to;

	while (scan_u64(&s, &from)) {
		to = from;
		if (scan_char(&s, '-') && !scan_u64(&s, &to))
			return NULL;
		if (to > CPU_MAX)
			return NULL;
		for (; from <= to; from++)
			json_append(a, list, json_new_u64(a, from));
		if (!scan_char(&s, ','))
			break;
	}
	return json_len(list) ? list : NULL;
}

void cg_put_io(struct arena *a, struct json *out, const char *name, uint64_t major, uint64_t minor, const char *op,
	       uint64_t value)
{
	struct json *list = json_get_mut(out, name), *entry = json_new_object(a);

	if (!list) {
		list = json_new_array(a);
		json_set(a, out, name, list);
	}
	cg_put(a, entry, "major", major, false);
	cg_put(a, entry, "minor", minor, false);
	if (*op)
		json_set(a, entry, "op", json_new_str(a, op));
	cg_put(a, entry, "value", value, false);
	json_append(a, list, entry);
}

/* "some avg10=0.50 avg60=1.88 avg300=2.49 total=31146371" */
static struct json *psi_line(struct arena *a, const char *line, size_t len)
{
	struct json *o = json_new_object(a);
	struct scan s = scan_of(line, len);
	const char *word;
	size_t n;

	while (scan_until(&s, ' ', &word, &n)) {
		const char *eq = memchr(word, '=', n);
		const char *value = eq ? arena_strn(a, eq + 1, (size_t)(word + n - eq - 1)) : "";

		if (eq && str_only(value, "0123456789."))
			json_set(a, o, arena_strn(a, word, (size_t)(eq - word)), json_new_num(a, value));
	}
	return o;
}

struct json *cg_psi(const struct hier *h, struct arena *a, const char *file)
{
	auto_buf struct buf text = BUF_INIT(4096);
	struct json *o;
	struct scan s;
	const char *line;
	size_t len;

	if (cg_read(h->fd, file, &text, NULL) < 0 || !text.len)
		return NULL;
	o = json_new_object(a);
	s = scan_of(text.p, text.len);
	while (scan_until(&s, '\n', &line, &len)) {
		size_t word = strcspn(line, " \n");

		if (word < len)
			json_set(a, o, arena_strn(a, line, word), psi_line(a, line + word + 1, len - word - 1));
	}
	return o;
}

static void put_psi(const struct hier *h, struct arena *a, struct json *out, const char *part, const char *file)
{
	struct json *o = json_get_mut(out, part), *psi = o ? cg_psi(h, a, file) : NULL;

	if (psi)
		json_set(a, o, "psi", psi);
}

/* --- v2 --- */

static uint64_t num(const struct hier *h, const char *file)
{
	uint64_t v = 0;

	(void)!cg_read_u64(h->fd, file, &v, NULL);
	return v;
}

static void stats_cpu(struct hier *h, struct arena *a, struct json *out)
{
	auto_buf struct buf text = BUF_INIT(CG_TEXT_MAX);
	struct json *usage = json_new_object(a), *throttling = json_new_object(a);
	static const struct {
		const char *from, *to;
		bool throttling, always;
		unsigned scale;
	} keys[] = {
		{ "usage_usec", "total", false, false, 1000 }, { "system_usec", "kernel", false, true, 1000 },
		{ "user_usec", "user", false, true, 1000 }, { "nr_periods", "periods", true, false, 1 },
		{ "nr_throttled", "throttledPeriods", true, false, 1 },
		{ "throttled_usec", "throttledTime", true, false, 1000 },
	};

	if (cg_read(h->fd, "cpu.stat", &text, NULL) < 0)
		buf_reset(&text);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		uint64_t v = 0;

		(void)cg_key_u64(buf_cstr(&text), keys[i].from, &v);
		cg_put(a, keys[i].throttling ? throttling : usage, keys[i].to, v * keys[i].scale, keys[i].always);
	}
	json_set(a, out, "cpu", json_obj(a, "usage", usage, "throttling", throttling, NULL));
}

static struct json *memory_entry(struct arena *a, uint64_t limit, uint64_t usage, uint64_t max, uint64_t failcnt)
{
	struct json *o = json_new_object(a);

	cg_put(a, o, "limit", limit, true);
	cg_put(a, o, "usage", usage, false);
	cg_put(a, o, "max", max, false);
	cg_put(a, o, "failcnt", failcnt, true);
	return o;
}

/* Swap is shown together with memory, as v1 counts it. */
static void stats_memory(struct hier *h, struct arena *a, struct json *out)
{
	auto_buf struct buf text = BUF_INIT(CG_TEXT_MAX);
	uint64_t file = 0, failcnt = 0, usage = num(h, "memory.current"), limit = num(h, "memory.max");
	uint64_t swap = num(h, "memory.swap.current"), swap_limit = num(h, "memory.swap.max");
	struct json *m = json_new_object(a);

	if (cg_read(h->fd, "memory.events", &text, NULL) == 0)
		(void)cg_key_u64(buf_cstr(&text), "max", &failcnt);
	if (cg_read(h->fd, "memory.stat", &text, NULL) < 0)
		buf_reset(&text);
	(void)cg_key_u64(buf_cstr(&text), "file", &file);
	cg_put(a, m, "cache", file, false);
	json_set(a, m, "usage", memory_entry(a, limit, usage, num(h, "memory.peak"), failcnt));
	if (swap_limit != UINT64_MAX && limit != UINT64_MAX)
		swap_limit += limit;
	else
		swap_limit = UINT64_MAX;
	json_set(a, m, "swap", memory_entry(a, swap_limit, swap + usage, 0, 0));
	json_set(a, m, "kernel", memory_entry(a, 0, 0, 0, 0));
	json_set(a, m, "kernelTCP", memory_entry(a, 0, 0, 0, 0));
	json_set(a, m, "raw", cg_flat(a, buf_cstr(&text)));
	json_set(a, out, "memory", m);
}

static void io_word(struct arena *a, struct json *io, uint64_t major, uint64_t minor, const char *word, size_t len)
{
	static const char *const keys[][3] = {
		{ "rbytes=", "ioServiceBytesRecursive", "Read" }, { "wbytes=", "ioServiceBytesRecursive", "Write" },
		{ "rios=", "ioServicedRecursive", "Read" }, { "wios=", "ioServicedRecursive", "Write" },
	};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		size_t n = strlen(keys[i][0]);
		struct scan s = scan_of(word + n, len > n ? len - n : 0);
		uint64_t v;

		if (len > n && strncmp(word, keys[i][0], n) == 0 && scan_u64(&s, &v))
			cg_put_io(a, io, keys[i][1], major, minor, keys[i][2], v);
	}
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0" */
static void stats_io(struct hier *h, struct arena *a, struct json *out)
{
	auto_buf struct buf text = BUF_INIT(CG_TEXT_MAX);
	struct json *io = json_new_object(a);
	struct scan s;
	const char *line, *word;
	size_t len, n;

	if (cg_read(h->fd, "io.stat", &text, NULL) < 0)
		buf_reset(&text);
	s = scan_of(buf_cstr(&text), text.len);
	while (scan_until(&s, '\n', &line, &len)) {
		struct scan l = scan_of(line, len);
		uint64_t major, minor;

		if (!scan_u64(&l, &major) || !scan_char(&l, ':') || !scan_u64(&l, &minor) || !scan_char(&l, ' '))
			continue;
		while (scan_until(&l, ' ', &word, &n))
			io_word(a, io, major, minor, word, n);
	}
	json_set(a, out, "blkio", io);
}

static void stats_pids(struct hier *h, struct arena *a, struct json *out)
{
	struct json *p = json_new_object(a);
	uint64_t limit = num(h, "pids.max");

	cg_put(a, p, "current", num(h, "pids.current"), false);
	cg_put(a, p, "limit", limit == UINT64_MAX ? 0 : limit, false);
	json_set(a, out, "pids", p);
}

static void stats_cpuset(struct hier *h, struct arena *a, struct json *out)
{
	static const char *const lists[][2] = { { "cpus", "cpuset.cpus.effective" }, { "mems", "cpuset.mems.effective" } };
	auto_buf struct buf text = BUF_INIT(CG_TEXT_MAX);
	struct json *o = json_new_object(a), *list;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (cg_read(h->fd, lists[i][1], &text, NULL) == 0 && (list = cg_list(a, buf_cstr(&text))))
			json_set(a, o, lists[i][0], list);
	json_set(a, out, "cpuset", o);
}

/* One entry per page size: hugetlb.2MB.current and its like. */
static void stats_huge(struct hier *h, struct arena *a, struct json *out)
{
	int fd = openat(h->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct json *o = json_new_object(a);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		const char *size = str_after(d->d_name, "hugetlb.");
		auto_buf struct buf text = BUF_INIT(4096);
		struct json *entry;
		uint64_t failed = 0;

		if (!size || !str_ends(size, ".current") || strstr(size, ".rsvd."))
			continue;
		size = arena_strn(a, size, strcspn(size, "."));
		entry = json_new_object(a);
		cg_put(a, entry, "usage", num(h, d->d_name), false);
		if (cg_read(h->fd, arena_printf(a, "hugetlb.%s.events", size), &text, NULL) == 0)
			(void)cg_key_u64(buf_cstr(&text), "max", &failed);
		cg_put(a, entry, "failcnt", failed, true);
		json_set(a, o, size, entry);
	}
	json_set(a, out, "hugetlb", o);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		fd_close(&fd);
}

int cg_stats_v2(struct hier *h, struct arena *a, struct json *out, struct dv_err *e)
{
	int r = cg_open_dir(h, e);

	if (r < 0)
		return r;
	stats_cpu(h, a, out);
	stats_cpuset(h, a, out);
	stats_memory(h, a, out);
	stats_pids(h, a, out);
	stats_io(h, a, out);
	stats_huge(h, a, out);
	return 0;
}

int cgroup_stats(struct cgroup *cg, struct arena *a, struct json **ret, struct dv_err *e)
{
	struct json *out = json_new_object(a);
	struct hier *v2 = cg_find(cg, "");
	int r;

	if (cg->n && !cgroup_exists(cg))
		return dv_fail(e, DV_NOT_FOUND, "cgroup: the container's cgroup is gone");
	r = cg->layout == CGROUP_V2 && !v2->lost ? cg_stats_v2(v2, a, out, e) : cg_stats_v1(cg, a, out, e);
	if (r < 0)
		return r;
	if (v2 && !v2->lost && cg_open_dir(v2, NULL) == 0) {
		put_psi(v2, a, out, "cpu", "cpu.pressure");
		put_psi(v2, a, out, "memory", "memory.pressure");
		put_psi(v2, a, out, "blkio", "io.pressure");
	}
	*ret = out;
	return 0;
}
