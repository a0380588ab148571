/* notify.c - the socket between a container and the service manager. */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/str.h"
#include "oci/notify.h"

#define DIR_NAME "notify"
#define SOCKET_NAME "notify.sock"
#define INSIDE "/run/notify"

int notify_bind(int state_dir, bool make, int *ret_fd, struct dv_err *e)
{
	auto_close int dir = -1, fd = -1;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int r;

	if (make && mkdirat(state_dir, DIR_NAME, 0755) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make the directory of the notify socket");
	if ((r = file_open(state_dir, DIR_NAME, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &dir, e)) < 0 ||
	    (r = fd_socket(AF_UNIX, SOCK_DGRAM, 0, &fd, e)) < 0)
		return r;
	(void)unlinkat(dir, SOCKET_NAME, 0);
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "/proc/self/fd/%d/" SOCKET_NAME, dir);
	/* The program inside may be anybody. */
	if (bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 || fchmodat(dir, SOCKET_NAME, 0777, 0) < 0)
		return dv_fail_errno(e, errno, "bind the notify socket");
	*ret_fd = take_fd(&fd);
	return 0;
}

void notify_configure(struct arena *a, const char *state_dir, struct spec *s)
{
	static const char *options[] = { "bind", "nosuid", "noexec", "nodev", "ro", NULL };
	struct spec_mount *mounts = arena_array(a, struct spec_mount, s->mounts.n + 1);
	struct spec_process *p = s->process;
	const char **env;
	size_t n = 0;

	if (s->mounts.n)
		memcpy(mounts, s->mounts.items, s->mounts.n * sizeof *mounts);
	mounts[s->mounts.n] = (struct spec_mount){ .destination = INSIDE, .type = "bind", .options = options,
						   .source = arena_printf(a, "%s/" DIR_NAME, state_dir) };
	s->mounts.items = mounts;
	s->mounts.n++;
	if (!p)
		return;
	while (p->env && p->env[n])
		n++;
	env = arena_array(a, const char *, n + 2);
	for (size_t i = 0; i < n; i++)
		env[i] = p->env[i];
	env[n] = "NOTIFY_SOCKET=" INSIDE "/" SOCKET_NAME;
	p->env = env;
}

static int tell(const char *host, pid_t pid, struct dv_err *e)
{
	auto_close int fd = -1;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len = strlen(host);
	char text[64];
	int n = pid ? snprintf(text, sizeof text, "READY=1\nMAINPID=%d\n", (int)pid) :
		      snprintf(text, sizeof text, "READY=1\n");
	int r = fd_socket(AF_UNIX, SOCK_DGRAM, 0, &fd, e);

	if (r < 0)
		return r;
	if (len >= sizeof sa.sun_path)
		return dv_fail(e, DV_INVALID, "NOTIFY_SOCKET: the path is too long");
	memcpy(sa.sun_path, host, len);
	if (*host == '@')
		sa.sun_path[0] = '\0';
	if (sendto(fd, text, (size_t)n, MSG_NOSIGNAL, (struct sockaddr *)&sa,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		return dv_fail_errno(e, errno, "NOTIFY_SOCKET %s", host);
	return 0;
}

static bool says_ready(const char *text, size_t len)
{
	struct scan s = scan_of(text, len);
	const char *line;
	size_t n;

	while (scan_until(&s, '\n', &line, &n))
		if (n == 7 && memcmp(line, "READY=1", 7) == 0)
			return true;
	return false;
}

int notify_relay(int fd, int pidfd, pid_t pid, const char *host, struct dv_err *e)
{
	for (;;) {
		struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };
		char text[4096];
		ssize_t n;

		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return dv_fail_errno(e, errno, "wait for the service to be ready");
		}
		/* What it said before it ended counts. */
		if (p[0].revents) {
			n = recv(fd, text, sizeof text, MSG_DONTWAIT);
			if (n > 0 && says_ready(text, (size_t)n))
				return tell(host, pid, e);
		} else if (p[1].revents) {
			return 0;
		}
	}
}
