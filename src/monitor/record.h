/* record.h - what a monitor has to tell, in a file of fixed size that is written in place.
 *
 *	RUNROOT/containers/ID/monitor   while it lives: locked (fcntl) by the monitor, so the lock is the proof of life and
 *	                                names the monitor's pid
 *	ROOT/containers/ID/exit         how the container ended; the room is there before it starts, so that a full disk
 *	                                takes nothing away
 *
 * A record that was cut off half way fails its checksum and counts as none.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/proc.h"

#define RECORD_LIVE "monitor"
#define RECORD_EXIT "exit"

enum record_state { RECORD_STARTING = 1, RECORD_RUNNING, RECORD_WAITING /* for its restart */, RECORD_ENDED };
enum health_status { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

struct record {
	enum record_state state;
	struct proc_id monitor, init;           /* init: pid 0 when there is none */
	int64_t started_ns, finished_ns;        /* since 1970 */
	int code;                               /* exit status of the last end, -1: unknown or not yet */
	bool oom, user_stopped, removed;        /* removed: a --rm container of which only the row is left */
	unsigned restarts;
	enum health_status health;
	unsigned failing;                       /* checks in a row */
	uint64_t dropped;                       /* bytes of output that no log took */
	char boot[40];                          /* this boot's id */
};

/* Makes the file with its room in directory dir, empty (a record that counts as none). With lock: ours until *ret_fd
 * is closed; CONFLICT when another process has it. */
int record_make(int dir, const char *name, bool lock, int *ret_fd, struct dv_err *e) DV_MUST_USE;
int record_write(int fd, const struct record *r, bool sync, struct dv_err *e) DV_MUST_USE;
/* NOT_FOUND: no file; INVALID: no whole record. *ret_alive: a monitor holds it (also without a whole record; may be
 * NULL). */
int record_read(int dir, const char *name, struct record *ret, bool *ret_alive, struct dv_err *e) DV_MUST_USE;

/* For tests: the bytes. */
#define RECORD_BYTES 256
void record_encode(const struct record *r, char out[RECORD_BYTES]);
bool record_decode(const char *data, size_t len, struct record *ret);
