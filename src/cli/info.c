/* info.c - version, info; one object through a template. */
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cli/cli.h"
#include "engine/inspect.h"
#include "ui/template.h"

#define OUTPUT_MAX ((size_t)16 << 20)

struct format_args {
	const char *format;
};
static const struct opt format_opts[] = {
	{ .name = "format", .letter = 'f', .kind = OPT_STR, .arg = "TEMPLATE", .offset = offsetof(struct format_args, format),
	  .help = "json, or a template such as '{{.State.Status}}'" },
	{ 0 }
};

int cli_show(struct verb_call *c, const char *format, const struct json *j, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(OUTPUT_MAX);
	struct template *t;
	int r;

	if (streq(format, "json")) {
		json_write(&b, j, JSON_COMPACT);
	} else if ((r = template_parse(c->arena, format, TEMPLATE_STRICT, &t, e)) < 0 ||
		   (r = template_run(t, j, &b, e)) < 0) {
		return r;
	}
	buf_char(&b, '\n');
	if ((r = buf_check(&b, "output", e)) < 0)
		return r;
	fwrite(b.p, 1, b.len, stdout);
	return 0;
}

/* --- text --- */

struct line {
	const char *label, *path;       /* path NULL: the label alone */
	bool bytes;
};

static const char *value_text(struct arena *a, const struct json *v, bool bytes)
{
	auto_buf struct buf b = BUF_INIT(OUTPUT_MAX);
	uint64_t n;

	if (bytes && json_u64(v, &n))
		return str_human(a, n, true);
	if (json_str(v))
		return json_str(v);
	if (json_type(v) != JSON_ARRAY)
		return json_text(a, v, JSON_COMPACT);
	for (JSON_EACH(it, v))
		buf_printf(&b, "%s%s", b.len ? " " : "", value_text(a, it.value, false));
	return arena_str(a, buf_cstr(&b));
}

static void print_lines(struct arena *a, const struct json *j, const struct line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%s%s%s\n", lines[i].label, lines[i].path ? " " : "",
		       lines[i].path ? value_text(a, json_path(j, lines[i].path), lines[i].bytes) : "");
}

/* --- version --- */

static int version_run(struct verb_call *c, struct dv_err *e)
{
	static const struct line lines[] = {
		{ .label = "Client:" }, { " Version:          ", "Client.Version", false }, { " API version:      ", "Client.ApiVersion", false },
		{ " OS/Arch:          ", "Client.OsArch", false }, { " Context:          ", "Client.Context", false }, { .label = "\nServer:" },
		{ .label = " Engine:" }, { "  Version:         ", "Server.Version", false }, { "  API version:     ", "Server.ApiVersion", false },
		{ "  OS/Arch:         ", "Server.OsArch", false }, { "  Kernel:          ", "Server.KernelVersion", false },
	};
	const struct format_args *x = c->args;
	struct json *j = inspect_version(c->arena);

	if (x->format)
		return cli_show(c, x->format, j, e);
	print_lines(c->arena, j, lines, ARRAY_LEN(lines));
	return 0;
}

static const char *const version_examples[] = { "davit version", "davit version -f '{{.Server.Version}}'", NULL };
const struct verb verb_version = {
	.name = "version", .summary = "Show versions",
	.description = "There is no server: what is shown as one is this program. The API version is that of docker whose words "
		       "the command line speaks.",
	.examples = version_examples, .opts = format_opts, .args_size = sizeof(struct format_args), .run = version_run,
};

/* --- info --- */

static int info_run(struct verb_call *c, struct dv_err *e)
{
	static const struct line lines[] = {
		{ .label = "Client:" }, { " Version:   ", "ClientInfo.Version", false }, { " Context:   ", "ClientInfo.Context", false }, { .label = "\nServer:" },
		{ " Containers:", "Containers", false }, { "  Running:", "ContainersRunning", false }, { "  Paused:", "ContainersPaused", false },
		{ "  Stopped:", "ContainersStopped", false }, { " Images:", "Images", false }, { " Server Version:", "ServerVersion", false },
		{ " Storage Driver:", "Driver", false }, { "  LayerDriver:", "LayerDriver", false }, { "  LayerDriverMount:", "LayerDriverMount", false },
		{ "  LayerDriverWhyNot:", "LayerDriverWhyNot", false }, { " Logging Driver:", "LoggingDriver", false },
		{ " Cgroup Driver:", "CgroupDriver", false }, { " Cgroup Version:", "CgroupVersion", false }, { .label = " Plugins:" },
		{ "  Volume:", "Plugins.Volume", false }, { "  Network:", "Plugins.Network", false }, { "  Log:", "Plugins.Log", false },
		{ " Swarm:", "Swarm.LocalNodeState", false }, { " Default Runtime:", "DefaultRuntime", false }, { " Init Binary:", "InitBinary", false },
		{ " Security Options:", "SecurityOptions", false }, { " Kernel Version:", "KernelVersion", false },
		{ " Operating System:", "OperatingSystem", false }, { " OSType:", "OSType", false }, { " Architecture:", "Architecture", false },
		{ " CPUs:", "NCPU", false }, { " Total Memory:", "MemTotal", true }, { " Name:", "Name", false },
		{ " Docker Root Dir:", "DockerRootDir", false }, { " Run Dir:", "DavitRunDir", false },
		{ " Live Restore Enabled:", "LiveRestoreEnabled", false },
	};
	const struct format_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct json *j;
	int r;

	if ((r = cli_engine(c, &g, e)) < 0 || (r = inspect_info(g, c->arena, &j, e)) < 0)
		return r;
	if (x->format)
		return cli_show(c, x->format, j, e);
	print_lines(c->arena, j, lines, ARRAY_LEN(lines));
	return 0;
}

static const char *const info_examples[] = { "davit info", "davit info -f '{{.ServerVersion}} {{.Driver}}'", NULL };
const struct verb verb_info = {
	.name = "info", .summary = "Show what the engine has and where",
	.description = "Templates find docker's members, and podman's (Host, Store, Version).", .examples = info_examples,
	.opts = format_opts, .args_size = sizeof(struct format_args), .run = info_run,
};
