/* netd.c - the life of davit-netd: one per run directory, ready, then until nobody needs it. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "dns/records.h"
#include "netd/inner.h"
#include "netd/netd.h"

#define LINGER_MS 1000          /* after the last container: the next one often follows soon */

struct netd_args {
	const char *root, *runroot, *table;
	struct opt_int ready_fd, port_user;
};

struct netd {
	const struct netd_args *args;
	struct loop *loop;
	int dir, names_dir, lock;
	struct names *names;
	struct rules_watch *rules;
	struct repair *repair;
	struct loop_source *linger, *signals;
};

static void on_idle(void *ctx)
{
	struct netd *d = ctx;

	loop_arm(d->linger, LINGER_MS);
}

/* A command that writes a record looks at the lock afterwards. So the lock goes first, and if there is a record now,
 * either we get the lock again or another one has it. */
static void on_linger(void *ctx)
{
	struct netd *d = ctx;

	if (names_count(d->names))
		return;
	fd_close(&d->lock);
	if (names_count(d->names) && file_open(d->dir, NETD_LOCK, O_RDWR | O_CREAT, 0600, &d->lock, NULL) >= 0 &&
	    file_lock(d->lock, true, false, NETD_LOCK, NULL) >= 0)
		return;
	loop_stop(d->loop, 0);
}

static void on_signal(void *ctx, int signo)
{
	struct netd *d = ctx;

	loop_stop(d->loop, 0);
}

static void on_lost(void *ctx)
{
	struct netd *d = ctx;

	repair_want(d->repair);
}

static int open_dirs(struct netd *d, struct dv_err *e)
{
	auto_close int run = -1;
	int r = file_open(AT_FDCWD, d->args->runroot, O_PATH | O_DIRECTORY, 0, &run, e);

	if (r < 0 || (r = file_mkdirs(run, RECORDS_DIR, 0711, NULL, e)) < 0 ||
	    (r = file_open(run, NETD_DIR, O_RDONLY | O_DIRECTORY, 0, &d->dir, e)) < 0)
		return r;
	return file_open(run, RECORDS_DIR, O_RDONLY | O_DIRECTORY, 0, &d->names_dir, e);
}

/* 1 when another one runs: that is success. */
static int take_lock(struct netd *d, struct dv_err *e)
{
	int r = file_open(d->dir, NETD_LOCK, O_RDWR | O_CREAT, 0600, &d->lock, e);

	if (r >= 0)
		r = file_lock(d->lock, true, false, NETD_LOCK, e);
	return r == -DV_CONFLICT ? 1 : r;
}

/* Whoever started us waits for this byte, or for the end of the pipe. */
static void tell_ready(const struct netd *d)
{
	int fd = (int)d->args->ready_fd.v;

	if (d->args->ready_fd.set) {
		(void)!write(fd, "", 1);
		(void)close(fd);
	}
}

static uid_t port_user(const struct netd *d)
{
	return d->args->port_user.set ? (uid_t)d->args->port_user.v : geteuid();
}

static int set_up(struct netd *d, struct dv_err *e)
{
	sigset_t set;
	int r;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	d->linger = loop_add_timer(d->loop, on_linger, d);
	d->repair = repair_new(d->loop, d->args->root, d->args->runroot);
	if ((r = loop_add_signals(d->loop, &set, on_signal, d, &d->signals, e)) < 0 ||
	    (r = names_new(d->loop, d->names_dir, port_user(d), on_idle, d, &d->names, e)) < 0)
		return r;
	if (d->args->table && (r = rules_watch_new(d->loop, d->args->table, on_lost, d, &d->rules, e)) < 0)
		return r;
	if (!names_count(d->names))
		on_idle(d);
	return 0;
}

static void done(struct netd *d)
{
	rules_watch_free(d->rules);
	names_free(d->names);
	repair_free(d->repair);
	loop_free(d->loop);
	fd_close(&d->names_dir);
	fd_close(&d->dir);
	fd_close(&d->lock);
}

static int serve(struct netd *d, struct dv_err *e)
{
	int r;

	if ((r = loop_new(&d->loop, e)) < 0 || (r = set_up(d, e)) < 0)
		return r;
	tell_ready(d);
	return loop_run(d->loop, e);
}

static int run(struct verb_call *c, struct dv_err *e)
{
	struct netd d = { .args = c->args, .dir = -1, .names_dir = -1, .lock = -1 };
	int r;

	if (!d.args->root || !d.args->runroot)
		return dv_fail(e, DV_INVALID, "--root and --runroot are needed");
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	if ((r = open_dirs(&d, e)) >= 0 && (r = take_lock(&d, e)) == 0)
		r = serve(&d, e);
	else if (r > 0)
		tell_ready(&d);
	done(&d);
	return r < 0 ? r : 0;
}

#define A(member) offsetof(struct netd_args, member)
static const struct opt opts[] = {
	{ .name = "root", .kind = OPT_STR, .arg = "DIR", .offset = A(root), .help = "Root directory of the engine" },
	{ .name = "runroot", .kind = OPT_STR, .arg = "DIR", .offset = A(runroot), .help = "Its run directory" },
	{ .name = "table", .kind = OPT_STR, .arg = "NAME", .offset = A(table),
	  .help = "The nf_tables table that is put back when somebody removes it" },
	{ .name = "port-user", .kind = OPT_U64, .arg = "N", .offset = A(port_user),
	  .help = "The user that sockets of published ports belong to: those of one user share a port" },
	{ .name = "ready-fd", .kind = OPT_U64, .arg = "N", .offset = A(ready_fd),
	  .help = "Descriptor that gets one byte when everything is answered" },
	{ 0 }
};
static const struct verb serve_verb = {
	.name = "serve",
	.summary = "Serve the networks of one run directory until the last container is gone",
	.opts = opts,
	.args_size = sizeof(struct netd_args),
	.run = run,
};
static const struct verb *const verbs[] = { &serve_verb, NULL };

const struct program netd_program = {
	.name = "davit-netd",
	.summary = "names and rules of container networks",
	.version = DAVIT_VERSION,
	.verbs = verbs,
	.usage_exit = 1,
};
