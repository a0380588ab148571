/* spec.c - decode and validate config.json. */
#include <string.h>

#include "base/str.h"
#include "oci/netdev.h"
#include "oci/spec.h"

/* --- schemas, inner ones first --- */

DV_VIEW_SCHEMA(spec_root, SPEC_ROOT_VIEW);
DV_VIEW_SCHEMA(spec_id_map, SPEC_ID_MAP_VIEW);
DV_VIEW_SCHEMA(spec_mount, SPEC_MOUNT_VIEW);
DV_VIEW_SCHEMA(spec_user, SPEC_USER_VIEW);
DV_VIEW_SCHEMA(spec_caps, SPEC_CAPS_VIEW);
DV_VIEW_SCHEMA(spec_rlimit, SPEC_RLIMIT_VIEW);
DV_VIEW_SCHEMA(spec_scheduler, SPEC_SCHEDULER_VIEW);
DV_VIEW_SCHEMA(spec_io_priority, SPEC_IO_PRIORITY_VIEW);
DV_VIEW_SCHEMA(spec_affinity, SPEC_AFFINITY_VIEW);
DV_VIEW_SCHEMA(spec_process, SPEC_PROCESS_VIEW);
DV_VIEW_SCHEMA(spec_hook, SPEC_HOOK_VIEW);
DV_VIEW_SCHEMA(spec_hooks, SPEC_HOOKS_VIEW);
DV_VIEW_SCHEMA(spec_namespace, SPEC_NAMESPACE_VIEW);
DV_VIEW_SCHEMA(spec_device, SPEC_DEVICE_VIEW);
DV_VIEW_SCHEMA(spec_personality, SPEC_PERSONALITY_VIEW);
DV_VIEW_SCHEMA(spec_memory_policy, SPEC_MEMORY_POLICY_VIEW);
DV_VIEW_SCHEMA(spec_rdt, SPEC_RDT_VIEW);
DV_VIEW_SCHEMA(spec_linux, SPEC_LINUX_VIEW);
DV_VIEW_SCHEMA(spec, SPEC_VIEW);

/* --- validation --- */

static int check_version(const char *v, struct dv_err *e)
{
	struct scan s = scan_of(v, strlen(v));
	uint64_t major, minor;

	if (!scan_u64(&s, &major) || !scan_char(&s, '.') || !scan_u64(&s, &minor) || !scan_char(&s, '.'))
		return dv_fail(e, DV_INVALID, "ociVersion: \"%s\" is not a version such as 1.2.0", v);
	if (major != 1)
		return dv_fail(e, DV_INVALID, "ociVersion: %s is not supported, only 1.x", v);
	return 0;
}

static int check_process(const struct spec_process *p, const char *where, struct dv_err *e)
{
	if (p->cwd[0] != '/')
		return dv_fail(e, DV_INVALID, "%scwd: \"%s\" is not an absolute path", where, p->cwd);
	if (p->args && !p->args[0])
		return dv_fail(e, DV_INVALID, "%sargs: at least one argument is wanted", where);
	for (size_t i = 0; p->env && p->env[i]; i++)
		if (!strchr(p->env[i], '=') || p->env[i][0] == '=')
			return dv_fail(e, DV_INVALID, "%senv[%zu]: \"%s\" is not NAME=VALUE", where, i, p->env[i]);
	for (size_t i = 0; i < p->rlimits.n; i++) {
		const struct spec_rlimit *r = view_at(&p->rlimits, struct spec_rlimit, i);

		for (size_t k = 0; k < i; k++)
			if (streq(view_at(&p->rlimits, struct spec_rlimit, k)->type, r->type))
				return dv_fail(e, DV_INVALID, "%srlimits[%zu]: %s is there twice", where, i,
					       r->type);
	}
	return 0;
}

static int check_mounts(const struct spec *s, struct dv_err *e)
{
	for (size_t i = 0; i < s->mounts.n; i++) {
		const struct spec_mount *m = view_at(&s->mounts, struct spec_mount, i);

		if (!*m->destination)
			return dv_fail(e, DV_INVALID, "mounts[%zu].destination: is empty", i);
		if ((m->uid_maps.n == 0) != (m->gid_maps.n == 0))
			return dv_fail(e, DV_INVALID, "mounts[%zu]: uidMappings and gidMappings go together", i);
	}
	return 0;
}

static int check_hooks(const struct view_list *hooks, const char *kind, struct dv_err *e)
{
	for (size_t i = 0; i < hooks->n; i++) {
		const struct spec_hook *h = view_at(hooks, struct spec_hook, i);

		if (h->path[0] != '/')
			return dv_fail(e, DV_INVALID, "hooks.%s[%zu].path: \"%s\" is not an absolute path", kind, i,
				       h->path);
		if (h->timeout.set && h->timeout.v <= 0)
			return dv_fail(e, DV_INVALID, "hooks.%s[%zu].timeout: must be greater than 0", kind, i);
	}
	return 0;
}

static int check_all_hooks(const struct spec_hooks *h, struct dv_err *e)
{
	const struct {
		const struct view_list *list;
		const char *name;
	} kinds[] = {
		{ &h->prestart, "prestart" },
		{ &h->create_runtime, "createRuntime" },
		{ &h->create_container, "createContainer" },
		{ &h->start_container, "startContainer" },
		{ &h->poststart, "poststart" },
		{ &h->poststop, "poststop" },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		int r = check_hooks(kinds[i].list, kinds[i].name, e);

		if (r < 0)
			return r;
	}
	return 0;
}

/* What only makes sense inside a namespace of its own: the host's must not be changed. */
static int check_linux(const struct spec *s, struct dv_err *e)
{
	const struct spec_linux *l = s->linux_;
	bool has_user = false, has_uts = false, has_mnt = false, has_time = false,
	     has_net = false;

	for (size_t i = 0; i < l->namespaces.n; i++) {
		const struct spec_namespace *n = view_at(&l->namespaces, struct spec_namespace, i);

		has_user |= streq(n->type, "user");
		has_uts |= streq(n->type, "uts");
		has_mnt |= streq(n->type, "mount");
		has_time |= streq(n->type, "time");
		has_net |= streq(n->type, "network");
	}
	if (l->uid_maps.n && !has_user)
		return dv_fail(e, DV_INVALID, "linux.uidMappings: wants a user namespace");
	if (json_len(l->net_devices) && !has_net)
		return dv_fail(e, DV_INVALID, "linux.netDevices: wants a network namespace");
	if (json_len(l->time_offsets) && !has_time)
		return dv_fail(e, DV_INVALID, "linux.timeOffsets: wants a time namespace");
	if (s->hostname && *s->hostname && !has_uts)
		return dv_fail(e, DV_INVALID, "hostname: unable to set hostname without a private UTS namespace");
	if (s->domainname && *s->domainname && !has_uts)
		return dv_fail(e, DV_INVALID, "domainname: unable to set domainname without a private UTS namespace");
	if (!has_mnt && (s->mounts.n || (l->masked_paths && l->masked_paths[0]) ||
			 (l->readonly_paths && l->readonly_paths[0])))
		return dv_fail(e, DV_INVALID,
			       "mounts, maskedPaths and readonlyPaths want a private mount namespace");
	for (size_t i = 0; i < l->devices.n; i++) {
		const char *path = view_at(&l->devices, struct spec_device, i)->path;

		if (path[0] != '/' || spec_path_climbs(path))
			return dv_fail(e, DV_INVALID, "linux.devices[%zu].path: \"%s\" is not an absolute path", i, path);
	}
	if (l->cgroups_path && spec_path_climbs(l->cgroups_path))
		return dv_fail(e, DV_INVALID, "linux.cgroupsPath: \"%s\" has a \"..\"", l->cgroups_path);
	return netdev_check(l->net_devices, e);
}

int spec_decode(struct arena *a, const struct json *config, struct spec *ret, struct dv_err *e)
{
	struct spec s;
	int r = view_decode(a, config, &spec_schema, "", &s, e);

	if (r < 0)
		return r;
	if (!s.linux_)
		s.linux_ = arena_new(a, struct spec_linux);
	if (!*((struct spec_root *)s.root)->path)
		return dv_fail(e, DV_INVALID, "root.path: is empty");
	if ((r = check_version(s.version, e)) < 0 ||
	    (s.process && (r = check_process(s.process, "process.", e)) < 0) ||
	    (r = check_mounts(&s, e)) < 0 || (s.hooks && (r = check_all_hooks(s.hooks, e)) < 0) ||
	    (r = check_linux(&s, e)) < 0)
		return r;
	*ret = s;
	return 0;
}

int spec_process_decode(struct arena *a, const struct json *j, struct spec_process *ret, struct dv_err *e)
{
	struct spec_process p;
	int r = view_decode(a, j, &spec_process_schema, "", &p, e);

	if (r < 0 || (r = check_process(&p, "", e)) < 0)
		return r;
	*ret = p;
	return 0;
}

bool spec_path_climbs(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
			return true;
	return false;
}

const char *spec_env_get(const char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; env && *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

/* --- the default configuration --- */

static const char *const default_caps[] = { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE", NULL };
static const char *const default_masked[] = {
	"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
	"/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi", NULL
};
static const char *const default_readonly[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL
};

struct default_mount {
	const char *destination, *type, *source;
	const char *options;     /* comma-separated */
	enum { BOTH, ROOT_ONLY, ROOTLESS_ONLY } when;
};
static const struct default_mount default_mounts[] = {
	{ "/proc", "proc", "proc", NULL, BOTH },
	{ "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k", BOTH },
	{ "/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5", ROOT_ONLY },
	{ "/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620", ROOTLESS_ONLY },
	{ "/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k", BOTH },
	{ "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev", BOTH },
	{ "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro", ROOT_ONLY },
	{ "/sys", "none", "/sys", "rbind,nosuid,noexec,nodev,ro", ROOTLESS_ONLY },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro", ROOT_ONLY },
};

static struct json *default_mount_list(struct arena *a, bool rootless)
{
	struct json *list = json_new_array(a);

	for (size_t i = 0; i < ARRAY_LEN(default_mounts); i++) {
		const struct default_mount *m = &default_mounts[i];
		char **opts = m->options ? str_split(a, m->options, ',', NULL) : NULL;

		if (m->when == (rootless ? ROOT_ONLY : ROOTLESS_ONLY))
			continue;
		json_append(a, list,
			    json_obj(a, "destination", json_new_str(a, m->destination), "type",
				     json_new_str(a, m->type), "source", json_new_str(a, m->source), "options",
				     opts ? json_new_strs(a, (const char *const *)opts) : NULL, NULL));
	}
	return list;
}

static struct json *default_namespaces(struct arena *a, bool rootless)
{
	static const char *const rooted[] = { "pid", "network", "ipc", "uts", "mount", "cgroup", NULL };
	static const char *const unrooted[] = { "pid", "ipc", "uts", "mount", "cgroup", "user", NULL };
	struct json *list = json_new_array(a);

	for (const char *const *p = rootless ? unrooted : rooted; *p; p++)
		json_append(a, list, json_obj(a, "type", json_new_str(a, *p), NULL));
	return list;
}

static struct json *one_id_map(struct arena *a, int64_t host_id)
{
	struct json *list = json_new_array(a);

	json_append(a, list, json_obj(a, "containerID", json_new_i64(a, 0), "hostID", json_new_i64(a, host_id), "size",
				      json_new_i64(a, 1), NULL));
	return list;
}

static struct json *default_process(struct arena *a)
{
	static const char *const args[] = { "sh", NULL };
	static const char *const env[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
					   "TERM=xterm", NULL };
	struct json *caps = json_new_object(a), *limits = json_new_array(a);

	json_set(a, caps, "bounding", json_new_strs(a, default_caps));
	json_set(a, caps, "effective", json_new_strs(a, default_caps));
	json_set(a, caps, "permitted", json_new_strs(a, default_caps));
	json_append(a, limits, json_obj(a, "type", json_new_str(a, "RLIMIT_NOFILE"), "hard", json_new_i64(a, 1024),
					"soft", json_new_i64(a, 1024), NULL));
	return json_obj(a, "terminal", json_new_bool(a, true), "user",
			json_obj(a, "uid", json_new_i64(a, 0), "gid", json_new_i64(a, 0), NULL), "args",
			json_new_strs(a, args), "env", json_new_strs(a, env), "cwd", json_new_str(a, "/"),
			"capabilities", caps, "rlimits", limits, "noNewPrivileges", json_new_bool(a, true), NULL);
}

struct json *spec_default(struct arena *a, bool rootless, uid_t uid, gid_t gid)
{
	struct json *devices = json_new_array(a), *l;

	json_append(a, devices,
		    json_obj(a, "allow", json_new_bool(a, false), "access", json_new_str(a, "rwm"), NULL));
	l = json_obj(a, "uidMappings", rootless ? one_id_map(a, uid) : NULL, "gidMappings",
		     rootless ? one_id_map(a, gid) : NULL, "resources",
		     rootless ? NULL : json_obj(a, "devices", devices, NULL), "namespaces",
		     default_namespaces(a, rootless), "maskedPaths", json_new_strs(a, default_masked),
		     "readonlyPaths", json_new_strs(a, default_readonly), NULL);
	return json_obj(a, "ociVersion", json_new_str(a, SPEC_VERSION), "process", default_process(a), "root",
			json_obj(a, "path", json_new_str(a, "rootfs"), "readonly", json_new_bool(a, true), NULL),
			"hostname", json_new_str(a, "davit"), "mounts", default_mount_list(a, rootless), "linux", l,
			NULL);
}
