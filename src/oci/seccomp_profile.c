/* seccomp_profile.c - collects the rules of a profile per call. */
#include <linux/seccomp.h>

#include "oci/seccomp_profile.h"
#include "oci/syscalls_data.h"

static bool is_permissive(uint32_t action)
{
	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_TRACE:   /* a tracer answers for calls it does not know itself */
		return true;
	default:
		return false;
	}
}

void seccomp_profile_init(struct seccomp_profile *p, struct arena *a, uint32_t default_action)
{
	*p = (struct seccomp_profile){
		.arena = a,
		.default_action = default_action,
		.enosys = !is_permissive(default_action),
		.archs = 1u << (syscall_arch_native() - syscall_archs),
		.calls = arena_array(a, struct seccomp_call, syscall_count()),
	};
}

/* What comes after an unconditional rule has no effect, and it takes the place of what came before. */
static void call_add(struct arena *a, struct seccomp_call *call, uint32_t action, const struct seccomp_cond *conds,
		     unsigned n)
{
	struct seccomp_rule *rule;

	if (call->plain)
		return;
	if (n == 0) {
		call->plain = true;
		call->action = action;
		return;
	}
	rule = arena_new(a, struct seccomp_rule);
	*rule = (struct seccomp_rule){ .conds = conds, .n = n, .action = action };
	if (call->last)
		call->last->next = rule;
	else
		call->first = rule;
	call->last = rule;
}

/* The rule for the multiplexing call: its first argument says which call is meant, so a condition
 * on the first argument of the call itself cannot be told there. */
static void mux_add(struct seccomp_profile *p, struct syscall_mux m, uint32_t action, const struct seccomp_cond *conds,
		    unsigned n)
{
	struct seccomp_cond *all = arena_array(p->arena, struct seccomp_cond, n + 1);
	unsigned k = 0;

	all[k++] = (struct seccomp_cond){ .op = SECCOMP_EQ, .value = m.number };
	for (unsigned i = 0; i < n; i++)
		if (conds[i].arg != 0)
			all[k++] = conds[i];
	call_add(p->arena, m.parent == SYSCALL_ipc ? &p->ipc : &p->socketcall, action, all, k);
}

static void rule_add(struct seccomp_profile *p, unsigned id, uint32_t action, const struct seccomp_cond *conds,
		     unsigned n)
{
	struct syscall_mux m = syscall_mux(id);

	call_add(p->arena, &p->calls[id], action, conds, n);
	if (m.number)
		mux_add(p, m, action, conds, n);
	else if (id == SYSCALL_socketcall)
		call_add(p->arena, &p->socketcall, action, conds, n);
	else if (id == SYSCALL_ipc)
		call_add(p->arena, &p->ipc, action, conds, n);
}

static bool has_repeated_arg(const struct seccomp_cond *conds, unsigned n)
{
	unsigned seen = 0;

	for (unsigned i = 0; i < n; i++) {
		if (seen & 1u << conds[i].arg)
			return true;
		seen |= 1u << conds[i].arg;
	}
	return false;
}

/* A copy by ascending argument, without the conditions that always hold. */
static const struct seccomp_cond *copy_sorted(struct arena *a, const struct seccomp_cond *conds, unsigned n,
					      unsigned *ret_n)
{
	struct seccomp_cond *copy = arena_array(a, struct seccomp_cond, n);
	unsigned k = 0;

	for (unsigned arg = 0; arg < SECCOMP_ARGS; arg++)
		for (unsigned i = 0; i < n; i++)
			if (conds[i].arg == arg && (conds[i].op != SECCOMP_MASKED_EQ || conds[i].mask))
				copy[k++] = conds[i];
	*ret_n = k;
	return copy;
}

void seccomp_profile_add(struct seccomp_profile *p, unsigned id, uint32_t action, const struct seccomp_cond *conds,
			 unsigned n)
{
	const struct seccomp_cond *copy;

	p->calls[id].named = true;
	if (action == p->default_action)
		return;
	if (n == 0) {
		rule_add(p, id, action, NULL, 0);
	} else if (has_repeated_arg(conds, n)) {
		for (unsigned i = 0; i < n; i++)
			seccomp_profile_add(p, id, action, &conds[i], 1);
	} else {
		copy = copy_sorted(p->arena, conds, n, &n);
		rule_add(p, id, action, copy, n);
	}
}
