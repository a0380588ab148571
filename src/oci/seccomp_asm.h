/* seccomp_asm.h - a BPF assembler that writes programs from their end.
 *
 * BPF jumps only forward, so whoever writes the last instruction first always
 * knows its targets. A label is the place of an instruction in the buffer.
 * Conditional jumps reach 255 instructions: farther targets get a jump or a
 * second copy of the return on the way, silently.
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

#define SECCOMP_ASM_RETURNS 8

struct seccomp_asm {
	struct sock_filter *insns;   /* BPF_MAXINSNS of them; from `at` on they are written */
	unsigned at;
	bool over;                   /* the program was too long */
	struct {
		uint32_t action;
		unsigned at;
	} returns[SECCOMP_ASM_RETURNS];
	unsigned n_returns;
};

void seccomp_asm_init(struct seccomp_asm *s, struct arena *a);

/* Each returns the label of what it wrote. */
unsigned seccomp_asm_return(struct seccomp_asm *s, uint32_t action);
/* test is BPF_JEQ, BPF_JGT, BPF_JGE or BPF_JSET of the accumulator with k. */
unsigned seccomp_asm_branch(struct seccomp_asm *s, unsigned test, uint32_t k, unsigned if_true,
			    unsigned if_false);
/* What is written next falls through to label. */
void seccomp_asm_goto(struct seccomp_asm *s, unsigned label);
/* These two fall through to what was written last. */
unsigned seccomp_asm_load(struct seccomp_asm *s, unsigned offset);
unsigned seccomp_asm_and(struct seccomp_asm *s, uint32_t mask);
