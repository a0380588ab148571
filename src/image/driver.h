/* driver.h - how layers lie on disk: a table of drivers, and what the store asks of them.
 *
 * A layer is one name in a directory (layers/HEX, or a number in a stage): a
 * directory tree with the driver `dirs`, a file with `erofs`. What lies there tells
 * which driver made it, so that both kinds may be mixed in one image, and existing
 * layers keep theirs. All drivers show the same tree for the same archive, in the
 * form overlayfs wants below (see unpack.h).
 *
 * Everything here may be called from any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "image/digest.h"
#include "image/unpack.h"

struct layer_driver {
	const char *name;       /* "dirs", "erofs": in the configuration, in layers.driver */
	mode_t type;            /* of what lies at the layer's name: S_IFDIR, S_IFREG */

	/* Whether layers can be made and opened here, tried out in the directory; UNSUPPORTED says why not.
	 * *ret_how: how they are mounted ("file", "loop"), "" when they are not. NULL: always. */
	int (*probe)(int dirfd, const char **ret_how, struct dv_err *e);
	/* Make the layer at a name that is not there yet; what was made stays on failure. Not synced. */
	int (*make)(int dirfd, const char *name, const struct tar_source *src, const struct unpack_options *o,
		    struct unpack_result *ret, struct dv_err *e);
	/* A descriptor of the root of its tree, for openat() and as an overlay's lowerdir. A layer that has to be
	 * mounted is mounted detached: it goes with the last descriptor or overlay that uses it. */
	int (*open)(int dirfd, const char *name, int *ret_fd, struct dv_err *e);
	/* Bytes on disk. */
	int (*usage)(int dirfd, const char *name, uint64_t *ret, struct dv_err *e);
	/* What it says about itself against its diff id, as far as it can be told without its blob; CORRUPT. To
	 * be sure of a layer of `dirs`, make it again from the blob and compare. */
	int (*check)(int dirfd, const char *name, const struct digest *diff_id, struct dv_err *e);
};

/* NULL-terminated; the first is the default. */
extern const struct layer_driver *const layer_drivers[];

/* --- which one new layers get ---
 *
 * DAVIT_LAYER_DRIVER in the environment, else "layerDriver" in the configuration file, else the first of
 * the table. Where that one does not work (it is tried, never guessed from versions) it is the first, too.
 */
#define LAYER_CONFIG "/etc/davit/engine.json"   /* DAVIT_CONFIG names another */

struct layer_choice {
	const struct layer_driver *driver;
	const char *how;        /* how its layers are mounted ("file", "loop"), or "" */
	char why_not[400];      /* why the one that is asked for is not used, or "" */
};
/* Tried out in the directory, which belongs to the store. INVALID for a name that no driver has, or a
 * malformed file. */
int layer_driver_choose(int dirfd, struct layer_choice *ret, struct dv_err *e) DV_MUST_USE;

/* By name; NULL when there is none. */
const struct layer_driver *layer_driver_find(const char *name);
/* Of an existing layer; NOT_FOUND. */
int layer_driver_of(int dirfd, const char *name, const struct layer_driver **ret, struct dv_err *e) DV_MUST_USE;

/* Apply the whole stream with the driver: the source is read to its end also where the archive ends before,
 * and where the outcome is UNAVAILABLE (o->blind), so that hashes of it cover everything. */
int layer_make(const struct layer_driver *d, int dirfd, const char *name, const struct tar_source *src,
	       const struct unpack_options *o, struct unpack_result *ret, struct dv_err *e) DV_MUST_USE;
/* The driver's open, usage and check, whatever it is. NOT_FOUND. */
int layer_open(int dirfd, const char *name, int *ret_fd, struct dv_err *e) DV_MUST_USE;
int layer_usage(int dirfd, const char *name, uint64_t *ret, struct dv_err *e) DV_MUST_USE;
int layer_check(int dirfd, const char *name, const struct digest *diff_id, struct dv_err *e) DV_MUST_USE;
