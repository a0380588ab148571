/* attrs.h - attributes that the runtime gives a process from outside, while it still waits: limits,
 * scheduling, memory policy, and moving network devices into its namespace. */
#pragma once

#include "oci/spec.h"

/* rlimits of another process. INVALID names the type; what the kernel refuses fails as in runc. */
/* A process that still builds its root needs descriptors: few of them are a limit for its program. It is given as many as
 * it needs from outside (RLIMITS_EARLY), and takes the rest away itself when nothing is left to open (RLIMITS_LATE: only
 * what the other left). */
enum attrs_rlimits_when { RLIMITS_ALL, RLIMITS_EARLY, RLIMITS_LATE };
int attrs_rlimits(pid_t pid, const struct view_list *rlimits, enum attrs_rlimits_when when, struct dv_err *e) DV_MUST_USE;
int attrs_scheduler(pid_t pid, const struct spec_scheduler *s, struct dv_err *e) DV_MUST_USE;
int attrs_io_priority(pid_t pid, const struct spec_io_priority *p, struct dv_err *e) DV_MUST_USE;
/* "0-3,7" as for taskset; NULL or "" does nothing. */
int attrs_affinity(pid_t pid, const char *cpus, struct dv_err *e) DV_MUST_USE;
int attrs_oom_score(int proc_fd, pid_t pid, int64_t score, struct dv_err *e) DV_MUST_USE;

/* --- of the calling process itself --- */
int attrs_memory_policy(const struct spec_memory_policy *m, struct dv_err *e) DV_MUST_USE;
int attrs_personality(const struct spec_personality *p, struct dv_err *e) DV_MUST_USE;

/* Names for `features`. NULL-terminated. */
extern const char *const attrs_memory_policy_modes[];
extern const char *const attrs_memory_policy_flags[];
