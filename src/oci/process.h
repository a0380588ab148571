/* process.h - the last steps of a process before its program: identity, capabilities, labels, filter, exec.
 *
 * Used by the container's first process and by those that exec adds; all of it runs inside
 * the container's namespaces and root.
 */
#pragma once

#include <stdbool.h>

#include "oci/seccomp.h"
#include "oci/spec.h"

struct process {
	const struct spec_process *spec;
	int proc_fd;                            /* the host's /proc */
	const struct seccomp_filter *filter;    /* NULL: none */
	/* Gives the notify descriptor to the runtime outside; called right after the filter is loaded, so it
	 * may only read and write. NULL without a notify action. */
	int (*on_notify)(void *ctx, int notify_fd, struct dv_err *e);
	void *ctx;
	const struct spec_personality *personality;
	const struct spec_memory_policy *memory_policy;
	const char *keyring;                    /* session keyring to join, NULL: none */
	bool rootless;
	bool exec_follows;                      /* process_exec() comes right after process_become() */
	unsigned preserve_fds;
	bool make_cwd;                          /* make a working directory that is missing */
	const char *const *extra_env;           /* NULL-terminated, added to the configured ones; or NULL */
	struct arena *arena;
	int keep[2];                            /* descriptors that are needed until exec, or -1 */
	/* set by process_become() */
	const char *program;
	char **env;
	bool filtered;
	bool no_program;                        /* what failed is the program itself: not found, or not executable */
};

/* Are there descriptors 3 to 2+n, handed to us to be passed on? */
int process_check_preserved(unsigned n, struct dv_err *e) DV_MUST_USE;
/* Signals that our caller ignores (a shell's background jobs do) are not ignored in the container: bit N-1 for signal N. */
void process_unignore(unsigned ignored);
/* Everything up to the point where only exec is left: afterwards the process has its final identity.
 * NOT_FOUND when the program is not there. */
int process_become(struct process *p, struct dv_err *e) DV_MUST_USE;
/* Loads the filter if that had to wait, closes what is not preserved, and execs: returns only on failure. */
int process_exec(struct process *p, struct dv_err *e) DV_MUST_USE;
