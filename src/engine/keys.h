/* keys.h - what a user types to leave a process alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"
#define DETACH_KEYS_MAX 32

struct detach_keys {
	unsigned char v[DETACH_KEYS_MAX];
	size_t n, typed;                /* typed: so many of them came last */
};

/* "a", "ctrl-a", "ctrl-@", "ctrl-[", ... joined by commas; NULL: the default, "": none. INVALID. */
int detach_keys_parse(struct detach_keys *k, const char *text, struct dv_err *e) DV_MUST_USE;
/* What was typed goes through, but for the keys; a part of them is held back until it is known which. out has room for
 * n + DETACH_KEYS_MAX bytes. *ret_detach is set when they were typed: what came after them is gone. */
size_t detach_keys_filter(struct detach_keys *k, const char *in, size_t n, char *out, bool *ret_detach);
