/* forward.c - one question at other servers: try after try, by UDP or TCP. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/list.h"
#include "base/str.h"
#include "dns/forward.h"

#define UDP_ANSWER_MAX 4096

struct forwarder {
	struct loop *loop;
	struct list under_way;
	size_t n;
};

struct forward {
	struct forwarder *f;
	struct list link;
	struct forward_servers servers;
	bool tcp;
	unsigned tries;
	int fd;
	struct loop_source *source, *timer;
	forward_done *done;
	void *ctx;
	struct dns_query q;
	size_t len;                     /* of the query, without the two bytes before it */
	unsigned char *query;           /* length (TCP), then what the client sent */
	unsigned char *sent;            /* the same as it goes out: other id, other case */
	size_t at;                      /* of sent, or of answer, by TCP */
	bool reading;
	struct buf answer;
};

int forwarder_new(struct loop *loop, struct forwarder **ret, struct dv_err *e)
{
	struct forwarder *f = mem_new(struct forwarder);

	f->loop = loop;
	list_init(&f->under_way);
	*ret = f;
	return 0;
}

static void hang_up(struct forward *w)
{
	loop_remove(w->source);
	w->source = NULL;
	fd_close(&w->fd);
}

void forward_cancel(struct forward *w)
{
	if (!w)
		return;
	hang_up(w);
	loop_remove(w->timer);
	list_remove(&w->link);
	w->f->n--;
	buf_done(&w->answer);
	free(w->query);
	free(w->sent);
	free(w);
}

void forwarder_free(struct forwarder *f)
{
	if (!f)
		return;
	LIST_EACH_SAFE(it, &f->under_way)
		forward_cancel(container_of(it, struct forward, link));
	free(f);
}

static void finish(struct forward *w, const void *answer, size_t len)
{
	forward_done *done = w->done;
	void *ctx = w->ctx;

	done(ctx, answer, len);
	forward_cancel(w);
}

/* --- the message --- */

static bool letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Labels' lengths are below 64 and no letters. */
static void mix_case(unsigned char *p, size_t len)
{
	unsigned char bits[DNS_NAME_MAX / 8 + 1];

	if (getrandom(bits, sizeof bits, 0) != (ssize_t)sizeof bits)
		return;
	for (size_t i = 0; i < len; i++)
		if (letter(p[i]) && (bits[i / 8] >> i % 8 & 1))
			p[i] ^= 0x20;
}

static int disguise(struct forward *w)
{
	memcpy(w->sent, w->query, w->len + 2);
	if (getrandom(w->sent + 2, 2, 0) != 2)
		return -1;
	/* Some servers answer in lower case: the second round over them does without. */
	if (w->tries <= w->servers.n)
		mix_case(w->sent + 2 + DNS_HEAD_SIZE, w->q.name.len);
	return 0;
}

/* An answer to what we sent, in every bit. */
static bool believed(const struct forward *w, const unsigned char *p, size_t len)
{
	const unsigned char *sent = w->sent + 2;

	return len >= DNS_HEAD_SIZE + w->q.question_len && (p[2] & 0x80) && memcmp(p, sent, 2) == 0 && p[4] == 0 && p[5] == 1 &&
	       memcmp(p + DNS_HEAD_SIZE, sent + DNS_HEAD_SIZE, w->q.question_len) == 0;
}

static void deliver(struct forward *w, unsigned char *p, size_t len)
{
	memcpy(p, w->query + 2, 2);
	memcpy(p + DNS_HEAD_SIZE, w->query + 2 + DNS_HEAD_SIZE, w->q.question_len);
	finish(w, p, len);
}

/* --- tries --- */

static void try_next(struct forward *w);

static void on_udp(void *ctx, int fd, uint32_t events)
{
	struct forward *w = ctx;
	unsigned char p[UDP_ANSWER_MAX];
	ssize_t n = recv(fd, p, sizeof p, MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			try_next(w);    /* refused */
		return;
	}
	if (n > (ssize_t)sizeof p) {
		n = (ssize_t)sizeof p;
		p[2] |= 2;              /* TC: the client asks again by TCP */
	}
	if (believed(w, p, (size_t)n))
		deliver(w, p, (size_t)n);
}

static bool tcp_write(struct forward *w, int fd)
{
	ssize_t n = send(fd, w->sent + w->at, w->len + 2 - w->at, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	w->at += (size_t)n;
	if (w->at < w->len + 2)
		return true;
	w->at = 0;
	w->reading = true;
	return loop_change_fd(w->source, EPOLLIN, NULL) >= 0;
}

/* false when this server is of no use. */
static bool tcp_read(struct forward *w, int fd)
{
	const unsigned char *p;
	char *room = buf_room(&w->answer, 4096);
	size_t want;
	ssize_t n;

	if (!room)
		return false;
	n = recv(fd, room, 4096, MSG_DONTWAIT);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	w->answer.len += (size_t)n;
	p = (const unsigned char *)w->answer.p;
	if (w->answer.len < 2 || w->answer.len < (want = (size_t)(p[0] << 8 | p[1])) + 2)
		return true;
	if (!believed(w, p + 2, want))
		return false;
	hang_up(w);
	deliver(w, (unsigned char *)w->answer.p + 2, want);
	return true;
}

static void on_tcp(void *ctx, int fd, uint32_t events)
{
	struct forward *w = ctx;

	if (!(w->reading ? tcp_read(w, fd) : tcp_write(w, fd)))
		try_next(w);
}

static socklen_t addr_len(const struct sockaddr_storage *sa)
{
	return sa->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static int dial(struct forward *w)
{
	const struct sockaddr_storage *to = &w->servers.v[(w->tries - 1) % w->servers.n];
	int type = w->tcp ? SOCK_STREAM : SOCK_DGRAM;

	if (disguise(w) < 0 || fd_socket(to->ss_family, type | SOCK_NONBLOCK, 0, &w->fd, NULL) < 0)
		return -1;
	if (connect(w->fd, (const struct sockaddr *)to, addr_len(to)) < 0 && errno != EINPROGRESS)
		return -1;
	w->at = 0;
	w->reading = false;
	buf_reset(&w->answer);
	if (w->tcp)
		return loop_add_fd(w->f->loop, w->fd, EPOLLOUT, on_tcp, w, &w->source, NULL);
	if (send(w->fd, w->sent + 2, w->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -1;
	return loop_add_fd(w->f->loop, w->fd, EPOLLIN, on_udp, w, &w->source, NULL);
}

static void try_next(struct forward *w)
{
	for (;;) {
		hang_up(w);
		if (w->tries == FORWARD_TRIES) {
			finish(w, NULL, 0);
			return;
		}
		w->tries++;
		if (dial(w) >= 0)
			break;
	}
	loop_arm(w->timer, FORWARD_TRY_MS);
}

static void on_timer(void *ctx)
{
	try_next(ctx);
}

/* The first try is made from the loop, so that `done` is never called before the caller knows the question. */
int forward_start(struct forwarder *f, const struct forward_servers *servers, bool tcp, const struct dns_query *q,
		  const void *query, size_t len, forward_done *done, void *ctx, struct forward **ret,
		  struct dv_err *e)
{
	struct forward *w;

	if (!servers->n)
		return dv_fail(e, DV_UNAVAILABLE, "no name servers to ask");
	if (f->n == FORWARD_MAX)
		return dv_fail(e, DV_LIMIT, "%d questions are under way", FORWARD_MAX);
	w = mem_new(struct forward);
	*w = (struct forward){ .f = f, .servers = *servers, .tcp = tcp, .fd = -1, .done = done, .ctx = ctx, .q = *q, .len = len,
			       .answer = BUF_INIT(DNS_MESSAGE_MAX + 2 + 4096) };
	w->query = mem_alloc(len + 2);
	w->sent = mem_alloc(len + 2);
	w->query[0] = (unsigned char)(len >> 8);
	w->query[1] = (unsigned char)len;
	memcpy(w->query + 2, query, len);
	w->timer = loop_add_timer(f->loop, on_timer, w);
	loop_arm(w->timer, 0);
	list_add_tail(&f->under_way, &w->link);
	f->n++;
	*ret = w;
	return 0;
}

/* --- servers --- */

int forward_server_parse(const char *text, struct sockaddr_storage *ret, struct dv_err *e)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	char ip[INET6_ADDRSTRLEN] = "";
	size_t n = strcspn(text, "#");
	uint64_t port = 53;

	if (n >= sizeof ip || (text[n] && str_u64(text + n + 1, 65535, "port", &port, NULL) < 0))
		return dv_fail(e, DV_INVALID, "\"%.64s\" is no address of a name server", text);
	memcpy(ip, text, n);
	*ret = (struct sockaddr_storage){ 0 };
	in.sin_port = in6.sin6_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, ip, &in.sin_addr) == 1)
		memcpy(ret, &in, sizeof in);
	else if (inet_pton(AF_INET6, ip, &in6.sin6_addr) == 1)
		memcpy(ret, &in6, sizeof in6);
	else
		return dv_fail(e, DV_INVALID, "\"%.64s\" is no address of a name server", text);
	return 0;
}

int forward_servers_read(int dirfd, const char *file, struct forward_servers *ret, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT((size_t)64 << 10);
	struct forward_servers servers = { .n = 0 };
	const char *line;
	struct scan s;
	size_t len;
	int r = file_read(dirfd, file, &b, e);

	if (r < 0)
		return r;
	s = scan_of(buf_cstr(&b), b.len);
	while (scan_until(&s, '\n', &line, &len) && servers.n < FORWARD_SERVERS_MAX) {
		static const char word[] = "nameserver";
		struct scan l = scan_of(line, len);
		char text[64];
		size_t n;

		if (len < sizeof word || memcmp(line, word, sizeof word - 1) != 0)
			continue;
		l.p += sizeof word - 1;
		scan_blanks(&l);
		for (n = 0; l.p + n < l.end && n < sizeof text - 1 && !strchr(" \t\r#", l.p[n]); n++)
			text[n] = l.p[n];
		text[n] = '\0';
		if (forward_server_parse(text, &servers.v[servers.n], NULL) >= 0)
			servers.n++;
	}
	*ret = servers;
	return 0;
}
