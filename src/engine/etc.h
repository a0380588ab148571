/* etc.h - the files in /etc that belong to the container and not to its image: hosts, hostname, resolv.conf. */
#pragma once

#include "engine/request.h"

/* Writes them into the run directory of the container. */
int etc_write(int dir_fd, const struct run_config *c, struct dv_err *e) DV_MUST_USE;
/* The zone of --tz. */
int etc_write_zone(int dir_fd, const struct run_request *q, struct dv_err *e) DV_MUST_USE;
/* Names in the container: --add-host, --dns and the others; the addresses of its networks are known. etc_names.c */
int etc_hosts(const struct run_config *c, struct buf *ret, struct dv_err *e) DV_MUST_USE;
int etc_resolv(const struct run_config *c, struct buf *ret, struct dv_err *e) DV_MUST_USE;
/* INVALID names the flag. */
struct network_wish;
int etc_check_hosts(const struct network_wish *w, struct dv_err *e) DV_MUST_USE;
int etc_check_dns(const struct run_request *q, struct dv_err *e) DV_MUST_USE;
/* Adds their bind mounts; dir is the run directory's path. */
void etc_mounts(struct arena *a, const char *dir, const struct run_request *q, struct json *mounts);
