/* binds_parts.h - one mount that was asked for, whatever flag said so: for binds*.c. */
#pragma once

#include "engine/request.h"

enum place_type { PLACE_BIND, PLACE_VOLUME, PLACE_TMPFS, PLACE_RAMFS, PLACE_IMAGE, PLACE_DEVPTS };

struct place {
	const char *flag, *text;        /* for errors: -v, "a:b" */
	enum place_type type;
	const char *source;             /* path, volume's or image's name; NULL: an anonymous volume */
	const char *path;               /* destination as it was written */
	const char *mode;               /* as inspect shows it; words as in -v, which volume_prepare() reads again */
	const char *propagation;        /* "" where there is none */
	struct json *options;           /* of an OCI mount, in order */
	struct json *volume_options;    /* Labels, DriverConfig; NULL */
	bool ro, overlay, not_rec;
	bool must_exist;                /* a missing source of a bind is an error, else it is made */
	bool yields;                    /* another mount on the same destination wins silently */
};

struct binds {
	struct arena *a;
	const struct run_request *q;
	const char *id;
	struct run_config *c;
	unsigned overlays;              /* so many places with a private upper directory so far */
};

/* Adds to mounts and mount_points. */
int place_add(struct binds *b, struct place *p, struct dv_err *e) DV_MUST_USE;
/* The words of -v's third part: ro, z, U, O, rslave, ... Fills ro, overlay, options and propagation. */
int place_words(struct binds *b, struct place *p, const char *words, struct dv_err *e) DV_MUST_USE;
/* --mount type=...,source=...,target=...; inherited: it is another container's, and yields. */
int place_mount_flag(struct binds *b, const char *text, bool inherited, struct dv_err *e) DV_MUST_USE;
