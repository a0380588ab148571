/* syscalls.c - look-ups in the generated system call tables. */
#include <linux/audit.h>
#include <linux/elf-em.h>

#include "base/str.h"
#include "oci/syscalls.h"

#define SYSCALLS_DATA
#include "oci/syscalls_data.h"

/* --- architectures --- */

#define CALLS(column) .base = base_##column, .calls = calls_##column, .n_calls = ARRAY_LEN(calls_##column)

/* x32 and the 32-bit variants of mips compare only the low half of an argument, as libseccomp does. */
const struct syscall_arch syscall_archs[] = {
	{ "SCMP_ARCH_X86_64", AUDIT_ARCH_X86_64, CALLS(x86_64), .wide = true },
	{ "SCMP_ARCH_X86", AUDIT_ARCH_I386, CALLS(x86), .multiplexed = true },
	{ "SCMP_ARCH_X32", AUDIT_ARCH_X86_64, CALLS(x32) },
	{ "SCMP_ARCH_AARCH64", AUDIT_ARCH_AARCH64, CALLS(aarch64), .wide = true },
	{ "SCMP_ARCH_ARM", AUDIT_ARCH_ARM, CALLS(arm) },
	{ "SCMP_ARCH_RISCV64", AUDIT_ARCH_RISCV64, CALLS(riscv64), .wide = true },
	{ "SCMP_ARCH_LOONGARCH64", AUDIT_ARCH_LOONGARCH64, CALLS(loongarch64), .wide = true },
	{ "SCMP_ARCH_S390X", AUDIT_ARCH_S390X, CALLS(s390x), .wide = true, .big_endian = true,
	  .zero_is_unknown = true, .multiplexed = true },
	{ "SCMP_ARCH_S390", AUDIT_ARCH_S390, CALLS(s390), .big_endian = true, .zero_is_unknown = true,
	  .multiplexed = true },
	{ "SCMP_ARCH_PPC64LE", AUDIT_ARCH_PPC64LE, CALLS(ppc64), .wide = true, .multiplexed = true },
	{ "SCMP_ARCH_PPC64", AUDIT_ARCH_PPC64, CALLS(ppc64), .wide = true, .big_endian = true,
	  .multiplexed = true },
	{ "SCMP_ARCH_PPC", AUDIT_ARCH_PPC, CALLS(ppc), .big_endian = true, .multiplexed = true },
	{ "SCMP_ARCH_MIPS", AUDIT_ARCH_MIPS, CALLS(mips), .big_endian = true, .multiplexed = true },
	{ "SCMP_ARCH_MIPSEL", AUDIT_ARCH_MIPSEL, CALLS(mips), .multiplexed = true },
	{ "SCMP_ARCH_MIPS64", AUDIT_ARCH_MIPS64, CALLS(mips64), .wide = true, .big_endian = true },
	{ "SCMP_ARCH_MIPSEL64", AUDIT_ARCH_MIPSEL64, CALLS(mips64), .wide = true },
	{ "SCMP_ARCH_MIPS64N32", AUDIT_ARCH_MIPS64N32, CALLS(mips64n32), .big_endian = true },
	{ "SCMP_ARCH_MIPSEL64N32", AUDIT_ARCH_MIPSEL64N32, CALLS(mips64n32) },
	{ "SCMP_ARCH_M68K", AUDIT_ARCH_M68K, CALLS(m68k), .big_endian = true, .multiplexed = true },
	{ "SCMP_ARCH_SH", AUDIT_ARCH_SHEL, CALLS(sh), .multiplexed = true },
	{ "SCMP_ARCH_SHEB", AUDIT_ARCH_SH, CALLS(sh), .big_endian = true, .multiplexed = true },
	{ "SCMP_ARCH_PARISC", AUDIT_ARCH_PARISC, CALLS(parisc), .big_endian = true },
	{ "SCMP_ARCH_PARISC64", AUDIT_ARCH_PARISC64, CALLS(parisc64), .wide = true, .big_endian = true },
};
const unsigned syscall_n_archs = ARRAY_LEN(syscall_archs);

#if defined(__x86_64__) && defined(__ILP32__)
#define NATIVE "SCMP_ARCH_X32"
#elif defined(__x86_64__)
#define NATIVE "SCMP_ARCH_X86_64"
#elif defined(__i386__)
#define NATIVE "SCMP_ARCH_X86"
#elif defined(__aarch64__)
#define NATIVE "SCMP_ARCH_AARCH64"
#elif defined(__arm__)
#define NATIVE "SCMP_ARCH_ARM"
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE "SCMP_ARCH_RISCV64"
#elif defined(__loongarch64)
#define NATIVE "SCMP_ARCH_LOONGARCH64"
#elif defined(__s390x__)
#define NATIVE "SCMP_ARCH_S390X"
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define NATIVE "SCMP_ARCH_PPC64LE"
#elif defined(__powerpc64__)
#define NATIVE "SCMP_ARCH_PPC64"
#elif defined(__mips64) && defined(__MIPSEL__)
#define NATIVE "SCMP_ARCH_MIPSEL64"
#elif defined(__mips64)
#define NATIVE "SCMP_ARCH_MIPS64"
#else
#error "add this machine's architecture to syscalls.c"
#endif

const struct syscall_arch *syscall_arch_find(const char *name)
{
	for (unsigned i = 0; i < syscall_n_archs; i++)
		if (streq(syscall_archs[i].name, name))
			return &syscall_archs[i];
	return NULL;
}

const struct syscall_arch *syscall_arch_native(void)
{
	return syscall_arch_find(NATIVE);
}

/* --- calls --- */

static uint32_t hash(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return h;
}

const char *syscall_name(unsigned id)
{
	return names_text + name_at[id];
}

int syscall_id(const char *name)
{
	size_t mask = ARRAY_LEN(name_slots) - 1;

	for (size_t at = hash(name) & mask; name_slots[at]; at = (at + 1) & mask)
		if (streq(syscall_name(name_slots[at] - 1u), name))
			return name_slots[at] - 1;
	return -1;
}

unsigned syscall_count(void)
{
	return SYSCALL_COUNT;
}

struct syscall_mux syscall_mux(unsigned id)
{
	return mux[id];
}

int64_t syscall_number(const struct syscall_arch *arch, unsigned id)
{
	for (unsigned i = 0; i < arch->n_calls; i++)
		if (syscall_of(arch->calls[i]) == id)
			return number_of(arch, arch->calls[i]);
	return -1;
}
