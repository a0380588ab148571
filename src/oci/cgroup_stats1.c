/* cgroup_stats1.c - what a container uses, on cgroup v1. */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "oci/cgroup_priv.h"

#define NS_PER_TICK 10000000    /* cpuacct.stat counts in USER_HZ */

/* The opened directory of a controller, or NULL. */
static struct hier *part(struct cgroup *cg, const char *controller)
{
	struct hier *h = cg_find(cg, controller);

	return h && !h->lost && cg_open_dir(h, NULL) == 0 ? h : NULL;
}

static uint64_t num(const struct hier *h, const char *file)
{
	uint64_t v = 0;

	(void)!cg_read_u64(h->fd, file, &v, NULL);
	return v;
}

/* The number in PREFIX.WHAT. */
static uint64_t num_of(const struct hier *h, const char *prefix, const char *what)
{
	auto_buf struct buf name = BUF_INIT(256);

	buf_str(&name, prefix);
	buf_char(&name, '.');
	buf_str(&name, what);
	return h ? num(h, buf_cstr(&name)) : 0;
}

/* --- cpu --- */

/* "1 2 3 " */
static struct json *numbers(struct arena *a, const char *text)
{
	struct json *list = json_new_array(a);
	struct scan s = scan_of(text, strlen(text));
	uint64_t v;

	while (scan_u64(&s, &v)) {
		json_append(a, list, json_new_u64(a, v));
		scan_blanks(&s);
	}
	return list;
}

/* A heading, then "cpu user system" for each. */
static void per_cpu(struct hier *h, struct arena *a, struct json *usage)
{
	auto_buf struct buf text = BUF_INIT(CG_TEXT_MAX);
	struct json *kernel = json_new_array(a), *user = json_new_array(a);
	struct scan s;
	const char *line;
	size_t len;

	if (cg_read(h->fd, "cpuacct.usage_all", &text, NULL) < 0)
		return;
	s = scan_of(buf_cstr(&text), text.len);
	while (scan_until(&s, '\n', &line, &len)) {
		struct scan l = scan_of(line, len);
		uint64_t cpu, u, k;

		if (scan_u64(&l, &cpu) && scan_char(&l, ' ') && scan_u64(&l, &u) && scan_char(&l, ' ') && scan_u64(&l, &k)) {
			json_append(a, user, json_new_u64(a, u));
			json_append(a, kernel, json_new_u64(a, k));
		}
	}
	json_set(a, usage, "percpu_kernel", kernel);
	json_set(a, usage, "percpu_user", user);
}

static void stats_usage(struct cgroup *cg, struct arena *a, struct json *usage)
{
	struct hier *h = part(cg, "cpuacct");
	auto_buf struct buf text = BUF_INIT(CG_TEXT_MAX);
	uint64_t user = 0, kernel = 0;

	if (h) {
		cg_put(a, usage, "total", num(h, "cpuacct.usage"), false);
		if (cg_read(h->fd, "cpuacct.usage_percpu", &text, NULL) == 0)
			json_set(a, usage, "percpu", numbers(a, buf_cstr(&text)));
		per_cpu(h, a, usage);
		if (cg_read(h->fd, "cpuacct.stat", &text, NULL) == 0) {
			(void)cg_key_u64(buf_cstr(&text), "user", &user);
			(void)cg_key_u64(buf_cstr(&text), "system", &kernel);
		}
	}
	cg_put(a, usage, "kernel", kernel * NS_PER_TICK, true);
	cg_put(a, usage, "user", user * NS_PER_TICK, true);
}

static void stats_cpu(struct cgroup *cg, struct arena *a, struct json *out)
{
	static const char *const keys[][2] = { { "nr_periods", "periods" }, { "nr_throttled", "throttledPeriods" },
					       { "throttled_time", "throttledTime" } };
	struct json *usage = json_new_object(a), *throttling = json_new_object(a);
	struct hier *h = part(cg, "cpu");
	auto_buf struct buf text = BUF_INIT(CG_TEXT_MAX);

	stats_usage(cg, a, usage);
	if (h && cg_read(h->fd, "cpu.stat", &text, NULL) == 0) {
		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			uint64_t v = 0;

			(void)cg_key_u64(buf_cstr(&text), keys[i][0], &v);
			cg_put(a, throttling, keys[i][1], v, false);
		}
	}
	json_set(a, out, "cpu", json_obj(a, "usage", usage, "throttling", throttling, NULL));
}

static void stats_cpuset(struct cgroup *cg, struct arena *a, struct json *out)
{
	static const char *const keys[] = { "cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate",
					    "memory_spread_page", "memory_spread_slab", "memory_pressure",
					    "sched_load_balance" };
	static const char *const lists[] = { "cpus", "mems" };
	struct hier *h = part(cg, "cpuset");
	auto_buf struct buf text = BUF_INIT(CG_TEXT_MAX);
	struct json *o = json_new_object(a), *list;
	int64_t level = 0;

	for (size_t i = 0; h && i < ARRAY_LEN(lists); i++)
		if (cg_read(h->fd, arena_printf(a, "cpuset.%s", lists[i]), &text, NULL) == 0 &&
		    (list = cg_list(a, buf_cstr(&text))))
			json_set(a, o, lists[i], list);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		cg_put(a, o, keys[i], num_of(h, "cpuset", keys[i]), true);
	if (h && cg_read(h->fd, "cpuset.sched_relax_domain_level", &text, NULL) == 0)
		(void)!str_i64(buf_cstr(&text), INT32_MIN, INT32_MAX, "cpuset.sched_relax_domain_level", &level, NULL);
	json_set(a, o, "sched_relax_domain_level", json_new_i64(a, level));
	json_set(a, out, "cpuset", o);
}

/* --- memory --- */

static struct json *memory_entry(struct hier *h, struct arena *a, const char *prefix)
{
	struct json *o = json_new_object(a);

	cg_put(a, o, "limit", num_of(h, prefix, "limit_in_bytes"), true);
	cg_put(a, o, "usage", num_of(h, prefix, "usage_in_bytes"), false);
	cg_put(a, o, "max", num_of(h, prefix, "max_usage_in_bytes"), false);
	cg_put(a, o, "failcnt", num_of(h, prefix, "failcnt"), true);
	return o;
}

static void stats_memory(struct cgroup *cg, struct arena *a, struct json *out)
{
	struct hier *h = part(cg, "memory");
	auto_buf struct buf text = BUF_INIT(CG_TEXT_MAX);
	struct json *m = json_new_object(a);
	uint64_t cache = 0;

	if (!h || cg_read(h->fd, "memory.stat", &text, NULL) < 0)
		buf_reset(&text);
	(void)cg_key_u64(buf_cstr(&text), "cache", &cache);
	cg_put(a, m, "cache", cache, false);
	json_set(a, m, "usage", memory_entry(h, a, "memory"));
	json_set(a, m, "swap", memory_entry(h, a, "memory.memsw"));
	json_set(a, m, "kernel", memory_entry(h, a, "memory.kmem"));
	json_set(a, m, "kernelTCP", memory_entry(h, a, "memory.kmem.tcp"));
	if (text.len)
		json_set(a, m, "raw", cg_flat(a, buf_cstr(&text)));
	json_set(a, out, "memory", m);
}

static void stats_pids(struct cgroup *cg, struct arena *a, struct json *out)
{
	struct hier *h = part(cg, "pids");
	struct json *p = json_new_object(a);
	uint64_t limit = h ? num(h, "pids.max") : 0;

	cg_put(a, p, "current", h ? num(h, "pids.current") : 0, false);
	cg_put(a, p, "limit", limit == UINT64_MAX ? 0 : limit, false);
	json_set(a, out, "pids", p);
}

/* --- blkio --- */

/* Lines of "8:0 Read 123" or "8:0 123"; the totals over all devices are left out. False when there is nothing. */
static bool io_file(struct hier *h, struct arena *a, struct json *out, const char *file, const char *name)
{
	auto_buf struct buf text = BUF_INIT(CG_TEXT_MAX);
	struct scan s;
	const char *line;
	size_t len;
	bool any = false;

	if (cg_read(h->fd, file, &text, NULL) < 0)
		return false;
	s = scan_of(buf_cstr(&text), text.len);
	while (scan_until(&s, '\n', &line, &len)) {
		struct scan l = scan_of(line, len);
		uint64_t major, minor, v;
		const char *op = "";
		size_t n = 0;

		if (!scan_u64(&l, &major) || !scan_char(&l, ':') || !scan_u64(&l, &minor) || !scan_char(&l, ' '))
			continue;
		if (*l.p < '0' || *l.p > '9')
			(void)scan_until(&l, ' ', &op, &n);
		if (!scan_u64(&l, &v))
			continue;
		cg_put_io(a, out, name, major, minor, arena_strn(a, op, n), v);
		any = true;
	}
	return any;
}

/* Who counts depends on the I/O scheduler and the kernel: the first family with numbers is taken. */
static void stats_blkio(struct cgroup *cg, struct arena *a, struct json *out)
{
	static const char *const families[] = { "blkio.bfq.", "blkio.", "blkio.throttle." };
	static const char *const files[][2] = {
		{ "io_serviced_recursive", "ioServicedRecursive" },
		{ "io_service_bytes_recursive", "ioServiceBytesRecursive" },
		{ "io_queued_recursive", "ioQueueRecursive" }, { "io_service_time_recursive", "ioServiceTimeRecursive" },
		{ "io_wait_time_recursive", "ioWaitTimeRecursive" }, { "io_merged_recursive", "ioMergedRecursive" },
		{ "time_recursive", "ioTimeRecursive" }, { "sectors_recursive", "sectorsRecursive" },
	};
	struct hier *h = part(cg, "blkio");
	struct json *io = json_new_object(a);

	for (size_t i = 0; h && i < ARRAY_LEN(families); i++) {
		if (!io_file(h, a, io, arena_printf(a, "%s%s", families[i], files[0][0]), files[0][1]))
			continue;
		for (size_t k = 1; k < ARRAY_LEN(files); k++)
			(void)io_file(h, a, io, arena_printf(a, "%s%s", families[i], files[k][0]), files[k][1]);
		break;
	}
	json_set(a, out, "blkio", io);
}

/* One entry per page size: hugetlb.2MB.usage_in_bytes and its like. */
static void stats_huge(struct cgroup *cg, struct arena *a, struct json *out)
{
	struct hier *h = part(cg, "hugetlb");
	int fd = h ? openat(h->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct json *o = json_new_object(a);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		const char *size = str_after(d->d_name, "hugetlb.");
		const char *prefix;
		struct json *entry;

		if (!size || !str_ends(size, ".usage_in_bytes") || strstr(size, ".rsvd."))
			continue;
		size = arena_strn(a, size, strcspn(size, "."));
		prefix = arena_printf(a, "hugetlb.%s", size);
		entry = json_new_object(a);
		cg_put(a, entry, "usage", num_of(h, prefix, "usage_in_bytes"), false);
		cg_put(a, entry, "max", num_of(h, prefix, "max_usage_in_bytes"), false);
		cg_put(a, entry, "failcnt", num_of(h, prefix, "failcnt"), true);
		json_set(a, o, size, entry);
	}
	json_set(a, out, "hugetlb", o);
	if (dir)
		closedir(dir);
	else
		fd_close(&fd);
}

int cg_stats_v1(struct cgroup *cg, struct arena *a, struct json *out, struct dv_err *e)
{
	stats_cpu(cg, a, out);
	stats_cpuset(cg, a, out);
	stats_memory(cg, a, out);
	stats_pids(cg, a, out);
	stats_blkio(cg, a, out);
	stats_huge(cg, a, out);
	return 0;
}
