/* bench_bundle.h - the container of bench-oci, as tables that the floor program executes and the bundle's
 * configuration is written from: both do the same.
 */
#pragma once

#include <stdint.h>
#include <sys/mount.h>

#define BENCH_HOSTNAME "bench"
/* docker's default capabilities without NET_RAW */
#define BENCH_CAPS UINT64_C(0xa80405fb)

struct bench_limit {
	const char *controller, *file, *value;
};
static const struct bench_limit bench_limits[] = {
	{ "/memory", "memory.limit_in_bytes", "268435456" },
	{ "/pids", "pids.max", "100" },
	{ "/cpu/", "cpu.cfs_period_us", "100000" },
	{ "/cpu/", "cpu.cfs_quota_us", "150000" },
	{ "/cpuset", "cpuset.cpus", "0-1" },
	{ "/cpuset", "cpuset.mems", "0" },
	{ "/devices", "devices.deny", "a" },
	{ "/devices", "devices.allow", "c *:* m" },
	{ "/devices", "devices.allow", "b *:* m" },
	{ "/devices", "devices.allow", "c 1:3 rwm" },
	{ "/devices", "devices.allow", "c 1:5 rwm" },
	{ "/devices", "devices.allow", "c 1:7 rwm" },
	{ "/devices", "devices.allow", "c 1:8 rwm" },
	{ "/devices", "devices.allow", "c 1:9 rwm" },
	{ "/devices", "devices.allow", "c 5:0 rwm" },
	{ "/devices", "devices.allow", "c 5:2 rwm" },
	{ "/devices", "devices.allow", "c 136:* rwm" },
	{ 0 }
};

struct bench_mount {
	const char *type, *source, *target, *data;
	unsigned long flags;
	int mkdir;
	const char *options;        /* the same for config.json */
};
static const struct bench_mount bench_mounts[] = {
	{ "proc", "proc", "proc", NULL, 0, 0, NULL },
	{ "tmpfs", "tmpfs", "dev", "mode=755,size=65536k", MS_NOSUID | MS_STRICTATIME, 0,
	  "nosuid,strictatime,mode=755,size=65536k" },
	{ "devpts", "devpts", "dev/pts", "newinstance,ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC, 1,
	  "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5" },
	{ "tmpfs", "shm", "dev/shm", "mode=1777,size=65536k", MS_NOSUID | MS_NOEXEC | MS_NODEV, 1,
	  "nosuid,noexec,nodev,mode=1777,size=65536k" },
	{ "mqueue", "mqueue", "dev/mqueue", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV, 1, "nosuid,noexec,nodev" },
	{ "sysfs", "sysfs", "sys", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, 0, "nosuid,noexec,nodev,ro" },
	{ 0 }
};

struct bench_device {
	const char *path;
	unsigned major, minor;
};
static const struct bench_device bench_devices[] = {
	{ "dev/null", 1, 3 },   { "dev/zero", 1, 5 },    { "dev/full", 1, 7 }, { "dev/tty", 5, 0 },
	{ "dev/random", 1, 8 }, { "dev/urandom", 1, 9 }, { 0 }
};
struct bench_link {
	const char *path, *target;
};
static const struct bench_link bench_links[] = {
	{ "dev/fd", "/proc/self/fd" },        { "dev/stdin", "/proc/self/fd/0" },
	{ "dev/stdout", "/proc/self/fd/1" },  { "dev/stderr", "/proc/self/fd/2" },
	{ "dev/ptmx", "pts/ptmx" },           { 0 }
};
static const char *const bench_masked[] = { "proc/acpi", "proc/kcore", "proc/keys", "proc/timer_list",
					    "proc/scsi", "sys/firmware", NULL };
static const char *const bench_readonly[] = { "proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger",
					      NULL };
