/* problem.h - what a registry answers when something is wrong: the codes of the distribution spec.
 *
 * Each problem is one row: its code in the body, its HTTP status, its message. PROBLEM_NONE is no problem.
 */
#pragma once

#include "base/buf.h"
#include "json/json.h"

/* name, code, status, message */
#define PROBLEMS(X) \
	X(BLOB_UNKNOWN, "BLOB_UNKNOWN", 404, "blob unknown to registry") \
	X(UPLOAD_INVALID, "BLOB_UPLOAD_INVALID", 400, "blob upload invalid") \
	X(UPLOAD_RANGE, "BLOB_UPLOAD_INVALID", 416, "chunk out of order") \
	X(UPLOAD_BUSY, "BLOB_UPLOAD_INVALID", 409, "another request writes to this upload") \
	X(UPLOAD_UNKNOWN, "BLOB_UPLOAD_UNKNOWN", 404, "blob upload unknown to registry") \
	X(DIGEST_INVALID, "DIGEST_INVALID", 400, "provided digest did not match uploaded content") \
	X(MANIFEST_BLOB_UNKNOWN, "MANIFEST_BLOB_UNKNOWN", 404, "manifest references a manifest or blob unknown to registry") \
	X(MANIFEST_INVALID, "MANIFEST_INVALID", 400, "manifest invalid") \
	X(MANIFEST_UNKNOWN, "MANIFEST_UNKNOWN", 404, "manifest unknown to registry") \
	X(NAME_INVALID, "NAME_INVALID", 400, "invalid repository name") \
	X(NAME_UNKNOWN, "NAME_UNKNOWN", 404, "repository name not known to registry") \
	X(TAG_INVALID, "TAG_INVALID", 400, "invalid tag") \
	X(SIZE_INVALID, "SIZE_INVALID", 400, "provided length did not match content length") \
	X(TOO_LARGE, "SIZE_INVALID", 413, "content is larger than this registry accepts") \
	X(QUERY_INVALID, "PAGINATION_NUMBER_INVALID", 400, "invalid number of results requested") \
	X(PARAM_INVALID, "UNSUPPORTED", 400, "invalid parameter") \
	X(UNAUTHORIZED, "UNAUTHORIZED", 401, "authentication required") \
	X(DENIED, "DENIED", 403, "requested access to the resource is denied") \
	X(UNSUPPORTED, "UNSUPPORTED", 405, "the operation is unsupported") \
	X(RANGE_UNSATISFIABLE, "UNSUPPORTED", 416, "the range does not fit the blob") \
	X(NO_ROUTE, "UNSUPPORTED", 404, "no such endpoint") \
	X(TOO_MANY, "TOOMANYREQUESTS", 429, "too many requests") \
	X(STORAGE_FULL, "UNAVAILABLE", 507, "the registry's storage is full") \
	X(UNAVAILABLE, "UNAVAILABLE", 503, "the registry is busy or shutting down") \
	X(UNKNOWN, "UNKNOWN", 500, "internal error of the registry")

enum problem {
	PROBLEM_NONE,
#define X(name, code, status, message) PROBLEM_##name,
	PROBLEMS(X)
#undef X
	PROBLEM_MAX
};

int problem_status(enum problem p);             /* 404 */
const char *problem_code(enum problem p);       /* "BLOB_UNKNOWN" */
const char *problem_message(enum problem p);

/* The JSON body. detail may be NULL: what exactly was wrong, for people. */
void problem_body(struct buf *b, enum problem p, const char *detail);
