/* bundle.c - tables of docker's defaults and the tree made of them. */
#include <stdio.h>

#include "base/str.h"
#include "engine/bundle.h"
#include "engine/etc.h"
#include "engine/limit.h"
#include "engine/security.h"
#include "engine/network.h"
#include "engine/pod.h"
#include "oci/caps.h"
#include "oci/spec.h"

/* Mounts that a flag has a say in. */
enum { RO_UNLESS_PRIVILEGED = 1, PROC_OPTIONS, SHM_SIZE, CGROUP_RIGHTS, READ_ONLY_TMPFS };

static const struct default_mount {
	const char *destination, *type;
	const char *options[8];
	int say;
} default_mounts[] = {
	{ "/proc", "proc", { "nosuid", "noexec", "nodev" }, PROC_OPTIONS },
	{ "/dev", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" }, 0 },
	{ "/sys", "sysfs", { "nosuid", "noexec", "nodev" }, RO_UNLESS_PRIVILEGED },
	{ "/dev/pts", "devpts", { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" }, 0 },
	{ "/dev/shm", "tmpfs", { "nosuid", "noexec", "nodev", "mode=1777" }, SHM_SIZE },
	{ "/dev/mqueue", "mqueue", { "nosuid", "noexec", "nodev" }, 0 },
	{ "/sys/fs/cgroup", "cgroup", { "nosuid", "noexec", "nodev", "relatime" }, CGROUP_RIGHTS },
	{ "/run", "tmpfs", { "nosuid", "nodev", "mode=755", "tmpcopyup" }, READ_ONLY_TMPFS },
	{ "/tmp", "tmpfs", { "nosuid", "nodev", "mode=1777", "tmpcopyup" }, READ_ONLY_TMPFS },
	{ "/var/tmp", "tmpfs", { "nosuid", "nodev", "mode=1777", "tmpcopyup" }, READ_ONLY_TMPFS },
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

static void option(struct arena *a, struct json *options, const char *text)
{
	json_append(a, options, json_new_str(a, text));
}

/* "hidepid=2,subset=pid" */
static void options_of(struct arena *a, struct json *options, const char *text)
{
	size_t n;
	char **words = text ? str_split(a, text, ',', &n) : NULL;

	for (size_t i = 0; words && i < n; i++)
		option(a, options, words[i]);
}

/* The shared memory of the host goes with its IPC, and so does that of a pod. */
static struct json *shared_mount(struct arena *a, const char *path, const char *source)
{
	static const char *const options[] = { "rbind", "rslave", NULL };

	return json_obj(a, "destination", json_new_str(a, path), "type", json_new_str(a, "bind"), "source",
			json_new_str(a, source), "options", json_new_strs(a, options), NULL);
}

/* NULL: the container has no such mount. */
static struct json *default_mount(struct arena *a, const struct default_mount *m, const struct run_request *q,
				  const struct run_config *c)
{
	struct json *options = strs(a, m->options);
	bool shm = m->say == SHM_SIZE;

	if ((shm && c->ns[RUN_NS_IPC].mode == RUN_NS_NONE) || (m->say == READ_ONLY_TMPFS && !(q->read_only && q->read_only_tmpfs)))
		return NULL;
	if (c->ns[RUN_NS_IPC].mode == RUN_NS_HOST && shm)
		return shared_mount(a, m->destination, m->destination);
	if (shm && pod_shm(a, q, c))
		return shared_mount(a, m->destination, pod_shm(a, q, c));
	if (shm)
		option(a, options, arena_printf(a, "size=%lld", (long long)limits_shm(q)));
	if (m->say == PROC_OPTIONS)
		options_of(a, options, c->sec.proc_opts);
	if ((m->say == RO_UNLESS_PRIVILEGED && !q->privileged) || (m->say == CGROUP_RIGHTS && !c->sec.writable_cgroups))
		option(a, options, "ro");
	return json_obj(a, "destination", json_new_str(a, m->destination), "type", json_new_str(a, m->type), "source",
			json_new_str(a, shm ? "shm" : m->type), "options", options, NULL);
}

static struct json *all_mounts(struct arena *a, const struct run_request *q, const struct run_config *c, const char *run_dir)
{
	struct json *own = json_new_array(a), **list, *m;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(default_mounts); i++)
		if ((m = default_mount(a, &default_mounts[i], q, c)))
			json_append(a, own, m);
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

struct json *bundle_user(struct arena *a, const struct user *u)
{
	struct json *groups = json_new_array(a);

	/* The group itself is one of them: otherwise a set-group-id program could drop it, and with it what its files deny. */
	json_append(a, groups, json_new_u64(a, u->gid));
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] != u->gid)
			json_append(a, groups, json_new_u64(a, u->groups[i]));
	return json_obj(a, "uid", json_new_u64(a, u->uid), "gid", json_new_u64(a, u->gid), "additionalGids", groups, NULL);
}

static struct json *process(struct arena *a, const struct run_request *q, const struct run_config *c, const struct user *u,
			    struct json *rlimits)
{
	struct json *env = strs(a, c->env), *user = bundle_user(a, u), *p;

	if (!spec_env_get((const char *const *)c->env, "HOME"))
		json_append(a, env, json_new_str(a, arena_printf(a, "HOME=%s", u->home)));
	json_set(a, user, "umask", json_new_u64(a, c->umask));
	p = json_obj(a, "terminal", json_new_bool(a, q->tty), "user", user, "args", strs(a, c->args), "env", env, "cwd",
		     json_new_str(a, c->cwd), "capabilities", bundle_capabilities(a, c->caps, u->uid), "rlimits", rlimits,
		     "noNewPrivileges", json_new_bool(a, c->sec.no_new_privs), NULL);
	if (c->sec.apparmor)
		json_set(a, p, "apparmorProfile", json_new_str(a, c->sec.apparmor));
	if (q->oom_score_adj.set)
		json_set(a, p, "oomScoreAdj", json_new_i64(a, q->oom_score_adj.v));
	return p;
}

/* --- devices --- */

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

static int devices(struct arena *a, const struct run_request *q, struct json **ret_nodes, struct json **ret_rules,
		   struct dv_err *e)
{
	struct json *nodes = json_new_array(a), *rules = device_rules(a, q->privileged);
	int r = q->privileged ? bundle_host_devices(a, &nodes, e) : 0;

	if (r < 0 || (r = devices_parse(a, q, nodes, rules, e)) < 0)
		return r;
	*ret_nodes = nodes;
	*ret_rules = rules;
	return 0;
}

/* --- all of it --- */

static struct json *namespaces(struct arena *a, const struct run_config *c)
{
	struct json *list = nsmode_json(a, c);

	if (!c->host_network)
		json_append(a, list, json_obj(a, "type", json_new_str(a, "network"), "path",
					      network_netns(c->network) < 0 ? NULL :
					      json_new_str(a, arena_printf(a, "/proc/self/fd/%d", network_netns(c->network))), NULL));
	return list;
}

/* What NET_BIND_SERVICE and NET_RAW are mostly wanted for goes without them in a network of one's own. */
static struct json *sysctls(struct arena *a, const struct run_config *c)
{
	struct json *out = json_new_object(a);

	if (!c->host_network) {
		json_set(a, out, "net.ipv4.ip_unprivileged_port_start", json_new_str(a, "0"));
		json_set(a, out, "net.ipv4.ping_group_range", json_new_str(a, "0 2147483647"));
	}
	for (JSON_EACH(it, c->sysctls))
		json_set(a, out, json_iter_key(it), (struct json *)it.value);
	return out;
}

/* "/PARENT/ID"; a parent without a slash in front is below the root all the same. */
static const char *cgroup_path(struct arena *a, const struct run_request *q, const char *id)
{
	const char *parent = q->cgroup_parent && *q->cgroup_parent ? q->cgroup_parent : "/davit";

	return arena_printf(a, "%s%s/%s", *parent == '/' ? "" : "/", parent, id);
}

static struct json *personality(struct arena *a, const struct run_request *q)
{
	return q->personality ? json_obj(a, "domain", json_new_str(a, q->personality), NULL) : NULL;
}

int bundle_make(struct arena *a, const struct run_request *q, const struct run_config *c, const struct user *u,
		const char *id, const char *run_dir, struct json **ret, struct dv_err *e)
{
	struct json *nodes, *rules, *limits, *rlimits, *l;
	int r;

	if ((r = devices(a, q, &nodes, &rules, e)) < 0 || (r = limits_resources(a, q, c, &limits, e)) < 0 ||
	    (r = limits_rlimits(a, q, &rlimits, e)) < 0)
		return r;
	json_set(a, limits, "devices", rules);
	l = json_obj(a, "resources", limits, "cgroupsPath", json_new_str(a, cgroup_path(a, q, id)), "namespaces",
		     namespaces(a, c), "devices", nodes, "sysctl", sysctls(a, c), "maskedPaths", c->sec.masked, "readonlyPaths",
		     c->sec.readonly, "seccomp", c->sec.seccomp, "personality", personality(a, q), NULL);
	*ret = json_obj(a, "ociVersion", json_new_str(a, SPEC_VERSION), "process", process(a, q, c, u, rlimits), "root",
			json_obj(a, "path", json_new_str(a, "/"), "readonly", json_new_bool(a, q->read_only), NULL),
			"hostname", c->ns[RUN_NS_UTS].mode == RUN_NS_OWN ? json_new_str(a, c->hostname) : NULL, "domainname",
			q->domainname ? json_new_str(a, q->domainname) : NULL, "mounts", all_mounts(a, q, c, run_dir), "annotations",
			c->annotations, "linux", l, NULL);
	return 0;
}
