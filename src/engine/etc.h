/* etc.h - the files in /etc that belong to the container and not to its image: hosts, hostname, resolv.conf. */
#pragma once

#include "engine/request.h"

/* Writes them into the run directory of the container. */
int etc_write(int dir_fd, const struct run_config *c, struct dv_err *e) DV_MUST_USE;
/* The zone of --tz. */
int etc_write_zone(int dir_fd, const struct run_request *q, struct dv_err *e) DV_MUST_USE;
/* Adds their bind mounts; dir is the run directory's path. */
void etc_mounts(struct arena *a, const char *dir, const struct run_request *q, struct json *mounts);
