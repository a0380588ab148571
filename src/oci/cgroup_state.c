/* cgroup_state.c - the container's cgroups as others see them: in state.json, and as mounts inside. */
#include "base/str.h"
#include "oci/cgroup_priv.h"

/* --- state.json --- */

struct json *cgroup_to_json(const struct cgroup *cg, struct arena *a)
{
	struct json *o = json_new_object(a);

	for (size_t i = 0; i < cg->n; i++) {
		const struct hier *h = &cg->h[i];
		size_t n;
		char **names;

		if (h->lost)
			continue;
		if (h->v2)
			json_set(a, o, "", json_new_str(a, h->full));
		names = str_split(a, h->controllers, ',', &n);
		for (size_t c = 0; c < n; c++)
			json_set(a, o, names[c], json_new_str(a, h->full));
	}
	return o;
}

static struct hier *hier_at(struct cgroup *cg, const char *full)
{
	for (size_t i = 0; i < cg->n; i++)
		if (streq(cg->h[i].full, full))
			return &cg->h[i];
	return NULL;
}

static int from_json_one(struct cgroup *cg, const char *controller, const char *full, struct dv_err *e)
{
	struct hier *h;

	if (!full || *full != '/' || strchr(controller, '/') || strstr(full, "/../"))
		return dv_fail(e, DV_INVALID, "cgroup_paths.%s: an absolute path is wanted", controller);
	full = cg_path_clean(&cg->mem, full);
	h = *controller ? hier_at(cg, full) : NULL;
	if (h && !h->v2) {
		h->controllers = arena_printf(&cg->mem, "%s,%s", h->controllers, controller);
		return 0;
	}
	if (cg->n == HIER_MAX)
		return dv_fail(e, DV_LIMIT, "cgroup_paths: more than %d hierarchies", HIER_MAX);
	cg->h[cg->n++] = (struct hier){ .name = "", .mount = "", .controllers = arena_str(&cg->mem, controller),
					.full = full, .v2 = !*controller, .fd = -1, .tasks_fd = -1 };
	return 0;
}

int cgroup_from_json(const struct json *paths, bool rootless, struct cgroup **ret, struct dv_err *e)
{
	auto_cgroup struct cgroup *cg = cg_new();
	int r;

	if (json_type(paths) != JSON_OBJECT)
		return dv_fail(e, DV_INVALID, "cgroup_paths: an object is wanted, not %s", json_type_name(json_type(paths)));
	for (JSON_EACH(it, paths)) {
		r = from_json_one(cg, json_iter_key(it), json_str(it.value), e);
		if (r < 0)
			return r;
	}
	cg->rootless = rootless;
	cg->disabled = cg->n == 0;
	if (cg->n)
		cg->layout = !cg_find(cg, "") ? CGROUP_V1 : cg->n == 1 ? CGROUP_V2 : CGROUP_HYBRID;
	*ret = take_ptr(&cg);
	return 0;
}

/* --- mounts --- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void cgroup_mount_names(struct cgroup *cg, struct arena *a, struct cgroup_mount **ret, size_t *ret_n)
{
	struct cgroup_mount *m = arena_array(a, struct cgroup_mount, HIER_MAX);
	size_t n = 0;

	for (size_t i = 0; i < cg->n; i++) {
		struct hier *h = &cg->h[i];

		if (!h->lost)
			m[n++] = (struct cgroup_mount){ .name = *h->name ? arena_str(a, base_name(h->name)) : "",
							.controllers = arena_str(a, h->controllers), .fd = h->fd };
	}
	*ret = m;
	*ret_n = n;
}

int cgroup_mounts(struct cgroup *cg, struct arena *a, struct cgroup_mount **ret, size_t *ret_n, struct dv_err *e)
{
	for (size_t i = 0; i < cg->n; i++) {
		int r = cg->h[i].lost ? 0 : cg_open_dir(&cg->h[i], e);

		if (r < 0)
			return r;
	}
	cgroup_mount_names(cg, a, ret, ret_n);
	return 0;
}
