/* job_test.c - results on the loop thread, the queue's limit, freeing while jobs run and wait. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/job.h"
#include "base/unit.h"

#define JOBS 200

struct work {
	struct loop *loop;
	struct job_pool *pool;
	pthread_t loop_thread;
	atomic_int ran;
	int done, failed, cancelled;
	int gate[2];             /* read end: blocks a job until it is closed */
};

static int count(void *ctx, struct dv_err *e)
{
	struct work *w = ctx;
	int n = atomic_fetch_add(&w->ran, 1);

	return n % 10 == 9 ? dv_fail(e, DV_CONFLICT, "job %d", n) : n;
}

static int blocked(void *ctx, struct dv_err *e)
{
	struct work *w = ctx;
	char c;

	atomic_fetch_add(&w->ran, 1);
	return (int)read(w->gate[0], &c, 1);
}

static void done(void *ctx, int result, const struct dv_err *e)
{
	struct work *w = ctx;

	assert_true(pthread_equal(pthread_self(), w->loop_thread));
	w->done++;
	if (result == -(int)DV_UNAVAILABLE)
		w->cancelled++;
	else if (result < 0) {
		assert_int_equal(e->kind, DV_CONFLICT);
		w->failed++;
	}
	if (w->done == JOBS && w->loop)
		loop_stop(w->loop, 0);
}

static void test_results_on_the_loop(void **state)
{
	struct work w = { .loop_thread = pthread_self() };
	struct dv_err e = DV_ERR_NONE;

	assert_ok(loop_new(&w.loop, &e), &e);
	assert_ok(job_pool_new(w.loop, 4, JOBS, &w.pool, &e), &e);
	for (int i = 0; i < JOBS; i++)
		assert_ok(job_submit(w.pool, count, done, &w, &e), &e);
	assert_ok(loop_run(w.loop, &e), &e);
	assert_int_equal(w.done, JOBS);
	assert_int_equal(w.failed, JOBS / 10);
	job_pool_free(w.pool);
	loop_free(w.loop);
}

static void test_without_loop(void **state)
{
	struct work w = { .loop_thread = pthread_self() };
	struct dv_err e = DV_ERR_NONE;

	assert_ok(job_pool_new(NULL, 0, JOBS, &w.pool, &e), &e);
	job_wait_all(w.pool);
	for (int round = 1; round <= 3; round++) {
		for (int i = 0; i < JOBS; i++)
			assert_ok(job_submit(w.pool, count, i % 2 ? done : NULL, &w, &e), &e);
		job_wait_all(w.pool);
		assert_int_equal(atomic_load(&w.ran), JOBS * round);
		assert_int_equal(w.done, JOBS / 2 * round);
	}
	job_pool_free(w.pool);
}

static void *open_gate(void *arg)
{
	struct timespec ts = { .tv_nsec = 20000000 };

	(void)nanosleep(&ts, NULL);
	fd_close(arg);
	return NULL;
}

/* One job runs and blocks, two wait, one more is refused; free waits for the first and cancels the others. */
static void test_limit_and_free_while_running(void **state)
{
	struct work w = { .loop_thread = pthread_self() };
	struct dv_err e = DV_ERR_NONE;
	pthread_t opener;

	assert_int_equal(fd_pipe(w.gate, NULL), 0);
	assert_ok(job_pool_new(NULL, 1, 2, &w.pool, &e), &e);
	assert_ok(job_submit(w.pool, blocked, done, &w, &e), &e);
	while (atomic_load(&w.ran) == 0)
		(void)sched_yield();
	assert_ok(job_submit(w.pool, blocked, done, &w, &e), &e);
	assert_ok(job_submit(w.pool, blocked, done, &w, &e), &e);
	assert_fails(job_submit(w.pool, blocked, done, &w, &e), LIMIT);
	assert_string_equal(e.msg, "more than 2 jobs are waiting");
	assert_int_equal(pthread_create(&opener, NULL, open_gate, &w.gate[1]), 0);
	job_pool_free(w.pool);
	assert_int_equal(pthread_join(opener, NULL), 0);
	assert_int_equal(atomic_load(&w.ran), 1);
	assert_int_equal(w.done, 3);
	assert_int_equal(w.cancelled, 2);
	fd_close(&w.gate[0]);
	job_pool_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results_on_the_loop), cmocka_unit_test(test_without_loop),
		cmocka_unit_test(test_limit_and_free_while_running),
	};

	return unit_run(tests);
}
