/* registries.c - read registries.conf and its drop-ins, and answer questions about names. */
#include <dirent.h>

#include "base/file.h"
#include "base/str.h"
#include "json/toml.h"
#include "json/view.h"
#include "transfer/registries.h"

#define MIRROR_VIEW(F, c) \
	F(c, str,  location, "location",         0, NULL) \
	F(c, bool, insecure, "insecure",         0, NULL) \
	F(c, str,  use,      "pull-from-mirror", 0, NULL)
DV_VIEW(mirror_view, MIRROR_VIEW);

#define REGISTRY_VIEW(F, c) \
	F(c, str,  prefix,      "prefix",                0, NULL) \
	F(c, str,  location,    "location",              0, NULL) \
	F(c, bool, insecure,    "insecure",              0, NULL) \
	F(c, bool, blocked,     "blocked",               0, NULL) \
	F(c, bool, digest_only, "mirror-by-digest-only", 0, NULL) \
	F(c, list, mirrors,     "mirror",                0, &mirror_view_schema)
DV_VIEW(registry_view, REGISTRY_VIEW);

#define CONF_VIEW(F, c) \
	F(c, strs, search,     "unqualified-search-registries", 0, NULL) \
	F(c, str,  mode,       "short-name-mode",               0, NULL) \
	F(c, strs, helpers,    "credential-helpers",            0, NULL) \
	F(c, list, registries, "registry",                      0, &registry_view_schema) \
	F(c, map,  aliases,    "aliases",                       0, NULL) \
	F(c, node, version1,   "registries",                    0, NULL)
DV_VIEW(conf_view, CONF_VIEW);

struct mirror {
	const char *location;
	bool insecure;
	enum mirror_use use;
};

struct registry {
	const char *prefix, *location;  /* location "": the name stays as it is */
	bool insecure, blocked;
	const char *file;               /* where it says so */
	struct mirror *mirrors;
	size_t n_mirrors;
};

struct registries {
	struct arena arena;
	struct registry v[REGISTRIES_MAX];
	size_t n;
	const char **search, **helpers;
	bool enforcing;
	struct json *aliases;           /* name -> name */
};

/* --- one file --- */

/* Without the slashes at its end. */
static int location(struct arena *a, const char *text, const char **ret, struct dv_err *e)
{
	size_t len = text ? strlen(text) : 0;

	if (len > 0 && strstr(text, "://"))
		return dv_fail(e, DV_INVALID, "location \"%.80s\" must not have a scheme", text);
	while (len > 0 && text[len - 1] == '/')
		len--;
	*ret = arena_strn(a, text ? text : "", len);
	return 0;
}

static int mirror_use(const struct registry_view *v, const struct mirror_view *m, enum mirror_use *ret,
		      struct dv_err *e)
{
	static const char *const words[] = { "all", "digest-only", "tag-only" };

	*ret = v->digest_only ? MIRROR_DIGEST_ONLY : MIRROR_ALL;
	if (!m->use || !*m->use)
		return 0;
	if (v->digest_only)
		return dv_fail(e, DV_INVALID, "mirror-by-digest-only and pull-from-mirror exclude each other");
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (streq(m->use, words[i])) {
			*ret = (enum mirror_use)i;
			return 0;
		}
	}
	return dv_fail(e, DV_INVALID, "pull-from-mirror \"%.40s\" is neither all, digest-only nor tag-only", m->use);
}

static int read_mirrors(struct arena *a, const struct registry_view *v, struct registry *ret, struct dv_err *e)
{
	ret->mirrors = arena_array(a, struct mirror, v->mirrors.n);
	ret->n_mirrors = v->mirrors.n;
	for (size_t i = 0; i < v->mirrors.n; i++) {
		const struct mirror_view *m = view_at(&v->mirrors, struct mirror_view, i);
		int rc = location(a, m->location, &ret->mirrors[i].location, e);

		if (rc == 0)
			rc = mirror_use(v, m, &ret->mirrors[i].use, e);
		if (rc == 0 && !*ret->mirrors[i].location)
			rc = dv_fail(e, DV_INVALID, "a mirror has no location");
		if (rc < 0)
			return dv_wrap(e, "registry %.80s", ret->prefix);
		ret->mirrors[i].insecure = m->insecure;
	}
	return 0;
}

static int read_registry(struct arena *a, const struct registry_view *v, const char *file, struct registry *ret,
			 struct dv_err *e)
{
	*ret = (struct registry){ .insecure = v->insecure, .blocked = v->blocked, .file = file };
	if (location(a, v->location, &ret->location, e) < 0 || location(a, v->prefix, &ret->prefix, e) < 0)
		return -(int)DV_INVALID;
	if (!*ret->prefix)
		ret->prefix = ret->location;
	if (!*ret->prefix)
		return dv_fail(e, DV_INVALID, "a registry has neither prefix nor location");
	if (!*ret->location && !str_starts(ret->prefix, "*."))
		return dv_fail(e, DV_INVALID, "registry %.80s has no location", ret->prefix);
	return read_mirrors(a, v, ret, e);
}

/* A later file's registry stands for an earlier one's of the same prefix. */
static int put_registry(struct registries *rs, const struct registry *r, struct dv_err *e)
{
	for (size_t i = 0; i < rs->n; i++) {
		if (streq(rs->v[i].prefix, r->prefix)) {
			rs->v[i] = *r;
			return 0;
		}
	}
	if (rs->n == REGISTRIES_MAX)
		return dv_fail(e, DV_LIMIT, "more than %d registries", REGISTRIES_MAX);
	rs->v[rs->n++] = *r;
	return 0;
}

static int put_mode(struct registries *rs, const char *mode, struct dv_err *e)
{
	if (!streq(mode, "enforcing") && !streq(mode, "permissive") && !streq(mode, "disabled"))
		return dv_fail(e, DV_INVALID, "short-name-mode \"%.40s\" is neither enforcing, permissive nor disabled", mode);
	rs->enforcing = streq(mode, "enforcing");
	return 0;
}

static void put_aliases(struct registries *rs, const struct view_map *m)
{
	for (size_t i = 0; i < m->n; i++) {
		if (*m->values[i])
			json_set(&rs->arena, rs->aliases, m->keys[i], json_new_str(&rs->arena, m->values[i]));
		else
			(void)json_del(rs->aliases, m->keys[i]);
	}
}

static int take_conf(struct registries *rs, const struct conf_view *v, const char *file, struct dv_err *e)
{
	int rc = 0;

	if (v->version1)
		return dv_fail(e, DV_INVALID, "[registries]: version 1 of this format is not supported");
	for (size_t i = 0; rc == 0 && i < v->registries.n; i++) {
		struct registry r;

		rc = read_registry(&rs->arena, view_at(&v->registries, struct registry_view, i), file, &r, e);
		if (rc == 0)
			rc = put_registry(rs, &r, e);
	}
	if (rc == 0 && v->mode && *v->mode)
		rc = put_mode(rs, v->mode, e);
	if (v->search)
		rs->search = v->search;
	if (v->helpers)
		rs->helpers = v->helpers;
	put_aliases(rs, &v->aliases);
	return rc;
}

/* Absent is fine unless it must exist. */
static int read_file(struct registries *rs, const char *file, bool must, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	struct conf_view v;
	struct json *j;
	int rc = toml_parse_file(&rs->arena, AT_FDCWD, file, &j, &why);

	if (rc == -(int)DV_NOT_FOUND && !must)
		return 0;
	if (rc < 0)
		return dv_fail(e, why.kind, "%s", why.msg);
	rc = view_decode(&rs->arena, j, &conf_view_schema, "", &v, e);
	if (rc == 0)
		rc = take_conf(rs, &v, arena_str(&rs->arena, file), e);
	return rc < 0 ? dv_wrap(e, "%s", file) : 0;
}

/* --- which files --- */

static int is_conf(const struct dirent *d)
{
	return d->d_name[0] != '.' && str_ends(d->d_name, ".conf");
}

static int read_dir(struct registries *rs, const char *dir, struct dv_err *e)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_conf, alphasort), rc = 0;

	if (n < 0)
		return 0;               /* absent, or not for us to read */
	if (n > REGISTRIES_FILES_MAX)
		rc = dv_fail(e, DV_LIMIT, "%s has more than %d files", dir, REGISTRIES_FILES_MAX);
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = read_file(rs, arena_printf(&rs->arena, "%s/%s", dir, names[i]->d_name), false, e);
		free(names[i]);
	}
	free(names);
	return rc;
}

static const char *setting(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static int read_main(struct registries *rs, const char *only, struct dv_err *e)
{
	const char *file = only ? only : setting("CONTAINERS_REGISTRIES_CONF"), *home = setting("HOME");

	if (file)
		return read_file(rs, file, true, e);
	if (home) {
		file = arena_printf(&rs->arena, "%s/.config/containers/registries.conf", home);
		if (access(file, F_OK) == 0)
			return read_file(rs, file, false, e);
	}
	return read_file(rs, "/etc/containers/registries.conf", false, e);
}

static int read_dirs(struct registries *rs, struct dv_err *e)
{
	const char *dir = setting("CONTAINERS_REGISTRIES_CONF_DIR"), *home = setting("HOME");
	int rc = read_dir(rs, dir ? dir : "/etc/containers/registries.conf.d", e);

	if (rc == 0 && !dir && home)
		rc = read_dir(rs, arena_printf(&rs->arena, "%s/.config/containers/registries.conf.d", home), e);
	return rc;
}

int registries_load(const char *only, struct registries **ret, struct dv_err *e)
{
	struct registries *rs = mem_new(struct registries);
	int rc;

	arena_init(&rs->arena, 0);
	rs->aliases = json_new_object(&rs->arena);
	rc = read_main(rs, only, e);
	if (rc == 0 && !only)
		rc = read_dirs(rs, e);
	if (rc < 0)
		registries_free(rs);
	else
		*ret = rs;
	return rc;
}

void registries_free(struct registries *rs)
{
	if (rs)
		arena_done(&rs->arena);
	free(rs);
}

/* --- which registry a name belongs to --- */

static bool ends_part(char c)
{
	return c == '\0' || c == ':' || c == '/' || c == '@';
}

/* How many bytes of the name the prefix stands for; 0: none. */
static size_t match(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);
	const char *at;

	if (!str_starts(prefix, "*."))
		return strncmp(name, prefix, len) == 0 && ends_part(name[len]) ? len : 0;
	at = strstr(name, prefix + 1);
	if (!at || at == name || memchr(name, '/', (size_t)(at - name)) || !ends_part(at[len - 1]))
		return 0;
	return (size_t)(at - name) + len - 1;
}

static const struct registry *find(const struct registries *rs, const char *name)
{
	const struct registry *best = NULL;

	for (size_t i = 0; i < rs->n; i++)
		if (match(name, rs->v[i].prefix) > 0 && (!best || strlen(rs->v[i].prefix) > strlen(best->prefix)))
			best = &rs->v[i];
	return best;
}

static int check_blocked(const struct registry *r, const char *name, struct dv_err *e)
{
	return r && r->blocked ? dv_fail(e, DV_FORBIDDEN, "%s: registry %s is blocked in %s", name, r->prefix, r->file) : 0;
}

static int rewrite(struct arena *a, const struct registry *r, const char *where, const char *name, const char **ret,
		   struct dv_err *e)
{
	const char *text = *where ? arena_printf(a, "%s%s", where, name + match(name, r->prefix)) : arena_str(a, name);
	struct image_name n;

	if (image_name_parse(a, text, &n, e) < 0)
		return dv_wrap(e, "%s: rewritten by %s", name, r->file);
	*ret = arena_printf(a, "%s/%s", n.host, n.path);
	return 0;
}

int registries_sources(const struct registries *rs, const char *name, struct arena *a, struct registry_sources *ret,
		       struct dv_err *e)
{
	const struct registry *r = find(rs, name);
	struct registry_sources s = { .n = (r ? r->n_mirrors : 0) + 1 };
	struct registry_source *last;
	int rc = check_blocked(r, name, e);

	s.v = arena_array(a, struct registry_source, s.n);
	for (size_t i = 0; rc == 0 && i + 1 < s.n; i++) {
		const struct mirror *m = &r->mirrors[i];

		s.v[i] = (struct registry_source){ .insecure = m->insecure, .mirror = true, .use = m->use };
		rc = rewrite(a, r, m->location, name, &s.v[i].name, e);
	}
	last = &s.v[s.n - 1];
	*last = (struct registry_source){ .name = arena_str(a, name), .insecure = r && r->insecure };
	if (rc == 0 && r)
		rc = rewrite(a, r, r->location, name, &last->name, e);
	if (rc == 0)
		*ret = s;
	return rc;
}

int registries_target(const struct registries *rs, const char *name, struct arena *a, struct registry_source *ret,
		      struct dv_err *e)
{
	const struct registry *r = find(rs, name);
	int rc = check_blocked(r, name, e);

	if (rc == 0)
		*ret = (struct registry_source){ .name = arena_str(a, name), .insecure = r && r->insecure };
	return rc;
}

const char *const *registries_helpers(const struct registries *rs)
{
	return (const char *const *)rs->helpers;
}

/* --- short names --- */

/* "busybox", "library/busybox": the first part is no host. */
static bool is_short(const char *text)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : 0;

	return !slash || !(memchr(text, '.', len) || memchr(text, ':', len) ||
			   (len == 9 && memcmp(text, "localhost", 9) == 0));
}

/* The alias of the name without tag and digest, with them put behind it; or NULL. */
static const char *alias_of(const struct registries *rs, const char *text, struct arena *a)
{
	size_t len = strcspn(text, ":@");
	const char *to = json_str(json_getn(rs->aliases, text, len));

	return to ? arena_printf(a, "%s%s", to, text + len) : NULL;
}

static int resolve_search(const struct registries *rs, const char *text, struct arena *a, struct image_name **ret,
			  size_t *ret_n, struct dv_err *e)
{
	struct image_name *v;
	size_t n = 0;
	int rc = 0;

	while (rs->search[n])
		n++;
	if (n > 1 && rs->enforcing)
		return dv_fail(e, DV_INVALID, "short name \"%.100s\": short-name-mode is enforcing and there are %zu "
			       "unqualified-search-registries: give the registry too", text, n);
	v = arena_array(a, struct image_name, n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = image_name_parse(a, arena_printf(a, "%s/%s", rs->search[i], text), &v[i], e);
	if (rc == 0) {
		*ret = v;
		*ret_n = n;
	}
	return rc;
}

int registries_resolve(const struct registries *rs, const char *text, struct arena *a, struct image_name **ret,
		       size_t *ret_n, struct dv_err *e)
{
	const char *alias = is_short(text) ? alias_of(rs, text, a) : NULL;
	struct image_name *one = arena_new(a, struct image_name);
	int rc;

	if (is_short(text) && !alias && rs->search && rs->search[0])
		return resolve_search(rs, text, a, ret, ret_n, e);
	rc = image_name_parse(a, alias ? alias : text, one, e);
	if (rc == 0) {
		*ret = one;
		*ret_n = 1;
	}
	return rc;
}
