/* syscalls.h - names and numbers of Linux system calls on every architecture the OCI runtime spec names.
 *
 * A call's id is its place in the sorted table src/oci/syscalls.tsv, the same
 * on all architectures: a profile is resolved to ids once, and each
 * architecture then lists its numbers with their ids.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct syscall_arch {
	const char *name;        /* "SCMP_ARCH_X86_64" */
	uint32_t audit;          /* AUDIT_ARCH_*: what a filter sees; x86_64 and x32 share theirs */
	uint32_t base;           /* the numbers in calls count from here */
	const uint32_t *calls;   /* ascending: syscall_of() and number_of() take an element apart */
	unsigned n_calls;
	bool wide;               /* arguments are 64 bits wide */
	bool big_endian;
	bool zero_is_unknown;    /* a number too large for the call instruction arrives as 0 */
	bool multiplexed;        /* has socketcall and ipc */
};

#define SYSCALL_ID_BITS 12
static inline unsigned syscall_of(uint32_t call) { return call & ((1u << SYSCALL_ID_BITS) - 1); }
static inline uint32_t number_of(const struct syscall_arch *arch, uint32_t call)
{
	return arch->base + (call >> SYSCALL_ID_BITS);
}

/* Where a call can also be reached through a multiplexing one. */
struct syscall_mux {
	uint16_t parent;         /* the id of socketcall or ipc */
	uint16_t number;         /* its first argument; 0: none */
};

extern const struct syscall_arch syscall_archs[];
extern const unsigned syscall_n_archs;

/* NULL when the spec has no such architecture. */
const struct syscall_arch *syscall_arch_find(const char *name);
/* The one this program was built for. */
const struct syscall_arch *syscall_arch_native(void);

/* -1 when no architecture has such a call. */
int syscall_id(const char *name);
const char *syscall_name(unsigned id);
unsigned syscall_count(void);
struct syscall_mux syscall_mux(unsigned id);
/* -1 when arch has no such call. */
int64_t syscall_number(const struct syscall_arch *arch, unsigned id);
