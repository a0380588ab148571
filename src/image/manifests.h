/* manifests.h - the manifests and indexes of the store: put, found, named, referred to.
 *
 * Each is a blob with a row that says what it is: an image's manifest, an index, or an
 * artifact (any manifest that is no image's). What it refers to need not be there: an
 * index may be sparse. A name can stand for one of these, beside or instead of an image.
 *
 * What is kept: named manifests, those of images, those pinned, what kept ones refer to, and
 * whatever has a kept one as its subject (signatures, SBOMs).
 */
#pragma once

#include "image/blob.h"
#include "image/manifest.h"

struct manifest_row {
	struct digest digest;
	uint64_t size;
	enum manifest_class kind;
	const char *media_type;
	const char *artifact_type;      /* of artifacts: artifactType, or the config's media type; NULL */
	struct digest subject;          /* alg 0: none */
	int64_t created;
	const char *name;               /* in lists of names: canonical; NULL otherwise */
};
struct manifest_rows {
	struct manifest_row *v;
	size_t n;
};

/* Verified against d and parsed (INVALID, LIMIT, UNSUPPORTED), stored as it is, recorded. media_type is what the
 * transport said, or NULL; the document must not say another. name (canonical, or NULL) moves here. */
int manifest_put(struct image_store *s, const struct digest *d, const void *text, size_t len, const char *media_type,
		 const char *name, const struct blob_meta *m, struct dv_err *e) DV_MUST_USE;
/* NOT_FOUND. */
int manifest_stat(struct image_store *s, struct arena *a, const struct digest *d, struct manifest_row *ret,
		  struct dv_err *e) DV_MUST_USE;
/* The text, and what it says. NOT_FOUND. */
int manifest_load(struct image_store *s, struct arena *a, const struct digest *d, const char **ret_text,
		  size_t *ret_len, struct dv_err *e) DV_MUST_USE;
/* Those with this subject, oldest first. artifact_type NULL: all. */
int manifest_referrers(struct image_store *s, struct arena *a, const struct digest *subject, const char *artifact_type,
		       struct manifest_rows *ret, struct dv_err *e) DV_MUST_USE;
/* What ref stands for as a manifest: a name's index, artifact or (else) its image's manifest; "name@sha256:HEX"
 * that manifest, when the repository has a name or digest with it; an image's id its manifest, an index's id (as in
 * manifest_alone) the index. NOT_FOUND. */
int manifest_resolve(struct image_store *s, struct arena *a, const char *ref, struct manifest_row *ret,
		     struct dv_err *e) DV_MUST_USE;
/* A name or an id that stands for an index or artifact alone, with no image behind it: 1, or 0 when it does not. An id is
 * "sha256:HEX" or the beginning of HEX, of one that has a name; CONFLICT when that is ambiguous. */
int manifest_alone(struct image_store *s, struct arena *a, const char *ref, struct manifest_row *ret,
		   struct dv_err *e) DV_MUST_USE;
/* The image whose manifest it is. NOT_FOUND. */
int manifest_image(struct image_store *s, struct arena *a, const struct digest *d, struct image **ret,
		   struct dv_err *e) DV_MUST_USE;
/* The names that stand for it alone, NULL-terminated. */
int manifest_names(struct image_store *s, struct arena *a, const struct digest *d, const char ***ret,
		   struct dv_err *e) DV_MUST_USE;
/* A canonical name for a manifest that is stored; with an image's manifest the image is named. NOT_FOUND. */
int manifest_tag(struct image_store *s, const struct digest *d, const char *name, struct dv_err *e) DV_MUST_USE;
/* Names that stand for an index or artifact alone (no image behind them), in order. */
int manifest_list(struct image_store *s, struct arena *a, struct manifest_rows *ret, struct dv_err *e) DV_MUST_USE;
