/* fault.c - make the n-th fallible call fail (builds with -Dfaults=true only).
 *
 * Programs are armed by the environment: DAVIT_FAULT=7, DAVIT_FAULT=7:ENOSPC,
 * DAVIT_FAULT=7:28 or DAVIT_FAULT=kill:7.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/str.h"

#ifdef DV_FAULTS

#define ERRNO_MAX 133
#define FAULT_KILL (-1)

static atomic_uint seen, armed_at;
static atomic_int armed_sys;
static atomic_bool env_read;

static int errno_named(const char *name)
{
	uint64_t n;

	if (str_u64(name, ERRNO_MAX, "errno", &n, NULL) == 0)
		return (int)n;
	for (int i = 1; i <= ERRNO_MAX; i++) {
		const char *known = strerrorname_np(i);

		if (known && streq(known, name))
			return i;
	}
	return EIO;
}

static void arm_from_env(void)
{
	const char *text = getenv("DAVIT_FAULT"), *number;
	struct scan sc;
	uint64_t n;

	if (atomic_exchange(&env_read, true) || !text)
		return;
	number = str_after(text, "kill:");
	sc = number ? scan_of(number, strlen(number)) : scan_of(text, strlen(text));
	if (!scan_u64(&sc, &n) || n > UINT32_MAX)
		return;
	fault_at((unsigned)n, number ? FAULT_KILL : scan_char(&sc, ':') ? errno_named(sc.p) : EIO);
}

void fault_at(unsigned n, int sys)
{
	atomic_store(&env_read, true);
	atomic_store(&seen, 0);
	atomic_store(&armed_sys, sys);
	atomic_store(&armed_at, n);
}

unsigned fault_count(void)
{
	return atomic_load(&seen);
}

int fault_hit_(const char *where)
{
	unsigned n;

	if (!atomic_load(&env_read))
		arm_from_env();
	n = atomic_fetch_add(&seen, 1) + 1;
	if (n != atomic_load(&armed_at))
		return 0;
	if (atomic_load(&armed_sys) == FAULT_KILL)
		(void)kill(getpid(), SIGKILL);
	return atomic_load(&armed_sys);
}

#endif
