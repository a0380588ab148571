/* cli.h - the command line of davit: docker's verbs and flags, one file per group. */
#pragma once

#include "engine/engine.h"
#include "json/json.h"
#include "ui/opt.h"

struct cli_globals {
	const char *root, *runroot;
};

extern const struct program cli_program;
extern const struct verb verb_run, verb_ps, verb_rm, verb_images, verb_rmi, verb_inspect, verb_anatomy,
	verb_version, verb_info;
extern const struct verb verb_container, verb_image, verb_system;

/* Opens what the globals name. */
int cli_engine(struct verb_call *c, struct engine **ret, struct dv_err *e) DV_MUST_USE;
/* One line on stderr for one of several operands. */
void cli_complain(const struct verb_call *c, const struct dv_err *e);

/* --- human.c: times as docker words them --- */
/* "3 minutes", "About an hour" */
const char *human_duration(struct arena *a, int64_t seconds);
/* "2026-11-22 03:04:05 +0000 UTC" */
const char *human_time(struct arena *a, int64_t seconds);
