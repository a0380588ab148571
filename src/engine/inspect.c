/* inspect.c - docker's inspect of a container. */
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "engine/inspect.h"
#include "engine/pod.h"
#include "engine/volume.h"
#include "engine/network.h"

struct json *inspect_time(struct arena *a, int64_t ns)
{
	time_t t = (time_t)(ns / 1000000000);
	struct tm tm;

	if (!ns || !gmtime_r(&t, &tm))
		return json_new_str(a, "0001-01-01T00:00:00Z");
	return json_new_str(a, arena_printf(a, "%04d-%02d-%02dT%02d:%02d:%02d.%09lldZ", tm.tm_year + 1900, tm.tm_mon + 1,
					    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (long long)(ns % 1000000000)));
}

/* The monitor's own words; NULL without a check. */
static struct json *health(struct engine *g, struct arena *a, const struct ctr *c)
{
	struct json *j = NULL;

	if (json_parse_file(a, engine_runfd(g), arena_printf(a, "containers/%s/health", c->id), &j, NULL) < 0)
		return NULL;
	return j;
}

static struct json *state(struct engine *g, struct arena *a, const struct ctr *c)
{
	bool running = c->status == CTR_RUNNING;
	const char *status = ctr_state_name(c);

	/* An exit that nobody saw is null: 0 would be a lie. */
	return json_obj(a, "Status", json_new_str(a, status), "Running", json_new_bool(a, running), "Paused",
			json_new_bool(a, running && c->paused), "Restarting", json_new_bool(a, c->restarting), "OOMKilled", json_new_bool(a, c->oom),
			"Dead", json_new_bool(a, false), "Pid", json_new_i64(a, running ? c->init.pid : 0), "ExitCode",
			c->has_exit || c->status != CTR_EXITED ? json_new_i64(a, c->has_exit ? c->exit_code : 0) : json_null(a),
			"Error", json_new_str(a, c->error), "StartedAt", inspect_time(a, c->started_ns), "FinishedAt",
			inspect_time(a, c->finished_ns), "Health", health(g, a, c), NULL);
}

/* "" for a driver without files. */
static const char *log_path(struct engine *g, struct arena *a, const struct ctr *c)
{
	const char *path = arena_printf(a, "%s/containers/%s/log/%s-json.log", engine_root(g), c->id, c->id);

	return access(path, F_OK) == 0 ? path : "";
}

static struct json *graph(struct engine *g, struct arena *a, const struct ctr *c)
{
	auto_buf struct buf lower = BUF_INIT(1 << 20);
	const char *dir = arena_printf(a, "%s/containers/%s", engine_root(g), c->id);
	struct image *img = NULL;

	if (image_resolve(engine_images(g), a, c->image, &img, NULL) >= 0)
		for (size_t i = img->n_layers; i-- > 0;)
			buf_printf(&lower, "%s%s/%s", lower.len ? ":" : "", engine_root(g), img->layers[i].dir);
	return json_obj(a, "Name", json_new_str(a, "overlay2"), "Data",
			json_obj(a, "LowerDir", json_new_str(a, buf_cstr(&lower)), "UpperDir",
				 json_new_str(a, arena_printf(a, "%s/upper", dir)), "WorkDir",
				 json_new_str(a, arena_printf(a, "%s/work", dir)), NULL), NULL);
}

int inspect_container(struct engine *g, struct arena *a, const struct ctr *c, struct json **ret, struct dv_err *e)
{
	const char *run = arena_printf(a, "%s/containers/%s", engine_runroot(g), c->id);
	struct json *config, *j;
	struct json *net = NULL;
	const char *mode;
	int r = json_parse(a, c->config, strlen(c->config), &config, e);

	if (r < 0)
		return dv_wrap(e, "container %s", c->id);
	mode = json_str(json_path(config, "HostConfig.NetworkMode"));
	if ((r = network_settings(g, a, pod_endpoints_of(c, mode), mode ? mode : "none", &net, e)) < 0)
		return r;
	j = json_obj(a, "Id", json_new_str(a, c->id), "Created", inspect_time(a, c->created_ns), "Path",
		     json_get_mut(config, "Path"), "Args", json_get_mut(config, "Args"), "State", state(g, a, c), "Image",
		     json_new_str(a, c->image), "ResolvConfPath", json_new_str(a, arena_printf(a, "%s/resolv.conf", run)),
		     "HostnamePath", json_new_str(a, arena_printf(a, "%s/hostname", run)), "HostsPath",
		     json_new_str(a, arena_printf(a, "%s/hosts", run)), "LogPath", json_new_str(a, log_path(g, a, c)), "Name",
		     json_new_str(a, arena_printf(a, "/%s", c->name)), "RestartCount", json_new_i64(a, c->restarts), "Driver",
		     json_new_str(a, "overlay2"), "HostConfig", json_get_mut(config, "HostConfig"), "GraphDriver",
		     graph(g, a, c), "Mounts", volume_show(g, a, json_get(config, "Mounts")), "Config", json_get_mut(config, "Config"),
		     "NetworkSettings", net, NULL);
	if (*c->pod)
		json_set(a, j, "Pod", json_new_str(a, c->pod));
	*ret = j;
	return 0;
}
