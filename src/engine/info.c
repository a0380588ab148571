/* info.c - what the engine and its machine are: docker's info and version.
 *
 * podman's info is another tree, whose texts and templates name the same member differently ("cpus", "CPUs"): both
 * spellings are there, so that scripts of either find theirs.
 */
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/inspect.h"
#include "engine/life.h"
#include "image/driver.h"
#include "image/manifest.h"

#define RELEASE_MAX 16384

struct machine {
	struct arena *a;
	struct utsname u;
	struct platform platform;       /* in the words of images */
	const char *distro, *distro_id, *distro_version;
	const char *cgroup_version;     /* "1", "2" */
	int64_t cpus, mem_total, mem_free;
	bool apparmor;
};

/* --- what is asked of the machine --- */

/* The value of a line KEY=VALUE or KEY="VALUE" of os-release(5); "" without one. */
static const char *release(struct arena *a, const char *text, const char *key)
{
	struct scan s = scan_of(text, strlen(text));
	const char *line;
	size_t len;

	while (scan_until(&s, '\n', &line, &len)) {
		const char *value = str_after(arena_strn(a, line, len), key);
		size_t n = value ? strlen(value) : 0;

		if (!n || *value != '=')
			continue;
		value++;
		n--;
		return n >= 2 && *value == '"' && value[n - 1] == '"' ? arena_strn(a, value + 1, n - 2) : value;
	}
	return "";
}

static void ask_distro(struct machine *m)
{
	auto_buf struct buf b = BUF_INIT(RELEASE_MAX);
	const char *text = "";

	if (file_read(AT_FDCWD, "/etc/os-release", &b, NULL) >= 0 || file_read(AT_FDCWD, "/usr/lib/os-release", &b, NULL) >= 0)
		text = buf_cstr(&b);
	m->distro = release(m->a, text, "PRETTY_NAME");
	m->distro_id = release(m->a, text, "ID");
	m->distro_version = release(m->a, text, "VERSION_ID");
	if (!*m->distro)
		m->distro = m->u.sysname;
}

static struct machine ask(struct arena *a)
{
	struct machine m = { .a = a, .platform = { "linux", "", "" } };
	struct statfs fs;
	char yes[4] = "";
	int64_t page = sysconf(_SC_PAGESIZE);

	(void)uname(&m.u);
	dv_ignore(platform_parse(a, NULL, &m.platform, NULL));
	ask_distro(&m);
	m.cgroup_version = statfs("/sys/fs/cgroup", &fs) == 0 && (unsigned long)fs.f_type == CGROUP2_SUPER_MAGIC ? "2" : "1";
	m.cpus = sysconf(_SC_NPROCESSORS_ONLN);
	m.mem_total = sysconf(_SC_PHYS_PAGES) * page;
	m.mem_free = sysconf(_SC_AVPHYS_PAGES) * page;
	m.apparmor = file_read_kernel(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", yes, sizeof yes, NULL) >= 0 && *yes == 'Y';
	return m;
}

/* --- values --- */

static struct json *str(const struct machine *m, const char *s)
{
	return json_new_str(m->a, s);
}

static struct json *num(const struct machine *m, int64_t n)
{
	return json_new_i64(m->a, n);
}

static struct json *yes(const struct machine *m, bool b)
{
	return json_new_bool(m->a, b);
}

static struct json *strs(const struct machine *m, const char *const *v)
{
	return json_new_strs(m->a, v);
}

/* One member under both of podman's names. */
static void both(const struct machine *m, struct json *obj, const char *json_name, const char *go_name, struct json *v)
{
	json_set(m->a, obj, json_name, v);
	json_set(m->a, obj, go_name, v);
}

/* --- parts --- */

static struct json *now(const struct machine *m)
{
	struct timespec ts;
	struct tm tm = { 0 };
	char text[64];

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	(void)gmtime_r(&ts.tv_sec, &tm);
	(void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	return str(m, arena_printf(m->a, "%s.%09ldZ", text, ts.tv_nsec));
}

static struct json *plugins(const struct machine *m)
{
	static const char *const volume[] = { "local", NULL }, *const network[] = { "bridge", "host", "macvlan", "null", NULL },
		*const log[] = { "journald", "json-file", "local", "none", NULL };

	return json_obj(m->a, "Volume", strs(m, volume), "Network", strs(m, network), "Authorization", json_null(m->a), "Log",
			strs(m, log), NULL);
}

static const char *const *security(const struct machine *m)
{
	static const char *const with[] = { "name=apparmor", "name=seccomp,profile=default", NULL };

	return m->apparmor ? with : with + 1;
}

struct counted {
	uint64_t all, running, paused;
};

static int count(struct engine *g, struct arena *a, struct counted *n, struct dv_err *e)
{
	struct ctr_list list;
	int r = life_list(g, a, &list, e);

	for (size_t i = 0; r >= 0 && i < list.n; i++) {
		const struct ctr *c = list.v[i];

		n->all++;
		n->running += c->status == CTR_RUNNING && !c->paused;
		n->paused += c->status == CTR_RUNNING && c->paused;
	}
	return r;
}

static void counts(const struct machine *m, struct json *j, const struct counted *n, size_t images)
{
	static const char *const names[] = { "MemoryLimit", "SwapLimit", "CpuCfsPeriod", "CpuCfsQuota", "CPUShares", "CPUSet", "PidsLimit",
					     "OomKillDisable", "IPv4Forwarding" };

	json_set(m->a, j, "Containers", json_new_u64(m->a, n->all));
	json_set(m->a, j, "ContainersRunning", json_new_u64(m->a, n->running));
	json_set(m->a, j, "ContainersPaused", json_new_u64(m->a, n->paused));
	json_set(m->a, j, "ContainersStopped", json_new_u64(m->a, n->all - n->running - n->paused));
	json_set(m->a, j, "Images", json_new_u64(m->a, images));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		json_set(m->a, j, names[i], yes(m, true));
}

static void machine_fields(const struct machine *m, struct json *j)
{
	struct arena *a = m->a;

	json_set(a, j, "SystemTime", now(m));
	json_set(a, j, "KernelVersion", str(m, m->u.release));
	json_set(a, j, "OperatingSystem", str(m, m->distro));
	json_set(a, j, "OSVersion", str(m, m->distro_version));
	json_set(a, j, "OSType", str(m, "linux"));
	json_set(a, j, "Architecture", str(m, m->u.machine));
	json_set(a, j, "NCPU", num(m, m->cpus));
	json_set(a, j, "MemTotal", num(m, m->mem_total));
	json_set(a, j, "Name", str(m, m->u.nodename));
}

static void engine_fields(struct engine *g, const struct machine *m, const struct layer_choice *layers, struct json *j)
{
	struct arena *a = m->a;
	struct json *runtime = json_obj(a, "path", str(m, "davit-oci"), NULL);

	json_set(a, j, "LoggingDriver", str(m, "json-file"));
	json_set(a, j, "CgroupDriver", str(m, "cgroupfs"));
	json_set(a, j, "CgroupVersion", str(m, m->cgroup_version));
	json_set(a, j, "Driver", str(m, "overlay2"));
	json_set(a, j, "DriverStatus", json_new_array(a));
	json_set(a, j, "LayerDriver", str(m, layers->driver->name));
	json_set(a, j, "LayerDriverMount", str(m, layers->how));
	json_set(a, j, "LayerDriverWhyNot", str(m, layers->why_not));
	json_set(a, j, "Plugins", plugins(m));
	json_set(a, j, "DockerRootDir", str(m, engine_root(g)));
	json_set(a, j, "DavitRootDir", str(m, engine_root(g)));
	json_set(a, j, "DavitRunDir", str(m, engine_runroot(g)));
	json_set(a, j, "Labels", json_new_array(a));
	json_set(a, j, "ExperimentalBuild", yes(m, false));
	json_set(a, j, "ServerVersion", str(m, DAVIT_VERSION));
	json_set(a, j, "Runtimes", json_obj(a, "davit-oci", runtime, NULL));
	json_set(a, j, "DefaultRuntime", str(m, "davit-oci"));
	json_set(a, j, "Swarm", json_obj(a, "NodeID", str(m, ""), "LocalNodeState", str(m, "inactive"), "ControlAvailable", yes(m, false), NULL));
	/* Containers live on when the command line ends: there is nothing else they could depend on. */
	json_set(a, j, "LiveRestoreEnabled", yes(m, true));
	json_set(a, j, "InitBinary", str(m, "davit-monitor"));
	json_set(a, j, "SecurityOptions", strs(m, security(m)));
	json_set(a, j, "Warnings", json_null(a));
	json_set(a, j, "ClientInfo", json_obj(a, "Version", str(m, DAVIT_VERSION), "Context", str(m, "default"), "Os", str(m, "linux"), "Arch",
					      str(m, m->platform.arch), NULL));
}

/* --- podman's --- */

static struct json *host(const struct machine *m)
{
	struct arena *a = m->a;
	struct json *h = json_new_object(a), *runtime, *security, *distro;

	runtime = json_new_object(a);
	both(m, runtime, "name", "Name", str(m, "davit-oci"));
	both(m, runtime, "version", "Version", str(m, DAVIT_VERSION));
	security = json_new_object(a);
	both(m, security, "apparmorEnabled", "AppArmorEnabled", yes(m, m->apparmor));
	both(m, security, "rootless", "Rootless", yes(m, geteuid() != 0));
	both(m, security, "seccompEnabled", "SECCOMPEnabled", yes(m, true));
	both(m, security, "selinuxEnabled", "SELinuxEnabled", yes(m, false));
	distro = json_new_object(a);
	both(m, distro, "distribution", "Distribution", str(m, m->distro_id));
	both(m, distro, "version", "Version", str(m, m->distro_version));
	both(m, h, "arch", "Arch", str(m, m->platform.arch));
	both(m, h, "cgroupManager", "CgroupManager", str(m, "cgroupfs"));
	both(m, h, "cgroupVersion", "CgroupsVersion", str(m, arena_printf(a, "v%s", m->cgroup_version)));
	both(m, h, "cpus", "CPUs", num(m, m->cpus));
	both(m, h, "distribution", "Distribution", distro);
	both(m, h, "eventLogger", "EventLogger", str(m, "file"));
	both(m, h, "hostname", "Hostname", str(m, m->u.nodename));
	both(m, h, "kernel", "Kernel", str(m, m->u.release));
	both(m, h, "logDriver", "LogDriver", str(m, "json-file"));
	both(m, h, "memFree", "MemFree", num(m, m->mem_free));
	both(m, h, "memTotal", "MemTotal", num(m, m->mem_total));
	both(m, h, "ociRuntime", "OCIRuntime", runtime);
	both(m, h, "os", "OS", str(m, "linux"));
	both(m, h, "security", "Security", security);
	both(m, h, "serviceIsRemote", "ServiceIsRemote", yes(m, false));
	return h;
}

static struct json *store(struct engine *g, const struct machine *m, const struct json *info)
{
	static const char *const states[][3] = { { "Containers", "number", "Number" }, { "ContainersPaused", "paused", "Paused" },
						 { "ContainersRunning", "running", "Running" }, { "ContainersStopped", "stopped", "Stopped" } };
	struct arena *a = m->a;
	struct json *s = json_new_object(a), *containers = json_new_object(a), *images = json_new_object(a);
	struct statvfs fs = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		both(m, containers, states[i][1], states[i][2], json_copy(a, json_get(info, states[i][0])));
	both(m, images, "number", "Number", json_copy(a, json_get(info, "Images")));
	(void)fstatvfs(engine_rootfd(g), &fs);
	both(m, s, "containerStore", "ContainerStore", containers);
	both(m, s, "graphDriverName", "GraphDriverName", str(m, "overlay"));
	both(m, s, "graphRoot", "GraphRoot", str(m, engine_root(g)));
	both(m, s, "graphRootAllocated", "GraphRootAllocated", json_new_u64(a, (uint64_t)fs.f_blocks * fs.f_frsize));
	both(m, s, "graphRootUsed", "GraphRootUsed", json_new_u64(a, (uint64_t)(fs.f_blocks - fs.f_bfree) * fs.f_frsize));
	both(m, s, "imageStore", "ImageStore", images);
	both(m, s, "runRoot", "RunRoot", str(m, engine_runroot(g)));
	both(m, s, "volumePath", "VolumePath", str(m, arena_printf(a, "%s/volumes", engine_root(g))));
	return s;
}

static struct json *client_version(const struct machine *m)
{
	const char *platform = arena_printf(m->a, "linux/%s", m->platform.arch);

	return json_obj(m->a, "Version", str(m, DAVIT_VERSION), "ApiVersion", str(m, INFO_API_VERSION), "APIVersion",
			str(m, INFO_API_VERSION), "DefaultAPIVersion", str(m, INFO_API_VERSION), "GitCommit", str(m, ""), "GoVersion",
			str(m, ""), "Os", str(m, "linux"), "Arch", str(m, m->platform.arch), "OsArch", str(m, platform), "BuildTime",
			str(m, ""), "Context", str(m, "default"), NULL);
}

/* --- public --- */

int inspect_info(struct engine *g, struct arena *a, struct json **ret, struct dv_err *e)
{
	struct counted n = { 0 };
	struct image_list images;
	struct layer_choice layers;
	struct machine m;
	struct json *j = json_new_object(a);
	int r;

	if ((r = count(g, a, &n, e)) < 0 || (r = image_list(engine_images(g), a, &images, e)) < 0 ||
	    (r = image_layer_choice(engine_images(g), &layers, e)) < 0)
		return r;
	m = ask(a);
	counts(&m, j, &n, images.n);
	machine_fields(&m, j);
	engine_fields(g, &m, &layers, j);
	both(&m, j, "host", "Host", host(&m));
	both(&m, j, "store", "Store", store(g, &m, j));
	both(&m, j, "version", "Version", client_version(&m));
	*ret = j;
	return 0;
}

struct json *inspect_version(struct arena *a)
{
	struct machine m = ask(a);
	struct json *client = client_version(&m), *server, *engine;

	engine = json_obj(a, "Name", str(&m, "Engine"), "Version", str(&m, DAVIT_VERSION), "Details",
			  json_obj(a, "ApiVersion", str(&m, INFO_API_VERSION), "Arch", str(&m, m.platform.arch), "KernelVersion",
				   str(&m, m.u.release), "MinAPIVersion", str(&m, INFO_API_VERSION_MIN), "Os", str(&m, "linux"), NULL), NULL);
	server = json_copy(a, client);
	json_set(a, server, "Platform", json_obj(a, "Name", str(&m, "davit"), NULL));
	json_set(a, server, "Components", json_new_array(a));
	json_append(a, json_get_mut(server, "Components"), engine);
	json_set(a, server, "MinAPIVersion", str(&m, INFO_API_VERSION_MIN));
	json_set(a, server, "KernelVersion", str(&m, m.u.release));
	return json_obj(a, "Client", client, "Server", server, NULL);
}
