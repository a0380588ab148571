/* remote.c - what all names share, and repositories with their endpoints. */
#include <errno.h>
#include <sys/eventfd.h>

#include "base/fd.h"
#include "base/str.h"
#include "transfer/remote_parts.h"

#define RETRIES_DEFAULT 4
#define RETRY_DELAY_DEFAULT_MS 500
#define CONNECT_TIMEOUT_DEFAULT_MS 20000
#define STALL_TIMEOUT_DEFAULT_MS 60000

/* --- open and close --- */

static void curl_start(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static const char *copy(struct remote *r, const char *s)
{
	return s ? arena_str(&r->arena, s) : NULL;
}

static void take_options(struct remote *r, const struct remote_options *o)
{
	r->o = *o;
	r->o.authfile = copy(r, o->authfile);
	r->o.cert_dir = copy(r, o->cert_dir);
	r->o.creds = copy(r, o->creds);
	r->o.registry_token = copy(r, o->registry_token);
	r->o.registries_conf = copy(r, o->registries_conf);
	r->o.retries = o->retries == REMOTE_NO_RETRY ? 0 : o->retries ? o->retries : RETRIES_DEFAULT;
	r->o.retry_delay_ms = o->retry_delay_ms ? o->retry_delay_ms : RETRY_DELAY_DEFAULT_MS;
	r->o.connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_TIMEOUT_DEFAULT_MS;
	r->o.stall_timeout_ms = o->stall_timeout_ms ? o->stall_timeout_ms : STALL_TIMEOUT_DEFAULT_MS;
}

int remote_open(const struct remote_options *o, struct remote **ret, struct dv_err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct remote *r = mem_new(struct remote);
	int rc;

	(void)pthread_once(&once, curl_start);
	arena_init(&r->arena, 0);
	take_options(r, o);
	r->hosts = map_new();
	list_init(&r->idle);
	(void)pthread_mutex_init(&r->lock, NULL);
	r->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = r->cancel_fd < 0 ? dv_fail_errno(e, errno, "make an eventfd") : 0;
	if (rc == 0)
		rc = registries_load(r->o.registries_conf, &r->registries, e);
	if (rc < 0)
		remote_close(r);
	else
		*ret = r;
	return rc;
}

static void free_host(void *h)
{
	remote_host_free(h);
}

void remote_close(struct remote *r)
{
	if (!r)
		return;
	remote_http_close_idle(r);
	map_free(r->hosts, free_host);
	registries_free(r->registries);
	fd_close(&r->cancel_fd);
	(void)pthread_mutex_destroy(&r->lock);
	arena_wipe(&r->arena);
	free(r);
}

void remote_cancel(struct remote *r)
{
	uint64_t one = 1;

	atomic_store(&r->cancelled, true);
	(void)!write(r->cancel_fd, &one, sizeof one);
}

int remote_resolve(struct remote *r, const char *text, struct arena *a, struct remote_names *ret, struct dv_err *e)
{
	return registries_resolve(r->registries, text, a, &ret->v, &ret->n, e);
}

/* --- repositories --- */

static int split_name(struct arena *a, const char *name, struct image_name *ret, struct dv_err *e)
{
	int rc = image_name_parse(a, name, ret, e);

	if (rc == 0 && !streq(arena_printf(a, "%s/%s", ret->host, ret->path), name))
		rc = dv_fail(e, DV_INVALID, "\"%.100s\" is not HOST/PATH", name);
	return rc;
}

static int open_endpoint(struct remote_repo *rp, const struct registry_source *s, enum remote_access access,
			 const char *own_host, struct remote_endpoint *ep, struct dv_err *e)
{
	struct remote *r = rp->r;
	struct image_name n;
	int rc = split_name(&rp->arena, s->name, &n, e);

	if (rc < 0)
		return rc;
	ep->name = s->name;
	ep->path = n.path;
	ep->actions = access == REMOTE_PULL ? "pull" : "pull,push";
	ep->mirror = s->mirror;
	ep->use = s->use;
	ep->insecure = r->o.tls == REMOTE_TLS_CONFIG ? s->insecure : r->o.tls == REMOTE_TLS_INSECURE;
	ep->own_creds = streq(n.host, own_host);
	rc = remote_host_get(r, n.host, ep->insecure, &ep->host, e);
	return rc < 0 ? dv_wrap(e, "%s", s->name) : 0;
}

static int find_sources(struct remote_repo *rp, enum remote_access access, struct registry_sources *ret,
			struct dv_err *e)
{
	if (access == REMOTE_PULL)
		return registries_sources(rp->r->registries, rp->name, &rp->arena, ret, e);
	ret->v = arena_new(&rp->arena, struct registry_source);
	ret->n = 1;
	return registries_target(rp->r->registries, rp->name, &rp->arena, ret->v, e);
}

int remote_repo_open(struct remote *r, const char *name, enum remote_access access, struct remote_repo **ret,
		     struct dv_err *e)
{
	struct remote_repo *rp = mem_new(struct remote_repo);
	struct registry_sources s = { 0 };
	struct image_name n;
	int rc;

	arena_init(&rp->arena, 0);
	rp->r = r;
	rp->name = arena_str(&rp->arena, name);
	rc = split_name(&rp->arena, name, &n, e);
	if (rc == 0)
		rc = find_sources(rp, access, &s, e);
	rp->v = arena_array(&rp->arena, struct remote_endpoint, rc == 0 ? s.n : 1);
	for (size_t i = 0; rc == 0 && i < s.n; i++) {
		remote_endpoint_init(&rp->v[rp->n++], r);
		rc = open_endpoint(rp, &s.v[i], access, n.host, &rp->v[i], e);
	}
	/* before a manifest has chosen: the registry itself, which is the last */
	atomic_init(&rp->chosen, rp->n > 0 ? rp->n - 1 : 0);
	if (rc < 0)
		remote_repo_close(rp);
	else
		*ret = rp;
	return rc;
}

void remote_repo_close(struct remote_repo *rp)
{
	if (!rp)
		return;
	for (size_t i = 0; i < rp->n; i++)
		remote_endpoint_done(&rp->v[i]);
	arena_done(&rp->arena);
	free(rp);
}

const char *remote_repo_name(const struct remote_repo *rp)
{
	return rp->name;
}

/* --- log in --- */

void remote_auth_places(const struct remote *r, struct auth_places *ret)
{
	*ret = (struct auth_places){ r->o.authfile, registries_helpers(r->registries) };
}

int remote_check_login(struct remote *r, const char *host, const char *user, const char *password, struct dv_err *e)
{
	auto_arena struct arena a;
	auto_answer struct remote_answer w = { 0 };
	struct remote_endpoint ep;
	struct registry_source s;
	struct url at;
	struct remote_call c = { .q = { .method = "GET" }, .at = &at, .repeat = REPEAT_YES, .what = "login", .ref = "" };
	int rc;

	arena_init(&a, 0);
	remote_endpoint_init(&ep, r);
	ep.name = ep.path = host;
	ep.creds_known = true;
	ep.creds = (struct auth_cred){ .user = mem_str(user), .password = mem_str(password) };
	rc = registries_target(r->registries, host, &a, &s, e);
	if (rc == 0) {
		ep.insecure = r->o.tls == REMOTE_TLS_CONFIG ? s.insecure : r->o.tls == REMOTE_TLS_INSECURE;
		rc = remote_host_get(r, arena_strn(&a, host, strcspn(host, "/")), ep.insecure, &ep.host, e);
	}
	if (rc == 0 && (rc = remote_host_ready(ep.host, e)) < 0)
		rc = remote_wrap(&ep, &c, e);
	if (rc == 0) {
		at = ep.host->base;
		at.path = "/v2/";
		rc = remote_call(&ep, &c, &a, &w, NULL, NULL, e);
	}
	if (rc == 0 && w.status != 200)
		rc = remote_refused(&ep, &c, &w, e);
	remote_endpoint_done(&ep);
	return rc;
}
