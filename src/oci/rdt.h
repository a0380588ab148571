/* rdt.h - Intel RDT (resctrl): cache and memory bandwidth classes. */
#pragma once

#include <sys/types.h>

#include "oci/spec.h"

/* Makes or joins the class and writes its schemata, then puts the process in. UNSUPPORTED without resctrl. */
int rdt_apply(const struct spec_rdt *r, const char *id, pid_t pid, struct dv_err *e) DV_MUST_USE;
/* Removes the class (and monitoring group) that was made for this container alone. */
void rdt_remove(const struct json *config, const char *id);
