/* network_explain.c - network explain: the way of a packet to a port of this host, for people. */
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "engine/network.h"

struct explain_args {
	const char *output;
};
static const struct opt explain_opts[] = {
	{ .name = "output", .letter = 'o', .kind = OPT_STR, .arg = "FORMAT", .offset = offsetof(struct explain_args, output),
	  .help = "text or json" },
	{ 0 }
};

/* "8080", "8080/udp". */
static int parse_port(struct arena *a, const char *text, unsigned *ret_port, const char **ret_proto, struct dv_err *e)
{
	const char *slash = strchr(text, '/');
	uint64_t port = 0;
	int r = str_u64(slash ? arena_strn(a, text, (size_t)(slash - text)) : text, 65535, "port", &port, e);

	if (r < 0)
		return r;
	*ret_proto = slash ? slash + 1 : "tcp";
	*ret_port = (unsigned)port;
	if (!port || (!streq(*ret_proto, "tcp") && !streq(*ret_proto, "udp")))
		return dv_fail(e, DV_INVALID, "\"%.64s\" is no PORT[/tcp|/udp]", text);
	return 0;
}

static const char *str_of(const struct json *j, const char *key)
{
	const char *s = json_str(json_get(j, key));

	return s ? s : "";
}

/* false: a step is not as it should be. */
static bool show_path(const struct json *path)
{
	bool ok = true;
	unsigned n = 0;

	printf("\n  From %s:\n", str_of(path, "From"));
	for (JSON_EACH(it, json_get(path, "Steps"))) {
		const struct json *is = json_get(it.value, "Ok");
		bool fine = json_type(is) == JSON_BOOL && json_bool(is), unknown = json_type(is) == JSON_NULL;

		printf("  %2u. %-6s %s\n            %s\n", ++n, fine ? "ok" : unknown ? "maybe" : "NOT SO", str_of(it.value, "Where"),
		       str_of(it.value, "What"));
		ok &= fine || unknown;
	}
	return ok;
}

static bool show_published(const struct json *p, const char *proto)
{
	const char *ip = str_of(p, "HostIp");
	bool ok = true;

	printf("%s port %s of %s is published by container %s (%.12s), as its port %s, in network %s.\n", proto,
	       json_num_text(json_get(p, "HostPort")), *ip ? ip : "all addresses", str_of(p, "Container"), str_of(p, "Id"),
	       json_num_text(json_get(p, "Port")), str_of(p, "Network"));
	for (JSON_EACH(it, json_get(p, "Paths")))
		ok &= show_path(it.value);
	return ok;
}

static bool show(const struct json *j)
{
	const char *port = json_num_text(json_get(j, "Port")), *proto = str_of(j, "Protocol");
	bool ok = true, first = true;

	if (!json_len(json_get(j, "Published"))) {
		printf("No container publishes %s port %s.\n%s\n", proto, port,
		       json_bool(json_get(j, "HostListens")) ? "A program of this host has it: packets go there." :
		       "No program of this host has it either: who connects is refused.");
		return false;
	}
	for (JSON_EACH(it, json_get(j, "Published"))) {
		if (!first)
			printf("\n");
		first = false;
		ok &= show_published(it.value, proto);
	}
	printf("\n%s\n", ok ? "Everything is as it should be. A firewall in front of this host is not seen from here." :
	       "Steps that say NOT SO are in the way. `davit network reload` makes the rules anew.");
	return ok;
}

static int explain_run(struct verb_call *c, struct dv_err *e)
{
	const struct explain_args *x = c->args;
	auto_engine struct engine *g = NULL;
	const char *proto = "";
	struct json *j = NULL;
	unsigned port = 0;
	int r;

	if (x->output && !streq(x->output, "json") && !streq(x->output, "text"))
		return dv_fail(e, DV_INVALID, "--output: \"%.64s\" is neither text nor json", x->output);
	if ((r = parse_port(c->arena, c->operands[0], &port, &proto, e)) < 0 || (r = cli_engine(c, &g, e)) < 0 ||
	    (r = network_explain(g, c->arena, proto, port, &j, e)) < 0)
		return r;
	if (x->output && streq(x->output, "json"))
		return cli_show(c, "json", j, e);
	return show(j) ? 0 : 1;
}

static const char *const explain_examples[] = { "davit network explain 8080", "davit network explain 53/udp -o json", NULL };
const struct verb verb_network_explain = {
	.name = "explain", .operands = "PORT[/PROTOCOL]", .operands_min = 1, .operands_max = 1,
	.summary = "Show the way of a packet to a port of this host, rule by rule",
	.description = "What happens to it at each place that it passes, and whether that is so now. Exit status 1: no container "
		       "publishes the port, or something is in the way.",
	.examples = explain_examples, .opts = explain_opts, .args_size = sizeof(struct explain_args), .run = explain_run,
};
