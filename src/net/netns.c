/* netns.c - a new network namespace, made by a thread: a third of a millisecond that nobody waits for. */
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>

#include "base/fault.h"
#include "base/file.h"
#include "net/link.h"
#include "net/netns.h"

struct netns_job {
	pthread_t thread;
	int netns, route;
	int r;
	struct dv_err err;
};

static int make(struct netns_job *j)
{
	auto_nl struct nl_batch b = NL_BATCH;
	int r, sys = fault_hit("netns");

	if (sys || unshare(CLONE_NEWNET) < 0)
		return dv_fail_errno(&j->err, sys ? sys : errno, "make a network namespace");
	if ((r = file_open(AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY, 0, &j->netns, &j->err)) < 0 ||
	    (r = nl_open(NETLINK_ROUTE, -1, &j->route, &j->err)) < 0)
		return r;
	link_up(&b, 1);
	return nl_send(j->route, &b, &j->err);
}

static void *run(void *arg)
{
	struct netns_job *j = arg;

	j->r = make(j);
	return NULL;
}

int netns_begin(struct netns_job **ret, struct dv_err *e)
{
	struct netns_job *j = mem_new(struct netns_job);
	pthread_attr_t attr;
	int sys;

	j->netns = j->route = -1;
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, 256 << 10);
	sys = pthread_create(&j->thread, &attr, run, j);
	(void)pthread_attr_destroy(&attr);
	if (sys) {
		free(j);
		return dv_fail_errno(e, sys, "start a thread");
	}
	*ret = j;
	return 0;
}

int netns_take(struct netns_job *j, int *ret_netns, int *ret_route, struct dv_err *e)
{
	int r;

	(void)pthread_join(j->thread, NULL);
	r = j->r;
	if (r < 0) {
		fd_close(&j->netns);
		fd_close(&j->route);
		if (e)
			*e = j->err;
	} else {
		*ret_netns = j->netns;
		*ret_route = j->route;
	}
	free(j);
	return r;
}

void netns_drop(struct netns_job *j)
{
	int netns = -1, route = -1;

	if (j && netns_take(j, &netns, &route, NULL) >= 0) {
		fd_close(&netns);
		fd_close(&route);
	}
}
