/* boot.c - system boot, and healthcheck run. */
#include <stdio.h>

#include "cli/cli.h"
#include "engine/boot.h"

/* --- system boot --- */

static void told(void *ctx, const struct ctr *c, const char *why)
{
	int *status = ctx;

	if (!why) {
		printf("%s\n", c->name);
		return;
	}
	fprintf(stderr, "davit: container %s: %s\n", c->name, why);
	*status = 1;
}

static int boot_run(struct verb_call *c, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	int status = 0, r;

	if ((r = engine_protect(e)) < 0 || (r = cli_engine(c, &g, e)) < 0 ||
	    (r = engine_boot_start(g, c->arena, told, &status, e)) < 0)
		return r;
	return status;
}

static const char *const boot_examples[] = { "davit system boot", NULL };
const struct verb verb_boot = {
	.name = "boot",
	.summary = "Start what shall run after a restart of the machine",
	.description = "Starts the containers with the restart policy always, and those with unless-stopped that no command "
		       "stopped, and prints their names. An init system calls it once: davit-boot.service and the script for "
		       "OpenRC are installed with davit.",
	.examples = boot_examples, .run = boot_run,
};

/* --- healthcheck run --- */

static int health_run(struct verb_call *c, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	bool healthy = false;
	int r;

	if ((r = cli_engine(c, &g, e)) < 0 || (r = engine_healthcheck(g, c->arena, c->operands[0], &healthy, e)) < 0)
		return r;
	if (!healthy)
		printf("unhealthy\n");
	return healthy ? 0 : 1;
}

static const char *const health_examples[] = { "davit healthcheck run web", NULL };
static const struct verb verb_healthcheck_run = {
	.name = "run", .operands = "CONTAINER", .operands_min = 1, .operands_max = 1,
	.summary = "Run a container's health check now", .description = "The exit status is 0 when it succeeds, 1 otherwise.",
	.examples = health_examples, .run = health_run,
};
static const struct verb *const healthcheck_subs[] = { &verb_healthcheck_run, NULL };
const struct verb verb_healthcheck = { .name = "healthcheck", .summary = "Commands for health checks", .subs = healthcheck_subs };
