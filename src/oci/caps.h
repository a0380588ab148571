/* caps.h - capabilities by name and as bit sets. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "oci/spec.h"

#define CAP_BIT(n) (UINT64_C(1) << (n))

struct cap_sets {
	uint64_t bounding, effective, inheritable, permitted, ambient;
};

/* "CAP_KILL", "kill" -> 5; -1 when unknown. */
int cap_number(const char *name);
const char *cap_name(int number);           /* NULL past the last known */
uint64_t cap_all(void);                     /* every capability the running kernel has */

/* Names the kernel does not know are left out with a warning, as runc does. NULL caps: all empty. */
void cap_sets_of_spec(const struct spec_caps *caps, bool warn, struct cap_sets *ret);

/* Drop the bounding set to what is in `keep`. */
int cap_drop_bounding(uint64_t keep, struct dv_err *e) DV_MUST_USE;
/* permitted, effective, inheritable, then ambient. */
int cap_apply(const struct cap_sets *s, struct dv_err *e) DV_MUST_USE;
