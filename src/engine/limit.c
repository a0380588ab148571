/* limit.c - memory, processors, processes, disks. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/limit.h"

#define CPU_PERIOD_US 100000
#define MEMORY_MIN (INT64_C(6) << 20)
#define NANO INT64_C(1000000000)

/* --- numbers in their ranges --- */

#define AT(member) offsetof(struct run_request, member)
static const struct {
	size_t offset;
	int64_t min, max;
	bool zero_is_none;
	const char *message;
} ranges[] = {
	{ AT(memory), MEMORY_MIN, INT64_MAX, true, "Minimum memory limit allowed is 6MB" },
	{ AT(memory_reservation), MEMORY_MIN, INT64_MAX, true, "Minimum memory reservation allowed is 6MB" },
	{ AT(memory_swappiness), -1, 100, false, "Invalid value for --memory-swappiness: valid memory swappiness range is 0-100" },
	{ AT(oom_score_adj), -1000, 1000, false, "Invalid value for --oom-score-adj: range for oom score adj is [-1000, 1000]" },
	{ AT(cpu_shares), 2, 262144, true, "Invalid value for --cpu-shares: the range is from 2 to 262144" },
	{ AT(cpu_period), 1000, 1000000, true,
	  "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)" },
	{ AT(cpu_quota), 1000, INT64_MAX, true, "CPU cfs quota can not be less than 1ms (i.e. 1000)" },
	{ AT(blkio_weight), 10, 1000, true, "Range of blkio weight is from 10 to 1000" },
	{ AT(pids), -1, INT64_MAX, false, "--pids-limit: the number is negative" },
	{ AT(shm_size), 1, INT64_MAX, true, "SHM size can not be less than 0" },
	{ AT(stop_timeout), -1, 1000000, false, "--stop-timeout: no number of seconds" },
};

static int check_ranges(const struct run_request *q, struct dv_err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		const struct opt_i64 *n = (const struct opt_i64 *)((const char *)q + ranges[i].offset);

		if (!n->set || (n->v == 0 && ranges[i].zero_is_none))
			continue;
		/* No limit, in the kernel's own way. */
		if (ranges[i].offset == AT(cpu_quota) && n->v == -1)
			continue;
		if (n->v < ranges[i].min || n->v > ranges[i].max)
			return dv_fail(e, DV_INVALID, "%s", ranges[i].message);
	}
	return 0;
}

static int check_memory(const struct run_request *q, struct dv_err *e)
{
	if (q->memory_swap.v && !q->memory.v)
		return dv_fail(e, DV_INVALID, "You should always set the Memory limit when using Memoryswap limit, see usage");
	if (q->memory_swap.v > 0 && q->memory_swap.v < q->memory.v)
		return dv_fail(e, DV_INVALID, "Minimum memoryswap limit should be larger than memory limit, see usage");
	if (q->memory.v && q->memory_reservation.v > q->memory.v)
		return dv_fail(e, DV_INVALID, "Minimum memory limit can not be less than memory reservation limit, see usage");
	return 0;
}

/* --- processors --- */

/* "1.5" in billionths, without the rounding of a double. */
static bool parse_cpus(const char *text, int64_t *ret)
{
	struct scan s = scan_of(text, strlen(text));
	uint64_t whole = 0;
	int64_t part = 0, unit = NANO;
	bool any = scan_u64(&s, &whole);

	if (scan_char(&s, '.'))
		for (; s.p < s.end && *s.p >= '0' && *s.p <= '9' && unit > 1; s.p++, any = true) {
			unit /= 10;
			part += unit * (*s.p - '0');
		}
	if (!any || s.p != s.end || whole > 100000)
		return false;
	*ret = (int64_t)whole * NANO + part;
	return true;
}

static int check_cpus(const struct run_request *q, struct run_config *c, struct dv_err *e)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (!q->cpus)
		return 0;
	if (q->cpu_period.v || q->cpu_quota.v)
		return dv_fail(e, DV_INVALID, "Conflicting options: Nano CPUs and CPU %s cannot both be set.",
			       q->cpu_period.v ? "Period" : "Quota");
	if (!parse_cpus(q->cpus, &c->nano_cpus))
		return dv_fail(e, DV_INVALID, "--cpus: \"%.64s\" is not a number of CPUs", q->cpus);
	if (c->nano_cpus && (c->nano_cpus < NANO / 100 || c->nano_cpus > n * NANO))
		return dv_fail(e, DV_INVALID,
			       "range of CPUs is from 0.01 to %ld.00, as there are only %ld CPUs available", n, n);
	return 0;
}

/* "0-3,7": every number below max. */
static bool set_within(const char *text, uint64_t max, bool *ret_beyond)
{
	struct scan s = scan_of(text, strlen(text));

	*ret_beyond = false;
	do {
		uint64_t first, last;

		if (!scan_u64(&s, &first))
			return false;
		last = first;
		if (scan_char(&s, '-') && (!scan_u64(&s, &last) || last < first))
			return false;
		*ret_beyond = *ret_beyond || last >= max;
	} while (scan_char(&s, ','));
	return s.p == s.end;
}

static int check_sets(const struct run_request *q, struct dv_err *e)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);
	bool beyond;

	if (q->cpuset_cpus && *q->cpuset_cpus) {
		if (!set_within(q->cpuset_cpus, (uint64_t)n, &beyond))
			return dv_fail(e, DV_INVALID, "Invalid value %.100s for cpuset cpus", q->cpuset_cpus);
		if (beyond)
			return dv_fail(e, DV_INVALID, "Requested CPUs are not available - requested %.100s, available: 0-%ld",
				       q->cpuset_cpus, n - 1);
	}
	if (q->cpuset_mems && *q->cpuset_mems && !set_within(q->cpuset_mems, UINT64_MAX, &beyond))
		return dv_fail(e, DV_INVALID, "Invalid value %.100s for cpuset mems", q->cpuset_mems);
	return 0;
}

int limits_check(const struct run_request *q, struct run_config *c, struct dv_err *e)
{
	int r;

	if ((r = check_ranges(q, e)) < 0 || (r = check_memory(q, e)) < 0 || (r = check_cpus(q, c, e)) < 0 ||
	    (r = check_sets(q, e)) < 0)
		return r;
	return 0;
}

/* --- as resources --- */

/* Where the kernel does not count swap on v1, the doubled default is left out. */
static bool counts_swap(void)
{
	return access("/sys/fs/cgroup/memory", F_OK) < 0 ||
	       access("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes", F_OK) == 0;
}

static void put_number(struct arena *a, struct json *to, const char *name, int64_t n)
{
	if (n)
		json_set(a, to, name, json_new_i64(a, n));
}

static struct json *memory(struct arena *a, const struct run_request *q)
{
	int64_t swap = q->memory_swap.v ? q->memory_swap.v : counts_swap() ? 2 * q->memory.v : 0;
	struct json *m = json_new_object(a);

	put_number(a, m, "limit", q->memory.v);
	put_number(a, m, "swap", q->memory.v ? swap : 0);
	put_number(a, m, "reservation", q->memory_reservation.v);
	if (q->memory_swappiness.set && q->memory_swappiness.v >= 0)
		json_set(a, m, "swappiness", json_new_i64(a, q->memory_swappiness.v));
	if (q->oom_kill_disable)
		json_set(a, m, "disableOOMKiller", json_new_bool(a, true));
	return m;
}

static struct json *cpu(struct arena *a, const struct run_request *q, const struct run_config *c)
{
	struct json *m = json_new_object(a);

	put_number(a, m, "shares", q->cpu_shares.v);
	put_number(a, m, "quota", c->nano_cpus ? c->nano_cpus / (NANO / CPU_PERIOD_US) : q->cpu_quota.v);
	put_number(a, m, "period", c->nano_cpus ? CPU_PERIOD_US : q->cpu_period.v);
	put_number(a, m, "realtimePeriod", q->cpu_rt_period.v);
	put_number(a, m, "realtimeRuntime", q->cpu_rt_runtime.v);
	if (q->cpuset_cpus && *q->cpuset_cpus)
		json_set(a, m, "cpus", json_new_str(a, q->cpuset_cpus));
	if (q->cpuset_mems && *q->cpuset_mems)
		json_set(a, m, "mems", json_new_str(a, q->cpuset_mems));
	return m;
}

/* --- disks --- */

static const struct rate {
	const char *flag, *oci, *inspect, *value;       /* value: the name of the number in the OCI configuration */
	size_t offset;
	bool bytes;
} rates[] = {
	{ "--blkio-weight-device", "weightDevice", "BlkioWeightDevice", "weight", AT(blkio_weight_devices), false },
	{ "--device-read-bps", "throttleReadBpsDevice", "BlkioDeviceReadBps", "rate", AT(device_read_bps), true },
	{ "--device-write-bps", "throttleWriteBpsDevice", "BlkioDeviceWriteBps", "rate", AT(device_write_bps), true },
	{ "--device-read-iops", "throttleReadIOPSDevice", "BlkioDeviceReadIOps", "rate", AT(device_read_iops), false },
	{ "--device-write-iops", "throttleWriteIOPSDevice", "BlkioDeviceWriteIOps", "rate", AT(device_write_iops), false },
};

static const char *const *texts_of(const struct run_request *q, size_t offset)
{
	return *(const char *const *const *)((const char *)q + offset);
}

/* "/dev/sda:1mb" */
static int parse_rate(struct arena *a, const struct rate *f, const char *text, const char **ret_path, uint64_t *ret,
		      struct dv_err *e)
{
	const char *colon = strrchr(text, ':');
	int r;

	if (*text != '/' || !colon || !colon[1])
		return dv_fail(e, DV_INVALID, "invalid argument \"%.100s\" for %s: bad format for path: %.100s", text, f->flag,
			       text);
	*ret_path = arena_strn(a, text, (size_t)(colon - text));
	r = f->bytes ? str_bytes(colon + 1, "rate", ret, e) : str_u64(colon + 1, UINT64_MAX, "number", ret, e);
	if (r >= 0 && streq(f->value, "weight") && (*ret < 10 || *ret > 1000))
		return dv_fail(e, DV_INVALID, "%s %.100s: the weight is from 10 to 1000", f->flag, text);
	return r < 0 ? dv_wrap(e, "%s %.100s", f->flag, text) : 0;
}

static int add_rate(struct arena *a, const struct rate *f, const char *text, struct json *list, struct dv_err *e)
{
	const char *path;
	struct stat st;
	uint64_t n;
	int r = parse_rate(a, f, text, &path, &n, e);

	if (r < 0)
		return r;
	if (stat(path, &st) < 0)
		return dv_fail_errno(e, errno, "%s %.100s", f->flag, text);
	if (!S_ISBLK(st.st_mode))
		return dv_fail(e, DV_INVALID, "%s %.100s: %.100s is no block device", f->flag, text, path);
	json_append(a, list, json_obj(a, "major", json_new_u64(a, major(st.st_rdev)), "minor",
				      json_new_u64(a, minor(st.st_rdev)), f->value, json_new_u64(a, n), NULL));
	return 0;
}

static int disks(struct arena *a, const struct run_request *q, struct json *io, struct dv_err *e)
{
	int r = 0;

	put_number(a, io, "weight", q->blkio_weight.v);
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		const char *const *texts = texts_of(q, rates[i].offset);
		struct json *list = json_new_array(a);

		for (; r >= 0 && texts && *texts; texts++)
			r = add_rate(a, &rates[i], *texts, list, e);
		if (json_len(list))
			json_set(a, io, rates[i].oci, list);
	}
	return r;
}

/* --- files of cgroup v2 --- */

static int unified(struct arena *a, const struct run_request *q, struct json *to, struct dv_err *e)
{
	for (const char *const *s = q->cgroup_conf; s && *s; s++) {
		const char *eq = strchr(*s, '=');

		if (!eq || eq == *s)
			return dv_fail(e, DV_INVALID, "--cgroup-conf %.100s: FILE=VALUE is wanted", *s);
		json_set(a, to, arena_strn(a, *s, (size_t)(eq - *s)), json_new_str(a, eq + 1));
	}
	return 0;
}

static void put_object(struct arena *a, struct json *to, const char *name, struct json *part)
{
	if (json_len(part))
		json_set(a, to, name, part);
}

int limits_resources(struct arena *a, const struct run_request *q, const struct run_config *c, struct json **ret,
		     struct dv_err *e)
{
	struct json *out = json_new_object(a), *io = json_new_object(a), *files = json_new_object(a);
	int r;

	if ((r = disks(a, q, io, e)) < 0 || (r = unified(a, q, files, e)) < 0)
		return r;
	put_object(a, out, "memory", memory(a, q));
	put_object(a, out, "cpu", cpu(a, q, c));
	put_object(a, out, "blockIO", io);
	put_object(a, out, "unified", files);
	if (q->pids.v > 0)
		json_set(a, out, "pids", json_obj(a, "limit", json_new_i64(a, q->pids.v), NULL));
	*ret = out;
	return 0;
}

/* --- inspect --- */

static struct json *rates_inspect(struct arena *a, const struct run_request *q, const struct rate *f)
{
	const char *const *texts = texts_of(q, f->offset);
	struct json *list = json_new_array(a);
	const char *path;
	uint64_t n;

	for (; texts && *texts; texts++)
		if (parse_rate(a, f, *texts, &path, &n, NULL) >= 0)
			json_append(a, list, json_obj(a, "Path", json_new_str(a, path), streq(f->value, "weight") ? "Weight" : "Rate",
						      json_new_u64(a, n), NULL));
	return json_len(list) ? list : json_null(a);
}

void limits_inspect(struct arena *a, const struct run_request *q, const struct run_config *c, struct json *host)
{
	const struct {
		const char *name;
		int64_t n;
	} numbers[] = {
		{ "Memory", q->memory.v },
		{ "MemorySwap", q->memory_swap.v ? q->memory_swap.v : 2 * q->memory.v },
		{ "MemoryReservation", q->memory_reservation.v },
		{ "NanoCpus", c->nano_cpus },
		{ "CpuShares", q->cpu_shares.v },
		{ "CpuPeriod", q->cpu_period.v },
		{ "CpuQuota", q->cpu_quota.v },
		{ "CpuRealtimePeriod", q->cpu_rt_period.v },
		{ "CpuRealtimeRuntime", q->cpu_rt_runtime.v },
		{ "BlkioWeight", q->blkio_weight.v },
		{ "OomScoreAdj", q->oom_score_adj.v },
		{ "ShmSize", limits_shm(q) },
		{ "KernelMemory", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		json_set(a, host, numbers[i].name, json_new_i64(a, numbers[i].n));
	for (size_t i = 0; i < ARRAY_LEN(rates); i++)
		json_set(a, host, rates[i].inspect, rates_inspect(a, q, &rates[i]));
	json_set(a, host, "MemorySwappiness",
		 q->memory_swappiness.set && q->memory_swappiness.v >= 0 ? json_new_i64(a, q->memory_swappiness.v) : json_null(a));
	json_set(a, host, "PidsLimit", q->pids.set && q->pids.v > 0 ? json_new_i64(a, q->pids.v) : json_null(a));
	json_set(a, host, "OomKillDisable", json_new_bool(a, q->oom_kill_disable));
	json_set(a, host, "CpusetCpus", json_new_str(a, q->cpuset_cpus ? q->cpuset_cpus : ""));
	json_set(a, host, "CpusetMems", json_new_str(a, q->cpuset_mems ? q->cpuset_mems : ""));
	json_set(a, host, "CgroupParent", json_new_str(a, q->cgroup_parent ? q->cgroup_parent : ""));
}
