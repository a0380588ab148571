/* pod_create.c - pod create, and the pods that run --pod new:NAME makes. */
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/ctr_opts.h"
#include "cli/pod.h"
#include "engine/life.h"

#define ID_FILE_MAX 4096

/* The part that it shares with run comes first: CTR_ROW. */
struct create_args {
	struct ctr_args q;
	const char *share, *exit_policy, *infra, *share_parent, *id_file, *uts, *pid;
	struct opt_strs infra_words;
};
#define P(member) offsetof(struct create_args, member)
#define IGNORED(name_, help_) \
	{ .name = name_, .kind = OPT_STRS, .flags = OPT_HIDDEN, .arg = "VALUE", .offset = P(infra_words), .help = help_ },

static const char *const exit_policies[] = { "continue", "stop", NULL };

static const struct opt create_opts[] = {
	CTR_ROW(STR, "name", 'n', name, "NAME", "Name of the pod: its host name, and what other containers find it by")
	{ .name = "share", .kind = OPT_STR, .arg = "LIST", .offset = P(share),
	  .help = "What its containers have in common: net,ipc,uts (the default), pid; +pid for the default and that; none" },
	CTR_ROW(STRS, "label", 'l', labels, "K[=V]", "Set a label")
	CTR_ROW(STRS, "label-file", 0, label_files, "FILE", "Read labels from a file, one a line")
	CTR_ROW(STR, "hostname", 'h', hostname, "NAME", "Host name of its containers (default: its name)")
	CTR_BOOL("replace", 0, replace, "Remove the pod that has the name, with its containers")
	{ .name = "pod-id-file", .kind = OPT_STR, .arg = "FILE", .offset = P(id_file), .help = "Write the pod's id to a file" },
	{ .name = "exit-policy", .kind = OPT_STR, .arg = "POLICY", .offset = P(exit_policy), .values = exit_policies,
	  .help = "When its last container has ended: continue (the default) or stop, which gives back ports and addresses" },
	CTR_LIFE(STR, "restart", 0, restart, "POLICY", "Restart policy of its containers that have none of their own")
	{ .name = "infra", .kind = OPT_STR, .flags = OPT_OPTIONAL, .arg = "BOOL", .offset = P(infra), .values = ctr_bools,
	  .help = "false: nothing is shared. There is no infra container either way" },
	{ .name = "share-parent", .kind = OPT_STR, .flags = OPT_OPTIONAL, .arg = "BOOL", .offset = P(share_parent), .values = ctr_bools,
	  .help = "Its containers' cgroups are below its own (default true)" },
	CTR_ROW(STRS, "network", 0, networks, "NETWORK", "NAME[:ip=IP,mac=MAC,alias=NAME,...], bridge (the default), host, none")
	CTR_ALSO(STRS, "net", networks)
	CTR_ROW(STRS, "publish", 'p', publish, "[IP:][HOST:]PORT[/PROTO]", "Make a port of the pod one of the host's")
	CTR_ROW(STR, "ip", 0, ip, "IP", "This IPv4 address")
	CTR_ROW(STR, "ip6", 0, ip6, "IP", "This IPv6 address")
	CTR_ROW(STR, "mac-address", 0, mac_address, "MAC", "This MAC address")
	CTR_ROW(STRS, "network-alias", 0, network_aliases, "NAME", "One more name in its networks")
	CTR_ROW(STRS, "add-host", 0, add_hosts, "NAME:IP", "A line in /etc/hosts; host-gateway is the host's address")
	CTR_ROW(STRS, "dns", 0, dns, "IP", "A name server, instead of the host's")
	CTR_ROW(STRS, "dns-search", 0, dns_search, "DOMAIN", "A domain that names are looked up in; . for none")
	CTR_ROW(STRS, "dns-option", 0, dns_options, "OPTION", "An option of resolv.conf")
	CTR_ALSO(STRS, "dns-opt", dns_options)
	CTR_ROW(STR, "cgroup-parent", 0, cgroup_parent, "PATH", "Cgroup that its cgroup is made in")
	CTR_ROW(STR, "cpus", 0, cpus, "N", "Limit of processor time of all its containers: 0.5 is half of one")
	CTR_ROW(I64, "cpu-shares", 'c', cpu_shares, "N", "Its weight when processors are short (default 1024)")
	CTR_ROW(STR, "cpuset-cpus", 0, cpuset_cpus, "LIST", "Processors it may run on: 0-3,7")
	CTR_ROW(STR, "cpuset-mems", 0, cpuset_mems, "LIST", "Memory nodes it may use")
	CTR_ROW(BYTES, "memory", 'm', memory, "BYTES", "Limit of memory of all its containers together")
	CTR_BYTES_OR_NONE("memory-swap", memory_swap, "Limit of memory and swap together, -1 for none (default: twice the memory)")
	CTR_ROW(BYTES, "shm-size", 0, shm_size, "BYTES", "Size of its /dev/shm (default 64m)")
	CTR_ROW(STRS, "volume", 'v', volumes, "[SRC:]DST[:OPTIONS]", "Mount it in each of its containers")
	CTR_ROW(STRS, "volumes-from", 0, volumes_from, "CONTAINER[:ro]", "Mount what another container has mounted in each")
	CTR_ROW(STRS, "device", 0, devices, "PATH[:TO][:rwm]", "Give each of them a device of the host")
	CTR_ROW(STRS, "security-opt", 0, security_opts, "OPT", "As of run, for each of them")
	CTR_ROW(STRS, "sysctl", 0, sysctls, "K=V", "Set a sysctl of its namespaces")
	IGNORED("infra-image", "There is no infra container")
	IGNORED("infra-command", "There is no infra container")
	IGNORED("infra-name", "There is no infra container")
	IGNORED("infra-conmon-pidfile", "There is no infra container")
	{ .name = "pid", .kind = OPT_STR, .flags = OPT_HIDDEN, .arg = "MODE", .offset = P(pid), .help = "private: as it is anyway" },
	{ .name = "uts", .kind = OPT_STR, .flags = OPT_HIDDEN, .arg = "MODE", .offset = P(uts), .help = "private: as it is anyway" },
	CTR_ROW(STR, "userns", 0, userns_mode, "MODE", "host")
	{ 0 }
};

static int only_private(const char *flag, const char *mode, struct dv_err *e)
{
	if (!mode || !*mode || streq(mode, "private"))
		return 0;
	return dv_fail(e, DV_UNSUPPORTED, "--%s %.60s: a pod's own namespace is all there is; its containers take --%s", flag, mode, flag);
}

static int check(const struct verb_call *c, const struct create_args *x, struct dv_err *e)
{
	int r;

	if (c->n_operands && x->q.name)
		return dv_fail(e, DV_INVALID, "cannot set name of pod using flag and argument: use one of them");
	if (x->q.userns_mode && *x->q.userns_mode && !streq(x->q.userns_mode, "host"))
		return dv_fail(e, DV_UNSUPPORTED, "--userns %.100s is not supported, only host is", x->q.userns_mode);
	r = only_private("pid", x->pid, e);
	return r < 0 ? r : only_private("uts", x->uts, e);
}

/* The words after the program's own options, as podman shows them. */
static const char *const *command_line(struct arena *a)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);
	const char **words = arena_array(a, const char *, 4096);
	size_t n = 0;

	if (file_read(AT_FDCWD, "/proc/self/cmdline", &b, NULL) >= 0)
		for (const char *p = buf_cstr(&b), *end = p + b.len; p < end && n < 4095; p += strlen(p) + 1)
			words[n++] = arena_str(a, p);
	return words;
}

static int make(struct verb_call *c, struct engine *g, struct pod_request *q, struct pod **ret, struct dv_err *e)
{
	int r = 0;

	if (q->q.replace && q->q.name)
		r = engine_pod_remove(g, c->arena, q->q.name, true, 10, e);
	if (r < 0 && r != -DV_NOT_FOUND)
		return r;
	q->command = command_line(c->arena);
	return engine_pod_create(g, c->arena, q, ret, e);
}

static int create(struct verb_call *c, struct dv_err *e)
{
	const struct create_args *x = c->args;
	struct pod_request q = { .q = ctr_request_of(&x->q), .share = x->share, .exit_policy = x->exit_policy,
				 .no_infra = !ctr_bool(x->infra), .no_parent = !ctr_bool(x->share_parent) };
	auto_engine struct engine *g = NULL;
	struct pod *p = NULL;
	int r;

	if (c->n_operands)
		q.q.name = c->operands[0];
	if ((r = check(c, x, e)) < 0 || (r = cli_engine(c, &g, e)) < 0 || (r = make(c, g, &q, &p, e)) < 0 ||
	    (r = ctr_write_file(x->id_file, p->id, e)) < 0)
		return r;
	printf("%s\n", p->id);
	return 0;
}

static int create_run(struct verb_call *c, struct dv_err *e)
{
	int r = create(c, e);

	return r < 0 ? pod_failed(c, e) : r;
}

static const char *const examples[] = { "davit pod create --name web -p 8080:80", "davit run -d --pod web httpd",
					"davit pod create --share net,pid -m 512m jobs", NULL };
const struct verb verb_pod_create = {
	.name = "create", .operands = "[NAME]", .operands_max = 1, .summary = "Make a pod", .opts = create_opts,
	.description = "A pod is what several containers have in common: a network with its addresses and published ports, "
		       "shared memory, a host name, limits. `davit run --pod NAME` puts a container into it. Nothing runs for a pod "
		       "itself, but one first process if its containers share their process ids.",
	.examples = examples, .args_size = sizeof(struct create_args), .run = create_run,
};

/* --- run --pod --- */

int pod_id_of_file(struct arena *a, const char *path, const char **ret, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(ID_FILE_MAX);
	int r = file_read(AT_FDCWD, path, &b, e);

	if (r < 0)
		return dv_wrap(e, "--pod-id-file");
	*ret = arena_strn(a, buf_cstr(&b), strcspn(buf_cstr(&b), "\n"));
	return 0;
}

/* What is the pod's of a container's flags moves there. */
static struct run_request take_pod_part(struct run_request *q, const char *name)
{
	struct run_request p = { .name = *name ? name : NULL, .hostname = q->hostname, .networks = q->networks, .publish = q->publish,
				 .network_aliases = q->network_aliases, .dns = q->dns, .dns_search = q->dns_search,
				 .dns_options = q->dns_options, .add_hosts = q->add_hosts, .ip = q->ip, .ip6 = q->ip6,
				 .mac_address = q->mac_address, .no_hosts = q->no_hosts };

	q->hostname = q->ip = q->ip6 = q->mac_address = NULL;
	q->networks = q->publish = q->network_aliases = q->add_hosts = NULL;
	q->dns = q->dns_search = q->dns_options = NULL;
	return p;
}

int ctr_want_pod(struct verb_call *c, struct engine *g, struct run_request *q, struct dv_err *e)
{
	const struct ctr_args *x = c->args;
	const char *name = q->pod ? str_after(q->pod, "new:") : NULL;
	struct pod_request new = { 0 };
	struct pod *p = NULL;
	int r;

	if (x->pod_id_file && q->pod)
		return dv_fail(e, DV_INVALID, "cannot specify both --pod and --pod-id-file");
	if (x->pod_id_file)
		return pod_id_of_file(c->arena, x->pod_id_file, &q->pod, e);
	if (!name)
		return 0;
	new.q = take_pod_part(q, name);
	if ((r = make(c, g, &new, &p, e)) < 0)
		return r;
	q->pod = p->id;
	return 0;
}
