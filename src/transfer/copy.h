/* copy.h - an image, an index with everything below it, or an artifact from one place to another.
 *
 * Nothing is kept on the way: blobs stream from the source into the destination,
 * several at once, the largest first; what the destination has is left out.
 * Documents keep their bytes unless something has to change: a format the
 * destination wants, or compression. diff ids never change.
 */
#pragma once

#include "transfer/compress.h"
#include "transfer/transport.h"

#define COPY_ENTRIES_MAX 2000           /* of one index */
#define COPY_DOCUMENTS_MAX 10000        /* in all */
#define COPY_NESTED_MAX 4
#define COPY_PARALLEL_DEFAULT 6

enum copy_which { COPY_SYSTEM, COPY_ALL, COPY_INDEX_ONLY };
enum copy_format { COPY_FORMAT_ANY, COPY_FORMAT_OCI, COPY_FORMAT_DOCKER };
enum copy_compress { COPY_COMPRESS_KEEP, COPY_COMPRESS_PLAIN, COPY_COMPRESS_ALL, COPY_DECOMPRESS };

/* What a blob does now: "waiting", "copying", "exists", "skipped", "done". Any thread. */
struct copy_events {
	void (*blob)(void *ctx, const struct descriptor *d, const char *step);
	void (*bytes)(void *ctx, const struct descriptor *d, uint64_t done);
	void (*note)(void *ctx, const char *line);
	void *ctx;
};

struct copy_options {
	enum copy_which which;
	const struct platform *platform;        /* of COPY_SYSTEM; NULL: the host's */
	bool preserve_digests;
	enum copy_format format;
	enum copy_compress compress;            /* PLAIN: what is plain; ALL: also what is in another format */
	enum compression compression;           /* to this */
	int level;                              /* 0: the usual one */
	bool no_referrers;
	const char *name;                       /* at the destination; NULL: the place's own */
	bool unnamed;                           /* found by digest only: for what an index will refer to */
	const char *const *more_names;          /* besides the place's own; NULL-terminated, or NULL */
	unsigned parallel;                      /* 0: COPY_PARALLEL_DEFAULT */
	unsigned retries;                       /* of a blob whose connection broke */
	const struct copy_events *events;       /* or NULL */
};

/* Copies what the source names; dest_commit() is the caller's. *ret is the document at the destination, text in
 * the arena. INVALID, LIMIT for what is refused, also with preserve_digests when something has to change. */
int copy_image(struct source *s, struct dest *d, const struct copy_options *o, struct arena *a, struct document *ret,
	       struct dv_err *e) DV_MUST_USE;
