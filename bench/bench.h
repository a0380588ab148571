/* bench.h - what every bench program shares: time, rounds, and the rows it prints.
 *
 * A program compares first: unless both sides gave the same result it prints
 * no figure and fails (bench_differ). Then it prints rows, one line each:
 *
 *	name <TAB> ours <TAB> peer <TAB> ratio <TAB> target <TAB> ok|MISSED
 *
 * and returns bench_end(). bench/run makes a table of them. Time is CPU time of
 * this process, the best of several rounds in which the two sides take turns:
 * the machine has other things to do.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "base/err.h"

static int bench_missed;

static inline double bench_cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds that one call of each takes. */
struct bench_times {
	double ours, peer;
};

static inline double bench_once(void (*f)(void *), void *ctx, unsigned calls)
{
	double start = bench_cpu_s();

	for (unsigned i = 0; i < calls; i++)
		f(ctx);
	return (bench_cpu_s() - start) / calls;
}

static inline struct bench_times bench_turns(void (*ours)(void *), void (*peer)(void *), void *ctx,
					     unsigned rounds, unsigned calls)
{
	struct bench_times best = { 1e9, 1e9 };

	for (unsigned i = 0; i < rounds; i++) {
		double t = bench_once(ours, ctx, calls);

		best.ours = t < best.ours ? t : best.ours;
		t = bench_once(peer, ctx, calls);
		best.peer = t < best.peer ? t : best.peer;
	}
	return best;
}

/* One row; ratio is how many times better we are, target the least of it (0: none is stated). */
static inline void bench_row(const char *name, const char *unit, double ours, double peer, double ratio,
			     double target)
{
	bool ok = ratio >= target;

	printf("%s\t%.4g %s\t%.4g %s\t%.2fx\t", name, ours, unit, peer, unit, ratio);
	printf(target > 0 ? ">=%gx" : "-", target);
	printf("\t%s\n", ok ? "ok" : "MISSED");
	bench_missed += !ok;
}

/* Rates (more is better) of `bytes` in the times given. */
static inline void bench_row_rate(const char *name, double bytes, struct bench_times t, double target)
{
	bench_row(name, "MB/s", bytes / t.ours / 1e6, bytes / t.peer / 1e6, t.peer / t.ours, target);
}

static inline int bench_differ(const char *what)
{
	fprintf(stderr, "%s: the two sides differ: no figures\n", what);
	return 1;
}

static inline int bench_end(void)
{
	return bench_missed ? 1 : 0;
}
