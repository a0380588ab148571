/* registry_serve.c - registry serve: options into a running registry, signals, the end. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "imagecli/imagecli.h"
#include "imagecli/registrycli.h"
#include "registry/registry.h"

#define LISTEN_DEFAULT "127.0.0.1:5000"
#define ACTIVATED_FIRST 3               /* descriptors of socket activation begin there */
#define ACTIVATED_MAX 8

struct serve_args {
	const char *root, *auth, *htpasswd, *rules, *cert, *key, *client_ca, *addr_file, *log, *log_format;
	struct opt_strs listen;
	bool no_delete, sparse, untagged;
	struct opt_int token_ttl, expiry, gc_interval, gc_grace, drain;
	struct opt_int per_repo, per_peer, connections, connections_per_peer, blob_max;
};

#define PARSE_TIME(member, option) \
	static int parse_##member(void *args, const char *value, struct dv_err *e) \
	{ \
		return registry_seconds(value, option, &((struct serve_args *)args)->member, e); \
	}
PARSE_TIME(token_ttl, "--token-ttl")
PARSE_TIME(expiry, "--upload-expiry")
PARSE_TIME(gc_interval, "--gc-interval")
PARSE_TIME(gc_grace, "--gc-grace")
PARSE_TIME(drain, "--drain")

static const char *const auths[] = { "none", "htpasswd", "token", NULL };
static const char *const log_formats[] = { "text", "json", NULL };

#define A(member) offsetof(struct serve_args, member)
static const struct opt serve_opts[] = {
	{ .name = "root", .kind = OPT_STR, .arg = "DIR", .offset = A(root), .help = "Directory of images and containers" },
	{ .name = "listen", .letter = 'l', .kind = OPT_STRS, .arg = "ADDR:PORT", .offset = A(listen),
	  .help = "Address to serve, or unix:PATH; port 0: any (default " LISTEN_DEFAULT ")" },
	{ .name = "addr-file", .kind = OPT_STR, .arg = "FILE", .offset = A(addr_file),
	  .help = "File to write the address to that is served, once it is" },
	{ .name = "auth", .kind = OPT_STR, .arg = "HOW", .offset = A(auth), .values = auths,
	  .help = "Who may come: anybody, whom a password file names, or whom our own token server lets" },
	{ .name = "htpasswd", .kind = OPT_STR, .arg = "FILE", .offset = A(htpasswd),
	  .help = "Passwords, as htpasswd -B writes them" },
	{ .name = "rules", .kind = OPT_STR, .arg = "FILE", .offset = A(rules),
	  .help = "What each may do with which repository, in JSON or YAML" },
	{ .name = "token-ttl", .kind = OPT_FUNC, .arg = "TIME", .parse = parse_token_ttl,
	  .help = "How long a token is good (default 5m)" },
	{ .name = "tls-cert", .kind = OPT_STR, .arg = "FILE", .offset = A(cert),
	  .help = "Certificate chain in PEM; a new file is used at once" },
	{ .name = "tls-key", .kind = OPT_STR, .arg = "FILE", .offset = A(key),
	  .help = "Its key (default: in the file of the certificate)" },
	{ .name = "tls-client-ca", .kind = OPT_STR, .arg = "FILE", .offset = A(client_ca),
	  .help = "Authorities whose certificates name users" },
	{ .name = "no-delete", .kind = OPT_BOOL, .offset = A(no_delete), .help = "Refuse to delete manifests and blobs" },
	{ .name = "sparse", .kind = OPT_BOOL, .offset = A(sparse),
	  .help = "Accept manifests although something they refer to is missing" },
	{ .name = "access-log", .kind = OPT_STR, .arg = "FILE", .offset = A(log),
	  .help = "File for a line of each request; - is standard error, none is none (default -)" },
	{ .name = "log-format", .kind = OPT_STR, .arg = "FORMAT", .offset = A(log_format), .values = log_formats,
	  .help = "Lines of the access log as text or as JSON" },
	{ .name = "gc-interval", .kind = OPT_FUNC, .arg = "TIME", .parse = parse_gc_interval,
	  .help = "Collect so often what nothing refers to (default: never; see davit registry gc)" },
	{ .name = "gc-grace", .kind = OPT_FUNC, .arg = "TIME", .parse = parse_gc_grace,
	  .help = "Keep what was pushed or asked for so lately (default 24h)" },
	{ .name = "delete-untagged", .kind = OPT_BOOL, .offset = A(untagged),
	  .help = "Collect manifests that no tag, index or subject keeps as well" },
	{ .name = "upload-expiry", .kind = OPT_FUNC, .arg = "TIME", .parse = parse_expiry,
	  .help = "Drop uploads that nobody has continued for so long (default 24h)" },
	{ .name = "uploads-per-repo", .kind = OPT_U64, .arg = "N", .offset = A(per_repo),
	  .help = "Uploads that may be open for a repository (default 200)" },
	{ .name = "uploads-per-peer", .kind = OPT_U64, .arg = "N", .offset = A(per_peer),
	  .help = "Uploads that may be open for an address (default 200)" },
	{ .name = "blob-max", .kind = OPT_BYTES, .arg = "SIZE", .offset = A(blob_max),
	  .help = "Largest blob that is accepted (default 64g)" },
	{ .name = "connections", .kind = OPT_U64, .arg = "N", .offset = A(connections),
	  .help = "Connections at the same time (default 4096)" },
	{ .name = "connections-per-peer", .kind = OPT_U64, .arg = "N", .offset = A(connections_per_peer),
	  .help = "Connections of an address at the same time (default: no limit)" },
	{ .name = "drain", .kind = OPT_FUNC, .arg = "TIME", .parse = parse_drain,
	  .help = "Time for requests that run when the registry is told to stop (default 30s)" },
	{ 0 }
};

/* --- options --- */

static enum auth_mode auth_mode_of(const char *text)
{
	for (size_t i = 0; text && auths[i]; i++)
		if (streq(text, auths[i]))
			return i;
	return AUTH_NONE;
}

/* Sockets that systemd has opened for us; NULL and 0 without. */
static size_t activated(int out[ACTIVATED_MAX])
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t p = 0, n = 0;

	if (!pid || !fds || str_u64(pid, INT32_MAX, "LISTEN_PID", &p, NULL) < 0 || (pid_t)p != getpid() ||
	    str_u64(fds, ACTIVATED_MAX, "LISTEN_FDS", &n, NULL) < 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		out[i] = ACTIVATED_FIRST + (int)i;
		if (fd_set_cloexec(out[i], true, NULL) < 0 || fd_set_nonblock(out[i], true, NULL) < 0)
			return 0;
	}
	return n;
}

static int log_open(const struct serve_args *args, int *ret_own, int *ret_fd, struct dv_err *e)
{
	*ret_fd = STDERR_FILENO;
	if (!args->log || streq(args->log, "-"))
		return 0;
	if (streq(args->log, "none")) {
		*ret_fd = -1;
		return 0;
	}
	int rc = file_open(AT_FDCWD, args->log, O_WRONLY | O_CREAT | O_APPEND, 0640, ret_own, e);
	*ret_fd = *ret_own;
	return rc;
}

static void options_of(const struct serve_args *args, const char *root, struct registry_options *o)
{
	static const char *const listen_default[] = { LISTEN_DEFAULT, NULL }, *const none[] = { NULL };

	*o = (struct registry_options){
		.root = args->root ? args->root : root,
		.listen = args->listen.n ? args->listen.v : o->n_listen_fds ? none : listen_default,
		.listen_fds = o->listen_fds, .n_listen_fds = o->n_listen_fds, .log_fd = o->log_fd,
		.auth = { .mode = auth_mode_of(args->auth), .htpasswd_file = args->htpasswd, .rules_file = args->rules,
			  .token_ttl_s = (unsigned)args->token_ttl.v },
		.tls_cert = args->cert, .tls_key = args->key, .tls_client_ca = args->client_ca,
		.delete_disabled = args->no_delete, .sparse = args->sparse,
		.log_json = args->log_format && streq(args->log_format, "json"),
		.uploads_per_repo = (unsigned)args->per_repo.v, .uploads_per_peer = (unsigned)args->per_peer.v,
		.connections_max = (unsigned)args->connections.v,
		.connections_per_peer = (unsigned)args->connections_per_peer.v,
		.upload_max_bytes = (uint64_t)args->blob_max.v, .upload_expiry_s = (uint64_t)args->expiry.v,
		.gc_interval_s = (uint64_t)args->gc_interval.v, .gc_grace_s = (uint64_t)args->gc_grace.v,
		.gc_delete_untagged = args->untagged, .drain_ms = (uint64_t)args->drain.v * 1000,
	};
}

static bool is_local(const char *listen)
{
	return str_starts(listen, "127.") || str_starts(listen, "[::1]:") || str_starts(listen, "localhost:") ||
	       str_starts(listen, "unix:");
}

static void warn_open(const struct registry_options *o)
{
	if (o->auth.mode != AUTH_NONE || o->tls_client_ca || o->auth.rules_file)
		return;
	for (const char *const *l = o->listen; *l; l++)
		if (!is_local(*l))
			log_warn("everybody who reaches this address may push and delete (see --auth)", "address", *l, NULL);
}

/* --- running --- */

struct serving {
	struct loop *loop;
	struct registry *registry;
	bool stopping;
};

static void on_drained(void *ctx)
{
	loop_stop(((struct serving *)ctx)->loop, 0);
}

/* The second one does not wait for anybody. */
static void on_signal(void *ctx, int signo)
{
	struct serving *s = ctx;

	if (signo == SIGHUP) {
		registry_reload(s->registry);
	} else if (s->stopping) {
		loop_stop(s->loop, 0);
	} else {
		s->stopping = true;
		registry_stop(s->registry, on_drained, s);
	}
}

static int announce(const struct serve_args *args, const struct registry *g, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(4096);
	const char *url;

	for (size_t i = 0; (url = registry_bound(g, i)); i++) {
		printf("listening on %s\n", url);
		buf_printf(&b, "%s\n", strstr(url, "://") + 3);
	}
	(void)fflush(stdout);
	return args->addr_file ? file_replace(AT_FDCWD, args->addr_file, 0644, buf_cstr(&b), b.len, false, e) : 0;
}

static int serve(const struct serve_args *args, const struct registry_options *o, struct serving *s, struct dv_err *e)
{
	sigset_t set;
	int rc;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	rc = loop_add_signals(s->loop, &set, on_signal, s, NULL, e);
	if (rc == 0)
		rc = registry_new(s->loop, o, &s->registry, e);
	if (rc == 0)
		rc = announce(args, s->registry, e);
	return rc < 0 ? rc : loop_run(s->loop, e);
}

/* Descriptors for as many connections as are allowed; few heaps, since many threads allocate little. */
static void process_prepare(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
	(void)mallopt(M_ARENA_MAX, 2);
	(void)signal(SIGPIPE, SIG_IGN);
	log_setup(STDERR_FILENO, LOG_TEXT, LOG_INFO);
}

static int serve_run(struct verb_call *c, struct dv_err *e)
{
	const struct imagecli_globals *g = c->globals;
	const struct serve_args *args = c->args;
	struct serving s = { 0 };
	struct registry_options o = { 0 };
	int fds[ACTIVATED_MAX];
	auto_close int log = -1;
	int rc = log_open(args, &log, &o.log_fd, e);

	if (rc < 0)
		return rc;
	process_prepare();
	o.listen_fds = fds;
	o.n_listen_fds = activated(fds);
	options_of(args, g->root, &o);
	warn_open(&o);
	rc = loop_new(&s.loop, e);
	if (rc == 0)
		rc = serve(args, &o, &s, e);
	registry_free(s.registry);
	loop_free(s.loop);
	return rc;
}

static const char *const serve_examples[] = {
	"davit registry serve --root /srv/registry --listen 127.0.0.1:5000",
	"davit registry serve --listen :443 --tls-cert site.pem --tls-key site.key --auth htpasswd --htpasswd users",
	"davit registry serve --listen :443 --tls-cert site.pem --auth token --htpasswd users --rules rules.yaml",
	"davit registry serve --listen 127.0.0.1:0 --addr-file addr  # any port that is free",
	NULL
};

const struct verb registryverb_serve = {
	.name = "serve",
	.summary = "Serve repositories by the OCI distribution API",
	.description = "A registry over the image store: what is pushed is kept in the store's directory, and what the engine "
		       "has already is linked, not copied. Uploads survive a restart. On SIGHUP passwords, rules and "
		       "certificates are read again; on SIGTERM requests that run are finished first.\n\n"
		       "Rules are a list of {repositories: [PATTERN...], users: [NAME...], groups: [NAME...], anonymous: BOOL, "
		       "actions: [pull|push|delete...]} under \"rules\", and names of users by group under \"groups\"; * in a "
		       "pattern stands for anything but a slash, ** for anything. /metrics has figures for Prometheus, "
		       "/healthz says whether the registry answers.",
	.examples = serve_examples,
	.opts = serve_opts,
	.args_size = sizeof(struct serve_args),
	.run = serve_run,
};
