/* nsmode.c - --pid, --ipc, --uts, --userns, --cgroupns: whose namespaces the container is in. */
#include "base/str.h"
#include "engine/control.h"
#include "engine/security.h"

enum {
	HOST = 1,
	PRIVATE = 2,
	OTHER = 4,              /* container:NAME, ns:PATH */
	NONE = 8,
	SHAREABLE = 16,
};

static const struct kind {
	const char *flag, *oci, *proc;
	unsigned may;
} kinds[RUN_NS_KINDS] = {
	[RUN_NS_PID] = { "--pid", "pid", "pid", HOST | PRIVATE | OTHER },
	[RUN_NS_IPC] = { "--ipc", "ipc", "ipc", HOST | PRIVATE | OTHER | NONE | SHAREABLE },
	[RUN_NS_UTS] = { "--uts", "uts", "uts", HOST | PRIVATE | OTHER },
	[RUN_NS_USER] = { "--userns", "user", "user", HOST },
	[RUN_NS_CGROUP] = { "--cgroupns", "cgroup", "cgroup", HOST | PRIVATE | OTHER },
};

static const struct {
	const char *name;
	unsigned which;
	enum run_ns_mode mode;
} words[] = {
	{ "host", HOST, RUN_NS_HOST },  { "private", PRIVATE, RUN_NS_OWN },         { "none", NONE, RUN_NS_NONE },
	{ "", PRIVATE | HOST, RUN_NS_OWN }, { "shareable", SHAREABLE, RUN_NS_SHAREABLE },
};

static int parse(const struct kind *k, const char *text, struct run_ns *ret, struct dv_err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (streq(words[i].name, text) && (k->may & words[i].which)) {
			ret->mode = words[i].mode;
			return 0;
		}
	if ((k->may & OTHER) && str_starts(text, "container:") && text[10]) {
		*ret = (struct run_ns){ .mode = RUN_NS_CONTAINER, .container = text + 10 };
		return 0;
	}
	if ((k->may & OTHER) && str_starts(text, "ns:/")) {
		*ret = (struct run_ns){ .mode = RUN_NS_PATH, .path = text + 3 };
		return 0;
	}
	if (k == &kinds[RUN_NS_USER])
		return dv_fail(e, DV_UNSUPPORTED, "--userns %.100s is not supported, only host is", text);
	return dv_fail(e, DV_INVALID, "invalid %s mode: %.100s", k->flag + 2, text);
}

int nsmode_choose(struct arena *a, const struct run_request *q, struct run_config *c, struct dv_err *e)
{
	const char *const texts[RUN_NS_KINDS] = {
		[RUN_NS_PID] = q->pid_mode, [RUN_NS_IPC] = q->ipc_mode, [RUN_NS_UTS] = q->uts_mode,
		[RUN_NS_USER] = q->userns_mode, [RUN_NS_CGROUP] = q->cgroupns_mode,
	};

	for (size_t i = 0; i < RUN_NS_KINDS; i++) {
		int r = texts[i] ? parse(&kinds[i], texts[i], &c->ns[i], e) : 0;

		if (r < 0)
			return r;
	}
	if (!texts[RUN_NS_CGROUP] && q->privileged)
		c->ns[RUN_NS_CGROUP].mode = RUN_NS_HOST;
	/* A pod's host name is that of its containers. */
	if (c->ns[RUN_NS_UTS].mode != RUN_NS_OWN && !q->pod && (q->hostname || q->domainname))
		return dv_fail(e, DV_INVALID, "conflicting options: hostname and the UTS mode");
	return 0;
}

int nsmode_resolve(struct engine *g, struct arena *a, struct run_config *c, struct dv_err *e)
{
	for (size_t i = 0; i < RUN_NS_KINDS; i++) {
		auto_container struct container box = CONTAINER_NONE;
		struct ctr *other;
		int r;

		if (c->ns[i].mode != RUN_NS_CONTAINER)
			continue;
		if ((r = control_open(g, a, c->ns[i].container, false, &other, &box, e)) < 0)
			return dv_wrap(e, "%s container:%.100s", kinds[i].flag, c->ns[i].container);
		c->ns[i].path = arena_printf(a, "/proc/%d/ns/%s", (int)other->init.pid, kinds[i].proc);
	}
	return 0;
}

struct json *nsmode_json(struct arena *a, const struct run_config *c)
{
	struct json *list = json_new_array(a);

	for (size_t i = 0; i < RUN_NS_KINDS; i++) {
		if (c->ns[i].mode == RUN_NS_HOST || (i == RUN_NS_USER && c->ns[i].mode == RUN_NS_OWN))
			continue;
		json_append(a, list, json_obj(a, "type", json_new_str(a, kinds[i].oci), "path",
					      c->ns[i].path ? json_new_str(a, c->ns[i].path) : NULL, NULL));
	}
	json_append(a, list, json_obj(a, "type", json_new_str(a, "mount"), NULL));
	return list;
}
