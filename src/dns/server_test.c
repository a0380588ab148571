/* server_test.c - the server by UDP and TCP; its upstream is a second one, or a liar. */
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/epoll.h>

#include "dns/client_unit.h"
#include "dns/server.h"

struct world {
	struct loop *loop;
	struct zone *zone, *upstream_zone;
	struct dns_server *server, *upstream;
	struct dns_listener *l, *up;
	int stop[2];
	struct loop_source *stopper;
	pthread_t thread;
	int liar;                       /* an upstream of the test's own */
};

static void on_stop(void *ctx, int fd, uint32_t events)
{
	struct world *w = ctx;

	loop_remove(w->stopper);
	loop_stop(w->loop, 0);
}

static void *turn(void *ctx)
{
	struct world *w = ctx;

	dv_ignore(loop_run(w->loop, NULL));
	return NULL;
}

static struct sockaddr_storage loopback(uint16_t port)
{
	struct sockaddr_storage sa;
	char text[32];

	(void)snprintf(text, sizeof text, "127.0.0.1#%u", port);
	assert_int_equal(forward_server_parse(text, &sa, NULL), 0);
	return sa;
}

static void name_put(struct zone *z, const char *network, const char *owner, const char *name, unsigned n)
{
	struct zone_addr addrs[ZONE_ADDRS_MAX];

	for (unsigned i = 0; i < n; i++)
		addrs[i] = (struct zone_addr){ 4, { 10, 0, 0, (uint8_t)(i + 1) } };
	assert_int_equal(zone_set(z, network, owner, &name, 1, addrs, n, NULL), 0);
}

/* upstreams: the ports that the server asks, 0 for the good one. */
static void world_start(struct world *w, const uint16_t *upstreams, size_t n)
{
	struct sockaddr_storage any = loopback(0);
	struct forward_servers servers = { .n = n };
	char owner[16];

	*w = (struct world){ .liar = -1 };
	assert_int_equal(loop_new(&w->loop, NULL), 0);
	w->zone = zone_new();
	w->upstream_zone = zone_new();
	name_put(w->zone, "front", "c1", "web", 1);
	name_put(w->upstream_zone, "world", "x", "example.org", 2);
	for (int i = 0; i < 8; i++) {
		(void)snprintf(owner, sizeof owner, "o%d", i);
		name_put(w->zone, "front", owner, "many", ZONE_ADDRS_MAX);
	}
	assert_int_equal(dns_server_new(w->loop, w->zone, &w->server, NULL), 0);
	assert_int_equal(dns_server_new(w->loop, w->upstream_zone, &w->upstream, NULL), 0);
	assert_int_equal(dns_server_listen(w->server, "front", &any, &w->l, NULL), 0);
	assert_int_equal(dns_server_listen(w->upstream, "world", &any, &w->up, NULL), 0);
	for (size_t i = 0; i < n; i++)
		servers.v[i] = loopback(upstreams[i] ? upstreams[i] : dns_listener_port(w->up));
	dns_listener_upstreams(w->l, &servers);
	assert_int_equal(fd_pipe(w->stop, NULL), 0);
	assert_int_equal(loop_add_fd(w->loop, w->stop[0], EPOLLIN, on_stop, w, &w->stopper, NULL), 0);
	assert_int_equal(pthread_create(&w->thread, NULL, turn, w), 0);
}

static void world_end(struct world *w)
{
	assert_int_equal(write(w->stop[1], "x", 1), 1);
	assert_int_equal(pthread_join(w->thread, NULL), 0);
	dns_server_free(w->server);
	dns_server_free(w->upstream);
	zone_free(w->zone);
	zone_free(w->upstream_zone);
	loop_free(w->loop);
	fd_close(&w->stop[0]);
	fd_close(&w->stop[1]);
	fd_close(&w->liar);
}

static int dial(const struct world *w, int type)
{
	struct sockaddr_storage sa = loopback(dns_listener_port(w->l));
	struct timeval limit = { .tv_sec = 30 };
	int fd = -1;

	assert_int_equal(fd_socket(AF_INET, type, 0, &fd, NULL), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(struct sockaddr_in)), 0);
	return fd;
}

static const char *ask_udp(const struct world *w, const char *name, unsigned type, unsigned edns)
{
	static char text[4096];
	unsigned char p[4096];
	size_t len = client_query(p, name, type, edns);
	auto_close int fd = dial(w, SOCK_DGRAM);
	ssize_t n;

	assert_int_equal(send(fd, p, len, 0), len);
	n = recv(fd, p, sizeof p, 0);
	assert_true(n > 0);
	client_read(p, (size_t)n, text, sizeof text);
	return text;
}

static void tcp_send(int fd, const char *name)
{
	unsigned char p[512];
	size_t len = client_query(p + 2, name, DNS_A, 0);

	p[0] = (unsigned char)(len >> 8);
	p[1] = (unsigned char)len;
	assert_int_equal(send(fd, p, len + 2, MSG_NOSIGNAL), len + 2);
}

static const char *tcp_read(int fd)
{
	static char text[8192];
	unsigned char p[8192];
	size_t len;

	assert_int_equal(fd_read_full(fd, p, 2, "answer", NULL), 2);
	len = (size_t)(p[0] << 8 | p[1]);
	assert_int_equal(fd_read_full(fd, p, len, "answer", NULL), len);
	client_read(p, len, text, sizeof text);
	return text;
}

static void answers_by_udp(void **state)
{
	struct world w;

	world_start(&w, (uint16_t[]){ 0 }, 1);
	assert_string_equal(ask_udp(&w, "web", DNS_A, 0), "10.0.0.1");
	assert_string_equal(ask_udp(&w, "web", DNS_AAAA, 1232), "NODATA");
	assert_string_equal(ask_udp(&w, "example.org", DNS_A, 0), "10.0.0.1 10.0.0.2");
	assert_string_equal(ask_udp(&w, "Example.ORG", DNS_AAAA, 1232), "NODATA");
	/* The upstream's own upstreams: none. */
	assert_string_equal(ask_udp(&w, "nowhere.org", DNS_A, 0), "SERVFAIL");
	world_end(&w);
}

static void what_does_not_fit_is_asked_by_tcp(void **state)
{
	struct world w;
	const char *all;
	int fd;

	world_start(&w, NULL, 0);
	assert_memory_equal(ask_udp(&w, "many", DNS_A, 0), "TC ", 3);
	fd = dial(&w, SOCK_STREAM);
	tcp_send(fd, "many");
	all = tcp_read(fd);
	assert_memory_equal(all, "10.0.0", 6);
	assert_int_equal(strlen(all) > 8 * 16 * 8, 1);
	fd_close(&fd);
	assert_string_equal(ask_udp(&w, "example.org", DNS_A, 0), "SERVFAIL");
	world_end(&w);
}

static void many_questions_on_one_connection(void **state)
{
	static const char *const names[] = { "web", "example.org", "web", "nowhere.org", "web" };
	static const char *const want[] = { "10.0.0.1", "10.0.0.1 10.0.0.2", "10.0.0.1", "SERVFAIL", "10.0.0.1" };
	struct world w;
	int fd;

	world_start(&w, (uint16_t[]){ 0 }, 1);
	fd = dial(&w, SOCK_STREAM);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		tcp_send(fd, names[i]);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		/* two servers share the turns of example.org */
		const char *got = tcp_read(fd);

		assert_int_equal(strlen(got), strlen(want[i]));
	}
	fd_close(&fd);
	/* A connection more than there may be: the oldest goes, the newest is served. */
	{
		int fds[DNS_TCP_MAX + 1];

		for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
			fds[i] = dial(&w, SOCK_STREAM);
			tcp_send(fds[i], "web");
			assert_string_equal(tcp_read(fds[i]), "10.0.0.1");
		}
		assert_int_equal(recv(fds[0], (char[1]){ 0 }, 1, 0), 0);
		for (size_t i = 0; i < ARRAY_LEN(fds); i++)
			fd_close(&fds[i]);
	}
	world_end(&w);
}

/* --- upstreams that do not answer, or lie --- */

static int bind_liar(uint16_t *ret_port)
{
	struct sockaddr_storage sa = loopback(0);
	socklen_t len = sizeof sa;
	int fd = -1;

	assert_int_equal(fd_socket(AF_INET, SOCK_DGRAM, 0, &fd, NULL), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(struct sockaddr_in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	*ret_port = ntohs(((struct sockaddr_in *)&sa)->sin_port);
	return fd;
}

static void a_silent_server_is_given_up(void **state)
{
	struct world w;
	uint16_t silent, closed;
	int fd = bind_liar(&silent), other = bind_liar(&closed);

	fd_close(&other);       /* nobody listens there: refused at once */
	world_start(&w, (uint16_t[]){ closed, silent, 0 }, 3);
	assert_string_equal(ask_udp(&w, "example.org", DNS_A, 0), "10.0.0.1 10.0.0.2");
	world_end(&w);
	fd_close(&fd);
}

/* Forged answers come first: another id, another name, another case, then the good one. */
static void *lie(void *ctx)
{
	int fd = *(int *)ctx;
	struct sockaddr_storage peer;
	socklen_t len = sizeof peer;
	unsigned char p[512], forged[512];
	ssize_t n = recvfrom(fd, p, sizeof p, 0, (struct sockaddr *)&peer, &len);
	static const unsigned char record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 6, 6, 6, 6 };
	const size_t spots[] = { 0, 1, 13, 14 };

	if (n < DNS_HEAD_SIZE)
		return NULL;
	p[2] |= 0x80;
	p[7] = 1;
	memcpy(p + n, record, sizeof record);
	for (size_t i = 0; i < ARRAY_LEN(spots); i++) {
		memcpy(forged, p, (size_t)n + sizeof record);
		forged[spots[i]] ^= spots[i] < 2 ? 1 : 0x20;
		(void)!sendto(fd, forged, (size_t)n + sizeof record, 0, (struct sockaddr *)&peer, len);
	}
	p[n + (ssize_t)sizeof record - 1] = 7;
	(void)!sendto(fd, p, (size_t)n + sizeof record, 0, (struct sockaddr *)&peer, len);
	return NULL;
}

static void forged_answers_are_not_believed(void **state)
{
	struct world w;
	uint16_t port;
	int fd = bind_liar(&port);
	pthread_t liar;

	world_start(&w, &port, 1);
	assert_int_equal(pthread_create(&liar, NULL, lie, &fd), 0);
	assert_string_equal(ask_udp(&w, "bank.example", DNS_A, 0), "6.6.6.7");
	assert_int_equal(pthread_join(liar, NULL), 0);
	world_end(&w);
	fd_close(&fd);
}

static void addresses_of_servers(void **state)
{
	static const char *const bad[] = { "", "example.org", "1.2.3", "1.2.3.4#", "1.2.3.4#x", "1.2.3.4#65536", "::g" };
	struct sockaddr_storage sa;

	assert_int_equal(forward_server_parse("::1", &sa, NULL), 0);
	assert_int_equal(sa.ss_family, AF_INET6);
	assert_int_equal(ntohs(((struct sockaddr_in6 *)&sa)->sin6_port), 53);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(forward_server_parse(bad[i], &sa, NULL), -DV_INVALID);
}

static void servers_of_a_resolv_conf(void **state)
{
	static const char text[] = "# nameserver 1.1.1.1\nsearch example.org\nnameserver 9.9.9.9\nnameserver\t::1 \r\n"
				   "nameserver fe80::1%eth0\nnameserver\nnameservers 8.8.8.8\nnameserver 127.0.0.53";
	struct forward_servers s;
	struct unit_tmp t;
	struct dv_err e;

	unit_tmp_new(&t);
	assert_int_equal(file_replace(t.fd, "resolv.conf", 0644, text, strlen(text), false, NULL), 0);
	assert_int_equal(forward_servers_read(t.fd, "resolv.conf", &s, NULL), 0);
	assert_int_equal(s.n, 3);
	assert_int_equal(((struct sockaddr_in *)&s.v[0])->sin_addr.s_addr, htonl(0x09090909));
	assert_int_equal(s.v[1].ss_family, AF_INET6);
	assert_int_equal(((struct sockaddr_in *)&s.v[2])->sin_addr.s_addr, htonl(0x7f000035));
	assert_int_equal(forward_servers_read(t.fd, "none", &s, &e), -DV_NOT_FOUND);
	unit_tmp_done(&t);
}

static void an_address_is_taken_once(void **state)
{
	struct world w;
	struct dns_listener *l;
	struct sockaddr_storage sa;
	struct dv_err e;

	world_start(&w, NULL, 0);
	sa = loopback(dns_listener_port(w.l));
	assert_int_equal(dns_server_listen(w.upstream, "other", &sa, &l, &e), -DV_EXISTS);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_by_udp), cmocka_unit_test(what_does_not_fit_is_asked_by_tcp),
		cmocka_unit_test(many_questions_on_one_connection), cmocka_unit_test(a_silent_server_is_given_up),
		cmocka_unit_test(forged_answers_are_not_believed), cmocka_unit_test(addresses_of_servers),
		cmocka_unit_test(an_address_is_taken_once), cmocka_unit_test(servers_of_a_resolv_conf),
	};

	return unit_run(tests);
}
