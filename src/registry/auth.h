/* auth.h - who asks: nobody, a password, a token, a certificate; and what that one may do.
 *
 * Belongs to the loop's thread. Only auth_verify() blocks: a password that is not
 * known to be right goes through it on a job thread, and its result comes back
 * with auth_verified(), which remembers right ones for a while.
 */
#pragma once

#include "base/mem.h"
#include "http/message.h"
#include "registry/route.h"
#include "registry/rules.h"

enum auth_mode { AUTH_NONE, AUTH_HTPASSWD, AUTH_TOKEN };

struct auth_options {
	enum auth_mode mode;
	const char *htpasswd_file;      /* of HTPASSWD and TOKEN */
	const char *rules_file;         /* or NULL */
	bool certificates;              /* a client's certificate names a user */
	unsigned token_ttl_s;           /* 0: AUTH_TOKEN_TTL_S */
};
#define AUTH_TOKEN_TTL_S 300

struct auth;

/* dirfd: where the key of tokens is. */
int auth_new(const struct auth_options *o, int dirfd, struct auth **ret, struct dv_err *e) DV_MUST_USE;
void auth_free(struct auth *a);         /* no verification may be under way */
/* Reads the files again; on failure what was there stays. */
int auth_reload(struct auth *a, struct dv_err *e) DV_MUST_USE;

struct auth_who {
	const char *user;               /* NULL: nobody */
	const struct token *token;      /* NULL: none; otherwise it says what is allowed */
	const char *error;              /* of the token, for the challenge; or NULL */
};

/* What has to be verified elsewhere: made by auth_identify(), used up by auth_verified(). */
struct auth_check;

enum auth_result { AUTH_KNOWN, AUTH_VERIFY, AUTH_REFUSED };
/* for_token: the request asks for a token, so a password counts in the mode TOKEN. REFUSED: credentials that are
 * not right, or not of the kind that is used here. Results live in the arena. */
enum auth_result auth_identify(struct auth *a, struct arena *arena, const struct http_request *r, bool for_token,
			       struct auth_who *ret, struct auth_check **ret_check);
/* Whether user and password are right. Any thread, blocks. */
bool auth_verify(const struct auth_check *c);
/* Back on the loop. */
void auth_verified(struct auth *a, struct auth_check *c, bool ok);
const char *auth_check_user(const struct auth_check *c);

/* Actions that are allowed with a repository. */
unsigned auth_actions(const struct auth *a, const struct auth_who *w, const char *repo);
/* Is a name needed for everything that no rule opens to all? */
bool auth_needed(const struct auth *a);
bool auth_catalog_allowed(const struct auth *a, const struct auth_who *w);
/* Whether the catalog names the repository: it may be pulled (by the user of a token, not by the token). */
bool auth_catalog_shows(const struct auth *a, const struct auth_who *w, const char *repo);
/* The WWW-Authenticate header for what was asked; NULL when there is nothing to answer it with. */
const char *auth_challenge(const struct auth *a, struct arena *arena, const struct http_request *r,
			   const struct auth_who *w, const char *repo, unsigned actions);
/* The body of an answer to /token for the scopes of the query. */
int auth_token(struct auth *a, struct arena *arena, const struct http_request *r, const struct auth_who *w,
	       const char **ret, struct dv_err *e) DV_MUST_USE;
