/* seccomp_test.c - the compiler against a plain reading of the profile, its errors, and real loads.
 *
 * The model below decides a call by walking the JSON rules, slowly and
 * without any program; the interpreted BPF must agree everywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <string.h>

#include "base/str.h"
#include "oci/seccomp.h"
#include "oci/seccomp_bpf_test.h"
#include "oci/seccomp_default.h"
#include "oci/syscalls.h"

/* --- the model --- */

struct model {
	const struct json *profile;
	uint32_t default_action;
	bool enosys;
};

static uint32_t model_action(const struct json *holder, const char *key, const char *errno_key)
{
	static const struct {
		const char *name;
		uint32_t action;
	} actions[] = {
		{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW }, { "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO | EPERM },
		{ "SCMP_ACT_KILL", 0 }, { "SCMP_ACT_LOG", SECCOMP_RET_LOG },
		{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
	};
	uint64_t data;

	for (unsigned i = 0; i < ARRAY_LEN(actions); i++) {
		if (!streq(actions[i].name, json_str(json_get(holder, key))))
			continue;
		if (json_u64(json_get(holder, errno_key), &data))
			return SECCOMP_RET_ERRNO | (uint32_t)data;
		return actions[i].action;
	}
	fail_msg("the model has no such action");
	return 0;
}

static bool model_arg(const struct json *arg, const struct seccomp_data *d, bool wide)
{
	uint64_t index = 0, value = 0, two = 0, mask = wide ? UINT64_MAX : UINT32_MAX, have;
	const char *op = json_str(json_get(arg, "op"));

	json_u64(json_get(arg, "index"), &index);
	json_u64(json_get(arg, "value"), &value);
	json_u64(json_get(arg, "valueTwo"), &two);
	have = d->args[index] & mask;
	if (streq(op, "SCMP_CMP_MASKED_EQ"))
		return (have & value) == (two & value & mask);
	value &= mask;
	return (streq(op, "SCMP_CMP_EQ") && have == value) || (streq(op, "SCMP_CMP_NE") && have != value) ||
	       (streq(op, "SCMP_CMP_LT") && have < value) || (streq(op, "SCMP_CMP_LE") && have <= value) ||
	       (streq(op, "SCMP_CMP_GT") && have > value) || (streq(op, "SCMP_CMP_GE") && have >= value);
}

/* args of one rule must all hold, unless an index comes twice */
static bool model_args(const struct json *args, const struct seccomp_data *d, bool wide)
{
	bool all = true, any = false, repeated = false;
	unsigned seen = 0;

	for (JSON_EACH(it, args)) {
		bool holds = model_arg(it.value, d, wide);
		uint64_t index = 0;

		json_u64(json_get(it.value, "index"), &index);
		repeated |= seen >> index & 1;
		seen |= 1u << index;
		all &= holds;
		any |= holds;
	}
	return repeated ? any : all;
}

static bool model_names(const struct json *call, const char *name)
{
	for (JSON_EACH(it, json_get(call, "names")))
		if (streq(json_str(it.value), name))
			return true;
	return false;
}

/* Profiles of this test give all rules of a call one action, so their order does not matter. */
static uint32_t model_call(const struct model *m, const char *name, const struct seccomp_data *d, bool wide)
{
	for (JSON_EACH(it, json_get(m->profile, "syscalls")))
		if (model_names(it.value, name) && model_args(json_get(it.value, "args"), d, wide))
			return model_action(it.value, "action", "errnoRet");
	return m->default_action;
}

static bool model_has_arch(const struct model *m, const struct syscall_arch *arch)
{
	if (arch == syscall_arch_native())
		return true;
	for (JSON_EACH(it, json_get(m->profile, "architectures")))
		if (streq(json_str(it.value), arch->name))
			return true;
	return false;
}

static uint32_t model_last(const struct model *m, const struct syscall_arch *arch, bool *named)
{
	uint32_t last = 0;

	*named = false;
	for (unsigned i = 0; i < arch->n_calls; i++)
		for (JSON_EACH(it, json_get(m->profile, "syscalls")))
			if (model_names(it.value, syscall_name(syscall_of(arch->calls[i])))) {
				last = number_of(arch, arch->calls[i]);
				*named = true;
			}
	return last;
}

static uint32_t model_decide(const struct model *m, const struct syscall_arch *arch, uint32_t last, bool named,
			     const struct seccomp_data *d)
{
	if (m->enosys && arch->zero_is_unknown && d->nr == 0)
		return SECCOMP_RET_ERRNO | ENOSYS;
	if (m->enosys && named && (uint32_t)d->nr > last)
		return SECCOMP_RET_ERRNO | ENOSYS;
	for (unsigned i = 0; i < arch->n_calls; i++)
		if (number_of(arch, arch->calls[i]) == (uint32_t)d->nr)
			return model_call(m, syscall_name(syscall_of(arch->calls[i])), d, arch->wide);
	return m->default_action;
}

/* --- random profiles, of one seed --- */

static uint64_t state;

static uint64_t rnd(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static const uint64_t values[] = { 0, 1, 2, 3, 0x7fffffff, 0x80000000, UINT32_MAX, 1ull << 32, (1ull << 32) + 1,
				   0x7fffffffffffffff, 1ull << 63, UINT64_MAX };

static struct json *random_args(struct arena *a)
{
	static const char *const ops[] = { "EQ", "MASKED_EQ", "NE", "LT", "LE", "GE", "GT" };
	struct json *args = json_new_array(a);

	for (uint64_t n = rnd(4); n > 0; n--)
		json_append(a, args, json_obj(a, "index", json_new_u64(a, rnd(6)), "value",
					      json_new_u64(a, values[rnd(ARRAY_LEN(values))]), "valueTwo",
					      json_new_u64(a, values[rnd(ARRAY_LEN(values))]), "op",
					      json_new_str(a, arena_printf(a, "SCMP_CMP_%s", ops[rnd(7)])), NULL));
	return args;
}

static const char *const action_names[] = { "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_LOG",
					    "SCMP_ACT_KILL_PROCESS" };

/* Calls behind socketcall and ipc are left to the comparison with libseccomp. */
static unsigned random_id(void)
{
	unsigned id;

	do
		id = (unsigned)rnd(syscall_count());
	while (syscall_mux(id).number || streq(syscall_name(id), "socketcall") || streq(syscall_name(id), "ipc") ||
	       streq(syscall_name(id), "sync_file_range2") || streq(syscall_name(id), "arm_sync_file_range"));
	return id;
}

static struct json *random_profile(struct arena *a)
{
	struct json *archs = json_new_array(a), *calls = json_new_array(a);
	uint64_t salt = rnd(1000);

	for (unsigned i = 0; i < 5; i++)
		json_append(a, archs, json_new_str(a, syscall_archs[rnd(syscall_n_archs)].name));
	for (uint64_t n = 1 + rnd(100); n > 0; n--) {
		unsigned id = random_id();
		struct json *names = json_new_array(a);

		json_append(a, names, json_new_str(a, syscall_name(id)));
		json_append(a, calls, json_obj(a, "names", names, "action",
					       json_new_str(a, action_names[(id + salt) % ARRAY_LEN(action_names)]),
					       "args", rnd(3) ? random_args(a) : NULL, NULL));
	}
	return json_obj(a, "defaultAction", json_new_str(a, action_names[rnd(ARRAY_LEN(action_names))]),
			"architectures", archs, "syscalls", calls, NULL);
}

static void check_call(const struct model *m, const struct seccomp_filter *f, const struct syscall_arch *arch,
		       uint32_t nr, uint32_t last, bool named)
{
	struct seccomp_data d = { .arch = arch->audit, .nr = (int)nr };

	for (unsigned tries = 0; tries < 12; tries++) {
		int64_t ours, want = model_decide(m, arch, last, named, &d);
		uint64_t at_big[6];
		struct seccomp_data seen = d;

		/* the interpreter is little-endian: a big-endian machine has the halves the other way round */
		for (unsigned k = 0; k < 6; k++)
			at_big[k] = d.args[k] << 32 | d.args[k] >> 32;
		if (arch->big_endian)
			memcpy(seen.args, at_big, sizeof at_big);
		ours = bpf_run(f->insns, f->n, &seen);
		if (ours != want)
			fail_msg("%s %u: %llx, the model says %llx", arch->name, nr, (unsigned long long)ours,
				 (unsigned long long)want);
		for (unsigned k = 0; k < 6; k++)
			d.args[k] = values[rnd(ARRAY_LEN(values))];
	}
}

static void check_arch(const struct model *m, const struct seccomp_filter *f, const struct syscall_arch *arch)
{
	bool named;
	uint32_t last = model_last(m, arch, &named);
	struct seccomp_data d = { .arch = arch->audit };

	if (!model_has_arch(m, arch)) {
		d.nr = (int)arch->base;
		if (arch->audit != syscall_arch_native()->audit)
			assert_int_equal(bpf_run(f->insns, f->n, &d), SECCOMP_RET_KILL_THREAD);
		return;
	}
	for (unsigned i = 0; i < arch->n_calls; i++)
		check_call(m, f, arch, number_of(arch, arch->calls[i]), last, named);
	check_call(m, f, arch, arch->base + 900, last, named);
}

static void test_model(void **unused)
{
	for (uint64_t seed = 1; seed <= 24; seed++) {
		struct seccomp_filter f;
		struct dv_err e = DV_ERR_NONE;
		struct model m;
		auto_arena struct arena a;

		arena_init(&a, 0);
		state = seed * 0x9e3779b97f4a7c15ull;
		m.profile = random_profile(&a);
		m.default_action = model_action(m.profile, "defaultAction", "defaultErrnoRet");
		m.enosys = m.default_action != SECCOMP_RET_ALLOW && m.default_action != SECCOMP_RET_LOG;
		assert_int_equal(seccomp_compile(&a, m.profile, &f, &e), 0);
		for (unsigned i = 0; i < syscall_n_archs; i++)
			check_arch(&m, &f, &syscall_archs[i]);
	}
}

/* --- errors --- */

static int compile_text(struct arena *a, const char *text, struct seccomp_filter *f, struct dv_err *e)
{
	struct json *j;
	int r = json_parse(a, text, strlen(text), &j, e);

	return r < 0 ? r : seccomp_compile(a, j, f, e);
}

#define ALLOW(rest) "{\"defaultAction\":\"SCMP_ACT_ALLOW\"" rest "}"
#define CALLS(rest) ALLOW(",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\"}," rest "]")

static void test_errors(void **unused)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "{}", "linux.seccomp.defaultAction" },
		{ "{\"defaultAction\":\"SCMP_ACT_DENY\"}", "linux.seccomp.defaultAction: unknown action \"SCMP_ACT_DENY\"" },
		{ "{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultErrnoRet\":1}", "linux.seccomp.defaultAction: SCMP_ACT_ALLOW takes no errno" },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096}", "linux.seccomp.defaultAction: errno 4096 of" },
		{ ALLOW(",\"architectures\":[\"SCMP_ARCH_X86\",\"SCMP_ARCH_PDP11\"]"), "linux.seccomp.architectures[1]: unknown architecture" },
		{ ALLOW(",\"flags\":[\"SECCOMP_FILTER_FLAG_FAST\"]"), "linux.seccomp.flags[0]: unknown flag" },
		{ CALLS("{\"names\":[\"open\"]}"), "linux.seccomp.syscalls[1].action" },
		{ CALLS("{\"names\":[\"open\"],\"action\":\"deny\"}"), "linux.seccomp.syscalls[1].action: unknown action" },
		{ CALLS("{\"names\":[\"read\",\"write\"],\"action\":\"SCMP_ACT_NOTIFY\"}"), "linux.seccomp.syscalls[1].names[1]: SCMP_ACT_NOTIFY cannot be used for write" },
		{ CALLS("{\"names\":[\"open\"],\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":6,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}"), "linux.seccomp.syscalls[1].args[0]: index 6 is above 5" },
		{ CALLS("{\"names\":[\"open\"],\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":0,\"value\":1,\"op\":\"=\"}]}"), "linux.seccomp.syscalls[1].args[0]: unknown operator \"=\"" },
		{ CALLS("{\"names\":[\"open\"],\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":0,\"value\":-1,\"op\":\"SCMP_CMP_EQ\"}]}"), "linux.seccomp.syscalls[1].args[0].value" },
	};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct seccomp_filter f = { .n = 77 };
		struct dv_err e = DV_ERR_NONE;
		auto_arena struct arena a;

		arena_init(&a, 0);
		assert_int_equal(compile_text(&a, cases[i].text, &f, &e), -DV_INVALID);
		if (!str_starts(e.msg, cases[i].message))
			fail_msg("%s: %s", cases[i].text, e.msg);
		assert_int_equal(f.n, 77);
	}
}

static void test_too_long(void **unused)
{
	struct json *args, *calls, *names, *profile;
	struct seccomp_filter f;
	struct dv_err e = DV_ERR_NONE;
	auto_arena struct arena a;

	arena_init(&a, 0);
	calls = json_new_array(&a);
	names = json_new_array(&a);
	json_append(&a, names, json_new_str(&a, "ioctl"));
	for (uint64_t i = 0; i < 2000; i++) {
		args = json_new_array(&a);
		json_append(&a, args, json_obj(&a, "index", json_new_u64(&a, 1), "value", json_new_u64(&a, i), "op",
					       json_new_str(&a, "SCMP_CMP_GE"), NULL));
		json_append(&a, calls, json_obj(&a, "names", json_copy(&a, names), "action",
						json_new_str(&a, "SCMP_ACT_ALLOW"), "args", args, NULL));
	}
	profile = json_obj(&a, "defaultAction", json_new_str(&a, "SCMP_ACT_ERRNO"), "syscalls", calls, NULL);
	assert_int_equal(seccomp_compile(&a, profile, &f, &e), -DV_LIMIT);
	assert_string_equal(e.msg, "seccomp: the profile needs more than 4096 BPF instructions");
}

/* --- decisions worth a sentence --- */

struct decision {
	const char *what, *profile;
	uint32_t arch;
	uint32_t nr;
	uint64_t arg0;
	uint32_t want;
};

#define ERRNO(n) (SECCOMP_RET_ERRNO | (n))
#define DENY(rest) "{\"defaultAction\":\"SCMP_ACT_ERRNO\"," rest "}"
#define ALLOW_CALLS(names) "\"syscalls\":[{\"names\":[" names "],\"action\":\"SCMP_ACT_ALLOW\"}]"
#define X32_TOO "\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X32\"],"
#define RULE(action, arg, op, value) "{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_" action "\",\"args\":[{" \
	"\"index\":" #arg ",\"op\":\"SCMP_CMP_" op "\",\"value\":" #value "}]}"
#define PERSONALITY 135

static const struct decision decisions[] = {
	{ "newer than all calls of the profile", DENY(ALLOW_CALLS("\"read\",\"mseal\"")), AUDIT_ARCH_X86_64, 463, 0, ERRNO(ENOSYS) },
	{ "older than the newest", DENY(ALLOW_CALLS("\"read\",\"mseal\"")), AUDIT_ARCH_X86_64, 461, 0, ERRNO(EPERM) },
	{ "newer, by its own action", DENY(ALLOW_CALLS("\"read\",\"mseal\"")), AUDIT_ARCH_X86_64, 462, 0, SECCOMP_RET_ALLOW },
	{ "a profile without calls", "{\"defaultAction\":\"SCMP_ACT_ERRNO\"}", AUDIT_ARCH_X86_64, 463, 0, ERRNO(EPERM) },
	{ "a permissive default", ALLOW(",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\"}]"), AUDIT_ARCH_X86_64, 463, 0, SECCOMP_RET_ALLOW },
	{ "a tracing default", "{\"defaultAction\":\"SCMP_ACT_TRACE\",\"defaultErrnoRet\":9," ALLOW_CALLS("\"read\"") "}", AUDIT_ARCH_X86_64, 463, 0, SECCOMP_RET_TRACE | 9 },
	{ "a killing default", "{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\"," ALLOW_CALLS("\"read\"") "}", AUDIT_ARCH_X86_64, 463, 0, ERRNO(ENOSYS) },
	{ "its own errno", "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":13," ALLOW_CALLS("\"mseal\"") "}", AUDIT_ARCH_X86_64, 0, 0, ERRNO(13) },
	{ "x32 without x32", DENY(ALLOW_CALLS("\"read\"")), AUDIT_ARCH_X86_64, 0x40000000, 0, SECCOMP_RET_KILL_THREAD },
	{ "x32 with x32", DENY(X32_TOO ALLOW_CALLS("\"read\"")), AUDIT_ARCH_X86_64, 0x40000000, 0, SECCOMP_RET_ALLOW },
	{ "new on x32", DENY(X32_TOO ALLOW_CALLS("\"read\"")), AUDIT_ARCH_X86_64, 0x40000007, 0, ERRNO(ENOSYS) },
	{ "a foreign machine", ALLOW(""), AUDIT_ARCH_AARCH64, 63, 0, SECCOMP_RET_KILL_THREAD },
	{ "an unknown name", DENY(ALLOW_CALLS("\"no_such_call\",\"read\"")), AUDIT_ARCH_X86_64, 0, 0, SECCOMP_RET_ALLOW },
	{ "the first of two unconditional rules", DENY("\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_LOG\"},"
		"{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\"}]"), AUDIT_ARCH_X86_64, 0, 0, SECCOMP_RET_LOG },
	{ "unconditional beats conditional", DENY("\"syscalls\":[" RULE("KILL", 0, "EQ", 8) ",{\"names\":[\"personality\"],"
		"\"action\":\"SCMP_ACT_LOG\"}]"), AUDIT_ARCH_X86_64, PERSONALITY, 8, SECCOMP_RET_LOG },
	{ "equality beats a range", DENY("\"syscalls\":[" RULE("LOG", 0, "GE", 8) "," RULE("ALLOW", 0, "EQ", 9) "]"), AUDIT_ARCH_X86_64, PERSONALITY, 9, SECCOMP_RET_ALLOW },
	{ "one of several values", DENY("\"syscalls\":[" RULE("LOG", 0, "EQ", 8) "," RULE("ALLOW", 0, "EQ", 9) "," RULE("KILL", 0, "EQ", 4294967305) "]"), AUDIT_ARCH_X86_64, PERSONALITY, 9, SECCOMP_RET_ALLOW },
	{ "the same with another upper half", DENY("\"syscalls\":[" RULE("LOG", 0, "EQ", 8) "," RULE("ALLOW", 0, "EQ", 9) "," RULE("KILL", 0, "EQ", 4294967305) "]"), AUDIT_ARCH_X86_64, PERSONALITY, 4294967305, SECCOMP_RET_KILL_THREAD },
	{ "the narrower range", DENY("\"syscalls\":[" RULE("LOG", 0, "GE", 8) "," RULE("ALLOW", 0, "GE", 9) "]"), AUDIT_ARCH_X86_64, PERSONALITY, 10, SECCOMP_RET_ALLOW },
	{ "the narrower range from above", DENY("\"syscalls\":[" RULE("LOG", 0, "LE", 9) "," RULE("ALLOW", 0, "LE", 8) "]"), AUDIT_ARCH_X86_64, PERSONALITY, 7, SECCOMP_RET_ALLOW },
	{ "the later argument", DENY("\"syscalls\":[" RULE("LOG", 0, "EQ", 8) "," RULE("ALLOW", 1, "EQ", 0) "]"), AUDIT_ARCH_X86_64, PERSONALITY, 8, SECCOMP_RET_ALLOW },
	{ "s390's number of unknown calls", DENY("\"architectures\":[\"SCMP_ARCH_S390X\"]," ALLOW_CALLS("\"read\"")), AUDIT_ARCH_S390X, 0, 0, ERRNO(ENOSYS) },
};

static void test_decisions(void **unused)
{
	for (unsigned i = 0; i < ARRAY_LEN(decisions); i++) {
		const struct decision *want = &decisions[i];
		struct seccomp_data d = { .arch = want->arch, .nr = (int)want->nr, .args = { want->arg0 } };
		struct dv_err e = DV_ERR_NONE;
		struct seccomp_filter f;
		auto_arena struct arena a;

		arena_init(&a, 0);
		assert_int_equal(compile_text(&a, want->profile, &f, &e), 0);
		if (bpf_run(f.insns, f.n, &d) != want->want)
			fail_msg("%s: %llx", want->what, (unsigned long long)bpf_run(f.insns, f.n, &d));
	}
}

static void test_fields(void **unused)
{
	struct seccomp_filter f;
	struct dv_err e = DV_ERR_NONE;
	auto_arena struct arena a;

	arena_init(&a, 0);
	assert_int_equal(compile_text(&a, ALLOW(",\"listenerPath\":\"/run/l\",\"listenerMetadata\":\"m\",\"flags\":"
		"[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_TSYNC\"],\"syscalls\":[{\"names\":[\"mkdir\"],"
		"\"action\":\"SCMP_ACT_NOTIFY\"}]"), &f, &e), 0);
	assert_true(f.has_notify);
	assert_string_equal(f.listener_path, "/run/l");
	assert_string_equal(f.listener_metadata, "m");
	assert_int_equal(f.flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_TSYNC);
	assert_int_equal(compile_text(&a, ALLOW(""), &f, &e), 0);
	assert_false(f.has_notify);
	assert_int_equal(f.flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	assert_int_equal(compile_text(&a, ALLOW(",\"flags\":[]"), &f, &e), 0);
	assert_int_equal(f.flags, 0);
}

/* --- the default profile --- */

static void test_default_same(void **unused)
{
	static const uint64_t cap_sets[] = { 0, 0xa80425fb, ~0ull, 1ull << CAP_SYS_ADMIN };

	for (unsigned i = 0; i < ARRAY_LEN(cap_sets); i++) {
		struct seccomp_filter direct, by_json;
		struct dv_err e = DV_ERR_NONE;
		auto_arena struct arena a;

		arena_init(&a, 0);
		assert_int_equal(seccomp_default_compile(&a, cap_sets[i], &direct, &e), 0);
		assert_int_equal(seccomp_compile(&a, seccomp_default_json(&a, cap_sets[i]), &by_json, &e), 0);
		assert_int_equal(direct.n, by_json.n);
		assert_memory_equal(direct.insns, by_json.insns, direct.n * sizeof *direct.insns);
		assert_int_equal(direct.flags, by_json.flags);
	}
}

static int64_t by_default(uint64_t caps, const char *name, uint64_t arg0)
{
	struct seccomp_data d = { .arch = syscall_arch_native()->audit, .args = { arg0 } };
	struct dv_err e = DV_ERR_NONE;
	struct seccomp_filter f;
	auto_arena struct arena a;

	arena_init(&a, 0);
	d.nr = (int)syscall_number(syscall_arch_native(), (unsigned)syscall_id(name));
	assert_int_equal(seccomp_default_compile(&a, caps, &f, &e), 0);
	return bpf_run(f.insns, f.n, &d);
}

static void test_default_rules(void **unused)
{
	static const struct {
		uint64_t caps;
		const char *name;
		uint64_t arg0;
		uint32_t want;
	} cases[] = {
		{ 0, "read", 0, SECCOMP_RET_ALLOW },
		{ 0, "clone", 0x11, SECCOMP_RET_ALLOW },
		{ 0, "clone", 0x10000011 /* a user namespace */, ERRNO(EPERM) },
		{ 1ull << CAP_SYS_ADMIN, "clone", 0x10000011, SECCOMP_RET_ALLOW },
		{ 0, "clone3", 0, ERRNO(ENOSYS) },
		{ 1ull << CAP_SYS_ADMIN, "clone3", 0, SECCOMP_RET_ALLOW },
		{ 0, "unshare", 0, ERRNO(EPERM) },
		{ 0, "mount", 0, ERRNO(EPERM) },
		{ 0, "keyctl", 0, ERRNO(EPERM) },
		{ 0, "io_uring_setup", 0, ERRNO(EPERM) },
		{ ~0ull, "kexec_load", 0, ERRNO(EPERM) },
		{ 0, "socket", 40, ERRNO(EPERM) },
		{ 0, "socket", 2, SECCOMP_RET_ALLOW },
		{ 0, "personality", 8, SECCOMP_RET_ALLOW },
		{ 0, "personality", 0x0040000, ERRNO(EPERM) },
		{ 0, "bpf", 0, ERRNO(EPERM) },
		{ 1ull << CAP_BPF, "bpf", 0, SECCOMP_RET_ALLOW },
		{ 1ull << CAP_SYS_TIME, "clock_settime", 0, SECCOMP_RET_ALLOW },
	};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++)
		if (by_default(cases[i].caps, cases[i].name, cases[i].arg0) != cases[i].want)
			fail_msg("%s with caps %llx", cases[i].name, (unsigned long long)cases[i].caps);
}

/* --- tables --- */

static void test_tables(void **unused)
{
	for (unsigned id = 0; id < syscall_count(); id++)
		assert_int_equal(syscall_id(syscall_name(id)), id);
	assert_int_equal(syscall_id("readx"), -1);
	assert_int_equal(syscall_id(""), -1);
	for (unsigned i = 0; i < syscall_n_archs; i++) {
		const struct syscall_arch *arch = &syscall_archs[i];

		assert_ptr_equal(syscall_arch_find(arch->name), arch);
		for (unsigned k = 1; k < arch->n_calls; k++)
			assert_true(arch->calls[k - 1] < arch->calls[k]);
	}
	assert_int_equal(syscall_number(syscall_arch_find("SCMP_ARCH_X86"), (unsigned)syscall_id("statx")), 383);
	assert_int_equal(syscall_number(syscall_arch_find("SCMP_ARCH_MIPS"), (unsigned)syscall_id("read")), 4003);
	assert_int_equal(syscall_number(syscall_arch_find("SCMP_ARCH_AARCH64"), (unsigned)syscall_id("open")), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),       cmocka_unit_test(test_model),
		cmocka_unit_test(test_errors),       cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_decisions),    cmocka_unit_test(test_fields),
		cmocka_unit_test(test_default_same), cmocka_unit_test(test_default_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
