/* binds.c - what is mounted into a container: -v, --tmpfs, volumes of the image and of other containers.
 *
 * Each becomes a mount of the OCI configuration and an entry of what inspect shows. Nothing
 * is looked up in the database here, so that the same request gives the same mounts again:
 * the name of an anonymous volume follows from container and place.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/binds_parts.h"
#include "engine/volume.h"
#include "image/digest.h"

#define MOUNTS_MAX 1000

static const char *const type_names[] = {
	[PLACE_BIND] = "bind",   [PLACE_VOLUME] = "volume", [PLACE_TMPFS] = "tmpfs",
	[PLACE_RAMFS] = "ramfs", [PLACE_IMAGE] = "image",   [PLACE_DEVPTS] = "devpts",
};

/* --- the words of -v --- */

enum word_effect { WORD_NOTHING, WORD_OPTION, WORD_PROPAGATION, WORD_RO, WORD_OVERLAY, WORD_NOT_REC };
static const struct {
	const char *name;
	enum word_effect effect;
} words_known[] = {
	/* labels, copying and owners are not for the runtime */
	{ "rw", WORD_NOTHING },         { "z", WORD_NOTHING },          { "Z", WORD_NOTHING },
	{ "nocopy", WORD_NOTHING },     { "copy", WORD_NOTHING },       { "U", WORD_NOTHING },
	{ "rbind", WORD_NOTHING },      { "cached", WORD_NOTHING },     { "consistent", WORD_NOTHING },
	{ "delegated", WORD_NOTHING },  { "default", WORD_NOTHING },    { "ro", WORD_RO },
	{ "O", WORD_OVERLAY },          { "bind", WORD_NOT_REC },       { "exec", WORD_OPTION },
	{ "noexec", WORD_OPTION },      { "dev", WORD_OPTION },         { "nodev", WORD_OPTION },
	{ "suid", WORD_OPTION },        { "nosuid", WORD_OPTION },      { "idmap", WORD_OPTION },
	{ "private", WORD_PROPAGATION }, { "rprivate", WORD_PROPAGATION }, { "slave", WORD_PROPAGATION },
	{ "rslave", WORD_PROPAGATION }, { "shared", WORD_PROPAGATION }, { "rshared", WORD_PROPAGATION },
	{ "unbindable", WORD_PROPAGATION }, { "runbindable", WORD_PROPAGATION },
};

static bool word_apply(struct binds *b, struct place *p, const char *word)
{
	size_t i = 0;

	while (i < ARRAY_LEN(words_known) && !streq(words_known[i].name, word))
		i++;
	if (i == ARRAY_LEN(words_known)) {
		if (!str_starts(word, "idmap="))
			return false;
		json_append(b->a, p->options, json_new_str(b->a, word));
		return true;
	}
	switch (words_known[i].effect) {
	case WORD_NOTHING: break;
	case WORD_OPTION: json_append(b->a, p->options, json_new_str(b->a, word)); break;
	case WORD_PROPAGATION: p->propagation = word; break;
	case WORD_RO: p->ro = true; break;
	case WORD_OVERLAY: p->overlay = true; break;
	case WORD_NOT_REC: p->not_rec = true; break;
	}
	return true;
}

int place_words(struct binds *b, struct place *p, const char *words, struct dv_err *e)
{
	size_t n;
	char **v = str_split(b->a, words, ',', &n);

	for (size_t i = 0; i < n; i++)
		if (!word_apply(b, p, v[i]))
			return dv_fail(e, DV_INVALID, "%s %.200s: invalid mode: %s", p->flag, p->text, v[i]);
	return 0;
}

/* --- destinations --- */

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

/* 1 when it is taken and we yield. */
static int check_destination(struct binds *b, const struct place *p, const char **ret, struct dv_err *e)
{
	const char *dst = clean_path(b->a, p->path);

	if (!dst)
		return dv_fail(e, DV_INVALID, "%s %.200s: mount path must be absolute", p->flag, p->text);
	if (streq(dst, "/"))
		return dv_fail(e, DV_INVALID, "%s %.200s: destination can't be '/'", p->flag, p->text);
	for (JSON_EACH(it, b->c->mounts))
		if (streq(json_str(json_get(it.value, "destination")), dst))
			return p->yields ? 1 : dv_fail(e, DV_INVALID, "Duplicate mount point: %s", dst);
	*ret = dst;
	return 0;
}

/* --- sources --- */

/* docker makes the directory for -v when it is missing. */
static int find_source(struct binds *b, const struct place *p, const char **ret, struct dv_err *e)
{
	auto_close int top = -1;
	char cwd[PATH_MAX];
	struct stat st;
	const char *path = p->source;
	int r;

	if (*path == '.') {
		if (!getcwd(cwd, sizeof cwd))
			return dv_fail_errno(e, errno, "working directory");
		path = arena_printf(b->a, "%s/%s", cwd, p->source);
	}
	*ret = path;
	if (stat(path, &st) == 0)
		return 0;
	if (errno != ENOENT)
		return dv_fail_errno(e, errno, "%s %.200s", p->flag, p->text);
	if (p->must_exist)
		return dv_fail(e, DV_INVALID, "invalid mount config for type \"bind\": bind source path does not exist: %.300s",
			       path);
	if ((r = file_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0, &top, e)) < 0 ||
	    (r = file_mkdirs(top, path + 1, 0755, NULL, e)) < 0)
		return dv_wrap(e, "%s %.200s", p->flag, p->text);
	return 0;
}

static const char *anonymous_name(struct binds *b, const char *dst)
{
	const char *text = arena_printf(b->a, "%s %s", b->id, dst);
	char hex[DIGEST_TEXT_SIZE];
	struct digest d;

	digest_of(DIGEST_SHA256, text, strlen(text), &d);
	return arena_str(b->a, digest_hex(&d, hex));
}

/* What is mounted: a path of the host. *ret_name is the volume's, NULL for a bind. */
static int place_source(struct binds *b, struct place *p, const char *dst, const char **ret, const char **ret_name,
			struct dv_err *e)
{
	int r = 0;

	if (p->type == PLACE_BIND) {
		*ret_name = NULL;
		return find_source(b, p, ret, e);
	}
	if (p->source)
		r = volume_check_name(p->source, e);
	else
		p->volume_options = volume_options_anonymous(b->a, p->volume_options);
	*ret_name = p->source ? p->source : anonymous_name(b, dst);
	*ret = arena_printf(b->a, "volumes/%s/_data", *ret_name);
	return r < 0 ? dv_wrap(e, "%s %.200s", p->flag, p->text) : 0;
}

/* --- as OCI has it --- */

/* A private upper directory that goes with the container; volume_prepare() makes it anew for each start, and the paths
 * absolute. */
static struct json *overlay_mount(struct binds *b, const char *dst, const char *src)
{
	const char *dir = arena_printf(b->a, "containers/%s/overlay/%u", b->id, b->overlays++);
	const char *options[] = { arena_printf(b->a, "lowerdir=%s", src ? src : ""), arena_printf(b->a, "upperdir=%s/upper", dir),
				  arena_printf(b->a, "workdir=%s/work", dir), NULL };

	return json_obj(b->a, "destination", json_new_str(b->a, dst), "type", json_new_str(b->a, "overlay"), "source",
			json_new_str(b->a, "overlay"), "options", json_new_strs(b->a, options), NULL);
}

static struct json *bind_mount(struct binds *b, const struct place *p, const char *dst, const char *src)
{
	struct json *options = json_new_array(b->a);

	json_append(b->a, options, json_new_str(b->a, p->not_rec ? "bind" : "rbind"));
	for (JSON_EACH(it, p->options))
		json_append(b->a, options, json_copy(b->a, it.value));
	if (p->ro)
		json_append(b->a, options, json_new_str(b->a, "ro"));
	json_append(b->a, options, json_new_str(b->a, *p->propagation ? p->propagation : "rprivate"));
	return json_obj(b->a, "destination", json_new_str(b->a, dst), "type", json_new_str(b->a, "bind"), "source",
			json_new_str(b->a, src), "options", options, NULL);
}

static struct json *fresh_mount(struct binds *b, const struct place *p, const char *dst, const char *source)
{
	struct json *options = json_copy(b->a, p->options);

	if (p->ro)
		json_append(b->a, options, json_new_str(b->a, "ro"));
	return json_obj(b->a, "destination", json_new_str(b->a, dst), "type",
			json_new_str(b->a, p->type == PLACE_IMAGE ? VOLUME_IMAGE_TYPE : type_names[p->type]), "source",
			json_new_str(b->a, source), "options", options, NULL);
}

static struct json *mount_point(struct binds *b, const struct place *p, const char *dst, const char *src, const char *name)
{
	bool source = p->type == PLACE_BIND || p->type == PLACE_VOLUME;

	return json_obj(b->a, "Type", json_new_str(b->a, type_names[p->type]), "Name", name ? json_new_str(b->a, name) : NULL,
			"Source", json_new_str(b->a, src), "Destination", json_new_str(b->a, dst), "Driver",
			name ? json_new_str(b->a, "local") : NULL, "Mode", json_new_str(b->a, p->mode), "RW",
			json_new_bool(b->a, !p->ro), "Propagation",
			json_new_str(b->a, *p->propagation || !source || name ? p->propagation : "rprivate"), "VolumeOptions",
			p->volume_options, NULL);
}

int place_add(struct binds *b, struct place *p, struct dv_err *e)
{
	const char *dst = NULL, *src = p->source ? p->source : "", *name = NULL;
	int r = check_destination(b, p, &dst, e);
	struct json *m;

	if (r != 0)
		return r < 0 ? r : 0;
	if (json_len(b->c->mounts) >= MOUNTS_MAX)
		return dv_fail(e, DV_LIMIT, "more than %d mounts", MOUNTS_MAX);
	if (p->type == PLACE_BIND || p->type == PLACE_VOLUME) {
		if ((r = place_source(b, p, dst, &src, &name, e)) < 0)
			return r;
		if (p->overlay && strpbrk(src, ",:\\"))
			return dv_fail(e, DV_UNSUPPORTED, "%s %.200s: O with a path that has a comma, colon or backslash", p->flag, p->text);
		m = p->overlay ? overlay_mount(b, dst, src) : bind_mount(b, p, dst, src);
	} else {
		m = fresh_mount(b, p, dst, p->type == PLACE_IMAGE ? src : type_names[p->type]);
	}
	json_append(b->a, b->c->mounts, m);
	json_append(b->a, b->c->mount_points, mount_point(b, p, dst, src, name));
	return 0;
}

/* --- flags --- */

static int add_volume(struct binds *b, const char *text, struct dv_err *e)
{
	size_t n;
	char **part = str_split(b->a, text, ':', &n);
	struct place p = { .flag = "-v", .text = text, .mode = n == 3 ? part[2] : "", .propagation = "",
			   .options = json_new_array(b->a) };
	int r = n == 3 ? place_words(b, &p, part[2], e) : 0;

	if (r < 0)
		return r;
	if (n == 0 || n > 3 || (n > 1 && (!*part[0] || !*part[1])))
		return dv_fail(e, DV_INVALID, "-v %.200s: invalid volume specification, SRC:DST[:OPTIONS] is wanted", text);
	p.path = part[n > 1];
	p.source = n > 1 ? part[0] : NULL;
	p.type = p.source && (*p.source == '/' || *p.source == '.') ? PLACE_BIND : PLACE_VOLUME;
	return place_add(b, &p, e);
}

static int add_tmpfs(struct binds *b, const char *text, struct dv_err *e)
{
	static const char *const first[] = { "noexec", "nosuid", "nodev", NULL };
	const char *colon = strchr(text, ':');
	struct place p = { .flag = "--tmpfs", .text = text, .type = PLACE_TMPFS, .propagation = "",
			   .path = colon ? arena_strn(b->a, text, (size_t)(colon - text)) : text,
			   .mode = colon ? colon + 1 : "", .options = json_new_strs(b->a, first) };
	size_t n = 0;
	char **words = colon ? str_split(b->a, colon + 1, ',', &n) : NULL;

	for (size_t i = 0; i < n; i++)
		json_append(b->a, p.options, json_new_str(b->a, words[i]));
	return place_add(b, &p, e);
}

/* VOLUME of the image: an anonymous volume, an empty tmpfs, or nothing. */
static int add_image_volumes(struct binds *b, const struct json *volumes, struct dv_err *e)
{
	const char *how = b->q->image_volume ? b->q->image_volume : "anonymous";
	bool tmpfs = streq(how, "tmpfs");
	int r = 0;

	if (streq(how, "ignore"))
		return 0;
	if (!tmpfs && !streq(how, "bind") && !streq(how, "anonymous"))
		return dv_fail(e, DV_INVALID, "--image-volume: \"%.60s\" is none of anonymous, bind, tmpfs, ignore", how);
	for (JSON_EACH(it, volumes)) {
		struct place p = { .flag = "VOLUME", .text = json_iter_key(it), .path = json_iter_key(it),
				   .type = tmpfs ? PLACE_TMPFS : PLACE_VOLUME, .mode = "", .propagation = "",
				   .options = json_new_array(b->a), .yields = true };

		if (r >= 0)
			r = place_add(b, &p, e);
	}
	return r;
}

static int check_driver(const struct run_request *q, struct dv_err *e)
{
	if (q->volume_driver && *q->volume_driver && !streq(q->volume_driver, "local"))
		return dv_fail(e, DV_UNSUPPORTED, "--volume-driver %.64s: there is no volume driver but local", q->volume_driver);
	return 0;
}

int binds_parse(struct arena *a, const struct run_request *q, const struct json *image, const char *id, struct run_config *c,
		struct dv_err *e)
{
	struct binds b = { .a = a, .q = q, .id = id, .c = c };
	int r = check_driver(q, e);

	c->mounts = json_new_array(a);
	c->mount_points = json_new_array(a);
	for (const char *const *v = q->volumes; r >= 0 && v && *v; v++)
		r = add_volume(&b, *v, e);
	for (const char *const *m = q->mounts; r >= 0 && m && *m; m++)
		r = place_mount_flag(&b, *m, false, e);
	for (const char *const *t = q->tmpfs; r >= 0 && t && *t; t++)
		r = add_tmpfs(&b, *t, e);
	for (const char *const *i = q->inherited; r >= 0 && i && *i; i++)
		r = place_mount_flag(&b, *i, true, e);
	if (r >= 0)
		r = add_image_volumes(&b, json_get(image, "Volumes"), e);
	return r < 0 ? r : 0;
}
