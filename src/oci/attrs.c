/* attrs.c - rlimits, scheduling, affinity, memory policy, personality: tables of names. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"
#include "oci/attrs.h"
#include "oci/procfs.h"
#include "oci/sys.h"

struct name_value {
	const char *name;
	int value;
};

static int find(const struct name_value *t, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (streq(t[i].name, name))
			return t[i].value;
	return -1;
}
#define FIND(table, name) find(table, ARRAY_LEN(table), name)

static const struct name_value rlimit_types[] = {
	{ "RLIMIT_AS", RLIMIT_AS },             { "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },           { "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },       { "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },   { "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },         { "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },       { "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },     { "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING }, { "RLIMIT_STACK", RLIMIT_STACK },
};

#define NOFILE_NEEDED 1024

/* False: not now. */
static bool is_now(int type, enum attrs_rlimits_when when, struct rlimit *rl)
{
	bool few = type == RLIMIT_NOFILE && rl->rlim_cur < NOFILE_NEEDED;

	if (when == RLIMITS_ALL || (when == RLIMITS_EARLY && !few))
		return true;
	if (when == RLIMITS_LATE)
		return few;
	/* A hard limit above ours is for who is outside to give. */
	rl->rlim_cur = NOFILE_NEEDED;
	return rl->rlim_max >= NOFILE_NEEDED;
}

int attrs_rlimits(pid_t pid, const struct view_list *rlimits, enum attrs_rlimits_when when, struct dv_err *e)
{
	for (size_t i = 0; i < rlimits->n; i++) {
		const struct spec_rlimit *l = view_at(rlimits, struct spec_rlimit, i);
		struct rlimit rl = { .rlim_cur = l->soft.v, .rlim_max = l->hard.v };
		int type = FIND(rlimit_types, l->type);

		if (type < 0)
			return dv_fail(e, DV_INVALID, "process.rlimits[%zu].type: \"%s\" is unknown", i, l->type);
		if (is_now(type, when, &rl) && prlimit(pid, type, &rl, NULL) < 0)
			return dv_fail_errno(e, errno, "set %s to %llu:%llu", l->type, (unsigned long long)l->soft.v,
					     (unsigned long long)l->hard.v);
	}
	return 0;
}

/* --- scheduler --- */

static const struct name_value sched_policies[] = {
	{ "SCHED_OTHER", 0 }, { "SCHED_FIFO", 1 }, { "SCHED_RR", 2 },       { "SCHED_BATCH", 3 },
	{ "SCHED_ISO", 4 },   { "SCHED_IDLE", 5 }, { "SCHED_DEADLINE", 6 },
};
static const struct name_value sched_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", 0x01 }, { "SCHED_FLAG_RECLAIM", 0x02 },
	{ "SCHED_FLAG_DL_OVERRUN", 0x04 },    { "SCHED_FLAG_KEEP_POLICY", 0x08 },
	{ "SCHED_FLAG_KEEP_PARAMS", 0x10 },   { "SCHED_FLAG_UTIL_CLAMP_MIN", 0x20 },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", 0x40 },
};

struct kernel_sched_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

int attrs_scheduler(pid_t pid, const struct spec_scheduler *s, struct dv_err *e)
{
	struct kernel_sched_attr a = { .size = sizeof a, .nice = (int32_t)s->nice.v,
				       .priority = (uint32_t)s->priority.v, .runtime = s->runtime.v,
				       .deadline = s->deadline.v, .period = s->period.v };
	int policy = FIND(sched_policies, s->policy);

	if (policy < 0)
		return dv_fail(e, DV_INVALID, "process.scheduler.policy: \"%s\" is unknown", s->policy);
	a.policy = (uint32_t)policy;
	for (const char **f = s->flags; f && *f; f++) {
		int flag = FIND(sched_flags, *f);

		if (flag < 0)
			return dv_fail(e, DV_INVALID, "process.scheduler.flags: \"%s\" is unknown", *f);
		a.flags |= (uint64_t)flag;
	}
	if (syscall(SYS_sched_setattr, pid, &a, 0) < 0)
		return dv_fail_errno(e, errno, "set scheduler %s", s->policy);
	return 0;
}

static const struct name_value io_classes[] = {
	{ "IOPRIO_CLASS_RT", 1 }, { "IOPRIO_CLASS_BE", 2 }, { "IOPRIO_CLASS_IDLE", 3 },
};

int attrs_io_priority(pid_t pid, const struct spec_io_priority *p, struct dv_err *e)
{
	int class = FIND(io_classes, p->class);

	if (class < 0)
		return dv_fail(e, DV_INVALID, "process.ioPriority.class: \"%s\" is unknown", p->class);
	if (p->priority.v < 0 || p->priority.v > 7)
		return dv_fail(e, DV_INVALID, "process.ioPriority.priority: %lld is not between 0 and 7",
			       (long long)p->priority.v);
	if (sys_ioprio_set(1 /* IOPRIO_WHO_PROCESS */, pid, class << 13 | (int)p->priority.v) < 0)
		return dv_fail_errno(e, errno, "set I/O priority %s", p->class);
	return 0;
}

/* --- lists of numbers: "0-3,7" --- */

static int parse_ranges(const char *text, size_t max, void (*set)(void *ctx, size_t n), void *ctx)
{
	struct scan s = scan_of(text, strlen(text));

	do {
		uint64_t from, to;

		scan_blanks(&s);
		if (!scan_u64(&s, &from))
			return -1;
		to = from;
		if (scan_char(&s, '-') && !scan_u64(&s, &to))
			return -1;
		if (to < from || to >= max)
			return -1;
		for (; from <= to; from++)
			set(ctx, (size_t)from);
	} while (scan_char(&s, ','));
	return s.p == s.end ? 0 : -1;
}

static void cpu_add(void *ctx, size_t n)
{
	CPU_SET(n, (cpu_set_t *)ctx);
}

int attrs_affinity(pid_t pid, const char *cpus, struct dv_err *e)
{
	cpu_set_t set;

	if (!cpus || !*cpus)
		return 0;
	CPU_ZERO(&set);
	if (parse_ranges(cpus, CPU_SETSIZE, cpu_add, &set) < 0)
		return dv_fail(e, DV_INVALID, "execCPUAffinity: \"%s\" is not a list of CPUs such as 0-3,7", cpus);
	if (sched_setaffinity(pid, sizeof set, &set) < 0)
		return dv_fail_errno(e, errno, "set CPU affinity %s", cpus);
	return 0;
}

int attrs_oom_score(int proc_fd, pid_t pid, int64_t score, struct dv_err *e)
{
	char path[48], text[32];

	if (score < -1000 || score > 1000)
		return dv_fail(e, DV_INVALID, "process.oomScoreAdj: %lld is not between -1000 and 1000",
			       (long long)score);
	(void)snprintf(path, sizeof path, "%d/oom_score_adj", (int)pid);
	(void)snprintf(text, sizeof text, "%lld", (long long)score);
	return procfs_write(proc_fd, path, text, e);
}

/* --- memory policy --- */

#define MPOL_NODES_MAX 1024

static const struct name_value mpol_modes[] = {
	{ "MPOL_DEFAULT", 0 },   { "MPOL_PREFERRED", 1 }, { "MPOL_BIND", 2 },
	{ "MPOL_INTERLEAVE", 3 }, { "MPOL_LOCAL", 4 },    { "MPOL_PREFERRED_MANY", 5 },
	{ "MPOL_WEIGHTED_INTERLEAVE", 6 },
};
static const struct name_value mpol_flags[] = {
	{ "MPOL_F_STATIC_NODES", 1 << 15 },
	{ "MPOL_F_RELATIVE_NODES", 1 << 14 },
	{ "MPOL_F_NUMA_BALANCING", 1 << 13 },
};
const char *const attrs_memory_policy_modes[] = { "MPOL_DEFAULT", "MPOL_PREFERRED", "MPOL_BIND", "MPOL_INTERLEAVE",
						  "MPOL_LOCAL", "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE",
						  NULL };
const char *const attrs_memory_policy_flags[] = { "MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES",
						  "MPOL_F_NUMA_BALANCING", NULL };

static void node_add(void *ctx, size_t n)
{
	((unsigned long *)ctx)[n / (8 * sizeof(unsigned long))] |= 1UL << n % (8 * sizeof(unsigned long));
}

int attrs_memory_policy(const struct spec_memory_policy *m, struct dv_err *e)
{
	unsigned long nodes[MPOL_NODES_MAX / (8 * sizeof(unsigned long))] = { 0 };
	bool some = m->nodes && *m->nodes;
	int mode = FIND(mpol_modes, m->mode);

	if (mode < 0)
		return dv_fail(e, DV_INVALID, "linux.memoryPolicy.mode: \"%s\" is unknown", m->mode);
	for (const char **f = m->flags; f && *f; f++) {
		int flag = FIND(mpol_flags, *f);

		if (flag < 0)
			return dv_fail(e, DV_INVALID, "linux.memoryPolicy.flags: \"%s\" is unknown", *f);
		mode |= flag;
	}
	if (some && parse_ranges(m->nodes, MPOL_NODES_MAX, node_add, nodes) < 0)
		return dv_fail(e, DV_INVALID, "linux.memoryPolicy.nodes: \"%s\" is not a list of nodes such as 0-3,7",
			       m->nodes);
	if (sys_set_mempolicy(mode, some ? nodes : NULL, some ? MPOL_NODES_MAX + 1 : 0) < 0)
		return dv_fail_errno(e, errno, "set memory policy %s on nodes \"%s\"", m->mode, m->nodes ?: "");
	return 0;
}

static const struct name_value domains[] = { { "LINUX", PER_LINUX }, { "LINUX32", PER_LINUX32 } };

int attrs_personality(const struct spec_personality *p, struct dv_err *e)
{
	int domain = FIND(domains, p->domain);

	if (domain < 0)
		return dv_fail(e, DV_INVALID, "linux.personality.domain: \"%s\" is unknown", p->domain);
	if (p->flags && p->flags[0])
		return dv_fail(e, DV_INVALID, "linux.personality.flags: \"%s\" is unknown", p->flags[0]);
	if (personality((unsigned long)domain) < 0)
		return dv_fail_errno(e, errno, "set personality %s", p->domain);
	return 0;
}
