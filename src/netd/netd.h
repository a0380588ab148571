/* netd.h - davit-netd: container names, and rules that come back, for as long as there are containers in networks.
 *
 * One process per run directory. Command lines start it (netd_program's flags) and tell it what there is by files
 * (dns/records.h); it ends by itself when the last container's file is gone. Killed at any time it leaves nothing
 * that matters: the next command starts another one, which reads the same files.
 */
#pragma once

#include "ui/opt.h"

extern const struct program netd_program;

#define NETD_DIR "netd"                 /* in the run directory */
#define NETD_LOCK "lock"                /* held as long as it runs */
