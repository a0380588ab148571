/* sys.h - system calls without a wrapper in the C library. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* fork with namespaces: returns 0 in the child, the pid in the parent, -1 with errno. cgroup_fd >= 0 adds
 * CLONE_INTO_CGROUP. ret_pidfd may be NULL. */
long sys_clone3(uint64_t flags, int cgroup_fd, int *ret_pidfd);
int sys_pivot_root(const char *new_root, const char *put_old);
int sys_ioprio_set(int which, int who, int prio);
/* session keyring of that name; the old one is kept when NULL */
long sys_keyctl_join(const char *name);
long sys_keyctl_setperm(long key, uint32_t perm);
int sys_set_mempolicy(int mode, const unsigned long *nodes, unsigned long max_node);
/* As the kernel has them: for the calling thread alone. A C library would go through all threads of the process. */
int sys_setgroups(size_t n, const gid_t *list);
int sys_setresgid(gid_t r, gid_t e, gid_t s);
int sys_setresuid(uid_t r, uid_t e, uid_t s);
int sys_execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags);
