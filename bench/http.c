/* http.c - our HTTP server against libevent's and nginx: small GETs, and watches that do nothing.
 *
 * Each server is a process of its own with one thread; this one makes the load
 * over loopback TCP, the same for all. A row is printed after the answers were
 * compared. CPU is what the kernel counted for the server's process; memory is
 * what is private to it, for each of 5,000 answers that go on for ever.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/deadline.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/loop.h"
#include "base/proc.h"
#include "base/str.h"
#include "bench.h"
#include "http/server.h"

#define CONNECTIONS 64
#define ROUND_MS 1500
#define ROUNDS 3
#define WATCHES 5000
#define BODY_BYTES 512

static char body[BODY_BYTES + 1];

/* --- ours --- */

static void our_handler(void *ctx, struct http_call *c)
{
	if (!streq(http_call_request(c)->path, "/watch")) {
		http_reply(c, 200, "text/plain", body, BODY_BYTES);
		return;
	}
	http_respond(c, 200, NULL, 0, -1);
	http_write(c, "{}\n", 3);
}

static void our_main(int ready, uint16_t port)
{
	const struct http_server_options o = { .handler = our_handler };
	char addr[HTTP_ADDR_TEXT_MAX];
	struct http_server *s;
	struct loop *l;

	(void)snprintf(addr, sizeof addr, "127.0.0.1:%u", port);
	if (loop_new(&l, NULL) < 0 || http_server_new(l, &o, &s, NULL) < 0 ||
	    http_server_listen(s, addr, NULL, NULL, NULL) < 0 || write(ready, "x", 1) != 1)
		_exit(1);
	_exit(loop_run(l, NULL));
}

/* --- libevent's --- */

static void event_get(struct evhttp_request *r, void *ctx)
{
	struct evbuffer *b = evbuffer_new();

	evhttp_add_header(evhttp_request_get_output_headers(r), "Content-Type", "text/plain");
	evbuffer_add(b, body, BODY_BYTES);
	evhttp_send_reply(r, 200, "OK", b);
	evbuffer_free(b);
}

static void event_watch(struct evhttp_request *r, void *ctx)
{
	struct evbuffer *b = evbuffer_new();

	evbuffer_add(b, "{}\n", 3);
	evhttp_send_reply_start(r, 200, "OK");
	evhttp_send_reply_chunk(r, b);
	evbuffer_free(b);
}

static void event_main(int ready, uint16_t port)
{
	struct event_base *base = event_base_new();
	struct evhttp *h = evhttp_new(base);

	evhttp_set_gencb(h, event_get, NULL);
	evhttp_set_cb(h, "/watch", event_watch, NULL);
	if (evhttp_bind_socket(h, "127.0.0.1", port) != 0 || write(ready, "x", 1) != 1)
		_exit(1);
	_exit(event_base_dispatch(base));
}

/* --- nginx --- */

static char nginx_dir[] = "/tmp/bench.http.XXXXXX";

static void nginx_main(int ready, uint16_t port)
{
	char conf[200], prefix[200], *argv[] = { (char *)"nginx", (char *)"-p", prefix, (char *)"-c", conf, NULL };
	char path[200];
	FILE *f;

	(void)snprintf(prefix, sizeof prefix, "%s", nginx_dir);
	(void)snprintf(conf, sizeof conf, "%s/c", nginx_dir);
	(void)snprintf(path, sizeof path, "%s/log", nginx_dir);
	f = fopen(conf, "we");
	if (!f)
		_exit(1);
	fprintf(f, "daemon off; master_process off; pid %s/pid; error_log %s; worker_rlimit_nofile 8000;\n"
		"events { worker_connections 7000; }\nhttp { access_log off; keepalive_requests 1000000000;\n"
		"client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s;\n"
		"server { listen 127.0.0.1:%u; location / { default_type text/plain; return 200 \"%s\"; } } }\n",
		nginx_dir, path, nginx_dir, nginx_dir, nginx_dir, nginx_dir, nginx_dir, port, body);
	if (fclose(f) != 0 || write(ready, "x", 1) != 1)
		_exit(1);
	execv("/usr/sbin/nginx", argv);
	_exit(1);
}

/* --- servers as processes --- */

struct peer {
	const char *name;
	void (*run)(int ready, uint16_t port);
	pid_t pid;
	uint16_t port;
	char *answer;              /* its body */
	size_t answer_bytes;       /* head and body */
	double rate, user_us, cpu_us, watch_kib;
};

static uint16_t free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof at;
	auto_close int fd = -1;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd_socket(AF_INET, SOCK_STREAM, 0, &fd, NULL) < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		return 0;
	return ntohs(at.sin_port);
}

static int dial(const struct peer *p)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(p->port) };
	auto_close int fd = -1;
	int on = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd_socket(AF_INET, SOCK_STREAM, 0, &fd, NULL) < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return take_fd(&fd);
}

/* Connects as soon as it listens. */
static int dial_patiently(const struct peer *p)
{
	int64_t end = deadline_in(5000);
	int fd;

	while ((fd = dial(p)) < 0 && deadline_left(end) > 0)
		(void)sched_yield();
	return fd;
}

static int start(struct peer *p)
{
	int ready[2], fd;
	char c;

	p->port = free_port();
	if (fd_pipe(ready, NULL) < 0)
		return -1;
	p->pid = fork();
	if (p->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		p->run(ready[1], p->port);
	}
	fd_close(&ready[1]);
	if (p->pid < 0 || read(ready[0], &c, 1) != 1) {
		fd_close(&ready[0]);
		return -1;
	}
	fd_close(&ready[0]);
	fd = dial_patiently(p);
	if (fd < 0)
		return -1;
	fd_close(&fd);
	return 0;
}

static void stop(struct peer *p)
{
	if (p->pid <= 0)
		return;
	(void)kill(p->pid, SIGKILL);
	dv_ignore(proc_wait(p->pid, &(int){ 0 }, NULL));
	p->pid = 0;
}

/* User and all CPU seconds of a process. */
static void cpu_of(pid_t pid, double *user, double *all)
{
	auto_buf struct buf b = BUF_INIT(1 << 16);
	char path[64];
	auto_close int fd = -1;
	uint64_t v[16] = { 0 };
	struct scan s;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_to(fd, &b, path, NULL) < 0)
		return;
	s = scan_of(strrchr(b.p, ')') + 4, strlen(strrchr(b.p, ')') + 4));
	for (int i = 0; i < 12; i++) {
		(void)scan_char(&s, '-');
		(void)scan_u64(&s, &v[i]);
		(void)scan_char(&s, ' ');
	}
	*user = (double)v[10] / (double)sysconf(_SC_CLK_TCK);
	*all = (double)(v[10] + v[11]) / (double)sysconf(_SC_CLK_TCK);
}

static double private_kib(pid_t pid)
{
	auto_buf struct buf b = BUF_INIT(1 << 16);
	char path[64];
	const char *at;
	auto_close int fd = -1;
	uint64_t kib = 0;

	(void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_to(fd, &b, path, NULL) < 0)
		return 0;
	at = strstr(buf_cstr(&b), "Private_Dirty:");
	if (at) {
		struct scan s = scan_of(at + 14, strlen(at + 14));

		scan_blanks(&s);
		(void)scan_u64(&s, &kib);
	}
	return (double)kib;
}

/* --- load --- */

#define GET "GET /small HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"

/* One answer: its size and its body. */
static int probe(struct peer *p)
{
	auto_buf struct buf b = BUF_INIT(1 << 16);
	auto_close int fd = dial_patiently(p);
	const char *end = NULL;

	if (fd < 0 || send(fd, GET, strlen(GET), MSG_NOSIGNAL) < 0)
		return -1;
	while (!end || b.len < (size_t)(end + 4 - b.p) + BODY_BYTES) {
		char *room = buf_room(&b, 4096);
		ssize_t n = recv(fd, room, 4096, 0);

		if (n <= 0)
			return -1;
		b.len += (size_t)n;
		b.p[b.len] = '\0';
		end = strstr(b.p, "\r\n\r\n");
	}
	p->answer_bytes = b.len;
	free(p->answer);
	p->answer = mem_str(end + 4);
	return str_starts(b.p, "HTTP/1.1 200 ") ? 0 : -1;
}

/* All connections, each with one request under way; returns how many answers came in ROUND_MS. */
static uint64_t load(struct peer *p)
{
	auto_close int ep = epoll_create1(EPOLL_CLOEXEC);
	size_t got[CONNECTIONS] = { 0 };
	int fds[CONNECTIONS];
	static char b[1 << 16];
	uint64_t answers = 0;
	int64_t end;

	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.u32 = i };

		fds[i] = dial_patiently(p);
		(void)epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &ev);
		(void)!send(fds[i], GET, strlen(GET), MSG_NOSIGNAL);
	}
	end = deadline_in(ROUND_MS);
	while (deadline_left(end) > 0) {
		struct epoll_event ev[CONNECTIONS];
		int n = epoll_wait(ep, ev, CONNECTIONS, 100);

		for (int k = 0; k < n; k++) {
			unsigned i = ev[k].data.u32;
			ssize_t r = recv(fds[i], b, sizeof b, MSG_DONTWAIT);

			got[i] += r > 0 ? (size_t)r : 0;
			if (got[i] < p->answer_bytes)
				continue;
			got[i] -= p->answer_bytes;
			answers++;
			(void)!send(fds[i], GET, strlen(GET), MSG_NOSIGNAL);
		}
	}
	for (unsigned i = 0; i < CONNECTIONS; i++)
		fd_close(&fds[i]);
	return answers;
}

static void round_of(struct peer *p)
{
	double user0 = 0, all0 = 0, user1 = 0, all1 = 0;
	int64_t start_ms = deadline_now_ms();
	uint64_t n;
	double took;

	cpu_of(p->pid, &user0, &all0);
	n = load(p);
	took = (double)(deadline_now_ms() - start_ms) / 1000;
	cpu_of(p->pid, &user1, &all1);
	if (n == 0)
		return;
	p->rate = DV_MAX(p->rate, (double)n / took);
	p->user_us = DV_MIN(p->user_us, (user1 - user0) * 1e6 / (double)n);
	p->cpu_us = DV_MIN(p->cpu_us, (all1 - all0) * 1e6 / (double)n);
}

/* Opens watches, and reads until each has begun. */
static int watches(struct peer *p)
{
	static const char ask[] = "GET /watch HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: application/json\r\n\r\n";
	auto_free int *fds = mem_alloc(WATCHES * sizeof(int));
	double before;
	int r = 0, open_now = 0;

	before = private_kib(p->pid);
	for (; r == 0 && open_now < WATCHES; open_now++) {
		auto_buf struct buf b = BUF_INIT(1 << 16);

		fds[open_now] = dial_patiently(p);
		if (fds[open_now] < 0 || send(fds[open_now], ask, sizeof ask - 1, MSG_NOSIGNAL) < 0)
			r = -1;
		while (r == 0 && !strstr(buf_cstr(&b), "{}\n")) {
			char *room = buf_room(&b, 4096);
			ssize_t n = recv(fds[open_now], room, 4096, 0);

			r = n > 0 ? 0 : -1;
			b.len += n > 0 ? (size_t)n : 0;
		}
	}
	p->watch_kib = (private_kib(p->pid) - before) / WATCHES;
	while (open_now > 0)
		fd_close(&fds[--open_now]);
	return r;
}

/* --- the table --- */

static void row(const char *what, const char *unit, const struct peer *x, const struct peer *y, double ours, double theirs,
		double ratio, double target)
{
	char name[100];

	(void)snprintf(name, sizeof name, "http %s, %s", what, y->name);
	bench_row(name, unit, ours, theirs, ratio, target);
}

static int compare(struct peer *peers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (start(&peers[i]) < 0 || probe(&peers[i]) < 0)
			return bench_differ(peers[i].name);
	for (size_t i = 0; i < n; i++)
		if (!streq(peers[i].answer, body))
			return bench_differ(peers[i].name);
	for (int k = 0; k < ROUNDS; k++)
		for (size_t i = 0; i < n; i++)
			round_of(&peers[i]);
	for (size_t i = 1; i < n; i++) {
		struct peer *x = &peers[0], *y = &peers[i];

		row("GET of 512 B", "requests/s", x, y, x->rate, y->rate, x->rate / y->rate, 0);
		row("GET of 512 B, CPU", "us", x, y, x->cpu_us, y->cpu_us, y->cpu_us / x->cpu_us, 1);
		row("GET of 512 B, user CPU", "us", x, y, x->user_us, y->user_us, y->user_us / x->user_us, 1);
	}
	/* nginx has no answers that go on for ever */
	if (watches(&peers[0]) < 0 || watches(&peers[1]) < 0)
		return bench_differ("watches");
	row("idle watch, private memory", "KiB", &peers[0], &peers[1], peers[0].watch_kib, peers[1].watch_kib,
	    peers[1].watch_kib / peers[0].watch_kib, 2);
	return bench_end();
}

int main(void)
{
	struct peer peers[] = {
		{ .name = "davit", .run = our_main, .user_us = 1e9, .cpu_us = 1e9 },
		{ .name = "libevent", .run = event_main, .user_us = 1e9, .cpu_us = 1e9 },
		{ .name = "nginx", .run = nginx_main, .user_us = 1e9, .cpu_us = 1e9 },
	};
	const struct rlimit files = { 12000, 20000 };
	size_t n = access("/usr/sbin/nginx", X_OK) == 0 ? 3 : 2;
	int r;

	memset(body, 'x', BODY_BYTES);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	if (!mkdtemp(nginx_dir))
		return 1;
	r = compare(peers, n);
	for (size_t i = 0; i < n; i++) {
		stop(&peers[i]);
		free(peers[i].answer);
	}
	dv_ignore(file_remove_tree(AT_FDCWD, nginx_dir, NULL));
	return r;
}
