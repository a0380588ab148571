/* mount.h - mounts by descriptor: options, sources, targets.
 *
 * Every target is an O_PATH descriptor that openat2 resolved inside the root, every
 * mount is detached until move_mount puts it onto that descriptor: no path is looked
 * up twice. Needs Linux 5.12 (mount_setattr).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "oci/cgroup.h"
#include "oci/spec.h"

#define MOUNT_OPTS_MAX 64

/* The options of one mount, sorted by what acts on them. */
struct mount_opts {
	uint64_t attr_set, attr_clr;        /* MOUNT_ATTR_* of the mount itself */
	uint64_t rec_set, rec_clr;          /* of the whole tree (rro, rnosuid, ...) */
	uint64_t propagation;               /* MS_SHARED ... or 0; MS_REC for the whole tree */
	bool bind, rec, remount, tmpcopyup;
	bool idmap, idmap_rec;
	const char *idmap_text;             /* idmap=uids=...;gids=... */
	bool copy_symlink, src_nofollow, dest_nofollow;
	const char *data[MOUNT_OPTS_MAX + 1];   /* what the file system itself reads: "mode=755", "sync" */
	size_t n_data;
};

/* INVALID for more than MOUNT_OPTS_MAX data options. */
int mount_opts_parse(const char *const *options, struct mount_opts *ret, struct dv_err *e) DV_MUST_USE;
/* NULL-terminated names of all options that are ours (for `features`). */
const char *const *mount_opts_names(struct arena *a);

/* A detached copy of the tree at path (or of fd itself when path is ""). */
int mount_clone(int dirfd, const char *path, bool rec, bool nofollow, int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* A detached mount of a fresh file system with `data` ("key=value" or "flag", NULL-terminated, may be NULL).
 * FORBIDDEN where the namespaces do not own what is to be mounted. */
int mount_fresh(const char *type, const char *source, const char *const *data, uint64_t attrs, int *ret_fd,
		struct dv_err *e) DV_MUST_USE;
int mount_attach(int fd, int target_fd, const char *what, struct dv_err *e) DV_MUST_USE;
/* MOUNT_ATTR_* on the mount at fd. propagation as in struct mount_opts. userns_fd is for MOUNT_ATTR_IDMAP. */
int mount_set(int fd, uint64_t set, uint64_t clr, uint64_t propagation, int userns_fd, bool rec,
	      const char *what, struct dv_err *e) DV_MUST_USE;

enum mount_target { TARGET_DIR, TARGET_FILE };
enum { TARGET_NOFOLLOW = 1, TARGET_STRICT = 2 };
/* The target inside root_fd, made when it is missing (with its parents, following links inside
 * the root only). NOFOLLOW: the last component may be a link itself; STRICT: no link anywhere. */
int mount_target(int root_fd, const char *path, enum mount_target kind, int flags, int *ret_fd,
		 struct dv_err *e) DV_MUST_USE;

/* The user namespace behind an idmapped mount: a descriptor of a namespace with these maps. */
int mount_idmap_ns(const struct view_list *uid_maps, const struct view_list *gid_maps, int *ret_fd,
		   struct dv_err *e) DV_MUST_USE;
/* "uids=0-1000-10#20-30-5;gids=..." (containerID-hostID-size) as two lists. */
int mount_idmap_parse(struct arena *a, const char *text, struct view_list *ret_uids, struct view_list *ret_gids,
		      struct dv_err *e) DV_MUST_USE;

/* What the mounts of one container share. */
struct mount_env {
	struct arena *arena;
	int root_fd;                        /* the container's root, attached */
	const char *bundle;                 /* absolute: relative bind sources start here */
	const char *label;                  /* linux.mountLabel or NULL */
	struct cgroup *cgroup;
	const struct spec_linux *linux_;
	/* mount_cgroups_open() */
	struct cgroup_mount *cgroups;
	size_t n_cgroups;
	int *cgroup_fds;
};

/* Detached mounts of the container's cgroups, for mounts of type "cgroup": made by the caller, since its
 * descriptors cannot be copied from within the new mount namespace. */
int mount_cgroups_open(struct mount_env *env, struct dv_err *e) DV_MUST_USE;
/* Those of another process' mount_cgroups_open(), in the same order. */
int mount_cgroups_take(struct mount_env *env, const int *fds, size_t n, struct dv_err *e) DV_MUST_USE;

/* The source of a bind or idmapped mount, opened while still with the rights of the caller; -1 where
 * the mount needs none. Called before the container's process exists. */
int mount_source_open(const struct mount_env *env, const struct spec_mount *m, int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* Do one mount. source_fd from above, or -1. Errors name the destination. */
int mount_one(const struct mount_env *env, const struct spec_mount *m, int source_fd, struct dv_err *e) DV_MUST_USE;

/* Copies a directory's content (tmpcopyup): modes, owners, links, devices, xattrs; never follows a link. */
int mount_copy_up(int from_dir, int to_dir, struct dv_err *e) DV_MUST_USE;
