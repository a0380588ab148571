/* cli.h - the command line of davit: docker's verbs and flags, one file per group. */
#pragma once

#include "engine/engine.h"
#include "json/json.h"
#include "ui/opt.h"

struct cli_globals {
	const char *root, *runroot;
};

extern const struct program cli_program;
extern const struct verb verb_boot, verb_healthcheck;
extern const struct verb verb_ctr_create, verb_start, verb_attach, verb_restart, verb_logs;
extern const struct verb verb_run, verb_ps, verb_rm, verb_images, verb_rmi, verb_inspect, verb_anatomy,
	verb_version, verb_info, verb_history, verb_tag, verb_untag, verb_container_inspect, verb_image_inspect,
	verb_image_exists, verb_image_mount, verb_image_unmount, verb_image_prune, verb_image_diff, verb_image_tree, verb_gc,
	verb_df;
extern const struct verb verb_update, verb_container_prune, verb_container_exists;
extern const struct verb verb_exec, verb_kill, verb_stop, verb_pause, verb_unpause, verb_wait, verb_rename, verb_export;
extern const struct verb verb_container, verb_image, verb_system;
extern const struct verb verb_system_prune;
extern const struct verb verb_ctr_mount, verb_ctr_unmount;
extern const struct verb verb_volume;
extern const struct verb verb_secret;
extern const struct verb verb_cp;
extern const struct verb verb_events;
extern const struct verb verb_top;
extern const struct verb verb_stats;
extern const struct verb verb_diff;
extern const struct verb verb_commit;
extern const struct verb verb_network, verb_network_explain, verb_port;
extern const struct verb verb_pod;

/* Names for completion: struct program. */
bool cli_names(struct buf *b, struct arena *a, const char *const *words, const char *kind, const char *prefix);
/* Opens what the globals name. */
int cli_engine(struct verb_call *c, struct engine **ret, struct dv_err *e) DV_MUST_USE;
/* Its row for verbs of containers; cli_engine() puts the id before their operands. */
#define CLI_LATEST(offset_) \
	{ .name = "latest", .letter = 'l', .kind = OPT_BOOL, .flags = OPT_INSTEAD, .offset = offset_, .help = "The newest container" }
int cli_latest(struct verb_call *c, struct engine *g, struct dv_err *e) DV_MUST_USE;
/* The image is pulled by davit-image when the policy (always, missing, newer, never; NULL is missing) says so; progress
 * goes to standard error. platform is OS/ARCH[/VARIANT], or NULL. The kinds of davit-image's errors. */
int cli_want_image(struct verb_call *c, struct image_store *s, const char *ref, const char *policy, const char *platform,
		   bool quiet, struct dv_err *e) DV_MUST_USE;
int cli_pull(struct verb_call *c, const char *ref, const char *policy, const char *platform, bool quiet,
	     struct dv_err *e) DV_MUST_USE;
/* One line on stderr for one of several operands. */
void cli_complain(const struct verb_call *c, const struct dv_err *e);

#define CLI_SHORT_ID 12
/* Without "sha256:", and cut to what people see unless whole (which keeps both). */
const char *cli_short_id(struct arena *a, const char *id, bool whole);
/* A template over one object, "json" for the object itself. */
int cli_show(struct verb_call *c, const char *format, const struct json *j, struct dv_err *e) DV_MUST_USE;
/* What inspect shows of one name: as the engine's find functions, NOT_FOUND among their kinds. */
typedef int cli_find(struct engine *g, struct arena *a, const char *ref, struct json **ret, struct dv_err *e);
/* inspect: what find finds for each operand, as one JSON array or by a template (NULL: none); complains of those that
 * it does not find and then returns 1. */
int cli_inspect_all(struct verb_call *c, const char *format, cli_find *find, struct dv_err *e) DV_MUST_USE;
/* unmount: of all operands, and of all that list finds (NULL: --all was not said). */
struct places;
typedef int cli_places(struct engine *g, struct arena *a, struct places *ret, struct dv_err *e);
typedef int cli_unmount(struct verb_call *c, struct engine *g, const char *ref, struct dv_err *e);
int cli_unmount_all(struct verb_call *c, const char *what, cli_places *list, cli_unmount *one, struct dv_err *e) DV_MUST_USE;
/* The answer to a question that destroys something: true after "y", or when nobody can be asked but force is set. */
bool cli_confirm(const char *warning);

/* --- what the prune of each kind of thing does, for system prune too: names are printed, sizes added up --- */

int cli_container_prune(struct verb_call *c, struct engine *g, const struct opt_strs *filters, uint64_t *bytes,
			struct dv_err *e) DV_MUST_USE;
/* Those without a name; all: all that no container uses. */
int cli_image_prune(struct verb_call *c, struct engine *g, bool all, const struct opt_strs *filters, uint64_t *bytes,
		    struct dv_err *e) DV_MUST_USE;
int cli_network_prune(struct verb_call *c, struct engine *g, const struct opt_strs *filters, struct dv_err *e) DV_MUST_USE;
/* Anonymous volumes (all: any) that no container uses. */
int cli_volume_prune(struct verb_call *c, struct engine *g, bool all, const struct opt_strs *filters, uint64_t *bytes,
		     struct dv_err *e) DV_MUST_USE;

/* --- filter.c: --filter of images --- */
struct cli_filter;
/* "dangling=true", "label=k=v", "label!=k", "reference=PATTERN", "before=IMAGE", "since=IMAGE", "until=TIME", those
 * named in allowed. INVALID. */
int cli_filter_parse(struct image_store *s, struct arena *a, const struct opt_strs *texts, const char *allowed,
		     struct cli_filter **ret, struct dv_err *e) DV_MUST_USE;
/* "2026-01-02T15:04:05Z", seconds since 1970, or "24h" ago: in seconds since 1970. INVALID. */
int cli_until_parse(const char *text, int64_t *ret, struct dv_err *e) DV_MUST_USE;
bool cli_filter_wants_config(const struct cli_filter *f);
/* "K" or "K=V" is among the labels, an object of strings. */
bool cli_has_label(const struct json *labels, const char *want);
/* name is NULL for an image without any. */
bool cli_filter_match(struct arena *a, const struct cli_filter *f, const struct image *img, const char *name);
/* The container that uses the image, or a mount: CONFLICT in docker's words. For image_remove(). */
struct cli_in_use {
	struct engine *g;
	struct arena *a;
};
int cli_image_in_use(void *ctx, struct image_store *s, const char *id, struct dv_err *e);

/* --- when.c --- */
/* "2026-01-02T15:04:05Z", "1795339173.5", or "10m" ago, in ns since 1970. INVALID. */
int cli_time_parse(const char *text, int64_t *ret_ns, struct dv_err *e) DV_MUST_USE;

/* --- human.c: times as docker words them --- */
/* "3 minutes", "About an hour" */
const char *human_duration(struct arena *a, int64_t seconds);
/* "3 minutes ago"; "N/A" for 0. */
const char *human_ago(struct arena *a, int64_t then);
/* "2026-11-22 03:04:05 +0000 UTC" */
const char *human_time(struct arena *a, int64_t seconds);
