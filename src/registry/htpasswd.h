/* htpasswd.h - users and bcrypt hashes from a file, as htpasswd -B writes it.
 *
 * Verifying takes tens of milliseconds on purpose: it runs on a job thread. A
 * list is immutable once read. Only bcrypt is taken: other schemes are INVALID.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct htpasswd;

int htpasswd_parse(const char *text, size_t len, struct htpasswd **ret, struct dv_err *e) DV_MUST_USE;
int htpasswd_read(const char *path, struct htpasswd **ret, struct dv_err *e) DV_MUST_USE;
void htpasswd_free(struct htpasswd *h);
size_t htpasswd_len(const struct htpasswd *h);
/* An unknown user takes as long as a wrong password. Blocks; any thread. */
bool htpasswd_verify(const struct htpasswd *h, const char *user, const char *password);
