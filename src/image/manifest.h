/* manifest.h - image manifests and indexes, read strictly.
 *
 * A document is an index or a manifest, never both, and says the same about itself
 * as the descriptor that led to it.
 */
#pragma once

#include "image/digest.h"
#include "json/json.h"

#define MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"

struct platform {
	const char *os, *arch, *variant;        /* "" when absent */
};
/* "linux/arm64/v8" or "linux/amd64"; NULL is the host's. INVALID. */
int platform_parse(struct arena *a, const char *text, struct platform *ret, struct dv_err *e) DV_MUST_USE;

struct descriptor {
	const char *media_type;                 /* "" when absent */
	struct digest digest;
	uint64_t size;
	bool has_platform;
	struct platform platform;
	const struct json *annotations;
	const char *artifact_type;              /* NULL when absent */
	bool foreign;                           /* has urls, which nobody here follows */
};

enum manifest_kind { MANIFEST_INDEX, MANIFEST_IMAGE };
struct manifest {
	enum manifest_kind kind;
	const char *media_type;
	struct descriptor *v;                   /* of an index: its manifests; of an image: its layers */
	size_t n;
	struct descriptor config;               /* of an image */
	const struct json *annotations;
};

/* want is the descriptor's media type ("" for none). INVALID, LIMIT. */
int manifest_parse(struct arena *a, const char *text, size_t len, const char *want, struct manifest *ret,
		   struct dv_err *e) DV_MUST_USE;
/* The entry of an index for the platform: the first that fits, variants compared when both have one; an
 * only entry without a platform fits. NOT_FOUND. */
int manifest_select(const struct manifest *index, const struct platform *p, const struct descriptor **ret,
		    struct dv_err *e) DV_MUST_USE;

/* --- any manifest: what the store and a registry need to know of it --- */

enum manifest_class { MANIFEST_CLASS_IMAGE, MANIFEST_CLASS_INDEX, MANIFEST_CLASS_ARTIFACT };
const char *manifest_class_name(enum manifest_class c);         /* "image", "index", "artifact" */

struct manifest_info {
	enum manifest_class kind;
	const char *media_type;                 /* the document's, else want's; "" when neither says */
	const char *artifact_type;              /* artifactType, else an artifact's config type; NULL */
	struct digest subject;                  /* alg 0: none */
	bool has_config;
	struct descriptor *refs;                /* config first, then layers, blobs or manifests */
	size_t n;
	const struct json *annotations;
};
/* More lenient than manifest_parse(): any config, unknown types of layers. want is the media type that the transport
 * or descriptor gave, "" for none; the document must not say another. INVALID, LIMIT, UNSUPPORTED. */
int manifest_info_parse(struct arena *a, const char *text, size_t len, const char *want, struct manifest_info *ret,
			struct dv_err *e) DV_MUST_USE;

/* As JSON: platform, annotations and artifactType where there are any. */
struct json *descriptor_json(struct arena *a, const struct descriptor *d);
/* An OCI manifest of these. */
const char *manifest_write(struct arena *a, const struct descriptor *config, const struct descriptor *layers,
			   size_t n);
