/* job.h - everything a monitor needs to know of its container, made by the engine.
 *
 * The text of JOB_TEXT is the job, a NUL byte, and the container's OCI configuration (nothing for an adoption). They are
 * apart because the configuration is large and wanted only while the container is made.
 */
#pragma once

#include "json/view.h"

#define JOB_BYTES_MAX (16 << 20)

/* A file of the container's run directory: what the container has in the firewall (table, and elements as in net/elems.h),
 * which ports it has published by UDP (udp), and its names (records: files beside that of davit-netd). The engine writes it anew when that changes; at the end
 * the monitor takes away what it says. */
#define JOB_LEAVES "network"

#define JOB_LOG_VIEW(F, c) \
	F(c, str, driver,   "driver",  REQ, NULL)       /* json-file, local, journald, none */ \
	F(c, i64, max_size, "maxSize", 0,   NULL)       /* bytes of a file; absent or 0: no limit */ \
	F(c, i64, max_file, "maxFile", 0,   NULL) \
	F(c, str, tag,      "tag",     0,   NULL)       /* journald's CONTAINER_TAG and SYSLOG_IDENTIFIER */ \
	F(c, map, attrs,    "attrs",   0,   NULL)       /* of every line */
DV_VIEW_STRUCT(job_log, JOB_LOG_VIEW);

#define JOB_HEALTH_VIEW(F, c) \
	F(c, strs, test,              "test",            REQ, NULL)       /* the program and its arguments */ \
	F(c, i64,  interval_ms,       "intervalMs",      REQ, NULL) \
	F(c, i64,  timeout_ms,        "timeoutMs",       REQ, NULL) \
	F(c, i64,  start_period_ms,   "startPeriodMs",   0,   NULL) \
	F(c, i64,  start_interval_ms, "startIntervalMs", 0,   NULL) \
	F(c, i64,  retries,           "retries",         REQ, NULL) \
	F(c, str,  on_failure,        "onFailure",       0,   NULL)       /* none, kill, restart, stop */
DV_VIEW_STRUCT(job_health, JOB_HEALTH_VIEW);

#define JOB_VIEW(F, c) \
	F(c, str,  id,           "id",          REQ, NULL) \
	F(c, str,  name,         "name",        REQ, NULL) \
	F(c, str,  image,        "image",       0,   NULL) \
	F(c, bool, is_new,       "new",         0,   NULL)      /* it was made for this start: nobody was told yet */ \
	F(c, map,  labels,       "labels",      0,   NULL)      /* of events */ \
	F(c, str,  boot,         "boot",        REQ, NULL)      /* this boot's id */ \
	F(c, str,  oci_root,     "ociRoot",     REQ, NULL) \
	F(c, str,  bundle,       "bundle",      REQ, NULL) \
	F(c, str,  seccomp,      "seccomp",     0,   NULL)      /* default, config (what config says), none */ \
	F(c, u64,  caps,         "caps",        0,   NULL)      /* for the default filter */ \
	F(c, bool, tty,          "tty",         0,   NULL) \
	F(c, bool, open_stdin,   "openStdin",   0,   NULL) \
	F(c, bool, stdin_once,   "stdinOnce",   0,   NULL)      /* its stdin ends with its first client */ \
	F(c, bool, rm,           "rm",          0,   NULL) \
	F(c, bool, adopt,        "adopt",       0,   NULL)      /* it runs already: its monitor died */ \
	F(c, bool, user_stopped, "userStopped", 0,   NULL) \
	F(c, str,  restart,      "restart",     0,   NULL)      /* no, on-failure[:N], always, unless-stopped */ \
	F(c, i64,  restarts,     "restarts",    0,   NULL)      /* so far */ \
	F(c, i64,  started_ns,   "startedNs",   0,   NULL)      /* of an adoption */ \
	F(c, u64,  attach,       "attach",      0,   NULL)      /* enum attach_flags of the creator, from before the start */ \
	F(c, i64,  timeout_ms,   "timeoutMs",   0,   NULL)      /* of its life */ \
	F(c, i64,  stop_signal,  "stopSignal",  0,   NULL) \
	F(c, i64,  stop_ms,      "stopMs",      0,   NULL)      /* between that and SIGKILL */ \
	F(c, strs, again,        "again",       0,   NULL)      /* the command line that starts it when we cannot */ \
	F(c, strs, after,        "after",       0,   NULL)      /* the one that is run when it has ended for good */ \
	F(c, sub,  log,          "log",         REQ, &job_log_schema) \
	F(c, sub,  health,       "health",      0,   &job_health_schema)
DV_VIEW_STRUCT(job, JOB_VIEW);

/* Strings live in the arena. INVALID names the field. */
int job_parse(struct arena *a, const char *text, size_t len, struct job *ret, struct dv_err *e) DV_MUST_USE;
/* Both parts of a descriptor; ret or ret_config may be NULL. */
int job_read(struct arena *a, int fd, struct job *ret, struct json **ret_config, struct dv_err *e) DV_MUST_USE;
