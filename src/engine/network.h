/* network.h - networks of containers: what there is, and how a container gets into them.
 *
 * A network is a row of engine.db; its bridge is made when the first container needs it. What a container has of a
 * network is an endpoint, a row too: while it runs it has addresses, and the kernel has a veth pair whose inner end dies
 * with the container's network namespace, one element of the firewall's guard (network_rules.h) and one for each published
 * port. All of that follows from the rows: network_reload() makes it anew.
 *
 * Order of locks: container before network (RUNROOT/network.lock) before database.
 */
#pragma once

#include "engine/request.h"
#include "net/netns.h"

#define NETWORK_DEFAULT "bridge"
#define NETWORK_DEFAULT_ALIAS "podman"

/* --- the seam with start --- */

enum network_mode {
	NETWORK_NONE,                   /* a namespace of its own, with lo only: the runtime makes it */
	NETWORK_HOST,
	NETWORK_BRIDGED,                /* one or more networks: netns is made here */
	NETWORK_JOINED,                 /* another container's, or a path */
};
/* What --network and the others say. Checked as far as that goes without looking at other objects: INVALID names the flag. */
struct network_wish;
int network_wish(struct arena *a, const struct run_request *q, struct network_wish **ret, struct dv_err *e) DV_MUST_USE;
/* The ports that the image says it serves, for -P and for what is shown. */
void network_wish_image(struct arena *a, struct network_wish *w, const struct json *image_config);
/* "80/tcp": {} for each port that is exposed or published, as in Config.ExposedPorts; NULL when there is none. */
struct json *network_exposed(struct arena *a, const struct network_wish *w);
/* docker's HostConfig.PortBindings. */
struct json *network_bindings(struct arena *a, const struct network_wish *w);
enum network_mode network_mode(const struct network_wish *w);
/* After network_prepare(): the namespace, as it is in this process; -1: there is none, or the runtime makes it. */
int network_netns(const struct network_wish *w);
/* docker's HostConfig.NetworkMode: "bridge", "container:ID". */
const char *network_mode_text(const struct network_wish *w);
/* Begins what may be done beside other work (a namespace costs a third of a millisecond); optional. */
void network_begin(struct network_wish *w);

struct network_ready {
	int netns;                      /* -1: as the mode says */
	int ports;                      /* holds the host's ports: to be open as long as the container lives; -1: none */
};
/* Addresses, links and rules of a container that is about to start: the row of the container exists. Idempotent: what an
 * earlier life of it left is used again. On failure nothing is left (network_release()). */
int network_prepare(struct engine *g, struct arena *a, struct network_wish *w, const char *id, struct network_ready *ret,
		    struct dv_err *e) DV_MUST_USE;
/* The ports of a container that runs, or of a pod, once more: for a new monitor. -1 when they cannot be had. */
int network_hold_again(struct engine *g, struct arena *a, const char *id);
/* Closes what ret holds. */
void network_ready_done(struct network_ready *n);
/* Drops what network_begin() made and nobody took. NULL is fine. */
void network_wish_done(struct network_wish *w);

/* The container has ended: addresses are free, rules gone; the kernel removes its links by itself. With `forget` the
 * container goes for good. Nothing happens for one without networks. */
int network_release(struct engine *g, struct arena *a, const char *id, bool forget, struct dv_err *e) DV_MUST_USE;

/* --- what is shown --- */

/* docker's NetworkSettings of a container; mode is its NetworkMode. */
int network_settings(struct engine *g, struct arena *a, const char *id, const char *mode, struct json **ret,
		     struct dv_err *e) DV_MUST_USE;
struct network_port {
	const char *proto;              /* "tcp", "udp" */
	unsigned port;                  /* in the container */
	const char *host_ip;            /* "0.0.0.0", "::", an address */
	unsigned host_port;             /* 0: exposed only */
};
struct network_port_list {
	struct network_port *v;
	size_t n;
};
/* Published ports of a running container, by container port. */
int network_ports(struct engine *g, struct arena *a, const char *id, struct network_port_list *ret,
		  struct dv_err *e) DV_MUST_USE;
/* "0.0.0.0:8080->80/tcp, 443/tcp" as `ps` shows it. */
const char *network_ports_text(struct arena *a, const struct network_port_list *l);

/* --- networks --- */

struct network_request {
	const char *name;               /* NULL: a random one */
	const char *driver;             /* NULL: bridge; macvlan */
	const char *const *subnets, *const *gateways, *const *ranges;   /* NULL-terminated or NULL */
	const char *const *labels, *const *options;                     /* "K=V" */
	const char *interface;          /* name of the bridge, or NULL */
	const char *parent;             /* of a macvlan */
	bool internal, ipv6, no_dns, ignore;    /* ignore: one of that name is no error */
};
/* *ret is the name. EXISTS; INVALID names the flag; CONFLICT when a subnet is used already. */
int network_create(struct engine *g, struct arena *a, const struct network_request *q, const char **ret, struct dv_err *e) DV_MUST_USE;
/* By name, id, or the first digits of one. NOT_FOUND. CONFLICT: in use, unless force (its containers leave it). */
int network_remove(struct engine *g, struct arena *a, const char *ref, bool force, struct dv_err *e) DV_MUST_USE;
int network_inspect(struct engine *g, struct arena *a, const char *ref, struct json **ret, struct dv_err *e) DV_MUST_USE;
/* One object for each: Name, Id, Driver, Scope, IPv6, Internal, Labels, Created, Subnets, Containers. By name. */
int network_list(struct engine *g, struct arena *a, struct json **ret, struct dv_err *e) DV_MUST_USE;
struct network_choice {
	const char *const *labels, *const *not_labels;  /* "k", "k=v"; NULL-terminated */
	int64_t until_ns;                               /* made before that; 0: whenever */
};
/* Those without containers but the default one. *ret: their names. */
int network_prune(struct engine *g, struct arena *a, const struct network_choice *w, const char ***ret, struct dv_err *e) DV_MUST_USE;
/* The default one when no container is in it: its links and rules go, and come again with the next that is. */
int network_idle(struct engine *g, struct arena *a, struct dv_err *e) DV_MUST_USE;

struct network_connect {
	const char *network, *container;
	const char *ip, *ip6, *mac;
	const char *const *aliases;
};
/* A running container gets an interface at once, one that does not run at its next start. EXISTS. */
int network_connect(struct engine *g, struct arena *a, const struct network_connect *q, struct dv_err *e) DV_MUST_USE;
int network_disconnect(struct engine *g, struct arena *a, const char *network, const char *container, bool force,
		       struct dv_err *e) DV_MUST_USE;
/* Makes the firewall's table anew, whatever became of it, in one transaction; containers that have ended are out of it. */
int network_reload(struct engine *g, struct arena *a, struct dv_err *e) DV_MUST_USE;
/* The same, if the table is not there, and our rules in the firewalls of others in any case: what davit-netd has done when
 * somebody has changed either. */
int network_repair(struct engine *g, struct arena *a, struct dv_err *e) DV_MUST_USE;
/* Where packets to a port of the host go ("tcp", "udp"): Port, Protocol, HostListens, and for each container that publishes
 * it Published[]: Container, Network, HostIp, Port, Paths[]: From, Steps[]: Where, What, Ok (true, false; null: nobody can
 * tell). */
int network_explain(struct engine *g, struct arena *a, const char *proto, unsigned port, struct json **ret, struct dv_err *e)
	DV_MUST_USE;
/* The container's name is another now: those that run with it find it by that. */
int network_renamed(struct engine *g, struct arena *a, const char *id, struct dv_err *e) DV_MUST_USE;
