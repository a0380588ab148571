/* transport_parts.h - what a transport implements. */
#pragma once

#include "transfer/transport.h"

struct source_ops {
	int (*open)(const struct place *p, const struct place_options *o, void **ret, struct dv_err *e);
	void (*close)(void *ctx);
	/* The text in the arena and the media type, if the place tells one; digest and size are checked by the caller. */
	int (*document)(void *ctx, struct arena *a, const struct digest *d, struct document *ret, struct dv_err *e);
	int (*blob)(void *ctx, const struct descriptor *d, uint64_t offset, struct blob_stream *ret, struct dv_err *e);
	int (*tags)(void *ctx, struct arena *a, const char ***ret, struct dv_err *e);           /* NULL: UNSUPPORTED */
	int (*referrers)(void *ctx, struct arena *a, const struct digest *subject, struct descriptor **ret,
			 size_t *ret_n, struct dv_err *e);                                      /* NULL: none */
};

struct dest_ops {
	enum dest_accepts accepts;
	int (*open)(const struct place *p, const struct place_options *o, void **ret, struct dv_err *e);
	void (*close)(void *ctx);
	/* from: the place the blob comes from, for a registry that can take it over itself. */
	int (*has)(void *ctx, const struct descriptor *blob, const struct place *from, bool *ret, struct dv_err *e);
	/* Writes what `in` gives and calls it *ret once `in` has ended, which is when *ret is known; size in
	 * *ret is UINT64_MAX before that where it is not known. An error of `in` leaves nothing. */
	int (*blob)(void *ctx, struct descriptor *ret, const struct tar_source *in, struct dv_err *e);
	int (*document)(void *ctx, const struct document *doc, const char *name, struct dv_err *e);
	int (*commit)(void *ctx, struct dv_err *e);
};

struct transport {
	const char *name;
	/* rest is what follows "NAME:". */
	int (*parse)(struct arena *a, const char *rest, struct place *ret, struct dv_err *e);
	const struct source_ops *source;
	const struct dest_ops *dest;
};

extern const struct transport transport_docker, transport_oci, transport_oci_archive, transport_docker_archive,
	transport_dir, transport_davit;

#define BLOB_SIZE_UNKNOWN UINT64_MAX

/* "PATH[:REF]"; the last colon without a slash behind it divides. */
int place_parse_path(struct arena *a, const char *rest, struct place *ret, struct dv_err *e) DV_MUST_USE;
