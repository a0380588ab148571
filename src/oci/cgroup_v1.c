/* cgroup_v1.c - limits on cgroup v1: one section per controller. */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/str.h"
#include "oci/cgroup_priv.h"
#include "oci/cgroup_res.h"

#define MEM_LIMIT "memory.limit_in_bytes"
#define MEMSW_LIMIT "memory.memsw.limit_in_bytes"

static const char *i64_text(struct setting *s, int64_t v)
{
	return v ? arena_printf(s->a, "%" PRId64, v) : NULL;
}

static const char *u64_text(struct setting *s, struct opt_u64 v)
{
	return res_u64(v) ? arena_printf(s->a, "%" PRIu64, v.v) : NULL;
}

/* --- memory --- */

/* A limit below what is used is refused with EBUSY; say by how much. */
static int write_limit(struct hier *h, const char *file, const char *value, struct dv_err *e)
{
	uint64_t usage = 0, peak = 0;
	int sys = value ? cg_try_write(h->fd, file, value) : 0;

	if (sys != EBUSY)
		return sys ? cg_write_error(sys, file, value, e) : 0;
	if (cg_read_u64(h->fd, "memory.usage_in_bytes", &usage, e) < 0 ||
	    cg_read_u64(h->fd, "memory.max_usage_in_bytes", &peak, e) < 0)
		return cg_write_error(sys, file, value, e);
	return dv_fail(e, DV_CONFLICT, "cgroup: unable to set memory limit to %s in %s (current usage: %" PRIu64
		       ", peak usage: %" PRIu64 ")", value, file, usage, peak);
}

/* The kernel wants limit <= memory+swap at every moment: raising begins with the latter. */
static int set_limits(struct setting *s, struct hier *h, struct dv_err *e)
{
	const struct res_memory *m = s->res->memory;
	int64_t limit = res_i64(m->limit), swap = res_i64(m->swap);
	bool swap_first = false;
	uint64_t current;
	int r;

	if (limit == -1 && swap == 0 && faccessat(h->fd, MEMSW_LIMIT, F_OK, 0) == 0)
		swap = -1;
	if (limit && swap && !(s->create && h->made)) {
		r = cg_read_u64(h->fd, MEM_LIMIT, &current, e);
		if (r < 0)
			return r;
		swap_first = swap == -1 || current < (uint64_t)swap;
	}
	if (swap_first) {
		r = write_limit(h, MEMSW_LIMIT, i64_text(s, swap), e);
		return r < 0 ? r : write_limit(h, MEM_LIMIT, i64_text(s, limit), e);
	}
	r = write_limit(h, MEM_LIMIT, i64_text(s, limit), e);
	return r < 0 ? r : write_limit(h, MEMSW_LIMIT, i64_text(s, swap), e);
}

/* Newer kernels have dropped these limits, and configurations carry them along: never a reason to fail. */
static void set_kernel(struct setting *s, struct hier *h, const char *file, const char *value)
{
	int sys = value ? cg_try_write(h->fd, file, value) : 0;

	if (sys)
		cg_warn(s->cg, "ignoring the limit \"%s\" for %s: %s", value, file, strerror(sys));
}

static int set_memory(struct setting *s, struct dv_err *e)
{
	const struct res_memory *m = s->res->memory;
	struct hier *h = NULL;
	int r;

	if (!m || !(res_i64(m->limit) || res_i64(m->reservation) || res_i64(m->swap) || res_i64(m->kernel) ||
		    res_i64(m->kernel_tcp) || m->swappiness.set || m->no_oom || m->use_hierarchy))
		return 0;
	r = cg_need(s->cg, "memory", "linux.resources.memory", &h, e);
	if (r == 0 && m->use_hierarchy)
		r = cg_write(h, "memory.use_hierarchy", "1", e);
	if (r == 0)
		r = set_limits(s, h, e);
	if (r == 0 && res_i64(m->reservation))
		r = cg_write(h, "memory.soft_limit_in_bytes", i64_text(s, m->reservation.v), e);
	if (r == 0 && m->no_oom)
		r = cg_write(h, "memory.oom_control", "1", e);
	if (r < 0)
		return r;
	set_kernel(s, h, "memory.kmem.limit_in_bytes", i64_text(s, res_i64(m->kernel)));
	set_kernel(s, h, "memory.kmem.tcp.limit_in_bytes", i64_text(s, res_i64(m->kernel_tcp)));
	if (!m->swappiness.set || m->swappiness.v == -1)
		return 0;
	if (m->swappiness.v < 0 || m->swappiness.v > 100)
		return dv_fail(e, DV_INVALID, "linux.resources.memory.swappiness: %" PRId64 " is not in 0..100",
			       m->swappiness.v);
	return cg_write(h, "memory.swappiness", arena_printf(s->a, "%" PRId64, m->swappiness.v), e);
}

/* --- cpu --- */

/* The kernel cuts values outside of these without an error. */
static int check_shares(uint64_t shares, struct dv_err *e)
{
	if (shares && shares < 2)
		return dv_fail(e, DV_INVALID, "cgroup: the minimum allowed cpu-shares is 2");
	if (shares > 262144)
		return dv_fail(e, DV_INVALID, "cgroup: the maximum allowed cpu-shares is 262144");
	return 0;
}

static int set_cpu(struct setting *s, struct dv_err *e)
{
	const struct res_cpu *c = s->res->cpu;
	struct hier *h = NULL;
	int r;

	if (!c)
		return 0;
	struct pending p[] = {
		{ "cpu.rt_period_us", u64_text(s, c->rt_period) },
		{ "cpu.rt_runtime_us", i64_text(s, res_i64(c->rt_runtime)) },
		{ "cpu.cfs_period_us", u64_text(s, c->period) },
		{ "cpu.cfs_quota_us", i64_text(s, res_i64(c->quota)) },
		{ "cpu.cfs_burst_us", c->burst.set ? arena_printf(s->a, "%" PRIu64, c->burst.v) : NULL },
		{ "cpu.shares", u64_text(s, c->shares) },
		{ "cpu.idle", c->idle.set ? arena_printf(s->a, "%" PRId64, c->idle.v) : NULL },
	};
	size_t asked = 0;

	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		asked += p[i].value != NULL;
	if (!asked)
		return 0;
	r = check_shares(res_u64(c->shares), e);
	if (r == 0)
		r = cg_need(s->cg, "cpu", "linux.resources.cpu", &h, e);
	return r < 0 ? r : cg_write_settle(h, p, ARRAY_LEN(p), e);
}

static int set_cpuset(struct setting *s, struct dv_err *e)
{
	const struct res_cpu *c = s->res->cpu;
	bool cpus = c && c->cpus && *c->cpus, mems = c && c->mems && *c->mems;
	struct hier *h = NULL;
	int r;

	if (!cpus && !mems)
		return 0;
	r = cg_need(s->cg, "cpuset", "linux.resources.cpu.cpus", &h, e);
	if (r == 0)
		r = cg_fill_cpuset(s->cg, cpus, mems, e);
	if (r == 0 && cpus)
		r = cg_write(h, "cpuset.cpus", c->cpus, e);
	if (r == 0 && mems)
		r = cg_write(h, "cpuset.mems", c->mems, e);
	return r;
}

/* --- pids --- */

static int set_pids(struct setting *s, struct dv_err *e)
{
	int64_t limit = res_i64(s->res->pids);
	struct hier *h = NULL;
	int r;

	if (!limit)
		return 0;
	r = cg_need(s->cg, "pids", "linux.resources.pids.limit", &h, e);
	return r < 0 ? r : cg_write(h, "pids.max", limit > 0 ? i64_text(s, limit) : "max", e);
}

/* --- blkio --- */

/* The weights belong to the I/O scheduler: the plain names are CFQ's, gone since 5.0. */
static int write_weight(struct hier *h, const char *cfq, const char *bfq, const char *value, struct dv_err *e)
{
	int sys = cg_try_write(h->fd, cfq, value);

	return sys != ENOENT ? (sys ? cg_write_error(sys, cfq, value, e) : 0) : cg_write(h, bfq, value, e);
}

static int set_weight_device(struct setting *s, struct hier *h, const struct res_weight *w, struct dv_err *e)
{
	int r = 0;

	if (w->weight.set && w->weight.v)
		r = write_weight(h, "blkio.weight_device", "blkio.bfq.weight_device",
				 arena_printf(s->a, "%" PRId64 ":%" PRId64 " %u", w->major.v, w->minor.v,
					      (unsigned)w->weight.v), e);
	if (r == 0 && w->leaf_weight.set && w->leaf_weight.v)
		r = cg_write(h, "blkio.leaf_weight_device",
			     arena_printf(s->a, "%" PRId64 ":%" PRId64 " %u", w->major.v, w->minor.v,
					  (unsigned)w->leaf_weight.v), e);
	return r;
}

static int set_throttle(struct setting *s, struct hier *h, const struct view_list *list, const char *file,
			struct dv_err *e)
{
	int r = 0;

	for (size_t i = 0; i < list->n && r == 0; i++) {
		const struct res_rate *t = view_at(list, struct res_rate, i);

		r = cg_write(h, file, arena_printf(s->a, "%" PRId64 ":%" PRId64 " %" PRIu64, t->major.v, t->minor.v,
						   t->rate.v), e);
	}
	return r;
}

static int set_blkio(struct setting *s, struct dv_err *e)
{
	const struct res_io *io = s->res->io;
	struct hier *h = NULL;
	int r;

	if (!io || !(io->weight.v || io->leaf_weight.v || io->weights.n || io->read_bps.n || io->write_bps.n ||
		     io->read_iops.n || io->write_iops.n))
		return 0;
	r = cg_need(s->cg, "blkio", "linux.resources.blockIO", &h, e);
	if (r == 0 && io->weight.v)
		r = write_weight(h, "blkio.weight", "blkio.bfq.weight", arena_printf(s->a, "%u", (unsigned)io->weight.v), e);
	if (r == 0 && io->leaf_weight.v)
		r = cg_write(h, "blkio.leaf_weight", arena_printf(s->a, "%u", (unsigned)io->leaf_weight.v), e);
	for (size_t i = 0; i < io->weights.n && r == 0; i++)
		r = set_weight_device(s, h, view_at(&io->weights, struct res_weight, i), e);
	if (r == 0)
		r = set_throttle(s, h, &io->read_bps, "blkio.throttle.read_bps_device", e);
	if (r == 0)
		r = set_throttle(s, h, &io->write_bps, "blkio.throttle.write_bps_device", e);
	if (r == 0)
		r = set_throttle(s, h, &io->read_iops, "blkio.throttle.read_iops_device", e);
	if (r == 0)
		r = set_throttle(s, h, &io->write_iops, "blkio.throttle.write_iops_device", e);
	return r;
}

/* --- hugetlb, network, rdma --- */

/* The reservation limit is newer; without it a reserved page that is never touched is not counted. */
static int set_huge_one(struct setting *s, struct hier *h, const struct res_huge *p, struct dv_err *e)
{
	const char *value = arena_printf(s->a, "%" PRIu64, p->limit.v);
	const char *rsvd = arena_printf(s->a, "hugetlb.%s.rsvd.limit_in_bytes", p->size);
	int r = cg_write(h, arena_printf(s->a, "hugetlb.%s.limit_in_bytes", p->size), value, e);
	int sys;

	if (r < 0)
		return r;
	sys = cg_try_write(h->fd, rsvd, value);
	return sys && sys != ENOENT ? cg_write_error(sys, rsvd, value, e) : 0;
}

static int set_huge(struct setting *s, struct dv_err *e)
{
	struct hier *h = NULL;
	int r;

	if (!s->res->huge.n)
		return 0;
	r = cg_need(s->cg, "hugetlb", "linux.resources.hugepageLimits", &h, e);
	for (size_t i = 0; i < s->res->huge.n && r == 0; i++)
		r = set_huge_one(s, h, view_at(&s->res->huge, struct res_huge, i), e);
	return r;
}

static int set_network(struct setting *s, struct dv_err *e)
{
	struct hier *h = NULL;
	int r = 0;

	if (s->res->class_id.set && s->res->class_id.v) {
		r = cg_need(s->cg, "net_cls", "linux.resources.network.classID", &h, e);
		if (r == 0)
			r = cg_write(h, "net_cls.classid", arena_printf(s->a, "%u", (unsigned)s->res->class_id.v), e);
	}
	if (r < 0 || !s->res->prios.n)
		return r;
	r = cg_need(s->cg, "net_prio", "linux.resources.network.priorities", &h, e);
	for (size_t i = 0; i < s->res->prios.n && r == 0; i++) {
		const struct res_prio *p = view_at(&s->res->prios, struct res_prio, i);

		r = cg_write(h, "net_prio.ifpriomap", arena_printf(s->a, "%s %u", p->name, (unsigned)p->priority.v), e);
	}
	return r;
}

static int set_rdma(struct setting *s, struct dv_err *e)
{
	struct hier *h = NULL;
	int r;

	if (json_len(s->res->rdma) == 0)
		return 0;
	r = cg_need(s->cg, "rdma", "linux.resources.rdma", &h, e);
	return r < 0 ? r : cg_set_rdma(s, h, e);
}

int cg_set_v1(struct setting *s, struct dv_err *e)
{
	static int (*const sections[])(struct setting *, struct dv_err *) = {
		set_cpuset, set_memory, set_cpu, set_pids, set_blkio, set_huge, set_network, set_rdma,
	};

	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		int r = sections[i](s, e);
		if (r < 0)
			return r;
	}
	return 0;
}
