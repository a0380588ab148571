/* signal.c - signal names, as kill(1) and docker know them. */
#include <signal.h>
#include <stdio.h>
#include <strings.h>

#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"

/* The kernel's numbers: libc keeps two real-time signals for itself and moves SIGRTMIN. */
#define RT_FIRST 34
#define RT_LAST 64

/* By number on Linux (x86, arm, riscv); real-time ones under the name kill -l gives them. */
static const char *const names[RT_LAST + 1] = {
	[SIGHUP] = "SIGHUP",       [SIGINT] = "SIGINT",     [SIGQUIT] = "SIGQUIT", [SIGILL] = "SIGILL",
	[SIGTRAP] = "SIGTRAP",     [SIGABRT] = "SIGABRT",   [SIGBUS] = "SIGBUS",   [SIGFPE] = "SIGFPE",
	[SIGKILL] = "SIGKILL",     [SIGUSR1] = "SIGUSR1",   [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",
	[SIGPIPE] = "SIGPIPE",     [SIGALRM] = "SIGALRM",   [SIGTERM] = "SIGTERM", [SIGSTKFLT] = "SIGSTKFLT",
	[SIGCHLD] = "SIGCHLD",     [SIGCONT] = "SIGCONT",   [SIGSTOP] = "SIGSTOP", [SIGTSTP] = "SIGTSTP",
	[SIGTTIN] = "SIGTTIN",     [SIGTTOU] = "SIGTTOU",   [SIGURG] = "SIGURG",   [SIGXCPU] = "SIGXCPU",
	[SIGXFSZ] = "SIGXFSZ",     [SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF", [SIGWINCH] = "SIGWINCH",
	[SIGIO] = "SIGIO",         [SIGPWR] = "SIGPWR",     [SIGSYS] = "SIGSYS",
	[34] = "SIGRTMIN",         [35] = "SIGRTMIN+1",     [36] = "SIGRTMIN+2",   [37] = "SIGRTMIN+3",
	[38] = "SIGRTMIN+4",       [39] = "SIGRTMIN+5",     [40] = "SIGRTMIN+6",   [41] = "SIGRTMIN+7",
	[42] = "SIGRTMIN+8",       [43] = "SIGRTMIN+9",     [44] = "SIGRTMIN+10",  [45] = "SIGRTMIN+11",
	[46] = "SIGRTMIN+12",      [47] = "SIGRTMIN+13",    [48] = "SIGRTMIN+14",  [49] = "SIGRTMIN+15",
	[50] = "SIGRTMAX-14",      [51] = "SIGRTMAX-13",    [52] = "SIGRTMAX-12",  [53] = "SIGRTMAX-11",
	[54] = "SIGRTMAX-10",      [55] = "SIGRTMAX-9",     [56] = "SIGRTMAX-8",   [57] = "SIGRTMAX-7",
	[58] = "SIGRTMAX-6",       [59] = "SIGRTMAX-5",     [60] = "SIGRTMAX-4",   [61] = "SIGRTMAX-3",
	[62] = "SIGRTMAX-2",       [63] = "SIGRTMAX-1",     [64] = "SIGRTMAX",
};

static const struct {
	const char *name;
	int sig;
} aliases[] = {
	{ "IOT", SIGABRT }, { "CLD", SIGCHLD }, { "POLL", SIGIO }, { "UNUSED", SIGSYS },
};

/* "RTMIN+7", "RTMAX-20" in either direction; 0 when it is none or out of range. */
static int real_time(const char *name)
{
	bool up = strncasecmp(name, "RTMIN+", 6) == 0;
	uint64_t n;

	if (!up && strncasecmp(name, "RTMAX-", 6) != 0)
		return 0;
	if (str_u64(name + 6, RT_LAST - RT_FIRST, "signal", &n, NULL) < 0)
		return 0;
	return up ? RT_FIRST + (int)n : RT_LAST - (int)n;
}

static int by_name(const char *name)
{
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int i = 1; i <= RT_LAST; i++)
		if (names[i] && strcasecmp(name, names[i] + 3) == 0)
			return i;
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
		if (strcasecmp(name, aliases[i].name) == 0)
			return aliases[i].sig;
	return real_time(name);
}

int proc_parse_signal(const char *name, int *ret, struct dv_err *e)
{
	uint64_t n;
	int sig;

	if (str_u64(name, RT_LAST, "signal", &n, NULL) == 0)
		sig = (int)n;
	else
		sig = by_name(name);
	if (sig == 0)
		return dv_fail(e, DV_INVALID, "\"%s\" is not a signal", name);
	*ret = sig;
	return 0;
}

const char *proc_signal_name(int sig)
{
	return sig > 0 && sig <= RT_LAST && names[sig] ? names[sig] : "unknown signal";
}
