/* network.c - network create, ls, inspect, rm, prune, connect, disconnect, reload; explain is in network_explain.c. */
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "engine/events.h"
#include "engine/life.h"
#include "engine/network.h"
#include "ui/template.h"

/* --- create --- */

struct create_args {
	const char *driver, *interface, *ipam, *scope;
	struct opt_strs subnets, gateways, ranges, labels, options, dns, routes;
	bool internal, ipv6, no_dns, ignore, attachable;
};
#define A(member) offsetof(struct create_args, member)
static const struct opt create_opts[] = {
	{ .name = "driver", .letter = 'd', .kind = OPT_STR, .arg = "DRIVER", .offset = A(driver),
	  .help = "bridge (the default) or macvlan" },
	{ .name = "subnet", .kind = OPT_STRS, .arg = "CIDR", .offset = A(subnets), .help = "Its addresses, one of each family" },
	{ .name = "gateway", .kind = OPT_STRS, .arg = "IP", .offset = A(gateways), .help = "The host's address in it" },
	{ .name = "ip-range", .kind = OPT_STRS, .arg = "CIDR", .offset = A(ranges),
	  .help = "The part of the subnet that containers get addresses of" },
	{ .name = "ipv6", .kind = OPT_BOOL, .offset = A(ipv6), .help = "With an IPv6 subnet, chosen when none is given" },
	{ .name = "internal", .kind = OPT_BOOL, .offset = A(internal), .help = "No way out of it, and none in" },
	{ .name = "label", .letter = 'l', .kind = OPT_STRS, .arg = "K[=V]", .offset = A(labels), .help = "Set a label" },
	{ .name = "opt", .letter = 'o', .kind = OPT_STRS, .arg = "K=V", .offset = A(options),
	  .help = "mtu=N, isolate=false, parent=INTERFACE (macvlan), and docker's com.docker.network.* names" },
	{ .name = "disable-dns", .kind = OPT_BOOL, .offset = A(no_dns), .help = "Containers are not found by their names" },
	{ .name = "interface-name", .kind = OPT_STR, .arg = "NAME", .offset = A(interface), .help = "Name of the bridge" },
	{ .name = "ignore", .kind = OPT_BOOL, .offset = A(ignore), .help = "One of that name is no error" },
	{ .name = "attachable", .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = A(attachable), .help = "It is anyway" },
	{ .name = "ipam-driver", .kind = OPT_STR, .flags = OPT_HIDDEN, .arg = "DRIVER", .offset = A(ipam), .help = "default" },
	{ .name = "scope", .kind = OPT_STR, .flags = OPT_HIDDEN, .arg = "SCOPE", .offset = A(scope), .help = "local" },
	{ 0 }
};

static int create_run(struct verb_call *c, struct dv_err *e)
{
	const struct create_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct network_request q = { .name = c->n_operands ? c->operands[0] : NULL, .driver = x->driver, .subnets = x->subnets.v,
				     .gateways = x->gateways.v, .ranges = x->ranges.v, .labels = x->labels.v,
				     .options = x->options.v, .interface = x->interface, .internal = x->internal,
				     .ipv6 = x->ipv6, .no_dns = x->no_dns, .ignore = x->ignore };
	const char *name;
	int r;

	if (x->ipam && !streq(x->ipam, "default") && !streq(x->ipam, "host-local"))
		return dv_fail(e, DV_UNSUPPORTED, "--ipam-driver %.64s: only the default one is there", x->ipam);
	if (x->scope && !streq(x->scope, "local"))
		return dv_fail(e, DV_UNSUPPORTED, "--scope %.64s: only local is there", x->scope);
	if ((r = cli_engine(c, &g, e)) < 0 || (r = network_create(g, c->arena, &q, &name, e)) < 0)
		return r;
	printf("%s\n", name);
	return 0;
}

static const char *const create_examples[] = {
	"davit network create web", "davit network create --subnet 10.9.0.0/24 --gateway 10.9.0.254 web",
	"davit network create --internal db", "davit network create -d macvlan -o parent=eth0 --subnet 192.168.1.0/24 lan", NULL
};
static const struct verb verb_create = {
	.name = "create", .operands = "[NAME]", .operands_max = 1, .summary = "Make a network", .examples = create_examples,
	.opts = create_opts, .args_size = sizeof(struct create_args), .run = create_run,
};

/* --- ls --- */

struct ls_args {
	bool quiet, no_trunc, noheading;
	const char *format;
	struct opt_strs filters;
};
#define L(member) offsetof(struct ls_args, member)
static const struct opt ls_opts[] = {
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = L(quiet), .help = "Only ids" },
	{ .name = "no-trunc", .kind = OPT_BOOL, .offset = L(no_trunc), .help = "Cut nothing" },
	{ .name = "noheading", .letter = 'n', .kind = OPT_BOOL, .offset = L(noheading), .help = "Without the heading" },
	{ .name = "format", .kind = OPT_STR, .arg = "TEMPLATE", .offset = L(format),
	  .help = "table, json, or a template such as '{{.ID}} {{.Name}}'" },
	{ .name = "filter", .letter = 'f', .kind = OPT_STRS, .arg = "K=V", .offset = L(filters),
	  .help = "name, id, driver, label, type (custom, builtin), dangling" },
	{ 0 }
};

static const char *str_of(const struct json *j, const char *key)
{
	const char *s = json_str(json_get(j, key));

	return s ? s : "";
}

static bool is_builtin(const struct json *n)
{
	static const char *const names[] = { NETWORK_DEFAULT, "host", "none" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (streq(str_of(n, "Name"), names[i]))
			return true;
	return false;
}

enum { F_NAME, F_ID, F_DRIVER, F_LABEL, F_TYPE, F_DANGLING, F_SCOPE, F_COUNT };
static const char *const filter_names[F_COUNT] = { "name", "id", "driver", "label", "type", "dangling", "scope" };

static bool matches(const struct json *n, int key, const char *v)
{
	switch (key) {
	case F_NAME:
		return strstr(str_of(n, "Name"), v) != NULL;
	case F_ID:
		return str_starts(str_of(n, "Id"), v);
	case F_DRIVER:
		return streq(str_of(n, "Driver"), v);
	case F_LABEL:
		return cli_has_label(json_get(n, "Labels"), v);
	case F_TYPE:
		return is_builtin(n) == streq(v, "builtin");
	case F_SCOPE:
		return streq(v, "local");
	}
	return (json_len(json_get(n, "Containers")) == 0 && !is_builtin(n)) == (streq(v, "true") || streq(v, "1"));
}

static int filter_key(const char *text, const char **ret_v, struct dv_err *e)
{
	const char *eq = strchr(text, '=');

	for (int i = 0; eq && i < F_COUNT; i++)
		if (strlen(filter_names[i]) == (size_t)(eq - text) && str_starts(text, filter_names[i])) {
			*ret_v = eq + 1;
			return i;
		}
	return dv_fail(e, DV_INVALID, "invalid filter '%.100s'", text);
}

/* Different keys must all match, of one key any (of labels all). */
static int passes(const struct opt_strs *f, const struct json *n, bool *ret, struct dv_err *e)
{
	bool seen[F_COUNT] = { false }, hit[F_COUNT] = { false };

	*ret = true;
	for (size_t i = 0; i < f->n; i++) {
		const char *v = NULL;
		int key = filter_key(f->v[i], &v, e);

		if (key < 0)
			return key;
		if (key == F_LABEL && !matches(n, key, v))
			*ret = false;
		seen[key] = true;
		hit[key] |= matches(n, key, v);
	}
	for (int i = 0; i < F_COUNT; i++)
		if (seen[i] && !hit[i])
			*ret = false;
	return 0;
}

static const char *labels_text(struct arena *a, const struct json *n)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);

	for (JSON_EACH(it, json_get(n, "Labels")))
		buf_printf(&b, "%s%s=%s", b.len ? "," : "", json_iter_key(it), json_str(it.value));
	return arena_str(a, buf_cstr(&b));
}

static const char *truth(const struct json *n, const char *key)
{
	return json_bool(json_get(n, key)) ? "true" : "false";
}

static struct json *row(struct arena *a, const struct json *n, bool whole)
{
	const char *id = str_of(n, "Id");

	return json_obj(a, "ID", json_new_strn(a, id, whole ? strlen(id) : CLI_SHORT_ID), "Name",
			json_new_str(a, str_of(n, "Name")), "Driver", json_new_str(a, str_of(n, "Driver")), "Scope",
			json_new_str(a, "local"), "IPv6", json_new_str(a, truth(n, "EnableIPv6")), "Internal",
			json_new_str(a, truth(n, "Internal")), "Labels", json_new_str(a, labels_text(a, n)), "CreatedAt",
			json_new_str(a, str_of(n, "Created")), NULL);
}

static struct json *headers(struct arena *a)
{
	static const char *const names[][2] = {
		{ "ID", "NETWORK ID" }, { "Name", "NAME" },	{ "Driver", "DRIVER" }, { "Scope", "SCOPE" },
		{ "IPv6", "IPV6" },     { "Internal", "INTERNAL" }, { "Labels", "LABELS" }, { "CreatedAt", "CREATED AT" },
	};
	struct json *h = json_new_object(a);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		json_set(a, h, names[i][0], json_new_str(a, names[i][1]));
	return h;
}

static int ls_run(struct verb_call *c, struct dv_err *e)
{
	const struct ls_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct json *rows = json_new_array(c->arena), *all;
	const char *format = x->format ? x->format : x->quiet ? "{{.ID}}" : "table";
	int r;

	if ((r = cli_engine(c, &g, e)) < 0 || (r = network_list(g, c->arena, &all, e)) < 0)
		return r;
	for (JSON_EACH(it, all)) {
		bool wanted;

		if ((r = passes(&x->filters, it.value, &wanted, e)) < 0)
			return r;
		if (wanted)
			json_append(c->arena, rows, row(c->arena, it.value, x->no_trunc));
	}
	if (streq(format, "table"))
		format = x->noheading ? "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}" :
					"table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}";
	return format_rows(c->arena, format, headers(c->arena), rows, stdout, x->no_trunc, e);
}

static const char *const ls_aliases[] = { "list", NULL };
static const struct verb verb_ls = {
	.name = "ls", .aliases = ls_aliases, .summary = "List networks", .opts = ls_opts, .args_size = sizeof(struct ls_args),
	.run = ls_run,
};

/* --- inspect --- */

struct inspect_args {
	const char *format;
	bool verbose;
};
static const struct opt inspect_opts[] = {
	{ .name = "format", .letter = 'f', .kind = OPT_STR, .arg = "TEMPLATE", .offset = offsetof(struct inspect_args, format),
	  .help = "json, or a template such as '{{.Driver}}'" },
	{ .name = "verbose", .letter = 'v', .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = offsetof(struct inspect_args, verbose),
	  .help = "Everything is shown anyway" },
	{ 0 }
};

static int inspect_run(struct verb_call *c, struct dv_err *e)
{
	const struct inspect_args *x = c->args;

	return cli_inspect_all(c, x->format, network_inspect, e);
}

static const struct verb verb_net_inspect = {
	.name = "inspect", .operands = "NETWORK...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Show everything about networks", .opts = inspect_opts, .args_size = sizeof(struct inspect_args),
	.run = inspect_run,
};

/* --- rm, prune --- */

struct rm_args {
	bool force;
};
static const struct opt rm_opts[] = {
	{ .name = "force", .letter = 'f', .kind = OPT_BOOL, .offset = offsetof(struct rm_args, force),
	  .help = "Containers that are in it leave it; one that does not exist is no error" },
	{ 0 }
};

static int rm_run(struct verb_call *c, struct dv_err *e)
{
	const struct rm_args *x = c->args;
	auto_engine struct engine *g = NULL;
	int status = 0, r = cli_engine(c, &g, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < c->n_operands; i++) {
		r = network_remove(g, c->arena, c->operands[i], x->force, e);
		if (r >= 0) {
			printf("%s\n", c->operands[i]);
		} else if (r != -DV_NOT_FOUND || !x->force) {
			cli_complain(c, e);
			status = 1;
		}
	}
	return status;
}

static const char *const rm_aliases[] = { "remove", NULL };
static const struct verb verb_net_rm = {
	.name = "rm", .aliases = rm_aliases, .operands = "NETWORK...", .operands_min = 1, .operands_max = UINT32_MAX,
	.summary = "Remove networks", .opts = rm_opts, .args_size = sizeof(struct rm_args), .run = rm_run,
};

struct prune_args {
	bool force;
	struct opt_strs filters;
};
static const struct opt prune_opts[] = {
	{ .name = "force", .letter = 'f', .kind = OPT_BOOL, .offset = offsetof(struct prune_args, force), .help = "Do not ask" },
	{ .name = "filter", .kind = OPT_STRS, .arg = "KEY=VALUE", .offset = offsetof(struct prune_args, filters),
	  .help = "Only those: label=K[=V], label!=K[=V], until=TIME" },
	{ 0 }
};

int cli_network_prune(struct verb_call *c, struct engine *g, const struct opt_strs *filters, struct dv_err *e)
{
	const char **labels = arena_array(c->arena, const char *, filters->n + 1), **not_labels, **names = NULL, *value;
	struct network_choice w = { .labels = labels };
	size_t n = 0, n_not = 0;
	int r = 0;

	w.not_labels = not_labels = arena_array(c->arena, const char *, filters->n + 1);
	for (size_t i = 0; r >= 0 && i < filters->n; i++) {
		if ((value = str_after(filters->v[i], "label=")))
			labels[n++] = value;
		else if ((value = str_after(filters->v[i], "label!=")))
			not_labels[n_not++] = value;
		else if ((value = str_after(filters->v[i], "until=")))
			r = cli_time_parse(value, &w.until_ns, e);
		else
			return dv_fail(e, DV_INVALID, "invalid filter '%.100s'", filters->v[i]);
	}
	if (r < 0 || (r = network_prune(g, c->arena, &w, &names, e)) < 0)
		return r;
	if (names[0])
		printf("Deleted Networks:\n");
	for (size_t i = 0; names[i]; i++)
		printf("%s\n%s", names[i], names[i + 1] ? "" : "\n");
	event_prune(g, "network", 0);
	return 0;
}

static int prune_run(struct verb_call *c, struct dv_err *e)
{
	const struct prune_args *x = c->args;
	auto_engine struct engine *g = NULL;
	int r;

	if (!x->force && !cli_confirm("This will remove all custom networks not used by at least one container."))
		return 0;
	if ((r = cli_engine(c, &g, e)) < 0 || (r = cli_network_prune(c, g, &x->filters, e)) < 0)
		return r;
	return network_idle(g, c->arena, e);
}

static const struct verb verb_net_prune = {
	.name = "prune", .summary = "Remove networks without containers", .opts = prune_opts,
	.args_size = sizeof(struct prune_args), .run = prune_run,
};

/* --- connect, disconnect --- */

struct connect_args {
	const char *ip, *ip6, *mac;
	struct opt_strs aliases, links;
};
#define C(member) offsetof(struct connect_args, member)
static const struct opt connect_opts[] = {
	{ .name = "ip", .kind = OPT_STR, .arg = "IP", .offset = C(ip), .help = "This IPv4 address" },
	{ .name = "ip6", .kind = OPT_STR, .arg = "IP", .offset = C(ip6), .help = "This IPv6 address" },
	{ .name = "mac-address", .kind = OPT_STR, .arg = "MAC", .offset = C(mac), .help = "This MAC address" },
	{ .name = "alias", .kind = OPT_STRS, .arg = "NAME", .offset = C(aliases), .help = "One more name in this network" },
	{ 0 }
};

static int connect_run(struct verb_call *c, struct dv_err *e)
{
	const struct connect_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct network_connect q = { .network = c->operands[0], .container = c->operands[1], .ip = x->ip, .ip6 = x->ip6,
				     .mac = x->mac, .aliases = x->aliases.v };
	int r = cli_engine(c, &g, e);

	return r < 0 ? r : network_connect(g, c->arena, &q, e);
}

static const struct verb verb_connect = {
	.name = "connect", .operands = "NETWORK CONTAINER", .operands_min = 2, .operands_max = 2,
	.summary = "Put a container into one more network, also while it runs", .opts = connect_opts,
	.args_size = sizeof(struct connect_args), .run = connect_run,
};

static int disconnect_run(struct verb_call *c, struct dv_err *e)
{
	const struct rm_args *x = c->args;
	auto_engine struct engine *g = NULL;
	int r = cli_engine(c, &g, e);

	return r < 0 ? r : network_disconnect(g, c->arena, c->operands[0], c->operands[1], x->force, e);
}

static const struct opt disconnect_opts[] = {
	{ .name = "force", .letter = 'f', .kind = OPT_BOOL, .offset = offsetof(struct rm_args, force),
	  .help = "Nothing refuses anyway" },
	{ 0 }
};
static const struct verb verb_disconnect = {
	.name = "disconnect", .operands = "NETWORK CONTAINER", .operands_min = 2, .operands_max = 2,
	.summary = "Take a container out of a network", .opts = disconnect_opts, .args_size = sizeof(struct rm_args),
	.run = disconnect_run,
};

/* --- reload --- */

struct reload_args {
	bool all, latest, missing;
};
static const struct opt reload_opts[] = {
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = offsetof(struct reload_args, all),
	  .help = "All containers: they are anyway" },
	{ .name = "missing", .kind = OPT_BOOL, .offset = offsetof(struct reload_args, missing),
	  .help = "Only when they are not there" },
	{ .name = "latest", .letter = 'l', .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = offsetof(struct reload_args, latest),
	  .help = "All are reloaded anyway" },
	{ 0 }
};

static int reload_run(struct verb_call *c, struct dv_err *e)
{
	const struct reload_args *args = c->args;
	auto_engine struct engine *g = NULL;
	int r = cli_engine(c, &g, e);

	if (r < 0)
		return r;
	return args->missing ? network_repair(g, c->arena, e) : network_reload(g, c->arena, e);
}

static const struct verb verb_reload = {
	.name = "reload", .operands = "[CONTAINER...]", .operands_max = UINT32_MAX,
	.summary = "Make the firewall rules of all containers anew",
	.description = "After another program has removed them. The next command that needs them does the same.",
	.opts = reload_opts, .args_size = sizeof(struct reload_args), .run = reload_run,
};

/* --- exists --- */

static int exists_run(struct verb_call *c, struct dv_err *e)
{
	auto_engine struct engine *g = NULL;
	struct json *j;
	int r = cli_engine(c, &g, e);

	if (r < 0)
		return r;
	r = network_inspect(g, c->arena, c->operands[0], &j, e);
	return r == -DV_NOT_FOUND ? 1 : r < 0 ? r : 0;
}

static const struct verb verb_exists = {
	.name = "exists", .operands = "NETWORK", .operands_min = 1, .operands_max = 1,
	.summary = "Exit status 0 when there is one of that name, 1 when not", .run = exists_run,
};

static const struct verb *const network_subs[] = {
	&verb_create,
	&verb_ls,
	&verb_net_inspect,
	&verb_net_rm,
	&verb_net_prune,
	&verb_connect,
	&verb_disconnect,
	&verb_reload,
	&verb_exists,
	&verb_network_explain,
	NULL
};
const struct verb verb_network = { .name = "network", .summary = "Commands for networks", .subs = network_subs };
