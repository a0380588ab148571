/* change.h - instructions of a Dockerfile that change an image's configuration: for import and commit --change.
 *
 * CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR; names in any case. CMD,
 * ENTRYPOINT and VOLUME take a JSON array or plain text (for the first two: a line for /bin/sh).
 */
#pragma once

#include "json/json.h"

#define IMAGE_CHANGES_MAX 1000

/* Apply "ENV A=b" to config, which is the "config" object of an image configuration, made in a. INVALID. */
int image_change(struct arena *a, struct json *config, const char *instruction, struct dv_err *e) DV_MUST_USE;
