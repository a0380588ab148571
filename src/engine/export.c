/* export.c - a container's root, through its first process or mounted once more, as a tar. */
#include "engine/events.h"
#include "engine/export.h"
#include "engine/root.h"
#include "image/tarwalk.h"

int engine_export(struct engine *g, struct arena *a, const char *ref, int out_fd, const char *what, struct dv_err *e)
{
	static const struct tarwalk_options options = { .one_filesystem = true, .plain_names = true };
	auto_ctr_root struct ctr_root root = CTR_ROOT_NONE;
	struct ctr *c = NULL;
	int r;

	if ((r = ctr_get(g, a, ref, &c, e)) < 0 || (r = ctr_root_open(g, a, c, false, &root, e)) < 0 ||
	    (r = ctr_root_share(&root, g, e)) < 0)
		return r;
	event_ctr(g, c, "export", NULL, NULL);
	return tar_walk(root.fd, out_fd, what, &options, e);
}
