/* token.c - tokens signed and verified with EVP; the key's file. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/random.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "json/view.h"
#include "registry/route.h"
#include "registry/rules.h"
#include "registry/token.h"

#define KEY_NAME "token.key"
#define KEY_BYTES_MAX 4096
#define SIGNATURE_LEN 64
/* Clocks of one machine: a token of a moment ago is not from the future. */
#define SKEW_S 5

struct token_key {
	EVP_PKEY *key;
};

/* --- the key --- */

static EVP_PKEY *key_make(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL);
	EVP_PKEY *key = NULL;

	if (!ctx || EVP_PKEY_keygen_init(ctx) <= 0 || EVP_PKEY_keygen(ctx, &key) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static int key_write(int dirfd, EVP_PKEY *key, struct dv_err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long n = 0;
	int rc;

	if (!bio || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    (n = BIO_get_mem_data(bio, &text)) <= 0)
		rc = dv_fail(e, DV_INTERNAL, "cannot write a signing key");
	else
		rc = file_replace(dirfd, KEY_NAME, 0600, text, (size_t)n, true, e);
	BIO_free(bio);
	return rc;
}

static EVP_PKEY *key_parse(const struct buf *b)
{
	BIO *bio = BIO_new_mem_buf(buf_cstr(b), (int)b->len);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

static int key_load(int dirfd, EVP_PKEY **ret, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(KEY_BYTES_MAX);
	struct dv_err read = DV_ERR_NONE;
	int rc = file_read(dirfd, KEY_NAME, &b, &read);

	if (rc == -DV_NOT_FOUND) {
		EVP_PKEY *key = key_make();

		rc = key ? key_write(dirfd, key, e) : dv_fail(e, DV_INTERNAL, "cannot make a signing key");
		if (rc < 0)
			EVP_PKEY_free(key);
		else
			*ret = key;
		return rc;
	}
	if (rc < 0) {
		*e = read;
		return rc;
	}
	EVP_PKEY *key = key_parse(&b);
	if (!key)
		return dv_fail(e, DV_INVALID, KEY_NAME " is no private key of Ed25519 in PEM");
	*ret = key;
	return 0;
}

int token_key_open(int dirfd, struct token_key **ret, struct dv_err *e)
{
	struct dv_err mine = DV_ERR_NONE;
	EVP_PKEY *key = NULL;
	int rc = key_load(dirfd, &key, e ? e : &mine);

	if (rc < 0)
		return rc;
	*ret = mem_new(struct token_key);
	(*ret)->key = key;
	return 0;
}

void token_key_free(struct token_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->key);
	free(k);
}

/* --- base64url without padding --- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void b64_put(struct buf *b, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i += 3) {
		unsigned v = (unsigned)p[i] << 16 | (i + 1 < len ? (unsigned)p[i + 1] << 8 : 0) |
			     (i + 2 < len ? (unsigned)p[i + 2] : 0);

		for (unsigned k = 0; k < DV_MIN(len - i, (size_t)3) + 1; k++)
			buf_char(b, alphabet[v >> (18 - 6 * k) & 63]);
	}
}

/* False for anything but the one way to write the bytes. */
static bool b64_get(const char *s, size_t len, struct buf *out)
{
	unsigned v = 0, bits = 0;

	for (size_t i = 0; i < len; i++) {
		const char *at = s[i] ? strchr(alphabet, s[i]) : NULL;

		if (!at)
			return false;
		v = v << 6 | (unsigned)(at - alphabet);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_char(out, (char)(v >> bits & 255));
		}
	}
	return len % 4 != 1 && (v & ((1u << bits) - 1)) == 0;
}

/* --- scopes --- */

static const struct { const char *name; unsigned action; } actions[] = {
	{ "pull", ACTION_PULL }, { "push", ACTION_PUSH }, { "delete", ACTION_DELETE },
};

static unsigned actions_parse(const char *text)
{
	struct scan s = scan_of(text, strlen(text));
	const char *word;
	unsigned bits = 0;
	size_t len;

	while (scan_until(&s, ',', &word, &len))
		bits |= action_parse(word, len);
	return bits;
}

bool token_scope_parse(struct arena *a, const char *scope, struct token_grant *ret)
{
	const char *rest = str_after(scope, "repository:");
	const char *colon = rest ? strrchr(rest, ':') : NULL;

	if (streq(scope, "registry:catalog:*")) {
		*ret = (struct token_grant){ "", ACTION_PULL };
		return true;
	}
	if (!colon)
		return false;
	*ret = (struct token_grant){ arena_strn(a, rest, (size_t)(colon - rest)), actions_parse(colon + 1) };
	return repo_name_valid(ret->repo);
}

unsigned token_actions(const struct token *t, const char *repo)
{
	unsigned bits = 0;

	for (size_t i = 0; i < t->n; i++)
		if (streq(t->grants[i].repo, repo))
			bits |= t->grants[i].actions;
	return bits;
}

/* --- sign --- */

static struct json *grant_json(struct arena *a, const struct token_grant *g)
{
	struct json *list = json_new_array(a);

	if (!*g->repo)
		json_append(a, list, json_new_str(a, "*"));
	for (size_t i = 0; i < ARRAY_LEN(actions) && *g->repo; i++)
		if (g->actions & actions[i].action)
			json_append(a, list, json_new_str(a, actions[i].name));
	return json_obj(a, "type", json_new_str(a, *g->repo ? "repository" : "registry"), "name",
			json_new_str(a, *g->repo ? g->repo : "catalog"), "actions", list, NULL);
}

static struct json *claims_json(struct arena *a, const struct token *t)
{
	struct json *access = json_new_array(a);
	unsigned char id[16];
	char hex[2 * sizeof id + 1];

	if (getrandom(id, sizeof id, 0) != sizeof id)
		memset(id, 0, sizeof id);
	str_hex(id, sizeof id, hex);
	for (size_t i = 0; i < t->n; i++)
		json_append(a, access, grant_json(a, &t->grants[i]));
	return json_obj(a, "iss", json_new_str(a, TOKEN_SERVICE), "sub", json_new_str(a, t->user), "aud",
			json_new_str(a, TOKEN_SERVICE), "iat", json_new_i64(a, t->issued), "nbf",
			json_new_i64(a, t->issued), "exp", json_new_i64(a, t->expires), "jti", json_new_str(a, hex),
			"access", access, NULL);
}

int token_sign(const struct token_key *k, struct arena *a, const struct token *t, const char **ret, struct dv_err *e)
{
	static const char header[] = "{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}";
	auto_buf struct buf b = BUF_INIT(TOKEN_TEXT_MAX);
	unsigned char sig[SIGNATURE_LEN];
	size_t n = sizeof sig;
	const char *claims = json_text(a, claims_json(a, t), JSON_COMPACT);

	b64_put(&b, header, sizeof header - 1);
	buf_char(&b, '.');
	b64_put(&b, claims, strlen(claims));
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->key) == 1 &&
		  EVP_DigestSign(ctx, sig, &n, (const unsigned char *)buf_cstr(&b), b.len) == 1;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return dv_fail(e, DV_INTERNAL, "cannot sign a token");
	buf_char(&b, '.');
	b64_put(&b, sig, n);
	int rc = buf_check(&b, "token", e);
	if (rc == 0)
		*ret = arena_str(a, buf_cstr(&b));
	return rc;
}

/* --- verify --- */

#define HEADER_VIEW(F, c) F(c, str, alg, "alg", REQ, NULL)
DV_VIEW(header_view, HEADER_VIEW);

#define ACCESS_VIEW(F, c) \
	F(c, str,  type,    "type",    REQ, NULL) \
	F(c, str,  name,    "name",    REQ, NULL) \
	F(c, strs, actions, "actions", REQ, NULL)
DV_VIEW(access_view, ACCESS_VIEW);

#define CLAIMS_VIEW(F, c) \
	F(c, str,  iss,    "iss",    REQ, NULL) \
	F(c, str,  sub,    "sub",    REQ, NULL) \
	F(c, str,  aud,    "aud",    REQ, NULL) \
	F(c, i64,  nbf,    "nbf",    REQ, NULL) \
	F(c, i64,  iat,    "iat",    REQ, NULL) \
	F(c, i64,  exp,    "exp",    REQ, NULL) \
	F(c, list, access, "access", REQ, &access_view_schema)
DV_VIEW(claims_view, CLAIMS_VIEW);

static int part_decode(struct arena *a, const char *s, size_t len, const struct view_schema *schema, void *out,
		       struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(TOKEN_TEXT_MAX);
	struct json *j;

	if (!b64_get(s, len, &b) || buf_check(&b, "token", NULL) < 0 ||
	    json_parse(a, buf_cstr(&b), b.len, &j, NULL) < 0 || view_decode(a, j, schema, "", out, NULL) < 0)
		return dv_fail(e, DV_FORBIDDEN, "malformed token");
	return 0;
}

static int signature_check(const struct token_key *k, const char *text, size_t signed_len, struct dv_err *e)
{
	auto_buf struct buf sig = BUF_INIT(SIGNATURE_LEN + 1);
	const char *s = text + signed_len + 1;
	bool ok = b64_get(s, strlen(s), &sig) && sig.len == SIGNATURE_LEN && !sig.over;
	EVP_MD_CTX *ctx = ok ? EVP_MD_CTX_new() : NULL;

	ok = ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k->key) == 1 &&
	     EVP_DigestVerify(ctx, (const unsigned char *)sig.p, sig.len, (const unsigned char *)text, signed_len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : dv_fail(e, DV_FORBIDDEN, "the token's signature is not ours");
}

static int claims_check(const struct claims_view *c, int64_t now, struct dv_err *e)
{
	if (!streq(c->iss, TOKEN_SERVICE) || !streq(c->aud, TOKEN_SERVICE))
		return dv_fail(e, DV_FORBIDDEN, "the token is for another service");
	if (c->exp.v <= now)
		return dv_fail(e, DV_FORBIDDEN, "the token has expired");
	if (c->nbf.v > now + SKEW_S)
		return dv_fail(e, DV_FORBIDDEN, "the token is not valid yet");
	if (c->access.n > TOKEN_GRANTS_MAX)
		return dv_fail(e, DV_FORBIDDEN, "the token has more than %d scopes", TOKEN_GRANTS_MAX);
	return 0;
}

static void grants_of(struct arena *a, const struct claims_view *c, struct token *t)
{
	t->grants = arena_array(a, struct token_grant, c->access.n + 1);
	for (size_t i = 0; i < c->access.n; i++) {
		const struct access_view *v = view_at(&c->access, struct access_view, i);
		struct token_grant *g = &t->grants[t->n++];

		if (!streq(v->type, "repository")) {
			*g = (struct token_grant){ "", streq(v->name, "catalog") ? ACTION_PULL : 0 };
			continue;
		}
		g->repo = v->name;
		for (const char **w = v->actions; *w; w++)
			g->actions |= action_parse(*w, strlen(*w));
	}
}

int token_verify(const struct token_key *k, struct arena *a, const char *text, int64_t now, struct token *ret,
		 struct dv_err *e)
{
	const char *first = strchr(text, '.'), *second = first ? strchr(first + 1, '.') : NULL;
	struct header_view header;
	struct claims_view claims;

	if (!second || strchr(second + 1, '.') || strlen(text) > TOKEN_TEXT_MAX)
		return dv_fail(e, DV_FORBIDDEN, "malformed token");
	int rc = part_decode(a, text, (size_t)(first - text), &header_view_schema, &header, e);
	if (rc == 0 && !streq(header.alg, "EdDSA"))
		rc = dv_fail(e, DV_FORBIDDEN, "tokens are signed by EdDSA here, not \"%.20s\"", header.alg);
	if (rc == 0)
		rc = signature_check(k, text, (size_t)(second - text), e);
	if (rc == 0)
		rc = part_decode(a, first + 1, (size_t)(second - first - 1), &claims_view_schema, &claims, e);
	if (rc == 0)
		rc = claims_check(&claims, now, e);
	if (rc < 0)
		return rc;
	*ret = (struct token){ .user = claims.sub, .issued = claims.iat.v, .expires = claims.exp.v };
	grants_of(a, &claims, ret);
	return 0;
}
