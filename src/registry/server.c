/* server.c - a registry's life: what it opens, where it listens, what it does from time to time, its end. */
#include <stdio.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "http/tls.h"
#include "registry/access_log.h"
#include "registry/dispatch.h"
#include "registry/gc.h"
#include "registry/uploads.h"

#define JOB_THREADS 4
#define JOBS_MAX 4096
#define CHECKS_MAX 64                   /* passwords that wait */
#define CACHE_ENTRIES 4096
#define CACHE_BYTES ((size_t)8 << 20)
#define EXPIRY_EVERY_MS (60 * 1000)

static uint64_t or(uint64_t v, uint64_t fallback)
{
	return v ? v : fallback;
}

static void defaults(struct registry_options *o)
{
	o->uploads_per_repo = (unsigned)or(o->uploads_per_repo, 200);
	o->uploads_per_peer = (unsigned)or(o->uploads_per_peer, 200);
	o->connections_max = (unsigned)or(o->connections_max, 4096);
	o->upload_max_bytes = or(o->upload_max_bytes, (uint64_t)64 << 30);
	o->upload_expiry_s = or(o->upload_expiry_s, 24 * 60 * 60);
	o->gc_grace_s = or(o->gc_grace_s, 24 * 60 * 60);
	o->drain_ms = or(o->drain_ms, 30 * 1000);
}

/* --- from time to time --- */

static void on_expiry_timer(void *ctx)
{
	struct registry *g = ctx;

	uploads_expire(g);
	loop_arm(g->expiry_timer, EXPIRY_EVERY_MS);
}

static int gc_work(void *ctx, struct dv_err *e)
{
	struct registry *g = ctx;
	struct registry_gc_options o = { .delete_untagged = g->o.gc_delete_untagged, .grace_s = (int64_t)g->o.gc_grace_s };
	struct registry_gc_result r;
	auto_arena struct arena a = { 0 };
	struct image_store *s = NULL;
	int rc = stores_take(g->stores, &s, e);

	if (rc < 0)
		return rc;
	arena_init(&a, 0);
	rc = registry_gc(s, &a, &o, &r, e);
	stores_give(g->stores, s);
	return rc;
}

static void gc_done(void *ctx, int rc, const struct dv_err *e)
{
	struct registry *g = ctx;

	g->gc_runs = false;
	if (rc < 0)
		log_error("collection failed", "error", e->msg, NULL);
}

static void on_gc_timer(void *ctx)
{
	struct registry *g = ctx;

	loop_arm(g->gc_timer, g->o.gc_interval_s * 1000);
	if (!g->gc_runs)
		g->gc_runs = job_submit(g->pool, gc_work, gc_done, g, NULL) == 0;
}

static void timers_start(struct registry *g)
{
	g->expiry_timer = loop_add_timer(g->loop, on_expiry_timer, g);
	loop_arm(g->expiry_timer, 0);
	if (!g->o.gc_interval_s)
		return;
	g->gc_timer = loop_add_timer(g->loop, on_gc_timer, g);
	loop_arm(g->gc_timer, g->o.gc_interval_s * 1000);
}

/* --- opening --- */

/* Uploads belong to one server: a second one on the same root is told so. */
static int directory_open(struct registry *g, struct dv_err *e)
{
	int rootfd = image_store_rootfd(g->own);
	int rc = file_mkdirs(rootfd, "registry", 0700, NULL, e);

	if (rc == 0)
		rc = file_open(rootfd, "registry", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &g->dirfd, e);
	if (rc == 0)
		rc = file_open(g->dirfd, "serve.lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &g->lockfd, e);
	if (rc == 0 && file_lock(g->lockfd, true, false, "serve.lock", e) < 0)
		rc = dv_fail(e, DV_CONFLICT, "another registry serves %s", g->o.root);
	return rc;
}

static int store_open(struct registry *g, struct dv_err *e)
{
	int rc = image_store_open(g->o.root, &g->own, e);

	if (rc == 0)
		rc = meta_migrate(g->own, e);
	return rc < 0 ? rc : stores_new(g->o.root, JOB_THREADS, &g->stores, e);
}

static void on_reload(void *ctx, const struct dv_err *e)
{
	(void)ctx;
	if (e)
		log_error("certificate not reloaded", "error", e->msg, NULL);
	else
		log_info("certificate reloaded", NULL);
}

static int tls_open(struct registry *g, struct dv_err *e)
{
	struct tls_server_conf c = { .cert_file = g->o.tls_cert, .key_file = g->o.tls_key,
				     .peer_ca_file = g->o.tls_client_ca, .loop = g->loop, .on_reload = on_reload, .ctx = g };

	if (!g->o.tls_cert)
		return g->o.tls_client_ca ? dv_fail(e, DV_INVALID, "certificates of clients need TLS: --tls-cert FILE") : 0;
	/* Without passwords the certificate is the only name there is. */
	if (g->o.tls_client_ca)
		c.peer_auth = g->o.auth.mode == AUTH_NONE ? TLS_PEER_REQUIRE : TLS_PEER_REQUEST;
	int rc = tls_server_new(&c, &g->tls, e);
	if (rc == 0)
		g->maker = tls_server_maker(g->tls);
	return rc;
}

static int pools_open(struct registry *g, struct dv_err *e)
{
	int rc = job_pool_new(g->loop, JOB_THREADS, JOBS_MAX, &g->pool, e);

	if (rc == 0)
		rc = job_pool_new(g->loop, 1, CHECKS_MAX, &g->slow_pool, e);
	if (rc == 0 && g->o.log_fd >= 0)
		rc = access_log_new(g->loop, g->o.log_fd, g->o.log_json, &g->log, e);
	return rc;
}

/* --- listening --- */

static int listen_all(struct registry *g, struct dv_err *e)
{
	const struct http_io_maker *maker = g->tls ? &g->maker : NULL;
	char bound[HTTP_ADDR_TEXT_MAX];
	int rc = 0;

	for (const char *const *l = g->o.listen; rc == 0 && *l; l++) {
		if (g->n_bound == REGISTRY_BOUND_MAX)
			return dv_fail(e, DV_LIMIT, "more than %d addresses", REGISTRY_BOUND_MAX);
		rc = http_server_listen(g->http, *l, maker, bound, e);
		if (rc == 0)
			(void)snprintf(g->bound[g->n_bound++], sizeof g->bound[0], "%s%s", g->tls ? "https://" : "http://", bound);
	}
	for (size_t i = 0; rc == 0 && i < g->o.n_listen_fds; i++)
		rc = http_server_listen_fd(g->http, g->o.listen_fds[i], maker, e);
	return rc;
}

static int http_open(struct registry *g, struct dv_err *e)
{
	struct http_server_options o = {
		.handler = registry_handle, .on_log = registry_log, .ctx = g, .server_name = "davit-registry",
		/* A file that is being sent counts as well: blobs have no such limit, and all else is small. */
		.out_max_bytes = SIZE_MAX,
		.connections_max = g->o.connections_max, .per_peer_max = g->o.connections_per_peer,
	};
	int rc = http_server_new(g->loop, &o, &g->http, e);

	return rc < 0 ? rc : listen_all(g, e);
}

/* --- public --- */

int registry_new(struct loop *loop, const struct registry_options *o, struct registry **ret, struct dv_err *e)
{
	struct registry *g = mem_new(struct registry);

	g->o = *o;
	g->loop = loop;
	g->dirfd = g->lockfd = -1;
	g->o.auth.certificates = o->tls_client_ca;
	defaults(&g->o);
	int rc = store_open(g, e);
	if (rc == 0)
		rc = directory_open(g, e);
	if (rc == 0)
		rc = uploads_new(g, &g->uploads, e);
	if (rc == 0)
		rc = auth_new(&g->o.auth, g->dirfd, &g->auth, e);
	if (rc == 0)
		rc = tls_open(g, e);
	if (rc == 0)
		rc = pools_open(g, e);
	if (rc == 0)
		rc = http_open(g, e);
	if (rc < 0) {
		registry_free(g);
		return rc;
	}
	g->cache = cache_new(CACHE_ENTRIES, CACHE_BYTES);
	timers_start(g);
	*ret = g;
	return 0;
}

const char *registry_bound(const struct registry *g, size_t i)
{
	return i < g->n_bound ? g->bound[i] : NULL;
}

void registry_reload(struct registry *g)
{
	struct dv_err e = DV_ERR_NONE;

	if (auth_reload(g->auth, &e) < 0)
		log_error("passwords and rules not reloaded", "error", e.msg, NULL);
	if (g->tls && tls_server_reload(g->tls, &e) < 0)
		log_error("certificate not reloaded", "error", e.msg, NULL);
}

void registry_stop(struct registry *g, void (*done)(void *ctx), void *ctx)
{
	http_server_drain(g->http, g->o.drain_ms, done, ctx);
}

/* The server first: its calls hand their last jobs to the pools, which end with what runs. */
void registry_free(struct registry *g)
{
	if (!g)
		return;
	http_server_free(g->http);
	job_pool_free(g->slow_pool);
	job_pool_free(g->pool);
	access_log_free(g->log);
	loop_remove(g->expiry_timer);
	loop_remove(g->gc_timer);
	tls_server_free(g->tls);
	auth_free(g->auth);
	uploads_free(g->uploads);
	cache_free(g->cache);
	stores_free(g->stores);
	image_store_close(g->own);
	fd_close(&g->lockfd);
	fd_close(&g->dirfd);
	free(g);
}
