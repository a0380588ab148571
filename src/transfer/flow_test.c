/* flow_test.c - bytes between threads: nothing lost, nothing read too early, everybody woken. */
#include <pthread.h>

#include "image/tarunit.h"
#include "transfer/compress.h"
#include "transfer/flow.h"

#define TOTAL 3000000U

static unsigned char byte_at(uint64_t i)
{
	return (unsigned char)(i * 131 >> 3);
}

/* --- growing --- */

struct writer {
	struct growing *g;
	int fd;
	uint64_t from;
	struct dv_err why;              /* ends with it when it has a kind */
};

static void *writer_run(void *arg)
{
	struct writer *w = arg;
	unsigned char piece[7001];

	for (uint64_t at = w->from; at < TOTAL;) {
		size_t n = DV_MIN(sizeof(piece), TOTAL - at);

		for (size_t i = 0; i < n; i++)
			piece[i] = byte_at(at + i);
		if (pwrite(w->fd, piece, n, (off_t)at) != (ssize_t)n)
			break;
		at += n;
		growing_set(w->g, at);
	}
	if (w->why.kind)
		growing_fail(w->g, &w->why);
	else
		growing_end(w->g);
	return NULL;
}

static int temp_file(void)
{
	char name[] = "/tmp/davit-flow-XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	(void)unlink(name);
	return fd;
}

/* Reads the source to its end; returns its last answer and the number of bytes that were right. */
static int read_all(struct tar_source src, uint64_t *ret_bytes, struct dv_err *e)
{
	const void *p;
	size_t len;
	int rc;

	*ret_bytes = 0;
	while ((rc = src.next(src.ctx, &p, &len, e)) > 0)
		for (size_t i = 0; i < len; i++) {
			assert_int_equal(((const unsigned char *)p)[i], byte_at(*ret_bytes));
			(*ret_bytes)++;
		}
	return rc;
}

static void growing_is_read_while_it_grows(void **state)
{
	static const uint64_t there[] = { 0, 1, 5000, TOTAL };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(there); i++) {
		auto_close int fd = temp_file();
		struct writer w = { .fd = fd };
		struct dv_err e = DV_ERR_NONE;
		pthread_t t;
		uint64_t bytes;

		/* What an earlier download left is there already. */
		for (uint64_t at = 0; at < there[i]; at++) {
			unsigned char c = byte_at(at);

			assert_int_equal(pwrite(fd, &c, 1, (off_t)at), 1);
		}
		w.from = there[i];
		w.g = growing_new(fd, there[i]);
		assert_int_equal(pthread_create(&t, NULL, writer_run, &w), 0);
		assert_ok(read_all(growing_source(w.g), &bytes, &e), &e);
		assert_int_equal(bytes, TOTAL);
		(void)pthread_join(t, NULL);
		growing_free(w.g);
	}
}

static void growing_goes_on_elsewhere(void **state)
{
	static const uint64_t at[] = { 5000, 0, TOTAL, TOTAL - 1 };
	auto_close int fd = temp_file();
	struct writer w = { .fd = fd };
	struct dv_err e = DV_ERR_NONE;
	uint64_t bytes;
	const void *p;
	size_t len;

	(void)state;
	w.g = growing_new(fd, 0);
	writer_run(&w);
	struct tar_source src = growing_source(w.g);
	assert_ok(read_all(src, &bytes, &e), &e);
	for (size_t i = 0; i < ARRAY_LEN(at); i++) {
		growing_seek(w.g, at[i]);
		assert_int_equal(src.next(src.ctx, &p, &len, &e), at[i] < TOTAL);
		if (at[i] < TOTAL)
			assert_int_equal(*(const unsigned char *)p, byte_at(at[i]));
	}
	growing_free(w.g);
}

static void growing_tells_the_writers_failure(void **state)
{
	auto_close int fd = temp_file();
	struct writer w = { .fd = fd, .from = TOTAL - 10, .why = { DV_TIMEOUT, 0, "the registry stalled" } };
	struct dv_err e = DV_ERR_NONE;
	uint64_t bytes;

	(void)state;
	w.g = growing_new(fd, 0);
	writer_run(&w);
	assert_int_equal(read_all(growing_source(w.g), &bytes, &e), -DV_TIMEOUT);
	assert_string_equal(e.msg, "the registry stalled");
	growing_free(w.g);
}

static void *give_up(void *g)
{
	growing_give_up(g);
	return NULL;
}

static void a_waiting_reader_is_woken(void **state)
{
	auto_close int fd = temp_file();
	struct growing *g = growing_new(fd, 0);
	struct dv_err e = DV_ERR_NONE;
	uint64_t bytes;
	pthread_t t;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, give_up, g), 0);
	assert_int_equal(read_all(growing_source(g), &bytes, &e), -DV_UNAVAILABLE);
	(void)pthread_join(t, NULL);
	growing_free(g);
}

/* --- relay --- */

/* Chunks in a ring of buffers: one that is made too early changes what the reader still looks at. */
struct ring {
	unsigned char v[4][1000];
	unsigned keep;
	uint64_t made, end;
	int result;                     /* after the last */
	unsigned calls;
};

static int ring_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct ring *r = ctx;
	unsigned char *p = r->v[r->calls++ % r->keep];

	if (r->made == r->end)
		return r->result < 0 ? dv_fail(e, DV_CORRUPT, "the ring is broken") : 0;
	size_t n = DV_MIN(sizeof(r->v[0]), r->end - r->made);
	for (size_t i = 0; i < n; i++)
		p[i] = byte_at(r->made + i);
	r->made += n;
	*ret = p;
	*ret_len = n;
	return 1;
}

static void relay_keeps_order_and_chunks(void **state)
{
	(void)state;
	for (unsigned keep = 1; keep <= 4; keep++) {
		struct ring ring = { .keep = keep, .end = 777777 };
		const struct tar_source in = { ring_next, &ring };
		struct dv_err e = DV_ERR_NONE;
		struct relay *r;
		uint64_t bytes;

		assert_ok(relay_new(&in, keep, &r, &e), &e);
		assert_ok(read_all(relay_source(r), &bytes, &e), &e);
		assert_int_equal(bytes, ring.end);
		relay_free(r);
	}
}

static void relay_passes_a_failure_on_after_the_data(void **state)
{
	struct ring ring = { .keep = 3, .end = 5000, .result = -1 };
	const struct tar_source in = { ring_next, &ring };
	struct dv_err e = DV_ERR_NONE;
	struct relay *r;
	uint64_t bytes;

	(void)state;
	assert_ok(relay_new(&in, 3, &r, &e), &e);
	assert_int_equal(read_all(relay_source(r), &bytes, &e), -DV_CORRUPT);
	assert_int_equal(bytes, 5000);
	assert_string_equal(e.msg, "the ring is broken");
	relay_free(r);
}

static void relay_ends_early(void **state)
{
	struct ring ring = { .keep = 4, .end = UINT64_MAX };
	const struct tar_source in = { ring_next, &ring };
	struct dv_err e = DV_ERR_NONE;
	struct relay *r;
	const void *p;
	size_t len;

	(void)state;
	assert_ok(relay_new(&in, 4, &r, &e), &e);
	struct tar_source src = relay_source(r);
	assert_int_equal(src.next(src.ctx, &p, &len, &e), 1);
	relay_free(r);
	relay_free(NULL);
	assert_true(ring.calls <= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(growing_is_read_while_it_grows),
		cmocka_unit_test(growing_goes_on_elsewhere),
		cmocka_unit_test(growing_tells_the_writers_failure),
		cmocka_unit_test(a_waiting_reader_is_woken),
		cmocka_unit_test(relay_keeps_order_and_chunks),
		cmocka_unit_test(relay_passes_a_failure_on_after_the_data),
		cmocka_unit_test(relay_ends_early),
	};

	return unit_run(tests);
}
