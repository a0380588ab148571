/* seccomp_oracle_test.c - our filters and libseccomp's must decide alike.
 *
 * Both programs are interpreted over every call number, every architecture
 * and the values around each compared argument. Numbers beyond the last call
 * a profile names are left to seccomp_test.c where runc's ENOSYS rule, which
 * libseccomp does not have, applies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "oci/seccomp.h"
#include "oci/seccomp_bpf_test.h"
#include "oci/seccomp_default.h"
#include "oci/seccomp_oracle.h"
#include "oci/syscalls.h"

#define VALUES_MAX 512

struct comparison {
	const struct json *profile;
	const struct sock_filter *ours, *theirs;
	size_t n_ours, n_theirs;
	uint64_t values[VALUES_MAX];   /* argument values worth trying */
	unsigned n_values;
	uint32_t default_action;
	unsigned long compared;
	uint64_t seed;
};

/* --- random numbers: xorshift, so that a seed names a profile --- */

static uint64_t state;

static uint64_t rnd(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below ? state % below : state;
}

/* --- values --- */

static void value_add(struct comparison *c, uint64_t v)
{
	for (unsigned i = 0; i < c->n_values; i++)
		if (c->values[i] == v)
			return;
	if (c->n_values < VALUES_MAX)
		c->values[c->n_values++] = v;
}

static void values_around(struct comparison *c, uint64_t v)
{
	value_add(c, v);
	value_add(c, v - 1);
	value_add(c, v + 1);
	value_add(c, v ^ (1ull << 32));
	value_add(c, (uint32_t)v);
	value_add(c, ~v);
}

static void values_collect(struct comparison *c)
{
	c->n_values = 0;
	values_around(c, 0);
	values_around(c, UINT32_MAX);
	for (JSON_EACH(call, json_get(c->profile, "syscalls"))) {
		for (JSON_EACH(arg, json_get(call.value, "args"))) {
			uint64_t v = 0;

			json_u64(json_get(arg.value, "value"), &v);
			values_around(c, v);
			if (json_u64(json_get(arg.value, "valueTwo"), &v))
				values_around(c, v);
		}
	}
}

/* --- comparing --- */

static void check(struct comparison *c, const struct seccomp_data *d)
{
	int64_t ours = bpf_run(c->ours, c->n_ours, d), theirs = bpf_run(c->theirs, c->n_theirs, d);

	c->compared++;
	/* libseccomp knows nothing of this rule: a refusal of a number too high may be ENOSYS */
	if (ours == (SECCOMP_RET_ERRNO | ENOSYS) && theirs == c->default_action)
		return;
	if (ours == theirs)
		return;
	fprintf(stderr, "seed %llu arch %x nr %d args", (unsigned long long)c->seed, d->arch, d->nr);
	for (int i = 0; i < 6; i++)
		fprintf(stderr, " %llx", (unsigned long long)d->args[i]);
	fprintf(stderr, ": ours %llx theirs %llx\n", (unsigned long long)ours, (unsigned long long)theirs);
	auto_arena struct arena a;

	arena_init(&a, 0);
	fprintf(stderr, "%s\n", json_text(&a, c->profile, JSON_COMPACT));
	fail();
}

static void check_number(struct comparison *c, uint32_t arch, uint32_t nr, bool deep)
{
	struct seccomp_data d = { .arch = arch, .nr = (int)nr };
	unsigned tries = deep ? 3 * c->n_values : 2;

	check(c, &d);
	for (unsigned i = 0; i < tries; i++) {
		for (unsigned k = 0; k < 6; k++)
			d.args[k] = c->values[rnd(c->n_values)];
		check(c, &d);
	}
	/* each value in each argument, the others equal */
	for (unsigned i = 0; deep && i < c->n_values; i++) {
		for (unsigned k = 0; k < 6; k++)
			d.args[k] = c->values[i];
		check(c, &d);
	}
}

static bool has_args(const struct comparison *c, uint32_t arch, uint32_t nr)
{
	struct seccomp_data d = { .arch = arch, .nr = (int)nr };
	int64_t first = bpf_run(c->theirs, c->n_theirs, &d);

	for (unsigned i = 0; i < 8; i++) {
		for (unsigned k = 0; k < 6; k++)
			d.args[k] = c->values[rnd(c->n_values)];
		if (bpf_run(c->theirs, c->n_theirs, &d) != first || bpf_run(c->ours, c->n_ours, &d) != first)
			return true;
	}
	return false;
}

static void check_arch(struct comparison *c, const struct syscall_arch *arch)
{
	static const uint32_t starts[] = { 0, 4000, 5000, 6000, 0xf0000, 0x40000000 };
	static const uint32_t lone[] = { 0x3fffffff, 0x7fffffff, 0x80000000, 0xbfffffff, 0xc0000000, 0xfffffffe,
					 0xffffffff };
	uint32_t first = number_of(arch, arch->calls[0]);
	bool has_x32 = arch->audit == AUDIT_ARCH_X86_64;

	for (unsigned s = 0; s < ARRAY_LEN(starts); s++) {
		bool own = (first >= starts[s] && first - starts[s] < 300) || (has_x32 && starts[s] == 0x40000000);

		for (uint32_t i = 0; i <= (own ? 600 : 20); i++)
			check_number(c, arch->audit, starts[s] + i, has_args(c, arch->audit, starts[s] + i));
	}
	for (unsigned i = 0; i < ARRAY_LEN(lone); i++)
		check_number(c, arch->audit, lone[i], false);
}

/* What libseccomp's program says of a number that no architecture has. */
static uint32_t default_of(const struct comparison *c)
{
	const struct json *first = json_at(json_get(c->profile, "architectures"), 0);
	struct seccomp_data d = { .arch = AUDIT_ARCH_X86_64, .nr = 0x3fffffff };

	if (first)
		d.arch = syscall_arch_find(json_str(first))->audit;
	return (uint32_t)bpf_run(c->theirs, c->n_theirs, &d);
}

/* Returns the number of rules libseccomp refused. */
static unsigned compare(struct comparison *c, struct arena *a, const struct json *profile, const char *const *archs)
{
	struct seccomp_filter f;
	struct dv_err e = DV_ERR_NONE;
	unsigned conflicts;

	c->profile = profile;
	if (seccomp_compile(a, profile, &f, &e) == -DV_LIMIT)
		return 0;   /* a random one may be too large for the kernel */
	assert_string_equal(e.msg, "");
	c->ours = f.insns;
	c->n_ours = f.n;
	c->theirs = oracle_compile(a, profile, &c->n_theirs, &conflicts);
	c->default_action = default_of(c);
	values_collect(c);
	for (unsigned i = 0; archs[i] && !conflicts; i++)
		check_arch(c, syscall_arch_find(archs[i]));
	return conflicts;
}

static const char *const little_endian[] = {
	"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_RISCV64",
	"SCMP_ARCH_PPC64LE", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", NULL
};

static const char *const big_endian[] = {
	"SCMP_ARCH_S390X", "SCMP_ARCH_S390", "SCMP_ARCH_PPC64", "SCMP_ARCH_PPC", "SCMP_ARCH_MIPS",
	"SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64", NULL
};

/* --- tests --- */

static const uint64_t cap_sets[] = {
	0, 0xa80425fb /* docker's */, ~0ull, 1ull << CAP_SYS_ADMIN, 1ull << CAP_SYS_PTRACE | 1ull << CAP_SYSLOG,
	1ull << CAP_SYS_TIME | 1ull << CAP_SYS_NICE,
};

static void test_default_profile(void **unused)
{
	for (unsigned i = 0; i < ARRAY_LEN(cap_sets); i++) {
		struct comparison c = { 0 };
		auto_arena struct arena a;

		arena_init(&a, 0);
		state = 88172645463325252ull;
		assert_int_equal(compare(&c, &a, oracle_known(&a, seccomp_default_json(&a, cap_sets[i])), little_endian), 0);
		assert_true(c.compared > 20000);
	}
}

static void run_json(const char *text)
{
	struct comparison c = { 0 };
	struct dv_err e = DV_ERR_NONE;
	struct json *j;
	auto_arena struct arena a;

	arena_init(&a, 0);
	if (json_parse(&a, text, strlen(text), &j, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	state = 88172645463325252ull;
	assert_int_equal(compare(&c, &a, j, little_endian), 0);
}

#define ALL "\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\",\"SCMP_ARCH_ARM\"]"

static void test_shapes(void **unused)
{
	static const char *const profiles[] = {
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\"}",
		"{\"defaultAction\":\"SCMP_ACT_KILL\"}",
		"{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\"," ALL "}",
		"{\"defaultAction\":\"SCMP_ACT_LOG\"," ALL ",\"syscalls\":[{\"names\":[\"read\",\"write\"],"
		"\"action\":\"SCMP_ACT_TRAP\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_TRACE\",\"defaultErrnoRet\":7," ALL ",\"syscalls\":[{\"names\":"
		"[\"getpid\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
		/* unconditional before and after conditional, equal to the default */
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\"," ALL ",\"syscalls\":["
		"{\"names\":[\"open\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":1,\"value\":5,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"open\"],\"action\":\"SCMP_ACT_TRAP\"},"
		"{\"names\":[\"close\"],\"action\":\"SCMP_ACT_TRAP\"},"
		"{\"names\":[\"close\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":5,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"close\"],\"action\":\"SCMP_ACT_KILL\"},"
		"{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\"},"
		"{\"names\":[\"write\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":13}]}",
		/* one index twice; a mask of 0; behind socketcall and ipc */
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\"," ALL ",\"syscalls\":["
		"{\"names\":[\"prctl\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		"{\"index\":0,\"value\":3,\"op\":\"SCMP_CMP_GE\"},{\"index\":0,\"value\":9,\"op\":\"SCMP_CMP_LT\"},"
		"{\"index\":2,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"ioctl\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		"{\"index\":1,\"value\":0,\"valueTwo\":7,\"op\":\"SCMP_CMP_MASKED_EQ\"}]},"
		"{\"names\":[\"ptrace\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		"{\"index\":1,\"value\":1095216660480,\"valueTwo\":7,\"op\":\"SCMP_CMP_MASKED_EQ\"}]},"
		"{\"names\":[\"socket\",\"bind\",\"shmat\",\"semop\",\"recv\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		"{\"index\":0,\"value\":40,\"op\":\"SCMP_CMP_NE\"},{\"index\":1,\"value\":2,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"accept4\",\"msgget\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
		/* different actions of one call */
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\"," ALL ",\"syscalls\":["
		"{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":8,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":0,\"value\":9,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_TRAP\",\"args\":[{\"index\":1,\"value\":4,\"op\":\"SCMP_CMP_EQ\"}]}]}",
	};

	for (unsigned i = 0; i < ARRAY_LEN(profiles); i++)
		run_json(profiles[i]);
}

/* --- random profiles --- */

/* libseccomp merges the rules of a call into one tree and loses its way in it when ranges or
 * inequalities meet other rules. What it does reliably: */
enum shape { ONE_RULE, SINGLE_TESTS, EQUALITIES };

static struct json *random_arg(struct arena *a, unsigned index, enum shape shape)
{
	static const char *const ops[] = { "SCMP_CMP_EQ", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE", "SCMP_CMP_LT",
					   "SCMP_CMP_LE", "SCMP_CMP_GE", "SCMP_CMP_GT" };
	static const unsigned n_ops[] = { [ONE_RULE] = 7, [SINGLE_TESTS] = 3, [EQUALITIES] = 2 };
	static const uint64_t values[] = { 0, 1, 2, 40, 0x7e020000, UINT32_MAX, 1ull << 32, (1ull << 32) + 1,
					   0x7fffffffffffffff, UINT64_MAX, 0x500000005 };
	const char *op = ops[rnd(n_ops[shape])];
	uint64_t value = values[rnd(ARRAY_LEN(values))], two = values[rnd(ARRAY_LEN(values))];

	return json_obj(a, "index", json_new_u64(a, index), "value", json_new_u64(a, value), "valueTwo",
			streq(op, "SCMP_CMP_MASKED_EQ") ? json_new_u64(a, two) : NULL, "op", json_new_str(a, op),
			NULL);
}

static struct json *random_args(struct arena *a, enum shape shape)
{
	unsigned n = shape == SINGLE_TESTS ? 1 : (unsigned)rnd(4);
	struct json *args = json_new_array(a);
	unsigned seen = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned index = (unsigned)rnd(6);

		if (shape == ONE_RULE && seen & 1u << index)
			continue;
		seen |= 1u << index;
		json_append(a, args, random_arg(a, index, shape));
	}
	return args;
}

static const char *const action_names[] = { "ALLOW", "ERRNO", "KILL", "KILL_PROCESS", "TRAP", "TRACE", "LOG" };

static struct json *random_action(struct arena *a, uint64_t pick)
{
	return json_new_str(a, arena_printf(a, "SCMP_ACT_%s", action_names[pick % ARRAY_LEN(action_names)]));
}

/* All rules of a call have one action: what overlapping rules with different ones do is libseccomp's
 * secret (and differs by the order they come in). */
static struct json *random_call(struct arena *a, uint64_t salt, bool *seen)
{
	unsigned id = (unsigned)rnd(syscall_count());
	struct json *names = json_new_array(a);

	id -= id % 3 == ONE_RULE && seen[id] && id ? 1 : 0;
	seen[id] = true;
	json_append(a, names, json_new_str(a, syscall_name(id)));
	return json_obj(a, "names", names, "action", random_action(a, id * 7 + salt), "args",
			rnd(3) ? random_args(a, (enum shape)(id % 3)) : NULL, NULL);
}

static struct json *random_profile(struct arena *a, const char *const *names)
{
	struct json *archs = json_new_array(a), *calls = json_new_array(a);
	bool *seen = arena_array(a, bool, syscall_count());
	uint64_t salt = rnd(1000), n = 1 + rnd(rnd(2) ? 300 : 20);

	for (unsigned i = 0; names[i]; i++)
		if (rnd(3) == 0 || (i == 0 && names == big_endian))
			json_append(a, archs, json_new_str(a, names[i]));
	if (names == little_endian && rnd(2))
		json_append(a, archs, json_new_str(a, "SCMP_ARCH_X32"));
	for (uint64_t i = 0; i < n; i++)
		json_append(a, calls, random_call(a, salt, seen));
	return json_obj(a, "defaultAction", random_action(a, rnd(0)), "architectures", archs, "syscalls", calls, NULL);
}

/* SECCOMP_ORACLE_SEEDS=100: a hundred times as many profiles. */
static uint64_t seeds(void)
{
	const char *text = getenv("SECCOMP_ORACLE_SEEDS");
	uint64_t n = 1;

	if (text)
		assert_int_equal(str_u64(text, 100000, "SECCOMP_ORACLE_SEEDS", &n, NULL), 0);
	return n;
}

static unsigned long compare_random(uint64_t seed, const char *const *archs)
{
	struct comparison c = { .seed = seed };
	auto_arena struct arena a;

	arena_init(&a, 0);
	state = seed * 0x9e3779b97f4a7c15ull;
	assert_int_equal(compare(&c, &a, oracle_known(&a, random_profile(&a, archs)), archs), 0);
	return c.compared;
}

static void test_random_profiles(void **unused)
{
	unsigned long compared = 0;

	for (uint64_t seed = 1; seed <= 16 * seeds(); seed++)
		compared += compare_random(seed, little_endian);
	assert_true(compared > 100000);
}

static void test_random_big_endian(void **unused)
{
	unsigned long compared = 0;

	for (uint64_t seed = 100; seed < 100 + 8 * seeds(); seed++)
		compared += compare_random(seed, big_endian);
	assert_true(compared > 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default_profile),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_random_profiles),
		cmocka_unit_test(test_random_big_endian),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
