/* packet.h - unix sockets that keep messages apart (SOCK_SEQPACKET), by directory and name as in fd.h. */
#pragma once

#include "base/err.h"

/* Only its owner may connect (mode 0600). EXISTS when the name is there. */
int packet_listen(int dirfd, const char *name, int backlog, int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* NOT_FOUND: no such name; UNAVAILABLE: nobody listens any more. */
int packet_connect(int dirfd, const char *name, int *ret_fd, struct dv_err *e) DV_MUST_USE;
