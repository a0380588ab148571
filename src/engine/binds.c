/* binds.c - -v SRC:DST[:OPTIONS] and --tmpfs DST[:OPTIONS]. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/request.h"

#define MOUNTS_MAX 1000

/* What the options of -v mean to the runtime; NULL: nothing (labels, copying). */
static const struct {
	const char *name, *oci;
	bool propagation;
} bind_options[] = {
	{ "ro", "ro", false },          { "rw", NULL, false },          { "z", NULL, false },
	{ "Z", NULL, false },           { "nocopy", NULL, false },      { "rbind", NULL, false },
	{ "private", "private", true }, { "rprivate", "rprivate", true }, { "slave", "slave", true },
	{ "rslave", "rslave", true },   { "shared", "shared", true },   { "rshared", "rshared", true },
};

/* "/a//b/./c/" -> "/a/b/c"; ".." is refused. NULL when it is not absolute. */
static const char *clean_path(struct arena *a, const char *path)
{
	char *out = arena_alloc(a, strlen(path) + 2);
	struct scan s = scan_of(path, strlen(path));
	const char *word;
	size_t len, n = 0;

	if (*path != '/')
		return NULL;
	while (scan_until(&s, '/', &word, &len)) {
		if (len == 0 || (len == 1 && *word == '.'))
			continue;
		if (len == 2 && word[0] == '.' && word[1] == '.')
			return NULL;
		out[n++] = '/';
		memcpy(out + n, word, len);
		n += len;
	}
	if (n == 0)
		out[n++] = '/';
	return out;
}

static int check_destination(struct arena *a, const struct run_config *c, const char *flag, const char *text,
			     const char *path, const char **ret, struct dv_err *e)
{
	const char *dst = clean_path(a, path);

	if (!dst)
		return dv_fail(e, DV_INVALID, "%s %.200s: mount path must be absolute", flag, text);
	if (streq(dst, "/"))
		return dv_fail(e, DV_INVALID, "%s %.200s: destination can't be '/'", flag, text);
	for (JSON_EACH(it, c->mounts))
		if (streq(json_str(json_get(it.value, "destination")), dst))
			return dv_fail(e, DV_INVALID, "Duplicate mount point: %s", dst);
	*ret = dst;
	return 0;
}

static int bind_options_parse(struct arena *a, const char *text, const char *options, struct json *oci, bool *ret_rw,
			      const char **ret_propagation, struct dv_err *e)
{
	size_t n;
	char **words = str_split(a, options, ',', &n);

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(bind_options) && !streq(words[i], bind_options[k].name))
			k++;
		if (k == ARRAY_LEN(bind_options))
			return dv_fail(e, DV_INVALID, "-v %.200s: invalid mode: %s", text, words[i]);
		if (bind_options[k].propagation)
			*ret_propagation = bind_options[k].oci;
		else if (bind_options[k].oci)
			json_append(a, oci, json_new_str(a, bind_options[k].oci));
		if (streq(words[i], "ro"))
			*ret_rw = false;
	}
	return 0;
}

/* docker makes the source when it is missing. */
static int find_source(struct arena *a, const char *text, const char *src, const char **ret, struct dv_err *e)
{
	auto_close int top = -1;
	char cwd[PATH_MAX];
	struct stat st;
	const char *path = src;
	int r;

	if (*src == '.') {
		if (!getcwd(cwd, sizeof cwd))
			return dv_fail_errno(e, errno, "working directory");
		path = arena_printf(a, "%s/%s", cwd, src);
	} else if (*src != '/') {
		return dv_fail(e, DV_UNSUPPORTED, "-v %.200s: named volumes are not supported yet", text);
	}
	*ret = path;
	if (stat(path, &st) == 0)
		return 0;
	if (errno != ENOENT)
		return dv_fail_errno(e, errno, "-v %.200s", text);
	if ((r = file_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0, &top, e)) < 0 ||
	    (r = file_mkdirs(top, path + 1, 0755, NULL, e)) < 0)
		return dv_wrap(e, "-v %.200s", text);
	return 0;
}

static int add_bind(struct arena *a, struct run_config *c, const char *text, struct dv_err *e)
{
	size_t n;
	char **part = str_split(a, text, ':', &n);
	struct json *opts = json_new_array(a);
	const char *src, *dst, *propagation = "rprivate", *mode = n == 3 ? part[2] : "";
	bool rw = true;
	int r;

	if (n == 1 && *text == '/')
		return dv_fail(e, DV_UNSUPPORTED, "-v %.200s: anonymous volumes are not supported yet", text);
	if (n < 2 || n > 3 || !*part[0] || !*part[1])
		return dv_fail(e, DV_INVALID, "-v %.200s: invalid volume specification, SRC:DST[:OPTIONS] is wanted", text);
	json_append(a, opts, json_new_str(a, "rbind"));
	if ((r = check_destination(a, c, "-v", text, part[1], &dst, e)) < 0 ||
	    (r = bind_options_parse(a, text, mode, opts, &rw, &propagation, e)) < 0 ||
	    (r = find_source(a, text, part[0], &src, e)) < 0)
		return r;
	json_append(a, opts, json_new_str(a, propagation));
	json_append(a, c->mounts, json_obj(a, "destination", json_new_str(a, dst), "type", json_new_str(a, "bind"),
					   "source", json_new_str(a, src), "options", opts, NULL));
	json_append(a, c->mount_points,
		    json_obj(a, "Type", json_new_str(a, "bind"), "Source", json_new_str(a, src), "Destination",
			     json_new_str(a, dst), "Mode", json_new_str(a, mode), "RW", json_new_bool(a, rw), "Propagation",
			     json_new_str(a, propagation), NULL));
	return 0;
}

static int add_tmpfs(struct arena *a, struct run_config *c, const char *text, struct dv_err *e)
{
	static const char *const first[] = { "noexec", "nosuid", "nodev", NULL };
	const char *colon = strchr(text, ':'), *dst;
	const char *path = colon ? arena_strn(a, text, (size_t)(colon - text)) : text;
	struct json *opts = json_new_strs(a, first);
	size_t n = 0;
	char **words = colon ? str_split(a, colon + 1, ',', &n) : NULL;
	int r = check_destination(a, c, "--tmpfs", text, path, &dst, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		json_append(a, opts, json_new_str(a, words[i]));
	json_append(a, c->mounts, json_obj(a, "destination", json_new_str(a, dst), "type", json_new_str(a, "tmpfs"),
					   "source", json_new_str(a, "tmpfs"), "options", opts, NULL));
	json_append(a, c->mount_points,
		    json_obj(a, "Type", json_new_str(a, "tmpfs"), "Source", json_new_str(a, ""), "Destination",
			     json_new_str(a, dst), "Mode", json_new_str(a, colon ? colon + 1 : ""), "RW",
			     json_new_bool(a, true), "Propagation", json_new_str(a, ""), NULL));
	return 0;
}

int binds_parse(struct arena *a, const struct run_request *q, struct run_config *c, struct dv_err *e)
{
	int r = 0;

	c->mounts = json_new_array(a);
	c->mount_points = json_new_array(a);
	for (const char *const *v = q->volumes; r >= 0 && v && *v; v++)
		r = add_bind(a, c, *v, e);
	for (const char *const *t = q->tmpfs; r >= 0 && t && *t; t++)
		r = add_tmpfs(a, c, *t, e);
	if (r >= 0 && json_len(c->mounts) > MOUNTS_MAX)
		return dv_fail(e, DV_LIMIT, "more than %d mounts", MOUNTS_MAX);
	return r < 0 ? r : 0;
}
