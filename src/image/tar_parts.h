/* tar_parts.h - what the files of the tar reader share: raw headers, extended headers, sparse maps. */
#pragma once

#include "base/mem.h"
#include "image/tar.h"

struct tar_raw {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
	char type;
	char link[100], magic[6], version[2], uname[32], gname[32], major[8], minor[8];
	union {
		char prefix[155];
		struct {
			char atime[12], ctime[12], offset[12], longnames[4], unused;
			struct tar_raw_run { char offset[12], len[12]; } runs[4];
			char extended, realsize[12];
		} gnu;
	};
	char pad[12];
};
_Static_assert(sizeof(struct tar_raw) == TAR_BLOCK, "a tar header is one block");

/* A number field: octal text or base-256. INVALID for garbage, negative numbers or what exceeds max. */
int tar_number(const char *field, size_t len, uint64_t max, const char *what, uint64_t *ret, struct dv_err *e) DV_MUST_USE;
/* The same for times, which may lie before 1970. */
int tar_time(const char *field, size_t len, int64_t *ret, struct dv_err *e) DV_MUST_USE;

/* --- extended headers --- */

struct tar_run { uint64_t offset, len; };

struct tar_map {
	struct tar_run *v;
	size_t n, cap;
};
int tar_map_add(struct tar_map *m, uint64_t offset, uint64_t len, struct dv_err *e) DV_MUST_USE;
/* In order, inside of size, and summing up to stored. */
int tar_map_check(const struct tar_map *m, uint64_t size, uint64_t stored, struct dv_err *e) DV_MUST_USE;

struct opt_num { bool set; uint64_t v; };

/* Strings point into the text that was parsed. */
struct tar_pax {
	const char *path, *link, *sparse_name;
	struct opt_num size, uid, gid, sparse_size, sparse_major, sparse_minor, sparse_offset;
	struct { bool set; int64_t s; uint32_t ns; } mtime;
	struct tar_xattr xattrs[TAR_XATTRS_MAX];
	size_t n_xattrs;
	bool has_map;
};

/* Apply the records in text (changed in place, NUL behind it) to *p; runs of sparse formats 0.x go to map. */
int tar_pax_apply(struct tar_pax *p, struct tar_map *map, char *text, size_t len, struct dv_err *e) DV_MUST_USE;
/* Decimal digits only, up to end. */
int tar_decimal(const char *s, const char *end, const char *what, uint64_t *ret, struct dv_err *e) DV_MUST_USE;

/* --- the reader --- */

struct tar_reader {
	struct tar_source src;
	const char *chunk;
	size_t chunk_len;
	uint64_t pos;                   /* in the stream */
	uint64_t left, pad;             /* of the current entry, stored bytes */
	uint64_t entries;
	bool ended;

	struct tar_raw raw;
	struct tar_pax pax, global;
	struct tar_map map;
	size_t run;                     /* of map, and what was handed out of it */
	uint64_t run_done;
	struct buf pax_text;            /* pax points into it */
	struct arena global_text;       /* global points into it */
	struct buf long_name, long_link;
	char name[sizeof(((struct tar_raw *)0)->prefix) + 1 + sizeof(((struct tar_raw *)0)->name) + 1];
	char link[sizeof(((struct tar_raw *)0)->link) + 1];
	struct tar_entry entry;
};

static inline uint64_t tar_padding(uint64_t size)
{
	return -size & (TAR_BLOCK - 1);
}

/* Exactly len bytes of the stream; INVALID when it ends before. */
int tar_read_exact(struct tar_reader *r, void *out, size_t len, struct dv_err *e) DV_MUST_USE;
int tar_skip(struct tar_reader *r, uint64_t n, struct dv_err *e) DV_MUST_USE;
/* The entry in r is a sparse file or not: fills map and size, and reads a map in front of the data. */
int tar_sparse(struct tar_reader *r, struct dv_err *e) DV_MUST_USE;
