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
	bool filter_late;                       /* still to be compiled */
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
	bool owns_cgroup;                       /* all of it was made, and is ours to empty */
	bool joins_itself;                      /* the process enters its cgroups alone */
	bool net_aside;                         /* the network namespace comes by SYNC_NET */
	bool joins_late;                        /* when it has begun to build its root: SYNC_CGROUP is still to come */
	int root_fd, dir_fd;                    /* state root, state directory */
	struct container_started started;
	const char *const *extra_env;
};

/* The steps of a start, in this order; what they opened is the caller's to release. */
int launch_gather(struct launch *l, struct dv_err *e) DV_MUST_USE;         /* configuration and options */
int launch_open_host(struct launch *l, struct dv_err *e) DV_MUST_USE;      /* descriptors, while the host is all there is */
int launch_make_state(struct launch *l, struct dv_err *e) DV_MUST_USE;     /* state directory and cgroup with its limits, or */
int launch_spawn(struct launch *l, struct dv_err *e) DV_MUST_USE;
/* A process that the kernel kills for its memory limit closes its socket as one does that becomes the program: with a
 * limit it says when it is about to (while no filter can forbid it that). */
bool launch_tells_exec(const struct launch *l);
int launch_compile_filter(struct launch *l, struct dv_err *e) DV_MUST_USE;
bool launch_has_cgroup_mount(const struct spec *s);
int launch_make_late(struct launch *l, struct dv_err *e) DV_MUST_USE;      /* they come now: beside the process at its work */
int launch_place(struct launch *l, struct dv_err *e) DV_MUST_USE;          /* cgroup, limits, interfaces; the state knows it */
int launch_follow(struct launch *l, struct dv_err *e) DV_MUST_USE;         /* until it is ready or has become the program */
/* Logs what the cgroup could not do, from warning number `first` on. */
void launch_warn(const struct cgroup *cg, size_t first);

/* The container's first process; never returns. */
void init_main(struct launch *l) __attribute__((noreturn));
/* The process between, where namespaces must be joined before the first process can be born in them: sends
 * the pidfd of its sibling. Never returns. */
void init_middle(struct launch *l) __attribute__((noreturn));
bool init_needs_middle(const struct launch *l);
uint64_t init_clone_flags(const struct launch *l);
