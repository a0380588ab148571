/* init.c - the first process of a container that wants one: passes signals on, reaps, ends as its child did.
 *
 * The container's process number 1 is special to the kernel: signals without a handler do nothing to it, and orphans
 * become its children. Programs that do not expect that run as number 2, below this.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/str.h"
#include "monitor/monitor.h"

enum { EXIT_CANNOT_INVOKE = 126, EXIT_NOT_FOUND = 127, EXIT_FAILED = 125 };

/* Until the child ends; orphans are reaped on the way. */
static int serve(pid_t child, const sigset_t *set)
{
	siginfo_t info;
	int status;
	pid_t got;

	for (;;) {
		if (sigwaitinfo(set, &info) < 0)
			continue;
		if (info.si_signo != SIGCHLD) {
			(void)kill(child, info.si_signo);
			continue;
		}
		while ((got = waitpid(-1, &status, WNOHANG)) > 0)
			if (got == child)
				return proc_exit_code(status);
	}
}

/* Its own process group, in the foreground where there is a terminal: so that job control works in it. */
static void become(char **argv, const sigset_t *old)
{
	(void)setpgid(0, 0);
	if (isatty(0))
		(void)tcsetpgrp(0, getpgrp());
	(void)sigprocmask(SIG_SETMASK, old, NULL);
	(void)execvp(argv[0], argv);
	(void)dprintf(2, "exec %s failed: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_INVOKE);
}

int monitor_init(char **argv)
{
	sigset_t set, old;
	pid_t child;

	if (*argv && streq(*argv, "--"))
		argv++;
	if (!*argv) {
		(void)dprintf(2, "usage: davit-monitor init -- PROGRAM [ARG...]\n");
		return EXIT_FAILED;
	}
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	(void)sigfillset(&set);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	child = fork();
	if (child == 0)
		become(argv, &old);
	if (child < 0) {
		(void)dprintf(2, "fork: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	return serve(child, &set);
}
