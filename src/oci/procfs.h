/* procfs.h - writes to /proc that nothing in the container can redirect.
 *
 * The host's /proc is opened and checked before the root is reachable; every write goes
 * beneath that descriptor, through no link and across no mount, and the file's own file
 * system is checked once more.
 */
#pragma once

#include <sys/types.h>

#include "base/err.h"

int procfs_open(int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* Our own pid as this /proc shows it (in the namespace it was mounted in). */
int procfs_self(int proc_fd, pid_t *ret, struct dv_err *e) DV_MUST_USE;
/* path relative to /proc: "sys/net/ipv4/ip_forward"; or of our own task: procfs_write_self("attr/exec"). */
int procfs_write(int proc_fd, const char *path, const char *text, struct dv_err *e) DV_MUST_USE;
int procfs_write_self(int proc_fd, const char *path, const char *text, struct dv_err *e) DV_MUST_USE;
