/* remote_parts.h - the registry client inside.
 *
 *	remote_http.c     one request on one connection out of the pool
 *	remote_host.c     what a host is like: scheme, certificates, challenges
 *	remote_auth.c     what to put into Authorization
 *	remote_call.c     a request with authorization, redirects and repetition
 *	remote_error.c    what an answer means, in words
 *	remote_*.c        the operations
 *
 * A lock is held for looking, never while a request runs; except host->lock and
 * endpoint->lock for the first contact and for fetching a token, so that many
 * threads ask once.
 */
#pragma once

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "base/map.h"
#include "http/url.h"
#include "transfer/authfile.h"
#include "transfer/certs.h"
#include "transfer/challenge.h"
#include "transfer/registries.h"
#include "transfer/remote.h"

#define REMOTE_ERROR_BODY_MAX ((size_t)64 << 10)
#define REMOTE_HEADERS_MAX ((size_t)256 << 10)
#define REMOTE_RETRY_AFTER_MAX_MS 60000u
#define REMOTE_MOVED_BYTES ((size_t)1024)       /* fewer in the time of a stall are none */
#define REMOTE_DOCUMENT_MS 600000u      /* for a whole answer that is neither blob nor upload */
#define REMOTE_COMMIT_STALL_MS 600000u  /* a registry may hash and copy what was uploaded before it answers */
#define REMOTE_IDLE_MAX 32
#define REMOTE_TOKEN_MAX ((size_t)64 << 10)

struct remote {
	struct arena arena;             /* options, wiped */
	struct remote_options o;
	struct registries *registries;
	atomic_bool cancelled;
	int cancel_fd;                  /* an eventfd, readable once cancelled */
	pthread_mutex_t lock;           /* of the two below */
	struct map *hosts;              /* "HOST:PORT" or "!HOST:PORT" (insecure) -> struct remote_host */
	struct list idle;               /* struct remote_conn, most recently used first */
	size_t n_idle;
};

/* --- one request --- */

struct remote_answer {
	long status;
	const char *content_type, *location, *digest, *link, *range, *content_range, *subject;
	const char *chunk_min, *content_length;
	const char *challenges[CHALLENGES_MAX];
	size_t n_challenges;
	uint32_t retry_after_ms;
	struct buf body;                /* of what no sink took: errors, documents; remote_answer_done() */
	bool sent_auth, sent_basic;
};
void remote_answer_done(struct remote_answer *w);
#define auto_answer __attribute__((cleanup(remote_answer_done)))

struct remote_request {
	const char *method;
	struct url url;
	const struct remote_host *host; /* its certificates */
	const char *authorization;      /* NULL: none */
	const char *headers[8];         /* "Name: value", up to the first NULL */
	/* the body: memory, or a source of size bytes (REMOTE_SIZE_UNKNOWN: until it ends) */
	const void *data;
	uint64_t size;
	bool has_body;
	int (*read)(void *ctx, void *buf, size_t size, size_t *ret_n, struct dv_err *e);
	void *read_ctx;
	/* the answer's: with status 200 or 206 into the sink, when there is one */
	int (*on_head)(void *ctx, const struct remote_answer *w, struct dv_err *e);
	remote_sink *sink;
	void *sink_ctx;
	size_t body_max;                /* of w->body for 2xx; LIMIT beyond */
	unsigned commit_stall_ms;       /* patience once the body is sent; 0: that of the options */
};

/* What may follow a failure of remote_http(). */
enum remote_broken { BROKEN_FINAL, BROKEN_CONNECT, BROKEN_LATER };

/* Strings of the answer go to the arena. UNAVAILABLE, TIMEOUT, LIMIT, and what sink and source say. */
int remote_http(struct remote *r, const struct remote_request *q, struct arena *a, struct remote_answer *ret,
		enum remote_broken *ret_broken, struct dv_err *e) DV_MUST_USE;
void remote_http_close_idle(struct remote *r);
/* UNAVAILABLE when cancelled. */
int remote_check_cancel(struct remote *r, struct dv_err *e) DV_MUST_USE;

/* --- hosts --- */

struct remote_host {
	struct remote *r;
	const char *name;               /* "HOST:PORT" as in names */
	bool insecure;
	pthread_mutex_t lock;
	bool ready;                     /* what follows is known, and does not change */
	struct arena arena;
	struct url base;                /* SCHEME and HOST:PORT, path "/" */
	struct certs certs;
	struct challenge challenges[CHALLENGES_MAX];
	size_t n_challenges;
};
int remote_host_get(struct remote *r, const char *name, bool insecure, struct remote_host **ret,
		    struct dv_err *e) DV_MUST_USE;
/* The first contact: scheme and challenges. */
int remote_host_ready(struct remote_host *h, struct dv_err *e) DV_MUST_USE;
void remote_host_free(struct remote_host *h);

/* --- repositories and their endpoints --- */

struct remote_token {
	struct list link;
	char *scope, *text;
	int64_t expires_ms;
};

struct remote_endpoint {
	struct remote *r;
	const char *name, *path;        /* "HOST/PATH", "PATH" */
	struct remote_host *host;       /* NULL until first used */
	const char *actions;            /* of its token's scope: "pull" or "pull,push"; NULL: no scope */
	bool insecure, mirror;
	enum mirror_use use;
	bool own_creds;                 /* may use those of the options */
	bool plain;                     /* a web server: no first contact, no credentials */
	pthread_mutex_t lock;           /* of what follows */
	bool creds_known;
	struct auth_cred creds;
	struct list tokens;             /* struct remote_token */
	char *extra_scope;              /* what a challenge wanted beyond ours */
};

struct remote_repo {
	struct remote *r;
	struct arena arena;
	const char *name;
	struct remote_endpoint *v;
	size_t n;
	atomic_size_t chosen;           /* the endpoint that had the manifest */
};
static inline struct remote_endpoint *remote_chosen(struct remote_repo *rp)
{
	return &rp->v[atomic_load(&rp->chosen)];
}

void remote_endpoint_init(struct remote_endpoint *ep, struct remote *r);
void remote_endpoint_done(struct remote_endpoint *ep);

/* --- authorization --- */

/* The value for Authorization, or NULL: scopes as one string, blanks between. wiped arena. fresh: not from the
 * cache. */
int remote_authorize(struct remote_endpoint *ep, const char *scope, bool fresh, struct arena *a, const char **ret,
		     struct dv_err *e) DV_MUST_USE;
/* After a 401: the scope that its challenges ask for. */
void remote_note_scope(struct remote_endpoint *ep, const struct remote_answer *w);

/* --- calls --- */

enum remote_repeat {
	REPEAT_NO,              /* the caller looks after that */
	REPEAT_YES,
};

struct remote_call {
	struct remote_request q;        /* url, host and authorization are filled in here */
	const char *tail;               /* behind /v2/PATH/: "manifests/latest"; or NULL: `at` */
	const struct url *at;           /* where an upload goes on */
	const char *actions;            /* instead of the endpoint's: "*"; or NULL */
	const char *also_scope;         /* "repository:OTHER:pull", or NULL */
	enum remote_repeat repeat;
	const char *what;               /* for messages: "manifest" */
	const char *ref;                /* ":latest", "@sha256:...", "" */
};

/* Redirects followed, 401 answered, repeated when it may be. Any final status is success here; *ret_url (may be NULL)
 * is what answered. *ret_broken (may be NULL) as for remote_http(). */
int remote_call(struct remote_endpoint *ep, const struct remote_call *c, struct arena *a, struct remote_answer *ret,
		struct url *ret_url, enum remote_broken *ret_broken, struct dv_err *e) DV_MUST_USE;
/* Before the attempt-th repetition (from 1): tell and wait. Negative (with *e as it is) when it is not to be repeated:
 * too often, cancelled, or the registry wants more patience than there is. */
int remote_pause(struct remote *r, unsigned attempt, uint32_t retry_after_ms, struct dv_err *e) DV_MUST_USE;
bool remote_status_passes(long status);         /* 408, 429, 5xx: may be well later */

/* "HOST/PATH:REF: WHAT: registry answered ...", with the kind that goes with it. */
int remote_refused(const struct remote_endpoint *ep, const struct remote_call *c, const struct remote_answer *w,
		   struct dv_err *e);
/* In front of a message that is there. */
int remote_wrap(const struct remote_endpoint *ep, const struct remote_call *c, struct dv_err *e);

/* The endpoints in the order to be tried: the chosen one, then the others that are meant for this kind of reference.
 * Returns how many; ret has room for rp->n. */
size_t remote_order(struct remote_repo *rp, bool by_digest, struct remote_endpoint **ret);
/* Upload sessions that were not wanted: ended, if the registry can. */
void remote_upload_drop(struct remote_endpoint *ep, const struct remote_answer *w, const struct url *at);

/* --- small things that operations share --- */

const char *remote_ref_text(struct arena *a, const char *ref);          /* ":latest" or "@sha256:..." */
bool remote_header_u64(const char *value, uint64_t *ret);
/* The rel="next" target of a Link header, or NULL. */
const char *remote_link_next(struct arena *a, const char *link);
