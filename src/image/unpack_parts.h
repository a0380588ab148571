/* unpack_parts.h - what the files of unpack share. */
#pragma once

#include "base/mem.h"
#include "image/unpack.h"

#define UNPACK_DEPTH_MAX 2048
#define UNPACK_SHOW_SIZE 200
#define UNPACK_FDS 64
#define UNPACK_BYTES_MAX ((uint64_t)1 << 40)
#define UNPACK_PATHS_MAX ((size_t)512 << 20)    /* of directories whose times are set at the end */

struct unpack_dir {             /* to be given its time and default ACL at the end */
	struct unpack_dir *next;
	const char *path;
	int64_t mtime_s;
	uint32_t mtime_ns;
	size_t acl_len;
	char acl[];
};

struct unpack {
	int rootfd;
	const struct unpack_options *o;
	struct unpack_result result;
	struct arena arena;             /* paths of dirs */
	struct unpack_dir *dirs, **dirs_end;
	struct { char *path; int fd; } fds[UNPACK_FDS];
	bool closing;                   /* all entries are made: nothing is made any more */
	int below_fd;                   /* the last one that is not to be cached */
	char path[TAR_PATH_MAX + 1];    /* of the entry, cleaned: "usr/bin/sh", "" for the root */
	char *leaf;                     /* its last component */
	const char *parent;             /* what is before it, "" for the root */
};

/* "a/../b//c/" to "b/c"; ".." stops at the root. LIMIT for paths and names that are too long. */
int unpack_clean(const char *path, char out[TAR_PATH_MAX + 1], struct dv_err *e) DV_MUST_USE;
/* Count the entry; LIMIT. */
int unpack_account(const struct unpack_options *o, struct unpack_result *sum, const struct tar_entry *t,
		   struct dv_err *e) DV_MUST_USE;

#define WHITEOUT ".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"
#define WHITEOUT_RESERVED ".wh..wh."
enum unpack_mark { MARK_NONE, MARK_OPAQUE, MARK_DELETED, MARK_RESERVED };
/* What the last component of a path says about the layers below. */
int unpack_whiteout(const char *leaf, enum unpack_mark *ret, struct dv_err *e) DV_MUST_USE;
/* The path for a message: control characters and long tails replaced. */
const char *unpack_show(const char *path, char out[UNPACK_SHOW_SIZE]);

/* --- parents --- */

/* A descriptor (O_PATH, owned by the cache, valid until the next call) of the directory at the cleaned
 * path. Missing ones are made as the layers below have them. With make unset: NOT_FOUND when neither
 * this layer nor those below have it. INVALID when something on the way is no directory. */
int unpack_parent(struct unpack *u, const char *path, bool make, int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* Forget cached descriptors: a directory or link was replaced. */
void unpack_forget(struct unpack *u);
/* Remember to set the times of the directory, and its default ACL (acl may be NULL): what is made in it must
 * neither change the one nor inherit the other. */
int unpack_later(struct unpack *u, const char *path, int64_t mtime_s, uint32_t mtime_ns, const void *acl,
		 size_t acl_len, struct dv_err *e) DV_MUST_USE;

/* --- the layers below --- */

enum lower_kind { LOWER_NONE, LOWER_DIR, LOWER_LINK, LOWER_OTHER };
/* What the merged layers below have at path, whose parents are directories there or missing.
 * ret_fd: O_PATH descriptor for DIR and LINK. */
int unpack_lower(const struct unpack_options *o, const char *path, enum lower_kind *ret, int *ret_fd, struct dv_err *e) DV_MUST_USE;

/* --- metadata --- */

/* Overlay's own control attributes never come from an archive, labels of the host's security modules
 * neither. user.* does not exist on what is neither file nor directory (plain). */
bool unpack_xattr_wanted(const char *name, bool plain);

#define UNPACK_ACL_DEFAULT "system.posix_acl_default"
#define UNPACK_ACL_MAX 65536
/* That of a directory entry; NULL: none. */
const struct tar_xattr *unpack_acl_default(const struct tar_entry *t);
/* That of a directory, into out; 0: none. */
size_t unpack_acl_default_of(int dirfd, char out[UNPACK_ACL_MAX]);
/* For a directory by name. */
int unpack_acl_default_set(int dirfd, const char *name, const void *acl, size_t len, struct dv_err *e) DV_MUST_USE;

int unpack_opaque(const struct unpack *u, int dirfd, const char *name, struct dv_err *e) DV_MUST_USE;
/* Owner, mode and xattrs of an entry that was just made; fd >= 0 for files (then also the time), else by
 * name in dirfd without following it. */
int unpack_meta(const struct unpack *u, const struct tar_entry *t, int dirfd, const char *name, int fd,
		struct dv_err *e) DV_MUST_USE;
/* Owner, mode and xattrs of a directory below onto ours; its time in *ret_st. */
int unpack_meta_copy(const struct unpack *u, int from_fd, int dirfd, const char *name, struct dv_err *e) DV_MUST_USE;
