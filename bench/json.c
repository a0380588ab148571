/* json.c - parse and write against jansson: a Pod of about 3 KB, and a list of 20 MB of them. */
#include <malloc.h>
#include <string.h>

#include "bench.h"
#include "base/buf.h"
#include "base/str.h"
#include "json/json.h"
#include "json/oracle.h"

#define LIST_BYTES ((size_t)20 << 20)
#define ARENA_MAX ((size_t)256 << 20)
#define TARGET 5

/* --- documents --- */

static void put_container(struct buf *b, unsigned i, const char *name)
{
	buf_printf(b, "{\"name\":\"%s\",\"image\":\"registry.example.com:5000/team-%u/%s:v1.%u.3\","
		   "\"command\":[\"/bin/%s\"],"
		   "\"args\":[\"--listen=0.0.0.0:8080\",\"--log-level=info\","
		   "\"--peers=10.1.%u.7,10.1.%u.8\"],",
		   name, i % 17, name, i % 30, name, i % 250, i % 251);
	buf_printf(b, "\"ports\":[{\"name\":\"http\",\"containerPort\":8080,"
		   "\"protocol\":\"TCP\"},{\"name\":\"metrics\","
		   "\"containerPort\":9090,\"protocol\":\"TCP\"}],\"env\":[{\"name\":\"POD_IP\","
		   "\"valueFrom\":{\"fieldRef\":"
		   "{\"apiVersion\":\"v1\",\"fieldPath\":\"status.podIP\"}}},{\"name\":\"GREETING\","
		   "\"value\":\"say \\\"hi\\\"\\n\"}],");
	buf_printf(b, "\"resources\":{\"limits\":{\"cpu\":\"500m\",\"memory\":\"%uMi\"},"
		   "\"requests\":{\"cpu\":\"100m\",\"memory\":"
		   "\"64Mi\"}},\"volumeMounts\":[{\"name\":\"config\","
		   "\"mountPath\":\"/etc/%s\"},{\"name\":\"kube-api-access\","
		   "\"readOnly\":true,\"mountPath\":\"/var/run/secrets/kubernetes.io/serviceaccount\"}],",
		   128 + i % 512, name);
	buf_printf(b, "\"livenessProbe\":{\"httpGet\":{\"path\":\"/healthz\",\"port\":8080,"
		   "\"scheme\":\"HTTP\"},"
		   "\"initialDelaySeconds\":%u,\"timeoutSeconds\":1,\"periodSeconds\":10,"
		   "\"successThreshold\":1,"
		   "\"failureThreshold\":3},\"imagePullPolicy\":\"IfNotPresent\"}", i % 60);
}

static void put_pod(struct buf *b, unsigned i)
{
	buf_printf(b, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"web-%u\","
		   "\"namespace\":\"team-%u\",\"uid\":"
		   "\"0f%06x-8a1c-4d0e-9b57-%012x\",\"resourceVersion\":\"%u\","
		   "\"creationTimestamp\":\"2026-01-02T03:04:05Z\",",
		   i, i % 17, i, i * 7919, 100000 + i);
	buf_printf(b, "\"labels\":{\"app\":\"web\",\"pod-template-hash\":\"%x\",\"tier\":\"front\"},"
		   "\"annotations\":{\"checksum/config\":"
		   "\"%032x%032x\",\"note\":\"caf\xc3\xa9 no. %u\"},"
		   "\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\","
		   "\"name\":\"web-%x\",\"controller\":true,\"blockOwnerDeletion\":true}]},"
		   "\"spec\":{\"containers\":[",
		   i * 31, i, i * 3, i, i * 31);
	put_container(b, i, "web");
	buf_char(b, ',');
	put_container(b, i + 1, "sidecar");
	buf_printf(b, "],\"volumes\":[{\"name\":\"config\",\"configMap\":{\"name\":\"web-config\","
		   "\"defaultMode\":420}},{\"name\":\"data\","
		   "\"emptyDir\":{}}],\"restartPolicy\":\"Always\",\"terminationGracePeriodSeconds\":30,"
		   "\"dnsPolicy\":\"ClusterFirst\","
		   "\"nodeName\":\"node-%u\",\"securityContext\":{},\"priority\":0},", i % 200);
	buf_printf(b, "\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\","
		   "\"status\":\"True\",\"lastProbeTime\":null,"
		   "\"lastTransitionTime\":\"2026-01-02T03:05:0%uZ\"}],\"hostIP\":\"192.0.2.%u\","
		   "\"podIP\":\"10.1.%u.%u\",\"qosClass\":"
		   "\"Burstable\"}}", i % 10, i % 200, i % 250, i % 240);
}

static void put_list(struct buf *b)
{
	buf_str(b, "{\"apiVersion\":\"v1\",\"kind\":\"PodList\","
		   "\"metadata\":{\"resourceVersion\":\"200000\"},\"items\":[");
	for (unsigned i = 0; b->len < LIST_BYTES; i++) {
		if (i)
			buf_char(b, ',');
		put_pod(b, i);
	}
	buf_str(b, "]}");
}

/* A pod that was applied has its own text, escaped, in an annotation. */
static void put_applied(struct buf *b)
{
	auto_arena struct arena a;
	auto_buf struct buf pod = BUF_INIT(1 << 16);

	arena_init(&a, 0);
	put_pod(&pod, 54321);
	buf_str(b, "{\"kind\":\"Pod\","
		   "\"metadata\":{\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":");
	json_write(b, json_new_strn(&a, pod.p, pod.len), JSON_COMPACT);
	buf_str(b, "}}}");
}

/* The case for the hash index. */
static void put_wide(struct buf *b)
{
	for (unsigned i = 0; i < 100000; i++)
		buf_printf(b, "%c\"some-key-%u\":%u", i ? ',' : '{', i * 7919, i);
	buf_char(b, '}');
}

/* --- both sides --- */

struct sides {
	const struct buf *text;
	struct json *j;
	oracle *t;
	struct buf *out;
	bool failed;
};

static void parse_ours(void *ctx)
{
	struct sides *s = ctx;
	auto_arena struct arena a;
	struct json *j;

	arena_init(&a, ARENA_MAX);
	if (json_parse(&a, s->text->p, s->text->len, &j, NULL) < 0)
		s->failed = true;
}

static void parse_peer(void *ctx)
{
	struct sides *s = ctx;
	oracle *t = oracle_parse(s->text->p, s->text->len);

	if (t)
		oracle_free(t);
	else
		s->failed = true;
}

static void write_ours(void *ctx)
{
	struct sides *s = ctx;

	buf_reset(s->out);
	json_write(s->out, s->j, JSON_COMPACT);
}

static void write_peer(void *ctx)
{
	struct sides *s = ctx;

	free(oracle_write(s->t));
}

/* Same tree, same text again on both sides. */
static bool compare(struct sides *s)
{
	auto_free char *peer = oracle_write(s->t);

	write_ours(s);
	return oracle_same(s->j, s->t) && peer && streq(buf_cstr(s->out), peer) && streq(peer, s->text->p);
}

static int run(const char *name, const struct buf *text, unsigned rounds, unsigned calls)
{
	auto_arena struct arena a;
	auto_buf struct buf out = BUF_INIT(ARENA_MAX);
	struct sides s = { .text = text, .out = &out };
	struct dv_err e;
	char row[64];
	size_t heap = mallinfo2().uordblks + mallinfo2().hblkhd, peer_bytes;

	arena_init(&a, ARENA_MAX);
	s.t = oracle_parse(text->p, text->len);
	peer_bytes = mallinfo2().uordblks + mallinfo2().hblkhd - heap;
	if (json_parse(&a, text->p, text->len, &s.j, &e) < 0 || !s.t || !compare(&s))
		return bench_differ(name);
	snprintf(row, sizeof row, "json %s parse", name);
	bench_row_rate(row, (double)text->len, bench_turns(parse_ours, parse_peer, &s, rounds, calls),
		       TARGET);
	snprintf(row, sizeof row, "json %s write", name);
	bench_row_rate(row, (double)text->len, bench_turns(write_ours, write_peer, &s, rounds, calls), 0);
	snprintf(row, sizeof row, "json %s tree, bytes per byte of text", name);
	bench_row(row, "", (double)a.used_bytes / (double)text->len, (double)peer_bytes / (double)text->len,
		  (double)peer_bytes / (double)a.used_bytes, 0);
	oracle_free(s.t);
	return s.failed ? bench_differ(name) : 0;
}

int main(void)
{
	auto_buf struct buf pod = BUF_INIT(1 << 16), applied = BUF_INIT(1 << 16);
	auto_buf struct buf list = BUF_INIT(LIST_BYTES * 2), wide = BUF_INIT(LIST_BYTES);
	int r;

	put_pod(&pod, 12345);
	put_applied(&applied);
	put_list(&list);
	put_wide(&wide);
	fprintf(stderr, "pod %zu bytes, list %zu bytes\n", pod.len, list.len);
	r = run("pod", &pod, 30, 1000);
	r |= run("last-applied", &applied, 30, 1000);
	r |= run("list", &list, 5, 1);
	r |= run("100000 keys", &wide, 5, 1);
	return r | bench_end();
}
