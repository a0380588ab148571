/* anatomy.c - all blocks together; layers and cgroups. */
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/anatomy.h"
#include "oci/container.h"

/* --- cgroups --- */

/* What is worth seeing of each controller: the limit and the use beside it. "" is the v2 tree. */
static const struct {
	const char *controller, *label, *file;
	bool is_limit;
} cgroup_files[] = {
	{ "memory", "memory.limit", "memory.limit_in_bytes", true },
	{ "memory", "memory.use", "memory.usage_in_bytes", false },
	{ "memory", "memory.peak", "memory.max_usage_in_bytes", false },
	{ "memory", "memory+swap.limit", "memory.memsw.limit_in_bytes", true },
	{ "cpu", "cpu.quota_us", "cpu.cfs_quota_us", true },
	{ "cpu", "cpu.period_us", "cpu.cfs_period_us", true },
	{ "cpu", "cpu.shares", "cpu.shares", true },
	{ "cpuacct", "cpu.use_ns", "cpuacct.usage", false },
	{ "pids", "pids.limit", "pids.max", true },
	{ "pids", "pids.use", "pids.current", false },
	{ "cpuset", "cpuset.cpus", "cpuset.cpus", true },
	{ "freezer", "freezer.state", "freezer.state", false },
	{ "", "memory.limit", "memory.max", true },
	{ "", "memory.use", "memory.current", false },
	{ "", "memory.peak", "memory.peak", false },
	{ "", "swap.limit", "memory.swap.max", true },
	{ "", "cpu.max", "cpu.max", true },
	{ "", "pids.limit", "pids.max", true },
	{ "", "pids.use", "pids.current", false },
};

static const char *read_line(struct arena *a, int dir, const char *file)
{
	auto_buf struct buf b = BUF_INIT(4096);
	char *text;

	if (dir < 0 || file_read(dir, file, &b, NULL) < 0)
		return NULL;
	text = arena_str(a, buf_cstr(&b));
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* v1 writes "no limit" as the largest number of pages. */
static struct json *cgroup_value(struct arena *a, const char *text, bool is_limit)
{
	uint64_t n;

	if (streq(text, "max") || (is_limit && streq(text, "-1")))
		return json_null(a);
	if (!*text || str_u64(text, UINT64_MAX, "value", &n, NULL) < 0)
		return json_new_str(a, text);
	return is_limit && n >= (UINT64_C(1) << 62) ? json_null(a) : json_new_u64(a, n);
}

static bool controls(const char *key, const char *controller)
{
	size_t n = strlen(controller);
	const char *p = key;

	if (!*controller || !*key)
		return streq(key, controller) || (!*controller && streq(key, "unified"));
	/* "cpu,cpuacct" names two */
	for (; (p = strstr(p, controller)); p += n)
		if ((p == key || p[-1] == ',') && (p[n] == ',' || p[n] == '\0'))
			return true;
	return false;
}

struct json *anatomy_cgroups(struct arena *a, const struct json *paths)
{
	struct json *list = json_new_array(a);

	for (JSON_EACH(it, paths)) {
		auto_close int dir = -1;
		const char *key = json_iter_key(it), *path = json_str(it.value);
		struct json *limits = json_new_object(a), *use = json_new_object(a);

		if (!path || file_open(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, &dir, NULL) < 0)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(cgroup_files); i++) {
			const char *text = controls(key, cgroup_files[i].controller) ?
						   read_line(a, dir, cgroup_files[i].file) : NULL;

			if (text)
				json_set(a, cgroup_files[i].is_limit ? limits : use, cgroup_files[i].label,
					 cgroup_value(a, text, cgroup_files[i].is_limit));
		}
		json_append(a, list, json_obj(a, "Controller", json_new_str(a, *key ? key : "unified"), "Path",
					      json_new_str(a, path), "Limits", limits, "Use", use, NULL));
	}
	return list;
}

/* --- layers --- */

static int layers(struct engine *g, struct arena *a, const struct ctr *c, struct json **ret, struct dv_err *e)
{
	struct json *list = json_new_array(a);
	struct image_history h = { 0 };
	struct image *img = NULL;
	int r = image_resolve(engine_images(g), a, c->image, &img, e);

	if (r < 0 || (r = image_history(a, img, &h, e)) < 0)
		return r;
	for (size_t i = 0; i < h.n; i++) {
		const struct image_step *s = &h.v[i];

		json_append(a, list,
			    json_obj(a, "CreatedBy", json_new_str(a, s->created_by), "Created",
				     s->created ? json_new_str(a, s->created) : NULL, "Comment", json_new_str(a, s->comment),
				     "DiffId", s->layer ? json_new_str(a, s->layer->diff_id) : NULL, "Directory",
				     s->layer ? json_new_str(a, arena_printf(a, "%s/%s", engine_root(g), s->layer->dir)) : NULL,
				     "Size", s->layer ? json_new_u64(a, s->layer->size) : NULL, "Writable",
				     json_new_bool(a, false), NULL));
	}
	json_append(a, list, json_obj(a, "CreatedBy", json_new_str(a, "the container itself"), "Directory",
				      json_new_str(a, arena_printf(a, "%s/containers/%s/upper", engine_root(g), c->id)),
				      "Writable", json_new_bool(a, true), NULL));
	*ret = list;
	return 0;
}

/* --- all of it --- */

static int process_blocks(struct engine *g, struct arena *a, const struct ctr *c, struct json *j, struct dv_err *e)
{
	auto_container struct container oc = CONTAINER_NONE;
	auto_close int proc = -1;
	struct json *namespaces, *mounts, *limits;
	int r;

	r = file_open(AT_FDCWD, arena_printf(a, "/proc/%d", (int)c->init.pid), O_RDONLY | O_DIRECTORY, 0, &proc, e);
	/* Opened first, checked after: the directory then is that process'. */
	if (r == -DV_NOT_FOUND || !ctr_init_alive(g, c))
		return dv_fail(e, DV_CONFLICT, "the container has just ended");
	if (r < 0 || (r = anatomy_namespaces(a, proc, &namespaces, e)) < 0 || (r = anatomy_mounts(a, proc, &mounts, e)) < 0 ||
	    (r = anatomy_limits(a, proc, &limits, e)) < 0)
		return r;
	json_set(a, j, "Namespaces", namespaces);
	if (container_open(a, engine_oci_root(g), c->id, false, &oc, NULL) >= 0)
		json_set(a, j, "Cgroups", anatomy_cgroups(a, oc.state.cgroup));
	if ((r = anatomy_status(a, proc, j, e)) < 0 || (r = anatomy_maps(a, proc, j, e)) < 0)
		return r;
	json_set(a, j, "Limits", limits);
	json_set(a, j, "Mounts", mounts);
	return 0;
}

int anatomy_read(struct engine *g, struct arena *a, const struct ctr *c, struct json **ret, struct dv_err *e)
{
	bool running = c->status == CTR_RUNNING;
	struct json *j = json_obj(a, "Id", json_new_str(a, c->id), "Name", json_new_str(a, c->name), "Image",
				  json_new_str(a, c->image_ref), "Status", json_new_str(a, ctr_status_name(c->status)), "Pid",
				  json_new_i64(a, running ? c->init.pid : 0), NULL), *list;
	int r = running ? process_blocks(g, a, c, j, e) : 0;

	if (r < 0 || (r = layers(g, a, c, &list, e)) < 0)
		return r;
	json_set(a, j, "Layers", list);
	*ret = j;
	return 0;
}
