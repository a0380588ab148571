/* copy_parts.h - the three sides of a copy: which documents, their blobs, their form. */
#pragma once

#include "base/map.h"
#include "transfer/copy.h"

struct copy {
	struct source *s;
	struct dest *d;
	const struct copy_options *o;
	struct arena *a;
	struct map *done;               /* digest of a document -> struct copied */
	struct map *seen;               /* blobs that were copied: digest -> itself */
	size_t n_documents;
};

/* What became of a document. */
struct copied {
	struct digest was;
	struct document doc;
	struct descriptor d;            /* of doc */
};

/* --- form (copy_form.c) --- */

/* A layer's compression by its media type; false for types that are none of ours. */
bool form_compression(const char *media_type, enum compression *ret);
/* The media type of a layer after a change of compression and format, or of any other thing. */
const char *form_type(struct arena *a, const char *media_type, enum copy_format format);
const char *form_layer_type(struct arena *a, const char *media_type, enum compression c);
/* The format the destination gets. */
enum copy_format form_wanted(const struct copy *c);
/* The document with other references: refs in the order of manifest_info. The same document when nothing changes. */
int form_rewrite(struct copy *c, const struct document *doc, const struct manifest_info *m,
		 const struct descriptor *refs, struct document *ret, struct dv_err *e) DV_MUST_USE;

/* --- blobs (copy_blobs.c) --- */

/* Copies config and layers; refs gets what they are at the destination. */
int copy_blobs(struct copy *c, const struct manifest_info *m, struct descriptor *refs, struct dv_err *e) DV_MUST_USE;
