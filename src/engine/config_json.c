/* config_json.c - docker's names for everything that was asked for. */
#include "base/str.h"
#include "engine/config_json.h"
#include "engine/limit.h"
#include "engine/network.h"
#include "engine/security.h"
#include "oci/caps.h"

/* --- values --- */

static struct json *text(struct arena *a, const char *s)
{
	return json_new_str(a, s ? s : "");
}

/* null for an empty list, as docker has it. */
static struct json *list(struct arena *a, const char *const *v)
{
	return v && v[0] ? json_new_strs(a, v) : json_null(a);
}

static struct json *copy(struct arena *a, const struct json *j)
{
	return j ? json_copy(a, j) : json_null(a);
}

/* In their full names; ALL is none. */
static struct json *capabilities(struct arena *a, const char *const *v)
{
	struct json *out = json_new_array(a);

	for (; v && *v; v++) {
		int n = cap_number(*v);

		json_append(a, out, json_new_str(a, n >= 0 ? cap_name(n) : "ALL"));
	}
	return json_len(out) ? out : json_null(a);
}

/* "k=v" -> {"k": "v"} */
static struct json *map(struct arena *a, const char *const *v, char sep)
{
	struct json *out = json_new_object(a);

	for (; v && *v; v++) {
		const char *eq = strchr(*v, sep);

		json_set(a, out, eq ? arena_strn(a, *v, (size_t)(eq - *v)) : *v, text(a, eq ? eq + 1 : ""));
	}
	return out;
}

/* --- Config --- */

static struct json *entrypoint(struct arena *a, const struct run_request *q, const struct run_config *c)
{
	const struct json *image = json_get(c->image, "Entrypoint");
	const char *one[] = { q->entrypoint, NULL };
	struct json *words;

	if (q->entrypoint && (words = entrypoint_words(a, q->entrypoint)))
		return words;
	if (q->entrypoint)
		return *q->entrypoint ? json_new_strs(a, one) : json_null(a);
	return json_len(image) ? json_copy(a, image) : json_null(a);
}

static struct json *command(struct arena *a, const struct run_request *q, const struct run_config *c)
{
	const struct json *image = json_get(c->image, "Cmd");

	if (q->args && q->args[0])
		return json_new_strs(a, q->args);
	return !q->entrypoint && json_len(image) ? json_copy(a, image) : json_null(a);
}

struct json *config_json(struct arena *a, const struct run_request *q, const struct run_config *c)
{
	struct json *j = json_obj(
		a, "Hostname", text(a, c->hostname), "Domainname", text(a, q->domainname), "User", text(a, c->user), "AttachStdin",
		json_new_bool(a, q->interactive && !q->detach), "AttachStdout", json_new_bool(a, !q->detach), "AttachStderr",
		json_new_bool(a, !q->detach), "Tty", json_new_bool(a, q->tty), "OpenStdin", json_new_bool(a, q->interactive),
		"StdinOnce", json_new_bool(a, q->interactive && !q->detach), "Env", json_new_strs(a, c->env), "Cmd",
		command(a, q, c), "Image", text(a, q->image), "Volumes", copy(a, json_get(c->image, "Volumes")), "WorkingDir",
		text(a, c->cwd_shown), "Entrypoint", entrypoint(a, q, c), "OnBuild", copy(a, json_get(c->image, "OnBuild")), "Labels",
		json_copy(a, c->labels), "StopSignal", c->stop_signal ? text(a, c->stop_signal) : NULL, "StopTimeout",
		q->stop_timeout.set ? json_new_i64(a, q->stop_timeout.v) : NULL, "Healthcheck", c->health, NULL);

	if (network_exposed(a, c->network))
		json_set(a, j, "ExposedPorts", network_exposed(a, c->network));
	if (q->health_on_failure)
		json_set(a, j, "HealthcheckOnFailureAction", text(a, q->health_on_failure));
	if (q->tz)
		json_set(a, j, "Timezone", text(a, q->tz));
	if (q->umask)
		json_set(a, j, "Umask", text(a, q->umask));
	return j;
}

/* --- HostConfig --- */

static const char *mode_text(const char *asked, const char *otherwise)
{
	return asked ? asked : otherwise;
}

struct json *restart_inspect(struct arena *a, const char *restart)
{
	const char *colon = restart ? strchr(restart, ':') : NULL;
	int64_t n = 0;

	if (colon)
		(void)!str_i64(colon + 1, 0, INT64_MAX, "number", &n, NULL);

	return json_obj(a, "Name", colon ? json_new_strn(a, restart, (size_t)(colon - restart)) : text(a, restart ? restart : "no"),
			"MaximumRetryCount", json_new_i64(a, n), NULL);
}

static void modes(struct arena *a, const struct run_request *q, const struct run_config *c, struct json *j)
{
	json_set(a, j, "NetworkMode", text(a, network_mode_text(c->network)));
	json_set(a, j, "PortBindings", network_bindings(a, c->network));
	json_set(a, j, "IpcMode", text(a, mode_text(q->ipc_mode, "private")));
	json_set(a, j, "PidMode", text(a, mode_text(q->pid_mode, "")));
	json_set(a, j, "UTSMode", text(a, mode_text(q->uts_mode, "")));
	json_set(a, j, "UsernsMode", text(a, mode_text(q->userns_mode, "")));
	json_set(a, j, "CgroupnsMode", text(a, c->ns[RUN_NS_CGROUP].mode == RUN_NS_HOST ? "host" : "private"));
}

struct json *host_config_json(struct arena *a, const struct run_request *q, const struct run_config *c)
{
	struct json *j = json_obj(
		a, "Binds", list(a, q->volumes), "ContainerIDFile", text(a, q->cidfile), "LogConfig",
		json_obj(a, "Type", text(a, q->log_driver ? q->log_driver : "json-file"), "Config", map(a, q->log_opts, '='), NULL),
		"RestartPolicy", restart_inspect(a, q->restart), "AutoRemove", json_new_bool(a, q->rm), "VolumeDriver",
		text(a, q->volume_driver), "VolumesFrom", list(a, q->volumes_from), "CapAdd", capabilities(a, q->cap_add), "CapDrop",
		capabilities(a, q->cap_drop), "Dns", json_new_strs(a, q->dns), "DnsOptions", json_new_strs(a, q->dns_options), "DnsSearch",
		json_new_strs(a, q->dns_search), "ExtraHosts", list(a, q->add_hosts), "GroupAdd", list(a, q->groups), "Links",
		list(a, q->links), "Privileged", json_new_bool(a, q->privileged), "PublishAllPorts", json_new_bool(a, q->publish_all),
		"ReadonlyRootfs", json_new_bool(a, q->read_only), "SecurityOpt", list(a, q->security_opts), "Runtime",
		text(a, "davit"), "Isolation", text(a, ""), NULL);

	modes(a, q, c, j);
	limits_inspect(a, q, c, j);
	json_set(a, j, "Ulimits", ulimits_inspect(a, q));
	json_set(a, j, "Devices", devices_inspect(a, q));
	json_set(a, j, "DeviceCgroupRules", list(a, q->device_cgroup_rules));
	json_set(a, j, "MaskedPaths", copy(a, c->sec.masked));
	json_set(a, j, "ReadonlyPaths", copy(a, c->sec.readonly));
	if (q->init)
		json_set(a, j, "Init", json_new_bool(a, true));
	if (q->sysctls)
		json_set(a, j, "Sysctls", map(a, q->sysctls, '='));
	if (q->tmpfs)
		json_set(a, j, "Tmpfs", map(a, q->tmpfs, ':'));
	if (c->annotations)
		json_set(a, j, "Annotations", c->annotations);
	return j;
}
