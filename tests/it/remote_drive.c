/* remote_drive.c - the registry client by hand, for tests: one call of transfer/remote.h per verb. */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "imagecli/remoteopts.h"
#include "ui/opt.h"

struct globals {
	struct remote_args remote;
	const char *conf, *token;
	bool no_creds, pull;
	struct opt_int retries, delay, stall;
};

#define G(member) offsetof(struct globals, member)
static const struct opt globals[] = {
	REMOTE_OPTS(struct globals, remote),
	{ .name = "conf", .kind = OPT_STR, .arg = "FILE", .offset = G(conf), .help = "registries.conf" },
	{ .name = "token", .kind = OPT_STR, .arg = "TOKEN", .offset = G(token), .help = "Registry token" },
	{ .name = "no-creds", .kind = OPT_BOOL, .offset = G(no_creds), .help = "Anonymous" },
	{ .name = "pull", .kind = OPT_BOOL, .offset = G(pull), .help = "Open the repository for pulls" },
	{ .name = "retries", .kind = OPT_U64, .arg = "N", .offset = G(retries), .help = "Repetitions" },
	{ .name = "delay", .kind = OPT_U64, .arg = "MS", .offset = G(delay), .help = "First pause" },
	{ .name = "stall", .kind = OPT_U64, .arg = "MS", .offset = G(stall), .help = "Stall time-out" },
	{ 0 }
};

static void note(void *ctx, const char *line)
{
	fprintf(stderr, "note: %s\n", line);
}

static struct remote *running;

static void on_interrupt(int signo)
{
	remote_cancel(running);
}

static unsigned or_default(struct opt_int i, unsigned fallback)
{
	return i.set ? (unsigned)i.v : fallback;
}

static int open_remote(struct verb_call *c, struct remote **ret, struct dv_err *e)
{
	const struct globals *g = c->globals;
	struct remote_options o;

	remote_args_apply(&g->remote, &o);
	o.registries_conf = g->conf;
	o.registry_token = g->token;
	o.no_creds = g->no_creds;
	o.retries = g->retries.set && g->retries.v == 0 ? REMOTE_NO_RETRY : or_default(g->retries, 0);
	o.retry_delay_ms = or_default(g->delay, 10);
	o.stall_timeout_ms = or_default(g->stall, 0);
	o.note = note;
	if (remote_open(&o, ret, e) < 0)
		return -(int)e->kind;
	running = *ret;
	(void)signal(SIGINT, on_interrupt);
	return 0;
}

typedef int on_repo(struct verb_call *c, struct remote_repo *rp, struct dv_err *e);

static int with_repo(struct verb_call *c, on_repo *work, struct dv_err *e)
{
	const struct globals *g = c->globals;
	auto_remote struct remote *r = NULL;
	auto_remote_repo struct remote_repo *rp = NULL;
	int rc = open_remote(c, &r, e);

	if (rc == 0)
		rc = remote_repo_open(r, c->operands[0], g->pull ? REMOTE_PULL : REMOTE_PUSH, &rp, e);
	return rc < 0 ? rc : work(c, rp, e);
}

static int parse_size(const char *text, uint64_t *ret, struct dv_err *e)
{
	*ret = REMOTE_SIZE_UNKNOWN;
	return streq(text, "-") ? 0 : str_u64(text, INT64_MAX, "size", ret, e);
}

/* --- manifests --- */

static int do_manifest(struct verb_call *c, struct remote_repo *rp, struct dv_err *e)
{
	struct remote_manifest m;
	char text[DIGEST_TEXT_SIZE];
	int rc = remote_manifest_get(rp, c->operands[1], c->arena, &m, e);

	if (rc == 0)
		printf("%s %s\n%.*s\n", digest_text(&m.digest, text), m.media_type, (int)m.len, m.bytes);
	return rc;
}

static int do_head(struct verb_call *c, struct remote_repo *rp, struct dv_err *e)
{
	struct remote_manifest m;
	char text[DIGEST_TEXT_SIZE];
	int rc = remote_manifest_head(rp, c->operands[1], c->arena, &m, e);

	if (rc == 0)
		printf("%s %s %zu\n", m.digest.alg ? digest_text(&m.digest, text) : "none", m.media_type, m.len);
	return rc;
}

static int do_put_manifest(struct verb_call *c, struct remote_repo *rp, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(REMOTE_MANIFEST_MAX * 2);
	bool subject = false;
	int rc = file_read(AT_FDCWD, c->operands[3], &b, e);

	if (rc == 0)
		rc = remote_manifest_put(rp, c->operands[1], b.p, b.len, c->operands[2], &subject, e);
	if (rc == 0)
		printf("subject %s\n", subject ? "yes" : "no");
	return rc;
}

static int do_delete(struct verb_call *c, struct remote_repo *rp, struct dv_err *e)
{
	return remote_manifest_delete(rp, c->operands[1], e);
}

/* --- blobs --- */

struct sink {
	int fd;
	struct digest_stream hash;
	uint64_t n;
};

static int take(void *ctx, const void *data, size_t len, struct dv_err *e)
{
	struct sink *s = ctx;

	digest_add(&s->hash, data, len);
	s->n += len;
	return fd_write_all(s->fd, data, len, "output", e);
}

static int open_sink(const char *file, struct sink *s, struct dv_err *e)
{
	digest_begin(&s->hash, DIGEST_SHA256);
	return file_open(AT_FDCWD, file, O_WRONLY | O_CREAT | O_TRUNC, 0644, &s->fd, e);
}

static void show_sink(struct sink *s)
{
	struct digest d;
	char text[DIGEST_TEXT_SIZE];

	digest_end(&s->hash, &d);
	printf("%s %" PRIu64 "\n", digest_text(&d, text), s->n);
	fd_close(&s->fd);
}

/* NAME DIGEST SIZE|- OFFSET FILE */
static int do_blob(struct verb_call *c, struct remote_repo *rp, struct dv_err *e)
{
	struct sink s = { .fd = -1 };
	uint64_t size, offset;
	struct digest d;
	int rc = digest_parse(c->operands[1], &d, e);

	if (rc == 0)
		rc = parse_size(c->operands[2], &size, e);
	if (rc == 0)
		rc = parse_size(c->operands[3], &offset, e);
	if (rc == 0)
		rc = open_sink(c->operands[4], &s, e);
	if (rc == 0)
		rc = remote_blob_get(rp, &d, size, offset, take, &s, e);
	show_sink(&s);
	return rc;
}

static int do_read(struct verb_call *c, struct remote_repo *rp, struct dv_err *e)
{
	struct digest d;
	const char *text;
	size_t len;
	int rc = digest_parse(c->operands[1], &d, e);

	if (rc == 0)
		rc = remote_blob_read(rp, &d, REMOTE_SIZE_UNKNOWN, 1 << 20, c->arena, &text, &len, e);
	if (rc == 0)
		printf("%s\n", text);
	return rc;
}

struct file_source {
	int fd;
	struct digest_stream hash;
	struct digest d;
	bool seekable;
};

static int give(void *ctx, void *buf, size_t size, size_t *ret_n, struct dv_err *e)
{
	struct file_source *f = ctx;
	ssize_t n = read(f->fd, buf, size);

	if (n < 0)
		return dv_fail(e, DV_IO, "read");
	digest_add(&f->hash, buf, (size_t)n);
	if (n == 0)
		digest_end(&f->hash, &f->d);
	*ret_n = (size_t)n;
	return 0;
}

static int go_to(void *ctx, uint64_t offset, struct dv_err *e)
{
	struct file_source *f = ctx;
	char piece[4096];

	fprintf(stderr, "note: seek %" PRIu64 "\n", offset);
	digest_begin(&f->hash, DIGEST_SHA256);
	if (lseek(f->fd, 0, SEEK_SET) < 0)
		return dv_fail(e, DV_IO, "seek");
	while (offset > 0) {
		ssize_t n = read(f->fd, piece, DV_MIN(offset, (uint64_t)sizeof piece));

		if (n <= 0)
			return dv_fail(e, DV_IO, "seek");
		digest_add(&f->hash, piece, (size_t)n);
		offset -= (uint64_t)n;
	}
	return 0;
}

static int file_digest(struct file_source *f, uint64_t *ret_size, struct dv_err *e)
{
	char piece[65536];
	size_t n = 1;

	for (*ret_size = 0; n > 0; *ret_size += n)
		if (give(f, piece, sizeof piece, &n, e) < 0)
			return -(int)DV_IO;
	digest_begin(&f->hash, DIGEST_SHA256);
	return lseek(f->fd, 0, SEEK_SET) < 0 ? dv_fail(e, DV_IO, "seek") : 0;
}

/* NAME FILE [stream|once] */
static int do_put(struct verb_call *c, struct remote_repo *rp, struct dv_err *e)
{
	struct file_source f = { .fd = -1 };
	struct remote_source src = { give, go_to, &f };
	const char *how = c->n_operands > 2 ? c->operands[2] : "";
	char text[DIGEST_TEXT_SIZE];
	uint64_t size;
	int rc = file_open(AT_FDCWD, c->operands[1], O_RDONLY, 0, &f.fd, e);

	digest_begin(&f.hash, DIGEST_SHA256);
	if (rc == 0)
		rc = file_digest(&f, &size, e);
	if (str_starts(how, "stream"))
		size = REMOTE_SIZE_UNKNOWN;
	if (str_ends(how, "once"))
		src.seek = NULL;
	if (rc == 0)
		rc = remote_blob_put(rp, &f.d, size, &src, e);
	fd_close(&f.fd);
	if (rc == 0)
		printf("%s\n", digest_text(&f.d, text));
	return rc;
}

static int do_exists(struct verb_call *c, struct remote_repo *rp, struct dv_err *e)
{
	struct digest d;
	uint64_t size;
	bool there;
	int rc = digest_parse(c->operands[1], &d, e);

	if (rc == 0)
		rc = remote_blob_exists(rp, &d, &there, &size, e);
	if (rc == 0)
		printf("%s %" PRId64 "\n", there ? "yes" : "no", there ? (int64_t)size : -1);
	return rc;
}

static int do_mount(struct verb_call *c, struct remote_repo *rp, struct dv_err *e)
{
	struct digest d;
	bool mounted;
	int rc = digest_parse(c->operands[1], &d, e);

	if (rc == 0)
		rc = remote_blob_mount(rp, &d, c->operands[2], &mounted, e);
	if (rc == 0)
		printf("mounted %s\n", mounted ? "yes" : "no");
	return rc;
}

static int do_delete_blob(struct verb_call *c, struct remote_repo *rp, struct dv_err *e)
{
	struct digest d;
	int rc = digest_parse(c->operands[1], &d, e);

	return rc < 0 ? rc : remote_blob_delete(rp, &d, e);
}

/* --- lists --- */

static int do_tags(struct verb_call *c, struct remote_repo *rp, struct dv_err *e)
{
	struct remote_tags t;
	int rc = remote_tags(rp, c->arena, &t, e);

	for (size_t i = 0; rc == 0 && i < t.n; i++)
		printf("%s\n", t.v[i]);
	return rc;
}

static int do_referrers(struct verb_call *c, struct remote_repo *rp, struct dv_err *e)
{
	struct json *list;
	struct digest d;
	int rc = digest_parse(c->operands[1], &d, e);

	if (rc == 0)
		rc = remote_referrers(rp, &d, c->n_operands > 2 ? c->operands[2] : NULL, c->arena, &list, e);
	if (rc == 0)
		printf("%s\n", json_text(c->arena, list, JSON_COMPACT));
	return rc;
}

static int do_refer(struct verb_call *c, struct remote_repo *rp, struct dv_err *e)
{
	struct json *j;
	struct digest d;
	int rc = digest_parse(c->operands[1], &d, e);

	if (rc == 0)
		rc = json_parse(c->arena, c->operands[2], strlen(c->operands[2]), &j, e);
	return rc < 0 ? rc : remote_referrer_add(rp, &d, j, e);
}

/* --- several threads on one repository --- */

enum { THREADS = 8 };
struct worker {
	pthread_t thread;
	struct remote_repo *rp;
	const char *ref;
	unsigned rounds;
	int rc;
	struct dv_err e;
};

static void *work(void *ctx)
{
	struct worker *w = ctx;

	for (unsigned i = 0; i < w->rounds && w->rc == 0; i++) {
		auto_arena struct arena a;
		struct remote_manifest m;

		arena_init(&a, 0);
		w->rc = remote_manifest_get(w->rp, w->ref, &a, &m, &w->e);
	}
	return NULL;
}

/* NAME REF ROUNDS */
static int do_many(struct verb_call *c, struct remote_repo *rp, struct dv_err *e)
{
	struct worker w[THREADS] = { 0 };
	uint64_t rounds;
	int rc = parse_size(c->operands[2], &rounds, e);

	for (size_t i = 0; i < THREADS; i++) {
		w[i].rp = rp;
		w[i].ref = c->operands[1];
		w[i].rounds = (unsigned)rounds;
		if (pthread_create(&w[i].thread, NULL, work, &w[i]) != 0)
			return dv_fail(e, DV_INTERNAL, "no thread");
	}
	for (size_t i = 0; i < THREADS; i++) {
		(void)pthread_join(w[i].thread, NULL);
		if (w[i].rc < 0 && rc == 0) {
			*e = w[i].e;
			rc = w[i].rc;
		}
	}
	if (rc == 0)
		printf("%d\n", THREADS * (int)rounds);
	return rc;
}

/* --- without a repository --- */

/* URL SIZE|- FILE */
static int run_url(struct verb_call *c, struct dv_err *e)
{
	auto_remote struct remote *r = NULL;
	struct sink s = { .fd = -1 };
	uint64_t size;
	int rc = open_remote(c, &r, e);

	if (rc == 0)
		rc = parse_size(c->operands[1], &size, e);
	if (rc == 0)
		rc = open_sink(c->operands[2], &s, e);
	if (rc == 0)
		rc = remote_url_get(r, c->operands[0], size, 0, take, &s, e);
	show_sink(&s);
	return rc;
}

static int run_resolve(struct verb_call *c, struct dv_err *e)
{
	auto_remote struct remote *r = NULL;
	struct remote_names names;
	int rc = open_remote(c, &r, e);

	if (rc == 0)
		rc = remote_resolve(r, c->operands[0], c->arena, &names, e);
	for (size_t i = 0; rc == 0 && i < names.n; i++)
		printf("%s\n", image_name_text(c->arena, &names.v[i]));
	return rc;
}

#define REPO_VERB(word, min, max) \
	static int run_##word(struct verb_call *c, struct dv_err *e) { return with_repo(c, do_##word, e); } \
	static const struct verb verb_##word = { .name = #word, .operands = "...", .summary = "see remote.h", \
		.operands_min = min, .operands_max = max, .run = run_##word };
REPO_VERB(manifest, 2, 2)
REPO_VERB(head, 2, 2)
REPO_VERB(put_manifest, 4, 4)
REPO_VERB(delete, 2, 2)
REPO_VERB(blob, 5, 5)
REPO_VERB(read, 2, 2)
REPO_VERB(put, 2, 3)
REPO_VERB(exists, 2, 2)
REPO_VERB(mount, 3, 3)
REPO_VERB(delete_blob, 2, 2)
REPO_VERB(tags, 1, 1)
REPO_VERB(referrers, 2, 3)
REPO_VERB(refer, 3, 3)
REPO_VERB(many, 3, 3)
static const struct verb verb_url = { .name = "url", .operands = "...", .summary = "see remote.h", .operands_min = 3,
				      .operands_max = 3, .run = run_url };
static const struct verb verb_resolve = { .name = "resolve", .operands = "NAME", .summary = "see remote.h",
					  .operands_min = 1, .operands_max = 1, .run = run_resolve };

static const struct verb *const verbs[] = {
	&verb_manifest, &verb_head, &verb_put_manifest, &verb_delete, &verb_blob, &verb_read, &verb_put, &verb_exists,
	&verb_mount, &verb_delete_blob, &verb_tags, &verb_referrers, &verb_refer, &verb_many, &verb_url, &verb_resolve, NULL
};

static const struct program drive = {
	.name = "remote-drive", .summary = "the registry client by hand", .version = "0", .globals = globals,
	.globals_size = sizeof(struct globals), .verbs = verbs, .usage_exit = 125,
};

int main(int argc, char **argv)
{
	return program_main(&drive, argc, argv);
}
