/* seccomp_asm.c - the assembler behind the filter generator. */
#include "oci/seccomp_asm.h"

/* One less than a jump can do: the other branch may put one more instruction in between. */
#define REACH 254

void seccomp_asm_init(struct seccomp_asm *s, struct arena *a)
{
	*s = (struct seccomp_asm){ .insns = arena_array(a, struct sock_filter, BPF_MAXINSNS), .at = BPF_MAXINSNS };
}

static unsigned put(struct seccomp_asm *s, struct sock_filter insn)
{
	if (s->at == 0) {
		s->over = true;
		s->at = BPF_MAXINSNS;
		s->n_returns = 0;
	}
	s->insns[--s->at] = insn;
	return s->at;
}

static bool in_reach(const struct seccomp_asm *s, unsigned label)
{
	return label - s->at <= REACH;
}

unsigned seccomp_asm_return(struct seccomp_asm *s, uint32_t action)
{
	unsigned i = 0;

	while (i < s->n_returns && s->returns[i].action != action)
		i++;
	if (i < s->n_returns && in_reach(s, s->returns[i].at))
		return s->returns[i].at;
	if (i == SECCOMP_ASM_RETURNS)
		i = s->at % SECCOMP_ASM_RETURNS;
	else if (i == s->n_returns)
		s->n_returns++;
	s->returns[i].action = action;
	s->returns[i].at = put(s, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
	return s->returns[i].at;
}

static unsigned put_goto(struct seccomp_asm *s, unsigned label)
{
	if (s->insns[label].code == (BPF_RET | BPF_K))
		return put(s, s->insns[label]);
	return put(s, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, label - s->at));
}

static unsigned reachable(struct seccomp_asm *s, unsigned label)
{
	if (in_reach(s, label))
		return label;
	if (s->insns[label].code == (BPF_RET | BPF_K))
		return seccomp_asm_return(s, s->insns[label].k);
	return put_goto(s, label);
}

void seccomp_asm_goto(struct seccomp_asm *s, unsigned label)
{
	if (label != s->at)
		put_goto(s, label);
}

unsigned seccomp_asm_branch(struct seccomp_asm *s, unsigned test, uint32_t k, unsigned if_true, unsigned if_false)
{
	unsigned t = reachable(s, if_true);
	unsigned f = reachable(s, if_false);

	return put(s, (struct sock_filter)BPF_JUMP((unsigned short)(BPF_JMP | test | BPF_K), k,
						   (unsigned char)(t - s->at), (unsigned char)(f - s->at)));
}

unsigned seccomp_asm_load(struct seccomp_asm *s, unsigned offset)
{
	return put(s, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

unsigned seccomp_asm_and(struct seccomp_asm *s, uint32_t mask)
{
	return put(s, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
}
