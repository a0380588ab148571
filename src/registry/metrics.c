/* metrics.c - what was counted, as text; lines of the access log. */
#include <stdio.h>
#include <time.h>

#include "base/str.h"
#include "json/json.h"
#include "registry/metrics.h"

/* Upper ends in microseconds, and as Prometheus wants to read them. */
static const struct { uint64_t usec; const char *text; } buckets[METRICS_BUCKETS] = {
	{ 500, "0.0005" },    { 1000, "0.001" },   { 5000, "0.005" },    { 10000, "0.01" },   { 50000, "0.05" },
	{ 100000, "0.1" },    { 500000, "0.5" },   { 1000000, "1" },     { 10000000, "10" },  { 60000000, "60" },
};

void metrics_count(struct metrics *m, const struct http_log_entry *en, enum route_kind kind)
{
	unsigned class = en->status >= 100 && en->status < 600 ? (unsigned)en->status / 100 : 0, i = 0;

	m->requests[kind][en->request->method][class]++;
	m->sent_bytes[kind] += en->body_bytes;
	while (i < METRICS_BUCKETS && en->usec > buckets[i].usec)
		i++;
	m->duration[kind][i]++;
	m->duration_usec[kind] += en->usec;
}

/* --- Prometheus --- */

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP davit_registry_%s %s\n# TYPE davit_registry_%s %s\n", name, help, name, type);
}

static void requests_write(struct buf *b, const struct metrics *m)
{
	head(b, "requests_total", "counter", "Requests by route, method and class of status.");
	for (size_t k = 0; k < ROUTE_KINDS; k++)
		for (size_t i = 0; i < HTTP_METHOD_MAX; i++)
			for (size_t c = 0; c < METRICS_CLASSES; c++)
				if (m->requests[k][i][c])
					buf_printf(b, "davit_registry_requests_total{route=\"%s\",method=\"%s\",code=\"%zuxx\"} %llu\n",
						   route_kind_name(k), i ? http_method_name(i) : "other", c,
						   (unsigned long long)m->requests[k][i][c]);
}

static uint64_t duration_count(const struct metrics *m, size_t kind)
{
	uint64_t n = 0;

	for (size_t i = 0; i <= METRICS_BUCKETS; i++)
		n += m->duration[kind][i];
	return n;
}

static void durations_write(struct buf *b, const struct metrics *m)
{
	head(b, "request_duration_seconds", "histogram", "From the request's head to the end of the answer.");
	for (size_t k = 0; k < ROUTE_KINDS; k++) {
		unsigned long long n = 0, all = duration_count(m, k);
		const char *route = route_kind_name(k);

		for (size_t i = 0; i < METRICS_BUCKETS && all; i++) {
			n += m->duration[k][i];
			buf_printf(b, "davit_registry_request_duration_seconds_bucket{route=\"%s\",le=\"%s\"} %llu\n", route,
				   buckets[i].text, n);
		}
		if (all)
			buf_printf(b, "davit_registry_request_duration_seconds_bucket{route=\"%s\",le=\"+Inf\"} %llu\n"
				      "davit_registry_request_duration_seconds_sum{route=\"%s\"} %.6f\n"
				      "davit_registry_request_duration_seconds_count{route=\"%s\"} %llu\n",
				   route, all, route, (double)m->duration_usec[k] / 1e6, route, all);
	}
}

static void sent_write(struct buf *b, const struct metrics *m)
{
	head(b, "sent_bytes_total", "counter", "Bytes of bodies sent, by route.");
	for (size_t k = 0; k < ROUTE_KINDS; k++)
		if (m->sent_bytes[k])
			buf_printf(b, "davit_registry_sent_bytes_total{route=\"%s\"} %llu\n", route_kind_name(k),
				   (unsigned long long)m->sent_bytes[k]);
}

void metrics_write(struct buf *b, const struct metrics *m, const struct metrics_now *now)
{
	const struct { const char *name, *type, *help; uint64_t v; } rows[] = {
		{ "received_bytes_total", "counter", "Bytes of uploads received.", m->received_bytes },
		{ "uploads_completed_total", "counter", "Uploads that became a blob.", m->uploads_done },
		{ "uploads_failed_total", "counter", "Uploads that were refused at their end.", m->uploads_failed },
		{ "uploads", "gauge", "Uploads that are open.", now->uploads },
		{ "manifest_cache_hits_total", "counter", "Manifests answered from memory.", m->cache_hits },
		{ "manifest_cache_misses_total", "counter", "Manifests looked up.", m->cache_misses },
		{ "auth_failures_total", "counter", "Requests with wrong credentials.", m->auth_failures },
		{ "log_lines_dropped_total", "counter", "Lines of the access log that found no room.", m->log_dropped },
		{ "requests_in_flight", "gauge", "Requests that are being answered.", now->http.calls },
		{ "connections", "gauge", "Connections that are open.", now->http.connections },
		{ "connections_total", "counter", "Connections accepted.", now->http.accepted },
		{ "connections_refused_total", "counter", "Connections refused by a limit.", now->http.refused },
		{ "requests_malformed_total", "counter", "Requests that were no HTTP.", now->http.malformed },
		{ "requests_timed_out_total", "counter", "Requests that took too long.", now->http.timed_out },
		{ "repositories", "gauge", "Repositories.", now->figures.repos },
		{ "manifests", "gauge", "Manifests of all repositories.", now->figures.manifests },
		{ "tags", "gauge", "Tags of all repositories.", now->figures.tags },
		{ "blobs", "gauge", "Different blobs of all repositories.", now->figures.blobs },
		{ "blob_bytes", "gauge", "Bytes of these blobs.", now->figures.blob_bytes },
	};

	requests_write(b, m);
	sent_write(b, m);
	durations_write(b, m);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		head(b, rows[i].name, rows[i].type, rows[i].help);
		buf_printf(b, "davit_registry_%s %llu\n", rows[i].name, (unsigned long long)rows[i].v);
	}
}

/* --- access log --- */

/* What stands between quotes in the plain form: everything that could end the line or the word is escaped. */
static void quoted(struct buf *b, const char *s)
{
	buf_char(b, '"');
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f || *s == '"' || *s == '\\')
			buf_printf(b, "\\x%02x", (unsigned char)*s);
		else
			buf_char(b, *s);
	buf_char(b, '"');
}

static void line_json(struct buf *b, const struct http_log_entry *en, const char *when, const char *peer, const char *agent)
{
	auto_arena struct arena a;

	arena_init(&a, 0);
	json_write(b, json_obj(&a, "time", json_new_str(&a, when), "peer", json_new_str(&a, peer), "method",
			       json_new_str(&a, en->request->method_name), "path", json_new_str(&a, en->request->path),
			       "query", en->request->query ? json_new_str(&a, en->request->query) : NULL, "status",
			       json_new_i64(&a, en->status), "bytes", json_new_u64(&a, en->body_bytes), "usec",
			       json_new_u64(&a, en->usec), "agent", json_new_str(&a, agent), "complete",
			       json_new_bool(&a, en->complete), NULL), JSON_COMPACT);
}

void access_line(struct buf *b, const struct http_log_entry *en, int64_t now_s, bool json)
{
	const char *agent = http_request_header(en->request, "user-agent");
	char peer[HTTP_ADDR_TEXT_MAX], when[32] = "";
	struct tm tm;

	agent = agent ? agent : "-";
	http_addr_text(&en->request->peer, false, peer);
	if (gmtime_r(&(time_t){ now_s }, &tm))
		(void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (json) {
		line_json(b, en, when, peer, agent);
	} else {
		buf_printf(b, "%s %s %s ", when, peer, en->request->method_name);
		quoted(b, en->request->path);
		buf_printf(b, " %d %llu %llu.%03llums ", en->status, (unsigned long long)en->body_bytes,
			   (unsigned long long)en->usec / 1000, (unsigned long long)en->usec % 1000);
		quoted(b, agent);
		if (!en->complete)
			buf_str(b, " cut");
	}
	buf_char(b, '\n');
}
