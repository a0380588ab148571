/* authhelper.h - programs that keep credentials: docker-credential-NAME get, store, erase. */
#pragma once

#include "transfer/authfile.h"

/* Returns 1 and fills ret, or 0 when the helper knows none. name is checked: no path. */
int authhelper_get(const char *name, const char *server, struct auth_cred *ret, struct dv_err *e) DV_MUST_USE;
int authhelper_store(const char *name, const char *server, const char *user, const char *password,
		     struct dv_err *e) DV_MUST_USE;
/* Not there is success. */
int authhelper_erase(const char *name, const char *server, struct dv_err *e) DV_MUST_USE;
