/* policy.c - restart policies: docker's words, its back-off of 100 ms that doubles up to a minute. */
#include "base/str.h"
#include "monitor/policy.h"

int policy_parse(const char *text, struct policy *ret, struct dv_err *e)
{
	static const char *const names[] = { "no", "on-failure", "always", "unless-stopped" };
	size_t len = text ? strcspn(text, ":") : 0;
	struct policy p = { 0 };
	uint64_t max = 0;

	if (!text || !*text) {
		*ret = p;
		return 0;
	}
	for (p.kind = POLICY_NO; p.kind <= POLICY_UNLESS_STOPPED; p.kind++)
		if (strlen(names[p.kind]) == len && memcmp(names[p.kind], text, len) == 0)
			break;
	if (p.kind > POLICY_UNLESS_STOPPED)
		return dv_fail(e, DV_INVALID, "invalid restart policy '%.100s'", text);
	if (text[len]) {
		struct scan s = scan_of(text + len + 1, strlen(text + len + 1));

		if (p.kind != POLICY_ON_FAILURE)
			return dv_fail(e, DV_INVALID, "maximum retry count can only be used with on-failure: '%.100s'", text);
		if (!scan_u64(&s, &max) || s.p != s.end || max > INT32_MAX)
			return dv_fail(e, DV_INVALID, "maximum retry count must be an integer: '%.100s'", text);
	}
	p.max = (int64_t)max;
	*ret = p;
	return 0;
}

static bool wanted(const struct policy *p, const struct backoff *b, int code, bool user_stopped)
{
	if (user_stopped)
		return false;
	switch (p->kind) {
	case POLICY_NO:
		return false;
	case POLICY_ON_FAILURE:
		return code != 0 && (!p->max || (int64_t)b->in_a_row < p->max);
	case POLICY_ALWAYS:
	case POLICY_UNLESS_STOPPED:
		return true;
	}
	return false;
}

void policy_resume(struct backoff *b, unsigned restarts)
{
	*b = (struct backoff){ .restarts = restarts, .in_a_row = restarts };
	for (unsigned i = 0; i < restarts && b->delay_ms < POLICY_DELAY_MAX_MS; i++)
		b->delay_ms = !b->delay_ms ? POLICY_DELAY_MIN_MS : DV_MIN(2 * b->delay_ms, (uint64_t)POLICY_DELAY_MAX_MS);
}

bool policy_again(const struct policy *p, struct backoff *b, int code, uint64_t lived_ms, bool user_stopped,
		  uint64_t *ret_delay_ms)
{
	if (lived_ms >= POLICY_GOOD_MS) {
		b->delay_ms = 0;
		b->in_a_row = 0;
	}
	if (!wanted(p, b, code, user_stopped))
		return false;
	b->delay_ms = !b->delay_ms ? POLICY_DELAY_MIN_MS : DV_MIN(2 * b->delay_ms, (uint64_t)POLICY_DELAY_MAX_MS);
	b->restarts++;
	b->in_a_row++;
	*ret_delay_ms = b->delay_ms;
	return true;
}
