/* proc.h - processes: spawn without a shell, wait by pidfd, identity by pid and start time. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* A pid alone names nobody (it is reused); pid and start time do. */
struct proc_id {
	pid_t pid;
	uint64_t start_ticks;       /* field 22 of /proc/PID/stat */
};

struct proc_map {
	int from;                   /* our descriptor */
	int to;                     /* its number in the child */
};

struct proc_spawn {
	const char *path;           /* absolute; or a name to be found in PATH when search is set */
	bool search;
	char *const *argv;          /* argv[0] included */
	char *const *envp;          /* NULL: ours */
	const struct proc_map *fds; /* what the child keeps; everything else is closed by close-on-exec */
	size_t n_fds;
	bool own_session;           /* setsid */
	int cwd_fd;                 /* fchdir when > 0 */
};

/* clone(CLONE_VM | CLONE_VFORK) and exec: cheap from any size of parent. Stdio not listed in fds
 * is inherited. ret_pidfd may be NULL. NOT_FOUND when the program does not exist. */
int proc_spawn(const struct proc_spawn *s, pid_t *ret_pid, int *ret_pidfd, struct dv_err *e) DV_MUST_USE;

/* Wait for a child; ret_status is as from waitpid(2). */
int proc_wait(pid_t pid, int *ret_status, struct dv_err *e) DV_MUST_USE;
/* The same with a limit in ms (-1: none): TIMEOUT when it still runs; nothing is killed. */
int proc_wait_pidfd(int pidfd, int timeout_ms, int *ret_status, struct dv_err *e) DV_MUST_USE;
/* The status of a process that is not our child, from the kernel (since Linux 6.15): 1 with what waitpid(2) gives; 0: it
 * has not been reaped yet, or runs; -1: nobody can tell. */
int proc_info_pidfd(int pidfd, int *ret_status);
/* 128 + n for a signal, else the exit status: what a shell shows. */
int proc_exit_code(int status);

/* Run to the end, input to its stdin, output (stdout and stderr) to out up to its maximum (the rest is
 * read and dropped). TIMEOUT after timeout_ms: the child is killed and reaped. */
int proc_run(const struct proc_spawn *s, const void *input, size_t len, struct buf *out, int timeout_ms,
	     int *ret_status, struct dv_err *e) DV_MUST_USE;

int proc_open(pid_t pid, int *ret_pidfd, struct dv_err *e) DV_MUST_USE;        /* NOT_FOUND when gone */
/* The pid behind a pidfd, as our own pid namespace numbers it; NOT_FOUND when gone. */
int proc_of_pidfd(int pidfd, pid_t *ret, struct dv_err *e) DV_MUST_USE;
int proc_signal(int pidfd, int sig, struct dv_err *e) DV_MUST_USE;             /* NOT_FOUND when gone */
/* The path of our own program, also when it runs from a detached copy of its mount (oci/self.h), which
 * leaves its path in PROC_SELF_ENV. Free with free(). */
#define PROC_SELF_ENV "DAVIT_SELF"
int proc_program(char **ret, struct dv_err *e) DV_MUST_USE;
/* NOT_FOUND when no such process. */
int proc_identify(pid_t pid, struct proc_id *ret, struct dv_err *e) DV_MUST_USE;
/* Also which of the signals 1 to 31 it ignores: bit N-1 for signal N. */
int proc_look(pid_t pid, struct proc_id *ret, uint32_t *ret_ignored, struct dv_err *e) DV_MUST_USE;
/* Still the same process, and not a zombie. */
bool proc_alive(const struct proc_id *id);

/* "SIGTERM", "TERM", "term", "15" -> 15; INVALID otherwise. "RTMIN+3" too. */
int proc_parse_signal(const char *name, int *ret, struct dv_err *e) DV_MUST_USE;
const char *proc_signal_name(int sig);                                          /* "SIGTERM" */
