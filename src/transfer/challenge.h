/* challenge.h - the WWW-Authenticate header: which ways to authenticate a server offers. */
#pragma once

#include "base/mem.h"

#define CHALLENGES_MAX 8
#define CHALLENGE_BYTES_MAX 8192

struct challenge {
	const char *scheme;     /* in lower case: "basic", "bearer" */
	const char *realm, *service, *scope, *error;    /* NULL when absent */
};

/* All challenges of one header line, in order; strings go to the arena. Returns how many (0 for an empty
 * header). INVALID for what is no such header, LIMIT past the limits. */
int challenge_parse(struct arena *a, const char *text, struct challenge ret[CHALLENGES_MAX], struct dv_err *e) DV_MUST_USE;
