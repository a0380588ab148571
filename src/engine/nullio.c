/* nullio.c - the null device in place of our own descriptors. */
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/nullio.h"

static int replace(int fd, int flags, struct dv_err *e)
{
	int got = -1, r;

	/* The lowest free descriptor is the one that was closed. */
	(void)close(fd);
	r = file_open(AT_FDCWD, "/dev/null", flags, 0, &got, e);
	return r < 0 ? r : fd_set_cloexec(got, false, e);
}

int stdin_null(struct dv_err *e)
{
	return replace(STDIN_FILENO, O_RDONLY, e);
}

int stdio_null(struct dv_err *e)
{
	int r = stdin_null(e);

	if (r >= 0)
		r = replace(STDOUT_FILENO, O_WRONLY, e);
	return r < 0 ? r : replace(STDERR_FILENO, O_WRONLY, e);
}
