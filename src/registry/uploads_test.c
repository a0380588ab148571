/* uploads_test.c - the files of uploads across processes, and what failing calls leave; the cache; metrics and log lines. */
#include "base/str.h"
#include "base/unit.h"
#include "registry/uploads.h"

#define ID "00112233445566778899aabbccddeeff"

static struct upload *upload_of(const char *text)
{
	struct upload *u = mem_new(struct upload);

	memcpy(u->id, ID, sizeof u->id);
	u->repo = mem_str("a/b");
	u->peer = mem_str("127.0.0.1");
	u->fd = -1;
	u->drain = BUF_INIT(1 << 20);
	digest_begin(&u->hash, DIGEST_SHA256);
	u->hash_committed = u->hash;
	u->hashed = true;
	buf_str(&u->drain, text);
	return u;
}

static void upload_done(struct upload *u)
{
	fd_close(&u->fd);
	buf_done(&u->drain);
	free(u->repo);
	free(u->peer);
	free(u);
}

static uint64_t length_on_disk(struct unit_tmp *t)
{
	struct upload_info info = { 0 };
	auto_arena struct arena a;
	struct dv_err e = DV_ERR_NONE;

	arena_init(&a, 0);
	assert_ok(upload_read_info(&a, t->fd, ID, &info, &e), &e);
	assert_string_equal(info.repo, "a/b");
	return info.committed;
}

static void check_digest(struct unit_tmp *t, struct upload *u, enum digest_alg alg, const char *text)
{
	struct digest have, want;
	struct dv_err e = DV_ERR_NONE;

	digest_of(alg, text, strlen(text), &want);
	assert_ok(upload_digest(u, t->fd, alg, &have, &e), &e);
	assert_true(digest_equal(&have, &want));
}

static void test_chunks(void **state)
{
	struct unit_tmp t;
	struct dv_err e = DV_ERR_NONE;
	struct upload *u = upload_of("hello ");

	unit_tmp_new(&t);
	u->chunk = true;
	assert_ok(upload_create(u, t.fd, &e), &e);
	assert_fails(upload_create(u, t.fd, &e), EXISTS);
	assert_int_equal(length_on_disk(&t), 0);
	assert_ok(upload_write(u, t.fd, &e), &e);
	/* not before the chunk is complete */
	assert_int_equal(length_on_disk(&t), 0);
	assert_ok(upload_commit(u, t.fd, &e), &e);
	assert_int_equal(length_on_disk(&t), 6);
	/* a chunk that is cut off leaves nothing, neither in the file nor in the hash */
	assert_ok(upload_write(u, t.fd, &e), &e);
	assert_ok(upload_rollback(u, t.fd, &e), &e);
	assert_int_equal(u->size, 6);
	buf_reset(&u->drain);
	buf_str(&u->drain, "world");
	assert_ok(upload_write(u, t.fd, &e), &e);
	assert_ok(upload_commit(u, t.fd, &e), &e);
	check_digest(&t, u, DIGEST_SHA256, "hello world");
	/* by another algorithm, and by a process that knows the file only */
	check_digest(&t, u, DIGEST_SHA512, "hello world");
	fd_close(&u->fd);
	u->hashed = false;
	check_digest(&t, u, DIGEST_SHA256, "hello world");
	upload_remove_files(ID, t.fd, true);
	assert_int_equal(faccessat(t.fd, ID, F_OK, 0), -1);
	upload_done(u);
	unit_tmp_done(&t);
}

static void test_stream(void **state)
{
	struct unit_tmp t;
	struct dv_err e = DV_ERR_NONE;
	struct upload *u = upload_of("some bytes");
	struct upload_info info;
	auto_arena struct arena a;

	arena_init(&a, 0);
	unit_tmp_new(&t);
	assert_ok(upload_create(u, t.fd, &e), &e);
	/* byte by byte, also when nobody says that it has ended */
	assert_ok(upload_write(u, t.fd, &e), &e);
	assert_int_equal(length_on_disk(&t), 10);
	assert_ok(upload_write(u, t.fd, &e), &e);
	assert_int_equal(length_on_disk(&t), 20);
	upload_remove_files(ID, t.fd, true);
	assert_fails(upload_read_info(&a, t.fd, ID, &info, &e), NOT_FOUND);
	upload_done(u);
	unit_tmp_done(&t);
}

static void test_bad_info(void **state)
{
	static const char *const texts[] = { "", "{}", "[]", "{\"repository\":1,\"committed\":0}",
					     "{\"repository\":\"a\",\"committed\":-1}" };
	struct unit_tmp t;
	struct upload_info info;
	auto_arena struct arena a;
	struct dv_err e;

	arena_init(&a, 0);
	unit_tmp_new(&t);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_ok(file_replace(t.fd, ID ".json", 0600, texts[i], strlen(texts[i]), false, &e), &e);
		assert_fails(upload_read_info(&a, t.fd, ID, &info, &e), INVALID);
	}
	unit_tmp_done(&t);
}

/* --- the cache --- */

static struct route route_of(const char *repo, const char *tag)
{
	struct route r = { .kind = ROUTE_MANIFEST };

	memcpy(r.name, repo, strlen(repo) + 1);
	memcpy(r.tag, tag, strlen(tag) + 1);
	return r;
}

static void test_cache(void **state)
{
	struct cache *c = cache_new(4, 1000);
	struct db_generation one = { true, { 1 } }, two = { true, { 2 } }, broken = { 0 };
	struct meta_manifest m = { .media_type = "a/b", .size = 4 };
	struct route a = route_of("a", "v1"), b = route_of("b", "v1");

	digest_of(DIGEST_SHA256, "body", 4, &m.digest);
	assert_null(cache_get(c, &one, &a));
	cache_put(c, &one, &a, &m, "body");
	assert_non_null(cache_get(c, &one, &a));
	assert_memory_equal(cache_get(c, &one, &a)->body, "body", 4);
	assert_null(cache_get(c, &one, &b));
	/* what was read before somebody wrote is not kept */
	assert_null(cache_get(c, &two, &a));
	cache_put(c, &one, &a, &m, "body");
	assert_null(cache_get(c, &two, &a));
	cache_put(c, &broken, &a, &m, "body");
	assert_int_equal(cache_len(c), 0);
	/* bounded by entries and by bytes, and by the size of each */
	for (int i = 0; i < 100; i++) {
		char tag[8];

		(void)snprintf(tag, sizeof tag, "t%d", i);
		a = route_of("a", tag);
		cache_put(c, &two, &a, &m, "body");
		assert_true(cache_len(c) <= 4);
		assert_non_null(cache_get(c, &two, &a));
	}
	m.size = CACHE_BODY_MAX + 1;
	cache_put(c, &two, &b, &m, "x");
	assert_null(cache_get(c, &two, &b));
	cache_free(c);
}

/* --- figures and lines --- */

static void test_metrics(void **state)
{
	struct metrics *m = mem_new(struct metrics);
	struct http_request r = { .method = HTTP_GET, .method_name = "GET", .path = "/v2/" };
	struct http_log_entry en = { .request = &r, .status = 200, .body_bytes = 7, .usec = 700, .complete = true };
	struct metrics_now now = { .uploads = 3 };
	auto_buf struct buf b = BUF_INIT(1 << 20);

	metrics_count(m, &en, ROUTE_BLOB);
	en.usec = 70000000;
	metrics_count(m, &en, ROUTE_BLOB);
	metrics_write(&b, m, &now);
	static const char *const lines[] = {
		"davit_registry_requests_total{route=\"blob\",method=\"GET\",code=\"2xx\"} 2\n",
		"davit_registry_sent_bytes_total{route=\"blob\"} 14\n",
		"davit_registry_request_duration_seconds_bucket{route=\"blob\",le=\"0.0005\"} 0\n",
		"davit_registry_request_duration_seconds_bucket{route=\"blob\",le=\"0.001\"} 1\n",
		"davit_registry_request_duration_seconds_bucket{route=\"blob\",le=\"60\"} 1\n",
		"davit_registry_request_duration_seconds_bucket{route=\"blob\",le=\"+Inf\"} 2\n",
		"davit_registry_request_duration_seconds_count{route=\"blob\"} 2\n",
		"davit_registry_uploads 3\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		assert_non_null(strstr(buf_cstr(&b), lines[i]));
	free(m);
}

static void test_lines(void **state)
{
	struct http_header agent = { "user-agent", "a\"b\\c" };
	struct http_request r = { .method = HTTP_GET, .method_name = "GET", .path = "/v2/\"", .headers = &agent, .n_headers = 1,
				  .peer = { .family = AF_INET, .ip = { 127, 0, 0, 1 } } };
	struct http_log_entry en = { .request = &r, .status = 404, .body_bytes = 7, .usec = 1234, .complete = false };
	auto_buf struct buf text = BUF_INIT(4096), json = BUF_INIT(4096);
	auto_arena struct arena a;
	struct json *j = NULL;

	arena_init(&a, 0);
	access_line(&text, &en, 0, false);
	assert_string_equal(buf_cstr(&text), "1970-01-01T00:00:00Z 127.0.0.1 GET \"/v2/\\x22\" 404 7 1.234ms "
					     "\"a\\x22b\\x5cc\" cut\n");
	access_line(&json, &en, 0, true);
	assert_int_equal(json_parse(&a, buf_cstr(&json), json.len, &j, NULL), 0);
	assert_string_equal(json_str(json_get(j, "agent")), "a\"b\\c");
	assert_int_equal(json_bool(json_get(j, "complete")), false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chunks), cmocka_unit_test(test_stream),  cmocka_unit_test(test_bad_info),
		cmocka_unit_test(test_cache),  cmocka_unit_test(test_metrics), cmocka_unit_test(test_lines),
	};

	return unit_run(tests);
}
