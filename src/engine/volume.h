/* volume.h - volumes: directories that outlive containers.
 *
 *	engine.db, table volumes    a row: it exists
 *	ROOT/volumes/NAME/          locked (flock) while it is filled or removed
 *	ROOT/volumes/NAME/_data     what containers see
 *
 * A container's row and the rows of the volumes it uses are inserted in one transaction,
 * and a volume is removed only when no container's row names it, so neither can be
 * without the other. The directory follows the row: made when first used, filled by one rename.
 * Order of locks: container, volume, database.
 */
#pragma once

#include "engine/ctr.h"
#include "engine/request.h"

#define VOLUME_ANONYMOUS_LABEL "com.docker.volume.anonymous"
/* The type of a mount that volume_prepare() turns into one the runtime knows; its source is the image. */
#define VOLUME_IMAGE_TYPE "davit-image"

struct volume {
	const char *name;
	int64_t created_ns;
	bool anonymous;
	const struct json *labels, *options;    /* objects of strings */
	const char *mountpoint;                 /* ROOT/volumes/NAME/_data */
};
struct volume_list {
	struct volume **v;
	size_t n;
};

/* [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
int volume_check_name(const char *name, struct dv_err *e) DV_MUST_USE;
/* Options of `local`: type, device, o. UNSUPPORTED names what is not there (nfs), INVALID what makes no sense. */
int volume_check_options(const struct json *options, struct dv_err *e) DV_MUST_USE;
/* VolumeOptions with the label of anonymous volumes; options may be NULL. */
struct json *volume_options_anonymous(struct arena *a, struct json *options);

/* name NULL: an anonymous one. labels and options may be NULL. One that exists already is success, EXISTS when it has
 * other options; *ret_new (may be NULL) tells. */
int volume_create(struct engine *g, struct arena *a, const char *name, const struct json *labels, const struct json *options,
		  struct volume **ret, bool *ret_new, struct dv_err *e) DV_MUST_USE;
/* NOT_FOUND: "no such volume" */
int volume_find(struct engine *g, struct arena *a, const char *name, struct volume **ret, struct dv_err *e) DV_MUST_USE;
/* By name. */
int volume_list(struct engine *g, struct arena *a, struct volume_list *ret, struct dv_err *e) DV_MUST_USE;
/* Ids of the containers that use it, running or not; NULL-terminated. */
int volume_users(struct engine *g, struct arena *a, const char *name, const char ***ret, size_t *ret_n,
		 struct dv_err *e) DV_MUST_USE;
/* CONFLICT while a container uses it; NOT_FOUND. */
int volume_remove(struct engine *g, struct arena *a, const char *name, struct dv_err *e) DV_MUST_USE;
/* Bytes of its files as du counts them. */
int volume_usage(struct engine *g, const char *name, uint64_t *ret, struct dv_err *e) DV_MUST_USE;
/* As inspect shows it. */
struct json *volume_json(struct arena *a, const struct volume *v);
/* The whole as a tar, and a tar into it. */
int volume_export(struct engine *g, struct arena *a, const char *name, int out_fd, const char *what, struct dv_err *e) DV_MUST_USE;
int volume_import(struct engine *g, struct arena *a, const char *name, int in_fd, const char *what, struct dv_err *e) DV_MUST_USE;

/* --- for the life of containers; config is that of their row --- */

/* When a container is created: the mounts of those of --volumes-from, into q->inherited. */
int volumes_from(struct engine *g, struct arena *a, struct run_request *q, struct dv_err *e) DV_MUST_USE;
/* "Mounts" of a row's configuration as inspect shows them: with the paths of volumes. */
struct json *volume_show(struct engine *g, struct arena *a, const struct json *mounts);
/* Before the transaction: finishes removals of what we are about to use. */
int volume_settle(struct engine *g, const char *config, struct dv_err *e) DV_MUST_USE;
/* In the transaction that inserts the container's row: the rows of its volumes, made where missing. */
int volume_claim(struct engine *g, const char *config, struct dv_err *e) DV_MUST_USE;

struct volume_call {
	const char *id;
	int root;               /* the container's root: what new volumes are filled from */
	bool first;             /* its first start */
	uid_t uid;              /* of its process, for the option U */
	gid_t gid;
};
/* Before a start: makes and fills directories, mounts what the driver's options say. Changes c->mounts where the
 * runtime wants something else than what was asked for. */
int volume_prepare(struct engine *g, struct arena *a, const struct volume_call *x, struct run_config *c,
		   struct dv_err *e) DV_MUST_USE;
/* After the end of its process: unmounts what nobody uses any more. */
void volume_release(struct engine *g, struct arena *a, const struct ctr *c);
/* When the container goes: its anonymous volumes go too, unless others use them. Its row is there still or not. */
int volume_drop_anonymous(struct engine *g, struct arena *a, const struct ctr *c, struct dv_err *e) DV_MUST_USE;
