/* records.h - what the name server knows, as small files that command lines write and davit-netd reads.
 *
 *	NETWORK.net                 gateway ADDRESS; upstream ADDRESS[#PORT], or "host" for the servers of the host's
 *	                            resolv.conf: a line for each. Without any nothing but containers is found
 *	NETWORK.CONTAINER.ctr       name NAME (the first one is the main one); addr ADDRESS; tcp (or udp) ADDRESS#PORT and
 *	                            then, in a line `to`, ADDRESS#PORT: a port of the host's loopback and where it leads
 *
 * Ids are letters and digits. A file is replaced as a whole; without its file a network or container is not known.
 */
#pragma once

#include "base/mem.h"
#include "dns/forward.h"
#include "dns/zone.h"

#define RECORDS_DIR "netd/names"        /* in the run directory */
#define RECORDS_ID_MAX 64
#define RECORDS_GATEWAYS_MAX 4
#define RECORDS_PORTS_MAX 2048

struct records_network {
	char id[RECORDS_ID_MAX + 1];
	struct sockaddr_storage gateways[RECORDS_GATEWAYS_MAX];
	size_t n_gateways;
	struct forward_servers upstreams;
	bool upstream_host;
};

struct records_port {
	bool udp;
	struct sockaddr_storage at, to;
};

struct records_container {
	char network[RECORDS_ID_MAX + 1], id[RECORDS_ID_MAX + 1];
	char **names;                   /* in the arena */
	size_t n_names;
	struct zone_addr addrs[ZONE_ADDRS_MAX];
	size_t n_addrs;
	struct records_port *ports;     /* in the arena */
	size_t n_ports;
};

struct records_publish {
	bool udp;
	const char *at, *to;            /* ADDRESS#PORT */
};
/* Texts are written as they are given: addresses as inet_pton(3) reads them, lists are NULL-terminated. INVALID for
 * an id or name that could not be read again. */
int records_write_network(int dirfd, const char *id, const char *const *gateways, const char *const *upstreams,
			  struct dv_err *e) DV_MUST_USE;
int records_write_container(int dirfd, const char *network, const char *id, const char *const *names,
			    const char *const *addrs, const struct records_publish *ports, size_t n_ports,
			    struct dv_err *e) DV_MUST_USE;
/* Absent is success. */
int records_remove_network(int dirfd, const char *id, struct dv_err *e) DV_MUST_USE;
int records_remove_container(int dirfd, const char *network, const char *id, struct dv_err *e) DV_MUST_USE;

enum records_kind { RECORDS_OTHER, RECORDS_NETWORK, RECORDS_CONTAINER };
/* What the name of a file says; the ids go into the struct of that kind. */
enum records_kind records_parse_name(const char *file, struct records_network *n, struct records_container *c);
/* NOT_FOUND when it is gone; INVALID names file and line. The ids are taken from the file's name. */
int records_read_network(int dirfd, const char *file, struct records_network *ret, struct dv_err *e) DV_MUST_USE;
int records_read_container(int dirfd, struct arena *a, const char *file, struct records_container *ret,
			   struct dv_err *e) DV_MUST_USE;
