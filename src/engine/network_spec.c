/* network_spec.c - words of the command line into values: --network, -p, --expose. */
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/etc.h"
#include "engine/network_wish.h"

#define PORTS_MAX 65535
#define NETWORKS_MAX 16

/* --- ports --- */

struct ports {
	unsigned first, last;
};

static bool parse_range(const char *text, size_t len, struct ports *ret)
{
	struct scan s = scan_of(text, len);
	uint64_t first, last;

	if (!scan_u64(&s, &first))
		return false;
	last = first;
	if (scan_char(&s, '-') && !scan_u64(&s, &last))
		return false;
	if (s.p != s.end || first < 1 || last > 65535 || last < first)
		return false;
	*ret = (struct ports){ (unsigned)first, (unsigned)last };
	return true;
}

/* "80/tcp": the protocol, tcp without one. */
static bool split_proto(const char *text, size_t *ret_len, const char **ret_proto)
{
	static const char *const protos[] = { "tcp", "udp" };
	const char *slash = strchr(text, '/');

	*ret_len = slash ? (size_t)(slash - text) : strlen(text);
	*ret_proto = "tcp";
	if (!slash)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(protos); i++)
		if (strcasecmp(slash + 1, protos[i]) == 0) {
			*ret_proto = protos[i];
			return true;
		}
	return false;
}

static struct json *port_json(struct arena *a, const char *proto, const char *ip, unsigned host, unsigned port)
{
	return json_obj(a, "proto", json_new_str(a, proto), "ip", json_new_str(a, ip), "host", json_new_u64(a, host), "port",
			json_new_u64(a, port), NULL);
}

int expose_parse(struct arena *a, const char *text, struct json *list, struct dv_err *e)
{
	struct ports p;
	const char *proto;
	size_t len;

	if (!split_proto(text, &len, &proto) || !parse_range(text, len, &p))
		return dv_fail(e, DV_INVALID, "invalid port: \"%.100s\": PORT[-PORT][/tcp|/udp] is wanted", text);
	for (unsigned i = p.first; i <= p.last; i++)
		json_append(a, list, port_json(a, proto, "", 0, i));
	return 0;
}

/* The address in front, in brackets when it has colons; *rest is what follows its colon. */
static bool split_ip(struct arena *a, const char *text, size_t len, const char **ret_ip, const char **rest)
{
	const char *end;
	size_t colons = 0;

	*ret_ip = "";
	*rest = text;
	if (*text == '[') {
		end = memchr(text, ']', len);
		if (!end || end[1] != ':')
			return false;
		*ret_ip = arena_strn(a, text + 1, (size_t)(end - text) - 1);
		*rest = end + 2;
		return true;
	}
	for (size_t i = 0; i < len; i++)
		colons += text[i] == ':';
	if (colons < 2)
		return colons < 2;
	end = memchr(text, ':', len);
	*ret_ip = arena_strn(a, text, (size_t)(end - text));
	*rest = end + 1;
	return colons == 2;
}

static int add_ports(struct arena *a, const char *text, const char *ip, const char *proto, struct ports host, struct ports ctr,
		     struct json *list, struct dv_err *e)
{
	unsigned n = ctr.last - ctr.first, m = host.last - host.first;

	/* One port of the container may get any of a range of the host's. */
	if (host.first && n != m && n != 0)
		return dv_fail(e, DV_INVALID, "invalid ranges specified for container and host Ports: %.100s", text);
	for (unsigned i = 0; i <= n; i++) {
		if (json_len(list) >= PORTS_MAX)
			return dv_fail(e, DV_LIMIT, "-p %.100s: more than %d ports", text, PORTS_MAX);
		struct json *p = port_json(a, proto, ip, host.first ? host.first + i : 0, ctr.first + i);

		if (host.first && n == 0 && m > 0)
			json_set(a, p, "host_last", json_new_u64(a, host.last));
		json_append(a, list, p);
	}
	return 0;
}

int port_parse(struct arena *a, const char *text, struct json *list, struct dv_err *e)
{
	const char *proto, *ip, *rest, *colon;
	struct ports host = { 0, 0 }, ctr;
	struct net_addr addr;
	size_t len, left;

	if (!split_proto(text, &len, &proto) || !split_ip(a, text, len, &ip, &rest))
		return dv_fail(e, DV_INVALID, "invalid publish opts format (should be [IP:][HOST:]CONTAINER[/tcp|/udp]): \"%.100s\"",
			       text);
	if (*ip && addr_parse(ip, "-p", &addr, NULL) < 0)
		return dv_fail(e, DV_INVALID, "-p %.100s: invalid IP address: %.64s", text, ip);
	left = len - (size_t)(rest - text);
	colon = memchr(rest, ':', left);
	if (colon && colon > rest && !parse_range(rest, (size_t)(colon - rest), &host))
		return dv_fail(e, DV_INVALID, "-p %.100s: invalid host port", text);
	if (colon) {
		left -= (size_t)(colon + 1 - rest);
		rest = colon + 1;
	}
	if (!parse_range(rest, left, &ctr))
		return dv_fail(e, DV_INVALID, "-p %.100s: invalid container port", text);
	return add_ports(a, text, ip, proto, host, ctr, list, e);
}

/* --- --network --- */

bool network_name_ok(const char *name)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	return strlen(name) <= 128 && str_only(name, set) && !strchr("_.-", *name);
}

static int set_alias(struct arena *a, struct network_want *w, const char *v)
{
	json_append(a, w->aliases, json_new_str(a, v));
	return 0;
}

static int set_option(struct arena *a, struct network_want *w, const char *key, const char *v, const char *flag,
		      struct dv_err *e)
{
	const struct {
		const char *key;
		const char **to;
	} rows[] = {
		{ "ip", &w->ip },	   { "ip6", &w->ip6 },	      { "mac", &w->mac }, { "mac-address", &w->mac },
		{ "interface_name", &w->ifname }, { "name", &w->name },
	};

	if (streq(key, "alias"))
		return set_alias(a, w, v);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (streq(rows[i].key, key)) {
			*rows[i].to = v;
			/* ip takes either family, as in podman */
			if (streq(key, "ip") && strchr(v, ':')) {
				w->ip6 = v;
				w->ip = NULL;
			}
			return 0;
		}
	return dv_fail(e, DV_INVALID, "--network %.128s: unknown option %.64s", flag, key);
}

static int parse_options(struct arena *a, struct network_want *w, const char *text, const char *flag, struct dv_err *e)
{
	size_t n;
	char **words = str_split(a, text, ',', &n);

	for (size_t i = 0; i < n; i++) {
		char *eq = strchr(words[i], '=');
		int r;

		if (!eq)
			return dv_fail(e, DV_INVALID, "--network %.128s: \"%.64s\" is not KEY=VALUE", flag, words[i]);
		*eq = '\0';
		if ((r = set_option(a, w, words[i], eq + 1, flag, e)) < 0)
			return r;
	}
	return 0;
}

static int check_want(const struct network_want *w, const char *flag, struct dv_err *e)
{
	struct net_addr x;
	struct net_mac mac;
	int r;

	if (!w->name || !network_name_ok(w->name))
		return dv_fail(e, DV_INVALID, "--network %.128s: invalid network name", flag);
	if (w->ifname && !link_name_ok(w->ifname))
		return dv_fail(e, DV_INVALID, "--network %.128s: invalid name of an interface", flag);
	if ((w->ip && ((r = addr_parse(w->ip, "--ip", &x, e)) < 0)) || (w->ip6 && (r = addr_parse(w->ip6, "--ip6", &x, e)) < 0))
		return r;
	if ((w->ip && strchr(w->ip, ':')) || (w->ip6 && !strchr(w->ip6, ':')))
		return dv_fail(e, DV_INVALID, "--network %.128s: an address of the other family is wanted", flag);
	return w->mac ? mac_parse(w->mac, &mac, e) : 0;
}

/* NAME, NAME:ip=...,mac=... as podman writes it, or name=NAME,ip=... as docker does. */
static int parse_network(struct arena *a, const char *flag, struct network_want *w, struct dv_err *e)
{
	const char *colon = strchr(flag, ':'), *comma = strpbrk(flag, "=,");
	int r = 0;

	w->aliases = json_new_array(a);
	if (comma && (!colon || comma < colon)) {
		r = parse_options(a, w, flag, flag, e);
	} else {
		w->name = colon ? arena_strn(a, flag, (size_t)(colon - flag)) : flag;
		if (colon)
			r = parse_options(a, w, colon + 1, flag, e);
	}
	/* "default", "bridge" and podman's name are the same; podman's "bridge:..." too */
	if (w->name && (streq(w->name, "default") || streq(w->name, NETWORK_DEFAULT_ALIAS)))
		w->name = NETWORK_DEFAULT;
	return r < 0 ? r : check_want(w, flag, e);
}

/* Several flags are several networks; a comma without options too (podman): --network a,b */
static int parse_several(struct arena *a, const char *const *flags, struct network_wish *w, struct dv_err *e)
{
	for (; flags && *flags; flags++) {
		size_t n = 1;
		char **names = strpbrk(*flags, "=:") ? NULL : str_split(a, *flags, ',', &n);

		for (size_t i = 0; i < n; i++) {
			int r;

			if (w->n == NETWORKS_MAX)
				return dv_fail(e, DV_LIMIT, "more than %d networks", NETWORKS_MAX);
			if ((r = parse_network(a, names ? names[i] : *flags, &w->v[w->n], e)) < 0)
				return r;
			w->n++;
		}
	}
	return 0;
}

static bool is_slirp(const char *s)
{
	return streq(s, "pasta") || str_starts(s, "pasta:") || str_starts(s, "slirp4netns") || streq(s, "private");
}

/* What is not the name of a network: 1 when it was one of these. */
static int parse_mode(struct arena *a, const char *flag, struct network_wish *w, struct dv_err *e)
{
	const char *rest;

	if (streq(flag, "none") || streq(flag, "host")) {
		w->mode = *flag == 'n' ? NETWORK_NONE : NETWORK_HOST;
		w->text = flag;
		return 1;
	}
	if ((rest = str_after(flag, "container:")) || (rest = str_after(flag, "ns:"))) {
		if (!*rest)
			return dv_fail(e, DV_INVALID, "--network %.128s: what is joined is missing", flag);
		w->mode = NETWORK_JOINED;
		w->text = flag;
		if (*flag == 'c')
			w->container = rest;
		else
			w->path = rest;
		return 1;
	}
	if (is_slirp(flag) && !streq(flag, "private"))
		return dv_fail(e, DV_UNSUPPORTED, "--network %.64s: only root's networks are there", flag);
	(void)a;
	return 0;
}

/* --ip and the others belong to the only network. */
static int flags_of_one(struct arena *a, const struct run_request *q, struct network_wish *w, struct dv_err *e)
{
	struct network_want *first = &w->v[0];

	if ((q->ip || q->ip6 || q->mac_address) && w->n > 1)
		return dv_fail(e, DV_INVALID, "--ip, --ip6 and --mac-address are for one network only: --network NAME:ip=ADDRESS");
	first->ip = q->ip ? q->ip : first->ip;
	first->ip6 = q->ip6 ? q->ip6 : first->ip6;
	first->mac = q->mac_address ? q->mac_address : first->mac;
	for (size_t i = 0; i < w->n; i++)
		for (const char *const *s = q->network_aliases; s && *s; s++)
			json_append(a, w->v[i].aliases, json_new_str(a, *s));
	if (streq(first->name, NETWORK_DEFAULT) && q->network_aliases && q->network_aliases[0] && w->n == 1)
		return dv_fail(e, DV_INVALID, "--network-alias: names of the default network are not looked up; make one with "
			       "`network create`");
	return check_want(first, first->name, e);
}

static int parse_publish(struct arena *a, const struct run_request *q, struct network_wish *w, struct dv_err *e)
{
	int r = 0;

	w->ports = json_new_array(a);
	w->exposed = json_new_array(a);
	for (const char *const *s = q->publish; s && *s && r >= 0; s++)
		r = port_parse(a, *s, w->ports, e);
	for (const char *const *s = q->expose; s && *s && r >= 0; s++)
		r = expose_parse(a, *s, w->exposed, e);
	w->publish_all = q->publish_all;
	return r;
}

static const char *default_network(struct arena *a)
{
	const char *env = getenv("DAVIT_NETWORK");
	struct json *j = NULL;
	const char *set;

	if (env && *env)
		return env;
	if (access("/etc/davit/engine.json", F_OK) == 0 && json_parse_file(a, AT_FDCWD, "/etc/davit/engine.json", &j, NULL) >= 0 &&
	    (set = json_str(json_get(j, "network"))))
		return set;
	return NETWORK_DEFAULT;
}

static int parse_all(struct arena *a, const struct run_request *q, struct network_wish *w, struct dv_err *e)
{
	const char *fallback[] = { NULL, NULL };
	const char *const *flags = q->networks;
	int r;

	if (!flags || !flags[0] || streq(flags[0], "private")) {
		fallback[0] = default_network(a);
		flags = fallback;
	}
	if ((r = parse_publish(a, q, w, e)) < 0 || (r = parse_mode(a, flags[0], w, e)) < 0)
		return r;
	if (r > 0) {
		if (flags[1])
			return dv_fail(e, DV_INVALID, "--network %.64s goes with no other network", flags[0]);
		if (q->ip || q->ip6 || q->mac_address)
			return dv_fail(e, DV_INVALID, "--network %.64s: no address can be chosen", flags[0]);
		return 0;
	}
	w->mode = NETWORK_BRIDGED;
	if ((r = parse_several(a, flags, w, e)) < 0 || (r = flags_of_one(a, q, w, e)) < 0)
		return r;
	w->text = w->v[0].name;
	return 0;
}

int network_wish(struct arena *a, const struct run_request *q, struct network_wish **ret, struct dv_err *e)
{
	struct network_wish *w = arena_new(a, struct network_wish);
	int r;

	w->v = arena_array(a, struct network_want, NETWORKS_MAX);
	w->q = q;
	w->netns = -1;
	if ((r = parse_all(a, q, w, e)) < 0 || (r = etc_check_hosts(w, e)) < 0 || (r = etc_check_dns(q, e)) < 0)
		return r;
	*ret = w;
	return 0;
}

enum network_mode network_mode(const struct network_wish *w)
{
	return w->mode;
}

int network_netns(const struct network_wish *w)
{
	return w->netns;
}

const char *network_mode_text(const struct network_wish *w)
{
	return w->text;
}

/* --- ports as docker shows them --- */

static const char *port_key(struct arena *a, const struct json *p)
{
	uint64_t port = 0;

	(void)json_u64(json_get(p, "port"), &port);
	return arena_printf(a, "%u/%s", (unsigned)port, json_str(json_get(p, "proto")));
}

void network_wish_image(struct arena *a, struct network_wish *w, const struct json *image_config)
{
	for (JSON_EACH(it, json_get(image_config, "ExposedPorts")))
		if (json_len(w->exposed) < PORTS_MAX)
			dv_ignore(expose_parse(a, json_iter_key(it), w->exposed, NULL));
}

struct json *network_exposed(struct arena *a, const struct network_wish *w)
{
	struct json *out = json_new_object(a);

	for (JSON_EACH(it, w->exposed))
		json_set(a, out, port_key(a, it.value), json_new_object(a));
	for (JSON_EACH(it, w->ports))
		json_set(a, out, port_key(a, it.value), json_new_object(a));
	return json_len(out) ? out : NULL;
}

struct json *network_bindings(struct arena *a, const struct network_wish *w)
{
	struct json *out = json_new_object(a);

	for (JSON_EACH(it, w->ports)) {
		const char *key = port_key(a, it.value), *ip = json_str(json_get(it.value, "ip"));
		struct json *list = json_get_mut(out, key);
		uint64_t host = 0;

		if (!list)
			json_set(a, out, key, list = json_new_array(a));
		(void)json_u64(json_get(it.value, "host"), &host);
		json_append(a, list, json_obj(a, "HostIp", json_new_str(a, ip), "HostPort",
					      json_new_str(a, host ? arena_printf(a, "%u", (unsigned)host) : ""), NULL));
	}
	return out;
}
