/* network_wish.h - what the flags of a container say of its networks, taken apart. */
#pragma once

#include "engine/network_parts.h"

struct network_want {
	const char *name;               /* of the network */
	const char *ip, *ip6, *mac, *ifname;
	struct json *aliases;
};

struct network_wish {
	enum network_mode mode;
	const char *text;               /* docker's NetworkMode */
	const char *container, *path;   /* of NETWORK_JOINED */
	struct network_want *v;
	size_t n;
	struct json *ports, *exposed;   /* arrays of {proto, ip, host, port} */
	bool publish_all;
	const struct run_request *q;
	struct netns_job *job;          /* of network_begin() */
	/* of network_prepare() */
	int netns;                      /* the caller's, in its network_ready; -1 */
	const struct json *addresses;   /* array of texts: the container's own */
	const struct json *servers;     /* array of texts: who is asked for names in its networks */
	const char *host;               /* the host as the container sees it, or NULL */
};
