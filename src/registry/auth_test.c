/* auth_test.c - rules, patterns, passwords, tokens, and what a request's credentials amount to. */
#include <crypt.h>

#include "base/base64.h"
#include "base/str.h"
#include "base/unit.h"
#include "registry/auth.h"
#include "registry/htpasswd.h"
#include "registry/token.h"

static void test_match(void **state)
{
	static const struct { const char *pattern, *name; bool want; } cases[] = {
		{ "a", "a", true },          { "a", "b", false },         { "*", "a", true },
		{ "*", "a/b", false },       { "**", "a/b/c", true },     { "a/*", "a/b", true },
		{ "a/*", "a/b/c", false },   { "a/**", "a/b/c", true },   { "a/**", "b/c", false },
		{ "*/b", "a/b", true },      { "**/b", "x/y/b", true },   { "a*c", "abbc", true },
		{ "a*c", "abb", false },     { "**x*y", "a/x/xzy", true },{ "**x*y", "a/x/y", false },
		{ "", "", true },            { "", "a", false },          { "a/**", "a", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("# %s %s\n", cases[i].pattern, cases[i].name);
		assert_int_equal(rules_match(cases[i].pattern, cases[i].name), cases[i].want);
	}
}

static const char rules_text[] =
	"groups:\n  ops: [alice, bob]\n"
	"rules:\n"
	"- repositories: ['public/**']\n  anonymous: true\n  actions: [pull]\n"
	"- repositories: ['team/*', tools]\n  users: [carol]\n  groups: [ops]\n  actions: [pull, push, delete]\n"
	"- repositories: ['shared/*']\n  users: ['*']\n  actions: [pull]\n";

static void test_rules(void **state)
{
	static const struct { const char *user, *repo; unsigned want; } cases[] = {
		{ NULL, "public/a/b", ACTION_PULL },  { "x", "public/a", ACTION_PULL },
		{ NULL, "team/a", 0 },                { "x", "team/a", 0 },
		{ "carol", "team/a", ACTION_ALL },    { "bob", "tools", ACTION_ALL },
		{ "bob", "team/a/b", 0 },             { NULL, "shared/a", 0 },
		{ "x", "shared/a", ACTION_PULL },
	};
	struct rules *r = NULL;
	struct dv_err e = DV_ERR_NONE;

	assert_ok(rules_parse(rules_text, sizeof rules_text - 1, &r, &e), &e);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(rules_actions(r, cases[i].user, cases[i].repo), cases[i].want);
	rules_free(r);
	assert_int_equal(rules_actions(NULL, "x", "a"), ACTION_ALL);
	assert_int_equal(rules_actions(NULL, NULL, "a"), 0);
}

static void test_bad_rules(void **state)
{
	static const char *const texts[] = {
		"", "[]", "rules: 1", "rules: [{repositories: [a]}]", "rules: [{actions: [pull]}]",
		"rules: [{repositories: [a], actions: [fly]}]", "rules: [{repositories: [a], actions: [pull], groups: [none]}]",
		"groups: []\nrules: []", "rules: [",
	};
	struct dv_err e;
	struct rules *r = NULL;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		e = DV_ERR_NONE;
		assert_fails(rules_parse(texts[i], strlen(texts[i]), &r, &e), INVALID);
		assert_true(*e.msg);
	}
	assert_null(r);
}

/* "alice:HASH" for the password "secret", with the lowest cost. */
static const char *line_of(struct arena *a, const char *user, const char *password)
{
	struct crypt_data data = { 0 };

	return arena_printf(a, "%s:%s\n", user, crypt_rn(password, "$2y$04$abcdefghijklmnopqrstuu", &data, sizeof data));
}

static void test_htpasswd(void **state)
{
	auto_arena struct arena a;
	struct htpasswd *h = NULL;
	struct dv_err e = DV_ERR_NONE;

	arena_init(&a, 0);
	const char *text = arena_printf(&a, "# users\n%s\r\n%s", line_of(&a, "alice", "secret"), line_of(&a, "bob", "x:y"));
	assert_ok(htpasswd_parse(text, strlen(text), &h, &e), &e);
	assert_int_equal(htpasswd_len(h), 2);
	assert_true(htpasswd_verify(h, "alice", "secret"));
	assert_true(htpasswd_verify(h, "bob", "x:y"));
	assert_false(htpasswd_verify(h, "alice", "Secret"));
	assert_false(htpasswd_verify(h, "alice", ""));
	assert_false(htpasswd_verify(h, "bob", "secret"));
	assert_false(htpasswd_verify(h, "carol", "secret"));
	htpasswd_free(h);
}

static void test_bad_htpasswd(void **state)
{
	static const char *const texts[] = {
		"alice", "alice:secret", ":x", "alice:$apr1$x$y", "alice:{SHA}abc", "alice:$2y$04$short",
		"alice:$2y$31$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzabcde",
		"alice:$2y$04$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz!!!!!",
	};
	struct htpasswd *h = NULL;
	struct dv_err e;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_fails(htpasswd_parse(texts[i], strlen(texts[i]), &h, &e), INVALID);
	assert_null(h);
}

/* --- tokens --- */

static void test_token(void **state)
{
	struct token_grant grants[] = { { "a/b", ACTION_PULL | ACTION_PUSH }, { "", ACTION_PULL } };
	struct token t = { "alice", 1000, 1300, grants, 2 }, got = { 0 };
	struct token_key *k = NULL, *again = NULL, *other = NULL;
	struct unit_tmp tmp, tmp2;
	struct dv_err e = DV_ERR_NONE;
	const char *text = NULL;
	auto_arena struct arena a;

	arena_init(&a, 0);
	unit_tmp_new(&tmp);
	unit_tmp_new(&tmp2);
	assert_ok(token_key_open(tmp.fd, &k, &e), &e);
	assert_ok(token_key_open(tmp.fd, &again, &e), &e);
	assert_ok(token_key_open(tmp2.fd, &other, &e), &e);
	assert_ok(token_sign(k, &a, &t, &text, &e), &e);
	assert_ok(token_verify(again, &a, text, 1100, &got, &e), &e);
	assert_string_equal(got.user, "alice");
	assert_int_equal(got.expires, 1300);
	assert_int_equal(token_actions(&got, "a/b"), ACTION_PULL | ACTION_PUSH);
	assert_int_equal(token_actions(&got, "a"), 0);
	assert_int_equal(token_actions(&got, ""), ACTION_PULL);
	assert_fails(token_verify(other, &a, text, 1100, &got, &e), FORBIDDEN);
	assert_fails(token_verify(k, &a, text, 1300, &got, &e), FORBIDDEN);
	assert_fails(token_verify(k, &a, text, 900, &got, &e), FORBIDDEN);
	/* every single character counts */
	for (size_t i = 0; i < strlen(text); i++) {
		char *bad = arena_str(&a, text);

		bad[i] = bad[i] == 'A' ? 'B' : 'A';
		assert_fails(token_verify(k, &a, bad, 1100, &got, &e), FORBIDDEN);
	}
	token_key_free(k);
	token_key_free(again);
	token_key_free(other);
	unit_tmp_done(&tmp);
	unit_tmp_done(&tmp2);
}

static void test_bad_tokens(void **state)
{
	static const char *const texts[] = {
		"", ".", "..", "a.b.c", "...", "e30.e30.",
		/* {"alg":"none"} and {"alg":"HS256"}, with claims that would do */
		"eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
	};
	struct token got = { 0 };
	struct token_key *k = NULL;
	struct unit_tmp tmp;
	struct dv_err e = DV_ERR_NONE;
	auto_arena struct arena a;

	arena_init(&a, 0);
	unit_tmp_new(&tmp);
	assert_ok(token_key_open(tmp.fd, &k, &e), &e);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_fails(token_verify(k, &a, texts[i], 0, &got, &e), FORBIDDEN);
	token_key_free(k);
	assert_ok(file_replace(tmp.fd, "token.key", 0600, "x", 1, false, &e), &e);
	assert_fails(token_key_open(tmp.fd, &k, &e), INVALID);
	unit_tmp_done(&tmp);
}

static void test_scopes(void **state)
{
	static const struct { const char *text; bool ok; const char *repo; unsigned actions; } cases[] = {
		{ "repository:a/b:pull,push", true, "a/b", ACTION_PULL | ACTION_PUSH },
		{ "repository:a:*", true, "a", ACTION_ALL },
		{ "repository:a:fly", true, "a", 0 },
		{ "registry:catalog:*", true, "", ACTION_PULL },
		{ "repository:a", false, NULL, 0 },
		{ "repository::pull", false, NULL, 0 },
		{ "repository:A:pull", false, NULL, 0 },
		{ "repository:localhost:5000/a:pull", false, NULL, 0 },
		{ "", false, NULL, 0 },
	};
	auto_arena struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct token_grant g;

		assert_int_equal(token_scope_parse(&a, cases[i].text, &g), cases[i].ok);
		if (!cases[i].ok)
			continue;
		assert_string_equal(g.repo, cases[i].repo);
		assert_int_equal(g.actions, cases[i].actions);
	}
}

/* --- requests --- */

static struct http_request request_with(struct arena *a, const char *user, const char *password)
{
	auto_buf struct buf b = BUF_INIT(1024);
	const char *text = arena_printf(a, "%s:%s", user, password);
	struct http_header *h = arena_array(a, struct http_header, 1);

	base64_encode(&b, text, strlen(text));
	*h = (struct http_header){ "authorization", arena_printf(a, "Basic %s", buf_cstr(&b)) };
	return (struct http_request){ .headers = h, .n_headers = 1, .scheme = "http", .authority = "h:5", .query = NULL };
}

static void write_users(struct unit_tmp *tmp, const char *text)
{
	struct dv_err e = DV_ERR_NONE;

	assert_ok(file_replace(tmp->fd, "users", 0600, text, strlen(text), false, &e), &e);
}

static void test_identify(void **state)
{
	auto_arena struct arena a;
	struct unit_tmp tmp;
	struct auth *auth = NULL;
	struct auth_check *check = NULL;
	struct auth_who w;
	struct dv_err e = DV_ERR_NONE;

	arena_init(&a, 0);
	unit_tmp_new(&tmp);
	write_users(&tmp, line_of(&a, "alice", "secret"));
	struct auth_options o = { .mode = AUTH_HTPASSWD, .htpasswd_file = arena_printf(&a, "%s/users", tmp.path) };
	assert_ok(auth_new(&o, tmp.fd, &auth, &e), &e);
	struct http_request good = request_with(&a, "alice", "secret"), bad = request_with(&a, "alice", "x");
	struct http_request none = { .scheme = "http", .authority = "h:5" };
	assert_int_equal(auth_identify(auth, &a, &none, false, &w, &check), AUTH_KNOWN);
	assert_null(w.user);
	assert_int_equal(auth_actions(auth, &w, "a"), 0);
	assert_non_null(strstr(auth_challenge(auth, &a, &none, &w, "a", ACTION_PULL), "Basic realm="));
	for (int i = 0; i < 2; i++) {   /* a wrong password is never known */
		assert_int_equal(auth_identify(auth, &a, &bad, false, &w, &check), AUTH_VERIFY);
		assert_false(auth_verify(check));
		auth_verified(auth, check, false);
	}
	assert_int_equal(auth_identify(auth, &a, &good, false, &w, &check), AUTH_VERIFY);
	assert_true(auth_verify(check));
	assert_string_equal(auth_check_user(check), "alice");
	auth_verified(auth, check, true);
	assert_int_equal(auth_identify(auth, &a, &good, false, &w, &check), AUTH_KNOWN);
	assert_string_equal(w.user, "alice");
	assert_int_equal(auth_actions(auth, &w, "a"), ACTION_ALL);
	/* another password in the file: what was verified is forgotten, also what is being verified */
	assert_int_equal(auth_identify(auth, &a, &bad, false, &w, &check), AUTH_VERIFY);
	write_users(&tmp, line_of(&a, "alice", "x"));
	assert_ok(auth_reload(auth, &e), &e);
	auth_verified(auth, check, true);
	assert_int_equal(auth_identify(auth, &a, &good, false, &w, &check), AUTH_VERIFY);
	assert_false(auth_verify(check));
	auth_verified(auth, check, false);
	/* a broken file changes nothing */
	write_users(&tmp, "nonsense");
	assert_fails(auth_reload(auth, &e), INVALID);
	assert_int_equal(auth_identify(auth, &a, &bad, false, &w, &check), AUTH_VERIFY);
	assert_true(auth_verify(check));
	auth_verified(auth, check, true);
	auth_free(auth);
	unit_tmp_done(&tmp);
}

static void test_token_server(void **state)
{
	auto_arena struct arena a;
	struct unit_tmp tmp;
	struct auth *auth = NULL;
	struct auth_check *check = NULL;
	struct auth_who w, alice = { .user = "alice" };
	struct dv_err e = DV_ERR_NONE;
	struct json *j = NULL;
	const char *body = NULL;

	arena_init(&a, 0);
	unit_tmp_new(&tmp);
	write_users(&tmp, line_of(&a, "alice", "secret"));
	struct auth_options o = { .mode = AUTH_TOKEN, .htpasswd_file = arena_printf(&a, "%s/users", tmp.path) };
	assert_ok(auth_new(&o, tmp.fd, &auth, &e), &e);
	struct http_request r = request_with(&a, "alice", "secret");
	/* a password is for /token only */
	assert_int_equal(auth_identify(auth, &a, &r, false, &w, &check), AUTH_REFUSED);
	assert_int_equal(auth_identify(auth, &a, &r, true, &w, &check), AUTH_VERIFY);
	auth_verified(auth, check, false);
	r.query = "service=davit-registry&scope=repository:a/b:pull,push&scope=repository%3Ac%3Apull%20repository:d:pull";
	assert_ok(auth_token(auth, &a, &r, &alice, &body, &e), &e);
	assert_ok(json_parse(&a, body, strlen(body), &j, &e), &e);
	struct http_header h = { "authorization", arena_printf(&a, "Bearer %s", json_str(json_get(j, "token"))) };
	struct http_request with = { .headers = &h, .n_headers = 1, .scheme = "https", .authority = "h:5" };
	for (int i = 0; i < 2; i++) {
		assert_int_equal(auth_identify(auth, &a, &with, false, &w, &check), AUTH_KNOWN);
		assert_string_equal(w.user, "alice");
		assert_int_equal(auth_actions(auth, &w, "a/b"), ACTION_PULL | ACTION_PUSH);
		assert_int_equal(auth_actions(auth, &w, "c"), ACTION_PULL);
		assert_int_equal(auth_actions(auth, &w, "d"), ACTION_PULL);
		assert_int_equal(auth_actions(auth, &w, "e"), 0);
	}
	assert_string_equal(auth_challenge(auth, &a, &with, &w, "e", ACTION_PULL | ACTION_PUSH),
			    "Bearer realm=\"https://h:5/token\",service=\"davit-registry\","
			    "scope=\"repository:e:pull,push\",error=\"insufficient_scope\"");
	h.value = "Bearer x.y.z";
	assert_int_equal(auth_identify(auth, &a, &with, false, &w, &check), AUTH_REFUSED);
	assert_string_equal(w.error, "invalid_token");
	auth_free(auth);
	unit_tmp_done(&tmp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),       cmocka_unit_test(test_rules),        cmocka_unit_test(test_bad_rules),
		cmocka_unit_test(test_htpasswd),    cmocka_unit_test(test_bad_htpasswd), cmocka_unit_test(test_token),
		cmocka_unit_test(test_bad_tokens),  cmocka_unit_test(test_scopes),       cmocka_unit_test(test_identify),
		cmocka_unit_test(test_token_server),
	};

	return unit_run(tests);
}
