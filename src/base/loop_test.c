/* loop_test.c - sources removed in callbacks, timers in order, signals, processes. */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/loop.h"
#include "base/proc.h"
#include "base/unit.h"

static struct loop *new_loop(void)
{
	struct dv_err e = DV_ERR_NONE;
	struct loop *l;

	assert_ok(loop_new(&l, &e), &e);
	return l;
}

static void stop(void *l)
{
	loop_stop(l, 3);
}

/* --- descriptors --- */

struct pair {
	struct loop *loop;
	struct loop_source *source[2];
	int fired;
};

/* Both are ready in one turn: whoever comes first removes the other and itself. */
static void remove_both(void *ctx, int fd, uint32_t events)
{
	struct pair *p = ctx;

	assert_true(events & EPOLLIN);
	p->fired++;
	loop_remove(p->source[0]);
	loop_remove(p->source[1]);
	loop_remove(p->source[1]);
	loop_arm(loop_add_timer(p->loop, stop, p->loop), 5);
}

static void test_remove_in_callback(void **state)
{
	struct pair p = { .loop = new_loop() };
	int a[2], b[2];

	assert_int_equal(fd_pipe(a, NULL), 0);
	assert_int_equal(fd_pipe(b, NULL), 0);
	assert_int_equal(write(a[1], "x", 1), 1);
	assert_int_equal(write(b[1], "x", 1), 1);
	assert_int_equal(loop_add_fd(p.loop, a[0], EPOLLIN, remove_both, &p, &p.source[0], NULL), 0);
	assert_int_equal(loop_add_fd(p.loop, b[0], EPOLLIN, remove_both, &p, &p.source[1], NULL), 0);
	assert_int_equal(loop_run(p.loop, NULL), 3);
	assert_int_equal(p.fired, 1);
	loop_free(p.loop);
	for (int i = 0; i < 2; i++) {
		fd_close(&a[i]);
		fd_close(&b[i]);
	}
}

static void count_and_stop(void *ctx, int fd, uint32_t events)
{
	struct pair *p = ctx;
	char c;

	p->fired++;
	if (events & EPOLLOUT)
		assert_int_equal(loop_change_fd(p->source[0], EPOLLIN, NULL), 0);
	else if (read(fd, &c, 1) == 1)
		loop_stop(p->loop, c);
}

static void test_change_events(void **state)
{
	struct pair p = { .loop = new_loop() };
	struct dv_err e = DV_ERR_NONE;
	int s[2];

	assert_int_equal(fd_socketpair(SOCK_STREAM, s, NULL), 0);
	assert_ok(loop_add_fd(p.loop, s[0], EPOLLOUT, count_and_stop, &p, &p.source[0], &e), &e);
	assert_fails(loop_add_fd(p.loop, s[0], EPOLLIN, count_and_stop, &p, NULL, &e), EXISTS);
	assert_true(loop_add_fd(p.loop, -1, EPOLLIN, count_and_stop, &p, NULL, &e) < 0);
	assert_int_equal(write(s[1], "A", 1), 1);
	assert_int_equal(loop_run(p.loop, NULL), 'A');
	assert_int_equal(p.fired, 2);
	assert_int_equal(write(s[1], "B", 1), 1);     /* a loop can run again */
	assert_int_equal(loop_run(p.loop, NULL), 'B');
	loop_free(p.loop);
	fd_close(&s[0]);
	fd_close(&s[1]);
}

/* --- timers --- */

static struct {
	struct loop *loop;
	int order[2000], n;
	struct loop_source *timer[2000];
} fired;

static void note(void *ctx)
{
	fired.order[fired.n++] = (int)(intptr_t)ctx;
}

static void test_many_timers_in_order(void **state)
{
	unsigned seed = 7;
	static unsigned delay[1000];

	fired.loop = new_loop();
	fired.n = 0;
	for (int i = 0; i < 1000; i++) {
		fired.timer[i] = loop_add_timer(fired.loop, note, (void *)(intptr_t)i);
		loop_arm(fired.timer[i], 500);     /* all armed anew below */
	}
	for (int i = 0; i < 1000; i++) {
		delay[i] = (unsigned)rand_r(&seed) % 5 * 20;
		loop_arm(fired.timer[i], delay[i]);
	}
	for (int i = 0; i < 1000; i += 3)
		loop_disarm(fired.timer[i]);
	for (int i = 1; i < 1000; i += 30)
		loop_remove(fired.timer[i]);
	loop_arm(loop_add_timer(fired.loop, stop, fired.loop), 150);
	assert_int_equal(loop_run(fired.loop, NULL), 3);
	assert_int_equal(fired.n, 1000 - 334 - 34 + 0);
	for (int i = 0; i < fired.n; i++) {
		assert_true(fired.order[i] % 3 != 0);
		if (i)
			assert_true(delay[fired.order[i - 1]] <= delay[fired.order[i]]);
	}
	loop_free(fired.loop);
}

struct again {
	struct loop *loop;
	struct loop_source *timer;
	int turns;
	uint64_t start;
};

static void arm_again(void *ctx)
{
	struct again *a = ctx;

	if (++a->turns == 5)
		loop_stop(a->loop, 0);
	else
		loop_arm(a->timer, a->turns < 3 ? 0 : 20);
}

static void test_timer_armed_in_callback(void **state)
{
	struct again a = { .loop = new_loop() };

	a.start = loop_now_ms(a.loop);
	a.timer = loop_add_timer(a.loop, arm_again, &a);
	loop_arm(a.timer, 0);
	assert_int_equal(loop_run(a.loop, NULL), 0);
	assert_int_equal(a.turns, 5);
	assert_true(loop_now_ms(a.loop) - a.start >= 40);
	loop_arm(a.timer, UINT64_MAX);     /* never, but it must not overflow */
	loop_arm(loop_add_timer(a.loop, stop, a.loop), 1);
	assert_int_equal(loop_run(a.loop, NULL), 3);
	assert_int_equal(a.turns, 5);
	loop_free(a.loop);
}

static struct {
	struct loop *loop;
	struct loop_source *first, *second, *third;
	char log[32];
	size_t n;
} tasks;

static void note_task(char what)
{
	assert_true(tasks.n + 1 < sizeof tasks.log);
	tasks.log[tasks.n++] = what;
}

static void first_task(void *ctx)
{
	note_task('1');
	if (tasks.n > 5)
		return;
	/* the second is still to run in this round: posting it again is nothing */
	loop_post(tasks.first);
	loop_post(tasks.second);
	loop_remove(tasks.third);
	tasks.third = NULL;
}

static void second_task(void *ctx)
{
	note_task('2');
}

static void post_all(void *ctx)
{
	note_task('t');
	loop_post(tasks.first);
	loop_post(tasks.second);
	loop_post(tasks.second);
	loop_post(tasks.third);
	note_task('.');
}

static void test_tasks_run_at_the_end_of_the_turn(void **state)
{
	memset(&tasks, 0, sizeof tasks);
	tasks.loop = new_loop();
	tasks.first = loop_add_task(tasks.loop, first_task, NULL);
	tasks.second = loop_add_task(tasks.loop, second_task, NULL);
	tasks.third = loop_add_task(tasks.loop, second_task, NULL);
	loop_arm(loop_add_timer(tasks.loop, post_all, NULL), 0);
	loop_arm(loop_add_timer(tasks.loop, stop, tasks.loop), 50);
	assert_int_equal(loop_run(tasks.loop, NULL), 3);
	/* the third was removed while posted; each round is a turn of its own */
	assert_string_equal(tasks.log, "t.12112");
	loop_free(tasks.loop);
}

static void stop_in_task(void *ctx)
{
	note_task('s');
	loop_stop(tasks.loop, 1);
}

static void test_a_stop_leaves_tasks_posted(void **state)
{
	memset(&tasks, 0, sizeof tasks);
	tasks.loop = new_loop();
	loop_post(loop_add_task(tasks.loop, stop_in_task, NULL));
	loop_post(loop_add_task(tasks.loop, second_task, NULL));
	assert_int_equal(loop_run(tasks.loop, NULL), 1);
	assert_string_equal(tasks.log, "s");
	loop_post(loop_add_task(tasks.loop, stop_in_task, NULL));
	assert_int_equal(loop_run(tasks.loop, NULL), 1);
	assert_string_equal(tasks.log, "s2s");
	loop_free(tasks.loop);
}

static void remove_self(void *ctx)
{
	struct again *a = ctx;

	a->turns++;
	loop_remove(a->timer);
	loop_arm(a->timer, 0);     /* of a removed source: nothing happens */
	loop_arm(loop_add_timer(a->loop, stop, a->loop), 10);
}

static void test_timer_removed_in_callback(void **state)
{
	struct again a = { .loop = new_loop() };

	a.timer = loop_add_timer(a.loop, remove_self, &a);
	loop_arm(a.timer, 1);
	assert_int_equal(loop_run(a.loop, NULL), 3);
	assert_int_equal(a.turns, 1);
	loop_remove(NULL);
	loop_free(a.loop);
	loop_free(NULL);
}

/* --- signals and processes --- */

static void on_signal(void *ctx, int signo)
{
	loop_stop(ctx, signo);
}

static void test_signals(void **state)
{
	struct loop *l = new_loop();
	struct loop_source *s;
	sigset_t set, mask;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	assert_int_equal(loop_add_signals(l, &set, on_signal, l, &s, NULL), 0);
	assert_fails(loop_add_signals(l, &set, on_signal, l, NULL, NULL), EXISTS);
	assert_int_equal(kill(getpid(), SIGUSR2), 0);
	assert_int_equal(loop_run(l, NULL), SIGUSR2);
	loop_remove(s);
	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &mask), 0);
	assert_false(sigismember(&mask, SIGUSR1));
	loop_free(l);
}

struct child {
	struct loop *loop;
	int exits;
};

static void on_exit_(void *ctx, int pidfd)
{
	struct child *c = ctx;

	c->exits++;     /* not reaped: and yet it is told only once */
	loop_arm(loop_add_timer(c->loop, stop, c->loop), 20);
}

static void test_pidfd(void **state)
{
	const char *const argv[] = { "true", NULL };
	struct proc_spawn s = { .path = "/bin/true", .argv = (char *const *)argv };
	struct child c = { .loop = new_loop() };
	auto_close int pidfd = -1;
	int status;
	pid_t pid;

	assert_int_equal(proc_spawn(&s, &pid, &pidfd, NULL), 0);
	assert_int_equal(loop_add_pidfd(c.loop, pidfd, on_exit_, &c, NULL, NULL), 0);
	assert_int_equal(loop_run(c.loop, NULL), 3);
	assert_int_equal(c.exits, 1);
	assert_int_equal(proc_wait(pid, &status, NULL), 0);
	loop_free(c.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remove_in_callback), cmocka_unit_test(test_change_events),
		cmocka_unit_test(test_many_timers_in_order), cmocka_unit_test(test_timer_armed_in_callback),
		cmocka_unit_test(test_timer_removed_in_callback),
		cmocka_unit_test(test_tasks_run_at_the_end_of_the_turn),
		cmocka_unit_test(test_a_stop_leaves_tasks_posted), cmocka_unit_test(test_signals),
		cmocka_unit_test(test_pidfd),
	};

	return unit_run(tests);
}
