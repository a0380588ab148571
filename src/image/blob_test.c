/* blob_test.c - blobs put, held, pinned, downloaded in pieces; manifests, indexes, referrers, names of them. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "image/manifests.h"
#include "image/storeunit.h"

static struct digest sum(const char *text)
{
	struct digest d;

	digest_of(DIGEST_SHA256, text, strlen(text), &d);
	return d;
}

static void put(struct image_store *s, const char *text, const struct blob_meta *m)
{
	struct digest d = sum(text);
	struct dv_err e = DV_ERR_NONE;

	assert_ok(blob_put_bytes(s, &d, text, strlen(text), m, &e), &e);
}

static void check_content(struct image_store *s, const struct digest *d, const char *want)
{
	auto_buf struct buf b = BUF_INIT(1000);
	struct dv_err e = DV_ERR_NONE;

	assert_ok(blob_read(s, d, &b, &e), &e);
	assert_string_equal(buf_cstr(&b), want);
}

/* --- put and read --- */

static int also_fails(void *ctx, struct image_store *s, struct dv_err *e)
{
	assert_true(db_in_transaction(image_store_db(s)));
	*(bool *)ctx = true;
	return dv_fail(e, DV_LIMIT, "no room in the registry");
}

static void test_put(void **state)
{
	struct digest d = sum("hello"), big, other = sum("other"), diff = sum("diff");
	struct dv_err e = DV_ERR_NONE;
	struct blob_info info;
	struct fixture f;
	bool has = true, called = false;

	fixture_new(&f);
	assert_int_equal(blob_has(f.s, &d, &has, NULL), 0);
	assert_false(has);
	assert_fails(blob_stat(f.s, &f.a, &d, &info, NULL), NOT_FOUND);
	const struct blob_meta meta = { .media_type = "text/plain", .diff_id = &diff, .pin = "test:a" };
	put(f.s, "hello", &meta);
	check_content(f.s, &d, "hello");
	assert_ok(blob_stat(f.s, &f.a, &d, &info, &e), &e);
	assert_int_equal(info.size, 5);
	assert_string_equal(info.media_type, "text/plain");
	assert_true(digest_equal(&info.diff_id, &diff));
	assert_true(info.created > 1700000000);
	put(f.s, "hello", NULL);        /* again: what is known stays */
	assert_ok(blob_stat(f.s, &f.a, &d, &info, &e), &e);
	assert_string_equal(info.media_type, "text/plain");
	assert_fails(blob_put_bytes(f.s, &other, "hello", 5, NULL, &e), INVALID);
	const struct blob_meta bad = { .also = also_fails, .ctx = &called };
	assert_fails(blob_put_bytes(f.s, &other, "other", 5, &bad, &e), LIMIT);
	assert_true(called);
	assert_counts(f.s, 0, 1);
	digest_of(DIGEST_SHA512, "512", 3, &big);
	assert_ok(blob_put_bytes(f.s, &big, "512", 3, NULL, &e), &e);
	check_content(f.s, &big, "512");
	assert_int_equal(count_in(f.s, "blobs/sha512"), 1);
	fixture_done(&f);
}

static void test_put_files(void **state)
{
	struct digest d = sum("from a descriptor"), file = sum("a file");
	struct dv_err e = DV_ERR_NONE;
	auto_close int fd = -1;
	struct fixture f;
	struct stat st;

	fixture_new(&f);
	assert_ok(file_replace(f.t.fd, "x", 0600, "skip from a descriptor", 22, false, &e), &e);
	assert_ok(file_open(f.t.fd, "x", O_RDONLY, 0, &fd, &e), &e);
	assert_int_equal(lseek(fd, 5, SEEK_SET), 5);
	assert_ok(blob_put_fd(f.s, &d, fd, NULL, &e), &e);
	check_content(f.s, &d, "from a descriptor");
	assert_ok(file_replace(f.t.fd, "up", 0600, "a file", 6, false, &e), &e);
	assert_ok(blob_put_file(f.s, &file, f.t.fd, "up", NULL, &e), &e);
	check_content(f.s, &file, "a file");
	assert_int_equal(fstatat(f.t.fd, "up", &st, 0), -1);
	assert_counts(f.s, 0, 2);
	fixture_done(&f);
}

static void test_stream(void **state)
{
	struct digest want = sum("in three pieces"), have;
	struct dv_err e = DV_ERR_NONE;
	struct blob_writer *w;
	struct fixture f;

	fixture_new(&f);
	assert_ok(blob_begin(f.s, DIGEST_SHA256, &w, &e), &e);
	assert_ok(blob_write(w, "in ", 3, &e), &e);
	assert_ok(blob_write(w, "three ", 6, &e), &e);
	struct digest early = sum("in three ");
	assert_fails(blob_commit(w, &want, NULL, NULL, &e), INVALID);
	assert_ok(blob_commit(w, &early, NULL, NULL, &e), &e);
	assert_ok(blob_write(w, "pieces", 6, &e), &e);
	assert_int_equal(blob_written(w), 15);
	assert_int_equal(count_in(f.s, "tmp"), 1);
	blob_writer_free(w);
	assert_counts(f.s, 0, 1);
	assert_ok(blob_begin(f.s, DIGEST_SHA256, &w, &e), &e);
	assert_ok(blob_write(w, "in three pieces", 15, &e), &e);
	assert_ok(blob_commit(w, NULL, NULL, &have, &e), &e);
	blob_writer_free(w);
	assert_true(digest_equal(&have, &want));
	check_content(f.s, &want, "in three pieces");
	/* Whoever hashes himself says what it is. */
	struct digest told = sum("told");
	char text[5] = "";
	assert_ok(blob_begin(f.s, DIGEST_NONE, &w, &e), &e);
	assert_ok(blob_write(w, "told", 4, &e), &e);
	assert_int_equal(pread(blob_writer_fd(w), text, 4, 0), 4);
	assert_string_equal(text, "told");
	assert_fails(blob_commit(w, NULL, NULL, NULL, &e), INTERNAL);
	assert_ok(blob_commit(w, &told, NULL, &have, &e), &e);
	blob_writer_free(w);
	assert_true(digest_equal(&have, &told));
	check_content(f.s, &told, "told");
	fixture_done(&f);
}

/* --- hold and pin --- */

static void test_hold(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct image_removed r;
	struct image_stage *st;
	struct sample x;
	struct fixture f;
	int fd;

	fixture_new(&f);
	publish(f.s, "one", "docker.io/library/one:latest");
	sample_new("one", &x);
	assert_ok(blob_hold(f.s, &x.diff[1], &fd, &e), &e);
	assert_ok(image_stage_open(f.s, &st, &e), &e);
	assert_ok(image_stage_hold_layer(st, &x.diff[0], &e), &e);
	assert_ok(image_remove(f.s, &f.a, "one", false, NULL, NULL, &r, &e), &e);
	assert_int_equal(count_in(f.s, "layers"), 1);           /* both held ones stay, with their rows */
	assert_int_equal(count_in(f.s, "blobs/sha256"), 1);
	assert_int_equal(number_of(f.s, "SELECT count(*) FROM layers"), 1);
	assert_int_equal(number_of(f.s, "SELECT count(*) FROM blobs"), 1);
	(void)close(fd);
	image_stage_close(st);
	assert_fails(blob_hold(f.s, &x.diff[0], &fd, NULL), NOT_FOUND);
	publish(f.s, "one", "docker.io/library/one:latest");
	assert_counts(f.s, 2, 4);
	fixture_done(&f);
}

static void test_pins(void **state)
{
	struct digest d = sum("base"), none = sum("none");
	struct dv_err e = DV_ERR_NONE;
	struct image_removed r;
	struct fixture f;

	fixture_new(&f);
	publish(f.s, "one", "docker.io/library/one:latest");
	assert_ok(blob_pin(f.s, "registry:web", &d, &e), &e);
	assert_ok(blob_pin(f.s, "registry:web", &d, &e), &e);
	assert_ok(blob_pin(f.s, "registry:db", &d, &e), &e);
	assert_fails(blob_pin(f.s, "registry:web", &none, &e), NOT_FOUND);
	assert_ok(db_begin(image_store_db(f.s), &e), &e);
	assert_ok(blob_unpin(f.s, "registry:db", &d, &e), &e);
	db_rollback(image_store_db(f.s));
	assert_int_equal(number_of(f.s, "SELECT count(*) FROM pins"), 2);
	assert_ok(image_remove(f.s, &f.a, "one", false, NULL, NULL, &r, &e), &e);
	assert_counts(f.s, 0, 1);
	check_content(f.s, &d, "base");
	assert_ok(blob_unpin_all(f.s, "registry:web", &e), &e);
	assert_int_equal(number_of(f.s, "SELECT count(*) FROM pins"), 1);
	fixture_done(&f);
}

static void test_variants(void **state)
{
	struct digest diff = sum("plain"), zip = sum("zipped");
	struct dv_err e = DV_ERR_NONE;
	struct blob_list l;
	struct fixture f;

	fixture_new(&f);
	put(f.s, "plain", NULL);
	put(f.s, "zipped", &(struct blob_meta){ .diff_id = &diff, .media_type = "x+gzip" });
	assert_ok(blob_of_layer(f.s, &f.a, &diff, &l, &e), &e);
	assert_int_equal(l.n, 1);
	assert_ok(blob_note(f.s, &diff, &(struct blob_meta){ .diff_id = &diff }, &e), &e);
	assert_ok(blob_of_layer(f.s, &f.a, &diff, &l, &e), &e);
	assert_int_equal(l.n, 2);
	assert_true(digest_equal(&l.v[1].digest, &zip));
	assert_string_equal(l.v[1].media_type, "x+gzip");
	fixture_done(&f);
}

/* --- downloads --- */

/* A stage holds by a shared lock, and whoever writes the file has an exclusive one on it. */
static size_t repos_of(struct fixture *f, const struct digest *d, const char *registry, const char ***ret)
{
	struct dv_err e = DV_ERR_NONE;
	size_t n = 0;

	assert_ok(blob_repos(f->s, &f->a, d, registry, ret, &e), &e);
	while ((*ret)[n])
		n++;
	return n;
}

static void test_repos(void **state)
{
	struct digest v[2] = { sum("sent"), sum("never here") };
	struct dv_err e = DV_ERR_NONE;
	const char **repos;
	struct fixture f;

	fixture_new(&f);
	put(f.s, "sent", NULL);
	assert_int_equal(repos_of(&f, &v[0], "reg:5000", &repos), 0);
	for (int i = 0; i < 2; i++)
		assert_ok(blob_repos_note(f.s, v, 2, "reg:5000", "team/web", &e), &e);
	assert_int_equal(repos_of(&f, &v[0], "reg:5000", &repos), 1);
	assert_string_equal(repos[0], "team/web");
	assert_int_equal(repos_of(&f, &v[0], "reg:5001", &repos), 0);
	assert_int_equal(repos_of(&f, &v[1], "reg:5000", &repos), 0);
	/* What is noted last stays, however many there are. */
	for (int i = 0; i < 3 * BLOB_REPOS_MAX; i++) {
		const char *repo = arena_printf(&f.a, "many/%d", i);
		bool there = false;

		assert_ok(blob_repos_note(f.s, v, 1, "reg:5000", repo, &e), &e);
		assert_true(repos_of(&f, &v[0], "reg:5000", &repos) <= BLOB_REPOS_MAX);
		for (; *repos; repos++)
			there = there || streq(*repos, repo);
		assert_true(there);
	}
	assert_int_equal(repos_of(&f, &v[0], "reg:5000", &repos), BLOB_REPOS_MAX);
	fixture_done(&f);
}

static void test_commit_into_a_stage(void **state)
{
	struct digest d = sum("fetched"), w = sum("written");
	struct dv_err e = DV_ERR_NONE;
	struct blob_writer *writer;
	struct image_stage *st;
	struct blob_fetch *g;
	struct fixture f;

	fixture_new(&f);
	assert_ok(image_stage_open(f.s, &st, &e), &e);
	const struct blob_meta m = { .stage = st };
	assert_ok(blob_fetch_open(f.s, &d, true, &g, &e), &e);
	assert_ok(blob_fetch_write(g, "fetched", 7, &e), &e);
	assert_ok(blob_fetch_commit(g, &m, &e), &e);
	blob_fetch_close(g);
	assert_ok(blob_begin(f.s, DIGEST_SHA256, &writer, &e), &e);
	assert_ok(blob_write(writer, "written", 7, &e), &e);
	assert_ok(blob_commit(writer, &w, &m, NULL, &e), &e);
	blob_writer_free(writer);
	check_content(f.s, &d, "fetched");
	check_content(f.s, &w, "written");
	image_stage_close(st);
	fixture_done(&f);
}

static void test_fetch(void **state)
{
	struct digest d = sum("one two three"), wrong = sum("what was promised");
	struct dv_err e = DV_ERR_NONE;
	struct blob_fetch *g, *again;
	struct fixture f;
	char text[8] = "";

	fixture_new(&f);
	assert_ok(blob_fetch_open(f.s, &d, false, &g, &e), &e);
	assert_int_equal(blob_fetch_offset(g), 0);
	assert_ok(blob_fetch_write(g, "one ", 4, &e), &e);
	assert_fails(blob_fetch_open(f.s, &d, false, &again, &e), CONFLICT);
	blob_fetch_close(g);
	assert_int_equal(count_in(f.s, "partial"), 1);
	assert_ok(blob_fetch_open(f.s, &d, true, &g, &e), &e);
	assert_int_equal(blob_fetch_offset(g), 4);
	assert_ok(blob_fetch_write(g, "two three", 9, &e), &e);
	assert_int_equal(pread(blob_fetch_fd(g), text, 3, 4), 3);
	assert_string_equal(text, "two");
	assert_ok(blob_fetch_commit(g, NULL, &e), &e);
	blob_fetch_close(g);
	check_content(f.s, &d, "one two three");
	assert_ok(blob_fetch_open(f.s, &d, true, &g, &e), &e);
	assert_null(g);
	assert_ok(blob_fetch_open(f.s, &wrong, true, &g, &e), &e);
	assert_ok(blob_fetch_write(g, "what was sent", 13, &e), &e);
	assert_fails(blob_fetch_commit(g, NULL, &e), INVALID);
	blob_fetch_close(g);
	assert_int_equal(count_in(f.s, "partial"), 0);
	assert_ok(blob_fetch_open(f.s, &wrong, true, &g, &e), &e);
	assert_ok(blob_fetch_write(g, "what w", 6, &e), &e);
	assert_ok(blob_fetch_rewind(g, &e), &e);
	assert_ok(blob_fetch_write(g, "what was promised", 17, &e), &e);
	assert_ok(blob_fetch_commit(g, NULL, &e), &e);
	blob_fetch_close(g);
	assert_int_equal(count_in(f.s, "partial"), 0);
	assert_counts(f.s, 0, 2);
	fixture_done(&f);
}

/* Killed when the blob was in its place and recorded, and the name in partial/ not yet gone. */
static void test_leftover_of_a_download(void **state)
{
	struct digest d = sum("whole");
	struct dv_err e = DV_ERR_NONE;
	struct blob_fetch *g;
	struct fixture f;
	char from[PATH_MAX], to[PATH_MAX], hex[DIGEST_TEXT_SIZE];
	int fd;

	fixture_new(&f);
	put(f.s, "whole", NULL);
	(void)snprintf(to, sizeof to, "%s/partial", f.root);
	assert_true(mkdir(to, 0700) == 0 || errno == EEXIST);
	(void)snprintf(from, sizeof from, "%s/blobs/sha256/%s", f.root, digest_hex(&d, hex));
	(void)snprintf(to, sizeof to, "%s/partial/sha256-%s", f.root, hex);
	assert_int_equal(link(from, to), 0);
	/* Somebody has a lock of that file: it may be the one who downloaded it. */
	assert_ok(blob_hold(f.s, &d, &fd, &e), &e);
	assert_ok(blob_fetch_open(f.s, &d, true, &g, &e), &e);
	assert_null(g);
	assert_int_equal(count_in(f.s, "partial"), 1);
	fd_close(&fd);
	assert_ok(blob_fetch_open(f.s, &d, true, &g, &e), &e);
	assert_null(g);
	assert_int_equal(count_in(f.s, "partial"), 0);
	check_content(f.s, &d, "whole");
	fixture_done(&f);
}

struct racer {
	const char *root;
	pthread_t thread;
	int downloads, shared;
};

/* Everybody wants the same ten blobs: each is downloaded once. */
static void *race(void *arg)
{
	struct racer *r = arg;
	struct image_store *s;

	if (image_store_open(r->root, &s, NULL) < 0)
		return NULL;
	for (int i = 0; i < 10; i++) {
		char text[32];
		struct blob_fetch *g;

		(void)snprintf(text, sizeof text, "blob number %d", i);
		struct digest d = sum(text);
		if (blob_fetch_open(s, &d, true, &g, NULL) < 0)
			continue;
		if (!g) {
			r->shared++;
			continue;
		}
		if (blob_fetch_write(g, text, strlen(text), NULL) == 0 && blob_fetch_commit(g, NULL, NULL) == 0)
			r->downloads++;
		blob_fetch_close(g);
	}
	image_store_close(s);
	return NULL;
}

static void test_share_download(void **state)
{
	struct racer r[8];
	struct fixture f;
	int downloads = 0, shared = 0;

	fixture_new(&f);
	for (size_t i = 0; i < ARRAY_LEN(r); i++) {
		r[i] = (struct racer){ .root = f.root };
		assert_int_equal(pthread_create(&r[i].thread, NULL, race, &r[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(r); i++) {
		(void)pthread_join(r[i].thread, NULL);
		downloads += r[i].downloads;
		shared += r[i].shared;
	}
	assert_int_equal(downloads, 10);
	assert_int_equal(shared, 70);
	assert_int_equal(count_in(f.s, "partial"), 0);
	fixture_done(&f);
}

static void test_killed_download(void **state)
{
	struct digest d = sum("0123456789");
	struct dv_err e = DV_ERR_NONE;
	struct blob_fetch *g;
	struct fixture f;
	int status;

	fixture_new(&f);
	pid_t pid = fork();
	if (pid == 0) {
		struct image_store *s;

		if (image_store_open(f.root, &s, NULL) < 0 || blob_fetch_open(s, &d, true, &g, NULL) < 0 ||
		    blob_fetch_write(g, "01234", 5, NULL) < 0)
			_exit(1);
		(void)kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_ok(blob_fetch_open(f.s, &d, false, &g, &e), &e);
	assert_int_equal(blob_fetch_offset(g), 5);
	assert_ok(blob_fetch_write(g, "56789", 5, &e), &e);
	assert_ok(blob_fetch_commit(g, NULL, &e), &e);
	blob_fetch_close(g);
	check_content(f.s, &d, "0123456789");
	fixture_done(&f);
}

/* --- manifests --- */

#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX "application/vnd.oci.image.index.v1+json"

/* An index of the image, for the platform of this machine, and of one that is not here. */
static const char *index_of(struct arena *a, const struct digest *manifest, struct digest *ret)
{
	char text[DIGEST_TEXT_SIZE];
	struct platform host;

	assert_int_equal(platform_parse(a, NULL, &host, NULL), 0);
	const char *j = arena_printf(a, "{\"schemaVersion\":2,\"mediaType\":\"" OCI_INDEX "\",\"manifests\":["
		"{\"digest\":\"sha256:%064d\",\"size\":1,\"platform\":{\"os\":\"plan9\",\"architecture\":\"mips\"}},"
		"{\"digest\":\"%s\",\"size\":2,\"platform\":{\"os\":\"linux\",\"architecture\":\"%s\"}}]}", 7,
		digest_text(manifest, text), host.arch);

	*ret = sum(j);
	return j;
}

static void test_manifests(void **state)
{
	struct digest idx, sig;
	char manifest[DIGEST_TEXT_SIZE], text[DIGEST_TEXT_SIZE];
	struct dv_err e = DV_ERR_NONE;
	struct manifest_rows rows;
	struct manifest_row row;
	struct image_removed r;
	struct image *img;
	struct sample x;
	struct fixture f;

	fixture_new(&f);
	publish(f.s, "one", "docker.io/library/one:latest");
	sample_new("one", &x);
	const char *j = index_of(&f.a, &x.manifest, &idx);
	assert_fails(manifest_put(f.s, &idx, j, strlen(j), OCI_MANIFEST, NULL, NULL, &e), INVALID);
	assert_ok(manifest_put(f.s, &idx, j, strlen(j), OCI_INDEX, "docker.io/library/multi:latest", NULL, &e), &e);
	assert_ok(manifest_resolve(f.s, &f.a, "multi", &row, &e), &e);
	assert_int_equal(row.kind, MANIFEST_CLASS_INDEX);
	assert_true(digest_equal(&row.digest, &idx));
	/* The index' name is an image's: this machine's. */
	assert_ok(image_resolve(f.s, &f.a, "multi", &img, &e), &e);
	assert_string_equal(img->id, x.id);
	const char *s = arena_printf(&f.a, "{\"schemaVersion\":2,\"mediaType\":\"" OCI_MANIFEST "\",\"artifactType\":\"a/sig\","
		"\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\"sha256:%064d\",\"size\":2},\"layers\":[],"
		"\"subject\":{\"digest\":\"%s\",\"size\":2}}", 3, digest_text(&x.manifest, manifest));
	sig = sum(s);
	assert_ok(manifest_put(f.s, &sig, s, strlen(s), NULL, NULL, NULL, &e), &e);
	assert_ok(manifest_referrers(f.s, &f.a, &x.manifest, NULL, &rows, &e), &e);
	assert_int_equal(rows.n, 1);
	assert_int_equal(rows.v[0].kind, MANIFEST_CLASS_ARTIFACT);
	assert_string_equal(rows.v[0].artifact_type, "a/sig");
	assert_true(digest_equal(&rows.v[0].digest, &sig));
	assert_ok(manifest_referrers(f.s, &f.a, &x.manifest, "a/other", &rows, &e), &e);
	assert_int_equal(rows.n, 0);
	assert_ok(manifest_list(f.s, &f.a, &rows, &e), &e);
	assert_int_equal(rows.n, 1);
	assert_string_equal(rows.v[0].name, "docker.io/library/multi:latest");
	/* The image goes, its manifest stays: the index needs it, and with it its parts and its signature. */
	assert_ok(image_remove(f.s, &f.a, "one", false, NULL, NULL, &r, &e), &e);
	assert_counts(f.s, 0, 6);
	assert_fails(image_resolve(f.s, &f.a, "multi", &img, &e), NOT_FOUND);
	assert_ok(image_remove(f.s, &f.a, "multi", false, NULL, NULL, &r, &e), &e);
	assert_string_equal(r.deleted, digest_text(&idx, text));
	assert_counts(f.s, 0, 0);
	assert_int_equal(number_of(f.s, "SELECT count(*) FROM manifests"), 0);
	fixture_done(&f);
}

static void test_pulled_by_index(void **state)
{
	const char *digests[2] = { NULL, NULL };
	char text[DIGEST_TEXT_SIZE];
	struct dv_err e = DV_ERR_NONE;
	struct manifest_row row;
	struct image_removed r;
	struct digest idx;
	struct sample x;
	struct image *img;
	struct fixture f;

	fixture_new(&f);
	sample_new("one", &x);
	const char *j = index_of(&f.a, &x.manifest, &idx);
	const char *by_index = arena_printf(&f.a, "one@%s", digest_text(&idx, text));
	digests[0] = arena_printf(&f.a, "docker.io/library/one@%s", text);
	assert_ok(manifest_put(f.s, &idx, j, strlen(j), NULL, NULL, NULL, &e), &e);
	const struct image_record with = { .indexes = &idx, .n_indexes = 1, .digests = digests };
	assert_ok(sample_publish_with(f.s, "one", "docker.io/library/one:latest", &with, &e), &e);
	assert_ok(image_resolve(f.s, &f.a, by_index, &img, &e), &e);
	assert_string_equal(img->id, x.id);
	assert_string_equal(img->digests[0], digests[0]);
	assert_fails(image_resolve(f.s, &f.a, arena_printf(&f.a, "two@%s", text), &img, NULL), NOT_FOUND);
	assert_ok(manifest_resolve(f.s, &f.a, "one", &row, &e), &e);
	assert_true(digest_equal(&row.digest, &idx));
	assert_ok(manifest_resolve(f.s, &f.a, x.id, &row, &e), &e);
	assert_true(digest_equal(&row.digest, &x.manifest));
	publish(f.s, "two", "docker.io/library/one:latest");    /* the name moves on; the digest stays what it was */
	assert_ok(image_resolve(f.s, &f.a, by_index, &img, &e), &e);
	assert_string_equal(img->id, x.id);
	assert_null(img->names[0]);
	publish(f.s, "one", NULL);                              /* again, without the index: it is kept */
	assert_counts(f.s, 3, 8);
	assert_ok(image_remove(f.s, &f.a, x.id, false, NULL, NULL, &r, &e), &e);
	assert_counts(f.s, 2, 4);
	fixture_done(&f);
}

static void test_untag(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct image *img;
	struct sample x;
	struct fixture f;

	fixture_new(&f);
	publish(f.s, "one", "docker.io/library/one:latest");
	sample_new("one", &x);
	assert_ok(image_untag(f.s, "one", &e), &e);
	assert_fails(image_untag(f.s, "one", &e), NOT_FOUND);
	assert_ok(image_resolve(f.s, &f.a, x.id, &img, &e), &e);
	assert_null(img->names[0]);
	assert_ok(manifest_tag(f.s, &x.manifest, "docker.io/library/uno:1", &e), &e);
	assert_ok(image_resolve(f.s, &f.a, "uno:1", &img, &e), &e);
	assert_fails(manifest_tag(f.s, &x.config, "docker.io/library/no:1", &e), NOT_FOUND);
	fixture_done(&f);
}

#ifdef DV_FAULTS
/* --- every call that can fail --- */

static int work(struct image_store *s, struct dv_err *e)
{
	struct digest d = sum("first"), p = sum("partial"), idx;
	auto_fetch struct blob_fetch *g = NULL;
	auto_arena struct arena a;
	struct image_removed r;
	struct sample x;

	arena_init(&a, 0);
	sample_new("k", &x);
	const char *j = index_of(&a, &x.manifest, &idx);
	const struct image_record with = { .indexes = &idx, .n_indexes = 1 };
	int rc = blob_put_bytes(s, &d, "first", 5, &(struct blob_meta){ .pin = "t:t" }, e);
	if (rc == 0)
		rc = blob_fetch_open(s, &p, true, &g, e);
	if (rc == 0 && g && blob_fetch_offset(g) == 0)
		rc = blob_fetch_write(g, "partial", 7, e);
	if (rc == 0 && g)
		rc = blob_fetch_commit(g, NULL, e);
	if (rc == 0)
		rc = manifest_put(s, &idx, j, strlen(j), NULL, NULL, NULL, e);
	if (rc == 0)
		rc = sample_publish_with(s, "k", "docker.io/library/k:latest", &with, e);
	return rc < 0 ? rc : image_remove(s, &a, "k", true, NULL, NULL, &r, e);
}

/* Whatever fails: it is said, nothing half made is visible, and the same works afterwards. */
static void test_faults(void **state)
{
	bool done = false;

	for (unsigned n = 1; !done; n++) {
		struct dv_err e = DV_ERR_NONE;
		struct fixture f;

		fixture_new(&f);
		int fds = unit_fd_count();
		fault_at(n, ENOSPC);
		int rc = work(f.s, &e);
		done = fault_count() < n;
		fault_at(0, 0);
		if (rc < 0)
			assert_true(e.msg[0]);
		assert_int_equal(unit_fd_count(), fds);
		e = DV_ERR_NONE;
		assert_ok(work(f.s, &e), &e);
		assert_int_equal(count_in(f.s, "blobs/sha256"), number_of(f.s, "SELECT count(*) FROM blobs"));
		assert_int_equal(count_in(f.s, "layers"), 0);
		assert_int_equal(count_in(f.s, "tmp"), 0);
		assert_int_equal(count_in(f.s, "partial"), 0);
		assert_true(n < 1000);
		fixture_done(&f);
	}
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_put_files),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_variants),
		cmocka_unit_test(test_repos),
		cmocka_unit_test(test_commit_into_a_stage),
		cmocka_unit_test(test_fetch),
		cmocka_unit_test(test_leftover_of_a_download),
		cmocka_unit_test(test_share_download),
		cmocka_unit_test(test_killed_download),
		cmocka_unit_test(test_manifests),
		cmocka_unit_test(test_pulled_by_index),
		cmocka_unit_test(test_untag),
#ifdef DV_FAULTS
		cmocka_unit_test(test_faults),
#endif
	};

	return unit_run(tests);
}
