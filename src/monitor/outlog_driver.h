/* outlog_driver.h - what a log driver is. Private to src/monitor. */
#pragma once

#include "base/mem.h"
#include "monitor/outlog.h"

struct outlog_driver {
	const char *name;
	int (*open)(const struct job *j, int dir, void **ret_state, struct dv_err *e);
	/* Both return how many bytes were dropped. Lines may wait for the flush. */
	uint64_t (*line)(void *state, int stream, const char *text, size_t len, bool complete, int64_t ns);
	uint64_t (*flush)(void *state);
	void (*close)(void *state);
};

extern const struct outlog_driver outlog_json_file, outlog_local, outlog_journald;
