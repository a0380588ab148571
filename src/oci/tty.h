/* tty.h - the container's terminal, taken from its own devpts. */
#pragma once

#include <stdint.h>

#include "base/err.h"

/* Opens a new pair in the devpts at dev/pts below root_fd: never by the path of a slave. */
int tty_open(int root_fd, uint32_t height, uint32_t width, int *ret_master, int *ret_slave, struct dv_err *e) DV_MUST_USE;
/* Puts the slave on /dev/console of the root. */
int tty_bind_console(int root_fd, int slave, struct dv_err *e) DV_MUST_USE;
/* The master to whoever listens on the console socket, as runc does: its name and one descriptor. */
int tty_send(int socket_fd, int master, struct dv_err *e) DV_MUST_USE;
/* New session, controlling terminal, stdin, stdout, stderr. */
int tty_adopt(int slave, struct dv_err *e) DV_MUST_USE;
