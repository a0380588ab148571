/* network_parts.h - between the files of networks: rows, pools, links and rules. */
#pragma once

#include <netinet/in.h>        /* before those of the kernel */

#include "dns/records.h"
#include "engine/ctr.h"
#include "engine/network.h"
#include "net/elems.h"
#include "net/link.h"

#define NETWORK_IFNAME_SIZE LINK_NAME_SIZE

/* One address family of a network; prefix.addr.family 0: it has none. */
struct network_subnet {
	struct net_prefix prefix;
	struct net_prefix range;        /* where addresses come from; family 0: all of it */
	struct net_addr gateway;
};
enum { NET_V4, NET_V6, NET_FAMILIES };

struct network {
	int64_t seq;
	const char *id, *name;
	int64_t created_ns;
	uint64_t next;                  /* host part of the address that is tried next */
	const char *driver;             /* "bridge", "macvlan" */
	const char *bridge;             /* its interface; of a macvlan the parent */
	const char *mode;               /* of a macvlan */
	struct network_subnet subnets[NET_FAMILIES];
	unsigned mtu;
	bool internal, isolate, icc, masquerade, dns;
	const struct json *labels, *options;
};

struct endpoint {
	int64_t seq;
	int64_t network;                /* networks.seq */
	const char *container;
	struct net_addr addr[NET_FAMILIES];     /* family 0: none now */
	const char *boot;               /* of the addresses */
	struct net_mac mac;
	const char *ifname;             /* in the container: "eth0" */
	/* what was asked for, for the next start */
	const char *want[NET_FAMILIES]; /* or NULL */
	const char *want_mac;
	const struct json *aliases;     /* array */
	const struct json *ports;       /* array of {proto, ip, host, port}; of one endpoint of a container at most */
};
/* Our end of its veth pair. */
const char *endpoint_link(struct engine *g, struct arena *a, const struct endpoint *n);

struct endpoint_list {
	struct endpoint **v;
	size_t n;
};
struct network_rows {
	struct network **v;
	size_t n;
};

/* --- network_db.c --- */
int network_migrate(struct engine *g, struct dv_err *e) DV_MUST_USE;
/* 8 hex digits that are this root's own on the host. */
const char *network_tag(struct engine *g, struct arena *a);
/* RUNROOT/network.lock until ret_fd is closed. */
int network_lock(struct engine *g, bool exclusive, int *ret_fd, struct dv_err *e) DV_MUST_USE;

int network_rows(struct engine *g, struct arena *a, struct network_rows *ret, struct dv_err *e) DV_MUST_USE;
int network_find(struct engine *g, struct arena *a, const char *ref, struct network **ret, struct dv_err *e) DV_MUST_USE;
const struct network *network_by_seq(const struct network_rows *l, int64_t seq);
/* seq and the bridge's name (when NULL) are set. EXISTS. */
int network_insert(struct engine *g, struct arena *a, struct network *n, struct dv_err *e) DV_MUST_USE;
/* With its endpoints. */
int network_drop(struct engine *g, int64_t seq, struct dv_err *e) DV_MUST_USE;

/* Of a container ("" or NULL: of all), of a network (0: any). */
int endpoint_rows(struct engine *g, struct arena *a, const char *container, int64_t network, struct endpoint_list *ret,
		  struct dv_err *e) DV_MUST_USE;
/* Gives all of them addresses and stores them, in one transaction; those with a seq have rows. CONFLICT: an address or a
 * published port is taken; LIMIT: no address is left. */
int endpoint_store(struct engine *g, struct arena *a, const struct network_rows *nets, struct endpoint **v, size_t n,
		   struct dv_err *e) DV_MUST_USE;
/* One without addresses: for the container's next start. EXISTS. */
int endpoint_insert(struct engine *g, struct arena *a, struct endpoint *p, struct dv_err *e) DV_MUST_USE;
/* The addresses are free again; with forget the rows go. */
int endpoint_clear(struct engine *g, const char *container, bool forget, struct dv_err *e) DV_MUST_USE;
int endpoint_drop(struct engine *g, int64_t seq, struct dv_err *e) DV_MUST_USE;
/* It has addresses of this boot. */
bool endpoint_active(const struct engine *g, const struct endpoint *p);

/* --- network_verbs.c --- */
/* The endpoints of a network (0: of all) whose containers are there; those that have ended by themselves give up what they
 * had on the way. Without the network lock. */
int network_users(struct engine *g, struct arena *a, int64_t network, struct endpoint_list *ret, struct dv_err *e) DV_MUST_USE;

/* --- network_pool.c --- */
/* A subnet that neither the host's routes, nor networks, nor other roots have. */
int pool_choose(struct engine *g, struct arena *a, int family, bool is_default, struct net_prefix *ret, struct dv_err *e) DV_MUST_USE;
/* CONFLICT when somebody has a part of it. */
int pool_reserve(struct engine *g, struct arena *a, const struct net_prefix *p, struct dv_err *e) DV_MUST_USE;
int pool_release(struct engine *g, struct arena *a, const struct net_prefix *p, struct dv_err *e) DV_MUST_USE;

/* --- network_spec.c: words into values --- */
/* A parsed -p: the ports of one flag, in order. */
int port_parse(struct arena *a, const char *text, struct json *list, struct dv_err *e) DV_MUST_USE;
/* "80/tcp", "8000-8010", as of --expose and an image's ExposedPorts; appends {proto, port}. */
int expose_parse(struct arena *a, const char *text, struct json *list, struct dv_err *e) DV_MUST_USE;
/* The default network is made when it does not exist. NOT_FOUND. */
int network_need(struct engine *g, struct arena *a, const char *ref, struct network **ret, struct dv_err *e) DV_MUST_USE;
bool network_name_ok(const char *name);

/* --- network_ports.c --- */
/* Binds every port of the list on the host, chooses those that are 0 (and writes them back): CONFLICT "port is already
 * allocated". *ret_fd holds the sockets until it is closed. */
int ports_hold(struct engine *g, struct arena *a, struct json *list, bool v6, int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* The user that sockets of published ports belong to: a number of this root's own, so that they share a port with each
 * other only. */
unsigned ports_user(struct engine *g, struct arena *a);
/* CONFLICT when another container that is in a network publishes one of them. */
int ports_check(struct engine *g, struct arena *a, const char *container, const struct json *ports, struct dv_err *e) DV_MUST_USE;

/* --- network_link.c --- */
/* The bridge exists, is up and has its addresses; forwarding is on. CONFLICT: the host has a route to its subnet. */
int bridge_up(struct engine *g, struct arena *a, int route, const struct network *n, int *ret_index, struct dv_err *e) DV_MUST_USE;
/* The inner socket is one of the container's namespace. */
int endpoint_up(struct engine *g, struct arena *a, int route, int inside, int netns, int bridge, unsigned which,
		const struct network *n, const struct endpoint *p, bool gateway, struct dv_err *e) DV_MUST_USE;
/* Deletes a link; nobody waits for it. */
int link_delete_later(const char *name, struct dv_err *e) DV_MUST_USE;

/* --- network_rules.c --- */
/* Elements of endpoints and of their networks. NOT_FOUND: the table is gone. */
int rules_add(struct engine *g, struct arena *a, const struct network_rows *nets, struct endpoint *const *v, size_t n,
	      struct dv_err *e) DV_MUST_USE;
/* What a published port is in the firewall: ip is the host's address, "" for all of them. */
struct elem rules_port(struct arena *a, const char *proto, const char *ip, unsigned outer, const struct net_addr *to,
		       unsigned inner);
/* What is not there is no error. */
int rules_remove(struct engine *g, struct arena *a, const struct network_rows *nets, struct endpoint *const *v, size_t n,
		 struct dv_err *e) DV_MUST_USE;
/* What these endpoints of one container have is written into its run directory, where its monitor looks at the end. */
int rules_note(struct engine *g, struct arena *a, const struct network_rows *nets, struct endpoint *const *v, size_t n,
	       struct dv_err *e) DV_MUST_USE;
/* The kernel forgets UDP flows to the ports of these: after their rules have come or gone. */
void rules_forget_flows(struct arena *a, struct endpoint *const *v, size_t n);
int rules_remove_network(struct engine *g, struct arena *a, const struct network *n, struct dv_err *e) DV_MUST_USE;
/* The whole table from the rows, in one transaction. The network lock is held exclusively. */
int rules_install(struct engine *g, struct arena *a, struct dv_err *e) DV_MUST_USE;
/* Away with it: no network is left. */
int rules_uninstall(struct engine *g, struct arena *a, struct dv_err *e) DV_MUST_USE;
bool rules_there(struct engine *g, struct arena *a);

/* --- network_others.c --- */
struct nft_base;
/* A chain of another program that drops what it does not know; our rules are in it. */
bool others_drop(const struct nft_base *c);
bool others_open(struct engine *g, struct arena *a, int nft, const struct nft_base *c);
/* Our rules are in (wanted), or gone from, the chains of others that drop what they do not know. The network lock is held
 * exclusively. */
int others_write(struct engine *g, struct arena *a, bool wanted, struct dv_err *e) DV_MUST_USE;

/* --- network_names.c --- */
/* Containers of this network find each other by name. */
bool names_served(const struct network *n);
/* The addresses that are asked for names; NULL-terminated. */
const char *const *names_servers(struct arena *a, const struct network *n);
/* What of an endpoint's ports is on the host's loopback. */
const struct records_publish *names_published(struct arena *a, const struct endpoint *p, size_t *ret_n);
/* davit-netd runs. */
bool names_are_served(struct engine *g);
/* What the container is called in its networks, as its rows say now; davit-netd runs afterwards. UNAVAILABLE: it does
 * not. */
int names_tell(struct engine *g, struct arena *a, const char *id, struct dv_err *e) DV_MUST_USE;
/* Networks are named by their ids. id NULL: the network itself is gone. */
int names_forget(struct engine *g, struct arena *a, const char *network, const char *id, struct dv_err *e) DV_MUST_USE;

/* --- network_verbs.c --- */
/* "create", "connect" and "disconnect" of a container, "destroy". */
void network_event(struct engine *g, const struct network *n, const char *action, const char *container);
