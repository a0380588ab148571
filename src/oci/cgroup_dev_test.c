/* cgroup_dev_test.c - device rules: every small combination of rules, as v2 program and as v1 state, against a plain
 * reading of what the rules mean. */
#include "oci/cgroup_dev.h"
#include "oci/cgroup_test.h"

/* --- what the rules mean: for each bit, the last rule that names it decides; before all, everything is denied --- */

struct request {
	char type;
	uint32_t major, minor;
	unsigned access;
};

static bool rule_meets(const struct dev_rule *r, const struct request *q)
{
	return r->type == 'a' || (r->type == q->type && (r->major == DEV_ANY || r->major == q->major) &&
				  (r->minor == DEV_ANY || r->minor == q->minor));
}

static bool meaning(const struct dev_rule *rules, size_t n, const struct request *q)
{
	for (unsigned bit = 1; bit < 8; bit <<= 1) {
		bool allowed = false;

		for (size_t i = 0; i < n; i++)
			if (rule_meets(&rules[i], q) && (rules[i].type == 'a' || (rules[i].access & bit)))
				allowed = rules[i].allow;
		if ((q->access & bit) && !allowed)
			return false;
	}
	return true;
}

/* --- the machine --- */

static int run(const struct bpf_insn *p, size_t n, const struct request *q)
{
	uint64_t r[11] = { 0 };
	uint32_t ctx[3] = { (q->access << 16) | (q->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR), q->major,
			    q->minor };

	for (size_t pc = 0; pc < n; pc++) {
		const struct bpf_insn *i = &p[pc];
		uint32_t src = BPF_SRC(i->code) == BPF_X ? (uint32_t)r[i->src_reg] : (uint32_t)i->imm;

		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			assert_int_equal(i->src_reg, BPF_REG_1);
			r[i->dst_reg] = ctx[i->off / 4];
			break;
		case BPF_ALU | BPF_MOV | BPF_X:
		case BPF_ALU64 | BPF_MOV | BPF_K:
			r[i->dst_reg] = src;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			r[i->dst_reg] = (uint32_t)r[i->dst_reg] & src;
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			r[i->dst_reg] = (uint32_t)r[i->dst_reg] >> src;
			break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			pc += (uint32_t)r[i->dst_reg] != src ? (size_t)i->off : 0;
			break;
		case BPF_JMP32 | BPF_JEQ | BPF_K:
			pc += (uint32_t)r[i->dst_reg] == src ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int)r[0];
		default:
			fail_msg("instruction 0x%x", i->code);
		}
	}
	fail_msg("fell off the end");
	return -1;
}

/* v1 decides by one exception for all bits; asked bit by bit it must agree. */
static bool state_allows(const struct dev_state *st, const struct request *q)
{
	for (size_t i = 0; i < st->n; i++)
		if (rule_meets(&st->rules[i], q) && (st->rules[i].access & q->access))
			return !st->allow_default;
	return st->allow_default;
}

/* --- all combinations --- */

static size_t pool_fill(struct dev_rule *pool, const char *types, const unsigned *accesses, size_t n_accesses)
{
	static const int64_t majors[] = { DEV_ANY, 1 }, minors[] = { DEV_ANY, 3 };
	size_t n = 0;

	for (int allow = 0; allow < 2; allow++) {
		pool[n++] = (struct dev_rule){ allow, 'a', DEV_ANY, DEV_ANY, DEV_RWM };
		for (const char *t = types; *t; t++)
			for (size_t i = 0; i < 4 * n_accesses; i++)
				pool[n++] = (struct dev_rule){ allow, *t, majors[i % 2], minors[i / 2 % 2], accesses[i / 4] };
	}
	return n;
}

static void compare(const struct dev_rule *rules, size_t n, size_t *states)
{
	struct arena a;
	struct bpf_insn *prog = NULL;
	struct dev_state st = { 0 };
	size_t len = 0;
	bool v1;

	arena_init(&a, 0);
	if (dev_prog_build(&a, rules, n, &prog, &len, NULL) < 0)
		fail_msg("program");
	v1 = dev_state_apply(&a, &st, rules, n, NULL) == 0;
	*states += v1;
	for (unsigned i = 0; i < 2 * 2 * 2 * 7; i++) {
		struct request q = { i & 1 ? 'c' : 'b', 1 + (i >> 1 & 1), 3 + (i >> 2 & 1), 1 + i / 8 };
		bool want = meaning(rules, n, &q);

		if (run(prog, len, &q) != want)
			fail_msg("program: %zu rules, %c %u:%u access %u: not %d", n, q.type, q.major, q.minor, q.access, want);
		if (v1 && (q.access & (q.access - 1)) == 0 && state_allows(&st, &q) != want)
			fail_msg("state: %zu rules, %c %u:%u access %u: not %d", n, q.type, q.major, q.minor, q.access, want);
	}
	arena_done(&a);
}

static void test_pairs(void **state)
{
	static const unsigned all[] = { 1, 2, 3, 4, 5, 6, 7 };
	struct dev_rule pool[128];
	size_t n = pool_fill(pool, "bc", all, ARRAY_LEN(all)), states = 0;

	compare(NULL, 0, &states);
	for (size_t i = 0; i < n; i++) {
		compare(&pool[i], 1, &states);
		for (size_t k = 0; k < n; k++)
			compare((struct dev_rule[]){ pool[i], pool[k] }, 2, &states);
	}
	assert_true(states > n * n / 2);
}

static void test_triples(void **state)
{
	static const unsigned some[] = { 1, 6, 7 };
	struct dev_rule pool[64];
	size_t n = pool_fill(pool, "c", some, ARRAY_LEN(some)), states = 0;

	for (size_t i = 0; i < n * n * n; i++)
		compare((struct dev_rule[]){ pool[i % n], pool[i / n % n], pool[i / n / n] }, 3, &states);
	assert_true(states > n * n * n / 2);
}

/* --- parsing, loading --- */

static void test_rules(void **state)
{
	struct dev_rule *rules = NULL;
	size_t n = 0, defaults = 0;

	OK(dev_rules_parse(&mem, NULL, &rules, &defaults, e));
	assert_true(defaults > 0);
	for (size_t i = 0; i < defaults; i++)
		assert_true(rules[i].allow);
	OK(dev_rules_parse(&mem, json_of("[{\"allow\":false},{\"allow\":true,\"type\":\"b\",\"major\":8,\"access\":\"wr\"}]"), &rules,
			   &n, e));
	assert_int_equal(n, 2 + defaults);
	assert_int_equal(rules[0].type, 'a');
	assert_false(rules[0].allow);
	assert_int_equal(rules[1].major, 8);
	assert_int_equal(rules[1].minor, DEV_ANY);
	assert_int_equal(rules[1].access, DEV_READ | DEV_WRITE);
	FAILS_WITH(INVALID, "devices[0].major", dev_rules_parse(&mem, json_of("[{\"type\":\"c\",\"major\":-2}]"), &rules, &n, e));
	FAILS_WITH(INVALID, "devices[0].minor", dev_rules_parse(&mem, json_of("[{\"minor\":4294967296}]"), &rules, &n, e));
	FAILS_WITH(INVALID, "devices[0].access", dev_rules_parse(&mem, json_of("[{\"access\":\"\"}]"), &rules, &n, e));
	FAILS_WITH(INVALID, "\"char\" is none of", dev_rules_parse(&mem, json_of("[{\"type\":\"char\"}]"), &rules, &n, e));
	FAILS(INVALID, dev_rules_parse(&mem, json_of("{}"), &rules, &n, e));
	assert_int_equal(n, 2 + defaults);
}

static void test_list(void **state)
{
	struct dev_state st = { 0 };

	OK(dev_state_parse(&mem, "c 1:3 rwm\nb *:* m\nc 136:* rw\n", &st, e));
	assert_false(st.allow_default);
	assert_int_equal(st.n, 3);
	assert_int_equal(st.rules[1].major, DEV_ANY);
	assert_int_equal(st.rules[2].access, DEV_READ | DEV_WRITE);
	OK(dev_state_parse(&mem, "a *:* rwm\n", &st, e));
	assert_true(st.allow_default);
	assert_int_equal(st.n, 0);
	FAILS(CORRUPT, dev_state_parse(&mem, "c 1 3 rwm", &st, e));
	FAILS(CORRUPT, dev_state_parse(&mem, "x 1:3 rwm", &st, e));
	FAILS(CORRUPT, dev_state_parse(&mem, "c 1:3 q", &st, e));
}

/* The kernel's verifier is the judge of the longest list too. */
static void test_load(void **state)
{
	struct dev_rule *rules = arena_array(&mem, struct dev_rule, DEV_RULES_MAX);
	struct bpf_insn *prog = NULL;
	size_t n = 0;
	int fd = -1, r;

	for (size_t i = 0; i < DEV_RULES_MAX; i++)
		rules[i] = (struct dev_rule){ i % 3, i % 2 ? 'b' : 'c', (int64_t)(UINT32_MAX - i), i % 5 ? (int64_t)i : DEV_ANY,
					      1 + i % 7 };
	for (size_t len = 0; len <= DEV_RULES_MAX; len = len ? len * 16 : 1) {
		OK(dev_prog_build(&mem, rules, len, &prog, &n, e));
		r = dev_prog_load(prog, n, &fd, &last);
		/* A test without CAP_BPF, or in a sandbox without bpf(2), cannot go on. */
		if (r == -DV_FORBIDDEN || last.sys == ENOSYS)
			return;
		if (r < 0)
			fail_msg("%zu rules: %s", len, last.msg);
		close(fd);
	}
	FAILS(INVALID, dev_prog_load(prog, n - 1, &fd, e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pairs), TEST(test_triples), TEST(test_rules), TEST(test_list), TEST(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
