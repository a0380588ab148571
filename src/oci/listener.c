/* listener.c - the seccomp agent protocol of runtime-spec. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "oci/listener.h"
#include "oci/spec.h"

int listener_pass(int pidfd, int their_fd, const struct seccomp_filter *filter, struct json *state, pid_t pid,
		  struct arena *a, struct dv_err *e)
{
	auto_close int notify = (int)syscall(SYS_pidfd_getfd, pidfd, their_fd, 0), sock = -1;
	struct json *fds = json_new_array(a);
	const char *text;
	int r;

	if (notify < 0)
		return dv_fail_errno(e, errno, "take the seccomp listener out of the process");
	json_append(a, fds, json_new_str(a, "seccompFd"));
	text = json_text(a,
			 json_obj(a, "ociVersion", json_new_str(a, SPEC_VERSION), "fds", fds, "pid", json_new_i64(a, pid),
				  "metadata",
				  filter->listener_metadata ? json_new_str(a, filter->listener_metadata) : NULL,
				  "state", state, NULL),
			 JSON_COMPACT);
	if ((r = fd_unix_connect(AT_FDCWD, filter->listener_path, &sock, e)) < 0 ||
	    (r = fd_send_msg(sock, text, strlen(text), &notify, 1, e)) < 0)
		return dv_wrap(e, "seccomp listener");
	return 0;
}
