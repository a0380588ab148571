/* configure.c - a request and an image's configuration become the configuration of one container. */
#include <stdio.h>
#include <unistd.h>

#include "base/str.h"
#include "engine/config_json.h"
#include "engine/ctr.h"
#include "engine/limit.h"
#include "engine/security.h"
#include "engine/network.h"

#define PATH_DEFAULT "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
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

struct json *entrypoint_words(struct arena *a, const char *text)
{
	struct json *list = NULL;

	if (*text != '[' || json_parse(a, text, strlen(text), &list, NULL) < 0)
		return NULL;
	for (JSON_EACH(it, list))
		if (!json_str(it.value))
			return NULL;
	return list;
}

static int choose_args(struct arena *a, const struct run_request *q, const struct json *image, struct run_config *c,
		       struct dv_err *e)
{
	size_t n_entry = 0, n_cmd = 0, n = 0;
	const char **entry, **cmd;
	struct json *words;

	if (q->entrypoint && (words = entrypoint_words(a, q->entrypoint))) {
		entry = strings(a, words, &n_entry);
		cmd = arena_array(a, const char *, 1);
	} else if (q->entrypoint) {
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

static int choose_network(struct arena *a, const struct run_request *q, const struct json *image, struct run_config *c,
			  struct dv_err *e)
{
	int r = network_wish(a, q, &c->network, e);

	if (r < 0)
		return r;
	network_wish_image(a, c->network, image);
	c->host_network = network_mode(c->network) == NETWORK_HOST;
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
	else if ((c->host_network || c->ns[RUN_NS_UTS].mode == RUN_NS_HOST) && gethostname(own, sizeof own) == 0)
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
	c->cwd_shown = dir ? dir : "";
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

/* --- small things --- */

static int key_values(struct arena *a, const char *flag, const char *const *texts, struct json **ret, struct dv_err *e)
{
	struct json *out = json_new_object(a);

	for (; texts && *texts; texts++) {
		const char *eq = strchr(*texts, '=');

		if (!eq || eq == *texts)
			return dv_fail(e, DV_INVALID, "invalid argument \"%.100s\" for %s: K=V is wanted", *texts, flag);
		json_set(a, out, arena_strn(a, *texts, (size_t)(eq - *texts)), json_new_str(a, eq + 1));
	}
	*ret = json_len(out) ? out : NULL;
	return 0;
}

static int choose_stop(const struct run_request *q, const struct json *image, struct run_config *c, struct dv_err *e)
{
	int sig;

	c->stop_signal = q->stop_signal ? q->stop_signal : image_str(image, "StopSignal");
	if (q->stop_signal && proc_parse_signal(q->stop_signal, &sig, NULL) < 0)
		return dv_fail(e, DV_INVALID, "invalid signal: %.40s", q->stop_signal);
	return 0;
}

static int choose_umask(const struct run_request *q, struct run_config *c, struct dv_err *e)
{
	uint64_t mask = 022;

	if (q->umask && str_octal(q->umask, 0777, "umask", &mask, NULL) < 0)
		return dv_fail(e, DV_INVALID, "--umask: \"%.40s\" is no octal mode mask", q->umask);
	c->umask = (uint32_t)mask;
	return 0;
}

static int choose_personality(const struct run_request *q, struct dv_err *e)
{
	if (q->personality && !streq(q->personality, "LINUX") && !streq(q->personality, "LINUX32"))
		return dv_fail(e, DV_INVALID, "--personality: \"%.40s\" is neither LINUX nor LINUX32", q->personality);
	return 0;
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
	c.image = image;
	c.user = q->user ? q->user : image_str(image, "User");
	if ((r = choose_network(a, q, image, &c, e)) < 0 || (r = limits_check(q, &c, e)) < 0 || (r = nsmode_choose(a, q, &c, e)) < 0 ||
	    (r = choose_hostname(a, q, id, &c, e)) < 0 || (r = choose_args(a, q, image, &c, e)) < 0 ||
	    (r = choose_cwd(a, q, image, &c, e)) < 0 || (r = choose_env(a, q, image, &c, e)) < 0 ||
	    (r = choose_labels(a, q, image, &c, e)) < 0 || (r = caps_choose(q, caps_available(), &c.caps, e)) < 0 ||
	    (r = security_choose(a, q, &c, e)) < 0 || (r = health_choose(a, q, image, &c.health, e)) < 0 ||
	    (r = choose_stop(q, image, &c, e)) < 0 || (r = choose_umask(q, &c, e)) < 0 ||
	    (r = key_values(a, "--annotation", q->annotations, &c.annotations, e)) < 0 ||
	    (r = key_values(a, "--sysctl", q->sysctls, &c.sysctls, e)) < 0 || (r = choose_personality(q, e)) < 0 ||
	    (r = binds_parse(a, q, image, id, &c, e)) < 0)
		return r;
	c.inspect = json_obj(a, "Path", json_new_str(a, c.args[0]), "Args", json_new_strs(a, c.args + 1), "Config",
			     config_json(a, q, &c), "HostConfig", host_config_json(a, q, &c), "Mounts", c.mount_points, NULL);
	*ret = c;
	return 0;
}
