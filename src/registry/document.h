/* document.h - which manifests a registry takes.
 *
 * It keeps the exact bytes; the parser is the store's (image/manifest.h), and this is
 * what a registry asks on top: a media type it knows, which is the request's
 * Content-Type, and the members that this type has to have.
 */
#pragma once

#include "image/manifest.h"

#define DOCUMENT_BYTES_MAX ((size_t)4 << 20)

/* content_type is the request's, NULL when it has none; parameters behind ';' are ignored. ret->media_type is never
 * empty, ret->artifact_type is what a list of referrers shows (NULL: nothing). INVALID, UNSUPPORTED or LIMIT say
 * what is wrong. */
int document_parse(struct arena *a, const char *text, size_t len, const char *content_type, struct manifest_info *ret,
		   struct dv_err *e) DV_MUST_USE;
/* A layer that may live elsewhere, and so need not be here. */
bool document_optional(const struct descriptor *d);
