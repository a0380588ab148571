/* configure.c - a request and an image's configuration become the configuration of one container. */
#include <stdio.h>
#include <unistd.h>

#include "base/str.h"
#include "engine/ctr.h"
#include "engine/request.h"

#define PATH_DEFAULT "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define MEMORY_MIN (INT64_C(6) << 20)
#define HOSTNAME_MAX 63
#define LABELS_MAX 1000

/* --- the command --- */

static const char **strings(struct arena *a, const struct json *list, size_t *ret_n)
{
	const char **v = arena_array(a, const char *, json_len(list) + 1);

	*ret_n = 0;
	for (JSON_EACH(it, list))
		if (json_str(it.value))
			v[(*ret_n)++] = json_str(it.value);
	return v;
}

static int choose_args(struct arena *a, const struct run_request *q, const struct json *image, struct run_config *c,
		       struct dv_err *e)
{
	size_t n_entry = 0, n_cmd = 0, n = 0;
	const char **entry, **cmd;

	if (q->entrypoint) {
		entry = arena_array(a, const char *, 2);
		n_entry = *q->entrypoint != '\0';
		entry[0] = n_entry ? q->entrypoint : NULL;
		cmd = arena_array(a, const char *, 1);
	} else {
		entry = strings(a, json_get(image, "Entrypoint"), &n_entry);
		cmd = strings(a, json_get(image, "Cmd"), &n_cmd);
	}
	if (q->args && q->args[0]) {
		cmd = (const char **)q->args;
		for (n_cmd = 0; cmd[n_cmd];)
			n_cmd++;
	}
	if (n_entry + n_cmd == 0)
		return dv_fail(e, DV_INVALID, "no command specified");
	c->args = arena_array(a, const char *, n_entry + n_cmd + 1);
	for (size_t i = 0; i < n_entry; i++)
		c->args[n++] = entry[i];
	for (size_t i = 0; i < n_cmd; i++)
		c->args[n++] = cmd[i];
	return 0;
}

/* --- names and places --- */

static int choose_network(const struct run_request *q, struct run_config *c, struct dv_err *e)
{
	const char *n = q->networks && q->networks[0] ? q->networks[0] : "none";

	c->host_network = streq(n, "host");
	if (!c->host_network && !streq(n, "none"))
		return dv_fail(e, DV_UNSUPPORTED, "--network %.64s is not supported yet, only none and host are", n);
	return 0;
}

static int choose_hostname(struct arena *a, const struct run_request *q, const char *id, struct run_config *c,
			   struct dv_err *e)
{
	char own[256];

	if (q->hostname && (!*q->hostname || strlen(q->hostname) > HOSTNAME_MAX ||
			    strpbrk(q->hostname, "/ \t\n\r:") != NULL))
		return dv_fail(e, DV_INVALID, "invalid hostname: \"%.100s\"", q->hostname);
	if (q->hostname)
		c->hostname = q->hostname;
	else if (c->host_network && gethostname(own, sizeof own) == 0)
		c->hostname = arena_printf(a, "%.63s", own);
	else
		c->hostname = arena_strn(a, id, CTR_SHORT);
	return 0;
}

static const char *image_str(const struct json *image, const char *key)
{
	const char *s = json_str(json_get(image, key));

	return s && *s ? s : NULL;
}

static int choose_cwd(struct arena *a, const struct run_request *q, const struct json *image, struct run_config *c,
		      struct dv_err *e)
{
	const char *dir = image_str(image, "WorkingDir");

	if (q->workdir && *q->workdir != '/')
		return dv_fail(e, DV_INVALID, "the working directory '%.200s' is invalid, it needs to be an absolute path",
			       q->workdir);
	if (q->workdir)
		dir = q->workdir;
	c->cwd = !dir ? "/" : *dir == '/' ? dir : arena_printf(a, "/%s", dir);
	return 0;
}

static int choose_env(struct arena *a, const struct run_request *q, const struct json *image, struct run_config *c,
		      struct dv_err *e)
{
	const char *defaults[] = { PATH_DEFAULT, arena_printf(a, "HOSTNAME=%s", c->hostname), q->tty ? "TERM=xterm" : NULL,
				   NULL };

	return env_merge(a, defaults, json_get(image, "Env"), q, &c->env, e);
}

static int choose_labels(struct arena *a, const struct run_request *q, const struct json *image, struct run_config *c,
			 struct dv_err *e)
{
	const struct json *from = json_get(image, "Labels");
	struct json *out = json_type(from) == JSON_OBJECT ? json_copy(a, from) : json_new_object(a);

	for (const char *const *l = q->labels; l && *l; l++) {
		const char *eq = strchr(*l, '=');
		const char *key = eq ? arena_strn(a, *l, (size_t)(eq - *l)) : *l;

		if (!*key || json_len(out) >= LABELS_MAX)
			return dv_fail(e, DV_INVALID, "invalid label: \"%.100s\"", *l);
		json_set(a, out, key, json_new_str(a, eq ? eq + 1 : ""));
	}
	c->labels = out;
	return 0;
}

/* --- limits --- */

/* "1.5" in billionths, without the rounding of a double. */
static bool parse_cpus(const char *text, int64_t *ret)
{
	struct scan s = scan_of(text, strlen(text));
	uint64_t whole = 0;
	int64_t part = 0, unit = 1000000000;
	bool any = scan_u64(&s, &whole);

	if (scan_char(&s, '.'))
		for (; s.p < s.end && *s.p >= '0' && *s.p <= '9' && unit > 1; s.p++, any = true) {
			unit /= 10;
			part += unit * (*s.p - '0');
		}
	if (!any || s.p != s.end || whole > 100000)
		return false;
	*ret = (int64_t)whole * 1000000000 + part;
	return true;
}

static int check_cpus(const struct run_request *q, struct run_config *c, struct dv_err *e)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (!q->cpus)
		return 0;
	if (!parse_cpus(q->cpus, &c->nano_cpus))
		return dv_fail(e, DV_INVALID, "--cpus: \"%.64s\" is not a number of CPUs", q->cpus);
	if (c->nano_cpus && (c->nano_cpus < 10000000 || c->nano_cpus > n * INT64_C(1000000000)))
		return dv_fail(e, DV_INVALID,
			       "range of CPUs is from 0.01 to %ld.00, as there are only %ld CPUs available", n, n);
	return 0;
}

static int check_memory(const struct run_request *q, struct dv_err *e)
{
	if (q->memory.v && q->memory.v < MEMORY_MIN)
		return dv_fail(e, DV_INVALID, "minimum memory limit allowed is 6MB");
	if (q->memory_swap.v && !q->memory.v)
		return dv_fail(e, DV_INVALID, "--memory-swap needs --memory");
	if (q->memory_swap.v > 0 && q->memory_swap.v < q->memory.v)
		return dv_fail(e, DV_INVALID, "minimum memoryswap limit should be larger than memory limit");
	if (q->pids.v < -1)
		return dv_fail(e, DV_INVALID, "--pids-limit: %lld is negative", (long long)q->pids.v);
	return 0;
}

/* --- what inspect shows --- */

static struct json *strs(struct arena *a, const char *const *v)
{
	return v && v[0] ? json_new_strs(a, v) : NULL;
}

static struct json *inspect_config(struct arena *a, const struct run_request *q, const struct json *image,
				   const struct run_config *c)
{
	const struct json *entry = json_get(image, "Entrypoint"), *cmd = json_get(image, "Cmd");
	const char *one[] = { q->entrypoint, NULL };

	return json_obj(a, "Hostname", json_new_str(a, c->hostname), "User", json_new_str(a, c->user ? c->user : ""),
			"AttachStdin", json_new_bool(a, q->interactive), "Tty", json_new_bool(a, q->tty), "OpenStdin",
			json_new_bool(a, q->interactive), "Env", json_new_strs(a, c->env), "Cmd",
			q->args && q->args[0]		? json_new_strs(a, q->args) :
			!q->entrypoint && json_len(cmd) ? json_copy(a, cmd) :
							  json_null(a),
			"Image", json_new_str(a, q->image), "WorkingDir", json_new_str(a, c->cwd), "Entrypoint",
			q->entrypoint && *q->entrypoint	  ? json_new_strs(a, one) :
			!q->entrypoint && json_len(entry) ? json_copy(a, entry) :
							    json_null(a),
			"Labels", json_copy(a, c->labels), "StopSignal", json_new_str(a, c->stop_signal), NULL);
}

static struct json *inspect_host(struct arena *a, const struct run_request *q, const struct run_config *c)
{
	return json_obj(a, "Binds", strs(a, q->volumes), "NetworkMode",
			json_new_str(a, c->host_network ? "host" : "none"), "AutoRemove", json_new_bool(a, q->rm), "CapAdd",
			strs(a, q->cap_add), "CapDrop", strs(a, q->cap_drop), "Privileged", json_new_bool(a, q->privileged),
			"ReadonlyRootfs", json_new_bool(a, q->read_only), "Memory", json_new_i64(a, q->memory.v),
			"MemorySwap", json_new_i64(a, q->memory_swap.v ? q->memory_swap.v : 2 * q->memory.v), "NanoCpus",
			json_new_i64(a, c->nano_cpus), "PidsLimit", json_new_i64(a, q->pids.v), NULL);
}

int run_configure(struct arena *a, const struct run_request *q, const struct image *img, const char *id,
		  struct run_config *ret, struct dv_err *e)
{
	struct run_config c = { 0 };
	struct json *tree;
	const struct json *image;
	int r = json_parse(a, img->config, img->config_len, &tree, e);

	if (r < 0)
		return dv_wrap(e, "configuration of image %s", q->image);
	image = json_get(tree, "config");
	c.user = q->user ? q->user : image_str(image, "User");
	c.stop_signal = image_str(image, "StopSignal");
	if ((r = choose_network(q, &c, e)) < 0 || (r = check_memory(q, e)) < 0 || (r = check_cpus(q, &c, e)) < 0 ||
	    (r = choose_hostname(a, q, id, &c, e)) < 0 || (r = choose_args(a, q, image, &c, e)) < 0 ||
	    (r = choose_cwd(a, q, image, &c, e)) < 0 || (r = choose_env(a, q, image, &c, e)) < 0 ||
	    (r = choose_labels(a, q, image, &c, e)) < 0 || (r = caps_choose(q, caps_available(), &c.caps, e)) < 0 ||
	    (r = binds_parse(a, q, &c, e)) < 0)
		return r;
	c.inspect = json_obj(a, "Path", json_new_str(a, c.args[0]), "Args", json_new_strs(a, c.args + 1), "Config",
			     inspect_config(a, q, image, &c), "HostConfig", inspect_host(a, q, &c), "Mounts",
			     c.mount_points, NULL);
	*ret = c;
	return 0;
}
