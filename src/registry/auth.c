/* auth.c - credentials of a request, caches of what was verified, challenges, tokens. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include "base/base64.h"
#include "base/map.h"
#include "base/str.h"
#include "registry/auth.h"
#include "registry/htpasswd.h"
#include "registry/token.h"

/* A password that was right stays right so long, unless the file is read again. */
#define VERIFIED_S 300
#define VERIFIED_MAX 1024
#define TOKENS_MAX 1024
#define USER_MAX 255
#define CREDENTIALS_MAX 1024
#define KEY_LEN 32
#define KEY_TEXT_SIZE (2 * KEY_LEN + 1)

/* A list of users is used by verifications while a new one is in place: counted, on the loop. */
struct users {
	struct htpasswd *list;
	unsigned refs;
};

struct auth {
	struct auth_options o;
	struct users *users;
	struct rules *rules;
	struct token_key *key;
	unsigned char secret[KEY_LEN];  /* of the keys of `verified` */
	struct map *verified;           /* HMAC of user and password, in hex -> int64_t: until when */
	struct map *tokens;             /* text -> struct known_token */
};

struct auth_check {
	struct users *users;
	char key[KEY_TEXT_SIZE];
	char *user, *password;
};

struct known_token {
	struct arena arena;
	struct token token;
};

static int64_t now_s(void)
{
	return (int64_t)time(NULL);
}

/* --- users --- */

static void users_unref(struct users *u)
{
	if (!u || --u->refs)
		return;
	htpasswd_free(u->list);
	free(u);
}

static void known_token_free(void *p)
{
	struct known_token *k = p;

	if (k)
		arena_done(&k->arena);
	free(k);
}

static void forget(struct auth *a)
{
	map_free(a->verified, free);
	map_free(a->tokens, known_token_free);
	a->verified = map_new();
	a->tokens = map_new();
}

int auth_reload(struct auth *a, struct dv_err *e)
{
	struct htpasswd *list = NULL;
	struct rules *rules = NULL;
	int rc = a->o.htpasswd_file ? htpasswd_read(a->o.htpasswd_file, &list, e) : 0;

	if (rc == 0 && a->o.rules_file)
		rc = rules_read(a->o.rules_file, &rules, e);
	if (rc < 0) {
		htpasswd_free(list);
		return rc;
	}
	users_unref(a->users);
	a->users = mem_new(struct users);
	*a->users = (struct users){ list, 1 };
	rules_free(a->rules);
	a->rules = rules;
	forget(a);
	return 0;
}

int auth_new(const struct auth_options *o, int dirfd, struct auth **ret, struct dv_err *e)
{
	struct auth *a = mem_new(struct auth);
	int rc = 0;

	a->o = *o;
	a->o.token_ttl_s = o->token_ttl_s ? o->token_ttl_s : AUTH_TOKEN_TTL_S;
	if (o->mode != AUTH_NONE && !o->htpasswd_file)
		rc = dv_fail(e, DV_INVALID, "a file of passwords is wanted: --htpasswd FILE");
	if (rc == 0 && getrandom(a->secret, sizeof a->secret, 0) != sizeof a->secret)
		rc = dv_fail(e, DV_INTERNAL, "no random bytes");
	if (rc == 0)
		rc = auth_reload(a, e);
	if (rc == 0 && o->mode == AUTH_TOKEN)
		rc = token_key_open(dirfd, &a->key, e);
	if (rc < 0) {
		auth_free(a);
		return rc;
	}
	*ret = a;
	return 0;
}

void auth_free(struct auth *a)
{
	if (!a)
		return;
	users_unref(a->users);
	rules_free(a->rules);
	token_key_free(a->key);
	map_free(a->verified, free);
	map_free(a->tokens, known_token_free);
	OPENSSL_cleanse(a->secret, sizeof a->secret);
	free(a);
}

/* --- passwords --- */

static bool password_key(const struct auth *a, const char *text, size_t len, char out[KEY_TEXT_SIZE])
{
	unsigned char mac[KEY_LEN];
	unsigned n = KEY_LEN;

	if (!HMAC(EVP_sha256(), a->secret, sizeof a->secret, (const unsigned char *)text, len, mac, &n))
		return false;
	str_hex(mac, sizeof mac, out);
	return true;
}

static bool password_known(struct auth *a, const char *key)
{
	const int64_t *until = map_get(a->verified, key);

	return until && *until > now_s();
}

static void check_free(struct auth_check *c)
{
	users_unref(c->users);
	OPENSSL_cleanse(c->password, strlen(c->password));
	free(c->user);
	free(c->password);
	free(c);
}

static enum auth_result identify_basic(struct auth *a, struct arena *arena, const char *text, struct auth_who *ret,
				       struct auth_check **ret_check)
{
	auto_buf struct buf b = BUF_INIT(CREDENTIALS_MAX);
	char key[KEY_TEXT_SIZE];
	const char *colon;

	if (base64_decode(&b, text, strlen(text), NULL) < 0 || memchr(b.p ? b.p : "", '\0', b.len))
		return AUTH_REFUSED;
	colon = strchr(buf_cstr(&b), ':');
	if (!colon || colon == b.p || colon - b.p > USER_MAX)
		return AUTH_REFUSED;
	if (!password_key(a, b.p, b.len, key))
		return AUTH_REFUSED;
	if (password_known(a, key)) {
		ret->user = arena_strn(arena, b.p, (size_t)(colon - b.p));
		OPENSSL_cleanse(b.p, b.len);
		return AUTH_KNOWN;
	}
	struct auth_check *c = mem_new(struct auth_check);
	c->users = a->users;
	c->users->refs++;
	memcpy(c->key, key, sizeof c->key);
	c->user = strndup(b.p, (size_t)(colon - b.p));
	c->password = mem_str(colon + 1);
	OPENSSL_cleanse(b.p, b.len);
	*ret_check = c;
	return AUTH_VERIFY;
}

bool auth_verify(const struct auth_check *c)
{
	return htpasswd_verify(c->users->list, c->user, c->password);
}

const char *auth_check_user(const struct auth_check *c)
{
	return c->user;
}

/* Those that have expired go when there is no room; when that is not enough, all. */
static void verified_make_room(struct auth *a)
{
	size_t pos = 0;
	const char *key;
	void *until;

	while (map_next(a->verified, &pos, &key, &until))
		if (*(int64_t *)until <= now_s())
			free(map_del(a->verified, key));
	if (map_len(a->verified) < VERIFIED_MAX)
		return;
	map_free(a->verified, free);
	a->verified = map_new();
}

void auth_verified(struct auth *a, struct auth_check *c, bool ok)
{
	/* Of a list that was replaced meanwhile: the answer counts once, and is not remembered. */
	if (ok && c->users == a->users) {
		int64_t *until = mem_new(int64_t);

		*until = now_s() + VERIFIED_S;
		if (map_len(a->verified) >= VERIFIED_MAX)
			verified_make_room(a);
		free(map_set(a->verified, c->key, until));
	}
	check_free(c);
}

/* --- tokens --- */

static const struct token *token_known(struct auth *a, const char *text, struct dv_err *e)
{
	struct known_token *k = map_get(a->tokens, text);

	if (k && k->token.expires > now_s())
		return &k->token;
	if (k)
		known_token_free(map_del(a->tokens, text));
	k = mem_new(struct known_token);
	arena_init(&k->arena, 1 << 20);
	if (token_verify(a->key, &k->arena, text, now_s(), &k->token, e) < 0) {
		known_token_free(k);
		return NULL;
	}
	if (map_len(a->tokens) >= TOKENS_MAX) {
		map_free(a->tokens, known_token_free);
		a->tokens = map_new();
	}
	known_token_free(map_set(a->tokens, text, k));
	return &k->token;
}

/* A copy: the cache may let go of it before the request ends. */
static struct token *token_copy(struct arena *arena, const struct token *t)
{
	struct token *c = arena_new(arena, struct token);

	*c = *t;
	c->user = arena_str(arena, t->user);
	c->grants = arena_array(arena, struct token_grant, t->n + 1);
	for (size_t i = 0; i < t->n; i++)
		c->grants[i] = (struct token_grant){ arena_str(arena, t->grants[i].repo), t->grants[i].actions };
	return c;
}

static enum auth_result identify_bearer(struct auth *a, struct arena *arena, const char *text, struct auth_who *ret)
{
	struct dv_err e = DV_ERR_NONE;
	const struct token *t = strlen(text) <= TOKEN_TEXT_MAX ? token_known(a, text, &e) : NULL;

	if (!t) {
		ret->error = "invalid_token";
		return AUTH_REFUSED;
	}
	ret->token = token_copy(arena, t);
	ret->user = *ret->token->user ? ret->token->user : NULL;
	return AUTH_KNOWN;
}

/* --- identify --- */

static const char *cert_user(const struct http_peer_cert *c)
{
	if (*c->common_name)
		return c->common_name;
	if (c->n_emails)
		return c->emails[0];
	if (c->n_dns)
		return c->dns[0];
	return c->n_uris ? c->uris[0] : NULL;
}

static const char *after_word(const char *s, const char *word)
{
	size_t n = strlen(word);

	return s && strncasecmp(s, word, n) == 0 && s[n] == ' ' ? s + n + 1 + strspn(s + n + 1, " ") : NULL;
}

enum auth_result auth_identify(struct auth *a, struct arena *arena, const struct http_request *r, bool for_token,
			       struct auth_who *ret, struct auth_check **ret_check)
{
	const char *header = http_request_header(r, "authorization"), *text;

	*ret = (struct auth_who){ 0 };
	if (a->o.certificates && r->cert) {
		ret->user = cert_user(r->cert);
		if (ret->user && strlen(ret->user) <= USER_MAX)
			return AUTH_KNOWN;
		return AUTH_REFUSED;
	}
	if (!header || a->o.mode == AUTH_NONE)
		return AUTH_KNOWN;
	if ((text = after_word(header, "Bearer")) && a->o.mode == AUTH_TOKEN)
		return identify_bearer(a, arena, text, ret);
	if ((text = after_word(header, "Basic")) && (a->o.mode == AUTH_HTPASSWD || for_token))
		return identify_basic(a, arena, text, ret, ret_check);
	return AUTH_REFUSED;
}

/* --- what is allowed --- */

bool auth_needed(const struct auth *a)
{
	return a->o.mode != AUTH_NONE || a->o.certificates;
}

unsigned auth_actions(const struct auth *a, const struct auth_who *w, const char *repo)
{
	/* An open registry: whoever asks is as good as a user. */
	if (!auth_needed(a) && !a->rules)
		return ACTION_ALL;
	/* A token has what it was given, and what anybody has. */
	if (w->token)
		return token_actions(w->token, repo) | (a->rules ? rules_actions(a->rules, NULL, repo) : 0);
	return rules_actions(a->rules, w->user, repo);
}

bool auth_catalog_allowed(const struct auth *a, const struct auth_who *w)
{
	return !auth_needed(a) || (w->token ? token_actions(w->token, "") != 0 : w->user != NULL);
}

bool auth_catalog_shows(const struct auth *a, const struct auth_who *w, const char *repo)
{
	struct auth_who user = { .user = w->user };

	return auth_actions(a, &user, repo) & ACTION_PULL;
}

/* --- challenges and tokens --- */

static const char *action_words(struct arena *arena, unsigned actions)
{
	return arena_printf(arena, "%s%s%s%s%s", actions & ACTION_PULL ? "pull" : "",
			    actions & ACTION_PULL && actions > ACTION_PULL ? "," : "", actions & ACTION_PUSH ? "push" : "",
			    actions & ACTION_PUSH && actions & ACTION_DELETE ? "," : "",
			    actions & ACTION_DELETE ? "delete" : "");
}

const char *auth_challenge(const struct auth *a, struct arena *arena, const struct http_request *r,
			   const struct auth_who *w, const char *repo, unsigned actions)
{
	const char *scope = "", *error = "";

	if (a->o.mode == AUTH_NONE)
		return NULL;
	if (a->o.mode == AUTH_HTPASSWD)
		return "Basic realm=\"davit registry\", charset=\"UTF-8\"";
	if (repo && *repo)
		scope = arena_printf(arena, ",scope=\"repository:%s:%s\"", repo, action_words(arena, actions));
	else if (repo)
		scope = ",scope=\"registry:catalog:*\"";
	if (w->error || w->token)
		error = arena_printf(arena, ",error=\"%s\"", w->error ? w->error : "insufficient_scope");
	return arena_printf(arena, "Bearer realm=\"%s://%s/token\",service=\"" TOKEN_SERVICE "\"%s%s", r->scheme,
			    r->authority, scope, error);
}

/* Every "scope" of the query may name several, separated by blanks. */
static void grants_read(const struct auth *a, struct arena *arena, const struct auth_who *w, const char *scopes,
			struct token *t)
{
	size_t n;
	char **v = str_split(arena, scopes, ' ', &n);

	for (size_t i = 0; i < n && t->n < TOKEN_GRANTS_MAX; i++) {
		struct token_grant g;

		if (!token_scope_parse(arena, v[i], &g))
			continue;
		g.actions &= *g.repo ? rules_actions(a->rules, w->user, g.repo) : w->user ? ACTION_PULL : 0;
		if (g.actions)
			t->grants[t->n++] = g;
	}
}

int auth_token(struct auth *a, struct arena *arena, const struct http_request *r, const struct auth_who *w,
	       const char **ret, struct dv_err *e)
{
	struct token t = { .user = w->user ? w->user : "", .issued = now_s(), .expires = now_s() + a->o.token_ttl_s };
	struct http_header *params = NULL;
	const char *text = NULL;
	char issued[32] = "";
	size_t n = 0;
	struct tm tm;
	int rc = http_query_parse(arena, r->query, &params, &n, e);

	if (rc < 0)
		return rc;
	t.grants = arena_array(arena, struct token_grant, TOKEN_GRANTS_MAX);
	for (size_t i = 0; i < n; i++)
		if (streq(params[i].name, "scope"))
			grants_read(a, arena, w, params[i].value, &t);
	rc = token_sign(a->key, arena, &t, &text, e);
	if (rc < 0)
		return rc;
	if (gmtime_r(&(time_t){ t.issued }, &tm))
		(void)strftime(issued, sizeof issued, "%Y-%m-%dT%H:%M:%SZ", &tm);
	*ret = json_text(arena, json_obj(arena, "token", json_new_str(arena, text), "access_token",
					 json_new_str(arena, text), "expires_in", json_new_i64(arena, a->o.token_ttl_s),
					 "issued_at", json_new_str(arena, issued), NULL), JSON_COMPACT);
	return 0;
}
