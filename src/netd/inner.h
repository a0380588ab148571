/* inner.h - the parts of davit-netd. */
#pragma once

#include <sys/socket.h>

#include "base/loop.h"
#include "dns/records.h"

/* --- names.c: the files of records, as a name server --- */
struct names;
/* idle(ctx) is called when the last container is gone. */
int names_new(struct loop *l, int dirfd, uid_t port_user, void (*idle)(void *ctx), void *ctx, struct names **ret,
	      struct dv_err *e) DV_MUST_USE;
void names_free(struct names *n);
/* Containers that are known now, after everything that was written has been read. */
size_t names_count(struct names *n);

/* --- rules.c: tells when somebody else has removed our table --- */
struct rules_watch;
int rules_watch_new(struct loop *l, const char *table, void (*lost)(void *ctx), void *ctx, struct rules_watch **ret,
		    struct dv_err *e) DV_MUST_USE;
void rules_watch_free(struct rules_watch *w);

/* --- repair.c: runs `davit network reload`, never two at once --- */
struct repair;
struct repair *repair_new(struct loop *l, const char *root, const char *runroot);
void repair_free(struct repair *p);
void repair_want(struct repair *p);

/* --- proxy.c: ports of the host's loopback --- */
struct proxy;
/* user: whom sockets that have ports of the host belong to. */
struct proxy *proxy_new(struct loop *l, uid_t user);
void proxy_free(struct proxy *p);
/* The ports of one owner, instead of those it had; connections over those end. */
void proxy_set(struct proxy *p, const char *owner, const struct records_port *v, size_t n);

/* --- relay.c: datagrams of one port, there and back --- */
struct relay;
/* fd is bound to the port; it stays the caller's. */
int relay_new(struct loop *l, int fd, const struct sockaddr_storage *to, struct relay **ret, struct dv_err *e) DV_MUST_USE;
void relay_free(struct relay *r);
