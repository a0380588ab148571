/* engine.c - open and close; who we are and which boot this is. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/ctr.h"
#include "engine/engine.h"
#include "oci/self.h"

struct engine {
	struct image_store *images;
	int runfd;
	char *runroot, *oci_root;
	char boot[64];
	bool fresh;                     /* nobody was here since the machine started */
	struct proc_id self;
};

static int make_dirs(const char *path, struct dv_err *e)
{
	auto_close int top = -1;
	int r;

	if (mkdir(path, 0711) == 0 || errno == EEXIST)
		return 0;
	if ((r = file_open(AT_FDCWD, *path == '/' ? "/" : ".", O_PATH | O_DIRECTORY, 0, &top, e)) < 0)
		return r;
	return file_mkdirs(top, path + strspn(path, "/"), 0711, NULL, e);
}

/* 0711: the container's users must reach the files that are bound from here. */
static int open_run(struct engine *g, const char *runroot, struct dv_err *e)
{
	int r = file_open(AT_FDCWD, runroot, O_RDONLY | O_DIRECTORY, 0, &g->runfd, NULL);

	g->fresh = r == -DV_NOT_FOUND;
	if (g->fresh && (r = make_dirs(runroot, e)) < 0)
		return r;
	if (g->runfd < 0 && (r = file_open(AT_FDCWD, runroot, O_RDONLY | O_DIRECTORY, 0, &g->runfd, e)) < 0)
		return r;
	g->runroot = realpath(runroot, NULL);
	if (!g->runroot)
		return dv_fail_errno(e, errno, "%s", runroot);
	g->oci_root = mem_printf("%s/oci", g->runroot);
	return 0;
}

static int read_boot(struct engine *g, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(256);
	int r = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &b, e);

	if (r < 0)
		return r;
	(void)snprintf(g->boot, sizeof g->boot, "%.36s", buf_cstr(&b));
	return 0;
}

int engine_open(const char *root, const char *runroot, struct engine **ret, struct dv_err *e)
{
	struct engine *g = mem_new(struct engine);
	int r;

	g->runfd = -1;
	if ((r = image_store_open(root, &g->images, e)) < 0 || (r = open_run(g, runroot, e)) < 0 ||
	    (r = read_boot(g, e)) < 0 || (r = proc_identify(getpid(), &g->self, e)) < 0 ||
	    (r = ctr_migrate(g, e)) < 0) {
		engine_close(g);
		return r;
	}
	*ret = g;
	return 0;
}

void engine_close(struct engine *g)
{
	if (!g)
		return;
	image_store_close(g->images);
	fd_close(&g->runfd);
	free(g->runroot);
	free(g->oci_root);
	free(g);
}

struct image_store *engine_images(const struct engine *g) { return g->images; }
struct db *engine_db(const struct engine *g) { return image_store_db(g->images); }
int engine_rootfd(const struct engine *g) { return image_store_rootfd(g->images); }
int engine_runfd(const struct engine *g) { return g->runfd; }
bool engine_fresh(const struct engine *g) { return g->fresh; }
const char *engine_root(const struct engine *g) { return image_store_root(g->images); }
const char *engine_runroot(const struct engine *g) { return g->runroot; }
const char *engine_oci_root(const struct engine *g) { return g->oci_root; }
const char *engine_boot(const struct engine *g) { return g->boot; }
const struct proc_id *engine_self(const struct engine *g) { return &g->self; }

int engine_protect(struct dv_err *e)
{
	return self_protect(e);
}
