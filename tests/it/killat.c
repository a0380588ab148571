/* killat.c - runs a command and kills it, with all it has started, at its N-th system call that changes something.
 *
 *	killat [-n N] [-o FILE] COMMAND [ARGUMENT...]
 *
 * A seccomp filter stops every thread at calls that change files (or talk to somebody), before the call is made; at the
 * N-th stop everything dies by SIGKILL. Without -n it only counts; FILE gets the number of stops. The status is the
 * command's, 137 after a kill. SIGTERM is passed on, so that servers can be counted. Processes of the sanitized tree
 * need detect_leaks=0: that check traces by itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
enum { STATUS_KILLED = 137, STATUS_BROKEN = 99, TRACED_MAX = 4096 };

/* Calls after which a disk, or somebody who listens, is different. */
static const int changing[] = {
#ifdef SYS_rename
	SYS_rename, SYS_link, SYS_unlink, SYS_symlink, SYS_mkdir, SYS_rmdir, SYS_mknod, SYS_chmod, SYS_chown, SYS_lchown,
	SYS_creat,
#endif
	SYS_openat2, SYS_write, SYS_writev, SYS_pwrite64, SYS_pwritev, SYS_pwritev2, SYS_ftruncate, SYS_truncate,
	SYS_fallocate, SYS_renameat, SYS_renameat2, SYS_linkat, SYS_unlinkat, SYS_symlinkat, SYS_mkdirat, SYS_mknodat,
	SYS_fchmod, SYS_fchmodat, SYS_fchown, SYS_fchownat, SYS_utimensat, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr,
	SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr, SYS_fsync, SYS_fdatasync, SYS_sync_file_range, SYS_syncfs,
	SYS_msync, SYS_sendfile, SYS_splice, SYS_copy_file_range, SYS_sendto, SYS_sendmsg, SYS_flock, SYS_mount, SYS_umount2,
	SYS_move_mount,
};
#define OPEN_WRITES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

static pid_t first;
static pid_t traced[TRACED_MAX];
static size_t n_traced;

static void broken(const char *what)
{
	perror(what);
	_exit(STATUS_BROKEN);
}

static void pass_on(int sig)
{
	int saved = errno;

	(void)kill(first, sig);
	errno = saved;
}

/* nr in the table, or openat for writing: stop. All else: go on. */
static void filter_install(void)
{
	struct sock_filter f[COUNT(changing) + 8];
	unsigned n = 0, i;

	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (i = 0; i < COUNT(changing); i++)   /* to the last row */
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)changing[i],
						      (unsigned char)(COUNT(changing) - i - 1 + 4), 0);
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 2);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, OPEN_WRITES, 1, 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	struct sock_fprog p = { (unsigned short)n, f };
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p, 0, 0) < 0)
		broken("killat: filter");
}

/* The child waits at its end of the pipe until it is traced. */
static pid_t spawn_traced(char **argv)
{
	int go[2];
	char c;

	if (pipe2(go, O_CLOEXEC) < 0)                   /* allow(pipe): a program without libraries */
		broken("killat: pipe");
	pid_t pid = fork();
	if (pid < 0)
		broken("killat: fork");
	if (pid == 0) {
		(void)close(go[1]);
		if (read(go[0], &c, 1) != 1)
			_exit(STATUS_BROKEN);
		filter_install();
		(void)execvp(argv[0], argv);
		broken(argv[0]);
	}
	(void)close(go[0]);
	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
	    PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL) < 0)
		broken("killat: seize");
	if (write(go[1], "g", 1) != 1)
		broken("killat: start");
	(void)close(go[1]);
	return pid;
}

static void remember(pid_t pid)
{
	for (size_t i = 0; i < n_traced; i++)
		if (traced[i] == pid)
			return;
	if (n_traced < TRACED_MAX)
		traced[n_traced++] = pid;
}

static void forget(pid_t pid)
{
	for (size_t i = 0; i < n_traced; i++)
		if (traced[i] == pid)
			traced[i] = traced[--n_traced];
}

static void kill_all(void)
{
	for (size_t i = 0; i < n_traced; i++)
		(void)kill(traced[i], SIGKILL);
}

static void resume(pid_t pid, int status)
{
	int event = status >> 16, sig = WSTOPSIG(status);

	if (event == PTRACE_EVENT_STOP && sig != SIGTRAP)
		(void)ptrace(PTRACE_LISTEN, pid, 0, 0);         /* stopped by a signal, as others see it too */
	else
		(void)ptrace(PTRACE_CONT, pid, 0, event ? 0 : sig);
}

static int status_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Until all have ended. */
static int trace(unsigned long at, unsigned long *ret_stops)
{
	int status, code = STATUS_BROKEN;
	bool dying = false;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid < 0)
			continue;
		if (!WIFSTOPPED(status)) {
			forget(pid);
			if (pid == first)
				code = status_code(status);
			continue;
		}
		remember(pid);
		if (status >> 16 == PTRACE_EVENT_SECCOMP && !dying)
			dying = ++*ret_stops == at;
		if (dying)
			kill_all();
		else
			resume(pid, status);
	}
	return dying ? STATUS_KILLED : code;
}

int main(int argc, char **argv)
{
	unsigned long at = 0, stops = 0;
	const char *out = NULL;
	int opt, code;

	while ((opt = getopt(argc, argv, "+n:o:")) != -1) {
		if (opt == 'n')
			at = strtoul(optarg, NULL, 10);
		else if (opt == 'o')
			out = optarg;
		else
			return STATUS_BROKEN;
	}
	if (optind == argc)
		return STATUS_BROKEN;
	first = spawn_traced(argv + optind);
	remember(first);
	(void)signal(SIGTERM, pass_on);
	code = trace(at, &stops);
	FILE *f = out ? fopen(out, "we") : NULL;
	if (out && (!f || fprintf(f, "%lu\n", stops) < 0 || fclose(f)))
		broken(out);
	return code;
}
