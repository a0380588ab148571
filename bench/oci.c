/* oci.c - davit-oci against crun and runc, and against a floor that only does the work itself.
 *
 * All run the same bundle, in one private mount namespace without /sys/fs/cgroup/unified (Debian's crun
 * refuses a hybrid layout), one after the other in every round, so that whatever else the machine does hits
 * all of them. Medians of wall time. Before anything is timed each runtime runs a program in that bundle that
 * prints what it sees (names, limits, capabilities, filter): all must print the same.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "bench.h"
#include "bench_bundle.h"
#include "json/json.h"
#include "oci/caps.h"
#include "oci/seccomp_default.h"
#include "oci/spec.h"

#define ROUNDS_DEFAULT 60
#define ROUNDS_MAX 2000
#define OUTPUT_MAX 65536

enum side { OURS, FLOOR, CRUN, RUNC, SIDES };
static const char *const side_names[SIDES] = { "davit-oci", "floor", "crun", "runc" };

static struct arena arena;
static const char *top, *build;         /* work directory, build directory */
static const char *rootfs;
static int rounds = ROUNDS_DEFAULT;

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "bench oci: %s\n", what);
	exit(1);
}

/* --- the bundle --- */

static struct json *config_mounts(void)
{
	struct json *list = json_new_array(&arena);

	for (const struct bench_mount *m = bench_mounts; m->type; m++) {
		char **opts = m->options ? str_split(&arena, m->options, ',', NULL) : NULL;

		json_append(&arena, list,
			    json_obj(&arena, "destination", json_new_str(&arena, arena_printf(&arena, "/%s", m->target)),
				     "type", json_new_str(&arena, m->type), "source", json_new_str(&arena, m->source),
				     "options", json_new_strs(&arena, (const char *const *)opts), NULL));
	}
	return list;
}

static struct json *absolute_paths(const char *const *paths)
{
	struct json *list = json_new_array(&arena);

	for (; *paths; paths++)
		json_append(&arena, list, json_new_str(&arena, arena_printf(&arena, "/%s", *paths)));
	return list;
}

static struct json *namespaces(bool user)
{
	static const char *const kinds[] = { "pid", "network", "ipc", "uts", "mount", NULL };
	struct json *list = json_new_array(&arena);

	for (const char *const *k = kinds; *k; k++)
		json_append(&arena, list, json_obj(&arena, "type", json_new_str(&arena, *k), NULL));
	if (user)
		json_append(&arena, list, json_obj(&arena, "type", json_new_str(&arena, "user"), NULL));
	return list;
}

static struct json *id_map(void)
{
	struct json *list = json_new_array(&arena);

	json_append(&arena, list,
		    json_obj(&arena, "containerID", json_new_i64(&arena, 0), "hostID", json_new_i64(&arena, 100000), "size",
			     json_new_i64(&arena, 65536), NULL));
	return list;
}

static struct json *resources(void)
{
	struct json *j = json_new_object(&arena), *rules = json_new_array(&arena);

	json_append(&arena, rules, json_obj(&arena, "allow", json_new_bool(&arena, false), "access",
					    json_new_str(&arena, "rwm"), NULL));
	json_set(&arena, j, "devices", rules);
	json_set_path(&arena, j, "memory.limit", json_new_i64(&arena, 268435456));
	json_set_path(&arena, j, "pids.limit", json_new_i64(&arena, 100));
	json_set_path(&arena, j, "cpu.period", json_new_i64(&arena, 100000));
	json_set_path(&arena, j, "cpu.quota", json_new_i64(&arena, 150000));
	json_set_path(&arena, j, "cpu.cpus", json_new_str(&arena, "0-1"));
	json_set_path(&arena, j, "cpu.mems", json_new_str(&arena, "0"));
	return j;
}

static struct json *caps(void)
{
	struct json *list = json_new_array(&arena), *sets = json_new_object(&arena);

	for (int i = 0; cap_name(i); i++)
		if (BENCH_CAPS >> i & 1)
			json_append(&arena, list, json_new_str(&arena, cap_name(i)));
	json_set(&arena, sets, "bounding", list);
	json_set(&arena, sets, "effective", json_copy(&arena, list));
	json_set(&arena, sets, "permitted", json_copy(&arena, list));
	return sets;
}

struct variant {
	const char *name;
	bool seccomp, user;
};

static struct json *config(const struct variant *v, const char *const *args)
{
	static const char *const env[] = { "PATH=/usr/bin:/bin", "HOME=/", NULL };
	struct json *j = spec_default(&arena, false, 0, 0), *l = json_new_object(&arena);

	json_set(&arena, j, "ociVersion", json_new_str(&arena, "1.0.2"));
	json_set_path(&arena, j, "process.terminal", json_new_bool(&arena, false));
	json_set_path(&arena, j, "process.args", json_new_strs(&arena, args));
	json_set_path(&arena, j, "process.env", json_new_strs(&arena, env));
	json_set_path(&arena, j, "process.capabilities", caps());
	json_set_path(&arena, j, "process.rlimits", json_new_array(&arena));
	json_set_path(&arena, j, "root.path", json_new_str(&arena, rootfs));
	json_set(&arena, j, "hostname", json_new_str(&arena, BENCH_HOSTNAME));
	json_set(&arena, j, "mounts", config_mounts());
	json_set(&arena, l, "namespaces", namespaces(v->user));
	json_set(&arena, l, "resources", resources());
	json_set(&arena, l, "maskedPaths", absolute_paths(bench_masked));
	json_set(&arena, l, "readonlyPaths", absolute_paths(bench_readonly));
	if (v->user) {
		json_set(&arena, l, "uidMappings", id_map());
		json_set(&arena, l, "gidMappings", id_map());
	}
	if (v->seccomp)
		json_set(&arena, l, "seccomp", seccomp_default_json(&arena, BENCH_CAPS));
	json_set(&arena, j, "linux", l);
	return j;
}

static void write_file(const char *path, const void *data, size_t len)
{
	auto_close int fd = -1;

	if (file_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0644, &fd, NULL) < 0 ||
	    fd_write_all(fd, data, len, path, NULL) < 0)
		die("cannot write the bundle");
}

static const char *make_bundle(const struct variant *v, const char *kind, const char *const *args)
{
	const char *dir = arena_printf(&arena, "%s/%s-%s", top, v->name, kind);
	const char *text = json_text(&arena, config(v, args), JSON_COMPACT);

	if (mkdir(dir, 0755) < 0)
		die("cannot make a bundle");
	write_file(arena_printf(&arena, "%s/config.json", dir), text, strlen(text));
	return dir;
}

static void make_rootfs(void)
{
	static const char *const dirs[] = { "bin", "proc", "sys", "dev", "etc", "tmp", NULL };
	static const char *const applets[] = { "sh", "true", "cat", "hostname", "id", "grep", "sleep", "ls", NULL };
	auto_buf struct buf b = BUF_INIT(16 << 20);

	rootfs = arena_printf(&arena, "%s/rootfs", top);
	if (mkdir(rootfs, 0755) < 0 || file_read(AT_FDCWD, "/bin/busybox", &b, NULL) < 0)
		die("busybox-static is wanted at /bin/busybox");
	for (const char *const *d = dirs; *d; d++)
		(void)mkdir(arena_printf(&arena, "%s/%s", rootfs, *d), 0755);
	write_file(arena_printf(&arena, "%s/bin/busybox", rootfs), b.p, b.len);
	(void)chmod(arena_printf(&arena, "%s/bin/busybox", rootfs), 0755);
	for (const char *const *a = applets; *a; a++)
		(void)!symlink("busybox", arena_printf(&arena, "%s/bin/%s", rootfs, *a));
}

/* --- command lines --- */

static char **argv_of(const char *const *words)
{
	size_t n = 0;
	char **v;

	while (words[n])
		n++;
	v = arena_array(&arena, char *, n + 1);
	for (size_t i = 0; i < n; i++)
		v[i] = arena_str(&arena, words[i]);
	return v;
}

static const char *program(enum side s)
{
	return s == OURS ? arena_printf(&arena, "%s/davit-oci", build) : s == CRUN ? "/usr/bin/crun" : "/usr/sbin/runc";
}

static char **verb_argv(enum side s, const char *verb, const char *bundle, const char *id, const char *extra)
{
	const char *const with_bundle[] = { program(s), "--root", arena_printf(&arena, "%s/state-%s", top, side_names[s]),
					    verb, "--bundle", bundle, id, NULL };
	const char *const without[] = { with_bundle[0], "--root", with_bundle[2], verb, id, extra, NULL };

	return argv_of(bundle ? with_bundle : without);
}

static const char *const hierarchies[] = { "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids",
					   "systemd", NULL };

static char **floor_argv(const struct variant *v)
{
	const char *words[16] = { arena_printf(&arena, "%s/bench/floor", build), rootfs, "bench-floor" };
	size_t n = 3;

	if (v->seccomp)
		words[n++] = arena_printf(&arena, "@%s/filter.bpf", top);
	for (const char *const *h = hierarchies; *h; h++)
		words[n++] = arena_printf(&arena, "/sys/fs/cgroup/%s", *h);
	words[n] = NULL;
	return argv_of(words);
}

/* --- running --- */

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int run_quiet(char **argv)
{
	struct proc_spawn s = { .path = argv[0], .argv = argv };
	int status;
	pid_t pid;

	if (proc_spawn(&s, &pid, NULL, NULL) < 0 || proc_wait(pid, &status, NULL) < 0)
		die("cannot run a program");
	return proc_exit_code(status);
}

static const char *run_output(char **argv)
{
	struct buf out = BUF_INIT(OUTPUT_MAX);
	struct proc_spawn s = { .path = argv[0], .argv = argv };
	struct dv_err e = DV_ERR_NONE;
	int status;

	if (proc_run(&s, NULL, 0, &out, 20000, &status, &e) < 0 || proc_exit_code(status) != 0) {
		fprintf(stderr, "%s: %s%s\n", argv[0], e.msg, buf_cstr(&out));
		die("a side failed");
	}
	return buf_take(&out);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof *v, by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Sequences of commands, one per side; all sides take turns. */
struct contest {
	char **argv[SIDES][6];
	double median[SIDES];
};

static void contest_run(struct contest *c)
{
	double *times[SIDES] = { 0 };

	for (int s = 0; s < SIDES; s++)
		times[s] = arena_array(&arena, double, (size_t)rounds);
	for (int i = -3; i < rounds; i++)       /* three rounds to warm up */
		for (int s = 0; s < SIDES; s++) {
			double start = now_ms();

			for (char ***a = c->argv[s]; *a; a++)
				if (run_quiet(*a) != 0) {
					fprintf(stderr, "%s %s: ", (*a)[0], (*a)[3] ? (*a)[3] : "");
					die("failed while it was timed");
				}
			if (i >= 0)
				times[s][i] = now_ms() - start;
		}
	for (int s = 0; s < SIDES; s++)
		c->median[s] = c->argv[s][0] ? median(times[s], rounds) : 0;
}

/* ours / peer may be at most `most`. */
static void row(const char *name, enum side peer, const struct contest *c, double most)
{
	double ratio = c->median[OURS] / c->median[peer];
	bool ok = most <= 0 || ratio <= most;

	printf("%s vs %s\t%.2f ms\t%.2f ms\t%.3fx\t", name, side_names[peer], c->median[OURS], c->median[peer], ratio);
	printf(most > 0 ? "<=%gx" : "-", most);
	printf("\t%s\n", ok ? "ok" : "MISSED");
	bench_missed += !ok;
}

/* --- comparison before any timing --- */

static const char *const look[] = {
	"/bin/sh", "-c",
	"id -u; hostname; cat /proc/self/cgroup | grep -c . ; grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status;"
	"ls /dev | grep -v core; ls /proc/self/ns | grep -c .; cat /proc/sys/kernel/hostname; cat /proc/keys | grep -c .;"
	"grep -c /proc/ /proc/self/mountinfo",
	NULL
};

static void compare(const struct variant *v)
{
	const char *bundle = make_bundle(v, "look", look);
	const char *ours = run_output(verb_argv(OURS, "run", bundle, "bench-look", NULL));

	for (int s = CRUN; s < SIDES; s++) {
		const char *theirs = run_output(verb_argv(s, "run", bundle, "bench-look", NULL));

		if (!streq(ours, theirs)) {
			fprintf(stderr, "davit-oci:\n%s\n%s:\n%s\n", ours, side_names[s], theirs);
			exit(bench_differ("oci"));
		}
	}
}

/* --- the contests --- */

static void write_filter(void)
{
	struct seccomp_filter f;

	if (seccomp_default_compile(&arena, BENCH_CAPS, &f, NULL) < 0)
		die("the default filter does not compile");
	write_file(arena_printf(&arena, "%s/filter.bpf", top), f.insns, f.n * sizeof *f.insns);
}

static void bench_run_verb(const struct variant *v, double floor_most, double crun_most, double runc_most)
{
	static const char *const args[] = { "/bin/true", NULL };
	const char *bundle = make_bundle(v, "true", args), *label = arena_printf(&arena, "oci run %s", v->name);
	struct contest c = { 0 };

	for (int s = 0; s < SIDES; s++)
		c.argv[s][0] = s == FLOOR ? (v->user ? NULL : floor_argv(v)) : verb_argv(s, "run", bundle, "bench-run", NULL);
	contest_run(&c);
	if (!v->user) {
		row(label, FLOOR, &c, floor_most);
		printf("oci floor %s vs crun\t%.2f ms\t%.2f ms\t%.3fx\t<=0.4x\t%s\n", v->name, c.median[FLOOR],
		       c.median[CRUN], c.median[FLOOR] / c.median[CRUN],
		       c.median[FLOOR] <= 0.4 * c.median[CRUN] ? "ok" : "MISSED");
		bench_missed += c.median[FLOOR] > 0.4 * c.median[CRUN];
	}
	row(label, CRUN, &c, crun_most);
	row(label, RUNC, &c, runc_most);
}

static void bench_life(const struct variant *v)
{
	static const char *const args[] = { "/bin/sleep", "1000", NULL };
	const char *bundle = make_bundle(v, "life", args);
	struct contest c = { 0 };

	for (int s = 0; s < SIDES; s++) {
		if (s == FLOOR)
			continue;
		c.argv[s][0] = verb_argv(s, "create", bundle, "bench-life", NULL);
		c.argv[s][1] = verb_argv(s, "start", NULL, "bench-life", NULL);
		c.argv[s][2] = verb_argv(s, "kill", NULL, "bench-life", "KILL");
		c.argv[s][3] = verb_argv(s, "delete", NULL, "--force", "bench-life");
	}
	contest_run(&c);
	row("oci create+start+kill+delete", CRUN, &c, 0.45);
	row("oci create+start+kill+delete", RUNC, &c, 0);
}

static void bench_exec(const struct variant *v)
{
	static const char *const args[] = { "/bin/sleep", "1000", NULL };
	const char *bundle = make_bundle(v, "exec", args);
	struct contest c = { 0 };

	for (int s = 0; s < SIDES; s++) {
		if (s == FLOOR)
			continue;
		if (run_quiet(verb_argv(s, "create", bundle, "bench-exec", NULL)) != 0 ||
		    run_quiet(verb_argv(s, "start", NULL, "bench-exec", NULL)) != 0)
			die("cannot start the container for exec");
		c.argv[s][0] = verb_argv(s, "exec", NULL, "bench-exec", "/bin/true");
	}
	contest_run(&c);
	for (int s = 0; s < SIDES; s++)
		if (s != FLOOR)
			(void)run_quiet(verb_argv(s, "delete", NULL, "--force", "bench-exec"));
	row("oci exec", CRUN, &c, 0.45);
	row("oci exec", RUNC, &c, 0);
}

/* 500 one after another: the last hundred against the first. All of them stay. */
static void bench_growth(const struct variant *v)
{
	static const char *const args[] = { "/bin/sleep", "1000", NULL };
	const char *bundle = make_bundle(v, "growth", args);
	double first[100], last[100], a, b;

	for (int i = 0; i < 500; i++) {
		const char *id = arena_printf(&arena, "bench-%d", i);
		double start = now_ms();

		if (run_quiet(verb_argv(OURS, "create", bundle, id, NULL)) != 0 ||
		    run_quiet(verb_argv(OURS, "start", NULL, id, NULL)) != 0)
			die("one of 500 containers did not start");
		if (i < 100)
			first[i] = now_ms() - start;
		if (i >= 400)
			last[i - 400] = now_ms() - start;
	}
	for (int i = 0; i < 500; i++)
		(void)run_quiet(verb_argv(OURS, "delete", NULL, "--force", arena_printf(&arena, "bench-%d", i)));
	a = median(first, 100);
	b = median(last, 100);
	printf("oci start of no. 401-500 vs no. 1-100\t%.2f ms\t%.2f ms\t%.3fx\t<=1.25x\t%s\n", b, a, b / a,
	       b <= 1.25 * a ? "ok" : "MISSED");
	bench_missed += b > 1.25 * a;
}

/* --- syscalls and memory --- */

static long count_syscalls(char **argv)
{
	const char *log = arena_printf(&arena, "%s/strace", top);
	const char *words[32] = { "/usr/bin/strace", "-f", "-qq", "-c", "-o", log };
	auto_buf struct buf b = BUF_INIT(1 << 20);
	const char *p;
	size_t n = 6;
	uint64_t calls = 0;
	struct scan s;

	for (; *argv; argv++)
		words[n++] = *argv;
	if (run_quiet(argv_of(words)) != 0 || file_read(AT_FDCWD, log, &b, NULL) < 0)
		die("strace failed (is it installed?)");
	p = strstr(buf_cstr(&b), "100.00");
	for (int field = 0; p && field < 3; field++) {
		p += strcspn(p, " ");
		p += strspn(p, " ");
	}
	s = scan_of(p ? p : "", p ? strlen(p) : 0);
	if (!scan_u64(&s, &calls))
		die("strace printed no total");
	return (long)calls;
}

static void bench_syscalls(const struct variant *v)
{
	static const char *const args[] = { "/bin/true", NULL };
	const char *bundle = make_bundle(v, "strace", args);
	long n[SIDES] = { 0 };

	for (int s = 0; s < SIDES; s++)
		n[s] = count_syscalls(s == FLOOR ? floor_argv(v) : verb_argv(s, "run", bundle, "bench-st", NULL));
	for (int s = FLOOR; s < SIDES; s++)
		printf("oci syscalls vs %s\t%ld\t%ld\t%.3fx\t%s\t%s\n", side_names[s], n[OURS], n[s],
		       (double)n[OURS] / (double)n[s], s == CRUN ? "<300" : s == FLOOR ? "floor<=260" : "-",
		       (s == CRUN && n[OURS] >= 300) || (s == FLOOR && n[FLOOR] > 260) ? "MISSED" : "ok");
	bench_missed += n[OURS] >= 300 || n[FLOOR] > 260;
}

/* ru_maxrss of a child that waits for it: the largest process of the tree. */
static long peak_kib(char **argv)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct rusage ru;
		int code = run_quiet(argv);

		(void)getrusage(RUSAGE_CHILDREN, &ru);
		write_file(arena_printf(&arena, "%s/rss", top), &ru.ru_maxrss, sizeof ru.ru_maxrss);
		_exit(code);
	}
	(void)waitpid(pid, &status, 0);
	{
		auto_buf struct buf b = BUF_INIT(64);
		long kib = 0;

		if (status != 0 || file_read(AT_FDCWD, arena_printf(&arena, "%s/rss", top), &b, NULL) < 0 || b.len != sizeof kib)
			die("cannot measure memory");
		memcpy(&kib, b.p, sizeof kib);
		return kib;
	}
}

static void bench_memory(const struct variant *v)
{
	static const char *const args[] = { "/bin/true", NULL };
	const char *bundle = make_bundle(v, "rss", args);
	long ours = peak_kib(verb_argv(OURS, "run", bundle, "bench-rss", NULL));
	long crun = peak_kib(verb_argv(CRUN, "run", bundle, "bench-rss", NULL));

	printf("oci peak memory %s vs crun\t%ld KiB\t%ld KiB\t%.3fx\t<=1x\t%s\n", v->name, ours, crun,
	       (double)ours / (double)crun, ours <= crun ? "ok" : "MISSED");
	bench_missed += ours > crun;
}

static void bench_size(void)
{
	struct stat st;

	if (stat(program(OURS), &st) < 0)
		die("davit-oci is not built");
	printf("oci size of the program\t%.2f MB\t-\t-\t<1.5 MB\t%s\n", (double)st.st_size / 1e6,
	       st.st_size < 1500000 ? "ok" : "MISSED");
	bench_missed += st.st_size >= 1500000;
}

/* Leaves the layout that all three can work with; nobody else sees it. */
static void private_world(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("needs root");
	(void)umount2("/sys/fs/cgroup/unified", MNT_DETACH);
}

int main(int argc, char **argv)
{
	static const struct variant plain = { "plain", false, false }, seccomp = { "seccomp", true, false },
				    user = { "userns", false, true };
	static char template[] = "/tmp/davit-bench-XXXXXX";
	const char *n = getenv("BENCH_ROUNDS");
	uint64_t v = 0;

	arena_init(&arena, 0);
	if (n && str_u64(n, ROUNDS_MAX, "BENCH_ROUNDS", &v, NULL) == 0 && v > 2)
		rounds = (int)v;
	build = realpath(getenv("BUILD") ?: "build", NULL);
	top = mkdtemp(template);
	if (!build || !top || chmod(top, 0755) < 0)
		die("cannot make a work directory");
	private_world();
	make_rootfs();
	write_filter();
	compare(&plain);
	compare(&seccomp);
	compare(&user);
	bench_run_verb(&plain, 1.3, 0.45, 0.17);
	bench_run_verb(&seccomp, 1.5, 0.12, 0.1);
	bench_run_verb(&user, 0, 0.45, 0.17);
	bench_life(&plain);
	bench_exec(&plain);
	bench_growth(&plain);
	bench_syscalls(&plain);
	bench_memory(&plain);
	bench_size();
	if (getenv("BENCH_KEEP"))     /* for looking at the bundles with strace and perf */
		fprintf(stderr, "bundles are in %s\n", top);
	else
		dv_ignore(file_remove_tree(AT_FDCWD, top, NULL));
	arena_done(&arena);
	return bench_end();
}
