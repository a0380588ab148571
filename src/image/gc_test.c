/* gc_test.c - what the collector keeps, with which words, and what it takes; killed and disturbed at any moment. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/fault.h"
#include "image/gc.h"
#include "image/manifests.h"
#include "image/storeunit.h"

static struct digest sum(const char *text)
{
	struct digest d;

	digest_of(DIGEST_SHA256, text, strlen(text), &d);
	return d;
}

static void put(struct image_store *s, const char *text, const char *pin)
{
	struct digest d = sum(text);
	struct dv_err e = DV_ERR_NONE;

	assert_ok(blob_put_bytes(s, &d, text, strlen(text), &(struct blob_meta){ .pin = pin }, &e), &e);
}

static struct gc_result gc(struct fixture *f, bool dry, int64_t grace)
{
	struct gc_options o = { .dry_run = dry, .grace_s = grace, .partial_s = grace };
	struct dv_err e = DV_ERR_NONE;
	struct gc_result r = { 0 };

	assert_ok(image_gc(f->s, &o, &f->a, &r, &e), &e);
	return r;
}

/* "goes: why", of the blob with this content. */
static const char *verdict(struct fixture *f, const struct gc_result *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (streq(r->v[i].name, name))
			return arena_printf(&f->a, "%s: %s", r->v[i].goes ? "goes" : "stays", r->v[i].why);
	return "not there";
}

static const char *of_text(struct fixture *f, const struct gc_result *r, const char *text)
{
	char name[DIGEST_TEXT_SIZE];
	struct digest d = sum(text);

	return verdict(f, r, digest_text(&d, name));
}

static void old(struct image_store *s)
{
	assert_true(db_exec(image_store_db(s), NULL, "UPDATE blobs SET created = 1700000000", "") >= 0);
}

static const char *index_of(struct arena *a, const struct digest *manifest, struct digest *ret)
{
	char text[DIGEST_TEXT_SIZE];
	const char *j = arena_printf(a, "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\",\"size\":1}]}",
				     digest_text(manifest, text));

	*ret = sum(j);
	return j;
}

/* --- why --- */

static void test_why(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct fixture f;
	struct sample x;
	struct digest held = sum("held");
	struct blob_fetch *g;
	char text[DIGEST_TEXT_SIZE];
	int fd;

	fixture_new(&f);
	publish(f.s, "one", "docker.io/library/web:latest");
	sample_new("one", &x);
	put(f.s, "pinned", "registry:library/web");
	put(f.s, "held", NULL);
	put(f.s, "loose", NULL);
	put(f.s, "blob of a referrer", NULL);
	struct digest part = sum("blob of a referrer");
	char subject[DIGEST_TEXT_SIZE];
	const char *sig = arena_printf(&f.a, "{\"schemaVersion\":2,\"artifactType\":\"sig\",\"config\":{\"digest\":\"%s\",\"size\":18},"
				       "\"layers\":[],\"subject\":{\"digest\":\"%s\",\"size\":1}}", digest_text(&part, text),
				       digest_text(&x.manifest, subject));
	struct digest sig_digest = sum(sig);
	assert_ok(manifest_put(f.s, &sig_digest, sig, strlen(sig), NULL, NULL, NULL, &e), &e);
	assert_ok(blob_hold(f.s, &held, &fd, &e), &e);
	old(f.s);
	put(f.s, "young", NULL);
	assert_ok(blob_fetch_open(f.s, &(struct digest){ .alg = DIGEST_SHA256 }, true, &g, &e), &e);
	assert_ok(blob_fetch_write(g, "x", 1, &e), &e);
	assert_ok(file_replace(image_store_rootfd(f.s), "blobs/sha256/stray", 0600, "x", 1, false, &e), &e);

	struct gc_result r = gc(&f, true, 0);
	assert_string_equal(of_text(&f, &r, "one"), "stays: layer 2 of docker.io/library/web:latest");
	assert_string_equal(verdict(&f, &r, digest_text(&x.config, text)), "stays: configuration of docker.io/library/web:latest");
	assert_string_equal(verdict(&f, &r, digest_text(&x.manifest, text)), "stays: manifest of docker.io/library/web:latest");
	assert_string_equal(of_text(&f, &r, "pinned"), "stays: pinned by registry library/web");
	assert_string_equal(of_text(&f, &r, "held"), "stays: in use by a running process");
	assert_string_equal(of_text(&f, &r, "loose"), "goes: no reference, came at 2023-11-14T22:13:20Z");
	assert_true(str_starts(of_text(&f, &r, "young"), "stays: came at "));
	assert_true(str_starts(of_text(&f, &r, sig), "stays: refers to "));
	assert_true(str_starts(of_text(&f, &r, "blob of a referrer"), "stays: part of "));
	assert_string_equal(verdict(&f, &r, "blobs/sha256/stray"), "goes: no row of the database knows it");
	assert_int_equal(r.gone, 2);
	assert_int_equal(count_in(f.s, "blobs/sha256"), 11);    /* dry */

	r = gc(&f, false, 0);
	assert_int_equal(r.gone, 2);
	assert_int_equal(r.n, 2);
	assert_counts(f.s, 2, 9);
	assert_int_equal(count_in(f.s, "partial"), 1);
	(void)close(fd);
	blob_fetch_close(g);
	r = gc(&f, false, -1);          /* no grace: the young and the held one, and the partial download */
	assert_int_equal(r.gone, 3);
	assert_counts(f.s, 2, 7);
	assert_int_equal(count_in(f.s, "partial"), 0);
	fixture_done(&f);
}

/* An index of an index, and everything below it, in one run. */
static void test_chain(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct digest inner, outer;
	struct image_removed rm;
	struct fixture f;
	struct sample x;

	fixture_new(&f);
	publish(f.s, "one", "docker.io/library/one:latest");
	sample_new("one", &x);
	const char *i = index_of(&f.a, &x.manifest, &inner);
	const char *o = index_of(&f.a, &inner, &outer);
	assert_ok(manifest_put(f.s, &inner, i, strlen(i), NULL, NULL, NULL, &e), &e);
	assert_ok(manifest_put(f.s, &outer, o, strlen(o), NULL, "docker.io/library/all:latest", NULL, &e), &e);
	assert_ok(image_remove(f.s, &f.a, "one", false, NULL, NULL, &rm, &e), &e);
	struct gc_result r = gc(&f, false, -1);
	assert_int_equal(r.gone, 0);
	assert_counts(f.s, 0, 6);
	assert_ok(image_untag(f.s, "all", &e), &e);
	r = gc(&f, false, 0);
	assert_int_equal(r.gone, 0);            /* young */
	r = gc(&f, false, -1);
	assert_int_equal(r.gone, 6);
	assert_counts(f.s, 0, 0);
	assert_int_equal(number_of(f.s, "SELECT count(*) FROM blobs"), 0);
	fixture_done(&f);
}

static void test_many(void **state)
{
	struct fixture f;
	char text[32];

	fixture_new(&f);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(text, sizeof text, "blob %d", i);
		put(f.s, text, i % 4 ? NULL : "test:x");
	}
	struct gc_result r = gc(&f, false, -1);
	assert_int_equal(r.gone, 75);
	assert_int_equal(r.kept, 25);
	assert_counts(f.s, 0, 25);
	fixture_done(&f);
}

/* --- kill -9 and faults --- */

static int churn(struct image_store *s, unsigned i, struct arena *a, struct dv_err *e)
{
	struct gc_options o = { .grace_s = -1, .partial_s = -1 };
	struct image_removed rm;
	struct gc_result r;
	struct blob_fetch *g;
	char key[16], name[64];

	(void)snprintf(key, sizeof(key), "k%u", i % 5);
	(void)snprintf(name, sizeof(name), "docker.io/library/k%u:latest", i % 5);
	struct digest d = sum(name), p = sum(key);
	switch (i % 6) {
	case 0:
	case 1: return sample_publish(s, key, name, e);
	case 2: return image_gc(s, &o, a, &r, e);
	case 3: return blob_put_bytes(s, &d, name, strlen(name), &(struct blob_meta){ .pin = i % 4 ? NULL : "test:x" }, e);
	case 4:
		(void)!image_remove(s, a, key, true, NULL, NULL, &rm, NULL);
		return 0;
	default: break;
	}
	int rc = blob_fetch_open(s, &p, true, &g, e);
	if (rc < 0 || !g)
		return rc;
	rc = blob_fetch_offset(g) == 0 ? blob_fetch_write(g, key, strlen(key), e) : 0;
	if (rc == 0)
		rc = blob_fetch_commit(g, NULL, e);
	blob_fetch_close(g);
	return rc;
}

static void child_work(const char *root, unsigned seed)
{
	struct image_store *s;

	if (image_store_open(root, &s, NULL) < 0)
		_exit(1);
	for (unsigned i = seed;; i++) {
		struct arena a;

		arena_init(&a, 0);
		if (churn(s, i, &a, NULL) < 0)
			_exit(2);
		arena_done(&a);
	}
}

/* Rows and files agree, images are whole, and a collection leaves what they need. */
static void check_store(struct fixture *f)
{
	struct dv_err e = DV_ERR_NONE;
	struct image_list list;
	struct image_stage *st;

	assert_ok(image_stage_open(f->s, &st, &e), &e);
	image_stage_close(st);
	(void)gc(f, false, -1);
	assert_int_equal(count_in(f->s, "tmp"), 0);
	assert_int_equal(count_in(f->s, "blobs/sha256"), number_of(f->s, "SELECT count(*) FROM blobs"));
	assert_int_equal(count_in(f->s, "layers"), number_of(f->s, "SELECT count(*) FROM layers"));
	assert_ok(image_list_with(f->s, &f->a, IMAGE_LIST_LAYERS, &list, &e), &e);
	assert_int_equal(count_in(f->s, "layers"), list.n ? list.n + 1 : 0);
	for (size_t i = 0; i < list.n; i++) {
		assert_int_equal(list.v[i]->n_layers, 2);
		for (size_t l = 0; l < 2; l++) {
			auto_close int fd = -1, dir = -1;
			struct digest d;

			assert_int_equal(digest_parse(list.v[i]->layers[l].blob, &d, NULL), 0);
			assert_ok(blob_open(f->s, &d, &fd, NULL, &e), &e);
			assert_ok(image_layer_open(f->s, &list.v[i]->layers[l], &dir, &e), &e);
		}
	}
}

static void test_killed(void **state)
{
	const char *rounds_text = getenv("DAVIT_KILL_ROUNDS");
	uint64_t rounds = 20;
	struct fixture f;
	int status;

	if (rounds_text)
		(void)!str_u64(rounds_text, 100000, "rounds", &rounds, NULL);
	fixture_new(&f);
	for (unsigned round = 0; round < rounds; round++) {
		const struct timespec wait = { 0, (long)(round * 7919 % 60 + 3) * 1000000 };
		pid_t pids[2];

		for (unsigned k = 0; k < 2; k++) {
			pids[k] = fork();
			if (pids[k] == 0)
				child_work(f.root, round + 3 * k);
		}
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
		for (unsigned k = 0; k < 2; k++) {
			assert_int_equal(kill(pids[k], SIGKILL), 0);
			assert_int_equal(waitpid(pids[k], &status, 0), pids[k]);
			assert_true(WIFSIGNALED(status));
		}
		check_store(&f);
	}
	fixture_done(&f);
}

#ifdef DV_FAULTS
static void test_faults(void **state)
{
	bool done = false;

	for (unsigned n = 1; !done; n++) {
		struct dv_err e = DV_ERR_NONE;
		struct gc_options o = { .grace_s = -1, .partial_s = -1 };
		struct image_removed rm;
		struct gc_result r;
		struct fixture f;

		fixture_new(&f);
		publish(f.s, "one", "docker.io/library/one:latest");
		publish(f.s, "two", "docker.io/library/two:latest");
		put(f.s, "loose", NULL);
		put(f.s, "other", NULL);
		assert_ok(image_remove(f.s, &f.a, "one", true, NULL, NULL, &rm, &e), &e);
		int fds = unit_fd_count();
		fault_at(n, EIO);
		int rc = image_gc(f.s, &o, &f.a, &r, &e);
		done = fault_count() < n;
		fault_at(0, 0);
		assert_int_equal(unit_fd_count(), fds);
		if (rc < 0)
			assert_true(e.msg[0]);
		check_store(&f);
		assert_counts(f.s, 2, 4);
		assert_true(n < 500);
		fixture_done(&f);
	}
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_why),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_killed),
#ifdef DV_FAULTS
		cmocka_unit_test(test_faults),
#endif
	};

	return unit_run(tests);
}
