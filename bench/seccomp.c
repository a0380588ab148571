/* seccomp.c - the default profile of containers against libseccomp: compile it, and load it.
 *
 * Loads happen in a child each, which reports its own CPU time: a filter
 * cannot be unloaded, and each one more would slow the next.
 */
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "oci/seccomp.h"
#include "oci/seccomp_bpf_test.h"
#include "oci/seccomp_default.h"
#include "oci/seccomp_oracle.h"

#define DOCKER_CAPS 0xa80425fbull
#define ROUNDS 40
#define COMPILE_TARGET 20
#define LOAD_TARGET 3

struct both {
	const struct json *profile;
	const char *text;
	struct seccomp_filter ours, theirs;
};

/* --- the same decisions? --- */

static bool decide_alike(const struct both *b)
{
	static const uint32_t archs[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 };
	static const uint64_t args[] = { 0, 8, 40, 0x10000000, 0x7e020000, 0xffffffff, ~0ull };

	for (unsigned i = 0; i < 2 * 600 * ARRAY_LEN(args) * 2; i++) {
		uint32_t nr = i % 600 | (i / 600 % 2 ? 0x40000000 : 0);
		struct seccomp_data d = { .arch = archs[i / 1200 % 2], .nr = (int)nr,
					  .args = { args[i / 2400], args[i / 2400] } };
		int64_t ours = bpf_run(b->ours.insns, b->ours.n, &d);

		/* libseccomp has no rule for calls newer than the profile: those give our ENOSYS */
		if (ours != bpf_run(b->theirs.insns, b->theirs.n, &d) && ours != (SECCOMP_RET_ERRNO | 38))
			return false;
	}
	return true;
}

/* --- compiling --- */

static void compile_table(void *ctx)
{
	struct seccomp_filter f;
	auto_arena struct arena a;

	arena_init(&a, 0);
	if (seccomp_default_compile(&a, DOCKER_CAPS, &f, NULL) < 0)
		abort();
}

static void compile_text(void *ctx)
{
	const struct both *b = ctx;
	struct seccomp_filter f;
	struct json *j;
	auto_arena struct arena a;

	arena_init(&a, 0);
	if (json_parse(&a, b->text, strlen(b->text), &j, NULL) < 0 || seccomp_compile(&a, j, &f, NULL) < 0)
		abort();
}

static void compile_tree(void *ctx)
{
	const struct both *b = ctx;
	struct seccomp_filter f;
	auto_arena struct arena a;

	arena_init(&a, 0);
	if (seccomp_compile(&a, b->profile, &f, NULL) < 0)
		abort();
}

static void compile_peer(void *ctx)
{
	const struct both *b = ctx;
	size_t n;
	unsigned conflicts;
	auto_arena struct arena a;

	arena_init(&a, 0);
	(void)oracle_compile(&a, b->profile, &n, &conflicts);
}

/* --- loading --- */

static double load_once(const struct seccomp_filter *f, double *shared_s)
{
	pid_t pid = fork();

	if (pid == 0) {
		double start;
		int fd;

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		start = bench_cpu_s();
		if (seccomp_load(f, &fd, NULL) < 0)
			_exit(1);
		*shared_s = bench_cpu_s() - start;
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		abort();
	return *shared_s;
}

static struct bench_times load_turns(const struct both *b)
{
	struct bench_times best = { 1e9, 1e9 };
	double *shared_s = mmap(NULL, sizeof *shared_s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared_s == MAP_FAILED)
		abort();
	for (unsigned i = 0; i < ROUNDS; i++) {
		double t = load_once(&b->ours, shared_s);

		best.ours = t < best.ours ? t : best.ours;
		t = load_once(&b->theirs, shared_s);
		best.peer = t < best.peer ? t : best.peer;
	}
	return best;
}

static void row_us(const char *name, struct bench_times t, double target)
{
	bench_row(name, "us", t.ours * 1e6, t.peer * 1e6, t.peer / t.ours, target);
}

int main(void)
{
	struct both b = { 0 };
	unsigned conflicts;
	auto_arena struct arena a;

	arena_init(&a, 0);
	b.profile = oracle_known(&a, seccomp_default_json(&a, DOCKER_CAPS));
	b.text = json_text(&a, b.profile, JSON_COMPACT);
	b.theirs.insns = oracle_compile(&a, b.profile, &b.theirs.n, &conflicts);
	if (seccomp_compile(&a, b.profile, &b.ours, NULL) < 0 || !decide_alike(&b))
		return bench_differ("seccomp");
	bench_row("seccomp program (3 archs)", "insns", (double)b.ours.n, (double)b.theirs.n,
		  (double)b.theirs.n / (double)b.ours.n, 0);
	row_us("seccomp compile, own table", bench_turns(compile_table, compile_peer, &b, ROUNDS, 5), COMPILE_TARGET);
	row_us("seccomp compile, JSON tree", bench_turns(compile_tree, compile_peer, &b, ROUNDS, 5), COMPILE_TARGET);
	row_us("seccomp compile, JSON text", bench_turns(compile_text, compile_peer, &b, ROUNDS, 5), COMPILE_TARGET);
	row_us("seccomp load", load_turns(&b), LOAD_TARGET);
	return bench_end();
}
