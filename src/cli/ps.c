/* ps.c - a container as a row of ps: docker's field names, all of them strings. */
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "cli/ps.h"
#include "engine/network.h"
#include "engine/pod.h"
#include "engine/usage.h"
#include "ui/text.h"

#define COMMAND_WIDTH 20

static const char *command_text(struct arena *a, const struct json *config, bool whole)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);
	const char *path = json_str(json_get(config, "Path")), *text;

	buf_str(&b, path ? path : "");
	for (JSON_EACH(it, json_get(config, "Args")))
		/* docker's quotes: around a word with blanks, whatever else is in it */
		buf_printf(&b, json_str(it.value) && strchr(json_str(it.value), ' ') ? " '%s'" : " %s",
			   json_str(it.value) ? json_str(it.value) : "");
	text = text_clean(a, buf_cstr(&b));
	return arena_printf(a, "\"%s\"", whole ? text : text_cut(a, text, COMMAND_WIDTH));
}

static const char *status_text(struct arena *a, const struct ctr *c, int64_t now_ns)
{
	static const char *const health[] = { "", " (health: starting)", " (healthy)", " (unhealthy)" };
	const char *code = c->has_exit ? arena_printf(a, "%d", c->exit_code) : "unknown";

	switch (c->status) {
	case CTR_STARTING:
		if (c->finished_ns)
			break;
		return "Created";
	case CTR_CREATING:
	case CTR_CREATED:
		return "Created";
	case CTR_RUNNING:
		if (c->restarting)
			return arena_printf(a, "Restarting (%s) %s ago", code,
					    human_duration(a, (now_ns - c->finished_ns) / 1000000000));
		return arena_printf(a, "Up %s%s", human_duration(a, (now_ns - c->started_ns) / 1000000000),
				    c->paused ? " (Paused)" : health[c->health]);
	case CTR_EXITED:
		break;
	case CTR_REMOVING:
		return "Removal In Progress";
	}
	return arena_printf(a, "Exited (%s) %s ago", code, human_duration(a, (now_ns - c->finished_ns) / 1000000000));
}

static int by_text(const void *p, const void *q)
{
	return strcmp(*(const char *const *)p, *(const char *const *)q);
}

static const char *joined_labels(struct arena *a, const struct json *labels)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);

	const char **v = arena_array(a, const char *, json_len(labels) + 1);
	size_t n = 0;

	for (JSON_EACH(it, labels))
		v[n++] = arena_printf(a, "%s=%s", json_iter_key(it), json_str(it.value) ? json_str(it.value) : "");
	qsort(v, n, sizeof *v, by_text);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i ? "," : "", v[i]);
	return arena_str(a, buf_cstr(&b));
}

static const char *joined_mounts(struct arena *a, const struct json *mounts)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);

	for (JSON_EACH(it, mounts)) {
		const char *src = json_str(json_get(it.value, "Source"));

		if (src && *src)
			buf_printf(&b, "%s%s", b.len ? "," : "", src);
	}
	return arena_str(a, buf_cstr(&b));
}

/* Named ones; every other kind of mount is none. */
static unsigned volumes(const struct json *mounts)
{
	unsigned n = 0;

	for (JSON_EACH(it, mounts)) {
		const char *type = json_str(json_get(it.value, "Type"));

		n += type && streq(type, "volume");
	}
	return n;
}

/* "12kB (virtual 4.2MB)" */
static const char *size_text(struct engine *g, struct arena *a, const struct ctr *c)
{
	uint64_t own, all;

	usage_sizes(g, a, c, &own, &all);
	return arena_printf(a, "%s (virtual %s)", str_human(a, own, false), str_human(a, all, false));
}

static const char *platform(struct engine *g, struct arena *a, const struct ctr *c)
{
	struct image *img = NULL;
	struct json *config = NULL;

	if (image_resolve(engine_images(g), a, c->image, &img, NULL) < 0 ||
	    json_parse(a, img->config, img->config_len, &config, NULL) < 0)
		return "";
	return arena_printf(a, "%s/%s", json_str(json_get(config, "os")), json_str(json_get(config, "architecture")));
}

static struct json *text(struct arena *a, const char *s)
{
	return json_new_str(a, s ? s : "");
}

static struct json *label_map(struct arena *a, const struct json *labels)
{
	return labels ? json_copy(a, labels) : json_new_object(a);
}

static const char *ports_text(struct engine *g, struct arena *a, const struct ctr *c, const char *network)
{
	struct network_port_list l;

	/* most containers of many have none: the question is spared */
	if (c->status != CTR_RUNNING || !network || streq(network, "none") || streq(network, "host") ||
	    network_ports(g, a, pod_endpoints_of(c, network), &l, NULL) < 0)
		return "";
	return network_ports_text(a, &l);
}

struct json *ps_row(struct engine *g, struct arena *a, const struct ps_item *x, unsigned what)
{
	const struct ctr *c = x->ctr;
	const struct json *config = x->config, *mounts = json_get(config, "Mounts");
	const char *network = json_str(json_path(config, "HostConfig.NetworkMode"));
	bool whole = what & PS_WHOLE;
	int64_t now = ctr_now_ns();
	struct json *j = json_obj(
		a, "ID", json_new_strn(a, c->id, whole ? strlen(c->id) : CTR_SHORT), "Image", text(a, c->image_ref), "Command",
		text(a, command_text(a, config, whole)), "CreatedAt", text(a, human_time(a, c->created_ns / 1000000000)),
		"RunningFor", text(a, arena_printf(a, "%s ago", human_duration(a, (now - c->created_ns) / 1000000000))), "Ports",
		text(a, ports_text(g, a, c, network)), "State", text(a, ctr_state_name(c)), "Status", text(a, status_text(a, c, now)), "Names",
		text(a, c->name), "Labels", text(a, joined_labels(a, json_path(config, "Config.Labels"))), "Mounts",
		text(a, joined_mounts(a, mounts)), "Networks", text(a, network), "LocalVolumes",
		text(a, arena_printf(a, "%u", volumes(mounts))), NULL);

	json_set(a, j, "Size", text(a, what & PS_SIZE ? size_text(g, a, c) : "0B"));
	if (what & PS_POD) {
		struct pod *p = NULL;

		json_set(a, j, "Pod", json_new_strn(a, c->pod, whole ? strlen(c->pod) : DV_MIN(strlen(c->pod), (size_t)CTR_SHORT)));
		json_set(a, j, "PodName", text(a, *c->pod && pod_find(g, a, c->pod, &p, NULL) >= 0 ? p->name : ""));
	}
	if (what & PS_MORE) {
		json_set(a, j, "Label", label_map(a, json_path(config, "Config.Labels")));
		json_set(a, j, "Platform", text(a, platform(g, a, c)));
		json_set(a, j, "ImageID", text(a, cli_short_id(a, c->image, whole)));
		json_set(a, j, "Pid", json_new_i64(a, c->status == CTR_RUNNING ? c->init.pid : 0));
		json_set(a, j, "ExitCode", json_new_i64(a, c->has_exit ? c->exit_code : 0));
		json_set(a, j, "Created", json_new_i64(a, c->created_ns / 1000000000));
	}
	return j;
}

const char *ps_health(const struct ps_item *x)
{
	static const char *const names[] = { "none", "starting", "healthy", "unhealthy" };

	return names[(size_t)x->ctr->health < ARRAY_LEN(names) ? x->ctr->health : 0];
}

struct ps_item ps_item_of(struct arena *a, const struct ctr *c)
{
	struct json *config = NULL;

	if (json_parse(a, c->config, strlen(c->config), &config, NULL) < 0)
		config = json_new_object(a);
	return (struct ps_item){ c, config };
}
