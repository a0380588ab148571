/* etc_names.c - hosts and resolv.conf of a container: what names mean in there. */
#include "base/file.h"
#include "base/str.h"
#include "engine/etc.h"
#include "engine/network_wish.h"

#define HOST_FILE_MAX (1 << 20)

static const char own_hosts[] = "127.0.0.1\tlocalhost\n"
				"::1\tlocalhost ip6-localhost ip6-loopback\n"
				"fe00::0\tip6-localnet\n"
				"ff00::0\tip6-mcastprefix\n"
				"ff02::1\tip6-allnodes\n"
				"ff02::2\tip6-allrouters\n";

static bool is_host(const struct network_wish *w)
{
	return w->mode == NETWORK_HOST;
}

/* A missing file of the host is an empty one. */
static int read_host(const char *path, struct buf *b, struct dv_err *e)
{
	int r = file_read(AT_FDCWD, path, b, e);

	return r == -DV_NOT_FOUND ? 0 : r;
}

/* --- hosts --- */

/* NAME:ADDRESS, or NAME=ADDRESS; "host-gateway" is the host as the container sees it. */
static int split_host(const struct network_wish *w, const char *text, size_t *ret_len, const char **ret_addr, struct dv_err *e)
{
	size_t len = strcspn(text, ":=");
	const char *addr = text[len] ? text + len + 1 : "";
	struct net_addr x;

	if (len && streq(addr, "host-gateway")) {
		addr = w->host ? w->host : is_host(w) ? "127.0.0.1" : NULL;
		if (!addr)
			return dv_fail(e, DV_INVALID, "--add-host %.128s: the host cannot be reached from this network", text);
	}
	if (!len || strcspn(text, " \t\n#") < len || addr_parse(addr, "--add-host", &x, NULL) < 0)
		return dv_fail(e, DV_INVALID, "bad format for add-host: \"%.128s\": NAME:ADDRESS is wanted", text);
	*ret_len = len;
	*ret_addr = addr;
	return 0;
}

static int add_hosts(const struct network_wish *w, struct buf *b, struct dv_err *e)
{
	for (const char *const *s = w->q->add_hosts; s && *s; s++) {
		const char *addr = NULL;
		size_t len = 0;
		int r = split_host(w, *s, &len, &addr, e);

		if (r < 0)
			return r;
		buf_printf(b, "%s\t%.*s\n", addr, (int)len, *s);
	}
	return 0;
}

/* Checked before anything is made, too. */
int etc_check_hosts(const struct network_wish *w, struct dv_err *e)
{
	struct network_wish known = *w;
	auto_buf struct buf b = BUF_INIT(HOST_FILE_MAX);

	known.host = "127.0.0.1";       /* not known yet */
	return add_hosts(&known, &b, e);
}

static int own_lines(const struct run_config *c, struct buf *b, struct dv_err *e)
{
	const struct network_wish *w = c->network;

	if (is_host(w)) {
		int r = read_host("/etc/hosts", b, e);

		if (r < 0)
			return r;
		if (b->len && b->p[b->len - 1] != '\n')
			buf_char(b, '\n');
		return 0;
	}
	buf_str(b, own_hosts);
	for (JSON_EACH(it, w->addresses))
		buf_printf(b, "%s\t%s\n", json_str(it.value), c->hostname);
	if (w->host)
		buf_printf(b, "%s\thost.docker.internal host.containers.internal\n", w->host);
	return 0;
}

int etc_hosts(const struct run_config *c, struct buf *ret, struct dv_err *e)
{
	int r;

	if ((r = own_lines(c, ret, e)) < 0 || (r = add_hosts(c->network, ret, e)) < 0)
		return r;
	return buf_check(ret, "hosts", e);
}

/* --- resolv.conf --- */

/* A name server on the host's own loopback cannot be reached from another network namespace. */
static bool is_local_server(const char *line, size_t len)
{
	static const char *const local[] = { "nameserver 127.", "nameserver\t127.", "nameserver ::1", "nameserver\t::1" };

	for (size_t i = 0; i < ARRAY_LEN(local); i++)
		if (len >= strlen(local[i]) && memcmp(line, local[i], strlen(local[i])) == 0)
			return true;
	return false;
}

static bool begins(const char *line, size_t len, const char *word)
{
	size_t n = strlen(word);

	return len > n && memcmp(line, word, n) == 0 && (line[n] == ' ' || line[n] == '\t');
}

/* What a flag says stands for all of the host's lines of that kind. */
static bool is_replaced(const struct network_wish *w, const char *line, size_t len)
{
	const struct run_request *q = w->q;

	return (((q->dns && q->dns[0]) || json_len(w->servers)) && begins(line, len, "nameserver")) ||
	       (q->dns_search && q->dns_search[0] && (begins(line, len, "search") || begins(line, len, "domain"))) ||
	       (q->dns_options && q->dns_options[0] && begins(line, len, "options"));
}

static void list_line(struct buf *b, const char *word, const char *const *v)
{
	if (!v || !v[0] || (streq(word, "search") && streq(v[0], ".")))
		return;
	buf_str(b, word);
	for (; *v; v++)
		buf_printf(b, " %s", *v);
	buf_char(b, '\n');
}

/* Who knows the names of containers is asked first. */
static void flag_lines(const struct network_wish *w, struct buf *b)
{
	const struct run_request *q = w->q;

	for (JSON_EACH(it, w->servers))
		buf_printf(b, "nameserver %s\n", json_str(it.value));
	for (const char *const *s = q->dns; s && *s; s++)
		buf_printf(b, "nameserver %s\n", *s);
	list_line(b, "search", q->dns_search);
	list_line(b, "options", q->dns_options);
}

int etc_check_dns(const struct run_request *q, struct dv_err *e)
{
	struct net_addr x;

	for (const char *const *s = q->dns; s && *s; s++)
		if (addr_parse(*s, "--dns", &x, NULL) < 0)
			return dv_fail(e, DV_INVALID, "%.64s is not an ip address", *s);
	for (const char *const *s = q->dns_search; s && *s; s++)
		if ((*s)[strcspn(*s, " \t\n")])
			return dv_fail(e, DV_INVALID, "%.64s is not a valid domain", *s);
	for (const char *const *s = q->dns_options; s && *s; s++)
		if ((*s)[strcspn(*s, " \t\n")])
			return dv_fail(e, DV_INVALID, "--dns-option: \"%.64s\" is no option", *s);
	return 0;
}

int etc_resolv(const struct run_config *c, struct buf *ret, struct dv_err *e)
{
	auto_buf struct buf in = BUF_INIT(HOST_FILE_MAX);
	const struct network_wish *w = c->network;
	struct scan s;
	const char *line;
	size_t len;
	int r = read_host("/etc/resolv.conf", &in, e);

	if (r < 0)
		return r;
	s = scan_of(buf_cstr(&in), in.len);
	while (scan_until(&s, '\n', &line, &len))
		if (!is_replaced(w, line, len) && (is_host(w) || !is_local_server(line, len))) {
			buf_add(ret, line, len);
			buf_char(ret, '\n');
		}
	flag_lines(w, ret);
	return buf_check(ret, "resolv.conf", e);
}
