/* run.c - proc_run(): a program with input and captured output, under a time limit. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/deadline.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/proc.h"

#define OUTPUT_CHUNK_BYTES 16384

/* A file instead of a pipe for stdin: nothing to feed, no SIGPIPE, no deadlock. */
static int input_file(const void *input, size_t len, int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	int r;

	if (!len)
		return file_open(AT_FDCWD, "/dev/null", O_RDONLY, 0, ret_fd, e);
	fd = memfd_create("input", MFD_CLOEXEC);
	if (fd < 0)
		return dv_fail_errno(e, errno, "make a memory file for input");
	r = fd_write_all(fd, input, len, "the input of a program", e);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return dv_fail_errno(e, errno, "rewind the input of a program");
	*ret_fd = take_fd(&fd);
	return 0;
}

/* One read from the non-blocking pipe; true while more may be there at once. */
static bool take_output(int fd, struct buf *out, bool *eof)
{
	char chunk[OUTPUT_CHUNK_BYTES];
	ssize_t n;

	do
		n = read(fd, chunk, sizeof chunk);
	while (n < 0 && errno == EINTR);
	if (n <= 0) {
		*eof = n == 0 || errno != EAGAIN;
		return false;
	}
	if (out) {
		size_t fits = DV_MIN((size_t)n, out->max - out->len);

		buf_add(out, chunk, fits);
		if (fits < (size_t)n)
			out->over = true;
	}
	return true;
}

/* Until the process ends; what it left in the pipe is taken then, but no one who inherited it is
 * waited for. */
static int follow_output(int pidfd, int fd, struct buf *out, int timeout_ms, struct dv_err *e)
{
	struct pollfd pf[2] = { { .fd = pidfd, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	int64_t deadline = deadline_in(timeout_ms);
	bool eof = false;

	for (;;) {
		int n = poll(pf, 2, deadline_left(deadline));

		if (n < 0 && errno != EINTR)
			return dv_fail_errno(e, errno, "wait for a program");
		if (n == 0)
			return dv_fail(e, DV_TIMEOUT, "did not end within %d ms", timeout_ms);
		if (n > 0 && pf[0].revents) {
			/* bounded: a grandchild may write for ever */
			for (int i = 0; i < 256 && take_output(fd, out, &eof); i++)
				;
			return 0;
		}
		if (n > 0 && pf[1].revents)
			(void)take_output(fd, out, &eof);
		if (eof)
			pf[1].fd = -1;
	}
}

static void kill_child(const struct proc_spawn *s, pid_t pid)
{
	(void)kill(s->own_session ? -pid : pid, SIGKILL);     /* not reaped yet: the number is still its own */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int proc_run(const struct proc_spawn *s, const void *input, size_t len, struct buf *out, int timeout_ms,
	     int *ret_status, struct dv_err *e)
{
	auto_close int in = -1, out_r = -1, out_w = -1, pidfd = -1;
	auto_free struct proc_map *fds = mem_alloc(mem_mul(s->n_fds + 3, sizeof *fds));
	struct proc_spawn with = *s;
	int p[2], r;
	pid_t pid;

	r = input_file(input, len, &in, e);
	if (r < 0 || (r = fd_pipe(p, e)) < 0)
		return r;
	out_r = p[0];
	out_w = p[1];
	fds[0] = (struct proc_map){ in, 0 };
	fds[1] = (struct proc_map){ out_w, 1 };
	fds[2] = (struct proc_map){ out_w, 2 };
	if (s->n_fds)
		memcpy(fds + 3, s->fds, s->n_fds * sizeof *fds);
	with.fds = fds;
	with.n_fds = s->n_fds + 3;
	r = fd_set_nonblock(out_r, true, e);
	if (r < 0 || (r = proc_spawn(&with, &pid, &pidfd, e)) < 0)
		return r;
	fd_close(&out_w);
	r = follow_output(pidfd, out_r, out, timeout_ms, e);
	if (r < 0) {
		kill_child(s, pid);
		return dv_wrap(e, "run %s", s->path);
	}
	return proc_wait(pid, ret_status, e);
}
