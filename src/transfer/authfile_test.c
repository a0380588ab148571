#include <errno.h>

#include "base/fault.h"
#include "base/str.h"
#include "base/unit.h"
#include "transfer/authfile.h"

static struct unit_tmp tmp;
static char *file;

static void write_file(const char *name, mode_t mode, const char *text)
{
	struct dv_err e;

	assert_ok(file_replace(tmp.fd, name, mode, text, strlen(text), false, &e), &e);
}

/* What is known for a name, as one word: "user:password", "<token>", "-". */
static void expect_cred(const struct auth_places *p, const char *name, const char *want)
{
	auto_cred struct auth_cred c = { 0 };
	auto_buf struct buf got = BUF_INIT(1000);
	struct dv_err e;
	int rc = auth_lookup(p, name, &c, &e);

	if (rc < 0)
		buf_str(&got, dv_kind_name(e.kind));
	else if (rc == 0)
		buf_str(&got, "-");
	else if (c.token)
		buf_printf(&got, "<%s>", c.token);
	else
		buf_printf(&got, "%s:%s", c.user, c.password);
	if (!streq(buf_cstr(&got), want))
		fail_msg("%s: %s instead of %s", name, buf_cstr(&got), want);
}

static void test_selection(void **state)
{
	const struct auth_places p = { .file = file };

	write_file("auth.json", 0600, "{\"auths\":{"
		   "\"h.example\":{\"auth\":\"aG9zdDpw\"},"                      /* host:p */
		   "\"h.example/a\":{\"auth\":\"YTpwOng=\"},"                    /* a:p:x */
		   "\"h.example/a/b\":{\"auth\":\"Yjpw\"},"                      /* b:p */
		   "\"h.example:5000\":{\"username\":\"u\",\"password\":\"v\"},"
		   "\"https://old.example/v1/\":{\"auth\":\"b2xkOnA=\"},"        /* old:p */
		   "\"https://index.docker.io/v1/\":{\"auth\":\"ZG9jOnA=\"},"   /* allow(url): docker's key */
		   "\"t.example\":{\"auth\":\"dTo=\",\"identitytoken\":\"tok\"},"
		   "\"empty.example\":{},"
		   "\"bad.example\":{\"auth\":\"!!\"},"
		   "\"nocolon.example\":{\"auth\":\"aG9zdA==\"}}}");
	expect_cred(&p, "h.example", "host:p");
	expect_cred(&p, "h.example/x", "host:p");
	expect_cred(&p, "h.example/a", "a:p:x");
	expect_cred(&p, "h.example/a/c/d", "a:p:x");
	expect_cred(&p, "h.example/a/b", "b:p");
	expect_cred(&p, "h.example/a/bc", "a:p:x");
	expect_cred(&p, "h.example:5000/a", "u:v");
	expect_cred(&p, "h.example:5001/a", "-");
	expect_cred(&p, "example", "-");
	expect_cred(&p, "old.example/x", "old:p");
	expect_cred(&p, "docker.io/library/busybox", "doc:p");
	expect_cred(&p, "t.example/x", "<tok>");
	expect_cred(&p, "empty.example/x", "-");
	expect_cred(&p, "bad.example/x", "INVALID");
	expect_cred(&p, "nocolon.example/x", "INVALID");
}

static void test_broken_files(void **state)
{
	const struct auth_places p = { .file = file };

	write_file("auth.json", 0600, "");
	expect_cred(&p, "h.example", "-");
	write_file("auth.json", 0600, "{\"auths\":");
	expect_cred(&p, "h.example", "INVALID");
	write_file("auth.json", 0600, "[]");
	expect_cred(&p, "h.example", "INVALID");
	write_file("auth.json", 0600, "{\"auths\":[]}");
	expect_cred(&p, "h.example", "-");
	assert_int_equal(unlinkat(tmp.fd, "auth.json", 0), 0);
	expect_cred(&p, "h.example", "-");
}

static void test_places(void **state)
{
	const struct auth_places p = { 0 };
	auto_free char *other = mem_printf("%s/other.json", tmp.path);
	struct dv_err e;

	assert_ok(file_mkdirs(tmp.fd, "run/containers", 0700, NULL, &e), &e);
	assert_ok(file_mkdirs(tmp.fd, ".docker", 0700, NULL, &e), &e);
	assert_ok(file_mkdirs(tmp.fd, ".config/containers", 0700, NULL, &e), &e);
	write_file("run/containers/auth.json", 0600, "{\"auths\":{\"a.example\":{\"auth\":\"cnVuOnA=\"}}}");
	write_file(".config/containers/auth.json", 0600,
		   "{\"auths\":{\"a.example\":{\"auth\":\"Y2ZnOnA=\"},\"b.example\":{\"auth\":\"Y2ZnOnA=\"}}}");
	write_file(".docker/config.json", 0600,
		   "{\"auths\":{\"b.example\":{\"auth\":\"ZG9jOnA=\"},\"c.example\":{\"auth\":\"ZG9jOnA=\"}}}");
	write_file("other.json", 0600, "{\"auths\":{\"d.example\":{\"auth\":\"b3RoOnA=\"}}}");
	auto_free char *run = mem_printf("%s/run", tmp.path);
	assert_int_equal(setenv("HOME", tmp.path, 1) | setenv("XDG_RUNTIME_DIR", run, 1), 0);
	expect_cred(&p, "a.example/x", "run:p");
	expect_cred(&p, "b.example/x", "cfg:p");
	expect_cred(&p, "c.example/x", "doc:p");
	expect_cred(&p, "d.example/x", "-");
	assert_int_equal(setenv("REGISTRY_AUTH_FILE", other, 1), 0);
	expect_cred(&p, "d.example/x", "oth:p");
	expect_cred(&p, "a.example/x", "-");
	(void)unsetenv("REGISTRY_AUTH_FILE");
}

/* A helper that knows store.example and what was stored, and writes to stderr too. */
static const char helper[] =
	"#!/bin/sh\n"
	"echo chatter >&2\n"
	"read -r line || [ -n \"$line\" ]\n"
	"case $1 in\n"
	"get) case $line in\n"
	"  store.example) echo '{\"ServerURL\":\"x\",\"Username\":\"kept\",\"Secret\":\"safe\"}' ;;\n"
	"  token.example) echo '{\"Username\":\"<token>\",\"Secret\":\"tok\"}' ;;\n"
	"  broken.example) echo 'safe is not JSON' ;;\n"
	"  fails.example) echo 'the vault is closed'; exit 2 ;;\n"
	"  *) echo 'credentials not found in native keychain'; exit 1 ;;\n"
	"  esac ;;\n"
	"*) printf '%s %s\\n' \"$1\" \"$line\" >>\"${0%/*}/log\" ;;\n"
	"esac\n";

static void expect_log(const char *want)
{
	auto_buf struct buf b = BUF_INIT(10000);
	struct dv_err e;

	assert_ok(file_read(tmp.fd, "log", &b, &e), &e);
	assert_string_equal(buf_cstr(&b), want);
	assert_int_equal(unlinkat(tmp.fd, "log", 0), 0);
}

static void test_helpers(void **state)
{
	const struct auth_places p = { .file = file }, global = { .file = file, .helpers = (const char *const[]){
		"test", "containers-auth.json", NULL } };
	auto_free char *path = mem_printf("%s:%s", tmp.path, getenv("PATH"));
	auto_cred struct auth_cred c = { 0 };
	struct dv_err e;

	write_file("docker-credential-test", 0755, helper);
	assert_int_equal(setenv("PATH", path, 1), 0);
	write_file("auth.json", 0600, "{\"credHelpers\":{\"store.example\":\"test\",\"token.example\":\"test\",\"none.example\":"
		   "\"test\",\"broken.example\":\"test\",\"fails.example\":\"test\",\"path.example\":\"../x\",\"absent.example\":"
		   "\"absent\"},\"auths\":{\"none.example\":{\"auth\":\"YTpi\"}}}");
	expect_cred(&p, "store.example/x/y", "kept:safe");
	expect_cred(&p, "token.example", "<tok>");
	expect_cred(&p, "none.example", "a:b");
	expect_cred(&p, "broken.example", "INVALID");
	expect_cred(&p, "path.example", "INVALID");
	expect_cred(&p, "absent.example", "NOT_FOUND");
	assert_fails(auth_lookup(&p, "fails.example", &c, &e), UNAVAILABLE);
	assert_non_null(strstr(e.msg, "the vault is closed"));
	assert_ok(auth_store(&p, "store.example", "u", "p", &e), &e);
	expect_log("store {\"ServerURL\":\"store.example\",\"Username\":\"u\",\"Secret\":\"p\"}\n");
	assert_ok(auth_erase(&p, "store.example", &e), &e);
	expect_log("erase store.example\n");
	write_file("auth.json", 0600, "{\"credsStore\":\"test\"}");
	expect_cred(&p, "store.example/x", "kept:safe");
	expect_cred(&p, "none.example/x", "-");
	write_file("auth.json", 0600, "{}");
	expect_cred(&p, "store.example/x", "-");
	expect_cred(&global, "store.example/x", "kept:safe");
}

static void test_store(void **state)
{
	const struct auth_places p = { .file = file };
	auto_buf struct buf b = BUF_INIT(10000);
	struct dv_err e;
	struct stat st;

	write_file("auth.json", 0644, "{\"HttpHeaders\":{\"a\":\"b\"},\"auths\":{\"x.example\":{\"auth\":\"YTpi\",\"email\":\"m\"}}}");
	assert_ok(auth_store(&p, "new.example:5000", "us\xc3\xa9r", "p:w d", &e), &e);
	assert_ok(auth_store(&p, "x.example/ns", "n", "s", &e), &e);
	expect_cred(&p, "new.example:5000/x", "us\xc3\xa9r:p:w d");
	expect_cred(&p, "x.example/ns/y", "n:s");
	expect_cred(&p, "x.example/z", "a:b");
	assert_int_equal(fstatat(tmp.fd, "auth.json", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_ok(auth_erase(&p, "new.example:5000", &e), &e);
	assert_fails(auth_erase(&p, "new.example:5000", &e), NOT_FOUND);
	expect_cred(&p, "new.example:5000", "-");
	assert_ok(auth_erase_all(&p, &e), &e);
	expect_cred(&p, "x.example/ns/y", "-");
	assert_ok(file_read(tmp.fd, "auth.json", &b, &e), &e);
	assert_non_null(strstr(buf_cstr(&b), "HttpHeaders"));
}

static void test_store_new(void **state)
{
	auto_free char *deep = mem_printf("%s/not/yet/auth.json", tmp.path);
	const struct auth_places p = { .file = deep };
	struct dv_err e;
	struct stat st;

	assert_ok(auth_store(&p, "https://a.example/v1/", "u", "p", &e), &e);
	expect_cred(&p, "a.example/x", "u:p");
	assert_int_equal(fstatat(tmp.fd, "not/yet", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

/* A link in the file's place: neither it nor what it leads to is touched. */
static void test_link(void **state)
{
	auto_free char *link = mem_printf("%s/link.json", tmp.path);
	const struct auth_places p = { .file = link };
	auto_buf struct buf b = BUF_INIT(1000);
	struct dv_err e;

	write_file("victim", 0644, "{}");
	assert_int_equal(symlinkat("victim", tmp.fd, "link.json"), 0);
	assert_fails(auth_store(&p, "a.example", "u", "p", &e), FORBIDDEN);
	assert_ok(file_read(tmp.fd, "victim", &b, &e), &e);
	assert_string_equal(buf_cstr(&b), "{}");
}

#ifdef DV_FAULTS
/* Whatever fails on the way: what was there stays readable, and no descriptor is left. */
static void test_store_faults(void **state)
{
	const struct auth_places p = { .file = file };
	int fds = unit_fd_count();
	unsigned failures = 0;

	for (unsigned n = 1; n < 100; n++) {
		struct dv_err e;
		int rc;

		write_file("auth.json", 0600, "{\"auths\":{\"h.example\":{\"auth\":\"aG9zdDpw\"}}}");
		fault_at(n, ENOSPC);
		rc = auth_store(&p, "new.example", "u", "p", &e);
		fault_at(0, 0);
		assert_int_equal(unit_fd_count(), fds);
		expect_cred(&p, "h.example", "host:p");
		if (rc == 0)
			break;
		failures++;
		assert_true(e.msg[0] && !strstr(e.msg, "dTpw"));
	}
	assert_true(failures > 3 && failures < 90);
	expect_cred(&p, "new.example", "u:p");
}
#endif

static int start(void **state)
{
	unit_tmp_new(&tmp);
	file = mem_printf("%s/auth.json", tmp.path);
	(void)unsetenv("REGISTRY_AUTH_FILE");
	(void)unsetenv("XDG_CONFIG_HOME");
	(void)unsetenv("DOCKER_CONFIG");
	return 0;
}

static int end(void **state)
{
	free(file);
	unit_tmp_done(&tmp);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_selection),
		cmocka_unit_test(test_broken_files),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_helpers),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_store_new),
		cmocka_unit_test(test_link),
#ifdef DV_FAULTS
		cmocka_unit_test(test_store_faults),
#endif
	};

	return cmocka_run_group_tests(tests, start, end);
}
