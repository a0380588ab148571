/* conntrack.h - what the kernel remembers of flows.
 *
 * A UDP flow has no end: as long as its client sends, packets go where the first one went, whatever the rules say by now.
 * When a port is somebody else's, its flows must be forgotten, after the rules have changed.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

/* UDP flows of this network namespace that were sent to one of these ports, in IPv4 and IPv6. A kernel without ctnetlink
 * is success. */
int conntrack_forget_udp(const unsigned *ports, size_t n, struct dv_err *e) DV_MUST_USE;
