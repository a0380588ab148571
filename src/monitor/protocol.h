/* protocol.h - what command lines and a container's monitor say to each other.
 *
 * One packet of a SOCK_SEQPACKET socket is one message: a head of MSG_HEAD bytes, then its body. A decoder accepts exactly
 * what an encoder makes, anything else is INVALID and the connection is closed. All numbers are of this machine: both
 * ends are.
 *
 * The creator's connection is a socket pair from before the monitor runs: its first message is MSG_JOB, with the
 * descriptors of enum job_fd; the first answer is MSG_STARTED or MSG_FAILED. Everybody else connects to the socket
 * "attach" in the container's run directory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MSG_BODY_MAX 32768

enum msg_type {
	/* to the monitor */
	MSG_JOB = 1,            /* descriptors, no body */
	MSG_ATTACH,             /* flags: enum attach_flags; a: rows, b: columns of the client's terminal, 0: none */
	MSG_STDIN,              /* body */
	MSG_STDIN_EOF,
	MSG_RESIZE,             /* a: rows, b: columns */
	MSG_SIGNAL,             /* a: for its first process */
	MSG_DETACH,             /* this client goes, its stdin stays open */
	MSG_USER_STOP,          /* the user ends it: no restart any more. Answered by MSG_OK */
	MSG_HEALTH,             /* run the check now. Answered by MSG_HEALTH_RESULT */
	MSG_UPDATE,             /* body: restart policy as its flag says. Answered by MSG_OK or MSG_FAILED */
	MSG_RENAME,             /* body: its name from now on. Answered by MSG_OK */
	/* from the monitor */
	MSG_STARTED = 32,       /* a: pid, b: its start time */
	MSG_FAILED,             /* flags: exit status for the shell; a: enum dv_kind; body: the message */
	MSG_OUT,                /* flags: stream 1 or 2; body */
	MSG_EXITED,             /* flags: enum exit_flags; a: exit status (128 + N for a signal), -1: unknown */
	MSG_OK,
	MSG_HEALTH_RESULT,      /* flags: enum health_status; a: exit status of the check; body: its output */
};

enum attach_flags { ATTACH_IN = 1, ATTACH_OUT = 2, ATTACH_ERR = 4, ATTACH_WAITS = 8 /* back-pressure instead of loss */ };
enum exit_flags { EXITED_OOM = 1, EXITED_AGAIN = 2 /* it is started again */ };

enum job_fd {
	JOB_TEXT,               /* a memory file with the job as JSON (job.h) */
	JOB_LOCK,               /* the container's run directory, locked: the monitor lets go when it has answered */
	JOB_RUN_TOP,            /* RUNROOT/containers */
	JOB_ROOT_TOP,           /* ROOT/containers */
	JOB_ROOT_MOUNT,         /* the container's root, detached; absent for an adoption */
	JOB_NETNS,              /* absent: the configuration says */
	JOB_PORTS,              /* holds ports of the host as long as it is open; absent: none */
	JOB_FDS
};

struct msg {
	enum msg_type type;
	uint32_t flags;
	int64_t a, b;
	const char *body;
	size_t len;
};

#define MSG_HEAD 24
#define MSG_MAX (MSG_HEAD + MSG_BODY_MAX)

/* The packet's bytes into out (MSG_MAX bytes); returns their number. */
size_t msg_encode(const struct msg *m, char *out);
/* m->body points into data. INVALID. */
int msg_decode(const char *data, size_t len, struct msg *ret, struct dv_err *e) DV_MUST_USE;

/* --- over a socket --- */

/* Without descriptors; UNAVAILABLE when the socket does not block and is full. */
int msg_send(int sock, const struct msg *m, struct dv_err *e) DV_MUST_USE;
/* The job: fds has JOB_FDS entries, -1 for what is absent. */
int msg_send_job(int sock, const int *fds, struct dv_err *e) DV_MUST_USE;
/* The first message of the creator; absent ones are -1. INVALID, or NOT_FOUND when the creator is gone. */
int msg_recv_job(int sock, int *ret_fds, struct dv_err *e) DV_MUST_USE;
/* 1 with a message (in `space`, MSG_MAX bytes), 0 at the end; UNAVAILABLE when none is there and the socket does not
 * block. */
int msg_recv(int sock, char *space, struct msg *ret, struct dv_err *e) DV_MUST_USE;
/* MSG_FAILED of an error, and back. */
int msg_send_failed(int sock, int status, const struct dv_err *why, struct dv_err *e) DV_MUST_USE;
int msg_failed(const struct msg *m, struct dv_err *e);
