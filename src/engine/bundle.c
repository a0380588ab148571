/* bundle.c - tables of docker's defaults and the tree made of them. */
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "engine/bundle.h"
#include "engine/etc.h"
#include "oci/caps.h"
#include "oci/spec.h"

#define CPU_PERIOD_US 100000
#define NOFILE_DEFAULT 1048576

static const char *const masked[] = {
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
	"/sys/firmware", NULL
};
static const char *const readonly[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL
};

/* ro_unless_privileged stands last in the options. */
static const struct default_mount {
	const char *destination, *type;
	const char *options[8];
	bool ro_unless_privileged;
} default_mounts[] = {
	{ "/proc", "proc", { "nosuid", "noexec", "nodev" }, false },
	{ "/dev", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" }, false },
	{ "/sys", "sysfs", { "nosuid", "noexec", "nodev" }, true },
	{ "/dev/pts", "devpts", { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" }, false },
	{ "/dev/shm", "tmpfs", { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" }, false },
	{ "/dev/mqueue", "mqueue", { "nosuid", "noexec", "nodev" }, false },
	{ "/sys/fs/cgroup", "cgroup", { "nosuid", "noexec", "nodev", "relatime" }, true },
};

static struct json *strs(struct arena *a, const char *const *v)
{
	return json_new_strs(a, v);
}

/* --- mounts --- */

static const char *destination(const struct json *m)
{
	return json_str(json_get(m, "destination"));
}

static bool has_destination(const struct json *mounts, const char *dst)
{
	for (JSON_EACH(it, mounts))
		if (streq(destination(it.value), dst))
			return true;
	return false;
}

static unsigned depth(const char *path)
{
	unsigned n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* Parents before children, whoever asked for them; otherwise the order stays. */
static struct json *by_depth(struct arena *a, struct json **list, size_t n)
{
	struct json *out = json_new_array(a);
	size_t done = 0;

	for (unsigned d = 1; done < n; d++)
		for (size_t i = 0; i < n; i++)
			if (depth(destination(list[i])) == d) {
				json_append(a, out, list[i]);
				done++;
			}
	return out;
}

static struct json *default_mount(struct arena *a, const struct default_mount *m, bool privileged)
{
	struct json *options = strs(a, m->options);

	if (m->ro_unless_privileged && !privileged)
		json_append(a, options, json_new_str(a, "ro"));
	return json_obj(a, "destination", json_new_str(a, m->destination), "type", json_new_str(a, m->type), "source",
			json_new_str(a, m->type), "options", options, NULL);
}

static struct json *all_mounts(struct arena *a, const struct run_request *q, const struct run_config *c, const char *run_dir)
{
	struct json *own = json_new_array(a), **list;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(default_mounts); i++)
		json_append(a, own, default_mount(a, &default_mounts[i], q->privileged));
	etc_mounts(a, run_dir, q, own);
	list = arena_array(a, struct json *, json_len(own) + json_len(c->mounts) + 1);
	for (JSON_EACH(it, own))
		if (!has_destination(c->mounts, destination(it.value)))
			list[n++] = (struct json *)it.value;
	for (JSON_EACH(it, c->mounts))
		list[n++] = (struct json *)it.value;
	return by_depth(a, list, n);
}

/* --- process --- */

/* Names of the bits. */
static struct json *cap_list(struct arena *a, uint64_t caps)
{
	struct json *list = json_new_array(a);

	for (int i = 0; cap_name(i); i++)
		if (caps & CAP_BIT(i))
			json_append(a, list, json_new_str(a, cap_name(i)));
	return list;
}

/* Another user than root gets none at exec anyway; the set only bounds what set-uid programs gain. */
struct json *bundle_capabilities(struct arena *a, uint64_t caps, uid_t uid)
{
	struct json *list = cap_list(a, caps);

	return uid == 0 ? json_obj(a, "bounding", list, "effective", list, "permitted", list, NULL) :
			  json_obj(a, "bounding", list, NULL);
}

static struct json *rlimits(struct arena *a)
{
	struct json *list = json_new_array(a);
	struct rlimit rl;
	rlim_t want = NOFILE_DEFAULT;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_max < want) {
		want = rl.rlim_max;
		log_debug("limit of open files is our own hard limit", "limit", arena_printf(a, "%llu", (unsigned long long)want),
			  NULL);
	}
	json_append(a, list, json_obj(a, "type", json_new_str(a, "RLIMIT_NOFILE"), "soft", json_new_u64(a, want), "hard",
				      json_new_u64(a, want), NULL));
	return list;
}

struct json *bundle_user(struct arena *a, const struct user *u)
{
	struct json *groups = json_new_array(a);

	for (size_t i = 0; i < u->n_groups; i++)
		json_append(a, groups, json_new_u64(a, u->groups[i]));
	return json_obj(a, "uid", json_new_u64(a, u->uid), "gid", json_new_u64(a, u->gid), "additionalGids", groups, NULL);
}

static struct json *process(struct arena *a, const struct run_request *q, const struct run_config *c, const struct user *u)
{
	struct json *env = strs(a, c->env);

	if (!spec_env_get((const char *const *)c->env, "HOME"))
		json_append(a, env, json_new_str(a, arena_printf(a, "HOME=%s", u->home)));
	return json_obj(a, "terminal", json_new_bool(a, q->tty), "user", bundle_user(a, u), "args", strs(a, c->args), "env",
			env, "cwd", json_new_str(a, c->cwd), "capabilities", bundle_capabilities(a, c->caps, u->uid), "rlimits",
			rlimits(a), NULL);
}

/* --- limits --- */

static struct json *device_rule(struct arena *a, bool allow, const char *type, const char *access)
{
	return json_obj(a, "allow", json_new_bool(a, allow), "type", json_new_str(a, type), "access",
			json_new_str(a, access), NULL);
}

static struct json *device_rules(struct arena *a, bool privileged)
{
	struct json *list = json_new_array(a);

	json_append(a, list, device_rule(a, privileged, "a", "rwm"));
	if (!privileged) {
		json_append(a, list, device_rule(a, true, "c", "m"));
		json_append(a, list, device_rule(a, true, "b", "m"));
	}
	return list;
}

/* Where the kernel does not count swap on v1, the doubled default is left out. */
static bool counts_swap(void)
{
	return access("/sys/fs/cgroup/memory", F_OK) < 0 ||
	       access("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes", F_OK) == 0;
}

static struct json *memory(struct arena *a, const struct run_request *q)
{
	int64_t swap = q->memory_swap.v ? q->memory_swap.v : counts_swap() ? 2 * q->memory.v : 0;

	if (!q->memory.v)
		return NULL;
	return json_obj(a, "limit", json_new_i64(a, q->memory.v), "swap", swap ? json_new_i64(a, swap) : NULL, NULL);
}

static struct json *cpu(struct arena *a, const struct run_config *c)
{
	if (!c->nano_cpus)
		return NULL;
	return json_obj(a, "quota", json_new_i64(a, c->nano_cpus / (1000000000 / CPU_PERIOD_US)), "period",
			json_new_i64(a, CPU_PERIOD_US), NULL);
}

static struct json *resources(struct arena *a, const struct run_request *q, const struct run_config *c)
{
	struct json *pids = q->pids.v > 0 ? json_obj(a, "limit", json_new_i64(a, q->pids.v), NULL) : NULL;

	return json_obj(a, "devices", device_rules(a, q->privileged), "memory", memory(a, q), "cpu", cpu(a, c), "pids", pids,
			NULL);
}

/* --- all of it --- */

static struct json *namespaces(struct arena *a, const struct run_config *c)
{
	static const char *const types[] = { "pid", "ipc", "uts", "mount", "cgroup", "network" };
	struct json *list = json_new_array(a);

	for (size_t i = 0; i < ARRAY_LEN(types) - c->host_network; i++)
		json_append(a, list, json_obj(a, "type", json_new_str(a, types[i]), NULL));
	return list;
}

/* What NET_BIND_SERVICE and NET_RAW are mostly wanted for goes without them in a network of one's own. */
static struct json *sysctls(struct arena *a, const struct run_config *c)
{
	if (c->host_network)
		return NULL;
	return json_obj(a, "net.ipv4.ip_unprivileged_port_start", json_new_str(a, "0"), "net.ipv4.ping_group_range",
			json_new_str(a, "0 2147483647"), NULL);
}

int bundle_make(struct arena *a, const struct run_request *q, const struct run_config *c, const struct user *u,
		const char *id, const char *run_dir, struct json **ret, struct dv_err *e)
{
	struct json *devices = NULL, *l;
	int r = q->privileged ? bundle_host_devices(a, &devices, e) : 0;

	if (r < 0)
		return r;
	l = json_obj(a, "resources", resources(a, q, c), "cgroupsPath", json_new_str(a, arena_printf(a, "/davit/%s", id)),
		     "namespaces", namespaces(a, c), "devices", devices, "sysctl", sysctls(a, c), "maskedPaths",
		     q->privileged ? NULL : strs(a, masked), "readonlyPaths", q->privileged ? NULL : strs(a, readonly), NULL);
	*ret = json_obj(a, "ociVersion", json_new_str(a, SPEC_VERSION), "process", process(a, q, c, u), "root",
			json_obj(a, "path", json_new_str(a, "/"), "readonly", json_new_bool(a, q->read_only), NULL),
			"hostname", json_new_str(a, c->hostname), "mounts", all_mounts(a, q, c, run_dir), "linux", l, NULL);
	return 0;
}
