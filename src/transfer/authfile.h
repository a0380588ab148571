/* authfile.h - credentials of registries: auth.json, docker's config.json, and credential helpers.
 *
 * Read are, as podman and docker do: the file given, else $REGISTRY_AUTH_FILE, else
 * ${XDG_RUNTIME_DIR}/containers/auth.json (/run/containers/UID/auth.json without it),
 * ~/.config/containers/auth.json, ~/.docker/config.json ($DOCKER_CONFIG). Keys of "auths"
 * and "credHelpers" are a host or a host with a path: the longest that fits wins.
 * No secret is in any message; what was read is zeroed after use.
 */
#pragma once

#include <stdbool.h>

#include "base/mem.h"

#define AUTH_FILE_MAX ((size_t)1 << 20)
#define AUTH_HELPER_TIMEOUT_MS 60000

struct auth_cred {
	char *user, *password;  /* NULL: none known */
	char *token;            /* an identity token instead of the password, or NULL */
};
void auth_cred_done(struct auth_cred *c);       /* zeroes */
#define auto_cred __attribute__((cleanup(auth_cred_done)))

struct auth_places {
	const char *file;                       /* --authfile, or NULL */
	const char *const *helpers;             /* credential-helpers of registries.conf, or NULL */
};

/* For "HOST" or "HOST/PATH". Returns 1 and fills ret, or 0 when none are known. INVALID for a file or helper
 * that cannot be understood. */
int auth_lookup(const struct auth_places *p, const char *name, struct auth_cred *ret, struct dv_err *e) DV_MUST_USE;

/* Remember in the file that login writes to, or with the helper that the file names for the registry. The
 * file is replaced at once, with mode 0600, and keeps what is not ours. */
int auth_store(const struct auth_places *p, const char *name, const char *user, const char *password,
	       struct dv_err *e) DV_MUST_USE;
/* Forget one. NOT_FOUND when it is not there. */
int auth_erase(const struct auth_places *p, const char *name, struct dv_err *e) DV_MUST_USE;
int auth_erase_all(const struct auth_places *p, struct dv_err *e) DV_MUST_USE;

/* The key that a name has: without scheme and a trailing slash; docker's other names for docker.io. */
const char *auth_key(struct arena *a, const char *name);
