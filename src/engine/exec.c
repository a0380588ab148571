/* exec.c - a process object out of the container's own and the user's flags. */
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/bundle.h"
#include "engine/control.h"
#include "engine/events.h"
#include "engine/exec.h"
#include "engine/exec_keep.h"
#include "engine/keys.h"
#include "engine/nullio.h"
#include "oci/caps.h"
#include "oci/foreground.h"
#include "oci/seccomp_default.h"

#define COMMAND_MAX 4096                /* bytes of it in events */

enum { EXIT_FAILED = 1, EXIT_CANNOT_INVOKE = 126, EXIT_NOT_FOUND = 127 };

struct exec_call {
	struct engine *g;
	struct arena *a;
	const struct exec_request *q;
	struct ctr *row;
	struct json *inspect;           /* Config and HostConfig of the row */
	const struct json *base;        /* the process of the container's configuration */
	bool own_filter;                /* not the default one: that of the configuration, or none */
	bool no_program;
	char id[CTR_ID_SIZE];           /* of events */
	const char *command;
	struct detach_keys keys;
};

/* --- the process --- */

static const char *member(const struct json *j, const char *path)
{
	const char *text = json_str(json_path(j, path));

	return text && *text ? text : NULL;
}

/* Users are those of the container's own files, which its first process sees. */
static int find_user(const struct exec_call *x, struct user *u, struct dv_err *e)
{
	const char *text = x->q->user ? x->q->user : member(x->inspect, "Config.User");
	auto_close int root = -1;
	char path[48];
	int r;

	(void)snprintf(path, sizeof path, "/proc/%d/root", (int)x->row->init.pid);
	r = file_open(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, &root, e);
	if (r >= 0 && !ctr_init_alive(x->g, x->row))
		return control_not_running(x->row, e);
	return r < 0 ? r : user_find(x->a, root, text ? text : "", u, e);
}

static int environment(const struct exec_call *x, struct json *process, struct dv_err *e)
{
	static const char *const none[] = { NULL }, *const terminal[] = { "TERM=xterm", NULL };
	const struct run_request q = { .env = x->q->env, .env_files = x->q->env_files };
	const char **env = NULL;
	int r = env_merge(x->a, x->q->tty ? terminal : none, json_get(x->base, "env"), &q, &env, e);

	if (r >= 0)
		json_set(x->a, process, "env", json_new_strs(x->a, env));
	return r;
}

static uint64_t caps_of(const struct exec_call *x)
{
	uint64_t caps = 0;

	for (JSON_EACH(it, json_path(x->base, "capabilities.bounding"))) {
		int n = json_str(it.value) ? cap_number(json_str(it.value)) : -1;

		caps |= n >= 0 ? CAP_BIT(n) : 0;
	}
	return x->q->privileged ? caps_available() : caps;
}

static int make_process(const struct exec_call *x, struct json **ret, struct dv_err *e)
{
	struct arena *a = x->a;
	struct json *p = json_copy(a, x->base);
	struct user u;
	int r;

	if ((r = find_user(x, &u, e)) < 0 || (r = environment(x, p, e)) < 0)
		return r;
	json_set(a, p, "user", bundle_user(a, &u));
	json_set(a, p, "args", json_new_strs(a, x->q->args));
	json_set(a, p, "terminal", json_new_bool(a, x->q->tty));
	json_set(a, p, "capabilities", bundle_capabilities(a, caps_of(x), u.uid));
	if (x->q->workdir)
		json_set(a, p, "cwd", json_new_str(a, x->q->workdir));
	*ret = p;
	return 0;
}

/* --- its life --- */

static size_t filter_keys(void *ctx, const char *in, size_t n, char *out, bool *ret_leave)
{
	return detach_keys_filter(ctx, in, n, out, ret_leave);
}

static int run_detached(struct exec_call *x, struct container_exec_opts *o, struct dv_err *e)
{
	struct exec_kept k = { .g = x->g, .row = x->row, .id = x->id, .pidfd = -1, .terminal = -1 };
	struct container_started s = { .pidfd = -1 };
	int r;

	if ((r = stdio_null(e)) < 0 || (r = container_exec(x->a, o, &s, e)) < 0)
		return r;
	event_exec(x->g, x->row, "exec_start", x->command, x->id, -1);
	k.pidfd = s.pidfd;
	r = exec_keep(&k, e);
	fd_close(&s.pidfd);
	return r;
}

static int run_it(struct exec_call *x, struct container_exec_opts *o, struct dv_err *e)
{
	struct exec_kept k = { .g = x->g, .row = x->row, .id = x->id, .pidfd = -1, .terminal = -1 };
	struct container_started s = { .pidfd = -1 };
	struct foreground *f = NULL;
	int r;

	if (x->q->detach)
		return run_detached(x, o, e);
	if ((!x->q->interactive && (r = stdin_null(e)) < 0) || (r = foreground_new(x->q->tty, &f, &o->console_fd, e)) < 0)
		return r;
	if (x->q->tty && x->q->interactive)
		foreground_set_filter(f, filter_keys, &x->keys);
	r = container_exec(x->a, o, &s, e);
	if (r >= 0) {
		event_exec(x->g, x->row, "exec_start", x->command, x->id, -1);
		r = foreground_wait(f, &s, e);
		k.pidfd = s.pidfd;
		if (r >= 0 && foreground_left(f, &k.terminal)) {
			event_exec(x->g, x->row, "exec_detach", NULL, x->id, -1);
			r = exec_keep(&k, e);
		}
		else if (r >= 0)
			event_exec(x->g, x->row, "exec_die", NULL, x->id, r);
	}
	foreground_free(f);
	fd_close(&k.terminal);
	fd_close(&s.pidfd);
	return r;
}

/* The filter is not in the stored configuration: the profile is compiled again. */
static int start(struct exec_call *x, struct dv_err *e)
{
	bool open = x->own_filter || json_bool(json_path(x->inspect, "HostConfig.Privileged"));
	struct container_exec_opts o = { .root = engine_oci_root(x->g), .id = x->row->id, .console_fd = -1,
					 .detached = x->q->detach, .ret_no_program = &x->no_program };
	struct seccomp_filter filter;
	struct json *process = NULL;
	int r = make_process(x, &process, e);

	if (r >= 0 && !open) {
		r = seccomp_default_compile(x->a, caps_of(x), &filter, e);
		o.filter = &filter;
	}
	o.process = process;
	return r < 0 ? r : run_it(x, &o, e);
}

/* As docker's events tell it. */
static const char *command_text(struct arena *a, const char *const *args)
{
	auto_buf struct buf b = BUF_INIT(COMMAND_MAX);

	for (; *args; args++)
		buf_printf(&b, "%s%s", b.len ? " " : "", *args);
	return arena_str(a, buf_cstr(&b));
}

int engine_exec(struct engine *g, struct arena *a, const struct exec_request *q, int *ret_status, struct dv_err *e)
{
	struct exec_call x = { .g = g, .a = a, .q = q };
	auto_container struct container box = CONTAINER_NONE;
	int r;

	*ret_status = EXIT_FAILED;
	if (q->interactive && q->tty && !isatty(0))
		return dv_fail(e, DV_INVALID, "the input device is not a TTY");
	if ((r = control_open(g, a, q->container, false, &x.row, &box, e)) < 0)
		return r;
	if (box.status == STATUS_PAUSED)
		return dv_fail(e, DV_CONFLICT, "Container %s is paused, unpause the container before exec", q->container);
	if ((q->tty && q->interactive && (r = detach_keys_parse(&x.keys, q->detach_keys, e)) < 0) || (r = ctr_new_id(x.id, e)) < 0)
		return r;
	x.command = command_text(a, q->args);
	x.base = json_get(box.state.config, "process");
	x.own_filter = json_path(box.state.config, "linux.seccomp") != NULL;
	if (json_parse(a, x.row->config, strlen(x.row->config), &x.inspect, e) < 0)
		return dv_wrap(e, "container %s", q->container);
	for (JSON_EACH(it, json_path(x.inspect, "HostConfig.SecurityOpt")))
		x.own_filter = x.own_filter || streq(json_str(it.value), "seccomp=unconfined");
	event_exec(g, x.row, "exec_create", x.command, x.id, -1);
	r = start(&x, e);
	if (r < 0 && x.no_program)
		*ret_status = r == -DV_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_CANNOT_INVOKE;
	return r;
}
