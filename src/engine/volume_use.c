/* volume_use.c - volumes at the start and the end of a container.
 *
 * A new empty volume gets what the image has at its place. That is copied aside and put into
 * place by one rename, so a volume is empty or full whenever we are killed; only when a container that
 * runs looks at the empty volume is it filled where it is.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/treecopy.h"
#include "engine/volume_parts.h"

struct use {
	struct engine *g;
	struct arena *a;
	const struct volume_call *x;
	struct run_config *c;
};

static const char *text_of(const struct json *m, const char *key)
{
	const char *s = json_str(json_get(m, key));

	return s ? s : "";
}

/* A word of the mode, which is as in -v. */
static bool has_word(const struct json *m, const char *word)
{
	const char *mode = text_of(m, "Mode"), *w;
	struct scan s = scan_of(mode, strlen(mode));
	size_t len;

	while (scan_until(&s, ',', &w, &len))
		if (len == strlen(word) && memcmp(w, word, len) == 0)
			return true;
	return false;
}

/* --- filling --- */

static const struct treecopy_options whole = { .keep_owner = true, .keep_xattrs = true };

static int fill(int from, int to, struct dv_err *e)
{
	int r = tree_copy(from, to, &whole, e);

	return r < 0 ? r : tree_copy_attributes(from, to, &whole, e);
}

static int fill_aside(int dir, int from, struct dv_err *e)
{
	auto_close int fd = -1;
	int r;

	if ((r = file_remove_tree(dir, "_new", e)) < 0)
		return r;
	if (mkdirat(dir, "_new", 0700) < 0)
		return dv_fail_errno(e, errno, "make directory _new");
	if ((r = file_open(dir, "_new", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e)) < 0 || (r = fill(from, fd, e)) < 0)
		return r;
	/* Names must not survive a crash of the machine without what they name. */
	if (!file_is_empty_dir(fd, ".") && syncfs(fd) < 0)
		return dv_fail_errno(e, errno, "sync");
	return renameat(dir, "_new", dir, "_data") < 0 ? dv_fail_errno(e, errno, "put the volume's content into place") : 0;
}

static int populate(struct use *u, const char *name, int dir, const char *dst, struct dv_err *e)
{
	auto_close int data = -1, from = -1;
	bool busy = false;
	int r = volume_data(dir, &data, e);

	if (r < 0 || !file_is_empty_dir(data, "."))
		return r;
	r = file_open_how(u->x->root, dst, O_RDONLY | O_DIRECTORY, 0, FILE_IN_ROOT, &from, NULL);
	if (r < 0)
		return 0;       /* the image has no directory there */
	if ((r = volume_busy(u->g, name, u->x->id, &busy, e)) < 0)
		return r;
	return busy ? fill(from, data, e) : fill_aside(dir, from, e);
}

/* --- one mount --- */

static struct json *oci_mount(struct use *u, const char *dst)
{
	for (JSON_EACH(it, u->c->mounts))
		if (streq(text_of(it.value, "destination"), dst))
			return (struct json *)it.value;
	return NULL;
}

static int chown_source(struct use *u, const char *path, struct dv_err *e)
{
	auto_close int fd = -1;
	int r = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &fd, e);

	return r < 0 ? r : tree_chown(fd, u->x->uid, u->x->gid, e);
}

static int use_volume(struct use *u, const struct json *m, const char **ret_source, struct dv_err *e)
{
	const char *name = text_of(m, "Name"), *dst = text_of(m, "Destination"), *bound = NULL;
	auto_close int dir = -1, data = -1;
	struct json *oci = oci_mount(u, dst);
	int made;
	struct volume *v;
	int r;

	if ((r = volume_lock(u->g, u->a, name, &dir, e)) < 0 || (made = r = volume_data(dir, &data, e)) < 0 ||
	    (r = volume_row(u->g, u->a, name, &v, NULL, e)) < 0 || (r = volume_driver_mount(u->g, v, dir, &bound, e)) < 0)
		return r;
	if (made)
		volume_tell(u->g, u->a, "create", name, NULL);
	volume_tell(u->g, u->a, "mount", name, u->x->id);
	*ret_source = bound ? bound : v->mountpoint;
	if (oci && streq(text_of(oci, "type"), "bind"))
		json_set(u->a, oci, "source", json_new_str(u->a, *ret_source));
	if (bound)
		return access(bound, F_OK) < 0 ? dv_fail_errno(e, errno, "volume %s: device %.200s", name, bound) : 0;
	if (u->x->first && !has_word(m, "nocopy"))
		r = populate(u, name, dir, dst, e);
	return r < 0 ? dv_wrap(e, "fill volume %s", name) : 0;
}

/* --- O: a private upper directory --- */

static const char *option_value(const struct json *m, const char *key)
{
	for (JSON_EACH(it, json_get(m, "options")))
		if (str_after(json_str(it.value), key))
			return str_after(json_str(it.value), key);
	return NULL;
}

static int overlay_dirs(struct use *u, struct json *m, const char *lower, struct dv_err *e)
{
	const char *upper = option_value(m, "upperdir="), *work = option_value(m, "workdir=");
	int root = engine_rootfd(u->g), r;
	auto_close int fd = -1, from = -1;

	if (!upper || !work)
		return 0;
	const char *options[] = { arena_printf(u->a, "lowerdir=%s", lower), arena_printf(u->a, "upperdir=%s/%s", engine_root(u->g), upper),
				  arena_printf(u->a, "workdir=%s/%s", engine_root(u->g), work), NULL };
	json_set(u->a, m, "options", json_new_strs(u->a, options));
	if ((r = file_remove_tree(root, upper, e)) < 0 || (r = file_remove_tree(root, work, e)) < 0 ||
	    (r = file_mkdirs(root, work, 0700, NULL, e)) < 0 || (r = file_mkdirs(root, upper, 0755, NULL, e)) < 0 ||
	    (r = file_open(root, upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e)) < 0 ||
	    (r = file_open(AT_FDCWD, lower, O_RDONLY | O_DIRECTORY, 0, &from, e)) < 0)
		return r;
	return tree_copy_attributes(from, fd, &whole, e);
}

/* --- images --- */

static int use_image(struct use *u, struct json *oci, struct dv_err *e)
{
	auto_buf struct buf lower = BUF_INIT(1 << 20);
	struct image *img = NULL;
	int r = image_resolve(engine_images(u->g), u->a, text_of(oci, "source"), &img, e);

	if (r < 0)
		return r;
	for (size_t i = img->n_layers; i-- > 0;) {
		if (!streq(img->layers[i].driver, "dirs"))
			return dv_fail(e, DV_UNSUPPORTED, "mount of image %.200s: its layers are of the driver %s", text_of(oci, "source"),
				       img->layers[i].driver);
		buf_printf(&lower, "%s%s/%s", lower.len ? ":" : "lowerdir=", engine_root(u->g), img->layers[i].dir);
	}
	/* An overlay wants two layers when nothing can be written. */
	buf_printf(&lower, ":%s/ground", engine_root(u->g));
	const char *options[] = { buf_cstr(&lower), "ro", NULL };
	json_set(u->a, oci, "type", json_new_str(u->a, "overlay"));
	json_set(u->a, oci, "source", json_new_str(u->a, "overlay"));
	json_set(u->a, oci, "options", json_new_strs(u->a, options));
	return buf_check(&lower, "layers of an image", e);
}

/* --- all of them --- */

static int use_one(struct use *u, const struct json *m, struct dv_err *e)
{
	const char *type = text_of(m, "Type"), *source = text_of(m, "Source");
	struct json *oci = oci_mount(u, text_of(m, "Destination"));
	int r = 0;

	if (streq(type, "volume"))
		r = use_volume(u, m, &source, e);
	if (streq(type, "image"))
		return oci ? use_image(u, oci, e) : 0;
	if (r >= 0 && has_word(m, "U") && *source)
		r = chown_source(u, source, e);
	if (r >= 0 && oci && streq(text_of(oci, "type"), "overlay"))
		r = overlay_dirs(u, oci, source, e);
	return r;
}

int volume_prepare(struct engine *g, struct arena *a, const struct volume_call *x, struct run_config *c, struct dv_err *e)
{
	struct use u = { g, a, x, c };
	bool migrated = false;
	int r = 0;

	for (JSON_EACH(it, c->mount_points)) {
		if (!migrated && streq(text_of(it.value, "Type"), "volume")) {
			migrated = true;
			r = volume_migrate(g, e);
		}
		if (r >= 0)
			r = use_one(&u, it.value, e);
	}
	return r;
}

void volume_release(struct engine *g, struct arena *a, const struct ctr *c)
{
	for (JSON_EACH(it, volume_mounts(a, c->config))) {
		const char *name = text_of(it.value, "Name");
		auto_close int dir = -1;
		struct volume *v;
		bool busy = true;

		if (volume_migrate(g, NULL) < 0)
			return;
		volume_tell(g, a, "unmount", name, c->id);
		if (volume_row(g, a, name, &v, NULL, NULL) >= 0 && json_len(v->options) &&
		    volume_lock(g, a, name, &dir, NULL) >= 0 && volume_busy(g, name, c->id, &busy, NULL) >= 0 && !busy)
			volume_driver_unmount(dir);
	}
}

/* --- --volumes-from CTR[:ro|rw] --- */


/* A value of a CSV line. */
static const char *quoted(struct arena *a, const char *key, const char *value)
{
	auto_buf struct buf b = BUF_INIT(1 << 16);

	buf_printf(&b, "\"%s=", key);
	for (; *value; value++)
		buf_printf(&b, *value == '"' ? "\"%c" : "%c", *value);
	buf_char(&b, '"');
	return arena_str(a, buf_cstr(&b));
}

/* As --mount has it; NULL for what is not passed on. */
static const char *mount_line(struct arena *a, const struct json *m, bool ro)
{
	const char *type = text_of(m, "Type"), *propagation = text_of(m, "Propagation"), *line;
	bool volume = streq(type, "volume");

	if (!volume && !streq(type, "bind"))
		return NULL;
	line = arena_printf(a, "type=%s,%s,%s", type, quoted(a, "source", text_of(m, volume ? "Name" : "Source")),
			    quoted(a, "target", text_of(m, "Destination")));
	if (ro || !json_bool(json_get(m, "RW")))
		line = arena_printf(a, "%s,ro", line);
	if (has_word(m, "nocopy"))
		line = arena_printf(a, "%s,volume-nocopy", line);
	return *propagation ? arena_printf(a, "%s,bind-propagation=%s", line, propagation) : line;
}

struct lines {
	const char **v;
	size_t n, cap;
};

static void add_line(struct arena *a, struct lines *l, const char *line)
{
	if (l->n + 1 >= l->cap) {
		const char **more = arena_array(a, const char *, 2 * l->cap + 16);

		if (l->n)
			memcpy(more, l->v, l->n * sizeof *more);
		l->v = more;
		l->cap = 2 * l->cap + 16;
	}
	l->v[l->n++] = line;
}

static int one_from(struct engine *g, struct arena *a, const char *text, struct lines *out, struct dv_err *e)
{
	const char *colon = strchr(text, ':'), *ref = colon ? arena_strn(a, text, (size_t)(colon - text)) : text;
	bool ro = colon && streq(colon, ":ro");
	struct json *config = NULL;
	struct ctr *c = NULL;
	int r;

	if (colon && !ro && !streq(colon, ":rw") && !streq(colon, ":z"))
		return dv_fail(e, DV_INVALID, "--volumes-from %.200s: invalid mode", text);
	if ((r = ctr_find(g, a, ref, &c, e)) < 0 || (r = json_parse(a, c->config, strlen(c->config), &config, e)) < 0)
		return r;
	for (JSON_EACH(it, json_get(config, "Mounts"))) {
		const char *line = mount_line(a, it.value, ro);

		if (line)
			add_line(a, out, line);
	}
	return 0;
}

int volumes_from(struct engine *g, struct arena *a, struct run_request *q, struct dv_err *e)
{
	struct lines out = { 0 };
	int r = 0;

	for (const char *const *ref = q->volumes_from; r >= 0 && ref && *ref; ref++)
		r = one_from(g, a, *ref, &out, e);
	if (r >= 0)
		q->inherited = out.v;
	return r;
}

struct json *volume_show(struct engine *g, struct arena *a, const struct json *mounts)
{
	struct json *out = json_new_array(a);

	for (JSON_EACH(it, mounts)) {
		struct json *m = json_copy(a, it.value);

		if (streq(text_of(m, "Type"), "volume") && *text_of(m, "Source") != '/')
			json_set(a, m, "Source", json_new_str(a, arena_printf(a, "%s/%s", engine_root(g), text_of(m, "Source"))));
		json_append(a, out, m);
	}
	return out;
}
