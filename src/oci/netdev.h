/* netdev.h - linux.netDevices: interfaces of the host that move into the container. */
#pragma once

#include "json/json.h"

/* An object of objects with an optional name each: INVALID names what is no interface's name. */
int netdev_check(const struct json *devices, struct dv_err *e) DV_MUST_USE;
/* Moves each into the network namespace at netns_fd under its new name, with its permanent global addresses, and
 * sets it up. NOT_FOUND for an interface that does not exist, EXISTS where the name is taken there. */
int netdev_move(const struct json *devices, int netns_fd, struct dv_err *e) DV_MUST_USE;
