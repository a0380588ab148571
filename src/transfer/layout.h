/* layout.h - index.json of an OCI layout that is read or made: names, referrers, and how they are kept.
 *
 * A name is an entry with the annotation org.opencontainers.image.ref.name. What
 * refers to another document (a signature, an SBOM) is an entry without a name: a
 * layout has no list of referrers, so its entries are looked through.
 */
#pragma once

#include "transfer/transport.h"

#define LAYOUT_REF_NAME "org.opencontainers.image.ref.name"
#define LAYOUT_ENTRIES_MAX 2000
#define LAYOUT_FILE "oci-layout"
#define LAYOUT_FILE_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"

/* "blobs/sha256/HEX" into out; returns out. */
#define LAYOUT_PATH_SIZE (16 + DIGEST_TEXT_SIZE)
const char *layout_blob_path(const struct digest *d, char out[LAYOUT_PATH_SIZE]);

struct layout_index {
	struct arena *a;
	struct json *tree;              /* as it was, with what we do not know */
};
/* An empty one. */
void layout_index_new(struct layout_index *x, struct arena *a);
/* INVALID, LIMIT. */
int layout_index_read(struct layout_index *x, struct arena *a, const char *text, size_t len, struct dv_err *e) DV_MUST_USE;
/* Add the document; name moves here from another entry. NULL: an entry without a name, unless there is one
 * of this digest. LIMIT. */
int layout_index_add(struct layout_index *x, const struct document *doc, const char *media_type, const char *name,
		     struct dv_err *e) DV_MUST_USE;
const char *layout_index_text(const struct layout_index *x);
