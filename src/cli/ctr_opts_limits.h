/* ctr_opts_limits.h - rows of ctr_opts.h: what the container may use. */
#pragma once

#define CTR_OPTS_LIMITS \
	CTR_ROW(BYTES, "memory",             'm', memory,               "BYTES", "Limit of memory") \
	CTR_BYTES_OR_NONE("memory-swap", memory_swap, \
			  "Limit of memory and swap together, -1 for none (default: twice the memory)") \
	CTR_ROW(BYTES, "memory-reservation", 0,   memory_reservation,   "BYTES", "What it is pressed down to when memory is short") \
	CTR_ROW(I64,   "memory-swappiness",  0,   memory_swappiness,    "N",     "0 to 100, -1 for the kernel's own") \
	CTR_BOOL("oom-kill-disable", 0, oom_kill_disable, "Let it wait at its limit of memory instead of being killed") \
	CTR_ROW(I64,   "oom-score-adj",      0,   oom_score_adj,        "N",     "-1000 to 1000: the highest is killed first") \
	CTR_ROW(STR,   "cpus",               0,   cpus,                 "N",     "Limit of processor time: 0.5 is half of one") \
	CTR_ROW(I64,   "cpu-shares",         'c', cpu_shares,           "N",     "Its weight when processors are short (default 1024)") \
	CTR_ROW(I64,   "cpu-period",         0,   cpu_period,           "USEC",  "Limit of processor time, by hand: quota in each period") \
	CTR_ROW(I64,   "cpu-quota",          0,   cpu_quota,            "USEC",  "See --cpu-period") \
	CTR_ROW(I64,   "cpu-rt-period",      0,   cpu_rt_period,        "USEC",  "The same for processes of real-time priority") \
	CTR_ROW(I64,   "cpu-rt-runtime",     0,   cpu_rt_runtime,       "USEC",  "See --cpu-rt-period") \
	CTR_ROW(STR,   "cpuset-cpus",        0,   cpuset_cpus,          "LIST",  "Processors it may run on: 0-3,7") \
	CTR_ROW(STR,   "cpuset-mems",        0,   cpuset_mems,          "LIST",  "Memory nodes it may use") \
	CTR_ROW(I64,   "pids-limit",         0,   pids,                 "N",     "Limit of processes, -1 for none") \
	CTR_ROW(I64,   "blkio-weight",       0,   blkio_weight,         "N",     "Its weight when disks are busy, 10 to 1000") \
	CTR_ROW(STRS,  "blkio-weight-device", 0,  blkio_weight_devices, "DEV:N", "The same for one device") \
	CTR_ROW(STRS,  "device-read-bps",    0,   device_read_bps,      "DEV:BYTES", "Limit of bytes read from a device a second") \
	CTR_ROW(STRS,  "device-write-bps",   0,   device_write_bps,     "DEV:BYTES", "Limit of bytes written") \
	CTR_ROW(STRS,  "device-read-iops",   0,   device_read_iops,     "DEV:N", "Limit of reads a second") \
	CTR_ROW(STRS,  "device-write-iops",  0,   device_write_iops,    "DEV:N", "Limit of writes a second") \
	CTR_ROW(STRS,  "ulimit",             0,   ulimits,              "NAME=SOFT[:HARD]", \
		"Resource limit of the process: nofile=1024:2048, -1 for none, host for ours") \
	CTR_ROW(BYTES, "shm-size",           0,   shm_size,             "BYTES", "Size of /dev/shm (default 64m)") \
	CTR_ROW(STRS,  "cgroup-conf",        0,   cgroup_conf,          "FILE=VALUE", "A file of its cgroup (v2 only)") \
	CTR_ROW(STR,   "cgroup-parent",      0,   cgroup_parent,        "PATH",  "Cgroup that its cgroup is made in")
