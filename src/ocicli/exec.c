/* exec.c - exec: a process object from flags and operands, or from a file. */
#include <fcntl.h>

#include "base/defence.h"
#include "base/str.h"
#include "oci/caps.h"
#include "oci/foreground.h"
#include "oci/self.h"
#include "ocicli/ocicli.h"

struct exec_args {
	const char *console_socket, *cwd, *user, *process, *pid_file, *pidfd_socket, *label, *apparmor, *cgroup;
	struct opt_strs env, caps, gids;
	struct opt_int preserve_fds;
	bool tty, detach, no_new_privs, ignore_paused;
};

#define A(member) offsetof(struct exec_args, member)
static const struct opt opts[] = {
	{ .name = "console-socket", .kind = OPT_STR, .arg = "SOCKET", .offset = A(console_socket),
	  .help = "Unix socket that gets the terminal's descriptor" },
	{ .name = "cwd", .kind = OPT_STR, .arg = "DIR", .offset = A(cwd), .help = "Working directory in the container" },
	{ .name = "env", .letter = 'e', .kind = OPT_STRS, .arg = "NAME=VALUE", .offset = A(env),
	  .help = "Set an environment variable" },
	{ .name = "tty", .letter = 't', .kind = OPT_BOOL, .offset = A(tty), .help = "Give the process a terminal" },
	{ .name = "user", .letter = 'u', .kind = OPT_STR, .arg = "UID[:GID]", .offset = A(user),
	  .help = "Run as this user" },
	{ .name = "additional-gids", .letter = 'g', .kind = OPT_STRS, .arg = "GID", .offset = A(gids),
	  .help = "Add a group" },
	{ .name = "process", .letter = 'p', .kind = OPT_STR, .arg = "FILE", .offset = A(process),
	  .help = "Read the process object from this file" },
	{ .name = "detach", .letter = 'd', .kind = OPT_BOOL, .offset = A(detach), .help = "Do not wait for the end" },
	{ .name = "pid-file", .kind = OPT_STR, .arg = "FILE", .offset = A(pid_file),
	  .help = "Write the pid of the process there" },
	{ .name = "pidfd-socket", .kind = OPT_STR, .arg = "SOCKET", .offset = A(pidfd_socket),
	  .help = "Unix socket that gets a pidfd of the process" },
	{ .name = "process-label", .kind = OPT_STR, .arg = "LABEL", .offset = A(label), .help = "SELinux label" },
	{ .name = "apparmor", .kind = OPT_STR, .arg = "PROFILE", .offset = A(apparmor), .help = "AppArmor profile" },
	{ .name = "no-new-privs", .kind = OPT_BOOL, .offset = A(no_new_privs), .help = "Set no_new_privs" },
	{ .name = "cap", .letter = 'c', .kind = OPT_STRS, .arg = "CAP", .offset = A(caps),
	  .help = "Add a capability to the bounding, effective and permitted sets" },
	{ .name = "preserve-fds", .kind = OPT_U64, .arg = "N", .offset = A(preserve_fds),
	  .help = "Pass descriptors 3 to 2+N on" },
	{ .name = "cgroup", .kind = OPT_STR, .arg = "PATH", .offset = A(cgroup),
	  .help = "Run in this cgroup below the container's" },
	{ .name = "ignore-paused", .kind = OPT_BOOL, .offset = A(ignore_paused), .help = "Also in a paused container" },
	{ 0 }
};

/* All of the text must be numbers: a user that is not understood must never become root. */
static int set_user(struct arena *a, struct json *process, const char *text, struct dv_err *e)
{
	const char *colon = strchr(text, ':');
	const char *uid_text = colon ? arena_strn(a, text, (size_t)(colon - text)) : text;
	uint64_t uid = 0, gid;
	int r = str_u64(uid_text, UINT32_MAX - 1, "--user", &uid, e);

	if (r < 0 && defence_on("user-strict"))
		return r;
	json_set_path(a, process, "user.uid", json_new_u64(a, uid));
	if (!colon)
		return 0;
	if ((r = str_u64(colon + 1, UINT32_MAX - 1, "--user: group", &gid, e)) < 0)
		return r;
	json_set_path(a, process, "user.gid", json_new_u64(a, gid));
	return 0;
}

static int add_caps(struct arena *a, struct json *process, const struct opt_strs *caps, struct dv_err *e)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };

	for (size_t i = 0; i < caps->n; i++) {
		int n = cap_number(caps->v[i]);

		if (n < 0)
			return dv_fail(e, DV_INVALID, "--cap: unknown capability \"%s\"", caps->v[i]);
		for (size_t k = 0; k < ARRAY_LEN(sets); k++) {
			struct json *obj = json_get_mut(process, "capabilities"), *list;

			if (!obj) {
				obj = json_new_object(a);
				json_set(a, process, "capabilities", obj);
			}
			list = json_get_mut(obj, sets[k]);
			if (!list) {
				list = json_new_array(a);
				json_set(a, obj, sets[k], list);
			}
			json_append(a, list, json_new_str(a, cap_name(n)));
		}
	}
	return 0;
}

static int add_groups(struct arena *a, struct json *process, const struct opt_strs *gids, struct dv_err *e)
{
	struct json *list = json_new_array(a);

	for (size_t i = 0; i < gids->n; i++) {
		uint64_t gid;
		int r = str_u64(gids->v[i], UINT32_MAX - 1, "--additional-gids", &gid, e);

		if (r < 0)
			return r;
		json_append(a, list, json_new_u64(a, gid));
	}
	if (gids->n)
		json_set_path(a, process, "user.additionalGids", list);
	return 0;
}

/* The configured process with the flags over it. */
static int from_flags(struct verb_call *c, const struct exec_args *x, struct json **ret, struct dv_err *e)
{
	auto_container struct container box = CONTAINER_NONE;
	struct arena *a = c->arena;
	struct json *p, *env;
	int r;

	if (c->n_operands < 2)
		return dv_fail(e, DV_INVALID, "exec: a command or --process is wanted");
	if ((r = oci_open(c, false, &box, e)) < 0)
		return r;
	p = json_get(box.state.config, "process") ? json_copy(a, json_get(box.state.config, "process")) :
						    json_new_object(a);
	json_set(a, p, "args", json_new_strs(a, c->operands + 1));
	json_set(a, p, "terminal", json_new_bool(a, x->tty));
	if (x->cwd || !json_get(p, "cwd"))
		json_set(a, p, "cwd", json_new_str(a, x->cwd ? x->cwd : "/"));
	if (x->no_new_privs)
		json_set(a, p, "noNewPrivileges", json_new_bool(a, true));
	if (x->label)
		json_set(a, p, "selinuxLabel", json_new_str(a, x->label));
	if (x->apparmor)
		json_set(a, p, "apparmorProfile", json_new_str(a, x->apparmor));
	env = json_get_mut(p, "env");
	if (!env && x->env.n) {
		env = json_new_array(a);
		json_set(a, p, "env", env);
	}
	for (size_t i = 0; i < x->env.n; i++)
		json_append(a, env, json_new_str(a, x->env.v[i]));
	if ((x->user && (r = set_user(a, p, x->user, e)) < 0) || (r = add_caps(a, p, &x->caps, e)) < 0 ||
	    (r = add_groups(a, p, &x->gids, e)) < 0)
		return r;
	*ret = p;
	return 0;
}

static int wait_for_it(struct verb_call *c, struct container_exec_opts *o, struct dv_err *e)
{
	struct foreground *f = NULL;
	struct container_started s;
	bool tty = json_bool(json_get(o->process, "terminal")) && !o->console_socket;
	int r = foreground_new(tty, &f, &o->console_fd, e);

	if (r < 0)
		return r;
	r = container_exec(c->arena, o, &s, e);
	if (r >= 0) {
		r = foreground_wait(f, &s, e);
		(void)close(s.pidfd);
	}
	foreground_free(f);
	return r;
}

static int run(struct verb_call *c, struct dv_err *e)
{
	const struct exec_args *x = c->args;
	const struct oci_globals *g = c->globals;
	struct json *process = NULL;
	struct container_exec_opts o = { .root = g->root, .id = c->operands[0], .console_socket = x->console_socket,
					 .console_fd = -1, .pid_file = x->pid_file, .pidfd_socket = x->pidfd_socket,
					 .cgroup = x->cgroup, .preserve_fds = (unsigned)x->preserve_fds.v,
					 .ignore_paused = x->ignore_paused, .detached = x->detach };
	struct container_started s;
	int r = self_protect(e);

	if (r < 0)
		return r;
	r = x->process ? json_parse_file(c->arena, AT_FDCWD, x->process, &process, e) : from_flags(c, x, &process, e);
	if (r < 0)
		return r;
	o.process = process;
	if (!x->detach)
		return wait_for_it(c, &o, e);
	if ((r = container_exec(c->arena, &o, &s, e)) < 0)
		return r;
	(void)close(s.pidfd);
	return 0;
}

static const char *const examples[] = { "davit-oci exec web ps", "davit-oci exec -t -u 1000:1000 web sh", NULL };

const struct verb verb_exec = {
	.name = "exec",
	.operands = "CONTAINER [COMMAND [ARG...]]",
	.operands_min = 1,
	.operands_max = 1000000,
	.summary = "Run one more process in a container",
	.description = "What the flags leave out is taken from the process of the container's configuration. The exit "
		       "status is that of the process.",
	.examples = examples,
	.opts = opts,
	.args_size = sizeof(struct exec_args),
	.stop_at_operand = true,
	.run = run,
};
