/* create.c - create and run: their flags are one table. */
#include <stdlib.h>

#include "base/defence.h"
#include "base/fd.h"
#include "base/str.h"
#include "oci/foreground.h"
#include "oci/notify.h"
#include "oci/self.h"
#include "ocicli/ocicli.h"

struct create_args {
	const char *bundle, *config, *console_socket, *pid_file, *pidfd_socket;
	struct opt_int preserve_fds;
	bool no_pivot, no_new_keyring, no_subreaper, detach, keep;
};

#define A(member) offsetof(struct create_args, member)
#define CREATE_OPTS \
	{ .name = "bundle", .letter = 'b', .kind = OPT_STR, .arg = "DIR", .offset = A(bundle), \
	  .help = "Directory of the bundle (default: the working directory)" }, \
	{ .name = "config", .letter = 'f', .kind = OPT_STR, .arg = "FILE", .offset = A(config), \
	  .help = "Configuration to use instead of BUNDLE/config.json" }, \
	{ .name = "console-socket", .kind = OPT_STR, .arg = "SOCKET", .offset = A(console_socket), \
	  .help = "Unix socket that gets the terminal's descriptor" }, \
	{ .name = "pid-file", .kind = OPT_STR, .arg = "FILE", .offset = A(pid_file), \
	  .help = "Write the pid of the container's process there" }, \
	{ .name = "pidfd-socket", .kind = OPT_STR, .arg = "SOCKET", .offset = A(pidfd_socket), \
	  .help = "Unix socket that gets a pidfd of the container's process" }, \
	{ .name = "preserve-fds", .kind = OPT_U64, .arg = "N", .offset = A(preserve_fds), \
	  .help = "Pass descriptors 3 to 2+N on to the container" }, \
	{ .name = "no-pivot", .kind = OPT_BOOL, .offset = A(no_pivot), \
	  .help = "Move the root mount instead of pivot_root (for a root on a ramdisk)" }, \
	{ .name = "no-new-keyring", .kind = OPT_BOOL, .offset = A(no_new_keyring), \
	  .help = "Keep the caller's session keyring" }, \
	{ .name = "no-subreaper", .kind = OPT_BOOL, .offset = A(no_subreaper), \
	  .help = "Accepted for compatibility: davit-oci never becomes a subreaper" }

static const struct opt create_opts[] = { CREATE_OPTS, { 0 } };
static const struct opt run_opts[] = {
	CREATE_OPTS,
	{ .name = "detach", .letter = 'd', .kind = OPT_BOOL, .offset = A(detach),
	  .help = "Leave the container running and return" },
	{ .name = "keep", .kind = OPT_BOOL, .offset = A(keep), .help = "Do not delete the container when it has ended" },
	{ 0 }
};

/* Socket activation: the sockets are passed on below the ones asked for. */
static unsigned listen_fds(void)
{
	const char *text = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	uint64_t n, p;

	if (!text || str_u64(text, 1024, "LISTEN_FDS", &n, NULL) < 0)
		return 0;
	if (pid && (str_u64(pid, INT32_MAX, "LISTEN_PID", &p, NULL) < 0 || (pid_t)p != getpid()))
		return 0;
	return (unsigned)n;
}

static struct container_opts options(struct verb_call *c)
{
	const struct create_args *a = c->args;
	const struct oci_globals *g = c->globals;

	return (struct container_opts){ .root = g->root, .id = c->operands[0], .bundle = a->bundle,
					.config_file = a->config, .console_socket = a->console_socket,
					.console_fd = -1, .pid_file = a->pid_file, .pidfd_socket = a->pidfd_socket,
					.preserve_fds = (unsigned)a->preserve_fds.v + listen_fds(),
					.listen_fds = listen_fds(), .no_pivot = a->no_pivot,
					.no_new_keyring = a->no_new_keyring, .cgroup_manager = g->manager,
					.notify = oci_notify_host() != NULL, .rootless = g->is_rootless };
}

/* What the caller left open is not for hooks either. */
static int hide_callers(const struct container_opts *o, struct dv_err *e)
{
	return defence_on("fds") ? fd_cloexec_from(3 + (int)o->preserve_fds, e) : 0;
}

static int create_run(struct verb_call *c, struct dv_err *e)
{
	struct container_opts o = options(c);
	struct container_started s;
	int r = self_protect(e);

	o.wait_for_start = true;
	if (r < 0 || (r = hide_callers(&o, e)) < 0 || (r = container_create(c->arena, &o, &s, e)) < 0)
		return r;
	(void)close(s.pidfd);
	fd_close(&s.notify_fd);     /* start listens anew */
	return 0;
}

/* In the foreground the terminal is relayed only if nobody else asked for it. */
static int run_foreground(struct verb_call *c, struct container_opts *o, struct dv_err *e)
{
	const struct create_args *a = c->args;
	struct foreground *f = NULL;
	/* Not closed at the end: the program ends with it. */
	static struct container box = { .root_fd = -1, .dir_fd = -1 };
	struct container_started s;
	int r, code;

	r = foreground_new(false, &f, &o->console_fd, e);
	if (r < 0)
		return r;
	o->console_pair = true;
	o->keep = &box;
	r = container_create(c->arena, o, &s, e);
	if (r >= 0) {
		oci_notify_beside(&s);
		code = foreground_wait(f, &s, e);
		(void)close(s.pidfd);
		box.status = STATUS_STOPPED;
		r = a->keep ? 0 : container_delete_open(c->arena, &box, true, e);
		r = r < 0 ? r : code;
	}
	foreground_free(f);
	return r;
}

static int run_run(struct verb_call *c, struct dv_err *e)
{
	const struct create_args *a = c->args;
	struct container_opts o = options(c);
	struct container_started s;
	int r = self_protect(e);

	/* What our caller left open is not for hooks either. */
	if (r < 0 || (r = hide_callers(&o, e)) < 0)
		return r;
	if (!a->detach)
		return run_foreground(c, &o, e);
	o.detached = true;
	if ((r = container_create(c->arena, &o, &s, e)) < 0)
		return r;
	if (s.notify_fd >= 0)
		r = notify_relay(s.notify_fd, s.pidfd, s.pid, oci_notify_host(), e);
	(void)close(s.pidfd);
	fd_close(&s.notify_fd);
	return r;
}

static const char *const create_examples[] = { "davit-oci create --bundle /srv/web web", NULL };
static const char *const run_examples[] = { "davit-oci run --bundle /srv/web web",
					    "davit-oci run -d --pid-file /run/web.pid -b /srv/web web", NULL };

const struct verb verb_create = {
	.name = "create",
	.operands = "CONTAINER",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "Make a container that waits for start",
	.description = "Makes the container of a bundle: its namespaces, cgroup, mounts and first process. The process "
		       "waits; start lets it run the program of the configuration.",
	.examples = create_examples,
	.opts = create_opts,
	.args_size = sizeof(struct create_args),
	.run = create_run,
};

const struct verb verb_run = {
	.name = "run",
	.operands = "CONTAINER",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "Create and start a container",
	.description = "Runs the container of a bundle and waits for its end, passing signals on. The exit status is that "
		       "of the container's program, 128 + N for signal N. Afterwards the container is deleted.",
	.examples = run_examples,
	.opts = run_opts,
	.args_size = sizeof(struct create_args),
	.run = run_run,
};
