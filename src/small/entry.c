/* entry.c - the first instructions of davit and davit-oci: run again from a read-only place before the C library starts.
 *
 * oci/self.h says why the program that starts containers runs from a copy of its
 * mount nobody can write to. Doing that in main() would pay for two starts of the C library,
 * with glibc half a millisecond each in a virtual machine (base/compat.h). So this comes before:
 * no C library, no relocation has been done yet, nothing but arguments on a stack.
 *
 * The descriptor of the copy stays open over exec: closing it takes the mount away, for which the kernel waits
 * for a grace period. self_release() closes it when there is nothing else to do.
 *
 * Whatever fails here is left to self_protect(), which tries again and reports.
 */
#include <asm/statfs.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stddef.h>
#include <sys/syscall.h>

#define ENV_NAME "DAVIT_SELF="
#define PATH_BYTES 4096
#define ENV_MAX 4096            /* more variables than this: main() does it */
#define STATFS_RDONLY 1         /* ST_RDONLY, as the kernel fills in f_flags */

void davit_entry(void);
__attribute__((used, noinline)) void entry_protect(long *stack);

#ifdef __x86_64__
/* rdx holds what the kernel passes to _start. */
__asm__(".text\n.globl davit_entry\n.hidden davit_entry\n.type davit_entry, @function\ndavit_entry:\n"
	"\tmov %rsp, %rdi\n\tmov %rsp, %rbx\n\tmov %rdx, %r12\n\tand $-16, %rsp\n\tcall entry_protect\n"
	"\tmov %rbx, %rsp\n\tmov %r12, %rdx\n\txor %ebp, %ebp\n\tjmp _start\n");

static inline long call(long nr, long a, long b, long c, long d, long f)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = f;
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return ret;
}

/* Is it one of the words of list, which have commas between them? */
static int listed(const char *word, const char *list)
{
	while (*list) {
		const char *w = word;

		while (*w && *w == *list) {
			w++;
			list++;
		}
		if (!*w && (!*list || *list == ','))
			return 1;
		while (*list && *list++ != ',')
			;
	}
	return 0;
}

/* The verbs (of the program) that start something in a container; a word that only looks like one costs an exec. */
static int starts_containers(char **argv)
{
	for (; *argv; argv++)
		if (listed(*argv, ENTRY_VERBS))
			return 1;
	return 0;
}

static int is_protected(void)
{
	struct statfs fs;

	return call(SYS_statfs, (long)"/proc/self/exe", (long)&fs, 0, 0, 0) < 0 || (fs.f_flags & STATFS_RDONLY);
}

/* "DAVIT_SELF=/usr/bin/davit": /proc/self/exe of a detached mount tells nothing. */
static int name_self(char *out)
{
	static const char name[] = ENV_NAME;
	long n;

	for (size_t i = 0; i < sizeof name - 1; i++)
		out[i] = name[i];
	n = call(SYS_readlink, (long)"/proc/self/exe", (long)(out + sizeof name - 1), PATH_BYTES - 1, 0, 0);
	if (n <= 0)
		return 0;
	out[(long)sizeof name - 1 + n] = '\0';
	return 1;
}

static int is_our_name(const char *v)
{
	static const char name[] = ENV_NAME;

	for (size_t i = 0; i < sizeof name - 1; i++)
		if (v[i] != name[i])
			return 0;
	return 1;
}

static void run_again(char **argv, char **envp, int fd)
{
	char self[PATH_BYTES + sizeof ENV_NAME], *env[ENV_MAX + 2];
	size_t n = 0;

	if (!name_self(self))
		return;
	env[n++] = self;
	for (; *envp; envp++) {
		if (n == ENV_MAX)
			return;
		if (!is_our_name(*envp))
			env[n++] = *envp;
	}
	env[n] = NULL;
	(void)call(SYS_execveat, fd, (long)"", (long)argv, (long)env, AT_EMPTY_PATH);
}

void entry_protect(long *stack)
{
	char **argv = (char **)(stack + 1), **envp = argv + *stack + 1;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	long fd;

	if (*stack < 1 || !starts_containers(argv) || is_protected())
		return;
	fd = call(SYS_open_tree, AT_FDCWD, (long)"/proc/self/exe", OPEN_TREE_CLONE, 0, 0);
	if (fd < 0)
		return;
	/* The caller has closed its stdio: that place is not ours. */
	if (fd <= 2)
		(void)call(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC, 0, 0);
	if (call(SYS_mount_setattr, fd, (long)"", AT_EMPTY_PATH, (long)&attr, sizeof attr) == 0)
		run_again(argv, envp, (int)fd);
	(void)call(SYS_close, fd, 0, 0, 0, 0);
}
#else
/* Elsewhere the C library comes first. */
#error "entry.c is for x86-64"
#endif
