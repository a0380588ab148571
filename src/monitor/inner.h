/* inner.h - a monitor's parts. Private to src/monitor. */
#pragma once

#include <sys/types.h>

#include "base/list.h"
#include "base/loop.h"
#include "monitor/job.h"
#include "monitor/outlog.h"
#include "monitor/policy.h"
#include "monitor/protocol.h"
#include "monitor/record.h"
#include "oci/container.h"

#define CLIENTS_MAX 64
#define CHUNK_BYTES 16384

struct client {
	struct list link;
	struct monitor *m;
	int sock;
	struct loop_source *source;
	uint32_t attached;              /* enum attach_flags */
	bool pending;                   /* has not taken m->news yet */
	bool gone;
};

/* A stream out of the container. */
struct output {
	struct monitor *m;
	int stream, fd;
	struct loop_source *source;
	bool ended;                     /* a terminal whose other side is closed */
};

struct stdin_queue {
	int fd;                         /* FIFO or terminal; -1: closed */
	struct loop_source *source;     /* while something waits */
	size_t start, end;
	bool eof_follows;
	char data[MSG_BODY_MAX];
};

struct health;

struct monitor {
	struct loop *loop;
	struct arena arena;             /* of the job's strings */
	struct job job;
	struct arena box_arena;         /* of the two below; given back when the container has lived for a while */
	struct json *config;            /* OCI, while the container is made */
	int fds[JOB_FDS];
	int run, dir;                   /* the container's directories in RUNROOT and ROOT */
	int live_fd, exit_fd;
	int oom_score;                  /* ours at the beginning */
	struct record rec;
	char *name;                     /* since it was renamed; NULL: the job's */

	/* the container */
	struct container box;
	struct container_started started;
	bool tty, lives, reaped, stopping;
	bool restart_wanted;            /* whatever the policy says: the health check did not like it */
	int status;                     /* of waitpid(2); -1: unknown */
	int64_t began_ms;
	struct policy policy;
	struct backoff backoff;
	struct loop_source *child, *restart_timer, *life_timer, *kill_timer, *trim_timer, *reap_timer,
		*finish_task;

	/* streams */
	struct output out[2];
	struct stdin_queue in;
	struct outlog *log;
	char chunk[CHUNK_BYTES];
	struct msg news;                /* what clients with `pending` still have to get; its body is in chunk */
	unsigned n_pending;

	struct list clients;
	unsigned n_clients;
	struct client *creator;
	int listen_fd;
	struct loop_source *listen_source;

	struct health *health;
};

/* --- box.c: the container's process --- */
int box_start(struct monitor *m, bool *ret_no_program, struct dv_err *e) DV_MUST_USE;
int box_adopt(struct monitor *m, struct dv_err *e) DV_MUST_USE;
void box_signal(struct monitor *m, int sig);
/* Stop signal, and SIGKILL when it has not ended by then. */
void box_stop(struct monitor *m);
/* Gives back what only short lives profit from. */
void box_trim(struct monitor *m);
/* Runtime state and cgroup go. */
void box_delete(struct monitor *m);
bool box_oom_killed(struct monitor *m);
/* While we make a process it must not inherit our protection from the OOM killer. */
void box_oom_score(struct monitor *m, bool protect);

/* --- stdio.c --- */
/* The container's ends become our descriptors 0 to 2. */
int stdio_make(struct monitor *m, bool anew, struct dv_err *e) DV_MUST_USE;
/* After the start: takes the terminal, reads from now on. */
int stdio_begin(struct monitor *m, struct dv_err *e) DV_MUST_USE;
void stdio_end(struct monitor *m);
void stdio_pause(struct monitor *m, bool pause);
/* All that is there; false when a client must take some of it first. */
bool stdio_drain(struct monitor *m);
void stdio_input(struct monitor *m, const char *data, size_t len);
void stdio_input_eof(struct monitor *m);
void stdio_resize(struct monitor *m, int64_t rows, int64_t columns);

/* --- clients.c --- */
int clients_listen(struct monitor *m, struct dv_err *e) DV_MUST_USE;
int clients_add(struct monitor *m, int sock, struct client **ret, struct dv_err *e) DV_MUST_USE;
/* m->news to everybody whom it concerns. */
void clients_tell(struct monitor *m);
/* Those who give stdin wait while the container has not taken it. */
void clients_pause_input(struct monitor *m, bool pause);
void clients_close(struct monitor *m);

/* --- network.c --- */
/* The container has ended for good: ports, names and rules are free. */
void network_leave(struct monitor *m);

/* --- life.c --- */
int life_begin(struct monitor *m, struct dv_err *e) DV_MUST_USE;
/* The end was seen, or what was in the way of finishing it is gone. */
void life_progress(struct monitor *m);
void life_user_stop(struct monitor *m);
int life_set_policy(struct monitor *m, const char *text, size_t len, struct dv_err *e) DV_MUST_USE;
void life_write(struct monitor *m);

/* --- tell.c: events. None fails: what cannot be told is logged. --- */
/* With "key": value unless key is NULL. */
void tell_event(struct monitor *m, const char *action, const char *key, const char *value);
/* Of m->rec. */
void tell_end(struct monitor *m);

/* --- health.c --- */
int health_begin(struct monitor *m, struct dv_err *e) DV_MUST_USE;
void health_end(struct monitor *m);
/* For a client that wants the result of a check made now; false: there is none to make. */
bool health_ask(struct monitor *m, struct client *c);
void health_forget(struct monitor *m, const struct client *c);
