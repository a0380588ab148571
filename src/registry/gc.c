/* gc.c - the rows, then the files. */
#include "image/gc.h"
#include "registry/gc.h"

int registry_gc(struct image_store *s, struct arena *a, const struct registry_gc_options *o,
		struct registry_gc_result *ret, struct dv_err *e)
{
	struct meta_gc_options m = { o->dry_run, o->delete_untagged, o->grace_s };
	/* What left a repository was in the store for long: the store's grace is that of uploads that have just ended. */
	struct gc_options files = { .dry_run = o->dry_run };
	struct gc_result gone = { 0 };
	struct registry_gc_result r = { 0 };
	int rc = 0;

	files.grace_s = o->grace_s <= 0 ? o->grace_s : DV_MIN(o->grace_s, (int64_t)GC_GRACE_S);
	rc = meta_gc(s, a, &m, &r.meta, e);
	if (rc == 0)
		rc = image_gc(s, &files, a, &gone, e);
	if (rc < 0)
		return dv_wrap(e, "collect");
	r.files = gone.gone;
	r.file_bytes = gone.gone_bytes;
	*ret = r;
	return 0;
}
