/* metrics.h - counters for Prometheus, and the line of the access log. Belongs to the loop's thread. */
#pragma once

#include "base/buf.h"
#include "http/server.h"
#include "registry/meta.h"
#include "registry/route.h"

#define METRICS_CLASSES 6               /* of statuses: none, 1xx ... 5xx */
#define METRICS_BUCKETS 10

struct metrics {
	uint64_t requests[ROUTE_KINDS][HTTP_METHOD_MAX][METRICS_CLASSES];
	uint64_t sent_bytes[ROUTE_KINDS];
	uint64_t duration[ROUTE_KINDS][METRICS_BUCKETS + 1];    /* the last one: longer */
	uint64_t duration_usec[ROUTE_KINDS];
	uint64_t received_bytes, uploads_done, uploads_failed, cache_hits, cache_misses, auth_failures, log_dropped;
};

void metrics_count(struct metrics *m, const struct http_log_entry *en, enum route_kind kind);

struct metrics_now {
	unsigned uploads;
	struct meta_figures figures;
	struct http_server_stats http;
};
/* Prometheus' text format. */
void metrics_write(struct buf *b, const struct metrics *m, const struct metrics_now *now);

/* One line with its end; foreign text is escaped. */
void access_line(struct buf *b, const struct http_log_entry *en, int64_t now_s, bool json);
