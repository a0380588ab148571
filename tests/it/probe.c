/* probe.c - looks at itself from inside a container: what busybox has no command for.
 *
 *	probe COMMAND [ARGUMENT...]: the commands are the table at the end
 *
 * Static and without libraries, so that it runs in any root.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* syscall NR [ARG...]: "0" or "errno N". */
static int do_syscall(int n, char **v)
{
	unsigned long a[6] = { 0 };
	long r;

	for (int i = 1; i < n && i <= 6; i++)
		a[i - 1] = strtoul(v[i], NULL, 0);
	r = syscall(strtol(v[0], NULL, 0), a[0], a[1], a[2], a[3], a[4], a[5]);
	if (r < 0)
		printf("errno %d\n", errno);
	else
		printf("%ld\n", r);
	return 0;
}

static int do_sched(int n, char **v)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
		uint32_t util_min, util_max;
	} a = { .size = sizeof a };

	if (syscall(SYS_sched_getattr, 0, &a, sizeof a, 0) < 0)
		return 1;
	printf("policy=%u nice=%d priority=%u flags=%llu runtime=%llu deadline=%llu period=%llu\n", a.policy, a.nice,
	       a.priority, (unsigned long long)a.flags, (unsigned long long)a.runtime, (unsigned long long)a.deadline,
	       (unsigned long long)a.period);
	return 0;
}

static int do_ioprio(int n, char **v)
{
	long p = syscall(SYS_ioprio_get, 1, 0);

	printf("class=%ld data=%ld\n", p >> 13, p & 0x1fff);
	return p < 0;
}

static int do_mempolicy(int n, char **v)
{
	unsigned long nodes[16] = { 0 };
	int mode = -1;

	if (syscall(SYS_get_mempolicy, &mode, nodes, 1024UL, NULL, 0UL) < 0)
		return 1;
	printf("mode=%#x nodes=%#lx\n", mode, nodes[0]);
	return 0;
}

static int do_personality(int n, char **v)
{
	printf("%#x\n", (unsigned)personality(0xffffffff));
	return 0;
}

static int do_clock(int n, char **v)
{
	struct timespec m, b;

	if (clock_gettime(CLOCK_MONOTONIC, &m) < 0 || clock_gettime(CLOCK_BOOTTIME, &b) < 0)
		return 1;
	printf("monotonic=%lld boottime=%lld\n", (long long)m.tv_sec, (long long)b.tv_sec);
	return 0;
}

/* Open descriptors but for that of this listing: "3 socket:[12]". */
static int do_fds(int n, char **v)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *de;

	while (d && (de = readdir(d))) {
		char link[256];
		ssize_t len;

		if (*de->d_name == '.' || (int)strtol(de->d_name, NULL, 10) == dirfd(d))
			continue;
		len = readlinkat(dirfd(d), de->d_name, link, sizeof link);
		printf("%s %.*s\n", de->d_name, len < 0 ? 0 : (int)len, link);
	}
	return !d;
}

static int do_limits(int n, char **v)
{
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit r;

		if (getrlimit(i, &r) == 0)
			printf("%d %lld %lld\n", i, (long long)r.rlim_cur, (long long)r.rlim_max);
	}
	return 0;
}

/* The session keyring: "_ses.NAME" or what else it is called. */
static int do_keyring(int n, char **v)
{
	char text[256];
	long r = syscall(SYS_keyctl, 6 /* DESCRIBE */, -3, text, sizeof text);

	if (r < 0)
		printf("errno %d\n", errno);
	else
		puts(strrchr(text, ';') + 1);
	return 0;
}

/* Blocked and ignored signals. */
static int do_sigmask(int n, char **v)
{
	sigset_t set;

	sigemptyset(&set);
	sigprocmask(SIG_BLOCK, NULL, &set);
	for (int i = 1; i < 65; i++) {
		struct sigaction sa;

		if (sigismember(&set, i) == 1)
			printf("blocked %d\n", i);
		if (sigaction(i, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN)
			printf("ignored %d\n", i);
	}
	return 0;
}

/* sendmsg PATH TEXT: a datagram to a unix socket. */
static int do_send(int n, char **v)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (n < 2 || s < 0)
		return 1;
	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s", v[0]);
	if (sendto(s, v[1], strlen(v[1]), 0, (struct sockaddr *)&a, sizeof a) < 0) {
		perror("send");
		return 1;
	}
	return 0;
}

static int do_cpu(int n, char **v)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) < 0)
		return 1;
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set))
			printf("%d ", i);
	putchar('\n');
	return 0;
}

/* hog BYTES: touches so much memory. */
static int do_hog(int n, char **v)
{
	size_t size = strtoul(v[0], NULL, 0);
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < size; i += 4096)
		p[i] = 1;
	puts("touched");
	return 0;
}

/* exit N: for programs that must not be a shell. */
static int do_exit(int n, char **v)
{
	return (int)strtol(v[0], NULL, 10);
}

/* wait: until a signal kills. */
static int __attribute__((noreturn)) do_wait(int n, char **v)
{
	for (;;)
		pause();
}

static const struct {
	const char *name;
	int (*run)(int n, char **v);
	int args;
} commands[] = {
	{ "syscall", do_syscall, 1 }, { "sched", do_sched, 0 },     { "ioprio", do_ioprio, 0 },
	{ "mempolicy", do_mempolicy, 0 }, { "personality", do_personality, 0 }, { "clock", do_clock, 0 },
	{ "fds", do_fds, 0 },         { "limits", do_limits, 0 },   { "keyring", do_keyring, 0 },
	{ "signals", do_sigmask, 0 }, { "send", do_send, 2 },       { "cpu", do_cpu, 0 },
	{ "hog", do_hog, 1 },         { "exit", do_exit, 1 },       { "wait", do_wait, 0 },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].name, argv[1]) == 0 && argc - 2 >= commands[i].args)
			return commands[i].run(argc - 2, argv + 2);
	fprintf(stderr, "probe: unknown command\n");
	return 99;
}
