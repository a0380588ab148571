/* seccomp_profile.h - a profile with names resolved: what the generator reads. Private to seccomp*.c.
 *
 * Whoever fills one (the JSON decoder, the default profile) calls
 * seccomp_profile_add() in the profile's order, then seccomp_generate().
 */
#pragma once

#include "base/mem.h"
#include "oci/seccomp.h"
#include "oci/syscalls.h"

enum seccomp_op {
	SECCOMP_NE, SECCOMP_LT, SECCOMP_LE, SECCOMP_EQ, SECCOMP_GE, SECCOMP_GT,
	SECCOMP_MASKED_EQ,   /* (argument & mask) == value */
};

#define SECCOMP_ARGS 6

struct seccomp_cond {
	unsigned char arg;           /* below SECCOMP_ARGS */
	unsigned char op;            /* enum seccomp_op */
	uint64_t value, mask;
};

/* Conditions that must all hold, by ascending argument, no argument twice. */
struct seccomp_rule {
	struct seccomp_rule *next;
	const struct seccomp_cond *conds;
	unsigned n;
	uint32_t action;
};

struct seccomp_call {
	struct seccomp_rule *first, *last;
	uint32_t action;
	bool plain;                  /* action holds whatever the arguments */
	bool named;
};

struct seccomp_profile {
	struct arena *arena;
	uint32_t default_action;     /* SECCOMP_RET_* with its data */
	bool enosys;                 /* calls the profile cannot know give ENOSYS */
	uint32_t archs;              /* bit i: syscall_archs[i] */
	struct seccomp_call *calls;  /* by id */
	struct seccomp_call socketcall, ipc;   /* the same two where they hide other calls */
};

void seccomp_profile_init(struct seccomp_profile *p, struct arena *a, uint32_t default_action);
/* conds may name an argument twice; they are copied. */
void seccomp_profile_add(struct seccomp_profile *p, unsigned id, uint32_t action, const struct seccomp_cond *conds,
			 unsigned n);

/* Fills insns and n. LIMIT when the program is too long. */
int seccomp_generate(const struct seccomp_profile *p, struct seccomp_filter *ret, struct dv_err *e) DV_MUST_USE;
