/* store_test.c - publish, resolve, list, tag, remove; and owners that are killed in the middle. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/str.h"
#include "base/unit.h"
#include "image/name.h"
#include "image/store.h"

/* An image of two layers: "base", shared by all, and one of its own. */
struct sample {
	struct digest config, manifest, diff[2];
	char config_text[512], id[DIGEST_TEXT_SIZE];
};

static void sample_new(const char *key, struct sample *s)
{
	char d[2][DIGEST_TEXT_SIZE], manifest[80];

	digest_of(DIGEST_SHA256, "base", 4, &s->diff[0]);
	digest_of(DIGEST_SHA256, key, strlen(key), &s->diff[1]);
	(void)snprintf(s->config_text, sizeof(s->config_text),
		       "{\"created\":\"2026-01-01T00:00:00Z\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\",\"%s\"]}}",
		       digest_text(&s->diff[0], d[0]), digest_text(&s->diff[1], d[1]));
	digest_of(DIGEST_SHA256, s->config_text, strlen(s->config_text), &s->config);
	(void)digest_text(&s->config, s->id);
	(void)snprintf(manifest, sizeof(manifest), "manifest of %s", key);
	digest_of(DIGEST_SHA256, manifest, strlen(manifest), &s->manifest);
}

static int layer_stage(struct image_stage *st, const struct digest *d, const char *key, struct dv_err *e)
{
	auto_close int fd = -1;
	unsigned no;
	int rc = image_stage_layer(st, &no, &fd, e);

	if (rc == 0)
		rc = file_replace(fd, "name", 0644, key, strlen(key), false, e);
	if (rc == 0)
		rc = image_stage_bytes(st, d, key, strlen(key), e);
	return rc < 0 ? rc : image_stage_layer_done(st, no, d, d, strlen(key), e);
}

static int sample_publish(struct image_store *s, const char *key, const char *name, struct dv_err *e)
{
	auto_stage struct image_stage *st = NULL;
	auto_free struct sample *x = mem_new(struct sample);
	char manifest[80];

	sample_new(key, x);
	(void)snprintf(manifest, sizeof(manifest), "manifest of %s", key);
	const struct image_record_layer layers[2] = {
		{ x->diff[0], x->diff[0], x->diff[0], 4, "t" }, { x->diff[1], x->diff[1], x->diff[1], strlen(key), "t" } };
	const char *const names[] = { name, NULL };
	const struct image_record rec = { x->config, x->manifest, x->config_text, strlen(x->config_text), 1767225600,
					  layers, 2, name ? names : &names[1] };
	int rc = image_stage_open(s, &st, e);
	if (rc == 0)
		rc = layer_stage(st, &x->diff[0], "base", e);
	if (rc == 0)
		rc = layer_stage(st, &x->diff[1], key, e);
	if (rc == 0)
		rc = image_stage_bytes(st, &x->config, x->config_text, strlen(x->config_text), e);
	if (rc == 0)
		rc = image_stage_bytes(st, &x->manifest, manifest, strlen(manifest), e);
	return rc < 0 ? rc : image_publish(st, &rec, 1, e);
}

static void publish(struct image_store *s, const char *key, const char *name)
{
	struct dv_err e = DV_ERR_NONE;

	assert_ok(sample_publish(s, key, name, &e), &e);
}

static unsigned count_in(struct image_store *s, const char *dir)
{
	auto_close int fd = -1;
	unsigned n = 0;

	assert_int_equal(file_open(image_store_rootfd(s), dir, O_RDONLY | O_DIRECTORY, 0, &fd, NULL), 0);
	DIR *d = fdopendir(take_fd(&fd));
	struct dirent *de;
	while ((de = readdir(d)))
		n += de->d_name[0] != '.';
	(void)closedir(d);
	return n;
}

static void assert_counts(struct image_store *s, unsigned layers, unsigned blobs)
{
	assert_int_equal(count_in(s, "layers"), layers);
	assert_int_equal(count_in(s, "blobs/sha256"), blobs);
	assert_int_equal(count_in(s, "tmp"), 0);
}

/* Everything an image of the index needs is there. */
static void assert_whole(struct image_store *s, const struct image *img)
{
	struct digest d;

	assert_int_equal(img->n_layers, 2);
	for (size_t i = 0; i < img->n_layers; i++) {
		auto_close int dir = -1, blob = -1;
		auto_buf struct buf b = BUF_INIT(100);

		assert_int_equal(image_layer_open(s, &img->layers[i], &dir, NULL), 0);
		assert_int_equal(file_read(dir, "name", &b, NULL), 0);
		assert_int_equal(digest_parse(img->layers[i].blob, &d, NULL), 0);
		assert_int_equal(image_store_blob_open(s, &d, &blob, NULL), 0);
	}
	auto_close int config = -1, manifest = -1;
	assert_int_equal(digest_parse(img->id, &d, NULL), 0);
	assert_int_equal(image_store_blob_open(s, &d, &config, NULL), 0);
	assert_int_equal(digest_parse(img->manifest, &d, NULL), 0);
	assert_int_equal(image_store_blob_open(s, &d, &manifest, NULL), 0);
}

/* --- tests --- */

struct fixture {
	struct unit_tmp t;
	char root[100];
	struct image_store *s;
	struct arena a;
};

static void fixture_new(struct fixture *f)
{
	struct dv_err e = DV_ERR_NONE;

	unit_tmp_new(&f->t);
	(void)snprintf(f->root, sizeof(f->root), "%s/deep/root", f->t.path);
	assert_ok(image_store_open(f->root, &f->s, &e), &e);
	arena_init(&f->a, 0);
}

static void fixture_done(struct fixture *f)
{
	image_store_close(f->s);
	arena_done(&f->a);
	unit_tmp_done(&f->t);
}

static void test_permissions(void **state)
{
	struct fixture f;
	struct stat st;

	fixture_new(&f);
	publish(f.s, "one", NULL);
	assert_int_equal(stat(f.root, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	static const char *const names[] = { "layers", "blobs", "blobs/sha256", "tmp" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_int_equal(fstatat(image_store_rootfd(f.s), names[i], &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
	}
	fixture_done(&f);
}

static void test_resolve(void **state)
{
	struct sample x;
	struct fixture f;
	struct image *img;
	char manifest[DIGEST_TEXT_SIZE];

	fixture_new(&f);
	publish(f.s, "one", "docker.io/library/one:latest");
	publish(f.s, "two", "localhost:5000/two:v1");
	publish(f.s, "three", NULL);
	sample_new("one", &x);
	const char *digest_ref = arena_printf(&f.a, "one@%s", digest_text(&x.manifest, manifest));
	const char *wrong_repo = arena_printf(&f.a, "localhost:5000/two@%s", manifest);
	const struct { const char *ref; int want; } cases[] = {
		{ "one", 0 }, { "one:latest", 0 }, { "docker.io/library/one", 0 }, { x.id, 0 }, { x.id + 7, 0 },
		{ arena_strn(&f.a, x.id, 19), 0 }, { arena_strn(&f.a, x.id + 7, 12), 0 }, { digest_ref, 0 },
		{ wrong_repo, -DV_NOT_FOUND }, { "one:other", -DV_NOT_FOUND }, { "none", -DV_NOT_FOUND },
		{ "", -DV_NOT_FOUND }, { "sha256:", -DV_NOT_FOUND }, { "../one", -DV_NOT_FOUND }, { "%", -DV_NOT_FOUND },
		{ "sha256:0000000000000000000000000000000000000000000000000000000000000000", -DV_NOT_FOUND },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dv_err e = DV_ERR_NONE;
		int rc = image_resolve(f.s, &f.a, cases[i].ref, &img, &e);

		if (rc != cases[i].want)
			fail_msg("%s: %d %s", cases[i].ref, rc, e.msg);
		if (rc == 0)
			assert_string_equal(img->id, x.id);
	}
	assert_int_equal(image_resolve(f.s, &f.a, "one", &img, NULL), 0);
	assert_whole(f.s, img);
	assert_string_equal(img->names[0], "docker.io/library/one:latest");
	assert_null(img->names[1]);
	assert_string_equal(img->config, x.config_text);
	assert_int_equal(img->size, 7);
	assert_int_equal(img->created, 1767225600);
	fixture_done(&f);
}

static void test_short_ids(void **state)
{
	struct fixture f;
	struct image *img;
	struct image_list list;
	char key[8], hex[2] = "";

	fixture_new(&f);
	for (int i = 0; i < 17; i++) {          /* two of 17 share their first digit */
		(void)snprintf(key, sizeof(key), "k%d", i);
		publish(f.s, key, NULL);
	}
	assert_int_equal(image_list(f.s, &f.a, &list, NULL), 0);
	assert_int_equal(list.n, 17);
	unsigned conflicts = 0;
	for (const char *c = "0123456789abcdef"; *c; c++) {
		unsigned n = 0;

		hex[0] = *c;
		for (size_t i = 0; i < list.n; i++)
			n += list.v[i]->id[7] == *c;
		int rc = image_resolve(f.s, &f.a, hex, &img, NULL);
		assert_int_equal(rc, n == 0 ? -DV_NOT_FOUND : n == 1 ? 0 : -DV_CONFLICT);
		conflicts += n > 1;
	}
	assert_true(conflicts > 0);
	fixture_done(&f);
}

static void test_names_move(void **state)
{
	struct fixture f;
	struct image *img;
	struct sample x;

	fixture_new(&f);
	publish(f.s, "one", "docker.io/library/n:latest");
	publish(f.s, "two", "docker.io/library/n:latest");
	sample_new("two", &x);
	assert_int_equal(image_resolve(f.s, &f.a, "n", &img, NULL), 0);
	assert_string_equal(img->id, x.id);
	sample_new("one", &x);
	assert_int_equal(image_tag(f.s, x.id, "n", NULL), 0);
	assert_int_equal(image_tag(f.s, x.id, "host.io/other:1", NULL), 0);
	assert_int_equal(image_resolve(f.s, &f.a, "n", &img, NULL), 0);
	assert_string_equal(img->id, x.id);
	assert_string_equal(img->names[1], "host.io/other:1");
	assert_fails(image_tag(f.s, "nothing", "m", NULL), NOT_FOUND);
	assert_fails(image_tag(f.s, "n", "Not A Name", NULL), INVALID);
	publish(f.s, "one", "docker.io/library/third:latest");         /* again: keeps its names */
	assert_int_equal(image_resolve(f.s, &f.a, "n", &img, NULL), 0);
	assert_string_equal(img->names[1], "docker.io/library/third:latest");
	assert_whole(f.s, img);
	fixture_done(&f);
}

static int used(void *ctx, struct image_store *s, const char *id, struct dv_err *e)
{
	bool there = false;

	assert_int_equal(image_exists(s, id, &there, e), 0);
	assert_true(there);
	assert_true(db_in_transaction(image_store_db(s)));
	return *(bool *)ctx ? dv_fail(e, DV_CONFLICT, "in use") : 0;
}

static void test_remove(void **state)
{
	struct fixture f;
	struct image_removed r;
	bool busy = true;

	fixture_new(&f);
	publish(f.s, "one", "docker.io/library/one:latest");
	publish(f.s, "two", "docker.io/library/two:latest");
	assert_int_equal(image_tag(f.s, "one", "uno", NULL), 0);
	assert_counts(f.s, 3, 7);
	assert_fails(image_remove(f.s, &f.a, "none", false, NULL, NULL, &r, NULL), NOT_FOUND);
	assert_int_equal(image_remove(f.s, &f.a, "uno", false, used, &busy, &r, NULL), 0);      /* a name only: not asked */
	assert_string_equal(r.untagged[0], "docker.io/library/uno:latest");
	assert_null(r.untagged[1]);
	assert_null(r.deleted);
	assert_counts(f.s, 3, 7);
	assert_fails(image_remove(f.s, &f.a, "one", false, used, &busy, &r, NULL), CONFLICT);
	assert_counts(f.s, 3, 7);
	busy = false;
	assert_int_equal(image_remove(f.s, &f.a, "one", false, used, &busy, &r, NULL), 0);
	assert_non_null(r.deleted);
	assert_non_null(r.layers[0]);
	assert_null(r.layers[1]);               /* the base is shared */
	assert_counts(f.s, 2, 4);
	assert_int_equal(image_tag(f.s, "two", "due", NULL), 0);
	struct sample x;
	sample_new("two", &x);
	assert_fails(image_remove(f.s, &f.a, x.id, false, NULL, NULL, &r, NULL), CONFLICT);
	assert_int_equal(image_remove(f.s, &f.a, x.id, true, NULL, NULL, &r, NULL), 0);
	assert_counts(f.s, 0, 0);
	fixture_done(&f);
}

static void test_missing_parts(void **state)
{
	struct fixture f;
	struct sample x;
	struct image_stage *st;
	struct dv_err e = DV_ERR_NONE;
	struct image *img;

	fixture_new(&f);
	sample_new("one", &x);
	const struct image_record_layer layers[1] = { { x.diff[0], x.diff[0], x.diff[0], 4, "t" } };
	const char *const names[] = { "docker.io/library/one:latest", NULL };
	const struct image_record rec = { x.config, x.manifest, x.config_text, strlen(x.config_text), 0, layers, 1, names };
	assert_ok(image_stage_open(f.s, &st, &e), &e);
	assert_fails(image_publish(st, &rec, 1, &e), CONFLICT);
	image_stage_close(st);
	assert_fails(image_resolve(f.s, &f.a, "one", &img, NULL), NOT_FOUND);
	assert_counts(f.s, 0, 0);
	fixture_done(&f);
}

/* --- kill -9 --- */

static void child_work(const char *root, unsigned seed)
{
	struct image_store *s;
	struct image_removed r;

	if (image_store_open(root, &s, NULL) < 0)
		_exit(1);
	for (unsigned i = seed;; i++) {
		struct arena a;
		char key[16], name[64];

		arena_init(&a, 0);
		(void)snprintf(key, sizeof(key), "k%u", i % 5);
		(void)snprintf(name, sizeof(name), "docker.io/library/k%u:latest", i % 5);
		if (i % 3 == 2)
			(void)!image_remove(s, &a, key, true, NULL, NULL, &r, NULL);
		else if (sample_publish(s, key, name, NULL) < 0)
			_exit(1);
		arena_done(&a);
	}
}

static void check_after_kill(struct fixture *f)
{
	struct dv_err e = DV_ERR_NONE;
	struct image_list list;
	struct image_stage *st;
	unsigned blobs;

	assert_ok(image_list(f->s, &f->a, &list, &e), &e);
	for (size_t i = 0; i < list.n; i++)
		assert_whole(f->s, list.v[i]);
	assert_ok(image_stage_open(f->s, &st, &e), &e);         /* the next writer cleans up */
	image_stage_close(st);
	assert_int_equal(count_in(f->s, "tmp"), 0);
	assert_int_equal(count_in(f->s, "layers"), list.n ? list.n + 1 : 0);
	blobs = (unsigned)(list.n ? 3 * list.n + 1 : 0);
	assert_int_equal(count_in(f->s, "blobs/sha256"), blobs);
}

static void test_killed(void **state)
{
	struct fixture f;
	int status;

	fixture_new(&f);
	for (unsigned round = 0; round < 30; round++) {
		const struct timespec wait = { 0, (long)(round * 7919 % 60 + 3) * 1000000 };
		pid_t pid = fork();

		if (pid == 0)
			child_work(f.root, round);
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		check_after_kill(&f);
	}
	fixture_done(&f);
}

static void test_live_stage_stays(void **state)
{
	struct fixture f;
	struct image_stage *a, *b;
	struct dv_err e = DV_ERR_NONE;

	fixture_new(&f);
	assert_ok(image_stage_open(f.s, &a, &e), &e);
	assert_ok(image_stage_open(f.s, &b, &e), &e);
	assert_int_equal(count_in(f.s, "tmp"), 2);
	image_stage_close(b);
	assert_int_equal(count_in(f.s, "tmp"), 1);
	image_stage_close(a);
	assert_int_equal(count_in(f.s, "tmp"), 0);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_short_ids),
		cmocka_unit_test(test_names_move),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_missing_parts),
		cmocka_unit_test(test_live_stage_stays),
		cmocka_unit_test(test_killed),
	};

	return unit_run(tests);
}
