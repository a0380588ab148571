/* transport_test.c - places, and what every destination has to keep: verified, nothing before the commit. */
#include <sys/stat.h>

#include "base/str.h"
#include "base/unit.h"
#include "transfer/transport.h"

/* --- places --- */

static void test_places(void **state)
{
	static const struct { const char *text, *transport, *path, *ref; } cases[] = {
		{ "oci:/a/b", "oci", "/a/b", NULL },
		{ "oci:b:", "oci", "b", NULL },
		{ "oci:b:1.0", "oci", "b", "1.0" },
		{ "oci:b:localhost:5000/x:1", "oci", "b", "localhost:5000/x:1" },
	};
	auto_arena struct arena a = { 0 };
	struct dv_err e = DV_ERR_NONE;
	struct place p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_ok(place_parse(&a, cases[i].text, &p, &e), &e);
		assert_string_equal(place_transport(&p), cases[i].transport);
		assert_string_equal(p.path, cases[i].path);
		assert_true(!p.ref == !cases[i].ref);
		assert_true(!p.ref || streq(p.ref, cases[i].ref));
	}
	assert_fails(place_parse(&a, "oci:", &p, &e), INVALID);
	assert_fails(place_parse(&a, "oci::x", &p, &e), INVALID);
}

/* --- copies by hand --- */

struct text { const char *p; size_t len, step; bool fails; };

static int text_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct text *t = ctx;
	size_t n = DV_MIN(t->len, t->step);

	if (n == 0 && t->fails)
		return dv_fail(e, DV_UNAVAILABLE, "the line is dead");
	*ret = t->p;
	*ret_len = n;
	t->p += n;
	t->len -= n;
	return n > 0;
}

struct fixture {
	struct unit_tmp tmp;
	struct arena a;
	char old[4096];
};

static void fixture_new(struct fixture *f)
{
	unit_tmp_new(&f->tmp);
	arena_init(&f->a, 0);
	assert_non_null(getcwd(f->old, sizeof(f->old)));
	assert_int_equal(chdir(f->tmp.path), 0);
}

static void fixture_done(struct fixture *f)
{
	assert_int_equal(chdir(f->old), 0);
	arena_done(&f->a);
	unit_tmp_done(&f->tmp);
}

static struct descriptor describe(const char *type, const char *text, enum digest_alg alg)
{
	struct descriptor d = { .media_type = type, .size = strlen(text) };

	digest_of(alg, text, d.size, &d.digest);
	return d;
}

static int put_text(struct dest *d, const struct descriptor *blob, const char *text, struct dv_err *e)
{
	struct text t = { text, strlen(text), 3, false };
	const struct tar_source in = { text_next, &t };

	return dest_blob(d, blob, &in, e);
}

#define CONFIG_TEXT "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}"

/* A manifest over one config and one layer of text. */
static struct document make_document(struct arena *a, const struct descriptor *config, const struct descriptor *layer)
{
	struct document doc = { .text = manifest_write(a, config, layer, 1), .media_type = MEDIA_OCI_MANIFEST };

	doc.len = strlen(doc.text);
	digest_of(DIGEST_SHA256, doc.text, doc.len, &doc.digest);
	return doc;
}

static struct dest *open_dest(struct arena *a, const char *text)
{
	static const struct place_options none;
	struct dv_err e = DV_ERR_NONE;
	struct place p;
	struct dest *d;

	assert_ok(place_parse(a, text, &p, &e), &e);
	assert_ok(dest_open(&p, &none, &d, &e), &e);
	return d;
}

static int open_source(struct arena *a, const char *text, struct source **ret, struct dv_err *e)
{
	static const struct place_options none;
	struct place p;

	assert_ok(place_parse(a, text, &p, e), e);
	return source_open(&p, &none, ret, e);
}

static void write_image(struct fixture *f, struct dest *d, const char *layer, const char *name)
{
	struct dv_err e = DV_ERR_NONE;
	const struct descriptor c = describe(MEDIA_OCI_CONFIG, CONFIG_TEXT, DIGEST_SHA256);
	const struct descriptor l = describe(MEDIA_OCI_LAYER, layer, DIGEST_SHA512);
	const struct document doc = make_document(&f->a, &c, &l);

	assert_ok(put_text(d, &c, CONFIG_TEXT, &e), &e);
	assert_ok(put_text(d, &l, layer, &e), &e);
	assert_ok(dest_document(d, &doc, name, &e), &e);
}

static void check_image(struct fixture *f, const char *place, const char *layer)
{
	struct dv_err e = DV_ERR_NONE;
	auto_source struct source *s = NULL;
	const struct descriptor l = describe(MEDIA_OCI_LAYER, layer, DIGEST_SHA512);
	struct document doc;
	struct manifest_info m;
	const char *text;
	size_t len;

	assert_ok(open_source(&f->a, place, &s, &e), &e);
	assert_ok(source_document(s, &f->a, NULL, &doc, &e), &e);
	assert_ok(manifest_info_parse(&f->a, doc.text, doc.len, doc.media_type, &m, &e), &e);
	assert_int_equal(m.n, 2);
	assert_true(digest_equal(&m.refs[1].digest, &l.digest));
	assert_ok(source_bytes(s, &f->a, &m.refs[1], 1000, &text, &len, &e), &e);
	assert_string_equal(text, layer);
	/* The same by digest. */
	assert_ok(source_document(s, &f->a, &doc.digest, &doc, &e), &e);
}

static int count_entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n - 2;
}

static void test_new_layout(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct fixture f;
	struct stat st;

	(void)state;
	fixture_new(&f);
	struct dest *d = open_dest(&f.a, "oci:L:one");
	write_image(&f, d, "layer one", "");
	/* Not before the commit, and nothing after an abort. */
	assert_int_equal(stat("L", &st), -1);
	dest_close(d);
	assert_int_equal(stat("L", &st), -1);
	assert_int_equal(count_entries("."), 0);
	d = open_dest(&f.a, "oci:L:one");
	write_image(&f, d, "layer one", "");
	assert_ok(dest_commit(d, &e), &e);
	dest_close(d);
	check_image(&f, "oci:L:one", "layer one");
	check_image(&f, "oci:L", "layer one");
	fixture_done(&f);
}

static void test_names_stay(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	auto_source struct source *s = NULL;
	const char **tags;
	struct fixture f;

	(void)state;
	fixture_new(&f);
	for (int i = 0; i < 3; i++) {
		struct dest *d = open_dest(&f.a, i == 1 ? "oci:L:two" : "oci:L:one");

		write_image(&f, d, i == 0 ? "layer one" : i == 1 ? "layer two" : "layer three", "");
		assert_ok(dest_commit(d, &e), &e);
		dest_close(d);
	}
	check_image(&f, "oci:L:one", "layer three");
	check_image(&f, "oci:L:two", "layer two");
	assert_ok(open_source(&f.a, "oci:L:one", &s, &e), &e);
	assert_ok(source_tags(s, &f.a, &tags, &e), &e);
	assert_string_equal(tags[0], "one");
	assert_string_equal(tags[1], "two");
	assert_null(tags[2]);
	source_close(take_ptr(&s));
	assert_ok(open_source(&f.a, "oci:L:none", &s, &e), &e);
	assert_fails(source_document(s, &f.a, NULL, &(struct document){ 0 }, &e), NOT_FOUND);
	fixture_done(&f);
}

static void test_wrong_blobs(void **state)
{
	static const struct { const char *text; int64_t more; enum dv_kind kind; } cases[] = {
		{ "layer onX", 0, DV_INVALID },         /* another digest */
		{ "layer", 0, DV_INVALID },             /* too short */
		{ "layer one and more", 0, DV_INVALID },/* too long */
		{ "layer one", 1, DV_INVALID },         /* the descriptor lies about the size */
		{ "layer one", -1, DV_INVALID },
	};
	struct dv_err e = DV_ERR_NONE;
	struct fixture f;
	bool has = true;

	(void)state;
	fixture_new(&f);
	struct dest *d = open_dest(&f.a, "oci:L:one");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct descriptor l = describe(MEDIA_OCI_LAYER, "layer one", DIGEST_SHA256);

		l.size += (uint64_t)cases[i].more;
		assert_int_equal(put_text(d, &l, cases[i].text, &e), -(int)cases[i].kind);
		assert_ok(dest_has_blob(d, &l, NULL, &has, &e), &e);
		assert_false(has);
	}
	struct descriptor l = describe(MEDIA_OCI_LAYER, "layer one", DIGEST_SHA256);
	struct text broken = { "layer", 5, 5, true };
	const struct tar_source in = { text_next, &broken };
	assert_fails(dest_blob(d, &l, &in, &e), UNAVAILABLE);
	assert_ok(dest_has_blob(d, &l, NULL, &has, &e), &e);
	assert_false(has);
	/* And of unknown digest: it is told. */
	struct text fine = { "layer one", 9, 4, false };
	const struct tar_source fine_in = { text_next, &fine };
	struct descriptor made;
	assert_ok(dest_blob_new(d, MEDIA_OCI_LAYER, &fine_in, &made, &e), &e);
	assert_true(digest_equal(&made.digest, &l.digest));
	assert_int_equal(made.size, 9);
	dest_close(d);
	fixture_done(&f);
}

static void test_not_a_layout(void **state)
{
	static const struct place_options none;
	struct dv_err e = DV_ERR_NONE;
	struct fixture f;
	struct place p;
	struct dest *d;

	(void)state;
	fixture_new(&f);
	assert_int_equal(mkdir("D", 0700), 0);
	assert_int_equal(mkdir("D/precious", 0700), 0);
	assert_ok(place_parse(&f.a, "oci:D", &p, &e), &e);
	assert_fails(dest_open(&p, &none, &d, &e), INVALID);
	assert_int_equal(rmdir("D/precious"), 0);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_new_layout),
		cmocka_unit_test(test_names_stay),
		cmocka_unit_test(test_wrong_blobs),
		cmocka_unit_test(test_not_a_layout),
	};

	return unit_run(tests);
}
