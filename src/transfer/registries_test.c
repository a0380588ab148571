#include "base/str.h"
#include "base/unit.h"
#include "transfer/registries.h"

static struct unit_tmp tmp;

static void write_file(const char *name, const char *text)
{
	struct dv_err e;

	assert_ok(file_replace(tmp.fd, name, 0644, text, strlen(text), false, &e), &e);
}

static struct registries *load(const char *text)
{
	struct registries *rs;
	struct dv_err e;
	auto_free char *path = mem_printf("%s/only.conf", tmp.path);

	write_file("only.conf", text);
	assert_ok(registries_load(path, &rs, &e), &e);
	return rs;
}

/* --- where names lead --- */

static const char conf[] =
	"unqualified-search-registries = ['one.example', 'docker.io']\n"
	"[[registry]]\nprefix = 'example.com/foo'\nlocation = 'internal.example/bar/'\ninsecure = true\n"
	"[[registry]]\nlocation = 'example.com'\n"
	"[[registry.mirror]]\nlocation = 'mirror.example/all'\ninsecure = true\n"
	"[[registry.mirror]]\nlocation = 'mirror.example/digests'\npull-from-mirror = 'digest-only'\n"
	"[[registry.mirror]]\nlocation = 'mirror.example/tags'\npull-from-mirror = 'tag-only'\n"
	"[[registry]]\nlocation = 'old.example:5000'\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = 'm.example'\n"
	"[[registry]]\nprefix = '*.wild.example'\nblocked = true\n"
	"[[registry]]\nprefix = '*.moved.example'\nlocation = 'new.example/place'\n"
	"[[registry]]\nprefix = 'ok.wild.example'\nlocation = 'ok.wild.example'\n"
	"[[registry]]\nprefix = 'h.example/a/b'\nlocation = 'x.example'\n"
	"[[registry]]\nprefix = 'h.example/a'\nlocation = 'y.example/sub'\n";

/* "NAME[!] USE" for each source; ! is insecure */
static const struct { const char *name, *want; } sources[] = {
	{ "nowhere.example/a", "nowhere.example/a 0;" },
	{ "example.com/foo/x", "internal.example/bar/x! 0;" },
	{ "example.com/foo", "internal.example/bar! 0;" },
	{ "example.com/foobar", "mirror.example/all/foobar! 0;mirror.example/digests/foobar 1;mirror.example/tags/foobar 2;"
	  "example.com/foobar 0;" },
	{ "example.com:5000/foo", "mirror.example/all:5000/foo" },
	{ "xexample.com/foo", "xexample.com/foo 0;" },
	{ "old.example:5000/a/b", "m.example/a/b 1;old.example:5000/a/b 0;" },
	{ "old.example:50001/a", "old.example:50001/a 0;" },
	{ "ok.wild.example/x", "ok.wild.example/x 0;" },
	{ "wild.example/x", "wild.example/x 0;" },
	{ "a.b.moved.example/x/y", "new.example/place/x/y 0;" },
	{ "moved.example/x", "moved.example/x 0;" },
	{ "other.example/a.moved.example/x", "other.example/a.moved.example/x 0;" },
	{ "h.example/a/b/c", "x.example/c 0;" },
	{ "h.example/a/bc", "y.example/sub/bc 0;" },
};

static void test_sources(void **state)
{
	struct registries *rs = load(conf);

	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		auto_arena struct arena a;
		auto_buf struct buf got = BUF_INIT(10000);
		struct registry_sources s;
		struct dv_err e;

		arena_init(&a, 0);
		if (registries_sources(rs, sources[i].name, &a, &s, &e) < 0) {
			/* a prefix without port in front of a name with one: what comes out is no name */
			assert_true(streq(sources[i].name, "example.com:5000/foo") && e.kind == DV_INVALID);
			continue;
		}
		for (size_t k = 0; k < s.n; k++) {
			buf_printf(&got, "%s%s %d;", s.v[k].name, s.v[k].insecure ? "!" : "", (int)s.v[k].use);
			assert_int_equal(s.v[k].mirror, k + 1 < s.n);
		}
		assert_string_equal(buf_cstr(&got), sources[i].want);
	}
	registries_free(rs);
}

static void test_blocked_and_target(void **state)
{
	struct registries *rs = load(conf);
	auto_arena struct arena a;
	struct registry_sources s;
	struct registry_source t;
	struct dv_err e;

	arena_init(&a, 0);
	assert_fails(registries_sources(rs, "a.wild.example/x", &a, &s, &e), FORBIDDEN);
	assert_non_null(strstr(e.msg, "*.wild.example is blocked in "));
	assert_fails(registries_target(rs, "a.wild.example/x", &a, &t, &e), FORBIDDEN);
	/* a push goes where the name says */
	assert_ok(registries_target(rs, "example.com/foo/x", &a, &t, &e), &e);
	assert_string_equal(t.name, "example.com/foo/x");
	assert_true(t.insecure);
	registries_free(rs);
}

/* --- short names --- */

static void resolve(const struct registries *rs, const char *text, const char *want)
{
	auto_arena struct arena a;
	auto_buf struct buf got = BUF_INIT(10000);
	struct image_name *v;
	struct dv_err e;
	size_t n;

	arena_init(&a, 0);
	if (registries_resolve(rs, text, &a, &v, &n, &e) < 0)
		buf_str(&got, dv_kind_name(e.kind));
	else
		for (size_t i = 0; i < n; i++)
			buf_printf(&got, "%s;", image_name_text(&a, &v[i]));
	assert_string_equal(buf_cstr(&got), want);
}

static void test_short_names(void **state)
{
	static const char aliases[] = "[aliases]\n'fedora' = 'registry.example/fedora'\n'a/b' = 'x.example/c'\n'gone' = ''\n";
	struct registries *rs = load(aliases);

	resolve(rs, "busybox", "docker.io/library/busybox:latest;");
	resolve(rs, "fedora", "registry.example/fedora:latest;");
	resolve(rs, "fedora:36", "registry.example/fedora:36;");
	resolve(rs, "a/b:1", "x.example/c:1;");
	resolve(rs, "localhost/fedora", "localhost/fedora:latest;");
	resolve(rs, "host.example/fedora", "host.example/fedora:latest;");
	resolve(rs, "gone", "docker.io/library/gone:latest;");
	resolve(rs, "UPPER", "INVALID");
	registries_free(rs);
	rs = load(conf);
	resolve(rs, "web:1", "one.example/web:1;docker.io/library/web:1;");
	resolve(rs, "h:5000/web:1", "h:5000/web:1;");
	registries_free(rs);
	rs = load("unqualified-search-registries = ['a.example', 'b.example']\nshort-name-mode = 'enforcing'\n[aliases]\n'x' = 'c.example/x'");
	resolve(rs, "web", "INVALID");
	resolve(rs, "x", "c.example/x:latest;");
	registries_free(rs);
	rs = load("unqualified-search-registries = ['a.example']\nshort-name-mode = 'enforcing'\n");
	resolve(rs, "web", "a.example/web:latest;");
	registries_free(rs);
}

/* --- files --- */

static void test_files_override(void **state)
{
	struct registries *rs;
	auto_free char *main_file = mem_printf("%s/main.conf", tmp.path), *dir = mem_printf("%s/conf.d", tmp.path);
	auto_arena struct arena a;
	struct registry_sources s;
	struct dv_err e;

	arena_init(&a, 0);
	assert_ok(file_mkdirs(tmp.fd, "conf.d", 0755, NULL, &e), &e);
	write_file("main.conf", "unqualified-search-registries = ['a.example']\ncredential-helpers = ['one']\n"
				"[[registry]]\nlocation = 'r.example'\n[aliases]\nx = 'a.example/x'\ny = 'a.example/y'\n");
	write_file("conf.d/10.conf", "unqualified-search-registries = ['b.example']\n[aliases]\nx = 'b.example/x'\ny = ''\n");
	write_file("conf.d/20.conf", "[[registry]]\nlocation = 'r.example'\ninsecure = true\n");
	write_file("conf.d/ignored", "not = [toml");
	assert_int_equal(setenv("CONTAINERS_REGISTRIES_CONF", main_file, 1), 0);
	assert_int_equal(setenv("CONTAINERS_REGISTRIES_CONF_DIR", dir, 1), 0);
	assert_ok(registries_load(NULL, &rs, &e), &e);
	resolve(rs, "x", "b.example/x:latest;");
	resolve(rs, "y", "b.example/y:latest;");
	assert_ok(registries_sources(rs, "r.example/z", &a, &s, &e), &e);
	assert_true(s.n == 1 && s.v[0].insecure);
	assert_string_equal(registries_helpers(rs)[0], "one");
	registries_free(rs);
	/* a file that was named has to be there */
	assert_int_equal(setenv("CONTAINERS_REGISTRIES_CONF", "/nonexistent/x.conf", 1), 0);
	assert_fails(registries_load(NULL, &rs, &e), NOT_FOUND);
	(void)unsetenv("CONTAINERS_REGISTRIES_CONF");
	(void)unsetenv("CONTAINERS_REGISTRIES_CONF_DIR");
}

static void test_bad_files(void **state)
{
	static const struct { const char *text, *want; } bad[] = {
		{ "[[registry]]\ninsecure = true", "neither prefix nor location" },
		{ "[[registry]]\nprefix = 'a.example'", "has no location" },
		{ "[[registry]]\nlocation = 'http://a.example'", "must not have a scheme" },
		{ "[[registry]]\nlocation = 'a.example'\n[[registry.mirror]]\ninsecure = true", "a mirror has no location" },
		{ "[[registry]]\nlocation = 'a.example'\n[[registry.mirror]]\nlocation='b'\npull-from-mirror='never'", "neither all" },
		{ "[[registry]]\nlocation = 'a.example'\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation='b'\n"
		  "pull-from-mirror='all'", "exclude each other" },
		{ "short-name-mode = 'x'", "neither enforcing" },
		{ "[registries.search]\nregistries = ['docker.io']", "version 1" },
		{ "[[registry]]\ninsecure = 'yes'", "insecure" },
		{ "[[registry]", "line 1" },
	};
	auto_free char *path = mem_printf("%s/only.conf", tmp.path);

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct registries *rs;
		struct dv_err e;

		write_file("only.conf", bad[i].text);
		assert_fails(registries_load(path, &rs, &e), INVALID);
		if (!strstr(e.msg, bad[i].want) || !str_starts(e.msg, path))
			fail_msg("%s: %s", bad[i].text, e.msg);
	}
}

static int start(void **state)
{
	unit_tmp_new(&tmp);
	return 0;
}

static int end(void **state)
{
	unit_tmp_done(&tmp);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_blocked_and_target),
		cmocka_unit_test(test_short_names),
		cmocka_unit_test(test_files_override),
		cmocka_unit_test(test_bad_files),
	};

	return cmocka_run_group_tests(tests, start, end);
}
