/* ns.c - namespaces: what is new, what is joined, and the identity maps of a user namespace. */
#include <errno.h>
#include <inttypes.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "oci/ns.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

const struct ns_type ns_types[NS_COUNT] = {
	[NS_USER] = { "user", "user", CLONE_NEWUSER },       [NS_PID] = { "pid", "pid", CLONE_NEWPID },
	[NS_NET] = { "network", "net", CLONE_NEWNET },       [NS_IPC] = { "ipc", "ipc", CLONE_NEWIPC },
	[NS_UTS] = { "uts", "uts", CLONE_NEWUTS },           [NS_MNT] = { "mount", "mnt", CLONE_NEWNS },
	[NS_CGROUP] = { "cgroup", "cgroup", CLONE_NEWCGROUP }, [NS_TIME] = { "time", "time", CLONE_NEWTIME },
};

static int kind_of(const char *spec_name)
{
	for (int i = 0; i < NS_COUNT; i++)
		if (streq(ns_types[i].spec_name, spec_name))
			return i;
	return -1;
}

static int plan_one(const struct spec_namespace *n, size_t i, struct ns_plan *p, struct dv_err *e)
{
	int kind = kind_of(n->type), r;

	if (kind < 0)
		return dv_fail(e, DV_INVALID, "linux.namespaces[%zu].type: \"%s\" is unknown", i, n->type);
	if (p->mode[kind] != NS_HOST)
		return dv_fail(e, DV_INVALID, "linux.namespaces[%zu]: %s is there twice", i, n->type);
	p->mode[kind] = n->path && *n->path ? NS_JOIN : NS_NEW;
	if (p->mode[kind] == NS_NEW)
		return 0;
	r = file_open(AT_FDCWD, n->path, O_RDONLY, 0, &p->fd[kind], e);
	if (r < 0)
		return dv_wrap(e, "%s namespace", n->type);
	if (ioctl(p->fd[kind], NS_GET_NSTYPE) != ns_types[kind].flag)
		return dv_fail(e, DV_INVALID, "linux.namespaces[%zu].path: %s is not a %s namespace", i, n->path,
			       n->type);
	return 0;
}

int ns_plan_open(const struct spec_linux *l, struct ns_plan *ret, struct dv_err *e)
{
	struct ns_plan p = { 0 };

	for (int i = 0; i < NS_COUNT; i++)
		p.fd[i] = -1;
	for (size_t i = 0; i < l->namespaces.n; i++) {
		int r = plan_one(view_at(&l->namespaces, struct spec_namespace, i), i, &p, e);

		if (r < 0) {
			ns_plan_done(&p);
			return r;
		}
	}
	*ret = p;
	return 0;
}

void ns_plan_done(struct ns_plan *p)
{
	for (int i = 0; i < NS_COUNT; i++)
		fd_close(&p->fd[i]);
}

int ns_plan_flags(const struct ns_plan *p, enum ns_mode mode)
{
	int flags = 0;

	for (int i = 0; i < NS_COUNT; i++)
		if (p->mode[i] == mode)
			flags |= ns_types[i].flag;
	return flags;
}

static int time_offset(const struct json *o, const char *clock, struct buf *b, struct dv_err *e)
{
	int64_t secs = 0, nanos = 0;

	if (!o)
		return 0;
	if (json_get(o, "secs") && !json_i64(json_get(o, "secs"), &secs))
		return dv_fail(e, DV_INVALID, "linux.timeOffsets.%s.secs: a number is wanted", clock);
	if (json_get(o, "nanosecs") && !json_i64(json_get(o, "nanosecs"), &nanos))
		return dv_fail(e, DV_INVALID, "linux.timeOffsets.%s.nanosecs: a number is wanted", clock);
	buf_printf(b, "%s %" PRId64 " %" PRId64 "\n", clock, secs, nanos);
	return 0;
}

int ns_time_offsets(const struct json *offsets, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(256);
	int r;

	if ((r = time_offset(json_get(offsets, "boottime"), "boottime", &b, e)) < 0 ||
	    (r = time_offset(json_get(offsets, "monotonic"), "monotonic", &b, e)) < 0)
		return r;
	if (!b.len)
		return 0;
	r = file_write(AT_FDCWD, "/proc/self/timens_offsets", buf_cstr(&b), e);
	return r < 0 ? dv_wrap(e, "time offsets") : 0;
}

/* --- identity maps --- */

static void maps_text(const struct view_list *maps, struct buf *b)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct spec_id_map *m = view_at(maps, struct spec_id_map, i);

		buf_printf(b, "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", m->container_id.v, m->host_id.v, m->size.v);
	}
}

/* Without rights over the host's ids: the set-uid helpers check /etc/subuid for us. */
static int map_by_helper(const char *helper, pid_t pid, const struct view_list *maps, struct dv_err *e)
{
	auto_arena struct arena a;
	auto_buf struct buf out = BUF_INIT(4096);
	char **argv;
	size_t n = 0;
	int status, r;

	arena_init(&a, 0);
	argv = arena_array(&a, char *, maps->n * 3 + 3);
	argv[n++] = arena_str(&a, helper);
	argv[n++] = arena_printf(&a, "%d", (int)pid);
	for (size_t i = 0; i < maps->n; i++) {
		const struct spec_id_map *m = view_at(maps, struct spec_id_map, i);

		argv[n++] = arena_printf(&a, "%" PRIu32, m->container_id.v);
		argv[n++] = arena_printf(&a, "%" PRIu32, m->host_id.v);
		argv[n++] = arena_printf(&a, "%" PRIu32, m->size.v);
	}
	r = proc_run(&(struct proc_spawn){ .path = helper, .search = true, .argv = argv }, NULL, 0, &out, 10000,
		     &status, e);
	if (r < 0)
		return dv_wrap(e, "map ids of the user namespace");
	if (proc_exit_code(status) != 0) {
		out.len = strcspn(buf_cstr(&out), "\n");
		return dv_fail(e, DV_FORBIDDEN, "map ids of the user namespace: %.*s", (int)out.len, buf_cstr(&out));
	}
	return 0;
}

/* A user may always map their own single id; the kernel wants setgroups denied for the group. */
static int write_one(int procdir, const char *file, const char *helper, pid_t pid, const struct view_list *maps,
		     struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(1 << 16);
	int r;

	if (!maps->n)
		return 0;
	maps_text(maps, &b);
	r = file_write(procdir, file, buf_cstr(&b), e);
	if (r < 0 && e->sys == EPERM && maps->n == 1 && streq(file, "gid_map") &&
	    view_at(maps, struct spec_id_map, 0)->size.v == 1 &&
	    file_write(procdir, "setgroups", "deny", NULL) == 0)
		r = file_write(procdir, file, buf_cstr(&b), e);
	if (r < 0 && e->sys == EPERM && geteuid() != 0)
		return map_by_helper(helper, pid, maps, e);
	return r;
}

int ns_write_maps(pid_t pid, const struct spec_linux *l, struct dv_err *e)
{
	auto_close int procdir = -1;
	char name[32];
	int r;

	(void)snprintf(name, sizeof name, "/proc/%d", (int)pid);
	if ((r = file_open(AT_FDCWD, name, O_PATH | O_DIRECTORY, 0, &procdir, e)) < 0 ||
	    (r = write_one(procdir, "uid_map", "newuidmap", pid, &l->uid_maps, e)) < 0 ||
	    (r = write_one(procdir, "gid_map", "newgidmap", pid, &l->gid_maps, e)) < 0)
		return dv_wrap(e, "user namespace");
	return 0;
}

/* Not the initial one: its map does not cover all ids. */
static bool look_for_user_namespace(void)
{
	char text[4096];
	struct scan s;
	uint64_t inside, outside, n;
	ssize_t len = readlink("/proc/self/ns/user", text, sizeof text - 1);

	/* The first one has the same number on every kernel. */
	if (len == sizeof "user:[4026531837]" - 1 && memcmp(text, "user:[4026531837]", (size_t)len) == 0)
		return false;
	if (file_read_kernel(AT_FDCWD, "/proc/self/uid_map", text, sizeof text, NULL) < 0)
		return false;
	s = scan_of(text, strlen(text));
	scan_blanks(&s);
	if (!scan_u64(&s, &inside))
		return false;
	scan_blanks(&s);
	if (!scan_u64(&s, &outside))
		return false;
	scan_blanks(&s);
	return !scan_u64(&s, &n) || inside != 0 || outside != 0 || n != UINT32_MAX;
}

bool ns_in_user_namespace(void)
{
	static int known = -1;

	if (known < 0)
		known = look_for_user_namespace();
	return known;
}
