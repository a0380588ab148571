/* binds_flag.c - --mount KEY=VALUE,...: a line of CSV, its keys a table. */
#include "base/str.h"
#include "engine/binds_parts.h"

struct flag {
	struct binds *b;
	struct place p;
	struct json *labels, *driver_options;
	const char *driver;
};

/* --- values --- */

static int bad_value(const struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	return dv_fail(e, DV_INVALID, "--mount %.200s: invalid value for %s: %.60s", f->p.text, key, value);
}

static bool truth(const char *text, bool *ret)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" }, *const no[] = { "0", "f", "F", "false", "FALSE", "False" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (!streq(text, yes[i]) && !streq(text, no[i]))
			continue;
		*ret = streq(text, yes[i]);
		return true;
	}
	return false;
}

static void option(struct flag *f, const char *text)
{
	json_append(f->b->a, f->p.options, json_new_str(f->b->a, text));
}

static void mode_word(struct flag *f, const char *word)
{
	f->p.mode = *f->p.mode ? arena_printf(f->b->a, "%s,%s", f->p.mode, word) : word;
}

/* --- keys --- */

typedef int key_fn(struct flag *f, const char *key, const char *value, struct dv_err *e);

static int set_type(struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	static const struct {
		const char *name;
		enum place_type type;
	} types[] = {
		{ "bind", PLACE_BIND },   { "volume", PLACE_VOLUME }, { "tmpfs", PLACE_TMPFS },
		{ "ramfs", PLACE_RAMFS }, { "image", PLACE_IMAGE },   { "devpts", PLACE_DEVPTS },
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (streq(types[i].name, value)) {
			f->p.type = types[i].type;
			return 0;
		}
	return dv_fail(e, DV_INVALID, "--mount %.200s: unknown mount type: %.60s", f->p.text, value);
}

static int set_source(struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	f->p.source = *value ? value : NULL;
	return 0;
}

static int set_target(struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	f->p.path = value;
	return 0;
}

static int set_ro(struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	return truth(value, &f->p.ro) ? 0 : bad_value(f, key, value, e);
}

static int set_rw(struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	bool rw;

	if (!truth(value, &rw))
		return bad_value(f, key, value, e);
	f->p.ro = !rw;
	return 0;
}

static int set_propagation(struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	static const char *const known[] = { "private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (streq(known[i], value)) {
			f->p.propagation = known[i];
			return 0;
		}
	return bad_value(f, key, value, e);
}

static int set_not_recursive(struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	return truth(value, &f->p.not_rec) ? 0 : bad_value(f, key, value, e);
}

static int set_recursive(struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	if (streq(value, "readonly"))
		option(f, "rro");
	else if (!streq(value, "enabled") && !streq(value, "disabled") && !streq(value, "writable"))
		return bad_value(f, key, value, e);
	f->p.not_rec = streq(value, "disabled");
	return 0;
}

/* nocopy, U, O: the words of -v */
static int set_word(struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	const char *word = streq(key, "volume-nocopy") ? "nocopy" : streq(key, "chown") ? "U" : key;
	bool on;

	if (!truth(value, &on))
		return bad_value(f, key, value, e);
	if (on)
		mode_word(f, word);
	return on ? place_words(f->b, &f->p, word, e) : 0;
}

static int set_driver(struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	if (*value && !streq(value, "local"))
		return dv_fail(e, DV_UNSUPPORTED, "--mount %.200s: there is no volume driver but local", f->p.text);
	return 0;
}

static int set_pair(struct flag *f, struct json *to, const char *value)
{
	const char *eq = strchr(value, '=');

	json_set(f->b->a, to, eq ? arena_strn(f->b->a, value, (size_t)(eq - value)) : value, json_new_str(f->b->a, eq ? eq + 1 : ""));
	return 0;
}

static int set_label(struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	return set_pair(f, f->labels, value);
}

static int set_driver_option(struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	return set_pair(f, f->driver_options, value);
}

static int set_tmpfs_size(struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	uint64_t n;
	int r = str_bytes(value, key, &n, e);

	if (r >= 0)
		option(f, arena_printf(f->b->a, "size=%llu", (unsigned long long)n));
	return r < 0 ? dv_wrap(e, "--mount %.200s", f->p.text) : 0;
}

static int set_tmpfs_mode(struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	uint64_t n;
	int r = str_octal(value, 07777, key, &n, e);

	if (r >= 0)
		option(f, arena_printf(f->b->a, "mode=%llo", (unsigned long long)n));
	return r < 0 ? dv_wrap(e, "--mount %.200s", f->p.text) : 0;
}

/* mode, uid, gid, max: handed on to the file system */
static int set_data(struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	option(f, arena_printf(f->b->a, "%s=%s", key, value));
	return 0;
}

static int set_idmap(struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	option(f, streq(value, "true") ? "idmap" : arena_printf(f->b->a, "idmap=%s", value));
	return 0;
}

static int set_nothing(struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	return 0;
}

static int refuse(struct flag *f, const char *key, const char *value, struct dv_err *e)
{
	return dv_fail(e, DV_UNSUPPORTED, "--mount %.200s: %s is not supported", f->p.text, key);
}

static const struct {
	const char *name;
	key_fn *set;
} keys[] = {
	{ "type", set_type },
	{ "src", set_source },
	{ "source", set_source },
	{ "dst", set_target },
	{ "target", set_target },
	{ "destination", set_target },
	{ "ro", set_ro },
	{ "readonly", set_ro },
	{ "rw", set_rw },
	{ "readwrite", set_rw },
	{ "bind-propagation", set_propagation },
	{ "bind-nonrecursive", set_not_recursive },
	{ "bind-recursive", set_recursive },
	{ "volume-nocopy", set_word },
	{ "U", set_word },
	{ "chown", set_word },
	{ "O", set_word },
	{ "volume-driver", set_driver },
	{ "volume-label", set_label },
	{ "volume-opt", set_driver_option },
	{ "tmpfs-size", set_tmpfs_size },
	{ "tmpfs-mode", set_tmpfs_mode },
	{ "mode", set_data },
	{ "uid", set_data },
	{ "gid", set_data },
	{ "max", set_data },
	{ "idmap", set_idmap },
	{ "consistency", set_nothing },
	{ "relabel", set_nothing },
	{ "volume-subpath", refuse },
	{ "subpath", refuse },
};

/* --- the line --- */

/* One field of a CSV line: it may stand in quotation marks, in which "" is one. False for a quotation mark too many. */
static bool csv_field(struct arena *a, const char **at, const char **ret)
{
	const char *p = *at;
	char *out = arena_alloc(a, strlen(p) + 1), *o = out;
	bool quoted = *p == '"';

	p += quoted;
	for (; *p && (quoted || *p != ','); p++) {
		if (*p == '"') {
			if (!quoted)
				return false;
			if (p[1] != '"')
				break;
			p++;
		}
		*o++ = *p;
	}
	if (quoted && *p++ != '"')
		return false;
	if (*p && *p != ',')
		return false;
	*at = *p ? p + 1 : p;
	*ret = out;
	return true;
}

static int apply_field(struct flag *f, const char *field, struct dv_err *e)
{
	const char *eq = strchr(field, '=');
	const char *key = eq ? arena_strn(f->b->a, field, (size_t)(eq - field)) : field;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		bool flag = keys[i].set == set_ro || keys[i].set == set_rw || keys[i].set == set_word ||
			    keys[i].set == set_not_recursive || keys[i].set == set_idmap;

		if (!streq(keys[i].name, key))
			continue;
		if (!eq && !flag)
			return dv_fail(e, DV_INVALID, "--mount %.200s: invalid field '%.60s' must be a key=value pair", f->p.text, key);
		return keys[i].set(f, key, eq ? eq + 1 : "true", e);
	}
	return dv_fail(e, DV_INVALID, "--mount %.200s: unexpected key '%.60s'", f->p.text, key);
}

static int finish(struct flag *f, struct dv_err *e)
{
	struct arena *a = f->b->a;

	if (!f->p.path)
		return dv_fail(e, DV_INVALID, "--mount %.200s: target is required", f->p.text);
	if (f->p.type == PLACE_BIND && (!f->p.source || (*f->p.source != '/' && *f->p.source != '.')))
		return dv_fail(e, DV_INVALID, "--mount %.200s: a bind wants an absolute path as its source", f->p.text);
	if (f->p.type == PLACE_IMAGE && !f->p.source)
		return dv_fail(e, DV_INVALID, "--mount %.200s: an image is wanted as the source", f->p.text);
	if (json_len(f->labels) || json_len(f->driver_options))
		f->p.volume_options = json_obj(a, "Labels", f->labels, "DriverConfig",
					       json_obj(a, "Name", json_new_str(a, "local"), "Options", f->driver_options, NULL), NULL);
	return place_add(f->b, &f->p, e);
}

int place_mount_flag(struct binds *b, const char *text, bool inherited, struct dv_err *e)
{
	struct flag f = { .b = b, .labels = json_new_object(b->a), .driver_options = json_new_object(b->a),
			  .p = { .flag = inherited ? "--volumes-from" : "--mount", .text = text, .type = PLACE_VOLUME, .mode = "", .propagation = "",
				 .options = json_new_array(b->a), .must_exist = true, .yields = inherited } };
	const char *at = text, *field;
	int r = 0;

	while (r >= 0 && *at) {
		if (!csv_field(b->a, &at, &field))
			return dv_fail(e, DV_INVALID, "--mount %.200s: quotation marks do not match", text);
		r = apply_field(&f, field, e);
	}
	return r < 0 ? r : finish(&f, e);
}
