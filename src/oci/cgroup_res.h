/* cgroup_res.h - linux.resources as structs; private to the cgroup_*.c files.
 *
 * A number that is 0 counts as not given, as runc has it, unless said here.
 */
#pragma once

#include "json/view.h"

#define RES_MEMORY(F, c) \
	F(c, i64,  limit,         "limit",             0, NULL) \
	F(c, i64,  reservation,   "reservation",       0, NULL) \
	F(c, i64,  swap,          "swap",              0, NULL) \
	F(c, i64,  kernel,        "kernel",            0, NULL) \
	F(c, i64,  kernel_tcp,    "kernelTCP",         0, NULL) \
	F(c, i64,  swappiness,    "swappiness",        0, NULL) \
	F(c, bool, no_oom,        "disableOOMKiller",  0, NULL) \
	F(c, bool, use_hierarchy, "useHierarchy",      0, NULL) \
	F(c, bool, check,         "checkBeforeUpdate", 0, NULL)
DV_VIEW_STRUCT(res_memory, RES_MEMORY);

#define RES_CPU(F, c) \
	F(c, u64, shares,     "shares",          0, NULL) \
	F(c, i64, quota,      "quota",           0, NULL) \
	F(c, u64, burst,      "burst",           0, NULL) \
	F(c, u64, period,     "period",          0, NULL) \
	F(c, i64, rt_runtime, "realtimeRuntime", 0, NULL) \
	F(c, u64, rt_period,  "realtimePeriod",  0, NULL) \
	F(c, str, cpus,       "cpus",            0, NULL) \
	F(c, str, mems,       "mems",            0, NULL) \
	F(c, i64, idle,       "idle",            0, NULL)
DV_VIEW_STRUCT(res_cpu, RES_CPU);

#define RES_WEIGHT(F, c) \
	F(c, i64, major,       "major",      REQ, NULL) \
	F(c, i64, minor,       "minor",      REQ, NULL) \
	F(c, u32, weight,      "weight",     0,   NULL) \
	F(c, u32, leaf_weight, "leafWeight", 0,   NULL)
DV_VIEW_STRUCT(res_weight, RES_WEIGHT);

#define RES_RATE(F, c) \
	F(c, i64, major, "major", REQ, NULL) \
	F(c, i64, minor, "minor", REQ, NULL) \
	F(c, u64, rate,  "rate",  REQ, NULL)
DV_VIEW_STRUCT(res_rate, RES_RATE);

#define RES_IO(F, c) \
	F(c, u32,  weight,      "weight",                  0, NULL) \
	F(c, u32,  leaf_weight, "leafWeight",              0, NULL) \
	F(c, list, weights,     "weightDevice",            0, &res_weight_schema) \
	F(c, list, read_bps,    "throttleReadBpsDevice",   0, &res_rate_schema) \
	F(c, list, write_bps,   "throttleWriteBpsDevice",  0, &res_rate_schema) \
	F(c, list, read_iops,   "throttleReadIOPSDevice",  0, &res_rate_schema) \
	F(c, list, write_iops,  "throttleWriteIOPSDevice", 0, &res_rate_schema)
DV_VIEW_STRUCT(res_io, RES_IO);

#define RES_HUGE(F, c) \
	F(c, str, size,  "pageSize", REQ, NULL) \
	F(c, u64, limit, "limit",    REQ, NULL)
DV_VIEW_STRUCT(res_huge, RES_HUGE);

#define RES_PRIO(F, c) \
	F(c, str, name,     "name",     REQ, NULL) \
	F(c, u32, priority, "priority", REQ, NULL)
DV_VIEW_STRUCT(res_prio, RES_PRIO);

#define RES_RDMA(F, c) \
	F(c, u32, handles, "hcaHandles", 0, NULL) \
	F(c, u32, objects, "hcaObjects", 0, NULL)
DV_VIEW_STRUCT(res_rdma, RES_RDMA);

#define RES(F, c) \
	F(c, sub,  memory,  "memory",             0, &res_memory_schema) \
	F(c, sub,  cpu,     "cpu",                0, &res_cpu_schema) \
	F(c, i64,  pids,    "pids.limit",         0, NULL) \
	F(c, sub,  io,      "blockIO",            0, &res_io_schema) \
	F(c, list, huge,    "hugepageLimits",     0, &res_huge_schema) \
	F(c, u32,  class_id, "network.classID",   0, NULL) \
	F(c, list, prios,   "network.priorities", 0, &res_prio_schema) \
	F(c, node, rdma,    "rdma",               0, NULL) \
	F(c, node, unified, "unified",            0, NULL) \
	F(c, node, devices, "devices",            0, NULL)
DV_VIEW_STRUCT(res, RES);

struct cgroup;
struct hier;

/* What a driver works with while it sets one cgroup. */
struct setting {
	struct cgroup *cg;
	struct arena *a;
	const struct res *res;
	bool create;
};

static inline int64_t res_i64(struct opt_i64 o) { return o.set ? o.v : 0; }
static inline uint64_t res_u64(struct opt_u64 o) { return o.set ? o.v : 0; }

/* Files whose values are checked by the kernel against each other: those refused with EINVAL are tried again after
 * the others, until nothing moves. Values of NULL are left out. */
struct pending {
	const char *file;
	const char *value;
};
int cg_write_settle(const struct hier *h, struct pending *p, size_t n, struct dv_err *e) DV_MUST_USE;
/* "mlx5_1 hca_handle=3 hca_object=1000" lines into rdma.max. */
int cg_set_rdma(struct setting *s, struct hier *h, struct dv_err *e) DV_MUST_USE;

int cg_set_v1(struct setting *s, struct dv_err *e) DV_MUST_USE;
int cg_set_v2(struct setting *s, struct dv_err *e) DV_MUST_USE;
int cg_set_devices(struct setting *s, struct dv_err *e) DV_MUST_USE;

/* --- conversions to v2 --- */

uint64_t cg_cpu_weight(uint64_t shares);            /* 2..262144 -> 1..10000, 1024 -> 100 */
uint64_t cg_io_weight(uint32_t blkio);              /* 10..1000 -> 1..10000 */
/* memory+swap of the OCI configuration to swap alone: -1 no limit, 0 not given, `ret_zero` for a limit of 0. */
int cg_swap(int64_t limit, int64_t swap, int64_t *ret, bool *ret_zero, struct dv_err *e) DV_MUST_USE;
