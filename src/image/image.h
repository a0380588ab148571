/* image.h - the image store as its users see it: resolve, list, history, tag, remove.
 *
 * A root directory holds engine.db (the index), blobs/sha256/HEX (as they came),
 * layers/NAME (plain directories, ready to be overlay lowerdirs: whiteouts are
 * 0:0 devices, opaque directories carry trusted.overlay.opaque) and tmp/. An image
 * is in the index only when everything it needs is there.
 *
 * Results live in the caller's arena. A store belongs to one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "image/db.h"

struct image_store;

/* Opens root, made with mode 0700 when missing; tables are migrated. */
int image_store_open(const char *root, struct image_store **ret, struct dv_err *e) DV_MUST_USE;
void image_store_close(struct image_store *s);
static inline void image_store_auto_close(struct image_store **s) { image_store_close(*s); }
#define auto_store __attribute__((cleanup(image_store_auto_close)))

/* The store's, to be used by the engine for its own tables (db_migrate) and directories. */
struct db *image_store_db(struct image_store *s);
int image_store_rootfd(const struct image_store *s);
const char *image_store_root(const struct image_store *s);      /* absolute path, for messages and inspect */

/* Two layers of an image may be the same directory (empty ones are). overlayfs refuses a lowerdir that is
 * named twice: mount the uppermost only, which shows the same. */
struct image_layer {
	const char *diff_id;    /* "sha256:HEX" of the plain tar */
	const char *dir;        /* relative to the root: "layers/HEX" */
	const char *blob;       /* "sha256:HEX" of the layer as it came; in blobs/ */
	const char *media_type; /* of the blob */
	uint64_t blob_size;
	uint64_t size;          /* bytes of the files in it */
	const char *driver;     /* "dirs", "erofs": how dir holds it */
};

struct image {
	const char *id;                 /* "sha256:HEX": the digest of config */
	const char *manifest;           /* "sha256:HEX" in blobs/ */
	const char **names;             /* canonical, NULL-terminated; may be empty */
	const char **digests;           /* "docker.io/library/x@sha256:HEX" it was pulled as; NULL-terminated */
	const char *config;             /* JSON text of the OCI image configuration */
	size_t config_len;
	struct image_layer *layers;     /* lowest first */
	size_t n_layers;
	int64_t created;                /* seconds since 1970 (0 when the config has none) */
	uint64_t size;                  /* sum of the layers' sizes */
};

/* ref is a name ("busybox", "localhost:5000/x:1", "x@sha256:..." of its manifest or of the index it was pulled
 * through; of several platforms the host's), an id
 * ("sha256:HEX") or at least one hex digit of one; a name wins over a short id. NOT_FOUND; CONFLICT when a short id is ambiguous. */
int image_resolve(struct image_store *s, struct arena *a, const char *ref, struct image **ret,
		  struct dv_err *e) DV_MUST_USE;
/* Whether the id still is in the index: for a check inside the engine's own transaction. */
int image_exists(struct image_store *s, const char *id, bool *ret, struct dv_err *e) DV_MUST_USE;

/* Newest first (by created, then id), in a few milliseconds for thousands. Entries have neither layers nor config
 * unless asked for. */
struct image_list {
	struct image **v;
	size_t n;
};
int image_list(struct image_store *s, struct arena *a, struct image_list *ret, struct dv_err *e) DV_MUST_USE;
enum { IMAGE_LIST_LAYERS = 1, IMAGE_LIST_CONFIG = 2 };
int image_list_with(struct image_store *s, struct arena *a, unsigned what, struct image_list *ret,
		    struct dv_err *e) DV_MUST_USE;

/* A descriptor of the root of the layer's tree (driver.h: layer_open). */
int image_layer_open(struct image_store *s, const struct image_layer *l, int *ret_fd, struct dv_err *e) DV_MUST_USE;

/* Which driver new layers get, and why (driver.h: layer_driver_choose). Mounts something where one that
 * mounts is asked for. */
struct layer_choice;
int image_layer_choice(struct image_store *s, struct layer_choice *ret, struct dv_err *e) DV_MUST_USE;

/* config.history mapped on the layers, lowest first; a layer without history has an entry of its own. */
struct image_step {
	const char *created;            /* RFC 3339 text, or NULL */
	const char *created_by;         /* the command, or "" */
	const char *comment;            /* or "" */
	const struct image_layer *layer;/* NULL: the step changed the configuration only */
};
struct image_history {
	struct image_step *v;
	size_t n;
};
int image_history(struct arena *a, const struct image *img, struct image_history *ret, struct dv_err *e) DV_MUST_USE;

/* Give the image one more name; the name moves when another image had it. The name of an index gives another one. */
int image_tag(struct image_store *s, const char *ref, const char *name, struct dv_err *e) DV_MUST_USE;

/* Take a name away; the image stays, without any when it was the last. NOT_FOUND. */
int image_untag(struct image_store *s, const char *name, struct dv_err *e) DV_MUST_USE;

/* Asked inside the transaction, before the image goes: 0, or CONFLICT when somebody uses it. */
typedef int image_in_use(void *ctx, struct image_store *s, const char *id, struct dv_err *e);

struct image_removed {
	const char **untagged;          /* names that went; NULL-terminated */
	const char *deleted;            /* the image's id, NULL when other names keep it */
	const char **layers;            /* diff ids whose directories went; NULL-terminated */
};
/* As docker rmi: a name is removed, and with the last one the image; by id the image must have at most
 * one name unless force. CONFLICT for several names or use. Layers and blobs go when nothing else
 * needs them. in_use may be NULL. */
int image_remove(struct image_store *s, struct arena *a, const char *ref, bool force, image_in_use *in_use,
		 void *ctx, struct image_removed *ret, struct dv_err *e) DV_MUST_USE;
