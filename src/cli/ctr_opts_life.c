/* ctr_opts_life.c - files that scripts wait for. */
#include "base/file.h"
#include "base/str.h"
#include "cli/ctr_opts.h"
#include "cli/ctr_opts_life.h"

const char *const ctr_bools[] = { "true", "false", "1", "0", NULL };

bool ctr_bool(const char *value)
{
	return !value || (!streq(value, "false") && !streq(value, "0"));
}

int ctr_check_cidfile(const char *path, struct dv_err *e)
{
	if (!path || access(path, F_OK) < 0)
		return 0;
	return dv_fail(e, DV_EXISTS, "Container ID file found, make sure the other container isn't running or delete %s", path);
}

int ctr_write_file(const char *path, const char *text, struct dv_err *e)
{
	auto_close int fd = -1;
	int r;

	if (!path)
		return 0;
	r = file_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0644, &fd, e);
	return r < 0 ? r : fd_write_all(fd, text, strlen(text), path, e);
}
