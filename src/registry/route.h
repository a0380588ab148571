/* route.h - what a request is about: the path as a route with checked names, and its ranges.
 *
 * Everything that comes out of here is valid: a repository name is a repository
 * name, a digest is a digest. Nothing behind it looks at the path again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "http/message.h"
#include "image/digest.h"
#include "registry/problem.h"

#define ROUTE_NAME_MAX 255
#define ROUTE_TAG_MAX 128
#define ROUTE_UPLOAD_SIZE 33            /* 32 hex digits */

enum route_kind {
	ROUTE_BASE,             /* /v2/ */
	ROUTE_MANIFEST,         /* /v2/NAME/manifests/REFERENCE */
	ROUTE_BLOB,             /* /v2/NAME/blobs/DIGEST */
	ROUTE_UPLOADS,          /* /v2/NAME/blobs/uploads/ */
	ROUTE_UPLOAD,           /* /v2/NAME/blobs/uploads/ID */
	ROUTE_TAGS,             /* /v2/NAME/tags/list */
	ROUTE_REFERRERS,        /* /v2/NAME/referrers/DIGEST */
	ROUTE_CATALOG,          /* /v2/_catalog */
	ROUTE_TOKEN,            /* /token */
	ROUTE_METRICS,          /* /metrics */
	ROUTE_HEALTH,           /* /healthz */
	ROUTE_UNKNOWN,
	ROUTE_KINDS
};

struct route {
	enum route_kind kind;
	char name[ROUTE_NAME_MAX + 1];          /* of the repository, "" where there is none */
	struct digest digest;                   /* of a blob, a subject, or of a manifest unless tag is set */
	char tag[ROUTE_TAG_MAX + 1];
	char upload[ROUTE_UPLOAD_SIZE];
};

/* path is decoded (url_path_decode). PROBLEM_NO_ROUTE (kind is ROUTE_UNKNOWN then), or what is wrong with a name. */
enum problem route_parse(const char *path, struct route *ret);
const char *route_kind_name(enum route_kind kind);      /* "manifest", for metrics */
/* Whether the route has the method; *ret_allow is "GET, HEAD" for the Allow header. */
bool route_allows(enum route_kind kind, enum http_method m, const char **ret_allow);

bool repo_name_valid(const char *name);
bool tag_valid(const char *tag);

/* --- ranges --- */

/* As http_range_parse(), but one that is turned round ("bytes=500-0") is BAD: the specification wants it refused. */
enum http_range blob_range_parse(const char *text, uint64_t size, uint64_t *ret_first, uint64_t *ret_len);
/* A Content-Range of an upload's chunk: "0-99", also "bytes 0-99/1000". False when it is neither. */
bool content_range_parse(const char *text, uint64_t *ret_first, uint64_t *ret_last);
