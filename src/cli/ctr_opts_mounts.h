/* ctr_opts_mounts.h - rows of ctr_opts.h: files and directories. */
#pragma once

#define CTR_OPTS_MOUNTS \
	CTR_ROW(STRS, "volume", 'v', volumes, "SRC:DST[:OPTIONS]", \
		"Mount SRC of the host at DST; options: ro, rw, rshared, rslave, rprivate") \
	CTR_ROW(STRS, "tmpfs",  0,   tmpfs,   "DST[:OPTIONS]", "Mount an empty file system in memory") \
	CTR_BOOL("read-only",       0, read_only,       "Mount the container's root read-only") \
	CTR_BOOL("read-only-tmpfs", 0, read_only_tmpfs, "With --read-only: /run, /tmp and /var/tmp in memory, writable")
