/* cgroup_v2.c - limits on cgroup v2: the OCI configuration speaks of v1, so values are converted. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "base/str.h"
#include "oci/cgroup_priv.h"
#include "oci/cgroup_res.h"

/* --- conversions --- */

/* The curve goes through (2, 1), (1024, 100) and (262144, 10000), so that the default stays the default; it is the one
 * that runc 1.4 and crun 1.23 came to. */
uint64_t cg_cpu_weight(uint64_t shares)
{
	double l;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	l = log2((double)shares);
	return (uint64_t)ceil(pow(10, (l * l + 125 * l) / 612.0 - 7.0 / 34.0));
}

uint64_t cg_io_weight(uint32_t blkio)
{
	return 1 + ((uint64_t)DV_MAX(blkio, 10u) - 10) * 9999 / 990;
}

int cg_swap(int64_t limit, int64_t swap, int64_t *ret, bool *ret_zero, struct dv_err *e)
{
	*ret_zero = false;
	if (swap == 0 || swap == -1) {
		/* No limit of memory, no limit of swap: what v1 means by -1 alone. */
		*ret = swap == 0 && limit == -1 ? -1 : swap;
		return 0;
	}
	if (limit == -1 || limit == 0)
		return dv_fail(e, DV_INVALID, "linux.resources.memory.swap: %" PRId64 " needs a memory limit", swap);
	if (swap < 0)
		return dv_fail(e, DV_INVALID, "linux.resources.memory.swap: %" PRId64 " is negative", swap);
	if (swap < limit)
		return dv_fail(e, DV_INVALID, "linux.resources.memory.swap: %" PRId64 " is less than the memory limit %"
			       PRId64, swap, limit);
	*ret = swap - limit;
	*ret_zero = swap == limit;
	return 0;
}

/* --- helpers --- */

static const char *max_text(struct setting *s, int64_t v)
{
	return v == 0 ? NULL : v == -1 ? "max" : arena_printf(s->a, "%" PRId64, v);
}

/* A missing file means that the controller was not passed down to us: say which and what could be the reason. */
static int put(struct hier *h, const char *file, const char *value, struct dv_err *e)
{
	int sys = value ? cg_try_write(h->fd, file, value) : 0;

	if (sys == ENOENT)
		return dv_fail(e, DV_UNSUPPORTED, "cgroup: write \"%s\" to %s: the %.*s controller is not available in %s "
			       "(%s)", value, file, (int)strcspn(file, "."), file, h->full,
			       h->refused ? h->refused : "see cgroup.subtree_control of its parents");
	return sys ? cg_write_error(sys, file, value, e) : 0;
}

/* --- memory --- */

static int check_one(struct hier *h, const char *file, int64_t limit, struct dv_err *e)
{
	uint64_t usage;
	int r = limit > 0 ? cg_read_u64(h->fd, file, &usage, e) : 0;

	if (r < 0 || limit <= 0)
		return r;
	if (usage > (uint64_t)limit)
		return dv_fail(e, DV_CONFLICT, "cgroup: rejecting the memory limit %" PRId64 ": %s is %" PRIu64, limit, file,
			       usage);
	return 0;
}

static int set_memory(struct setting *s, struct hier *h, struct dv_err *e)
{
	const struct res_memory *m = s->res->memory;
	int64_t swap = 0, limit;
	bool zero = false;
	uint64_t now;
	int r;

	if (!m)
		return 0;
	limit = res_i64(m->limit);
	/* An update of swap alone is meant together with the limit that is there. */
	if (!s->create && !limit && res_i64(m->swap) > 0 && cg_read_u64(h->fd, "memory.max", &now, NULL) == 0)
		limit = now > INT64_MAX ? -1 : (int64_t)now;
	r = cg_swap(limit, res_i64(m->swap), &swap, &zero, e);
	if (r == 0 && m->check)
		r = check_one(h, "memory.current", res_i64(m->limit), e);
	if (r == 0 && m->check)
		r = check_one(h, "memory.swap.current", swap, e);
	if (r == 0)
		r = put(h, "memory.swap.max", zero ? "0" : max_text(s, swap), e);
	/* Without swap accounting there is nothing to lift. */
	if (r < 0 && swap == -1 && !res_i64(m->swap))
		r = 0;
	if (r == 0)
		r = put(h, "memory.max", max_text(s, res_i64(m->limit)), e);
	if (r == 0)
		r = put(h, "memory.low", max_text(s, res_i64(m->reservation)), e);
	if (r == 0 && (res_i64(m->kernel) || res_i64(m->kernel_tcp)))
		cg_warn(s->cg, "ignoring the kernel memory limits: cgroup v2 counts it with the rest");
	if (r == 0 && m->no_oom)
		cg_warn(s->cg, "ignoring disableOOMKiller: cgroup v2 cannot do that");
	if (r == 0 && m->swappiness.set && m->swappiness.v != -1)
		cg_warn(s->cg, "ignoring swappiness: cgroup v2 has none");
	return r;
}

/* --- cpu --- */

/* cpu.max holds both numbers; an update that names one keeps the other. */
static int cpu_max(struct setting *s, struct hier *h, const char **ret, struct dv_err *e)
{
	const struct res_cpu *c = s->res->cpu;
	const char *quota = res_i64(c->quota) > 0 ? arena_printf(s->a, "%" PRId64, c->quota.v) : "max";
	const char *period = res_u64(c->period) ? arena_printf(s->a, "%" PRIu64, c->period.v) : "100000";
	auto_buf struct buf now = BUF_INIT(256);
	const char *space;
	int r;

	*ret = NULL;
	if (!res_i64(c->quota) && !res_u64(c->period))
		return 0;
	if (!s->create && (!res_i64(c->quota) || !res_u64(c->period))) {
		r = cg_read(h->fd, "cpu.max", &now, e);
		if (r < 0)
			return r;
		space = strchr(buf_cstr(&now), ' ');
		if (space && !res_u64(c->period))
			period = arena_str(s->a, space + 1);
		if (space && !res_i64(c->quota))
			quota = arena_strn(s->a, now.p, (size_t)(space - now.p));
	}
	*ret = arena_printf(s->a, "%s %s", quota, period);
	return 0;
}

static int set_cpu(struct setting *s, struct hier *h, struct dv_err *e)
{
	const struct res_cpu *c = s->res->cpu;
	const char *max;
	int r;

	if (!c)
		return 0;
	r = cpu_max(s, h, &max, e);
	if (r < 0)
		return r;
	struct pending p[] = {
		{ "cpu.max", max },
		{ "cpu.max.burst", c->burst.set ? arena_printf(s->a, "%" PRIu64, c->burst.v) : NULL },
		{ "cpu.weight", res_u64(c->shares) ? arena_printf(s->a, "%" PRIu64, cg_cpu_weight(c->shares.v)) : NULL },
		{ "cpu.idle", c->idle.set ? arena_printf(s->a, "%" PRId64, c->idle.v) : NULL },
	};
	if (res_i64(c->rt_runtime) || res_u64(c->rt_period))
		cg_warn(s->cg, "ignoring the realtime limits: cgroup v2 has none");
	r = cg_write_settle(h, p, ARRAY_LEN(p), e);
	if (r == 0 && c->cpus && *c->cpus)
		r = put(h, "cpuset.cpus", c->cpus, e);
	if (r == 0 && c->mems && *c->mems)
		r = put(h, "cpuset.mems", c->mems, e);
	return r;
}

static int set_pids(struct setting *s, struct hier *h, struct dv_err *e)
{
	int64_t limit = res_i64(s->res->pids);

	return put(h, "pids.max", limit < 0 ? "max" : max_text(s, limit), e);
}

/* --- io --- */

static int set_weight(struct setting *s, struct hier *h, const char *dev, uint32_t weight, struct dv_err *e)
{
	int sys;

	if (!weight)
		return 0;
	/* BFQ has the scale of v1; without it the io controller has one of its own. */
	sys = cg_try_write(h->fd, "io.bfq.weight", arena_printf(s->a, "%s%u", dev, (unsigned)weight));
	if (sys != ENOENT)
		return sys ? cg_write_error(sys, "io.bfq.weight", arena_printf(s->a, "%s%u", dev, (unsigned)weight), e) : 0;
	return put(h, "io.weight", arena_printf(s->a, "%s%" PRIu64, dev, cg_io_weight(weight)), e);
}

static int set_throttle(struct setting *s, struct hier *h, const struct view_list *list, const char *key,
			struct dv_err *e)
{
	int r = 0;

	for (size_t i = 0; i < list->n && r == 0; i++) {
		const struct res_rate *t = view_at(list, struct res_rate, i);
		const char *rate = t->rate.v ? arena_printf(s->a, "%" PRIu64, t->rate.v) : "max";

		r = put(h, "io.max", arena_printf(s->a, "%" PRId64 ":%" PRId64 " %s=%s", t->major.v, t->minor.v, key, rate),
			e);
	}
	return r;
}

static int set_io(struct setting *s, struct hier *h, struct dv_err *e)
{
	const struct res_io *io = s->res->io;
	int r;

	if (!io)
		return 0;
	r = set_weight(s, h, "", io->weight.v, e);
	for (size_t i = 0; i < io->weights.n && r == 0; i++) {
		const struct res_weight *w = view_at(&io->weights, struct res_weight, i);

		r = set_weight(s, h, arena_printf(s->a, "%" PRId64 ":%" PRId64 " ", w->major.v, w->minor.v), w->weight.v, e);
	}
	if (r == 0)
		r = set_throttle(s, h, &io->read_bps, "rbps", e);
	if (r == 0)
		r = set_throttle(s, h, &io->write_bps, "wbps", e);
	if (r == 0)
		r = set_throttle(s, h, &io->read_iops, "riops", e);
	if (r == 0)
		r = set_throttle(s, h, &io->write_iops, "wiops", e);
	return r;
}

/* --- the rest --- */

static int set_huge(struct setting *s, struct hier *h, struct dv_err *e)
{
	int r = 0;

	for (size_t i = 0; i < s->res->huge.n && r == 0; i++) {
		const struct res_huge *p = view_at(&s->res->huge, struct res_huge, i);
		const char *value = arena_printf(s->a, "%" PRIu64, p->limit.v);
		const char *rsvd = arena_printf(s->a, "hugetlb.%s.rsvd.max", p->size);
		int sys;

		r = put(h, arena_printf(s->a, "hugetlb.%s.max", p->size), value, e);
		if (r < 0)
			break;
		sys = cg_try_write(h->fd, rsvd, value);
		if (sys && sys != ENOENT)
			r = cg_write_error(sys, rsvd, value, e);
	}
	return r;
}

static int set_others(struct setting *s, struct hier *h, struct dv_err *e)
{
	if ((s->res->class_id.set && s->res->class_id.v) || s->res->prios.n)
		cg_warn(s->cg, "ignoring linux.resources.network: cgroup v2 has no such controllers");
	return cg_set_rdma(s, h, e);
}

int cg_set_v2(struct setting *s, struct dv_err *e)
{
	static int (*const sections[])(struct setting *, struct hier *, struct dv_err *) = {
		set_pids, set_memory, set_io, set_cpu, set_huge, set_others,
	};
	struct hier *h = cg_v2(s->cg);
	int r = 0;

	/* Without a cgroup of our own (rootless, nothing delegated) only what is asked for is an error. */
	if (h->lost && !s->res->memory && !s->res->cpu && !s->res->io && !s->res->pids.set && !s->res->huge.n &&
	    !json_len(s->res->rdma))
		return 0;
	r = cg_need(s->cg, "", "a limit in linux.resources", &h, e);
	for (size_t i = 0; i < ARRAY_LEN(sections) && r == 0; i++)
		r = sections[i](s, h, e);
	return r;
}
