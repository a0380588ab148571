/* token.h - JSON web tokens of the built-in token server: EdDSA over Ed25519, nothing else.
 *
 * The key is ROOT/registry/token.key (PEM, 0600), made when missing. A token
 * says who it is for and what it allows: "repository:NAME:pull,push". A token
 * that names another algorithm, key or service is refused before its
 * signature is looked at; which key verifies is never the token's choice.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define TOKEN_SERVICE "davit-registry"
#define TOKEN_TEXT_MAX 8192
#define TOKEN_GRANTS_MAX 64

struct token_key;

/* From dirfd/token.key. */
int token_key_open(int dirfd, struct token_key **ret, struct dv_err *e) DV_MUST_USE;
void token_key_free(struct token_key *k);

struct token_grant {
	const char *repo;       /* "" for the catalog: actions is then ACTION_PULL */
	unsigned actions;       /* enum action */
};
struct token {
	const char *user;       /* "" for nobody */
	int64_t issued, expires;        /* seconds since 1970 */
	struct token_grant *grants;
	size_t n;
};

/* The text of a token. */
int token_sign(const struct token_key *k, struct arena *a, const struct token *t, const char **ret,
	       struct dv_err *e) DV_MUST_USE;
/* FORBIDDEN says why: not ours, expired at now, not valid yet, malformed. */
int token_verify(const struct token_key *k, struct arena *a, const char *text, int64_t now, struct token *ret,
		 struct dv_err *e) DV_MUST_USE;
/* What the token allows with the repository. */
unsigned token_actions(const struct token *t, const char *repo);

/* "repository:NAME:pull,push" or "registry:catalog:*"; false when it is neither. */
bool token_scope_parse(struct arena *a, const char *scope, struct token_grant *ret);
