/* ocicli.h - the command line of davit-oci: runc's and crun's verbs and flags, one file per verb. */
#pragma once

#include "oci/container.h"
#include "ui/opt.h"

struct oci_globals {
	const char *root;
	const char *log;
	const char *log_format;
	const char *log_level;
	bool debug;
	bool systemd_cgroup;
	const char *cgroup_manager;
	const char *rootless;
	/* from the above */
	enum cgroup_manager manager;
	int is_rootless;            /* 1, 0, -1: to be found out */
};

extern const struct program oci_program;
extern const struct verb verb_create, verb_start, verb_run, verb_state, verb_kill, verb_delete, verb_list, verb_ps,
	verb_exec, verb_pause, verb_resume, verb_update, verb_events, verb_features, verb_spec, verb_checkpoint,
	verb_restore;

/* Prints a tree and a newline to stdout. */
int oci_print(struct arena *a, const struct json *j, enum json_style style, struct dv_err *e) DV_MUST_USE;

/* The id operand's container with the global --root. */
int oci_open(struct verb_call *c, bool lock, struct container *ret, struct dv_err *e) DV_MUST_USE;

/* NOTIFY_SOCKET of our own caller, or NULL. */
const char *oci_notify_host(void);
/* Relays in a process of its own, which ends with us or the container. */
void oci_notify_beside(struct container_started *s);
/* Like container_start(), and with a NOTIFY_SOCKET of our own it returns when the container is ready. */
int oci_start(const char *root, const char *id, struct dv_err *e) DV_MUST_USE;
