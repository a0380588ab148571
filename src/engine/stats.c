/* stats.c - what a container uses, from its cgroups and its network namespace. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/control.h"
#include "engine/top.h"

#define NET_MAX ((size_t)1 << 20)

static uint64_t number(const struct json *j, const char *path)
{
	uint64_t n = 0;

	(void)json_u64(json_path(j, path), &n);
	return n;
}

/* docker takes off what is cached of files that nobody used lately: inactive_file on v2, total_inactive_file on v1. */
static void memory_of(const struct json *stats, struct ctr_usage *u)
{
	uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t used = number(stats, "memory.usage.usage");
	const struct json *raw = json_path(stats, "memory.raw");
	uint64_t idle = number(raw, json_get(raw, "total_inactive_file") ? "total_inactive_file" : "inactive_file");

	u->memory = idle < used ? used - idle : used;
	u->limit = number(stats, "memory.usage.limit");
	if (!u->limit || u->limit > all)
		u->limit = all;
}

static void io_of(const struct json *stats, struct ctr_usage *u)
{
	for (JSON_EACH(it, json_path(stats, "blkio.ioServiceBytesRecursive"))) {
		const char *op = json_str(json_get(it.value, "op"));

		if (op && (streq(op, "Read") || streq(op, "read")))
			u->read += number(it.value, "value");
		if (op && (streq(op, "Write") || streq(op, "write")))
			u->written += number(it.value, "value");
	}
}

/* "  eth0:  1 2 3 4 5 6 7 8  9 ...": received bytes are the first number, sent ones the ninth. */
static void net_line(struct scan *line, struct ctr_usage *u)
{
	const char *name;
	uint64_t v[9] = { 0 };
	size_t len;

	scan_blanks(line);
	if (!scan_until(line, ':', &name, &len) || (len == 2 && memcmp(name, "lo", 2) == 0))
		return;
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		scan_blanks(line);
		if (!scan_u64(line, &v[i]))
			return;
	}
	u->rx += v[0];
	u->tx += v[8];
}

static bool has_own_network(const struct ctr *c)
{
	auto_free char *own = NULL, *its = NULL;
	auto_free char *path = mem_printf("/proc/%d/ns/net", (int)c->init.pid);

	return file_readlink(AT_FDCWD, path, &its, NULL) == 0 && file_readlink(AT_FDCWD, "/proc/self/ns/net", &own, NULL) == 0 &&
	       !streq(own, its);
}

static void net_of(const struct ctr *c, struct ctr_usage *u)
{
	auto_buf struct buf b = BUF_INIT(NET_MAX);
	auto_free char *path = mem_printf("/proc/%d/net/dev", (int)c->init.pid);
	const char *line;
	struct scan s;
	size_t len;

	if (!has_own_network(c) || file_read(AT_FDCWD, path, &b, NULL) < 0)
		return;
	s = scan_of(buf_cstr(&b), b.len);
	while (scan_until(&s, '\n', &line, &len)) {
		struct scan l = scan_of(line, len);

		if (memchr(line, ':', len))
			net_line(&l, u);
	}
}

int ctr_usage(struct engine *g, struct arena *a, const struct ctr *c, struct ctr_usage *ret, struct dv_err *e)
{
	auto_container struct container box = CONTAINER_NONE;
	struct ctr_usage u = { 0 };
	struct json *stats = NULL;
	struct ctr *now = NULL;
	struct timespec ts;
	int r;

	if ((r = control_open(g, a, c->id, false, &now, &box, e)) < 0 || (r = cgroup_stats(box.cgroup, a, &stats, e)) < 0)
		return r;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	u.at_ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	u.cpu_ns = number(stats, "cpu.usage.total");
	u.pids = number(stats, "pids.current");
	memory_of(stats, &u);
	io_of(stats, &u);
	net_of(now, &u);
	*ret = u;
	return 0;
}
