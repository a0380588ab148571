/* listener.h - hand a seccomp notify descriptor to the agent that listens for it. Private to src/oci. */
#pragma once

#include "json/json.h"
#include "oci/seccomp.h"

/* Takes descriptor their_fd out of the process and sends it with the container process state (runtime-spec,
 * "seccomp notify") to filter->listener_path. */
int listener_pass(int pidfd, int their_fd, const struct seccomp_filter *filter, struct json *state, pid_t pid,
		  struct arena *a, struct dv_err *e) DV_MUST_USE;
/* pid file and pidfd socket of create, run and exec. */
int container_report(const char *pid_file, const char *pidfd_socket, pid_t pid, int pidfd, struct dv_err *e) DV_MUST_USE;
