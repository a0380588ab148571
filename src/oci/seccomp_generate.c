/* seccomp_generate.c - from a profile to a BPF program.
 *
 * Per architecture the number space is cut into spans with one outcome each;
 * runs of equal outcome are one span, a lone number inside a run is an
 * exception of it. A balanced tree of comparisons finds the span: the kernel
 * runs the filter once for every number when it loads it, so depth is what a
 * container's start pays for. Calls with argument rules end in a chain of
 * argument tests.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "oci/seccomp_asm.h"
#include "oci/seccomp_profile.h"
#include "oci/syscalls_data.h"

#define BAD_ARCH_ACTION SECCOMP_RET_KILL_THREAD
#define ENOSYS_ACTION (SECCOMP_RET_ERRNO | ENOSYS)
#define X32_BIT 0x40000000u

#define EXCEPTIONS_MAX 2

struct outcome {
	const struct seccomp_call *call;    /* decides by arguments; NULL: action alone */
	const struct syscall_arch *arch;    /* with call */
	uint32_t action;
};

struct span {
	uint32_t first;                     /* up to the next span's first */
	unsigned n_exceptions;
	struct outcome outcome;
	struct {
		uint32_t number;
		struct outcome outcome;
	} exceptions[EXCEPTIONS_MAX];
};

struct generator {
	const struct seccomp_profile *profile;
	struct seccomp_asm code;
	struct span *spans;
	unsigned n_spans, spans_max;
};

/* --- argument tests --- */

static unsigned arg_offset(const struct syscall_arch *arch, unsigned arg, bool high)
{
	return (unsigned)offsetof(struct seccomp_data, args) + 8 * arg + (high != arch->big_endian ? 4 : 0);
}

static unsigned put_masked(struct seccomp_asm *s, unsigned offset, uint32_t mask, uint32_t value, unsigned if_true,
			   unsigned if_false)
{
	if (mask == 0)
		return if_true;
	seccomp_asm_branch(s, BPF_JEQ, value & mask, if_true, if_false);
	if (mask != UINT32_MAX)
		seccomp_asm_and(s, mask);
	return seccomp_asm_load(s, offset);
}

static unsigned put_equal(struct seccomp_asm *s, const struct syscall_arch *arch, const struct seccomp_cond *c,
			  uint64_t mask, unsigned if_true, unsigned if_false)
{
	unsigned low = put_masked(s, arg_offset(arch, c->arg, false), (uint32_t)mask, (uint32_t)c->value, if_true,
				  if_false);

	if (!arch->wide)
		return low;
	return put_masked(s, arg_offset(arch, c->arg, true), (uint32_t)(mask >> 32), (uint32_t)(c->value >> 32), low,
			  if_false);
}

/* test is BPF_JGT or BPF_JGE */
static unsigned put_greater(struct seccomp_asm *s, const struct syscall_arch *arch, const struct seccomp_cond *c,
			    unsigned test, unsigned if_true, unsigned if_false)
{
	uint32_t high = (uint32_t)(c->value >> 32);
	unsigned low, equal;

	seccomp_asm_branch(s, test, (uint32_t)c->value, if_true, if_false);
	low = seccomp_asm_load(s, arg_offset(arch, c->arg, false));
	if (!arch->wide)
		return low;
	equal = seccomp_asm_branch(s, BPF_JEQ, high, low, if_false);
	seccomp_asm_branch(s, BPF_JGT, high, if_true, equal);
	return seccomp_asm_load(s, arg_offset(arch, c->arg, true));
}

static unsigned put_cond(struct seccomp_asm *s, const struct syscall_arch *arch, const struct seccomp_cond *c,
			 unsigned if_true, unsigned if_false)
{
	switch ((enum seccomp_op)c->op) {
	case SECCOMP_EQ:
		return put_equal(s, arch, c, UINT64_MAX, if_true, if_false);
	case SECCOMP_NE:
		return put_equal(s, arch, c, UINT64_MAX, if_false, if_true);
	case SECCOMP_MASKED_EQ:
		return put_equal(s, arch, c, c->mask, if_true, if_false);
	case SECCOMP_GT:
		return put_greater(s, arch, c, BPF_JGT, if_true, if_false);
	case SECCOMP_GE:
		return put_greater(s, arch, c, BPF_JGE, if_true, if_false);
	case SECCOMP_LE:
		return put_greater(s, arch, c, BPF_JGT, if_false, if_true);
	case SECCOMP_LT:
		return put_greater(s, arch, c, BPF_JGE, if_false, if_true);
	}
	return if_false;
}

/* --- the order of rules --- */

static int op_rank(unsigned op)
{
	switch ((enum seccomp_op)op) {
	case SECCOMP_EQ:
	case SECCOMP_NE:
	case SECCOMP_MASKED_EQ:
		return 0;
	case SECCOMP_LE:
	case SECCOMP_LT:
		return 1;
	case SECCOMP_GE:
	case SECCOMP_GT:
		return 2;
	}
	return 3;
}

static int cond_compare(const struct seccomp_cond *a, const struct seccomp_cond *b)
{
	bool rising = a->op == SECCOMP_LE || a->op == SECCOMP_LT;

	if (a->arg != b->arg)
		return a->arg > b->arg ? -1 : 1;
	if (op_rank(a->op) != op_rank(b->op))
		return op_rank(a->op) < op_rank(b->op) ? -1 : 1;
	if (a->value != b->value)
		return (a->value < b->value) == rising ? -1 : 1;
	return 0;
}

/* libseccomp's order, which shows where rules with different actions overlap: the later argument
 * first, equality before ranges, the narrower range before the wider, more conditions before fewer. */
static int rule_compare(const struct seccomp_rule *a, const struct seccomp_rule *b)
{
	for (unsigned i = 0; i < a->n && i < b->n; i++) {
		int order = cond_compare(&a->conds[i], &b->conds[i]);

		if (order)
			return order;
	}
	return (a->n < b->n) - (a->n > b->n);
}

/* Stable, and quick on the few rules a call has. */
static void rules_sort(const struct seccomp_rule **rules, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		const struct seccomp_rule *rule = rules[i];
		unsigned at = i;

		for (; at > 0 && rule_compare(rule, rules[at - 1]) < 0; at--)
			rules[at] = rules[at - 1];
		rules[at] = rule;
	}
}

static unsigned rules_collect(struct generator *g, const struct seccomp_call *call,
			      const struct seccomp_rule ***ret_rules)
{
	const struct seccomp_rule **rules;
	bool mixed = false;
	unsigned n = 0;

	for (const struct seccomp_rule *r = call->first; r; r = r->next) {
		mixed |= r->action != call->first->action;
		n++;
	}
	rules = arena_array(g->profile->arena, const struct seccomp_rule *, n);
	n = 0;
	for (const struct seccomp_rule *r = call->first; r; r = r->next)
		rules[n++] = r;
	if (mixed)
		rules_sort(rules, n);
	*ret_rules = rules;
	return n;
}

/* Is b one more value of the single test that a is? */
static bool same_test(const struct seccomp_rule *a, const struct seccomp_rule *b)
{
	const struct seccomp_cond *x = a->conds, *y = b->conds;

	return a->n == 1 && b->n == 1 && x->op == SECCOMP_EQ && y->op == SECCOMP_EQ && x->arg == y->arg &&
	       x->value >> 32 == y->value >> 32;
}

/* Values of one argument (personality has five): the halves are loaded once. */
static unsigned put_values(struct generator *g, const struct syscall_arch *arch, const struct seccomp_rule **rules,
			   unsigned n, unsigned otherwise)
{
	const struct seccomp_cond *c = rules[0]->conds;
	unsigned label = otherwise;

	while (n-- > 0)
		label = seccomp_asm_branch(&g->code, BPF_JEQ, (uint32_t)rules[n]->conds->value,
					   seccomp_asm_return(&g->code, rules[n]->action), label);
	label = seccomp_asm_load(&g->code, arg_offset(arch, c->arg, false));
	if (!arch->wide)
		return label;
	return put_masked(&g->code, arg_offset(arch, c->arg, true), UINT32_MAX, (uint32_t)(c->value >> 32), label,
			  otherwise);
}

static unsigned put_rule(struct generator *g, const struct syscall_arch *arch, const struct seccomp_rule *rule,
			 unsigned otherwise)
{
	unsigned label = seccomp_asm_return(&g->code, rule->action);

	for (unsigned i = rule->n; i-- > 0;)
		label = put_cond(&g->code, arch, &rule->conds[i], label, otherwise);
	return label;
}

static unsigned put_call(struct generator *g, const struct syscall_arch *arch, const struct seccomp_call *call)
{
	unsigned label = seccomp_asm_return(&g->code, g->profile->default_action);
	const struct seccomp_rule **rules;
	unsigned n = rules_collect(g, call, &rules);

	while (n > 0 && !g->code.over) {
		unsigned first = n - 1;

		while (first > 0 && same_test(rules[first - 1], rules[n - 1]))
			first--;
		if (n - first > 1)
			label = put_values(g, arch, rules + first, n - first, label);
		else
			label = put_rule(g, arch, rules[first], label);
		n = first;
	}
	return label;
}

/* --- spans --- */

static bool same_outcome(const struct outcome *a, const struct outcome *b)
{
	return !a->call && !b->call && a->action == b->action;
}

/* At most two spans per call of an architecture come. */
static void spans_grow(struct generator *g)
{
	unsigned max = DV_MAX(64, 2 * g->spans_max);
	struct span *spans = arena_array(g->profile->arena, struct span, max);

	if (g->n_spans)
		memcpy(spans, g->spans, g->n_spans * sizeof *spans);
	g->spans = spans;
	g->spans_max = max;
}

/* From `first` on the outcome is this one; calls come by ascending number. */
static void span_add(struct generator *g, uint32_t first, struct outcome outcome)
{
	struct span *top = g->n_spans > 0 ? &g->spans[g->n_spans - 1] : NULL;
	struct span *below = g->n_spans > 1 ? top - 1 : NULL;

	if (top && same_outcome(&top->outcome, &outcome))
		return;
	if (below && first == top->first + 1 && !top->n_exceptions && same_outcome(&below->outcome, &outcome) &&
	    below->n_exceptions < EXCEPTIONS_MAX) {
		below->exceptions[below->n_exceptions].number = top->first;
		below->exceptions[below->n_exceptions++].outcome = top->outcome;
		g->n_spans--;
		return;
	}
	if (g->n_spans == g->spans_max)
		spans_grow(g);
	g->spans[g->n_spans++] = (struct span){ .first = first, .outcome = outcome };
}

static struct outcome outcome_action(uint32_t action)
{
	return (struct outcome){ .action = action };
}

static bool rule_always_holds(const struct seccomp_rule *r, const struct syscall_arch *arch)
{
	for (unsigned i = 0; i < r->n; i++)
		if (arch->wide || r->conds[i].op != SECCOMP_MASKED_EQ || (uint32_t)r->conds[i].mask)
			return false;
	return true;
}

static struct outcome call_outcome(const struct seccomp_profile *p, const struct syscall_arch *arch, unsigned id)
{
	const struct seccomp_call *call = &p->calls[id];

	if (arch->multiplexed && id == SYSCALL_socketcall)
		call = &p->socketcall;
	else if (arch->multiplexed && id == SYSCALL_ipc)
		call = &p->ipc;
	for (const struct seccomp_rule *r = call->first; r; r = r->next)
		if (rule_always_holds(r, arch))
			return outcome_action(r->action);
	if (call->plain)
		return outcome_action(call->action);
	if (call->first)
		return (struct outcome){ .call = call, .arch = arch };
	return outcome_action(p->default_action);
}

static void spans_of_arch(struct generator *g, const struct syscall_arch *arch)
{
	const struct seccomp_profile *p = g->profile;
	struct outcome rest = outcome_action(p->default_action);
	uint32_t next = arch->base;   /* the first number without an outcome */
	uint32_t past = arch->base;   /* one more than the last number the profile knows */

	if (p->enosys && arch->zero_is_unknown)
		span_add(g, next++, outcome_action(ENOSYS_ACTION));
	for (unsigned i = 0; i < arch->n_calls; i++) {
		uint32_t number = number_of(arch, arch->calls[i]);
		unsigned id = syscall_of(arch->calls[i]);
		struct outcome outcome = call_outcome(p, arch, id);
		bool decided = !same_outcome(&outcome, &rest);

		if (decided || p->calls[id].named)
			past = number + 1;
		if (!decided || number < next)
			continue;   /* the latter: a second name of the same number */
		if (number > next)
			span_add(g, next, rest);
		span_add(g, number, outcome);
		next = number + 1;
	}
	span_add(g, next, rest);
	if (p->enosys && past > arch->base)
		span_add(g, past, outcome_action(ENOSYS_ACTION));
}

/* --- the program --- */

static unsigned put_outcome(struct generator *g, const struct outcome *o)
{
	return o->call ? put_call(g, o->arch, o->call) : seccomp_asm_return(&g->code, o->action);
}

static unsigned put_tree(struct generator *g, const struct span *spans, unsigned n)
{
	unsigned label, upper;

	if (n > 1) {
		upper = put_tree(g, spans + n / 2, n - n / 2);
		label = put_tree(g, spans, n / 2);
		return seccomp_asm_branch(&g->code, BPF_JGE, spans[n / 2].first, upper, label);
	}
	label = put_outcome(g, &spans->outcome);
	for (unsigned i = spans->n_exceptions; i-- > 0;) {
		unsigned exception = put_outcome(g, &spans->exceptions[i].outcome);

		label = seccomp_asm_branch(&g->code, BPF_JEQ, spans->exceptions[i].number, exception, label);
	}
	return label;
}

/* The test for one value of seccomp_data.arch and the tree behind it; archs are those that share it. */
static unsigned put_group(struct generator *g, uint32_t archs, unsigned otherwise)
{
	uint32_t audit = 0, base = 0;
	unsigned label;

	g->n_spans = 0;
	for (unsigned i = 0; i < syscall_n_archs; i++) {
		if (!(archs & 1u << i))
			continue;
		audit = syscall_archs[i].audit;
		base = syscall_archs[i].base;
		if (g->n_spans == 0 && base)
			span_add(g, 0, outcome_action(BAD_ARCH_ACTION));
		spans_of_arch(g, &syscall_archs[i]);
	}
	if (audit == AUDIT_ARCH_X86_64 && base < X32_BIT) {
		span_add(g, X32_BIT, outcome_action(BAD_ARCH_ACTION));
		/* -1 is no x32 call: a tracer writes it to skip one */
		span_add(g, UINT32_MAX, outcome_action(g->profile->default_action));
	}
	seccomp_asm_goto(&g->code, put_tree(g, g->spans, g->n_spans));
	label = seccomp_asm_load(&g->code, offsetof(struct seccomp_data, nr));
	return seccomp_asm_branch(&g->code, BPF_JEQ, audit, label, otherwise);
}

static uint32_t group_of(uint32_t archs, unsigned i)
{
	uint32_t group = 0;

	for (unsigned k = 0; k < syscall_n_archs; k++)
		if (archs & 1u << k && syscall_archs[k].audit == syscall_archs[i].audit)
			group |= 1u << k;
	return group;
}

int seccomp_generate(const struct seccomp_profile *p, struct seccomp_filter *ret, struct dv_err *e)
{
	struct generator g = { .profile = p };
	uint32_t native = group_of(p->archs, (unsigned)(syscall_arch_native() - syscall_archs));
	uint32_t todo = p->archs & ~native;
	unsigned label;

	seccomp_asm_init(&g.code, p->arena);
	label = seccomp_asm_return(&g.code, BAD_ARCH_ACTION);
	for (unsigned i = 0; i < syscall_n_archs; i++) {
		uint32_t group = todo & 1u << i ? group_of(todo, i) : 0;

		if (group)
			label = put_group(&g, group, label);
		todo &= ~group;
	}
	put_group(&g, native, label);
	seccomp_asm_load(&g.code, offsetof(struct seccomp_data, arch));
	if (g.code.over)
		return dv_fail(e, DV_LIMIT, "seccomp: the profile needs more than %d BPF instructions", BPF_MAXINSNS);
	ret->insns = g.code.insns + g.code.at;
	ret->n = BPF_MAXINSNS - g.code.at;
	return 0;
}
