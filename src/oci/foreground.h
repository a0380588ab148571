/* foreground.h - a process in the foreground: signals go to it, its terminal is ours, its exit status is ours. */
#pragma once

#include "oci/container.h"

struct foreground;

/* Before the process is made. With a terminal: *ret_console_fd is what the runtime shall send the master to
 * (the caller passes it as console_fd); -1 without. Signals are blocked from here on. */
int foreground_new(bool terminal, struct foreground **ret, int *ret_console_fd, struct dv_err *e) DV_MUST_USE;
/* What is typed passes through this, which may say that the user leaves the process (foreground_left()). out has room for
 * n + FOREGROUND_EXTRA bytes. Before foreground_wait(). */
#define FOREGROUND_EXTRA 64
typedef size_t foreground_filter(void *ctx, const char *in, size_t n, char *out, bool *ret_leave);
void foreground_set_filter(struct foreground *f, foreground_filter *filter, void *ctx);
/* After foreground_wait(), which then returned 0: the process lives on, and its terminal (the caller's now) must be read. */
bool foreground_left(struct foreground *f, int *ret_master);
/* Until the process ends: relays terminal and signals. Returns its exit status (128 + n for a signal). */
int foreground_wait(struct foreground *f, const struct container_started *p, struct dv_err *e) DV_MUST_USE;
/* Restores the terminal and the signal mask. */
void foreground_free(struct foreground *f);
