/* remote_host.c - what is known of a host: certificates, scheme, and how it wants to be authorized. */
#include "base/str.h"
#include "transfer/remote_parts.h"

#define DOCKER_IO "docker.io"
#define DOCKER_IO_SERVER "registry-1.docker.io"

static int set_base(struct remote_host *h, const char *scheme, struct dv_err *e)
{
	const char *server = streq(h->name, DOCKER_IO) ? DOCKER_IO_SERVER : h->name;

	return url_parse(&h->arena, arena_printf(&h->arena, "%s://%s/", scheme, server), &h->base, e);
}

static int host_new(struct remote *r, const char *name, bool insecure, struct remote_host **ret, struct dv_err *e)
{
	struct remote_host *h = mem_new(struct remote_host);
	int rc;

	arena_init(&h->arena, 0);
	h->r = r;
	h->name = arena_str(&h->arena, name);
	h->insecure = insecure;
	(void)pthread_mutex_init(&h->lock, NULL);
	rc = set_base(h, "https", e);
	if (rc == 0)
		rc = certs_load(r->o.cert_dir, name, !insecure, &h->certs, e);
	if (rc < 0) {
		remote_host_free(h);
		return rc;
	}
	*ret = h;
	return 0;
}

void remote_host_free(struct remote_host *h)
{
	certs_done(&h->certs);
	arena_done(&h->arena);
	(void)pthread_mutex_destroy(&h->lock);
	free(h);
}

int remote_host_get(struct remote *r, const char *name, bool insecure, struct remote_host **ret, struct dv_err *e)
{
	auto_free char *key = mem_printf("%s%s", insecure ? "!" : "", name);
	struct remote_host *h;
	int rc = 0;

	(void)pthread_mutex_lock(&r->lock);
	h = map_get(r->hosts, key);
	if (!h) {
		rc = host_new(r, name, insecure, &h, e);
		if (rc == 0)
			(void)map_set(r->hosts, key, h);
	}
	(void)pthread_mutex_unlock(&r->lock);
	if (rc == 0)
		*ret = h;
	return rc;
}

/* --- the first contact --- */

/* Headers that make no sense offer nothing. */
static void take_challenges(struct remote_host *h, const struct remote_answer *w)
{
	h->n_challenges = 0;
	for (size_t i = 0; i < w->n_challenges; i++) {
		struct challenge found[CHALLENGES_MAX];
		int n = challenge_parse(&h->arena, w->challenges[i], found, NULL);

		for (int k = 0; k < n && h->n_challenges < CHALLENGES_MAX; k++)
			h->challenges[h->n_challenges++] = found[k];
	}
}

static int ping_once(struct remote_host *h, struct remote_answer *w, enum remote_broken *ret_broken, struct dv_err *e)
{
	struct remote_request q = { .method = "GET", .url = h->base, .host = h };
	int rc;

	q.url.path = "/v2/";
	rc = remote_http(h->r, &q, &h->arena, w, ret_broken, e);
	if (rc < 0)
		return rc;
	if (w->status == 200 || w->status == 401)
		return 0;
	*ret_broken = remote_status_passes(w->status) ? BROKEN_LATER : BROKEN_FINAL;
	return dv_fail(e, remote_status_passes(w->status) ? DV_UNAVAILABLE : DV_INVALID,
		       "%s answers %ld where a registry has its API (/v2/)", url_authority(&h->arena, &h->base), w->status);
}

static int ping(struct remote_host *h, const char *scheme, struct dv_err *e)
{
	int rc = set_base(h, scheme, e);

	for (unsigned attempt = 1; rc == 0; attempt++) {
		auto_answer struct remote_answer w = { 0 };
		enum remote_broken broken;

		rc = ping_once(h, &w, &broken, e);
		if (rc == 0) {
			take_challenges(h, &w);
			return 0;
		}
		/* without an answer, http is tried before patience */
		if (broken == BROKEN_LATER && (w.status > 0 || !h->insecure || streq(scheme, "http")))
			rc = remote_pause(h->r, attempt, w.retry_after_ms, e);
	}
	return rc;
}

int remote_host_ready(struct remote_host *h, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE, plain;
	int rc = 0;

	(void)pthread_mutex_lock(&h->lock);
	if (!h->ready) {
		rc = ping(h, "https", &why);
		if (rc < 0 && h->insecure && !atomic_load(&h->r->cancelled) && ping(h, "http", &plain) == 0)
			rc = 0;
		h->ready = rc == 0;
	}
	(void)pthread_mutex_unlock(&h->lock);
	return rc < 0 ? dv_fail(e, why.kind, "%s", why.msg) : 0;
}
