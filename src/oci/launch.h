/* launch.h - what the runtime gathers before the container's process exists; the process inherits it by fork.
 * Private to src/oci.
 */
#pragma once

#include "oci/container.h"
#include "oci/mount.h"
#include "oci/ns.h"
#include "oci/seccomp.h"
#include "oci/spec.h"

struct launch {
	struct arena *arena;
	const struct container_opts *opts;
	const struct json *config;
	struct spec spec;
	const struct spec_linux *linux_;
	const struct spec_process *process;     /* NULL: none configured, the process only waits */
	const char *rootfs;                     /* absolute */
	bool rootless;
	bool has_filter;
	struct seccomp_filter filter;
	struct ns_plan ns;
	struct mount_env mounts;
	int *source_fds;                        /* per mount, -1 where the process opens it itself */
	int root_tree;                          /* detached, or -1 */
	int proc_fd;
	int console_fd;                         /* connected console socket, -1 */
	int listen_fd;                          /* start.sock, -1 */
	int sync[2];                            /* [0] ours, [1] the process' */
	struct container_state state;
	struct cgroup *cgroup;
	bool joins_itself;                      /* the process enters its cgroups alone */
	int root_fd, dir_fd;                    /* state root, state directory */
	struct container_started started;
	const char *const *extra_env;
};

/* The container's first process; never returns. */
void init_main(struct launch *l) __attribute__((noreturn));
/* The process between, where namespaces must be joined before the first process can be born in them: sends
 * the pidfd of its sibling. Never returns. */
void init_middle(struct launch *l) __attribute__((noreturn));
bool init_needs_middle(const struct launch *l);
uint64_t init_clone_flags(const struct launch *l);
