/* seccomp_default.h - the filter a container gets when nobody asks for another.
 *
 * An allow list in the manner of docker's documented default profile: what
 * programs need, what each capability brings along, and nothing that reaches
 * around namespaces (no user namespaces, keyrings, io_uring, modules, clocks).
 */
#pragma once

#include <stdint.h>

#include "oci/seccomp.h"

/* caps: bit i is capability number i of the container's bounding set. Compiles from the table,
 * without a JSON tree; the same program as seccomp_compile(seccomp_default_json()). */
int seccomp_default_compile(struct arena *a, uint64_t caps, struct seccomp_filter *ret, struct dv_err *e) DV_MUST_USE;
/* The linux.seccomp object of an OCI bundle. */
struct json *seccomp_default_json(struct arena *a, uint64_t caps);
