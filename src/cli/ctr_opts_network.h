/* ctr_opts_network.h - rows of ctr_opts.h: networks, ports, names. */
#pragma once

#define CTR_OPTS_NETWORK \
	CTR_ROW(STRS, "network", 0, networks, "none|host", "none: only loopback (the default for now), host: the host's") \
	CTR_ALSO(STRS, "net", networks)
