/* scratch.h - descriptors of the container's first process that live for one step.
 *
 * That process closes everything but its last few descriptors in one go before it waits or execs (init.c), so
 * closing each target on the way would only cost a call. Descriptors with high numbers are closed at once: a
 * thousand mounts must not run out of them. For code that runs in that process only.
 */
#pragma once

#include <unistd.h>

#define SCRATCH_MAX 200

static inline void scratch_done(int *fd)
{
	if (*fd > SCRATCH_MAX)
		(void)close(*fd);
}
#define auto_scratch __attribute__((cleanup(scratch_done)))
