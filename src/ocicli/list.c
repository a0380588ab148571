/* list.c - list and ps: what there is. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "ocicli/ocicli.h"
#include "ocicli/pstable.h"
#include "ui/table.h"

static const char *const formats[] = { "table", "json", NULL };

struct list_args {
	const char *format;
	bool quiet;
};
static const struct opt list_opts[] = {
	{ .name = "format", .letter = 'f', .kind = OPT_STR, .arg = "FORMAT", .values = formats,
	  .offset = offsetof(struct list_args, format), .help = "Format of the list (default table)" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = offsetof(struct list_args, quiet),
	  .help = "Only the ids" },
	{ 0 }
};

static struct json *list_entry(struct arena *a, const struct container *box)
{
	struct json *j = state_json(a, &box->state, box->status,
				    box->status == STATUS_STOPPED ? 0 : box->state.init.pid);

	if (!json_get(j, "pid"))
		json_set(a, j, "pid", json_new_i64(a, 0));
	json_set(a, j, "rootfs", json_new_str(a, box->state.rootfs));
	json_set(a, j, "created", json_new_str(a, box->state.created));
	json_set(a, j, "owner", json_new_str(a, box->state.owner ?: ""));
	return j;
}

static struct json *list_all(struct verb_call *c, char **ids, size_t n)
{
	const struct oci_globals *g = c->globals;
	struct json *list = json_new_array(c->arena);

	for (size_t i = 0; i < n; i++) {
		auto_container struct container box = CONTAINER_NONE;

		/* Half made or just gone: not there. */
		if (container_open(c->arena, g->root, ids[i], false, &box, NULL) >= 0)
			json_append(c->arena, list, list_entry(c->arena, &box));
	}
	return list;
}

static void print_table(struct arena *a, const struct json *list)
{
	static const char *const headers[] = { "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER", NULL };
	struct table *t = table_new(a, headers);

	for (JSON_EACH(it, list)) {
		const char *const cells[] = {
			json_str(json_get(it.value, "id")),      json_num_text(json_get(it.value, "pid")),
			json_str(json_get(it.value, "status")),  json_str(json_get(it.value, "bundle")),
			json_str(json_get(it.value, "created")), json_str(json_get(it.value, "owner")),
		};

		table_row(t, cells);
	}
	table_print(t, stdout, false, false);
}

static int list_run(struct verb_call *c, struct dv_err *e)
{
	const struct list_args *a = c->args;
	auto_close int root = -1;
	char **ids = NULL;
	size_t n = 0;
	int r = state_root_open(((struct oci_globals *)c->globals)->root, false, &root, e);

	if (r >= 0)
		r = state_list(root, c->arena, &ids, &n, e);
	if (r < 0 && r != -DV_NOT_FOUND)
		return r;
	if (a->quiet) {
		for (size_t i = 0; i < n; i++)
			(void)puts(ids[i]);
		return 0;
	}
	if (a->format && streq(a->format, "json"))
		return oci_print(c->arena, list_all(c, ids, n), JSON_COMPACT, e);
	print_table(c->arena, list_all(c, ids, n));
	return 0;
}

static const char *const list_aliases[] = { "ls", NULL };
const struct verb verb_list = {
	.name = "list", .aliases = list_aliases, .summary = "List the containers of this state directory",
	.opts = list_opts, .args_size = sizeof(struct list_args), .run = list_run,
};

/* --- ps --- */

#define PIDS_MAX 100000

/* The number of the pid namespace; 0 when the process is gone or not ours to look at. */
static ino_t pid_namespace(int proc, const char *pid)
{
	struct stat st;
	char path[64];

	(void)snprintf(path, sizeof path, "%.20s/ns/pid", pid);
	return fstatat(proc, path, &st, 0) == 0 ? st.st_ino : 0;
}

/* Without a cgroup: who lives in the pid namespace of the first process, unless that is our own. */
static int pids_by_namespace(struct arena *a, pid_t init, pid_t **ret, size_t *ret_n, struct dv_err *e)
{
	DIR *d = opendir("/proc");
	char first[24];
	struct dirent *de;
	size_t cap = 16;
	uint64_t pid;

	if (!d)
		return dv_fail_errno(e, errno, "read /proc");
	(void)snprintf(first, sizeof first, "%d", (int)init);
	ino_t want = pid_namespace(dirfd(d), first), own = pid_namespace(dirfd(d), "self");

	*ret = arena_array(a, pid_t, cap);
	*ret_n = 0;
	while ((de = readdir(d)) && *ret_n < PIDS_MAX) {
		if (str_u64(de->d_name, INT32_MAX, "pid", &pid, NULL) < 0)
			continue;
		if ((pid_t)pid != init && (want == own || pid_namespace(dirfd(d), de->d_name) != want))
			continue;
		if (*ret_n == cap) {
			pid_t *more = arena_array(a, pid_t, 2 * cap);

			memcpy(more, *ret, cap * sizeof *more);
			*ret = more;
			cap *= 2;
		}
		(*ret)[(*ret_n)++] = (pid_t)pid;
	}
	(void)closedir(d);
	return 0;
}

static int ps_run(struct verb_call *c, struct dv_err *e)
{
	const struct list_args *a = c->args;
	auto_container struct container box = CONTAINER_NONE;
	struct json *list;
	pid_t *pids;
	size_t n;
	int r;

	if ((r = oci_open(c, false, &box, e)) < 0 || (r = cgroup_pids(box.cgroup, c->arena, &pids, &n, e)) < 0)
		return r;
	if (n == 0 && box.status != STATUS_STOPPED &&
	    (r = pids_by_namespace(c->arena, box.state.init.pid, &pids, &n, e)) < 0)
		return r;
	if (!a->format || streq(a->format, "table"))
		return pstable_print(c->arena, pids, n, e);
	list = json_new_array(c->arena);
	for (size_t i = 0; i < n; i++)
		json_append(c->arena, list, json_new_i64(c->arena, pids[i]));
	return oci_print(c->arena, list, JSON_COMPACT, e);
}

static const struct opt ps_opts[] = {
	{ .name = "format", .letter = 'f', .kind = OPT_STR, .arg = "FORMAT", .values = formats,
	  .offset = offsetof(struct list_args, format), .help = "Format of the list (default table)" },
	{ 0 }
};
const struct verb verb_ps = {
	.name = "ps", .operands = "CONTAINER", .operands_min = 1, .operands_max = 100, .stop_at_operand = true,
	.summary = "List the processes of a container", .opts = ps_opts, .args_size = sizeof(struct list_args),
	.run = ps_run,
};
