/* spec.c - spec: a configuration to start from. */
#include <fcntl.h>

#include "base/fd.h"
#include "base/file.h"
#include "oci/spec.h"
#include "ocicli/ocicli.h"

struct spec_args {
	const char *bundle;
	bool rootless;
};
static const struct opt opts[] = {
	{ .name = "bundle", .letter = 'b', .kind = OPT_STR, .arg = "DIR", .offset = offsetof(struct spec_args, bundle),
	  .help = "Directory of the bundle (default: the working directory)" },
	{ .name = "rootless", .kind = OPT_BOOL, .offset = offsetof(struct spec_args, rootless),
	  .help = "For a user without the rights of root" },
	{ 0 }
};

static int run(struct verb_call *c, struct dv_err *e)
{
	const struct spec_args *a = c->args;
	auto_buf struct buf b = BUF_INIT(1 << 20);
	auto_close int dir = -1, fd = -1;
	int r;

	json_write(&b, spec_default(c->arena, a->rootless, geteuid(), getegid()), JSON_PRETTY);
	buf_char(&b, '\n');
	if ((r = file_open(AT_FDCWD, a->bundle ? a->bundle : ".", O_RDONLY | O_DIRECTORY, 0, &dir, e)) < 0)
		return dv_wrap(e, "bundle");
	r = file_open(dir, "config.json", O_WRONLY | O_CREAT | O_EXCL, 0644, &fd, e);
	if (r == -DV_EXISTS)
		return dv_fail(e, DV_EXISTS, "file config.json exists. Remove it first");
	return r < 0 ? r : fd_write_all(fd, b.p, b.len, "config.json", e);
}

static const char *const examples[] = { "davit-oci spec", "davit-oci spec --rootless -b /srv/web", NULL };
const struct verb verb_spec = {
	.name = "spec", .summary = "Write a config.json to start from", .examples = examples, .opts = opts,
	.args_size = sizeof(struct spec_args), .run = run,
};
