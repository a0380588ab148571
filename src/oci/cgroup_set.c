/* cgroup_set.c - linux.resources: decoded once, then handed to the driver of the layout. */
#include <errno.h>

#include "base/str.h"
#include "oci/cgroup_priv.h"
#include "oci/cgroup_res.h"

DV_VIEW_SCHEMA(res_memory, RES_MEMORY);
DV_VIEW_SCHEMA(res_cpu, RES_CPU);
DV_VIEW_SCHEMA(res_weight, RES_WEIGHT);
DV_VIEW_SCHEMA(res_rate, RES_RATE);
DV_VIEW_SCHEMA(res_io, RES_IO);
DV_VIEW_SCHEMA(res_huge, RES_HUGE);
DV_VIEW_SCHEMA(res_prio, RES_PRIO);
DV_VIEW_SCHEMA(res_rdma, RES_RDMA);
DV_VIEW_SCHEMA(res, RES);

/* --- shared by the drivers --- */

int cg_write_settle(const struct hier *h, struct pending *p, size_t n, struct dv_err *e)
{
	size_t left, before;
	const struct pending *stuck;

	do {
		left = before = 0;
		stuck = NULL;
		for (size_t i = 0; i < n; i++) {
			int sys;

			if (!p[i].value)
				continue;
			before++;
			sys = cg_try_write(h->fd, p[i].file, p[i].value);
			if (sys && sys != EINVAL)
				return cg_write_error(sys, p[i].file, p[i].value, e);
			if (!sys) {
				p[i].value = NULL;
				continue;
			}
			left++;
			stuck = stuck ? stuck : &p[i];
		}
	} while (left && left < before);
	return left ? cg_write_error(EINVAL, stuck->file, stuck->value, e) : 0;
}

/* The size becomes part of a file's name. */
static int check_page_sizes(const struct res *res, struct dv_err *e)
{
	for (size_t i = 0; i < res->huge.n; i++) {
		const char *size = view_at(&res->huge, struct res_huge, i)->size;

		if (!str_only(size, "0123456789KMGTB"))
			return dv_fail(e, DV_INVALID, "linux.resources.hugepageLimits[%zu].pageSize: \"%s\" is no page size",
				       i, size);
	}
	return 0;
}

int cg_set_rdma(struct setting *s, struct hier *h, struct dv_err *e)
{
	for (JSON_EACH(it, s->res->rdma)) {
		struct res_rdma v;
		const char *dev = json_iter_key(it);
		auto_buf struct buf b = BUF_INIT(4096);
		int r = view_decode(s->a, it.value, &res_rdma_schema, "linux.resources.rdma", &v, e);

		if (r < 0)
			return r;
		buf_str(&b, dev);
		if (v.handles.set)
			buf_printf(&b, " hca_handle=%u", (unsigned)v.handles.v);
		if (v.objects.set)
			buf_printf(&b, " hca_object=%u", (unsigned)v.objects.v);
		r = buf_check(&b, "rdma device", e);
		if (r == 0)
			r = cg_write(h, "rdma.max", buf_cstr(&b), e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_unified_one(const struct hier *h, const char *file, const char *value, struct dv_err *e)
{
	int sys;

	if (strchr(file, '/') || !strchr(file, '.') || *file == '.' || !value)
		return dv_fail(e, DV_INVALID, "linux.resources.unified: \"%s\" must be CONTROLLER.FILE with a string",
			       file);
	sys = cg_try_write(h->fd, file, value);
	if (sys == ENOENT)
		return dv_fail(e, DV_UNSUPPORTED, "cgroup: linux.resources.unified: \"%s\" cannot be set: controller "
			       "\"%.*s\" is not available", file, (int)strcspn(file, "."), file);
	return sys ? cg_write_error(sys, file, value, e) : 0;
}

/* v1 has no such files; a hybrid machine has those that need no controller. */
static int set_unified(struct setting *s, struct dv_err *e)
{
	struct hier *h = NULL;
	int r;

	if (json_len(s->res->unified) == 0)
		return 0;
	r = cg_need(s->cg, "", "linux.resources.unified", &h, e);
	for (JSON_EACH(it, s->res->unified)) {
		if (r < 0)
			break;
		r = set_unified_one(h, json_iter_key(it), json_str(it.value), e);
	}
	return r;
}

/* --- public --- */

static bool asks_for_limits(const struct res *r)
{
	return r->memory || r->cpu || r->pids.set || r->io || r->huge.n || json_len(r->rdma) || json_len(r->unified);
}

int cgroup_set(struct cgroup *cg, const struct json *resources, bool create, struct dv_err *e)
{
	auto_arena struct arena a;
	struct res res = { 0 };
	struct setting s = { .cg = cg, .a = &a, .res = &res, .create = create };
	int r;

	arena_init(&a, 0);
	if (json_type(resources) != JSON_NULL) {
		r = view_decode(&a, resources, &res_schema, "linux.resources", &res, e);
		if (r == 0)
			r = check_page_sizes(&res, e);
		if (r < 0)
			return r;
	}
	if (cg->layout == CGROUP_NONE && !cg->disabled && json_len(res.devices))
		cg_warn(cg, "device rules are not enforced: no cgroup tree is mounted");
	if (cg->disabled || cg->layout == CGROUP_NONE) {
		if (!asks_for_limits(&res))
			return 0;
		if (!cg->disabled)
			return dv_fail(e, DV_UNSUPPORTED, "cgroup: limits are asked for, but no cgroup tree is mounted");
		cg_warn(cg, "cgroups are disabled: ignoring the limits of linux.resources");
		return 0;
	}
	r = cg_v2(cg) ? cg_set_v2(&s, e) : cg_set_v1(&s, e);
	if (r == 0)
		r = set_unified(&s, e);
	if (r == 0 && (create || res.devices))
		r = cg_set_devices(&s, e);
	return r;
}
