/* ctr.h - the containers table: what is known of each container, durable and not.
 *
 * What is running is never believed from a row alone: `running` counts only with this boot's id and a
 * monitor that lives. Rows that say `creating`, `starting` or `removing` belong to a command line; when that is dead,
 * life_settle() finishes what it left.
 */
#pragma once

#include "engine/engine.h"
#include "json/json.h"

#define CTR_ID_SIZE 65
#define CTR_SHORT 12            /* digits of an id that people see */

enum ctr_status { CTR_CREATING, CTR_CREATED, CTR_STARTING, CTR_RUNNING, CTR_EXITED, CTR_REMOVING };
const char *ctr_status_name(enum ctr_status s);
struct ctr;
/* The state as docker calls it: "created", "running", "paused", "restarting", "exited", "removing". */
const char *ctr_state_name(const struct ctr *c);

struct ctr {
	const char *id, *name;
	const char *image;              /* "sha256:HEX" */
	const char *image_ref;          /* as the user wrote it */
	const char *pod;                /* the id of its pod; "": in none */
	enum ctr_status status;
	bool auto_remove;
	const char *boot;               /* of the fields that follow */
	struct proc_id owner;           /* the command line that makes, starts or removes it; its monitor while it runs */
	struct proc_id init;            /* its first process; pid 0: none */
	bool has_exit;
	int exit_code;                  /* with has_exit; otherwise it is not known */
	const char *error;              /* why it did not start, or "" */
	int64_t created_ns, started_ns, finished_ns;    /* since 1970; 0: not yet */
	bool oom;
	bool paused;                    /* while it runs */
	bool user_stopped;              /* by a command: not started again after a reboot, unless it shall be always */
	unsigned restarts;              /* by its policy, since a command started it */
	bool restarting;                /* not stored: its monitor waits to start it again */
	int health;                     /* not stored: enum health_status of monitor/record.h */
	unsigned failing;
	const char *request;            /* JSON of what was asked for: only written, see ctr_load_request() */
	const char *config;             /* JSON: Config, HostConfig, Mounts as `inspect` shows them */
};

int ctr_migrate(struct engine *g, struct dv_err *e) DV_MUST_USE;

/* [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
int ctr_check_name(const char *name, struct dv_err *e) DV_MUST_USE;
/* Random: 64 hex digits, and two words. */
int ctr_new_id(char out[CTR_ID_SIZE], struct dv_err *e) DV_MUST_USE;
const char *ctr_random_name(struct arena *a, unsigned attempt);

/* The one durable transaction: a row with c->status, owned by c->owner. EXISTS when the name is taken, NOT_FOUND when the
 * image went away meanwhile. */
int ctr_insert(struct engine *g, const struct ctr *c, struct dv_err *e) DV_MUST_USE;
/* status, owner, init, exit, error, times and oom of the row; nothing happens when it is gone. Not synced: after
 * a crash of the machine another boot id tells more. */
int ctr_save(struct engine *g, const struct ctr *c, struct dv_err *e) DV_MUST_USE;
/* NOT_FOUND when the row is gone; UNSUPPORTED for one that a davit made that did not store it. */
int ctr_load_request(struct engine *g, struct arena *a, const char *id, const char **ret, struct dv_err *e) DV_MUST_USE;
/* What inspect shows and what a start begins with: after update. Durable. */
int ctr_set_request(struct engine *g, const char *id, const char *config, const char *request,
		    struct dv_err *e) DV_MUST_USE;
/* Durable. */
int ctr_set_user_stopped(struct engine *g, const char *id, bool stopped, struct dv_err *e) DV_MUST_USE;
int ctr_set_paused(struct engine *g, const char *id, bool paused, struct dv_err *e) DV_MUST_USE;
/* EXISTS when another one has the name. */
int ctr_set_name(struct engine *g, const char *id, const char *name, struct dv_err *e) DV_MUST_USE;
int ctr_drop(struct engine *g, const char *id, struct dv_err *e) DV_MUST_USE;

/* By name, id, or the first digits of one. NOT_FOUND: "No such container"; CONFLICT: ambiguous. */
int ctr_find(struct engine *g, struct arena *a, const char *ref, struct ctr **ret, struct dv_err *e) DV_MUST_USE;
struct ctr_list {
	struct ctr **v;
	size_t n;
};
/* Newest first. */
int ctr_list(struct engine *g, struct arena *a, struct ctr_list *ret, struct dv_err *e) DV_MUST_USE;
/* Oldest first. */
int ctr_list_of_pod(struct engine *g, struct arena *a, const char *pod, struct ctr_list *ret, struct dv_err *e) DV_MUST_USE;
/* Those that a command line was changing: few. */
int ctr_list_busy(struct engine *g, struct arena *a, struct ctr_list *ret, struct dv_err *e) DV_MUST_USE;
/* The first container of an image, NULL when there is none. */
int ctr_of_image(struct engine *g, struct arena *a, const char *image, struct ctr **ret, struct dv_err *e) DV_MUST_USE;

/* Of this boot and alive. */
bool ctr_owner_alive(const struct engine *g, const struct ctr *c);
bool ctr_init_alive(const struct engine *g, const struct ctr *c);

int64_t ctr_now_ns(void);
