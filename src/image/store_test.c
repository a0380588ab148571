/* store_test.c - publish, resolve, list, tag, remove; and owners that are killed in the middle. */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "image/storeunit.h"

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

static void check_old_tables(struct image_store *s)
{
	struct sample x;

	sample_new("one", &x);
	assert_int_equal(number_of(s, "SELECT count(*) FROM manifests WHERE kind = 'image'"), 1);
	assert_int_equal(number_of(s, "SELECT count(*) FROM manifest_refs"), 3);
	assert_int_equal(number_of(s, "SELECT count(*) FROM layers WHERE driver = 'dirs'"), 2);
	assert_int_equal(number_of(s, "SELECT max(created) FROM blobs"), 0);
}

/* What the first version wrote becomes what this one writes, and can be removed as a whole. */
static void test_migration(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct image_removed r;
	struct image *img;
	struct fixture f;

	fixture_new(&f);
	publish(f.s, "one", "docker.io/library/one:latest");
	struct db *db = image_store_db(f.s);
	/* Back to version 1: what the second step added goes. */
	assert_ok(db_begin(db, &e), &e);
	static const char *const back[] = {
		"DROP TABLE blob_repos",
		"DROP INDEX images_list", "DROP TABLE pins", "DROP TABLE repo_digests", "DROP TABLE manifest_refs", "DROP INDEX names_manifest",
		"CREATE TABLE names1(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
		" image INTEGER NOT NULL REFERENCES images ON DELETE CASCADE)",
		"INSERT INTO names1 SELECT id, name, image FROM names", "DROP TABLE names", "ALTER TABLE names1 RENAME TO names",
		"CREATE INDEX names_image ON names(image)", "DROP TABLE manifests", "DROP INDEX blobs_diff_id",
		"ALTER TABLE blobs DROP COLUMN created", "ALTER TABLE blobs DROP COLUMN media_type",
		"ALTER TABLE layers DROP COLUMN driver", "ALTER TABLE blobs DROP COLUMN bad", "ALTER TABLE layers DROP COLUMN bad",
		"UPDATE schema_versions SET version = 1 WHERE module = 'image'",
	};
	for (size_t i = 0; i < ARRAY_LEN(back); i++)
		assert_ok(db_exec(db, &e, back[i], ""), &e);
	assert_ok(db_commit(db, &e), &e);
	image_store_close(f.s);
	assert_ok(image_store_open(f.root, &f.s, &e), &e);
	check_old_tables(f.s);
	assert_ok(image_resolve(f.s, &f.a, "one", &img, &e), &e);
	assert_whole(f.s, img);
	assert_ok(image_remove(f.s, &f.a, "one", false, NULL, NULL, &r, &e), &e);
	assert_counts(f.s, 0, 0);
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

	assert_ok(image_list_with(f->s, &f->a, IMAGE_LIST_LAYERS, &list, &e), &e);
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
		cmocka_unit_test(test_migration),
		cmocka_unit_test(test_names_move),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_missing_parts),
		cmocka_unit_test(test_live_stage_stays),
		cmocka_unit_test(test_killed),
	};

	return unit_run(tests);
}
