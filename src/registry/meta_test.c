/* meta_test.c - repositories, manifests, tags, referrers, and what is collected. */
#include <errno.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/str.h"
#include "base/unit.h"
#include "registry/meta_parts.h"

#define CONFIG_TYPE "application/vnd.oci.image.config.v1+json"
#define LAYER_TYPE "application/vnd.oci.image.layer.v1.tar"

struct world {
	struct unit_tmp tmp;
	struct image_store *s;
	struct arena a;
	struct dv_err e;
};

static struct world *world_new(void)
{
	struct world *w = mem_new(struct world);

	unit_tmp_new(&w->tmp);
	arena_init(&w->a, 0);
	assert_ok(image_store_open(w->tmp.path, &w->s, &w->e), &w->e);
	assert_ok(meta_migrate(w->s, &w->e), &w->e);
	return w;
}

static void world_free(struct world *w)
{
	image_store_close(w->s);
	arena_done(&w->a);
	unit_tmp_done(&w->tmp);
	free(w);
}

/* A blob as an upload brings it. */
static struct digest add_blob(struct world *w, const char *repo, const char *text)
{
	struct digest d;

	digest_of(DIGEST_SHA256, text, strlen(text), &d);
	assert_ok(file_replace(w->tmp.fd, "upload", 0600, text, strlen(text), false, &w->e), &w->e);
	assert_ok(meta_blob_add(w->s, repo, &d, strlen(text), w->tmp.fd, "upload", &w->e), &w->e);
	assert_int_equal(faccessat(w->tmp.fd, "upload", F_OK, 0), -1);
	return d;
}

static const char *descriptor(struct world *w, const char *type, const struct digest *d, uint64_t size)
{
	char text[DIGEST_TEXT_SIZE];

	return arena_printf(&w->a, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%llu}", type, digest_text(d, text),
			    (unsigned long long)size);
}

static const char *image_text(struct world *w, const struct digest *config, const struct digest *layer, const char *more)
{
	return arena_printf(&w->a, "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"config\":%s,"
				   "\"layers\":[%s]%s}", descriptor(w, CONFIG_TYPE, config, 6),
			    layer ? descriptor(w, LAYER_TYPE, layer, 5) : "", more);
}

/* The result of a put; the manifest's digest in ret. */
static int put(struct world *w, const char *repo, const char *text, const char *tag, struct digest *ret,
	       enum problem *ret_problem)
{
	const char *tags[] = { tag, NULL };
	struct manifest_info doc;
	struct meta_put p = { .repo = repo, .digest = ret, .text = text, .len = strlen(text), .doc = &doc, .tags = tags };

	digest_of(DIGEST_SHA256, text, strlen(text), ret);
	assert_ok(document_parse(&w->a, text, strlen(text), NULL, &doc, &w->e), &w->e);
	int rc = meta_manifest_put(w->s, &p, &w->e);
	if (ret_problem)
		*ret_problem = p.problem;
	return rc;
}

static struct digest put_ok(struct world *w, const char *repo, const char *text, const char *tag)
{
	struct digest d;

	assert_ok(put(w, repo, text, tag, &d, NULL), &w->e);
	return d;
}

static int find_tag(struct world *w, const char *repo, const char *tag, struct meta_manifest *ret)
{
	struct route r = { .kind = ROUTE_MANIFEST };

	memcpy(r.name, repo, strlen(repo) + 1);
	memcpy(r.tag, tag, strlen(tag) + 1);
	return meta_manifest_find(w->s, &w->a, &r, ret, &w->e);
}

static struct route by_digest(const char *repo, const struct digest *d)
{
	struct route r = { .kind = ROUTE_MANIFEST, .digest = *d };

	memcpy(r.name, repo, strlen(repo) + 1);
	return r;
}

static bool store_has(struct world *w, const struct digest *d)
{
	bool has = false;

	assert_ok(blob_has(w->s, d, &has, &w->e), &w->e);
	return has;
}

/* --- tests --- */

static void test_blobs(void **state)
{
	struct world *w = world_new();
	struct digest d = add_blob(w, "a/b", "layer"), other;
	const char **repos = NULL;
	uint64_t size = 0;
	int64_t used = 0;

	assert_ok(meta_blob_find(w->s, "a/b", &d, &size, &used, &w->e), &w->e);
	assert_int_equal(size, 5);
	assert_true(used > 0);
	assert_fails(meta_blob_find(w->s, "c", &d, &size, &used, &w->e), NOT_FOUND);
	assert_ok(meta_blob_link(w->s, "c", &d, &w->e), &w->e);
	size = 0;
	assert_ok(meta_blob_find(w->s, "c", &d, &size, &used, &w->e), &w->e);
	assert_int_equal(size, 5);
	assert_ok(meta_blob_repos(w->s, &w->a, &d, 10, &repos, &w->e), &w->e);
	assert_string_equal(repos[0], "a/b");
	assert_string_equal(repos[1], "c");
	assert_null(repos[2]);
	digest_of(DIGEST_SHA256, "x", 1, &other);
	assert_fails(meta_blob_link(w->s, "c", &other, &w->e), NOT_FOUND);
	assert_ok(meta_blob_delete(w->s, "c", &d, &w->e), &w->e);
	assert_fails(meta_blob_delete(w->s, "c", &d, &w->e), NOT_FOUND);
	assert_fails(meta_blob_delete(w->s, "nowhere", &d, &w->e), NOT_FOUND);
	assert_ok(meta_blob_find(w->s, "a/b", &d, &size, &used, &w->e), &w->e);
	/* the same again is the same blob */
	(void)add_blob(w, "a/b", "layer");
	assert_ok(meta_blob_touch(w->s, "a/b", &d, &w->e), &w->e);
	world_free(w);
}

static void test_manifests(void **state)
{
	struct world *w = world_new();
	struct digest config = add_blob(w, "a", "config"), layer = add_blob(w, "a", "layer"), d, missing;
	struct meta_manifest m;
	enum problem problem;

	d = put_ok(w, "a", image_text(w, &config, &layer, ""), "v1");
	assert_ok(find_tag(w, "a", "v1", &m), &w->e);
	assert_true(digest_equal(&m.digest, &d));
	assert_string_equal(m.media_type, MEDIA_OCI_MANIFEST);
	assert_fails(find_tag(w, "a", "v2", &m), NOT_FOUND);
	assert_fails(find_tag(w, "b", "v1", &m), NOT_FOUND);
	struct route r = by_digest("a", &d);
	assert_ok(meta_manifest_find(w->s, &w->a, &r, &m, &w->e), &w->e);
	/* the blobs are in another repository */
	assert_fails(put(w, "b", image_text(w, &config, &layer, ""), "v1", &d, &problem), CONFLICT);
	assert_int_equal(problem, PROBLEM_MANIFEST_BLOB_UNKNOWN);
	assert_fails(find_tag(w, "b", "v1", &m), NOT_FOUND);
	/* a size that is not the blob's */
	const char *text = image_text(w, &layer, NULL, "");
	assert_fails(put(w, "a", text, "v3", &d, &problem), CONFLICT);
	assert_int_equal(problem, PROBLEM_MANIFEST_INVALID);
	digest_of(DIGEST_SHA256, "missing", 7, &missing);
	assert_fails(put(w, "a", image_text(w, &config, &missing, ""), "v4", &d, &problem), CONFLICT);
	assert_int_equal(problem, PROBLEM_MANIFEST_BLOB_UNKNOWN);
	/* what a manifest needs stays */
	assert_fails(meta_blob_delete(w->s, "a", &layer, &w->e), CONFLICT);
	assert_ok(meta_manifest_delete(w->s, &r, &w->e), &w->e);
	assert_fails(find_tag(w, "a", "v1", &m), NOT_FOUND);
	assert_fails(meta_manifest_delete(w->s, &r, &w->e), NOT_FOUND);
	assert_ok(meta_blob_delete(w->s, "a", &layer, &w->e), &w->e);
	world_free(w);
}

static void test_tags(void **state)
{
	static const char *const names[] = { "b", "A", "a", "10", "1", "c" };
	struct world *w = world_new();
	struct digest config = add_blob(w, "a", "config"), first, second;
	struct meta_manifest m;
	struct meta_list l;
	struct route r = { .kind = ROUTE_MANIFEST, .name = "a", .tag = "b" };

	first = put_ok(w, "a", image_text(w, &config, NULL, ""), "b");
	for (size_t i = 1; i < ARRAY_LEN(names); i++)
		(void)put_ok(w, "a", image_text(w, &config, NULL, ""), names[i]);
	assert_ok(meta_tags(w->s, &w->a, "a", NULL, 4, &l, &w->e), &w->e);
	assert_int_equal(l.n, 4);
	assert_true(l.more);
	assert_string_equal(l.v[0], "1");
	assert_string_equal(l.v[1], "10");
	assert_string_equal(l.v[2], "A");
	assert_string_equal(l.v[3], "a");
	assert_ok(meta_tags(w->s, &w->a, "a", "a", 4, &l, &w->e), &w->e);
	assert_int_equal(l.n, 2);
	assert_false(l.more);
	assert_ok(meta_tags(w->s, &w->a, "a", NULL, 0, &l, &w->e), &w->e);
	assert_int_equal(l.n, 0);
	assert_fails(meta_tags(w->s, &w->a, "x", NULL, 4, &l, &w->e), NOT_FOUND);
	/* a tag moves, and goes alone */
	second = put_ok(w, "a", image_text(w, &config, NULL, ",\"annotations\":{\"k\":\"v\"}"), "b");
	assert_ok(find_tag(w, "a", "b", &m), &w->e);
	assert_true(digest_equal(&m.digest, &second) && !digest_equal(&first, &second));
	assert_ok(meta_manifest_delete(w->s, &r, &w->e), &w->e);
	assert_fails(find_tag(w, "a", "b", &m), NOT_FOUND);
	r = by_digest("a", &second);
	assert_ok(meta_manifest_find(w->s, &w->a, &r, &m, &w->e), &w->e);
	assert_ok(meta_repos(w->s, &w->a, NULL, 10, &l, &w->e), &w->e);
	assert_int_equal(l.n, 1);
	world_free(w);
}

static void test_referrers(void **state)
{
	struct world *w = world_new();
	struct digest config = add_blob(w, "a", "config"), subject, d;
	struct json *list = NULL;
	char text[DIGEST_TEXT_SIZE];

	/* a subject need not be there */
	digest_of(DIGEST_SHA256, "subject", 7, &subject);
	const char *about = arena_printf(&w->a, ",\"subject\":%s", descriptor(w, MEDIA_OCI_MANIFEST, &subject, 7));
	d = put_ok(w, "a", image_text(w, &config, NULL, arena_printf(&w->a, "%s,\"artifactType\":\"x/y\","
								     "\"annotations\":{\"k\":\"v\"}", about)), NULL);
	(void)put_ok(w, "a", image_text(w, &config, NULL, about), NULL);
	assert_ok(meta_referrers(w->s, &w->a, "a", &subject, NULL, &list, &w->e), &w->e);
	assert_int_equal(json_len(list), 2);
	assert_string_equal(json_str(json_path(json_at(list, 0), "digest")), digest_text(&d, text));
	assert_string_equal(json_str(json_path(json_at(list, 0), "artifactType")), "x/y");
	assert_string_equal(json_str(json_path(json_at(list, 0), "annotations.k")), "v");
	assert_string_equal(json_str(json_path(json_at(list, 1), "artifactType")), CONFIG_TYPE);
	assert_null(json_get(json_at(list, 1), "annotations"));
	assert_ok(meta_referrers(w->s, &w->a, "a", &subject, "x/y", &list, &w->e), &w->e);
	assert_int_equal(json_len(list), 1);
	assert_ok(meta_referrers(w->s, &w->a, "nowhere", &subject, NULL, &list, &w->e), &w->e);
	assert_int_equal(json_len(list), 0);
	world_free(w);
}

/* What the collector says it takes, as one text. */
static const char *collected(struct world *w, bool dry_run, bool untagged, int64_t grace_s)
{
	struct meta_gc_options o = { dry_run, untagged, grace_s };
	struct meta_gc_result r;
	auto_buf struct buf b = BUF_INIT(4096);

	assert_ok(meta_gc(w->s, &w->a, &o, &r, &w->e), &w->e);
	for (size_t i = 0; i < r.n; i++)
		buf_printf(&b, "%s%s:%.15s", i ? " " : "", r.v[i].is_manifest ? "manifest" : "blob", r.v[i].digest);
	return arena_str(&w->a, buf_cstr(&b));
}

static void test_gc(void **state)
{
	struct world *w = world_new();
	struct digest config = add_blob(w, "a", "config"), loose = add_blob(w, "a", "loose"), image, index, sbom, old;
	char text[DIGEST_TEXT_SIZE];
	struct meta_manifest m;
	uint64_t size;
	int64_t used;

	image = put_ok(w, "a", image_text(w, &config, NULL, ""), NULL);
	index = put_ok(w, "a", arena_printf(&w->a, "{\"schemaVersion\":2,\"manifests\":[%s]}",
					    descriptor(w, MEDIA_OCI_MANIFEST, &image,
						       strlen(image_text(w, &config, NULL, "")))), "all");
	sbom = put_ok(w, "a", image_text(w, &config, NULL,
					 arena_printf(&w->a, ",\"subject\":%s", descriptor(w, MEDIA_OCI_MANIFEST, &image, 1))),
		      NULL);
	old = put_ok(w, "a", image_text(w, &config, NULL, ",\"annotations\":{\"old\":\"1\"}"), NULL);
	/* young things stay */
	assert_string_equal(collected(w, false, true, 3600), "");
	const char *want_loose = arena_printf(&w->a, "blob:%.15s", digest_text(&loose, text));
	const char *want_both = arena_printf(&w->a, "manifest:%.15s %s", digest_text(&old, text), want_loose);
	assert_string_equal(collected(w, true, false, -1), want_loose);
	assert_string_equal(collected(w, true, true, -1), want_both);
	assert_string_equal(collected(w, true, true, -1), want_both);
	assert_string_equal(collected(w, false, false, -1), want_loose);
	assert_fails(meta_blob_find(w->s, "a", &loose, &size, &used, &w->e), NOT_FOUND);
	assert_string_equal(collected(w, false, true, -1), arena_printf(&w->a, "manifest:%.15s", digest_text(&old, text)));
	/* the child of the index and what is about the child */
	const struct digest *stay[] = { &image, &index, &sbom };
	for (size_t i = 0; i < ARRAY_LEN(stay); i++) {
		struct route r = by_digest("a", stay[i]);

		assert_ok(meta_manifest_find(w->s, &w->a, &r, &m, &w->e), &w->e);
	}
	assert_true(store_has(w, &config));
	/* with the index all goes, and the repository */
	struct route r = by_digest("a", &index);
	assert_ok(meta_manifest_delete(w->s, &r, &w->e), &w->e);
	assert_int_equal(strlen(collected(w, false, true, -1)), 2 * strlen("manifest:sha256:12345678 ") +
								 strlen("blob:sha256:12345678"));
	assert_fails(meta_repo_find(image_store_db(w->s), "a", &used, &w->e), NOT_FOUND);
	world_free(w);
}

#ifdef DV_FAULTS
/* Whichever call fails: an error, nothing half done, no descriptor left, and the same again succeeds. */
static void test_faults(void **state)
{
	for (unsigned n = 1, done = 0; !done; n++) {
		struct world *w = world_new();
		struct digest config = add_blob(w, "a", "config"), layer, d;
		const char *text = image_text(w, &config, NULL, "");
		struct meta_manifest m;
		uint64_t size;
		int64_t used;

		digest_of(DIGEST_SHA256, "layer", 5, &layer);
		assert_ok(file_replace(w->tmp.fd, "upload", 0600, "layer", 5, false, &w->e), &w->e);
		int fds = unit_fd_count();
		fault_at(n, EIO);
		int rc = meta_blob_add(w->s, "a", &layer, 5, w->tmp.fd, "upload", &w->e);
		if (rc == 0)
			rc = put(w, "a", text, "v1", &d, NULL);
		done = fault_count() < n;
		fault_at(0, 0);
		assert_int_equal(unit_fd_count(), fds);
		assert_true((rc == 0) == (find_tag(w, "a", "v1", &m) == 0));
		assert_true(rc == 0 || *w->e.msg);
		if (meta_blob_find(w->s, "a", &layer, &size, &used, &w->e) < 0)
			(void)add_blob(w, "a", "layer");
		assert_true(store_has(w, &layer));
		(void)put_ok(w, "a", text, "v1");
		world_free(w);
	}
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blobs),     cmocka_unit_test(test_manifests), cmocka_unit_test(test_tags),
		cmocka_unit_test(test_referrers), cmocka_unit_test(test_gc),
#ifdef DV_FAULTS
		cmocka_unit_test(test_faults),
#endif
	};

	return unit_run(tests);
}
