/* deadline.h - what is left of a time limit in ms, for poll(2); -1 is none. */
#pragma once

#include <stdint.h>
#include <time.h>

#include "base/mem.h"

static inline int64_t deadline_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static inline int64_t deadline_in(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : deadline_now_ms() + timeout_ms;
}

static inline int deadline_left(int64_t deadline)
{
	int64_t left;

	if (deadline < 0)
		return -1;
	left = deadline - deadline_now_ms();
	return (int)DV_MAX(left, (int64_t)0);
}
