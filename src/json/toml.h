/* toml.h - TOML 1.0 into the JSON tree.
 *
 * Tables become objects, in the order of the text. What JSON has no type for
 * becomes a string: dates and times as they are written, and "inf", "-inf",
 * "nan". Configuration files of other projects are read with this.
 */
#pragma once

#include "json/json.h"

#define TOML_BYTES_MAX ((size_t)4 << 20)
#define TOML_DEPTH_MAX 64

/* INVALID names the line; LIMIT for size and depth. Keys with NUL bytes are not taken. */
int toml_parse(struct arena *a, const char *text, size_t len, struct json **ret, struct dv_err *e) DV_MUST_USE;
/* The file `name` in dirfd; errors name the file. */
int toml_parse_file(struct arena *a, int dirfd, const char *name, struct json **ret, struct dv_err *e) DV_MUST_USE;
