/* registry.h - an OCI registry over the image store: davit registry serve.
 *
 * One loop thread speaks HTTP; everything that touches a file or the database runs
 * on job threads. Bodies stream: a blob goes out by sendfile, an upload comes in
 * through two small buffers, so memory does not grow with blobs.
 */
#pragma once

#include "base/err.h"
#include "base/loop.h"
#include "http/message.h"
#include "registry/auth.h"

struct registry_options {
	const char *root;                       /* of the image store */
	const char *const *listen;              /* NULL-terminated: "127.0.0.1:5000"; empty: only listen_fds */
	const int *listen_fds;                  /* sockets that listen already; taken */
	size_t n_listen_fds;
	struct auth_options auth;
	const char *tls_cert, *tls_key, *tls_client_ca;         /* NULL: none */
	bool delete_disabled, sparse;
	bool log_json;
	int log_fd;                             /* of the access log; -1: none. The caller's */
	/* 0 is the default named. */
	unsigned uploads_per_repo, uploads_per_peer;            /* 200, 200 */
	unsigned connections_max, connections_per_peer;         /* 4,096; no limit */
	uint64_t upload_max_bytes;              /* 64 GiB, of one blob */
	uint64_t upload_expiry_s;               /* 24 h since the last byte */
	uint64_t gc_interval_s;                 /* 0: no collection by the server */
	uint64_t gc_grace_s;                    /* 24 h */
	bool gc_delete_untagged;
	uint64_t drain_ms;                      /* 30 s */
};

struct registry;

int registry_new(struct loop *loop, const struct registry_options *o, struct registry **ret, struct dv_err *e) DV_MUST_USE;
/* Where it listens, as URLs: "http://127.0.0.1:5000". */
const char *registry_bound(const struct registry *g, size_t i);         /* NULL: no more */
/* Reads passwords, rules and certificates again; what is wrong stays as it was, and is told in the log. */
void registry_reload(struct registry *g);
/* Ends what runs (at most drain_ms) and calls done. */
void registry_stop(struct registry *g, void (*done)(void *ctx), void *ctx);
void registry_free(struct registry *g);
