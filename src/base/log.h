/* log.h - one line per event: constant message plus key and value pairs.
 *
 * Only owners of an outcome log (main functions, workers, edges); libraries
 * return errors and may only log_debug. Values are escaped, so foreign text
 * cannot forge a line.
 *
 *	log_info("pod started", "pod", name, "node", node, NULL);
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON, LOG_PLAIN };   /* logfmt; JSON lines; "level: message" for people */

/* Default: LOG_PLAIN to stderr from LOG_WARN up. fd stays the caller's. */
void log_setup(int fd, enum log_format format, enum log_level least);
/* For those who close everything but a few. */
int log_fd(void);
void log_event(enum log_level level, const char *msg, ...) __attribute__((sentinel));
bool log_wants(enum log_level level);
/* Names as on command lines: debug, info, warn, warning, error; false if none of them. */
bool log_level_parse(const char *name, enum log_level *ret);

#define log_debug(...) do { if (log_wants(LOG_DEBUG)) log_event(LOG_DEBUG, __VA_ARGS__); } while (0)
#define log_info(...) log_event(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_event(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_event(LOG_ERROR, __VA_ARGS__)
