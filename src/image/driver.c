/* driver.c - the table of layer drivers, and calls that find the driver by what lies there. */
#include <errno.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "image/driver.h"
#include "image/driver_parts.h"

const struct layer_driver *const layer_drivers[] = { &layer_driver_dirs, &layer_driver_erofs, NULL };

const struct layer_driver *layer_driver_find(const char *name)
{
	for (size_t i = 0; layer_drivers[i]; i++)
		if (streq(layer_drivers[i]->name, name))
			return layer_drivers[i];
	return NULL;
}

int layer_driver_of(int dirfd, const char *name, const struct layer_driver **ret, struct dv_err *e)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return dv_fail_errno(e, errno, "%s", name);
	for (size_t i = 0; layer_drivers[i]; i++) {
		if (layer_drivers[i]->type == (st.st_mode & S_IFMT)) {
			*ret = layer_drivers[i];
			return 0;
		}
	}
	return dv_fail(e, DV_CORRUPT, "%s is not a layer", name);
}

static int source_drain(const struct tar_source *src, struct dv_err *e)
{
	const void *p;
	size_t len;
	int rc;

	while ((rc = src->next(src->ctx, &p, &len, e)) > 0)
		;
	return rc;
}

int layer_make(const struct layer_driver *d, int dirfd, const char *name, const struct tar_source *src,
	       const struct unpack_options *o, struct unpack_result *ret, struct dv_err *e)
{
	int rc = d->make(dirfd, name, src, o, ret, e);

	if (rc < 0 && !(rc == -DV_UNAVAILABLE && o->blind))
		return rc;
	/* Over the reader's head: what it had of the last piece, it has read. */
	int end = source_drain(src, e);
	return end < 0 ? end : rc;
}

int layer_open(int dirfd, const char *name, int *ret_fd, struct dv_err *e)
{
	const struct layer_driver *d;
	int rc = layer_driver_of(dirfd, name, &d, e);

	return rc < 0 ? rc : d->open(dirfd, name, ret_fd, e);
}

int layer_usage(int dirfd, const char *name, uint64_t *ret, struct dv_err *e)
{
	const struct layer_driver *d;
	int rc = layer_driver_of(dirfd, name, &d, e);

	return rc < 0 ? rc : d->usage(dirfd, name, ret, e);
}

int layer_check(int dirfd, const char *name, const struct digest *diff_id, struct dv_err *e)
{
	const struct layer_driver *d;
	int rc = layer_driver_of(dirfd, name, &d, e);

	return rc < 0 ? rc : d->check(dirfd, name, diff_id, e);
}
