/* policy.h - whether a container that has ended is started again, and when. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum policy_kind { POLICY_NO, POLICY_ON_FAILURE, POLICY_ALWAYS, POLICY_UNLESS_STOPPED };
struct policy {
	enum policy_kind kind;
	int64_t max;            /* of on-failure; 0: no limit */
};

/* "no", "on-failure", "on-failure:3", "always", "unless-stopped"; NULL and "" are no. INVALID otherwise. */
int policy_parse(const char *text, struct policy *ret, struct dv_err *e) DV_MUST_USE;

#define POLICY_DELAY_MIN_MS 100
#define POLICY_DELAY_MAX_MS 60000
#define POLICY_GOOD_MS 10000            /* after so long a life the delay begins anew */

struct backoff {
	uint64_t delay_ms;      /* of the last restart; 0: none yet */
	unsigned restarts;      /* in all */
	unsigned in_a_row;      /* failures that count against on-failure:N */
};

/* Where another monitor left off after so many restarts. */
void policy_resume(struct backoff *b, unsigned restarts);
/* After an end with this exit status (-1: unknown, counts as a failure): start again? Then *ret_delay_ms is set and it
 * is counted. */
bool policy_again(const struct policy *p, struct backoff *b, int code, uint64_t lived_ms, bool user_stopped,
		  uint64_t *ret_delay_ms);
