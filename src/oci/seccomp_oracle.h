/* seccomp_oracle.h - for tests and the bench: the same profile through libseccomp. */
#pragma once

#include <linux/filter.h>
#include <stddef.h>

#include "base/mem.h"
#include "json/json.h"

/* The profile without the calls that this libseccomp does not know, or finds wrongly. */
struct json *oracle_known(struct arena *a, const struct json *seccomp);
/* The profile as runc gives it to libseccomp, without runc's ENOSYS rule. Rules that libseccomp calls
 * conflicting are left out and counted. Aborts when libseccomp fails otherwise. */
struct sock_filter *oracle_compile(struct arena *a, const struct json *seccomp, size_t *ret_n, unsigned *ret_conflicts);
