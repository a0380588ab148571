/* server.h - a DNS server for the networks of containers: on the gateway address of each, by UDP and TCP.
 *
 * Names of containers are answered from the zone, everything else by the network's upstream servers. It listens on
 * gateway addresses only, so nobody outside can ask.
 */
#pragma once

#include "base/loop.h"
#include "dns/forward.h"
#include "dns/zone.h"

#define DNS_TCP_MAX 64                  /* connections of one listener */
#define DNS_TCP_IDLE_MS 10000

struct dns_server;
struct dns_listener;

int dns_server_new(struct loop *loop, struct zone *zone, struct dns_server **ret, struct dv_err *e) DV_MUST_USE;
void dns_server_free(struct dns_server *s);
/* Called before questions that have come are answered: the owner of the zone brings it up to date, so that a
 * container that asks in its first moment finds itself. */
void dns_server_before(struct dns_server *s, void (*before)(void *ctx), void *ctx);

/* addr is an address of this host in the network; port 0 takes any (UDP and TCP get the same). EXISTS when it is
 * taken. */
int dns_server_listen(struct dns_server *s, const char *network, const struct sockaddr_storage *addr,
		      struct dns_listener **ret, struct dv_err *e) DV_MUST_USE;
void dns_listener_free(struct dns_listener *l);
uint16_t dns_listener_port(const struct dns_listener *l);
/* Without servers what is not ours is answered SERVFAIL. */
void dns_listener_upstreams(struct dns_listener *l, const struct forward_servers *servers);
