/* records.c - files of lines, a word and a value each. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "dns/records.h"

#define FILE_MAX ((size_t)256 << 10)
#define NAME_SIZE (2 * RECORDS_ID_MAX + 8)

static const char id_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

static int check_id(const char *id, struct dv_err *e)
{
	if (strlen(id) > RECORDS_ID_MAX || !str_only(id, id_bytes))
		return dv_fail(e, DV_INVALID, "\"%.80s\" is no id of a network or container", id);
	return 0;
}

/* --- writing --- */

static int add_lines(struct buf *b, const char *word, const char *const *values, struct dv_err *e)
{
	for (size_t i = 0; values && values[i]; i++) {
		if (!*values[i] || strpbrk(values[i], "\n "))
			return dv_fail(e, DV_INVALID, "\"%.200s\" cannot be a name or address", values[i]);
		buf_printf(b, "%s %s\n", word, values[i]);
	}
	return 0;
}

static int write_file(int dirfd, const char *name, struct buf *b, struct dv_err *e)
{
	int r = buf_check(b, name, e);

	return r < 0 ? r : file_replace(dirfd, name, 0644, buf_cstr(b), b->len, false, e);
}

int records_write_network(int dirfd, const char *id, const char *const *gateways, const char *const *upstreams,
			  struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(FILE_MAX);
	char file[NAME_SIZE];
	int r;

	if ((r = check_id(id, e)) < 0 || (r = add_lines(&b, "gateway", gateways, e)) < 0 ||
	    (r = add_lines(&b, "upstream", upstreams, e)) < 0)
		return r;
	(void)snprintf(file, sizeof file, "%s.net", id);
	return write_file(dirfd, file, &b, e);
}

static int check_names(const char *const *names, struct dv_err *e)
{
	struct dns_name n;
	int r = 0;

	for (size_t i = 0; r >= 0 && names && names[i]; i++)
		r = i < ZONE_NAMES_MAX ? dns_name_parse(names[i], &n, e) :
		    dv_fail(e, DV_LIMIT, "a container has at most %d names in a network", ZONE_NAMES_MAX);
	return r;
}

/* Each port of the host, and behind it where it leads. */
static int add_ports(struct buf *b, const struct records_publish *v, size_t n, struct dv_err *e)
{
	int r = 0;

	if (n > RECORDS_PORTS_MAX)
		return dv_fail(e, DV_LIMIT, "a container has at most %d ports on the loopback", RECORDS_PORTS_MAX);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		r = add_lines(b, v[i].udp ? "udp" : "tcp", (const char *const[]){ v[i].at, NULL }, e);
		if (r >= 0)
			r = add_lines(b, "to", (const char *const[]){ v[i].to, NULL }, e);
	}
	return r;
}

int records_write_container(int dirfd, const char *network, const char *id, const char *const *names,
			    const char *const *addrs, const struct records_publish *ports, size_t n_ports, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(FILE_MAX);
	char file[NAME_SIZE];
	int r;

	if ((r = check_id(network, e)) < 0 || (r = check_id(id, e)) < 0 || (r = check_names(names, e)) < 0 ||
	    (r = add_lines(&b, "name", names, e)) < 0 || (r = add_lines(&b, "addr", addrs, e)) < 0 ||
	    (r = add_ports(&b, ports, n_ports, e)) < 0)
		return r;
	(void)snprintf(file, sizeof file, "%s.%s.ctr", network, id);
	return write_file(dirfd, file, &b, e);
}

static int remove_file(int dirfd, const char *name, struct dv_err *e)
{
	return unlinkat(dirfd, name, 0) < 0 && errno != ENOENT ? dv_fail_errno(e, errno, "remove %s", name) : 0;
}

int records_remove_network(int dirfd, const char *id, struct dv_err *e)
{
	char file[NAME_SIZE];
	int r = check_id(id, e);

	(void)snprintf(file, sizeof file, "%.*s.net", RECORDS_ID_MAX, id);
	return r < 0 ? r : remove_file(dirfd, file, e);
}

int records_remove_container(int dirfd, const char *network, const char *id, struct dv_err *e)
{
	char file[NAME_SIZE];
	int r;

	if ((r = check_id(network, e)) < 0 || (r = check_id(id, e)) < 0)
		return r;
	(void)snprintf(file, sizeof file, "%s.%s.ctr", network, id);
	return remove_file(dirfd, file, e);
}

/* --- reading --- */

static bool take_id(struct scan *s, char *ret)
{
	const char *word;
	size_t len;

	if (!scan_until(s, '.', &word, &len) || len == 0 || len > RECORDS_ID_MAX)
		return false;
	memcpy(ret, word, len);
	ret[len] = '\0';
	return str_only(ret, id_bytes);
}

enum records_kind records_parse_name(const char *file, struct records_network *n, struct records_container *c)
{
	struct scan s = scan_of(file, strlen(file));
	char id[RECORDS_ID_MAX + 1], second[RECORDS_ID_MAX + 1];

	if (!take_id(&s, id))
		return RECORDS_OTHER;
	if (streq(s.p, "net") && s.p[-1] == '.') {
		memcpy(n->id, id, sizeof id);
		return RECORDS_NETWORK;
	}
	if (!take_id(&s, second) || !streq(s.p, "ctr"))
		return RECORDS_OTHER;
	memcpy(c->network, id, sizeof id);
	memcpy(c->id, second, sizeof second);
	return RECORDS_CONTAINER;
}

/* The value of the next line, whose word is put into *ret_word: 1, 0 at the end. The text is cut up in place. */
static int next_line(char **p, const char *file, unsigned *line, const char **ret_word, char **ret_value, struct dv_err *e)
{
	char *text = *p, *end, *space;

	if (!*text)
		return 0;
	(*line)++;
	end = text + strcspn(text, "\n");
	*p = *end ? end + 1 : end;
	*end = '\0';
	space = strchr(text, ' ');
	if (!space || !space[1])
		return dv_fail(e, DV_INVALID, "%s line %u: a word and a value are wanted", file, *line);
	*space = '\0';
	*ret_word = text;
	*ret_value = space + 1;
	return 1;
}

typedef int records_take(void *ctx, const char *word, char *value, struct dv_err *e);

static int read_lines(int dirfd, const char *file, records_take *take, void *ctx, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(FILE_MAX);
	auto_free char *text = NULL;
	const char *word = NULL;
	unsigned line = 0;
	char *p, *value = NULL;
	int r = file_read(dirfd, file, &b, e);

	if (r < 0)
		return r;
	p = text = buf_take(&b);
	while ((r = next_line(&p, file, &line, &word, &value, e)) > 0) {
		r = take(ctx, word, value, e);
		if (r < 0)
			return dv_wrap(e, "%s line %u", file, line);
	}
	return r;
}

static int unknown(const char *word, struct dv_err *e)
{
	return dv_fail(e, DV_INVALID, "\"%.40s\" is not known", word);
}

static int take_network(void *ctx, const char *word, char *value, struct dv_err *e)
{
	struct records_network *n = ctx;

	if (streq(word, "gateway") && n->n_gateways < RECORDS_GATEWAYS_MAX)
		return forward_server_parse(value, &n->gateways[n->n_gateways++], e);
	if (streq(word, "upstream") && streq(value, "host")) {
		n->upstream_host = true;
		return 0;
	}
	if (streq(word, "upstream") && n->upstreams.n < FORWARD_SERVERS_MAX)
		return forward_server_parse(value, &n->upstreams.v[n->upstreams.n++], e);
	return unknown(word, e);
}

int records_read_network(int dirfd, const char *file, struct records_network *ret, struct dv_err *e)
{
	struct records_network n = { 0 };
	struct records_container c;
	int r;

	if (records_parse_name(file, &n, &c) != RECORDS_NETWORK)
		return dv_fail(e, DV_INVALID, "%.100s is no record of a network", file);
	r = read_lines(dirfd, file, take_network, &n, e);
	if (r >= 0)
		*ret = n;
	return r;
}

struct taking {
	struct arena *a;
	struct records_container *c;
	bool leads;                     /* the last port has its target */
};

static int take_addr(struct records_container *c, const char *value, struct dv_err *e)
{
	struct zone_addr *to = &c->addrs[c->n_addrs];

	if (c->n_addrs == ZONE_ADDRS_MAX)
		return dv_fail(e, DV_LIMIT, "more than %d addresses", ZONE_ADDRS_MAX);
	if (inet_pton(AF_INET, value, to->bytes) == 1)
		to->len = 4;
	else if (inet_pton(AF_INET6, value, to->bytes) == 1)
		to->len = 16;
	else
		return dv_fail(e, DV_INVALID, "\"%.64s\" is no address", value);
	c->n_addrs++;
	return 0;
}

static int take_container(void *ctx, const char *word, char *value, struct dv_err *e)
{
	struct taking *t = ctx;

	if (streq(word, "addr"))
		return take_addr(t->c, value, e);
	if ((streq(word, "tcp") || streq(word, "udp")) && t->leads && t->c->n_ports < RECORDS_PORTS_MAX) {
		t->leads = false;
		t->c->ports[t->c->n_ports].udp = streq(word, "udp");
		return forward_server_parse(value, &t->c->ports[t->c->n_ports].at, e);
	}
	if (streq(word, "to") && !t->leads) {
		t->leads = true;
		return forward_server_parse(value, &t->c->ports[t->c->n_ports++].to, e);
	}
	if (!streq(word, "name"))
		return unknown(word, e);
	if (t->c->n_names == ZONE_NAMES_MAX)
		return dv_fail(e, DV_LIMIT, "more than %d names", ZONE_NAMES_MAX);
	t->c->names[t->c->n_names++] = arena_str(t->a, value);
	return 0;
}

int records_read_container(int dirfd, struct arena *a, const char *file, struct records_container *ret,
			   struct dv_err *e)
{
	struct records_container c = { 0 };
	struct records_network n;
	struct taking t = { a, &c, true };
	int r;

	if (records_parse_name(file, &n, &c) != RECORDS_CONTAINER)
		return dv_fail(e, DV_INVALID, "%.150s is no record of a container", file);
	c.names = arena_array(a, char *, ZONE_NAMES_MAX);
	c.ports = arena_array(a, struct records_port, RECORDS_PORTS_MAX);
	r = read_lines(dirfd, file, take_container, &t, e);
	if (r >= 0)
		*ret = c;
	return r;
}
