/* transport.h - places images are copied from and to, all through one table of functions.
 *
 *	docker://[HOST[:PORT]/]PATH[:TAG][@DIGEST]      a registry; also a name alone
 *	oci:DIRECTORY[:REF]                             an OCI layout
 *	oci-archive:FILE[:REF]                          the same in a tar
 *	docker-archive:FILE[:NAME]                      what docker save writes
 *	dir:DIRECTORY                                   skopeo's plain directory, of one image
 *	davit:[NAME]                                    the local store
 *
 * A transport is a row in transport.c and a file. Copying (copy.h) knows none of
 * them by name: it moves documents (manifests, indexes) and blobs, and a
 * destination shows nothing of them before dest_commit().
 *
 * A source or destination belongs to one thread, except for the functions that
 * are marked: those may run in several threads at once.
 */
#pragma once

#include "image/image.h"
#include "image/manifest.h"
#include "image/tar.h"

struct transport;

/* A place as parsed; strings live in the arena. */
struct place {
	const struct transport *transport;
	const char *text;               /* as the user wrote it, for messages */
	const char *path;               /* of the file or directory; the canonical name of docker: and davit: */
	const char *ref;                /* of layouts and archives: tag or name behind the path; NULL when not given */
};
/* Without a known "TRANSPORT:" in front it is a registry's. INVALID. */
int place_parse(struct arena *a, const char *text, struct place *ret, struct dv_err *e) DV_MUST_USE;
/* From its parts: "oci-archive", a path that may have colons, a name or NULL. INVALID for transports there are not. */
int place_make(struct arena *a, const char *transport, const char *path, const char *ref, struct place *ret,
	       struct dv_err *e) DV_MUST_USE;
const char *place_transport(const struct place *p);             /* "oci-archive" */

enum place_tls { PLACE_TLS_CONFIGURED, PLACE_TLS_VERIFY, PLACE_TLS_INSECURE };

struct place_options {
	const char *authfile;           /* NULL: the usual ones */
	const char *creds;              /* "USER:PASSWORD" */
	const char *registry_token;     /* bearer token */
	const char *cert_dir;
	bool no_creds;                  /* anonymous, whatever the files say */
	enum place_tls tls;
	unsigned retry_times;
	struct image_store *store;      /* of davit: places; the caller's */
	const struct platform *platform;/* what davit: takes of an image; NULL: the host's */
	int stream_fd;                  /* an archive is written to it instead of to a file, when > 0; the caller's */
};

/* --- sources --- */

/* A manifest, index or artifact as bytes. */
struct document {
	const char *text;
	size_t len;
	const char *media_type;         /* "" when nobody says */
	struct digest digest;           /* of text, computed by us */
};

/* A blob on its way; `in` gives pieces until the end. Nothing is verified: dest_blob() does. */
struct blob_stream {
	struct tar_source in;
	void (*close)(void *ctx);       /* NULL: nothing to do */
	void *ctx;
};
void blob_stream_close(struct blob_stream *s);

struct source;
/* NOT_FOUND, INVALID. */
int source_open(const struct place *p, const struct place_options *o, struct source **ret, struct dv_err *e) DV_MUST_USE;
void source_close(struct source *s);
static inline void source_auto_close(struct source **s) { source_close(*s); }
#define auto_source __attribute__((cleanup(source_auto_close)))
const struct place *source_place(const struct source *s);

/* What the place names (d NULL), or the document with this digest, verified. NOT_FOUND; LIMIT past
 * IMAGE_MANIFEST_MAX. */
int source_document(struct source *s, struct arena *a, const struct digest *d, struct document *ret,
		    struct dv_err *e) DV_MUST_USE;
/* The blob from offset on. Any thread. NOT_FOUND. */
int source_blob(struct source *s, const struct descriptor *d, uint64_t offset, struct blob_stream *ret,
		struct dv_err *e) DV_MUST_USE;
/* A whole blob (a configuration) of at most max bytes, verified. INVALID, LIMIT. */
int source_bytes(struct source *s, struct arena *a, const struct descriptor *d, size_t max, const char **ret,
		 size_t *ret_len, struct dv_err *e) DV_MUST_USE;
/* Tags of the repository, names in the archive or layout; sorted, NULL-terminated. UNSUPPORTED. */
int source_tags(struct source *s, struct arena *a, const char ***ret, struct dv_err *e) DV_MUST_USE;
/* What refers to the document: artifacts and images whose subject it is. None where a transport has no such thing. */
int source_referrers(struct source *s, struct arena *a, const struct digest *subject, struct descriptor **ret,
		     size_t *ret_n, struct dv_err *e) DV_MUST_USE;

/* --- destinations --- */

struct dest;
int dest_open(const struct place *p, const struct place_options *o, struct dest **ret, struct dv_err *e) DV_MUST_USE;
/* Without a commit before: what was written is removed, or never referred to. */
void dest_close(struct dest *d);
static inline void dest_auto_close(struct dest **d) { dest_close(*d); }
#define auto_dest __attribute__((cleanup(dest_auto_close)))
const struct place *dest_place(const struct dest *d);
/* Which documents it can hold. */
enum dest_accepts { DEST_ANY, DEST_OCI_ONLY, DEST_IMAGES_ONLY };
enum dest_accepts dest_accepts(const struct dest *d);

/* Whether the blob is there already, or could be taken over from the source's repository on the same
 * registry: then it need not be sent. Any thread. */
int dest_has_blob(struct dest *d, const struct descriptor *blob, const struct source *from, bool *ret,
		  struct dv_err *e) DV_MUST_USE;
/* Send a blob. Its digest and size are verified on the way: INVALID, and nothing stays. Any thread. */
int dest_blob(struct dest *d, const struct descriptor *blob, const struct tar_source *in, struct dv_err *e) DV_MUST_USE;
/* A blob of unknown digest (one that is compressed on the way); ret gets digest (sha256) and size. Any thread. */
int dest_blob_new(struct dest *d, const char *media_type, const struct tar_source *in, struct descriptor *ret,
		  struct dv_err *e) DV_MUST_USE;
/* A document whose blobs and children are there. name: NULL for one that is found by digest only (a child
 * of an index, a referrer); "" for the place's own; else one more tag or name. */
int dest_document(struct dest *d, const struct document *doc, const char *name, struct dv_err *e) DV_MUST_USE;
/* Durable and visible. */
int dest_commit(struct dest *d, struct dv_err *e) DV_MUST_USE;
