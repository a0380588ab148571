/* remote.h - the registry client: everything between us and a registry, over libcurl.
 *
 * A struct remote has what all names share: registries.conf, credentials,
 * certificates, tokens and connections. A struct remote_repo is one repository
 * in it, with its mirrors. Calls block; each may be made from any thread, several
 * at once, also on one repository (arenas and sinks stay the caller's: one thread
 * at a time). Every call that runs has a connection of its own out of a pool:
 * connections are kept and reused, and parallel layers decrypt on several cores
 * instead of sharing one HTTP/2 connection.
 *
 * Credentials are bound to scheme, host and port: a redirect elsewhere (blobs
 * come from object stores) goes without them, and never from https to http.
 * They appear in no message. Steps that may be repeated are, with growing pauses:
 * after a broken connection, 408, 429 (Retry-After honoured), 500, 502, 503, 504.
 *
 * Messages name repository and reference ("localhost:5000/web:1: manifest: registry
 * answered 401: wrong user name or password"): callers add the verb only. Kinds:
 *
 *	NOT_FOUND     the registry has no such repository, manifest or blob
 *	FORBIDDEN     wrong or missing credentials, no permission, blocked in registries.conf,
 *	              a redirect that must not be followed
 *	UNAVAILABLE   no connection, TLS refused, 5xx or 429 to the end, or cancelled
 *	TIMEOUT       the registry stalled
 *	LIMIT         an answer larger than it may be
 *	CORRUPT       digest or size is not what was asked for
 *	INVALID       a name, a digest or an answer that makes no sense
 *	UNSUPPORTED   the registry cannot do this (405, UNSUPPORTED)
 */
#pragma once

#include "image/digest.h"
#include "image/name.h"
#include "json/json.h"

#define REMOTE_MANIFEST_MAX ((size_t)4 << 20)
#define REMOTE_TAGS_MAX 1000000
#define REMOTE_REFERRERS_MAX 10000
#define REMOTE_REDIRECTS_MAX 10

struct remote;
struct remote_repo;

enum remote_tls {
	REMOTE_TLS_CONFIG,      /* https and verified, unless registries.conf says insecure */
	REMOTE_TLS_VERIFY,      /* https and verified in any case */
	REMOTE_TLS_INSECURE,    /* any certificate, and plain http where https is not offered */
};

/* Zeroed is the default for all of them. Strings are copied, those that are secret are zeroed by remote_close(). */
struct remote_options {
	const char *authfile;           /* instead of the places where auth.json is looked for */
	const char *cert_dir;           /* instead of certs.d/HOST:PORT */
	const char *creds;              /* "USER:PASSWORD" for the registry named, never for its mirrors */
	const char *registry_token;     /* a bearer token, likewise */
	bool no_creds;                  /* anonymous in any case */
	enum remote_tls tls;
	const char *registries_conf;    /* only this file, no directories */
	unsigned retries;               /* of a step; 0: 4; REMOTE_NO_RETRY */
	unsigned retry_delay_ms;        /* the first pause, doubled each time, +-25 %; 0: 500 */
	unsigned connect_timeout_ms;    /* 0: 20 s */
	unsigned stall_timeout_ms;      /* no byte moved for so long; 0: 60 s */
	/* What a person may want to read meanwhile: "retry in 1 s: ...". Any thread; may be NULL. */
	void (*note)(void *ctx, const char *line);
	void *note_ctx;
};
#define REMOTE_NO_RETRY (~0u)

/* INVALID for configuration files that cannot be understood (the message names file and line). */
int remote_open(const struct remote_options *o, struct remote **ret, struct dv_err *e) DV_MUST_USE;
/* No call may be running, all repositories are closed. */
void remote_close(struct remote *r);
/* Every call that runs and every later one fails soon with UNAVAILABLE. Async-signal-safe. */
void remote_cancel(struct remote *r);
static inline void remote_auto_close(struct remote **r) { remote_close(*r); }
#define auto_remote __attribute__((cleanup(remote_auto_close)))

/* --- names --- */

/* What a name from a person can mean, best first: one for "HOST/PATH..."; for a short name the alias of
 * registries.conf, or one for each of unqualified-search-registries, or docker.io when neither says
 * anything. INVALID also when short-name-mode = "enforcing" leaves the choice open. */
struct remote_names {
	struct image_name *v;
	size_t n;
};
int remote_resolve(struct remote *r, const char *text, struct arena *a, struct remote_names *ret,
		   struct dv_err *e) DV_MUST_USE;

/* PULL goes through the mirrors and the location of registries.conf; PUSH to the name itself. */
enum remote_access { REMOTE_PULL, REMOTE_PUSH };
/* name is "HOST/PATH" (canonical: "docker.io/library/busybox"). No traffic yet. FORBIDDEN when blocked. */
int remote_repo_open(struct remote *r, const char *name, enum remote_access access, struct remote_repo **ret,
		     struct dv_err *e) DV_MUST_USE;
void remote_repo_close(struct remote_repo *rp);
static inline void remote_repo_auto_close(struct remote_repo **rp) { remote_repo_close(*rp); }
#define auto_remote_repo __attribute__((cleanup(remote_repo_auto_close)))
const char *remote_repo_name(const struct remote_repo *rp);     /* as given */

/* --- manifests: `ref` is a tag or a digest --- */

struct remote_manifest {
	const char *bytes;              /* in the arena, exactly as received; NULL for a HEAD */
	size_t len;
	const char *media_type;         /* of Content-Type, without parameters; "" when absent */
	struct digest digest;
};
/* Verified: against the digest asked for, or against Docker-Content-Digest for a tag. Of several mirrors
 * the first that has it; blobs then come from the same one. */
int remote_manifest_get(struct remote_repo *rp, const char *ref, struct arena *a, struct remote_manifest *ret,
			struct dv_err *e) DV_MUST_USE;
/* The digest is the registry's word; alg NONE when it gave none. */
int remote_manifest_head(struct remote_repo *rp, const char *ref, struct arena *a, struct remote_manifest *ret,
			 struct dv_err *e) DV_MUST_USE;
/* *ret_subject (may be NULL): the registry has understood the manifest's subject (OCI-Subject); when it
 * has not, remote_referrer_add() is for the caller. */
int remote_manifest_put(struct remote_repo *rp, const char *ref, const void *bytes, size_t len,
			const char *media_type, bool *ret_subject, struct dv_err *e) DV_MUST_USE;
int remote_manifest_delete(struct remote_repo *rp, const char *ref, struct dv_err *e) DV_MUST_USE;

/* --- blobs --- */

#define REMOTE_SIZE_UNKNOWN UINT64_MAX

/* Takes all of the bytes, in order and each once, on the thread of the call; a failure ends the transfer. It
 * may block: the registry waits. */
typedef int remote_sink(void *ctx, const void *data, size_t len, struct dv_err *e);
/* From offset on to the end at size. A broken connection continues behind what the sink has taken. The
 * size is checked, the digest is NOT: the sink's owner hashes what it writes. With size unknown the
 * registry's Content-Length counts. */
int remote_blob_get(struct remote_repo *rp, const struct digest *d, uint64_t size, uint64_t offset,
		    remote_sink *sink, void *ctx, struct dv_err *e) DV_MUST_USE;
/* A small one (a configuration) into the arena, NUL-terminated, digest verified. LIMIT past max. */
int remote_blob_read(struct remote_repo *rp, const struct digest *d, uint64_t size, size_t max, struct arena *a,
		     const char **ret, size_t *ret_len, struct dv_err *e) DV_MUST_USE;
/* A layer's foreign "urls": always without credentials. */
int remote_url_get(struct remote *r, const char *url, uint64_t size, uint64_t offset, remote_sink *sink,
		   void *ctx, struct dv_err *e) DV_MUST_USE;
/* ret_size may be NULL; it is REMOTE_SIZE_UNKNOWN when the registry does not say. */
int remote_blob_exists(struct remote_repo *rp, const struct digest *d, bool *ret, uint64_t *ret_size,
		       struct dv_err *e) DV_MUST_USE;
/* From another repository of the same registry (from_path: "library/busybox"). Not mounted is no error. */
int remote_blob_mount(struct remote_repo *rp, const struct digest *d, const char *from_path, bool *ret_mounted,
		      struct dv_err *e) DV_MUST_USE;

struct remote_source {
	/* Up to size bytes; 0 is the end, also when asked again. On the thread of the call. */
	int (*read)(void *ctx, void *buf, size_t size, size_t *ret_n, struct dv_err *e);
	/* Continue at offset, with the same bytes as before; NULL: cannot. */
	int (*seek)(void *ctx, uint64_t offset, struct dv_err *e);
	void *ctx;
};
/* With a size: POST and one PUT. With REMOTE_SIZE_UNKNOWN *d is read only after the source has ended; the bytes go in
 * one stream (PATCH) from a source that can seek, else in pieces of REMOTE_CHUNK that are kept until the registry has
 * them. Resumes where the registry is; without seek a whole upload in one PUT that breaks off is lost. */
#define REMOTE_CHUNK ((size_t)8 << 20)
int remote_blob_put(struct remote_repo *rp, const struct digest *d, uint64_t size, const struct remote_source *src,
		    struct dv_err *e) DV_MUST_USE;
int remote_blob_delete(struct remote_repo *rp, const struct digest *d, struct dv_err *e) DV_MUST_USE;

/* --- lists --- */

struct remote_tags {
	const char **v;                 /* NULL-terminated, as the registry orders them */
	size_t n;
};
int remote_tags(struct remote_repo *rp, struct arena *a, struct remote_tags *ret, struct dv_err *e) DV_MUST_USE;

/* An array of descriptors of what refers to the digest; artifact_type NULL: all. From the API, or from the
 * tag ALG-HEX where the registry has none. Empty when there are none. */
int remote_referrers(struct remote_repo *rp, const struct digest *d, const char *artifact_type, struct arena *a,
		     struct json **ret, struct dv_err *e) DV_MUST_USE;
/* For registries without the API: adds the descriptor to the index tagged ALG-HEX, unless it is there. */
int remote_referrer_add(struct remote_repo *rp, const struct digest *subject, const struct json *descriptor,
			struct dv_err *e) DV_MUST_USE;

/* --- log in --- */

struct auth_places;
/* Where this client looks for credentials (transfer/authfile.h); good until remote_close(). */
void remote_auth_places(const struct remote *r, struct auth_places *ret);

/* Whether host ("localhost:5000", "docker.io") accepts these credentials; plain http only as options allow.
 * FORBIDDEN when not. */
int remote_check_login(struct remote *r, const char *host, const char *user, const char *password,
		       struct dv_err *e) DV_MUST_USE;
