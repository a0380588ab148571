/* port.c - port: where a container's ports are on the host. */
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "engine/life.h"
#include "engine/network.h"

struct port_args {
	bool all, latest;
};
static const struct opt port_opts[] = {
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = offsetof(struct port_args, all),
	  .help = "Of all containers that run" },
	CLI_LATEST(offsetof(struct port_args, latest)),
	{ 0 }
};

/* "80" and "80/udp": *ret_proto is tcp without one. */
static int parse(const char *text, unsigned *ret_port, const char **ret_proto, struct dv_err *e)
{
	size_t len = strcspn(text, "/");
	struct scan s = scan_of(text, len);
	uint64_t port;

	*ret_proto = text[len] ? text + len + 1 : "tcp";
	if (!scan_u64(&s, &port) || s.p != s.end || port > 65535 || (!streq(*ret_proto, "tcp") && !streq(*ret_proto, "udp")))
		return dv_fail(e, DV_INVALID, "invalid port: %.64s", text);
	*ret_port = (unsigned)port;
	return 0;
}

static void print_host(const struct network_port *p)
{
	printf(strchr(p->host_ip, ':') ? "[%s]:%u\n" : "%s:%u\n", p->host_ip, p->host_port);
}

static int show(struct engine *g, struct arena *a, const struct ctr *c, const char *want, const char *prefix, struct dv_err *e)
{
	struct network_port_list l;
	const char *proto = NULL;
	unsigned port = 0;
	bool any = false;
	int r;

	if ((want && (r = parse(want, &port, &proto, e)) < 0) || (r = network_ports(g, a, c->id, &l, e)) < 0)
		return r;
	for (size_t i = 0; i < l.n; i++) {
		if (!l.v[i].host_port || (want && (l.v[i].port != port || !streq(l.v[i].proto, proto))))
			continue;
		any = true;
		if (!want)
			printf("%s%u/%s -> ", prefix, l.v[i].port, l.v[i].proto);
		print_host(&l.v[i]);
	}
	if (want && !any)
		return dv_fail(e, DV_NOT_FOUND, "No public port '%u/%s' published for %.128s", port, proto, c->name);
	return 0;
}

static int show_all(struct engine *g, struct arena *a, struct dv_err *e)
{
	struct ctr_list list;
	int r = ctr_list(g, a, &list, e);

	for (size_t i = 0; r >= 0 && i < list.n; i++) {
		r = life_settle(g, a, list.v[i], e);
		if (r == 0)
			r = show(g, a, list.v[i], NULL, arena_printf(a, "%.12s ", list.v[i]->id), e);
	}
	return r < 0 ? r : 0;
}

static int port_run(struct verb_call *c, struct dv_err *e)
{
	const struct port_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct ctr *ctr = NULL;
	int r = cli_engine(c, &g, e);

	if (r < 0)
		return r;
	if (x->all)
		return show_all(g, c->arena, e);
	if (!c->n_operands)
		return dv_fail(e, DV_INVALID, "a container is missing");
	if ((r = ctr_find(g, c->arena, c->operands[0], &ctr, e)) < 0 || (r = life_settle(g, c->arena, ctr, e)) < 0)
		return r;
	if (r > 0)
		return dv_fail(e, DV_NOT_FOUND, "No such container: %.128s", c->operands[0]);
	return show(g, c->arena, ctr, c->n_operands > 1 ? c->operands[1] : NULL, "", e);
}

static const char *const examples[] = { "davit port web", "davit port web 80/tcp", NULL };
const struct verb verb_port = {
	.name = "port", .operands = "CONTAINER [PORT[/PROTO]]", .operands_max = 2,
	.summary = "Show where a container's ports are on the host", .examples = examples, .opts = port_opts,
	.args_size = sizeof(struct port_args), .run = port_run,
};
