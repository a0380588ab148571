/* forward.h - questions that are not ours, passed on to other servers.
 *
 * Each question leaves from a socket of its own (a port of the kernel's choice) with a random id and, at first, with
 * random upper and lower case in its name: an answer that does not repeat all three is not believed. A server that
 * does not answer within a second is given up for the next one, so that the whole takes less than the five
 * seconds after which resolvers ask again.
 */
#pragma once

#include <sys/socket.h>

#include "base/loop.h"
#include "dns/message.h"

#define FORWARD_MAX 512                 /* questions under way */
#define FORWARD_SERVERS_MAX 8
#define FORWARD_TRY_MS 1000
#define FORWARD_TRIES 4

struct forwarder;
struct forward;

struct forward_servers {
	struct sockaddr_storage v[FORWARD_SERVERS_MAX];
	size_t n;
};

/* The message as the client shall get it; NULL when nobody answered. Called from the loop, once. */
typedef void forward_done(void *ctx, const void *answer, size_t len);

int forwarder_new(struct loop *loop, struct forwarder **ret, struct dv_err *e) DV_MUST_USE;
/* Questions under way are dropped without a call. */
void forwarder_free(struct forwarder *f);

/* By UDP or TCP, as it came. LIMIT: too many are under way; UNAVAILABLE: no servers. */
int forward_start(struct forwarder *f, const struct forward_servers *servers, bool tcp, const struct dns_query *q,
		  const void *query, size_t len, forward_done *done, void *ctx, struct forward **ret,
		  struct dv_err *e) DV_MUST_USE;
/* Nobody wants the answer any more; done is not called. */
void forward_cancel(struct forward *w);

/* "10.0.0.1", "fe80::1%eth0" without the scope's name being looked up: numbers only; port 53 unless given as
 * ADDR#PORT. INVALID. */
int forward_server_parse(const char *text, struct sockaddr_storage *ret, struct dv_err *e) DV_MUST_USE;
/* The nameserver lines of a resolv.conf, as far as they are numbers; what is wrong in it is passed over as every
 * resolver does. NOT_FOUND. */
int forward_servers_read(int dirfd, const char *file, struct forward_servers *ret, struct dv_err *e) DV_MUST_USE;
