/* fd.h - file descriptors: every one close-on-exec, every one owned.
 *
 * Raw socket(), pipe(), dup() and accept() are banned outside base: the
 * functions here set close-on-exec and retry EINTR.
 */
#pragma once

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"

static inline void fd_auto_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}
#define auto_close __attribute__((cleanup(fd_auto_close)))
#define take_fd(fdp) __extension__({ int taken_ = *(fdp); *(fdp) = -1; taken_; })

/* Close and forget; keeps errno. Takes -1. */
void fd_close(int *fd);

int fd_pipe(int ret_fds[2], struct dv_err *e) DV_MUST_USE;
/* AF_UNIX pair; type is SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM. */
int fd_socketpair(int type, int ret_fds[2], struct dv_err *e) DV_MUST_USE;
int fd_dup(int fd, int *ret_fd, struct dv_err *e) DV_MUST_USE;
int fd_socket(int domain, int type, int proto, int *ret_fd, struct dv_err *e) DV_MUST_USE;
int fd_accept(int fd, int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* The same, non-blocking, with the other side's address. e->sys is the errno; EAGAIN: none waits. */
int fd_accept_from(int fd, struct sockaddr_storage *ret_addr, socklen_t *ret_len, int *ret_fd,
		   struct dv_err *e) DV_MUST_USE;
/* Connect to or listen on the unix socket `name` in directory dirfd, however long
 * the directory's own path is (sun_path has 108 bytes; this goes by /proc/self/fd). */
int fd_unix_connect(int dirfd, const char *name, int *ret_fd, struct dv_err *e) DV_MUST_USE;
int fd_unix_listen(int dirfd, const char *name, int backlog, int *ret_fd, struct dv_err *e) DV_MUST_USE;

/* All of it, whatever the number of system calls. `what` names the file in errors. */
int fd_write_all(int fd, const void *data, size_t len, const char *what, struct dv_err *e) DV_MUST_USE;
/* Up to the end of file; LIMIT past b's maximum. */
int fd_read_to(int fd, struct buf *b, const char *what, struct dv_err *e) DV_MUST_USE;
/* Exactly len bytes; returns how many were there before the end of file. */
ssize_t fd_read_full(int fd, void *data, size_t len, const char *what, struct dv_err *e) DV_MUST_USE;

/* One message with up to n descriptors (SCM_RIGHTS). Receiving fills ret_fds with -1 where none came;
 * returns the bytes received, 0 at the end. Received descriptors are close-on-exec; more than n are closed.
 * Data must not be empty. LIMIT when a packet is larger than len. */
int fd_send_msg(int sock, const void *data, size_t len, const int *fds, size_t n, struct dv_err *e) DV_MUST_USE;
ssize_t fd_recv_msg(int sock, void *data, size_t len, int *ret_fds, size_t n, struct dv_err *e) DV_MUST_USE;

/* Close-on-exec for every descriptor from `first` up (close_range, or /proc/self/fd without it). */
int fd_cloexec_from(int first, struct dv_err *e) DV_MUST_USE;
/* Closes every descriptor from `first` up but those n, which are sorted in place. */
int fd_keep_only(int first, int *keep, size_t n, struct dv_err *e) DV_MUST_USE;
int fd_set_cloexec(int fd, bool on, struct dv_err *e) DV_MUST_USE;
int fd_set_nonblock(int fd, bool on, struct dv_err *e) DV_MUST_USE;
