/* ask.h - a request on its way through the registry: read on the loop, worked on by a job, answered on the loop.
 *
 * An ask outlives its call: the client may leave while a job works. Handlers that
 * run on job threads see the ask, a store, and nothing of the loop; what they
 * want to say they put into ask->answer.
 */
#pragma once

#include "base/buf.h"
#include "base/job.h"
#include "http/server.h"
#include "registry/auth.h"
#include "registry/cache.h"
#include "registry/metrics.h"
#include "registry/registry.h"
#include "registry/stores.h"

struct upload;
struct uploads;
struct access_log;

#define REGISTRY_BOUND_MAX 16

struct registry {
	struct registry_options o;
	struct loop *loop;
	struct http_server *http;
	struct tls_server *tls;
	struct http_io_maker maker;
	struct job_pool *pool;                  /* files and database */
	struct job_pool *slow_pool;             /* passwords: on purpose slow, so apart */
	struct stores *stores;
	struct image_store *own;                /* the loop's: for the generation only */
	struct cache *cache;
	struct auth *auth;
	struct uploads *uploads;
	struct access_log *log;
	struct metrics metrics;
	struct loop_source *gc_timer, *expiry_timer;
	int dirfd, lockfd;                      /* ROOT/registry; the lock of whoever serves it */
	size_t manifest_bytes;                  /* of all bodies of manifests in memory */
	char bound[REGISTRY_BOUND_MAX][HTTP_ADDR_TEXT_MAX + 8];
	size_t n_bound;
	bool gc_runs, expiry_runs;
};

struct upload_info {
	const char *repo, *peer;
	uint64_t committed;
};

#define ANSWER_HEADERS_MAX 12
struct answer {
	int status;                             /* 0: the problem's */
	enum problem problem;
	const char *detail;
	struct http_header h[ANSWER_HEADERS_MAX];
	size_t n_headers;
	const char *body;                       /* in the ask's arena */
	size_t len;
	int fd;                                 /* of a blob, or -1: [offset, offset + n) is the body */
	uint64_t offset, n;
	bool head_only;                         /* the answer to HEAD: n is the length, nothing is sent */
};

struct ask;
typedef int ask_work(struct ask *q, struct image_store *s, struct dv_err *e);
typedef void ask_then(struct ask *q);

struct ask {
	struct registry *g;
	struct http_call *call;                 /* NULL once it has closed */
	struct arena arena;
	struct route route;
	enum http_method method;
	struct auth_who who;
	/* what handlers want to know of the request, copied */
	const char *query, *content_type, *range, *content_range, *peer;
	int64_t body_length;
	struct buf body;                        /* of a manifest */
	size_t body_counted;                    /* in registry->manifest_bytes */
	bool body_ended;
	uint64_t room;                          /* bytes of a body that are still accepted */
	struct upload *upload;
	struct upload_info info;                /* of one that was read from its file */
	bool upload_ends;                       /* PUT, or POST with a digest */
	struct digest digest;                   /* of the query, when it has one */
	const char **mount_repos;               /* that have the digest */
	bool mounted;
	struct db_generation generation;        /* before the database was read */
	struct meta_manifest manifest;          /* for the cache, when cacheable */
	bool cacheable;
	struct meta_list list;                  /* of the catalog */
	struct meta_figures figures;
	struct answer answer;
	int rc;                                 /* of the work */
	struct dv_err error;
	bool works, answered;
	struct http_call_ops ops;
	ask_work *work;
	ask_then *then;
};

/* Attached to the call: what closes it ends the ask, as soon as no job works on it. on_data and on_end get the ask as
 * their state (NULL: no body is wanted); a body waits until http_call_resume_body(). */
struct ask *ask_new(struct registry *g, struct http_call *call, const struct route *r, const struct auth_who *who,
		    void (*on_data)(void *state, struct http_call *c, const void *p, size_t n),
		    void (*on_end)(void *state, struct http_call *c));
/* Runs work on a job thread, then `then` on the loop; then NULL: the answer is sent. `then` is not called when the
 * client has left: ask->call is NULL and the ask is gone. */
void ask_submit(struct ask *q, ask_work *work, ask_then *then);
/* A job of its own has ended: the ask goes when the client has. */
void ask_end(struct ask *q);
/* Sends the answer. */
void ask_send(struct ask *q);
/* The same with a problem. detail may be NULL. */
void ask_refuse(struct ask *q, enum problem p, const char *detail);
/* The answer is this problem: for work functions; returns 0. */
int ask_problem(struct ask *q, enum problem p, const char *detail);
void ask_header(struct ask *q, const char *name, const char *value);
/* Turns a failed work into a problem: full disks, and what is our own fault (logged). */
void ask_failed(struct ask *q, int rc, const struct dv_err *e);
/* A parameter of the query, decoded, in the arena: NULL when absent, "" also when it is malformed. */
const char *ask_param(struct ask *q, const char *name);

/* Answers on the loop without an ask. */
void call_refuse(struct http_call *c, enum problem p, const char *detail, const struct http_header *h, size_t n);

/* --- handlers --- */

ask_work pull_manifest, pull_blob;
ask_work list_tags, list_catalog, list_referrers;
ask_then list_catalog_then;
ask_work push_manifest, delete_manifest, delete_blob;

/* What a POST, PATCH, PUT, GET or DELETE of uploads wants; and the body of one. On the loop. */
void push_start(struct ask *q);
void push_on_data(void *state, struct http_call *c, const void *p, size_t n);
void push_on_end(void *state, struct http_call *c);
/* Takes the body of a manifest, then push_manifest. */
void push_manifest_start(struct ask *q);
void push_manifest_on_data(void *state, struct http_call *c, const void *p, size_t n);
void push_manifest_on_end(void *state, struct http_call *c);
