/* floor.c - the least that starting a container costs: the same clone, mounts, devices, masks, cgroup writes,
 * pivot and exec as the bench's bundle asks for, written down, with nothing read, checked or remembered.
 *
 *	floor ROOTFS ID HIERARCHY... [-- PROGRAM]
 *
 * HIERARCHY is the path of the parent cgroup in one hierarchy.
 */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_bundle.h"

static int failures;
#define MUST(call) ((void)((call) < 0 && (failures = failures ? failures : __LINE__)))

static void put(const char *dir, const char *file, const char *text)
{
	char path[512];
	int fd;

	snprintf(path, sizeof path, "%s/%s", dir, file);
	fd = openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
	MUST(fd);
	MUST(write(fd, text, strlen(text)));
	close(fd);
}

static void make_cgroup(const char *dir)
{
	MUST(mkdir(dir, 0755));
	for (const struct bench_limit *l = bench_limits; l->controller; l++)
		if (strstr(dir, l->controller))
			put(dir, l->file, l->value);
}

static void make_devices(void)
{
	for (const struct bench_device *d = bench_devices; d->path; d++)
		MUST(mknod(d->path, S_IFCHR | 0666, makedev(d->major, d->minor)));
	for (const struct bench_link *l = bench_links; l->path; l++)
		MUST(symlink(l->target, l->path));
}

static void make_masks(void)
{
	for (const char *const *p = bench_readonly; *p; p++) {
		if (mount(*p, *p, NULL, MS_BIND | MS_REC, NULL) < 0)
			continue;       /* this kernel has no such file */
		MUST(mount(NULL, *p, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL));
	}
	for (const char *const *p = bench_masked; *p; p++)
		if (mount("dev/null", *p, NULL, MS_BIND, NULL) < 0)
			(void)mount("tmpfs", *p, "tmpfs", MS_RDONLY, "nr_blocks=1,nr_inodes=1");
}

static struct sock_filter insns[4096];

static struct sock_fprog read_filter(const char *file)
{
	int fd = openat(AT_FDCWD, file, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, insns, sizeof insns);

	MUST(n);
	close(fd);
	return (struct sock_fprog){ .len = (unsigned short)(n / (ssize_t)sizeof *insns), .filter = insns };
}

static void drop(void)
{
	struct {
		uint32_t version;
		int pid;
	} head = { 0x20080522, 0 };
	struct {
		uint32_t effective, permitted, inheritable;
	} data[2] = { { (uint32_t)BENCH_CAPS, (uint32_t)BENCH_CAPS, 0 },
		      { (uint32_t)(BENCH_CAPS >> 32), (uint32_t)(BENCH_CAPS >> 32), 0 } };

	for (int i = 0; i <= 40; i++)
		if (!(BENCH_CAPS >> i & 1))
			MUST(prctl(PR_CAPBSET_DROP, i, 0, 0, 0));
	MUST(syscall(SYS_capset, &head, data));
}

static int tasks[32], n_tasks;

static void child(const char *rootfs, int gate, char *const *argv, const struct sock_fprog *filter)
{
	static char path[] = "PATH=/usr/bin:/bin", *const env[] = { path, NULL };
	char go;

	for (int i = 0; i < n_tasks; i++)
		MUST(write(tasks[i], "0", 1));
	MUST(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL));
	MUST(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL));
	MUST(chdir(rootfs));
	for (const struct bench_mount *m = bench_mounts; m->type; m++) {
		if (m->mkdir)
			MUST(mkdir(m->target, 0755));
		MUST(mount(m->source, m->target, m->type, m->flags, m->data));
	}
	make_devices();
	make_masks();
	MUST(syscall(SYS_pivot_root, ".", "."));
	MUST(umount2(".", MNT_DETACH));
	MUST(chdir("/"));
	MUST(mount(NULL, "/", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL));
	MUST(sethostname(BENCH_HOSTNAME, sizeof BENCH_HOSTNAME - 1));
	MUST(read(gate, &go, 1));
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	drop();
	if (filter->len)
		MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, filter));
	if (failures)
		_exit(100);
	execve(argv[0], argv, env);
	_exit(101);
}

int main(int argc, char **argv)
{
	struct clone_args args = { .exit_signal = SIGCHLD,
				   .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS };
	struct sock_fprog filter = { 0 };
	char name[] = "/bin/true", *program[] = { name, NULL }, dir[1024];
	int gate[2], status, n = 3;
	long child_pid;

	if (argc < 4)
		return 64;
	if (*argv[n] == '@')
		filter = read_filter(argv[n++] + 1);
	MUST(pipe2(gate, O_CLOEXEC));
	for (int i = n; i < argc; i++) {
		snprintf(dir, sizeof dir, "%s/%s", argv[i], argv[2]);
		make_cgroup(dir);
		snprintf(dir, sizeof dir, "%s/%s/tasks", argv[i], argv[2]);
		MUST(tasks[n_tasks++] = openat(AT_FDCWD, dir, O_WRONLY | O_CLOEXEC));
	}
	child_pid = syscall(SYS_clone3, &args, sizeof args);
	if (child_pid == 0)
		child(argv[1], gate[0], program, &filter);
	MUST(write(gate[1], "g", 1));
	MUST(waitpid((pid_t)child_pid, &status, 0));
	for (int i = n; i < argc; i++) {
		snprintf(dir, sizeof dir, "%s/%s", argv[i], argv[2]);
		MUST(rmdir(dir));
	}
	if (failures)
		fprintf(stderr, "floor: line %d failed\n", failures);
	return failures ? 99 : WEXITSTATUS(status);
}
