/* program.c - davit-oci as a table: its verbs, its global flags, and what an error looks like. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/errtext.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "oci/spec.h"
#include "ocicli/ocicli.h"

static const char *const log_formats[] = { "text", "json", NULL };
static const char *const log_levels[] = { "debug", "info", "warn", "warning", "error", NULL };
static const char *const managers[] = { "cgroupfs", "systemd", "disabled", NULL };
static const char *const tristate[] = { "auto", "true", "false", NULL };

#define G(member) offsetof(struct oci_globals, member)
static const struct opt globals[] = {
	{ .name = "root", .kind = OPT_STR, .arg = "DIR", .offset = G(root),
	  .help = "Directory for the state of containers (default /run/davit-oci)" },
	{ .name = "log", .kind = OPT_STR, .arg = "FILE", .offset = G(log), .help = "Write the log there, not to stderr" },
	{ .name = "log-format", .kind = OPT_STR, .arg = "FORMAT", .offset = G(log_format), .values = log_formats,
	  .help = "Format of the log" },
	{ .name = "log-level", .kind = OPT_STR, .arg = "LEVEL", .offset = G(log_level), .values = log_levels,
	  .help = "Least level that is logged (default warn)" },
	{ .name = "debug", .kind = OPT_BOOL, .offset = G(debug), .help = "Log everything" },
	{ .name = "systemd-cgroup", .kind = OPT_BOOL, .offset = G(systemd_cgroup),
	  .help = "Let systemd make cgroups (not supported: refused)" },
	{ .name = "cgroup-manager", .kind = OPT_STR, .arg = "NAME", .offset = G(cgroup_manager), .values = managers,
	  .help = "Who makes cgroups (default cgroupfs)" },
	{ .name = "rootless", .kind = OPT_STR, .arg = "BOOL", .offset = G(rootless), .values = tristate,
	  .help = "Do without the rights of root (default auto)" },
	{ 0 }
};

static const struct verb *const verbs[] = {
	&verb_create, &verb_start,  &verb_run,   &verb_exec,   &verb_state,  &verb_list,     &verb_ps,
	&verb_kill,   &verb_delete, &verb_pause, &verb_resume, &verb_update, &verb_events,   &verb_spec,
	&verb_features, &verb_checkpoint, &verb_restore, NULL
};

static int setup_log(const struct oci_globals *g, struct dv_err *e)
{
	enum log_level level = g->debug ? LOG_DEBUG : LOG_WARN;
	enum log_format format = g->log_format && streq(g->log_format, "json") ? LOG_JSON :
				 g->log					       ? LOG_TEXT :
										 LOG_PLAIN;
	const char *path = g->log;
	int fd = 2, r;

	if (g->log_level && !g->debug)
		(void)log_level_parse(g->log_level, &level);
	if (path) {
		path = str_after(path, "file:") ?: path;
		if (str_starts(path, "journald:") || str_starts(path, "syslog:"))
			return dv_fail(e, DV_UNSUPPORTED, "--log: only files are supported, not %s", path);
		/* Never closed: it is the log until the end of the program. */
		r = file_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, 0644, &fd, e);
		if (r < 0)
			return dv_wrap(e, "--log");
	}
	log_setup(fd, format, level);
	return 0;
}

static int before(struct verb_call *c, struct dv_err *e)
{
	struct oci_globals *g = c->globals;
	int r = setup_log(g, e);

	if (r < 0)
		return r;
	if (g->systemd_cgroup || (g->cgroup_manager && streq(g->cgroup_manager, "systemd")))
		return dv_fail(e, DV_UNSUPPORTED, "the systemd cgroup driver is not supported, use cgroupfs");
	g->manager = g->cgroup_manager && streq(g->cgroup_manager, "disabled") ? CGROUP_DISABLED : CGROUP_FS;
	g->is_rootless = !g->rootless || streq(g->rootless, "auto") ? -1 : streq(g->rootless, "true");
	if (!g->root)
		g->root = state_root_default(c->arena);
	return 0;
}

/* Go's texts of system errors begin in lower case, and docker compares with those to tell 126 and 127 from 125. */
static void begin_lower(struct dv_err *e)
{
	const char *text = e->sys ? err_sys_text(e->sys) : NULL;
	/* allow(message): only the spelling of the system's own words is changed */
	size_t len = strlen(e->msg), n = text ? strlen(text) : 0;

	/* allow(message): only the spelling of the system's own words is changed */
	if (n && len > n && streq(e->msg + len - n, text) && text[1] >= 'a' && text[1] <= 'z')
		e->msg[len - n] = text[0] | 0x20;
}

/* As runc: into the log when there is one, and to stderr for people. */
static int on_error(struct verb_call *c, const struct dv_err *err)
{
	const struct oci_globals *g = c->globals;
	struct dv_err e = *err;

	begin_lower(&e);
	if (g && (g->log || g->log_format))
		log_error(e.msg, NULL);
	if (!g || g->log || !g->log_format)
		(void)fprintf(stderr, "davit-oci: %s\n", e.msg);
	/* Its own failure can be told from the command's: as runc. */
	return c->verb == &verb_exec ? 255 : 1;
}

const struct program oci_program = {
	.name = "davit-oci",
	.summary = "run containers from OCI bundles",
	.version = DAVIT_VERSION "\nspec: " SPEC_VERSION,
	.globals = globals,
	.globals_size = sizeof(struct oci_globals),
	.verbs = verbs,
	.before = before,
	.on_error = on_error,
	.usage_exit = 1,
	.unknown_exit = 3,
};

int oci_print(struct arena *a, const struct json *j, enum json_style style, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(JSON_BYTES_MAX);
	int r;

	json_write(&b, j, style);
	buf_char(&b, '\n');
	if ((r = buf_check(&b, "output", e)) < 0)
		return r;
	return fd_write_all(1, b.p, b.len, "stdout", e);
}

int oci_open(struct verb_call *c, bool lock, struct container *ret, struct dv_err *e)
{
	const struct oci_globals *g = c->globals;

	return container_open(c->arena, g->root, c->operands[0], lock, ret, e);
}
