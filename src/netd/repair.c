/* repair.c - has the rules put back by the program that knows them. Nobody waits for it but packets. */
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "netd/inner.h"

struct repair {
	struct loop *loop;
	char *root, *runroot, *program;
	int pidfd;
	pid_t pid;
	struct loop_source *source;
	bool again;                     /* wanted while one was running */
};

static void start(struct repair *p);

static void on_exit_of(void *ctx, int pidfd)
{
	struct repair *p = ctx;
	int status = 0;

	loop_remove(p->source);
	p->source = NULL;
	dv_ignore(proc_wait(p->pid, &status, NULL));
	fd_close(&p->pidfd);
	if (status)
		log_warn("network rules could not be put back", NULL);
	if (p->again)
		start(p);
}

static void start(struct repair *p)
{
	const char *const argv[] = { "davit", "--root", p->root, "--runroot", p->runroot, "network", "reload", "--missing", NULL };
	struct proc_spawn s = { .path = p->program, .argv = (char *const *)argv };
	struct dv_err e = DV_ERR_NONE;

	p->again = false;
	if (proc_spawn(&s, &p->pid, &p->pidfd, &e) < 0) {
		log_warn("network rules could not be put back", "reason", e.msg, NULL);
		return;
	}
	if (loop_add_pidfd(p->loop, p->pidfd, on_exit_of, p, &p->source, &e) < 0) {
		dv_ignore(proc_wait(p->pid, &(int){ 0 }, NULL));
		fd_close(&p->pidfd);
	}
}

void repair_want(struct repair *p)
{
	if (p->source)
		p->again = true;
	else if (p->program)
		start(p);
}

/* davit beside our own program. */
struct repair *repair_new(struct loop *l, const char *root, const char *runroot)
{
	struct repair *p = mem_new(struct repair);
	auto_free char *self = NULL;
	char *slash;

	*p = (struct repair){ .loop = l, .root = mem_str(root), .runroot = mem_str(runroot), .pidfd = -1 };
	if (proc_program(&self, NULL) >= 0 && (slash = strrchr(self, '/')))
		p->program = mem_printf("%.*s/davit", (int)(slash - self), self);
	return p;
}

void repair_free(struct repair *p)
{
	if (!p)
		return;
	loop_remove(p->source);
	fd_close(&p->pidfd);
	free(p->root);
	free(p->runroot);
	free(p->program);
	free(p);
}
