/* check_test.c - one thing at a time is damaged in a store: it is found, named with the image that suffers, and put right
 * where that is possible. */
#include <sys/stat.h>

#include "image/blob.h"
#include "image/check.h"
#include "image/gc.h"
#include "image/storeunit.h"
#include "image/tarunit.h"

/* --- an image of two real layers --- */

struct world {
	struct fixture f;
	struct digest blobs[2], config, manifest;
	char dirs[2][80], id[DIGEST_TEXT_SIZE];
	const char *tars[2];
	size_t lens[2];
};

static int copy_begin(const struct tar_source *in, struct tar_source *ret, void **ret_ctx, struct dv_err *e)
{
	*ret = *in;
	*ret_ctx = NULL;
	return 0;
}
static void copy_done(void *ctx) { }
static const struct check_inflate copy = { copy_begin, copy_done };

static void layer_tar(struct world *w, size_t i)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);

	tar_add(&b, (struct tar_entry){ .type = TAR_DIR, .path = "etc", .mode = 0755, .mtime_s = 100 }, NULL);
	if (i == 0) {
		tar_add(&b, (struct tar_entry){ .type = TAR_FILE, .path = "etc/passwd", .mode = 0644, .mtime_s = 100 }, "root:x:0");
		tar_add(&b, (struct tar_entry){ .type = TAR_SYMLINK, .path = "etc/link", .link = "passwd", .mode = 0777 }, NULL);
		tar_add(&b, (struct tar_entry){ .type = TAR_HARDLINK, .path = "etc/hard", .link = "etc/passwd" }, NULL);
	} else {
		tar_add(&b, (struct tar_entry){ .type = TAR_FILE, .path = "etc/deep/motd", .mode = 0600, .uid = 7 }, "hello");
		tar_add(&b, (struct tar_entry){ .type = TAR_FILE, .path = "etc/.wh.link" }, NULL);
	}
	tar_write_end(&b);
	w->lens[i] = b.len;
	w->tars[i] = arena_strn(&w->f.a, b.p, b.len);
	digest_of(DIGEST_SHA256, b.p, b.len, &w->blobs[i]);
}

static int stage_one(struct world *w, struct image_stage *st, size_t i, struct image_record_layer *ret, struct dv_err *e)
{
	struct mem_source m = { w->tars[i], w->lens[i], 1000 };
	const struct tar_source src = { mem_source_next, &m, NULL };
	const struct unpack_options o = { .blind = false };
	struct unpack_result result;
	unsigned no;
	int rc = image_stage_layer_make(st, &src, &o, &no, &result, e);

	if (rc == 0)
		rc = image_stage_layer_done(st, no, &w->blobs[i], &w->blobs[i], result.bytes, e);
	if (rc == 0)
		rc = image_stage_bytes(st, &w->blobs[i], w->tars[i], w->lens[i], e);
	*ret = (struct image_record_layer){ w->blobs[i], w->blobs[i], w->blobs[i], w->lens[i], "tar" };
	return rc;
}

static void world_publish(struct world *w)
{
	auto_stage struct image_stage *st = NULL;
	struct image_record_layer layers[2];
	struct dv_err e = DV_ERR_NONE;
	char d[2][DIGEST_TEXT_SIZE];

	const char *config = arena_printf(&w->f.a, "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\",\"%s\"]}}",
					  digest_text(&w->blobs[0], d[0]), digest_text(&w->blobs[1], d[1]));
	digest_of(DIGEST_SHA256, config, strlen(config), &w->config);
	const char *manifest = arena_printf(&w->f.a, "{\"schemaVersion\":2,\"config\":{\"mediaType\":"
		"\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[{\"digest\":\"%s\","
		"\"size\":%zu},{\"digest\":\"%s\",\"size\":%zu}]}", digest_text(&w->config, w->id), strlen(config), d[0], w->lens[0],
		d[1], w->lens[1]);
	digest_of(DIGEST_SHA256, manifest, strlen(manifest), &w->manifest);
	assert_ok(image_stage_open(w->f.s, &st, &e), &e);
	for (size_t i = 0; i < 2; i++)
		assert_ok(stage_one(w, st, i, &layers[i], &e), &e);
	assert_ok(image_stage_bytes(st, &w->config, config, strlen(config), &e), &e);
	assert_ok(image_stage_bytes(st, &w->manifest, manifest, strlen(manifest), &e), &e);
	static const char *const names[] = { "docker.io/library/web:latest", NULL };
	const struct image_record rec = { w->config, w->manifest, config, strlen(config), 0, layers, 2, names };
	assert_ok(image_publish(st, &rec, 1, &e), &e);
}

static void world_new(struct world *w)
{
	char hex[DIGEST_TEXT_SIZE];

	fixture_new(&w->f);
	for (size_t i = 0; i < 2; i++) {
		layer_tar(w, i);
		(void)snprintf(w->dirs[i], sizeof(w->dirs[i]), "layers/%.64s", digest_hex(&w->blobs[i], hex));
	}
	world_publish(w);
}

static struct check_result check(struct world *w, bool repair)
{
	const struct check_options o = { .repair = repair, .inflate = &copy };
	struct dv_err e = DV_ERR_NONE;
	struct check_result r = { 0 };

	assert_ok(image_check(w->f.s, &o, &w->f.a, &r, &e), &e);
	assert_int_equal(count_in(w->f.s, "tmp"), 0);
	return r;
}

static void check_clean(struct world *w)
{
	struct check_result r = check(w, false);

	if (r.n)
		fail_msg("%s %s: %s", r.v[0].what, r.v[0].name, r.v[0].text);
	assert_int_equal(r.layers, 2);
	assert_true(r.files > 8);
}

/* --- damage --- */

static int root_of(struct world *w) { return image_store_rootfd(w->f.s); }

static const char *blob_path(struct world *w, const struct digest *d)
{
	char hex[DIGEST_TEXT_SIZE];

	return arena_printf(&w->f.a, "blobs/sha256/%s", digest_hex(d, hex));
}

static const char *in_layer(struct world *w, int i, const char *path)
{
	return arena_printf(&w->f.a, "%s/%s", w->dirs[i], path);
}

static void flip(struct world *w, const char *path, off_t at)
{
	auto_close int fd = -1;
	struct stat st;
	char c;

	assert_int_equal(file_open(root_of(w), path, O_RDWR, 0, &fd, NULL), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pread(fd, &c, 1, at), 1);
	c ^= 1;
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	const struct timespec times[2] = { st.st_atim, st.st_mtim };
	assert_int_equal(futimens(fd, times), 0);
}

static void flip_blob(struct world *w) { flip(w, blob_path(w, &w->blobs[1]), 600); }
static void flip_pad(struct world *w) { flip(w, blob_path(w, &w->blobs[0]), (off_t)w->lens[0] - 1); }
static void flip_config(struct world *w) { flip(w, blob_path(w, &w->config), 3); }
static void flip_manifest(struct world *w) { flip(w, blob_path(w, &w->manifest), 3); }
static void flip_file(struct world *w) { flip(w, in_layer(w, 0, "etc/passwd"), 4); }
static void lose_blob(struct world *w) { assert_int_equal(unlinkat(root_of(w), blob_path(w, &w->blobs[0]), 0), 0); }
static void cut_blob(struct world *w)
{
	assert_int_equal(truncate(arena_printf(&w->f.a, "%s/%s", w->f.root, blob_path(w, &w->blobs[0])), 5), 0);
}
static void lose_file(struct world *w) { assert_int_equal(unlinkat(root_of(w), in_layer(w, 0, "etc/link"), 0), 0); }
static void lose_hard(struct world *w) { assert_int_equal(unlinkat(root_of(w), in_layer(w, 0, "etc/hard"), 0), 0); }
static void lose_layer(struct world *w) { assert_int_equal(file_remove_tree(root_of(w), w->dirs[1], NULL), 0); }
static void add_file(struct world *w) { assert_int_equal(file_replace(root_of(w), in_layer(w, 1, "new"), 0600, "x", 1, false, NULL), 0); }
static void change_mode(struct world *w) { assert_int_equal(fchmodat(root_of(w), in_layer(w, 0, "etc/passwd"), 04755, 0), 0); }
static void change_dir(struct world *w) { assert_int_equal(fchmodat(root_of(w), in_layer(w, 1, "etc/deep"), 0777, 0), 0); }
static void change_owner(struct world *w)
{
	assert_int_equal(fchownat(root_of(w), in_layer(w, 1, "etc/deep/motd"), 8, 0, AT_SYMLINK_NOFOLLOW), 0);
}
static void change_link(struct world *w)
{
	lose_file(w);
	assert_int_equal(symlinkat("shadow", root_of(w), in_layer(w, 0, "etc/link")), 0);
}
static void lose_whiteout(struct world *w) { assert_int_equal(unlinkat(root_of(w), in_layer(w, 1, "etc/link"), 0), 0); }
static void add_stray(struct world *w) { assert_int_equal(file_replace(root_of(w), "blobs/sha256/stray", 0600, "x", 1, false, NULL), 0); }
static void add_dir(struct world *w) { assert_int_equal(mkdirat(root_of(w), "layers/stray", 0700), 0); }
static void sql(struct world *w, const char *text) { assert_true(db_exec(image_store_db(w->f.s), NULL, text, "") > 0); }
static void change_kind(struct world *w) { sql(w, "UPDATE manifests SET kind = 'artifact'"); }
static void drop_ref(struct world *w) { sql(w, "DELETE FROM manifest_refs WHERE digest = (SELECT digest FROM images)"); }

enum { REPAIRED = 1, SUFFERS = 2, AGAIN = 4 /* cannot be repaired: loading the image again does */ };
static const struct {
	const char *name;
	void (*damage)(struct world *w);
	const char *what, *text;
	int flags;
} cases[] = {
	{ "a byte of a blob", flip_blob, "blob", "another digest", SUFFERS | AGAIN },
	{ "the last byte of a blob", flip_pad, "blob", "another digest", SUFFERS | AGAIN },
	{ "a byte of a configuration", flip_config, "blob", "another digest", SUFFERS | REPAIRED },
	{ "a byte of a manifest", flip_manifest, "blob", "another digest", SUFFERS | AGAIN },
	{ "a blob that is gone", lose_blob, "blob", "missing", SUFFERS | AGAIN },
	{ "a blob that is cut", cut_blob, "blob", "has 5 bytes instead of", SUFFERS | AGAIN },
	{ "a byte of a file", flip_file, "layer", ": its content is another", SUFFERS | REPAIRED },
	{ "a file that is gone", lose_file, "layer", "etc/link: is missing", SUFFERS | REPAIRED },
	{ "a hard link that is gone", lose_hard, "layer", "etc/hard: is missing", SUFFERS | REPAIRED },
	{ "a layer that is gone", lose_layer, "layer", "missing", SUFFERS | REPAIRED },
	{ "a file too many", add_file, "layer", "", SUFFERS | REPAIRED },
	{ "a mode", change_mode, "layer", "its mode is another", SUFFERS | REPAIRED },
	{ "the mode of a directory that the archive leaves out", change_dir, "layer", "its mode is another", SUFFERS | REPAIRED },
	{ "an owner", change_owner, "layer", "its owner is another", SUFFERS | REPAIRED },
	{ "a link", change_link, "layer", "", SUFFERS | REPAIRED },
	{ "a whiteout that is gone", lose_whiteout, "layer", "etc/link: is missing", SUFFERS | REPAIRED },
	{ "a file without a row", add_stray, "file", "no row", REPAIRED },
	{ "a directory without a row", add_dir, "file", "no row", REPAIRED },
	{ "the kind of a manifest", change_kind, "manifest", "its row", SUFFERS | REPAIRED },
	{ "a reference of a manifest", drop_ref, "manifest", "its row", SUFFERS | REPAIRED },
};

static const struct check_problem *find(const struct check_result *r, const char *name, const char *what, const char *text)
{
	for (size_t i = 0; i < r->n; i++)
		if (streq(r->v[i].what, what) && strstr(r->v[i].text, text))
			return &r->v[i];
	if (r->n)
		fail_msg("%s: found %s %s: %s", name, r->v[0].what, r->v[0].name, r->v[0].text);
	fail_msg("%s: nothing found", name);
	return NULL;
}

static void test_damage(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct check_problem *p;
		struct check_result r;
		struct world w;

		world_new(&w);
		cases[i].damage(&w);
		r = check(&w, false);
		p = find(&r, cases[i].name, cases[i].what, cases[i].text);
		assert_false(p->repaired);
		assert_int_equal(r.n_repaired, 0);
		if (cases[i].flags & SUFFERS)
			assert_string_equal(p->images[0] ? p->images[0] : "nobody", "docker.io/library/web:latest");
		r = check(&w, true);
		p = find(&r, cases[i].name, cases[i].what, cases[i].text);
		if (p->repaired != !!(cases[i].flags & REPAIRED))
			fail_msg("%s: repaired %d", cases[i].name, p->repaired);
		if (cases[i].flags & AGAIN) {
			r = check(&w, false);
			(void)find(&r, cases[i].name, "blob", "missing");        /* marked; wrong bytes are gone */
			world_publish(&w);
		}
		check_clean(&w);
		fixture_done(&w.f);
	}
}

/* A layer without its blob cannot be made again: both are marked, and come again with the image. */
static void test_both(void **state)
{
	struct check_result r;
	struct world w;

	world_new(&w);
	flip_pad(&w);
	lose_layer(&w);
	lose_file(&w);
	r = check(&w, true);
	assert_true(r.n >= 2);
	assert_false(find(&r, "both", "blob", "")->repaired);
	world_publish(&w);
	r = check(&w, true);
	check_clean(&w);
	fixture_done(&w.f);
}

/* A sound store is sound, and so is one where nothing but loose blobs is. */
static void test_clean(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct gc_options o = { .grace_s = -1 };
	struct gc_result gone;
	struct world w;
	struct digest d;

	world_new(&w);
	digest_of(DIGEST_SHA512, "loose", 5, &d);
	assert_ok(blob_put_bytes(w.f.s, &d, "loose", 5, NULL, &e), &e);
	check_clean(&w);
	char hex[DIGEST_TEXT_SIZE];
	flip(&w, arena_printf(&w.f.a, "blobs/sha512/%s", digest_hex(&d, hex)), 0);
	struct check_result r = check(&w, true);
	assert_true(find(&r, "loose", "blob", "another digest")->repaired);    /* nobody needs it */
	assert_int_equal(count_in(w.f.s, "blobs/sha512"), 0);
	assert_ok(image_gc(w.f.s, &o, &w.f.a, &gone, &e), &e);
	assert_int_equal(gone.gone, 0);
	check_clean(&w);
	fixture_done(&w.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_both),
	};

	return unit_run(tests);
}
