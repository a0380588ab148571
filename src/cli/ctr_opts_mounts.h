/* ctr_opts_mounts.h - rows of ctr_opts.h: files and directories. */
#pragma once

#define CTR_OPTS_MOUNTS \
	CTR_ROW(STRS, "volume",       'v', volumes, "[SRC:]DST[:OPTIONS]", \
		"Mount a directory of the host or a volume at DST; options: ro, nocopy, U, O, rslave, ...") \
	CTR_ROW(STRS, "mount",         0, mounts, "KEY=VALUE,...", \
		"The same with names: type=bind|volume|tmpfs|image|devpts, source, target, readonly, ...") \
	CTR_ROW(STRS, "tmpfs",         0, tmpfs, "DST[:OPTIONS]", "Mount an empty file system in memory") \
	CTR_ROW(STRS, "volumes-from",  0, volumes_from, "CONTAINER[:ro]", "Mount what another container has mounted") \
	CTR_ROW(STR,  "volume-driver", 0, volume_driver, "DRIVER", "Only local is there") \
	CTR_ROW(STR,  "image-volume",  0, image_volume, "HOW", \
		"What VOLUME of the image becomes: anonymous (the default), bind (the same), tmpfs, ignore") \
	CTR_ROW(STRS, "secret",        0, secrets, "NAME[,OPTIONS]", \
		"Give the container a secret; options: type=mount|env, target, uid, gid, mode") \
	CTR_BOOL("read-only",       0, read_only,       "Mount the container's root read-only") \
	CTR_BOOL("read-only-tmpfs", 0, read_only_tmpfs, "With --read-only: /run, /tmp and /var/tmp in memory, writable")
