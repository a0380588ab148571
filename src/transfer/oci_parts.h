/* oci_parts.h - what transports over archives and layouts share. */
#pragma once

#include "transfer/archive.h"
#include "transfer/tmpdir.h"
#include "transfer/transport_parts.h"

extern const struct source_ops oci_source_ops;

/* A member as a blob, from offset on; size BLOB_SIZE_UNKNOWN is not compared. */
int archive_blob(struct archive *ar, const char *member, uint64_t size, uint64_t offset, struct blob_stream *ret,
		 struct dv_err *e) DV_MUST_USE;
/* A small member in the arena, NUL-terminated. */
int archive_text(struct archive *ar, const char *member, size_t max, struct arena *a, const char **ret, size_t *ret_len,
		 struct dv_err *e) DV_MUST_USE;
