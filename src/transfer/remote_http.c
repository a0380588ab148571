/* remote_http.c - one request on one connection, with libcurl.
 *
 * Each connection is an easy handle in a multi handle of its own: the multi
 * keeps the connection open between requests, and its poll also listens to
 * remote_cancel(). Idle ones wait in a list of the remote. curl follows no
 * redirect, sends no credentials of its own and speaks http and https only.
 */
#include <openssl/ssl.h>

#include "base/deadline.h"
#include "base/str.h"
#include "transfer/remote_parts.h"

#define RECEIVE_BYTES (256L << 10)
#define SEND_BYTES (512L << 10)

struct remote_conn {
	struct list link;
	char *key;              /* origin, and whose certificates */
	CURLM *multi;
	CURL *curl;
	char why[CURL_ERROR_SIZE];
};

struct transfer {
	struct remote *r;
	const struct remote_request *q;
	struct remote_answer *w;
	struct arena *a;
	struct remote_conn *conn;
	struct dv_err why;      /* of a callback */
	bool failed, headed, all_sent;
	size_t header_bytes;
	uint64_t sent;
	size_t trickle;         /* moved since moved_ms */
	int64_t start_ms, moved_ms;     /* moved_ms: when enough had moved for the last time */
};

void remote_answer_done(struct remote_answer *w)
{
	buf_done(&w->body);
}

int remote_check_cancel(struct remote *r, struct dv_err *e)
{
	return atomic_load(&r->cancelled) ? dv_fail(e, DV_UNAVAILABLE, "cancelled") : 0;
}

/* --- the pool --- */

static void conn_free(struct remote_conn *c)
{
	if (c->multi && c->curl)
		(void)curl_multi_remove_handle(c->multi, c->curl);
	curl_easy_cleanup(c->curl);
	(void)curl_multi_cleanup(c->multi);
	free(c->key);
	free(c);
}

static int conn_new(const char *key, struct remote_conn **ret, struct dv_err *e)
{
	struct remote_conn *c = mem_new(struct remote_conn);

	list_init(&c->link);
	c->key = mem_str(key);
	c->multi = curl_multi_init();
	c->curl = curl_easy_init();
	if (!c->multi || !c->curl) {
		conn_free(c);
		return dv_fail(e, DV_INTERNAL, "curl cannot be set up");
	}
	(void)curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, 2L);
	*ret = c;
	return 0;
}

static struct remote_conn *take_idle(struct remote *r, const char *key)
{
	struct remote_conn *found = NULL;

	(void)pthread_mutex_lock(&r->lock);
	LIST_EACH(it, &r->idle) {
		struct remote_conn *c = container_of(it, struct remote_conn, link);

		if (streq(c->key, key)) {
			found = c;
			list_remove(it);
			r->n_idle--;
			break;
		}
	}
	(void)pthread_mutex_unlock(&r->lock);
	return found;
}

static void put_idle(struct remote *r, struct remote_conn *c)
{
	struct remote_conn *oldest = NULL;

	(void)pthread_mutex_lock(&r->lock);
	list_add_head(&r->idle, &c->link);
	if (++r->n_idle > REMOTE_IDLE_MAX) {
		oldest = container_of(r->idle.prev, struct remote_conn, link);
		list_remove(&oldest->link);
		r->n_idle--;
	}
	(void)pthread_mutex_unlock(&r->lock);
	if (oldest)
		conn_free(oldest);
}

void remote_http_close_idle(struct remote *r)
{
	LIST_EACH_SAFE(it, &r->idle)
		conn_free(container_of(it, struct remote_conn, link));
	list_init(&r->idle);
	r->n_idle = 0;
}

/* --- callbacks --- */

/* A byte now and then does not count. */
static void moved(struct transfer *t, size_t len)
{
	t->trickle += len;
	if (t->trickle >= REMOTE_MOVED_BYTES) {
		t->moved_ms = deadline_now_ms();
		t->trickle = 0;
	}
}

/* The time that our own side took is not the registry's. */
static void excuse(struct transfer *t, int64_t since_ms)
{
	t->moved_ms += deadline_now_ms() - since_ms;
}

static size_t fail(struct transfer *t, size_t code)
{
	t->failed = true;
	return code;
}

static const struct { const char *name; size_t offset; } fields[] = {
	{ "content-type", offsetof(struct remote_answer, content_type) },
	{ "content-length", offsetof(struct remote_answer, content_length) },
	{ "content-range", offsetof(struct remote_answer, content_range) },
	{ "location", offsetof(struct remote_answer, location) },
	{ "docker-content-digest", offsetof(struct remote_answer, digest) },
	{ "link", offsetof(struct remote_answer, link) },
	{ "range", offsetof(struct remote_answer, range) },
	{ "oci-subject", offsetof(struct remote_answer, subject) },
	{ "oci-chunk-min-length", offsetof(struct remote_answer, chunk_min) },
};

static void keep_header(struct transfer *t, const char *name, size_t name_len, const char *value)
{
	struct remote_answer *w = t->w;

	if (name_len == strlen("www-authenticate") && strncasecmp(name, "www-authenticate", name_len) == 0 &&
	    w->n_challenges < CHALLENGES_MAX)
		w->challenges[w->n_challenges++] = arena_str(t->a, value);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char **field = (const char **)((char *)w + fields[i].offset);

		if (strlen(fields[i].name) == name_len && strncasecmp(name, fields[i].name, name_len) == 0 && !*field)
			*field = arena_str(t->a, value);
	}
}

/* A new status line: what came before was an interim answer. */
static void new_head(struct transfer *t)
{
	struct buf body = t->w->body;

	*t->w = (struct remote_answer){ .body = body };
}

static size_t on_header(char *line, size_t one, size_t len, void *ctx)
{
	struct transfer *t = ctx;
	size_t end = len;
	const char *colon;

	moved(t, len);
	t->header_bytes += len;
	if (t->header_bytes > REMOTE_HEADERS_MAX) {
		(void)dv_fail(&t->why, DV_LIMIT, "more than %zu bytes of headers", REMOTE_HEADERS_MAX);
		return fail(t, 0);
	}
	if (len > 5 && memcmp(line, "HTTP/", 5) == 0)
		new_head(t);
	while (end > 0 && strchr("\r\n \t", line[end - 1]))
		end--;
	colon = memchr(line, ':', end);
	if (colon) {
		const char *value = colon + 1;
		auto_free char *copy = NULL;

		while (value < line + end && (*value == ' ' || *value == '\t'))
			value++;
		copy = mem_printf("%.*s", (int)(line + end - value), value);
		keep_header(t, line, (size_t)(colon - line), copy);
	}
	return len;
}

static int take_head(struct transfer *t)
{
	int rc = 0;

	if (t->headed)
		return 0;
	t->headed = true;
	(void)curl_easy_getinfo(t->conn->curl, CURLINFO_RESPONSE_CODE, &t->w->status);
	if (t->q->on_head)
		rc = t->q->on_head(t->q->sink_ctx, t->w, &t->why);
	t->failed = t->failed || rc < 0;
	return rc;
}

static size_t on_body(char *data, size_t one, size_t len, void *ctx)
{
	struct transfer *t = ctx;
	struct remote_answer *w = t->w;

	moved(t, len);
	if (take_head(t) < 0)
		return 0;
	if (t->q->sink && (w->status == 200 || w->status == 206)) {
		int64_t since = deadline_now_ms();
		int rc = t->q->sink(t->q->sink_ctx, data, len, &t->why);

		excuse(t, since);
		return rc < 0 ? fail(t, 0) : len;
	}
	if (w->status >= 300 || !t->q->body_max) {
		buf_add(&w->body, data, DV_MIN(len, w->body.max - w->body.len));
		return len;
	}
	buf_add(&w->body, data, len);
	if (!w->body.over)
		return len;
	(void)dv_fail(&t->why, DV_LIMIT, "the answer has more than %zu bytes", t->q->body_max);
	return fail(t, 0);
}

static size_t on_send(char *out, size_t one, size_t len, void *ctx)
{
	struct transfer *t = ctx;
	const struct remote_request *q = t->q;
	size_t n = (size_t)DV_MIN((uint64_t)len, q->size - t->sent);
	bool open_end = q->size == REMOTE_SIZE_UNKNOWN;
	int64_t since = deadline_now_ms();
	int rc = 0;

	if (q->read && n > 0)
		rc = q->read(q->read_ctx, out, n, &n, &t->why);
	else if (n > 0)
		memcpy(out, (const char *)q->data + t->sent, n);
	if (rc == 0 && n == 0 && t->sent < q->size && !open_end)
		rc = dv_fail(&t->why, DV_CORRUPT, "the source ended at byte %llu of %llu", (unsigned long long)t->sent,
			     (unsigned long long)q->size);
	excuse(t, since);
	if (rc < 0)
		return fail(t, CURL_READFUNC_ABORT);
	moved(t, n);
	t->sent += n;
	t->all_sent = n == 0 || t->sent == q->size;
	if (t->all_sent)                /* from here on the registry has all of its patience */
		t->moved_ms = deadline_now_ms();
	return n;
}

/* curl found a kept connection dead and sends again. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
	struct transfer *t = ctx;

	if (t->q->read || origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	t->sent = (uint64_t)offset;
	t->all_sent = false;
	return CURL_SEEKFUNC_OK;
}

static CURLcode on_ssl(CURL *curl, void *ssl_ctx, void *ctx)
{
	const struct remote_host *h = ctx;

	return SSL_CTX_set1_cert_store(ssl_ctx, h->certs.store), CURLE_OK;
}

/* --- options --- */

static struct curl_blob blob_of(const struct buf *b)
{
	return (struct curl_blob){ .data = b->p, .len = b->len, .flags = CURL_BLOB_COPY };
}

static void set_tls(struct transfer *t)
{
	CURL *c = t->conn->curl;
	const struct remote_host *h = t->q->host;
	bool home = url_same_origin(&h->base, &t->q->url);

	(void)curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, h->insecure ? 0L : 1L);
	(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, h->insecure ? 0L : 2L);
	/* one store for all connections of the host, instead of reading the system's bundle for each */
	(void)curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
	(void)curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	(void)curl_easy_setopt(c, CURLOPT_CA_CACHE_TIMEOUT, 0L);
	(void)curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, on_ssl);
	(void)curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, (void *)h);
	if (home && h->certs.cert.len > 0) {
		struct curl_blob cert = blob_of(&h->certs.cert), key = blob_of(&h->certs.key);

		(void)curl_easy_setopt(c, CURLOPT_SSLCERT_BLOB, &cert);
		(void)curl_easy_setopt(c, CURLOPT_SSLKEY_BLOB, &key);
	}
}

static void set_body(struct transfer *t)
{
	CURL *c = t->conn->curl;
	const struct remote_request *q = t->q;

	(void)curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
	if (streq(q->method, "HEAD"))
		(void)curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	if (!q->has_body)
		return;
	if (q->size == 0) {
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, 0L);
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, "");
		return;
	}
	(void)curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
	(void)curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, q->size == REMOTE_SIZE_UNKNOWN ? -1 : (curl_off_t)q->size);
	(void)curl_easy_setopt(c, CURLOPT_READFUNCTION, on_send);
	(void)curl_easy_setopt(c, CURLOPT_READDATA, t);
	(void)curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
	(void)curl_easy_setopt(c, CURLOPT_SEEKDATA, t);
}

/* As Go's clients do: a proxy is not asked for what is on this machine. */
static bool is_loopback(const struct url *u)
{
	return streq(u->host, "localhost") || streq(u->host, "::1") || str_starts(u->host, "127.");
}

static void set_options(struct transfer *t, const char *url, struct curl_slist *headers)
{
	CURL *c = t->conn->curl;
	const struct remote_options *o = &t->r->o;

	curl_easy_reset(c);
	(void)curl_easy_setopt(c, CURLOPT_URL, url);
	(void)curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->conn->why);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, "davit/" DAVIT_VERSION);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_timeout_ms);
	(void)curl_easy_setopt(c, CURLOPT_BUFFERSIZE, RECEIVE_BYTES);
	(void)curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BYTES);
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	if (is_loopback(&t->q->url))
		(void)curl_easy_setopt(c, CURLOPT_PROXY, "");
	set_tls(t);
	set_body(t);
}

static struct curl_slist *add(struct curl_slist *list, const char *line)
{
	struct curl_slist *more = curl_slist_append(list, line);

	return more ? more : list;
}

static struct curl_slist *make_headers(struct transfer *t)
{
	const struct remote_request *q = t->q;
	struct curl_slist *list = add(NULL, "Expect:");

	if (q->authorization) {
		auto_free char *line = mem_printf("Authorization: %s", q->authorization);

		list = add(list, line);
		explicit_bzero(line, strlen(line));
	}
	for (size_t i = 0; i < ARRAY_LEN(q->headers) && q->headers[i]; i++)
		list = add(list, q->headers[i]);
	if (q->has_body && !q->headers[0])
		list = add(list, "Content-Type:");
	return list;
}

static void free_headers(struct curl_slist *list)
{
	for (struct curl_slist *l = list; l; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(list);
}

/* --- run --- */

static const struct { CURLcode code; enum dv_kind kind; enum remote_broken broken; } codes[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, DV_UNAVAILABLE, BROKEN_CONNECT },
	{ CURLE_COULDNT_RESOLVE_PROXY, DV_UNAVAILABLE, BROKEN_CONNECT },
	{ CURLE_COULDNT_CONNECT, DV_UNAVAILABLE, BROKEN_CONNECT },
	{ CURLE_SSL_CONNECT_ERROR, DV_UNAVAILABLE, BROKEN_CONNECT },
	{ CURLE_OPERATION_TIMEDOUT, DV_TIMEOUT, BROKEN_CONNECT },
	{ CURLE_GOT_NOTHING, DV_UNAVAILABLE, BROKEN_LATER },
	{ CURLE_SEND_ERROR, DV_UNAVAILABLE, BROKEN_LATER },
	{ CURLE_RECV_ERROR, DV_UNAVAILABLE, BROKEN_LATER },
	{ CURLE_PARTIAL_FILE, DV_UNAVAILABLE, BROKEN_LATER },
	{ CURLE_SEND_FAIL_REWIND, DV_UNAVAILABLE, BROKEN_LATER },
	{ CURLE_WEIRD_SERVER_REPLY, DV_INVALID, BROKEN_FINAL },
	{ CURLE_UNSUPPORTED_PROTOCOL, DV_INVALID, BROKEN_FINAL },
};

static int curl_failed(struct transfer *t, CURLcode code, enum remote_broken *ret_broken, struct dv_err *e)
{
	const char *why = t->conn->why[0] ? t->conn->why : curl_easy_strerror(code);
	enum dv_kind kind = DV_UNAVAILABLE;
	char text[CURL_ERROR_SIZE];
	size_t n = 0;

	*ret_broken = BROKEN_FINAL;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		if (codes[i].code == code) {
			kind = codes[i].kind;
			*ret_broken = codes[i].broken;
		}
	}
	for (; why[n] && n < sizeof text - 1; n++)       /* parts of it may come from the other side */
		text[n] = (unsigned char)why[n] < 0x20 || why[n] == 0x7f ? '?' : why[n];
	text[n] = '\0';
	if (code == CURLE_SSL_CONNECT_ERROR && strstr(text, "wrong version number"))
		return dv_fail(e, kind, "the registry does not speak https (--tls-verify=false allows http)");
	return dv_fail(e, kind, "%s", text);
}

static int stalled(struct transfer *t, enum remote_broken *ret_broken, struct dv_err *e)
{
	bool commits = t->q->commit_stall_ms && (t->all_sent || t->q->size == 0), streams = t->q->sink || t->q->read;
	unsigned limit = commits ? t->q->commit_stall_ms : t->r->o.stall_timeout_ms;

	*ret_broken = BROKEN_LATER;
	if (!streams && !commits && deadline_now_ms() - t->start_ms > (int64_t)REMOTE_DOCUMENT_MS)
		return dv_fail(e, DV_TIMEOUT, "no whole answer within %u s", REMOTE_DOCUMENT_MS / 1000);
	if (deadline_now_ms() - t->moved_ms < (int64_t)limit) {
		*ret_broken = BROKEN_FINAL;
		return 0;
	}
	return dv_fail(e, DV_TIMEOUT, "nothing moved for %u ms", limit);
}

static int finished(struct transfer *t, enum remote_broken *ret_broken, struct dv_err *e)
{
	CURLcode code = CURLE_OK;
	curl_off_t after = 0;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(t->conn->multi, &left)))
		if (m->msg == CURLMSG_DONE)
			code = m->data.result;
	if (code == CURLE_OK)
		(void)take_head(t);
	if (t->failed) {
		*e = t->why;
		return -(int)e->kind;
	}
	if (code != CURLE_OK)
		return curl_failed(t, code, ret_broken, e);
	if (curl_easy_getinfo(t->conn->curl, CURLINFO_RETRY_AFTER, &after) == CURLE_OK && after > 0)
		t->w->retry_after_ms = (uint32_t)DV_MIN(after, (curl_off_t)1000000) * 1000;
	t->w->sent_auth = t->q->authorization != NULL;
	t->w->sent_basic = t->w->sent_auth && str_starts(t->q->authorization, "Basic ");
	return 0;
}

static int run(struct transfer *t, enum remote_broken *ret_broken, struct dv_err *e)
{
	struct curl_waitfd cancel = { .fd = t->r->cancel_fd, .events = CURL_WAIT_POLLIN };
	int running = 1, rc = 0;

	t->start_ms = t->moved_ms = deadline_now_ms();
	while (rc == 0 && running) {
		CURLMcode mc = curl_multi_perform(t->conn->multi, &running);

		if (mc == CURLM_OK && running)
			mc = curl_multi_poll(t->conn->multi, &cancel, 1, (int)DV_MIN(t->r->o.stall_timeout_ms, 1000u), NULL);
		if (mc != CURLM_OK)
			return dv_fail(e, DV_INTERNAL, "curl: %s", curl_multi_strerror(mc));
		rc = remote_check_cancel(t->r, e);
		if (rc == 0 && running)
			rc = stalled(t, ret_broken, e);
	}
	return rc < 0 ? rc : finished(t, ret_broken, e);
}

static int conn_for(struct transfer *t, struct dv_err *e)
{
	const struct url *u = &t->q->url;
	auto_free char *key = mem_printf("%s%s %s://%s:%u", t->q->host->insecure ? "!" : "", t->q->host->name, u->scheme,
					 u->host, u->port);

	t->conn = take_idle(t->r, key);
	return t->conn ? 0 : conn_new(key, &t->conn, e);
}

int remote_http(struct remote *r, const struct remote_request *q, struct arena *a, struct remote_answer *ret,
		enum remote_broken *ret_broken, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	struct remote_answer w = { .body = BUF_INIT(DV_MAX(q->body_max, REMOTE_ERROR_BODY_MAX)) };
	struct transfer t = { .r = r, .q = q, .w = &w, .a = a };
	struct curl_slist *headers;
	int rc = remote_check_cancel(r, e);

	*ret_broken = BROKEN_FINAL;
	if (rc == 0)
		rc = conn_for(&t, e);
	if (rc < 0)
		return rc;
	headers = make_headers(&t);
	t.conn->why[0] = '\0';
	set_options(&t, url_text(a, &q->url), headers);
	if (curl_multi_add_handle(t.conn->multi, t.conn->curl) != CURLM_OK)
		rc = dv_fail(&why, DV_INTERNAL, "curl refuses a request");
	else
		rc = run(&t, ret_broken, &why);
	(void)curl_multi_remove_handle(t.conn->multi, t.conn->curl);
	curl_easy_reset(t.conn->curl);  /* nothing in it points to us any more */
	free_headers(headers);
	if (rc < 0) {
		conn_free(t.conn);
		remote_answer_done(&w);
		return dv_fail(e, why.kind, "%s", why.msg);
	}
	put_idle(r, t.conn);
	*ret = w;
	return 0;
}
