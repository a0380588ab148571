/* nullio.h - the standard descriptors that a container's process inherits from us. */
#pragma once

#include "base/err.h"

/* Without -i nobody can type: neither into a pipe nor into the terminal. */
int stdin_null(struct dv_err *e) DV_MUST_USE;
/* All three: of a process that nobody waits for. */
int stdio_null(struct dv_err *e) DV_MUST_USE;
