/* attach.h - our terminal, or our input and output, are a container's: the command line's end of its monitor's socket. */
#pragma once

#include "engine/engine.h"
#include "engine/keys.h"

struct attach_opts {
	bool in;                        /* our standard input is its */
	bool out;                       /* its output is ours, both streams */
	bool no_stdout, no_stderr;      /* but these not */
	bool tty;                       /* it has a terminal */
	bool sig_proxy;                 /* signals that we get go to it */
	const char *detach_keys;        /* "ctrl-p,ctrl-q"; NULL: that; "": none */
};

struct attach;

/* Signals are held back from here on. INVALID: the keys. */
int attach_new(const struct attach_opts *o, struct attach **ret, struct dv_err *e) DV_MUST_USE;
/* Restores terminal and signals. */
void attach_free(struct attach *at);
/* enum attach_flags for a job. */
uint32_t attach_flags(const struct attach *at);
/* For a connection that was made later: asks to be attached. */
int attach_begin(struct attach *at, int sock, struct dv_err *e) DV_MUST_USE;

enum { ATTACH_ENDED = 2, ATTACH_ENDED_AGAIN, ATTACH_DETACHED, ATTACH_LOST };
/* Until the container ends (*ret_code: its exit status, -1: unknown; ATTACH_ENDED_AGAIN: its policy starts it again), the user types the detach keys, or the monitor is
 * gone without a word. sock stays the caller's. */
int attach_serve(struct attach *at, int sock, int *ret_code, struct dv_err *e) DV_MUST_USE;
/* The monitor has put things away when it closes its end. */
void attach_wait_closed(int sock);
