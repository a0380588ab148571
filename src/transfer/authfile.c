/* authfile.c - find, write and remove credentials in auth.json and its relatives. */
#include <errno.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/str.h"
#include "json/view.h"
#include "transfer/authhelper.h"

#define PLACES_MAX 4
#define FILES_HELPER "containers-auth.json"
#define DOCKER_IO "docker.io"
/* allow(url): docker's name for its registry in files and helpers; nobody is asked there */
#define DOCKER_KEY "https://index.docker.io/v1/"

#define ENTRY_VIEW(F, c) \
	F(c, str, auth,     "auth",          0, NULL) \
	F(c, str, user,     "username",      0, NULL) \
	F(c, str, password, "password",      0, NULL) \
	F(c, str, token,    "identitytoken", 0, NULL)
DV_VIEW(entry_view, ENTRY_VIEW);

static void wipe_str(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void auth_cred_done(struct auth_cred *c)
{
	wipe_str(c->user);
	wipe_str(c->password);
	wipe_str(c->token);
	*c = (struct auth_cred){ 0 };
}

/* --- which files --- */

static const char *setting(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static const char *runtime_file(struct arena *a)
{
	const char *dir = setting("XDG_RUNTIME_DIR");

	return dir ? arena_printf(a, "%s/containers/auth.json", dir) :
		     arena_printf(a, "/run/containers/%u/auth.json", (unsigned)getuid());
}

/* Where login writes. */
static const char *own_file(const struct auth_places *p, struct arena *a)
{
	const char *file = p->file ? p->file : setting("REGISTRY_AUTH_FILE");

	return file ? file : runtime_file(a);
}

static size_t all_files(const struct auth_places *p, struct arena *a, const char *ret[PLACES_MAX])
{
	const char *home = setting("HOME"), *config = setting("XDG_CONFIG_HOME"), *docker = setting("DOCKER_CONFIG");
	size_t n = 0;

	ret[n++] = own_file(p, a);
	if (p->file || setting("REGISTRY_AUTH_FILE"))
		return n;
	if (config || home)
		ret[n++] = arena_printf(a, "%s%s/containers/auth.json", config ? config : home, config ? "" : "/.config");
	if (docker || home)
		ret[n++] = arena_printf(a, "%s%s/config.json", docker ? docker : home, docker ? "" : "/.docker");
	return n;
}

/* --- read one --- */

static void wipe_buf(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_done(b);
}

/* NOT_FOUND when absent; an empty file is an empty object. */
static int read_file(struct arena *a, int dirfd, const char *name, const char *what, int flags, struct json **ret,
		     struct dv_err *e)
{
	struct buf b = BUF_INIT(AUTH_FILE_MAX);
	auto_close int fd = -1;
	int rc = file_open(dirfd, name, O_RDONLY | O_NONBLOCK | flags, 0, &fd, e);

	if (rc < 0)
		return rc;
	(void)buf_room(&b, AUTH_FILE_MAX / 8);          /* so that no copies are left behind by growing */
	rc = fd_read_to(fd, &b, what, e);
	if (rc == 0 && b.len == 0)
		*ret = json_new_object(a);
	else if (rc == 0 && (json_parse(a, b.p, b.len, ret, NULL) < 0 || json_type(*ret) != JSON_OBJECT))
		rc = dv_fail(e, DV_INVALID, "%s: not the JSON of an auth.json", what);
	wipe_buf(&b);
	return rc;
}

/* "user:password" out of its base64. */
static int split_auth(const char *auth, struct auth_cred *ret)
{
	struct buf b = BUF_INIT(AUTH_FILE_MAX);
	const char *colon;
	int rc = -(int)DV_INVALID;

	(void)buf_room(&b, strlen(auth) + 1);
	if (base64_decode(&b, auth, strlen(auth), NULL) == 0 && (colon = strchr(buf_cstr(&b), ':'))) {
		ret->user = mem_printf("%.*s", (int)(colon - b.p), b.p);
		ret->password = mem_str(colon + 1);
		rc = 0;
	}
	wipe_buf(&b);
	return rc;
}

/* 1: found; 0: the entry is empty, as docker leaves it when a helper has the secret. */
static int take_entry(struct arena *a, const struct json *j, const char *key, struct auth_cred *ret, struct dv_err *e)
{
	struct auth_cred c = { 0 };
	struct entry_view v;
	int rc = view_decode(a, j, &entry_view_schema, "", &v, NULL);

	if (rc == 0 && v.auth && *v.auth)
		rc = split_auth(v.auth, &c);
	if (rc < 0)                     /* no quotation: it is secret */
		return dv_fail(e, DV_INVALID, "the entry of %.100s makes no sense", key);
	if (!c.user && v.user && v.password) {
		c.user = mem_str(v.user);
		c.password = mem_str(v.password);
	}
	if (v.token && *v.token)
		c.token = mem_str(v.token);
	if (!c.token && !(c.user && *c.user)) {
		auth_cred_done(&c);
		return 0;
	}
	*ret = c;
	return 1;
}

/* --- keys --- */

const char *auth_key(struct arena *a, const char *name)
{
	const char *at = strstr(name, "://"), *host = at ? at + 3 : name;
	const char *slash = strchr(host, '/');
	char *key;

	/* docker's keys are URLs with a version behind the host */
	if (at && slash)
		return auth_key(a, arena_strn(a, host, (size_t)(slash - host)));
	key = arena_str(a, host);
	for (size_t len = strlen(key); len > 0 && key[len - 1] == '/'; len--)
		key[len - 1] = '\0';
	return streq(key, "index.docker.io") || streq(key, "registry-1.docker.io") ? DOCKER_IO : key;
}

/* The next shorter key: "h/a/b", "h/a", "h". */
static bool shorten(char *key)
{
	char *slash = strrchr(key, '/');

	if (slash)
		*slash = '\0';
	return slash != NULL;
}

static const char *server_of(const char *host)
{
	return streq(host, DOCKER_IO) ? DOCKER_KEY : host;
}

static const char *host_of(struct arena *a, const char *key)
{
	return arena_strn(a, key, strcspn(key, "/"));
}

/* docker's spelling of keys: a URL, or another name for docker.io. */
static const char *find_url_key(struct arena *a, const struct json *auths, const char *host)
{
	for (size_t i = 0; i < json_len(auths); i++)
		if (streq(auth_key(a, json_key(auths, i)), host))
			return json_key(auths, i);
	return NULL;
}

/* --- look up --- */

static int find_helper(struct arena *a, const struct json *j, const char *name, struct auth_cred *ret, struct dv_err *e)
{
	const struct json *helpers = json_get(j, "credHelpers");
	char *key = arena_str(a, name);
	int rc = 0;

	do {
		const char *helper = json_str(json_get(helpers, key));

		if (!helper && streq(key, DOCKER_IO))
			helper = json_str(json_get(helpers, DOCKER_KEY));
		if (helper && *helper)
			rc = authhelper_get(helper, server_of(key), ret, e);
	} while (rc == 0 && shorten(key));
	return rc;
}

static int find_entry(struct arena *a, const struct json *j, const char *name, struct auth_cred *ret, struct dv_err *e)
{
	const struct json *auths = json_get(j, "auths");
	char *key = arena_str(a, name);
	int rc = 0;

	do {
		const struct json *entry = json_get(auths, key);

		if (entry)
			rc = take_entry(a, entry, key, ret, e);
	} while (rc == 0 && shorten(key));
	return rc;
}

static int find_rest(struct arena *a, const struct json *j, const char *name, struct auth_cred *ret, struct dv_err *e)
{
	const char *host = host_of(a, name), *store = json_str(json_get(j, "credsStore"));
	const struct json *auths = json_get(j, "auths");
	const char *key;
	int rc = 0;

	if (store && *store)
		rc = authhelper_get(store, server_of(host), ret, e);
	if (rc == 0 && (key = find_url_key(a, auths, host)))
		rc = take_entry(a, json_get(auths, key), key, ret, e);
	return rc;
}

static int lookup_file(const char *file, const char *name, struct auth_cred *ret, struct dv_err *e)
{
	auto_arena_wipe struct arena a;
	struct dv_err why = DV_ERR_NONE;
	struct json *j;
	int rc;

	arena_init(&a, 0);
	rc = read_file(&a, AT_FDCWD, file, file, 0, &j, &why);
	if (rc == -(int)DV_NOT_FOUND || why.sys == ENOTDIR)
		return 0;
	if (rc < 0)
		return dv_fail(e, why.kind, "%s", why.msg);
	rc = find_helper(&a, j, name, ret, e);
	if (rc == 0)
		rc = find_entry(&a, j, name, ret, e);
	if (rc == 0)
		rc = find_rest(&a, j, name, ret, e);
	return rc < 0 ? dv_wrap(e, "%s", file) : rc;
}

int auth_lookup(const struct auth_places *p, const char *name, struct auth_cred *ret, struct dv_err *e)
{
	static const char *const only_files[] = { FILES_HELPER, NULL };
	auto_arena struct arena a;
	const char *files[PLACES_MAX], *key;
	size_t n;
	int rc = 0;

	arena_init(&a, 0);
	n = all_files(p, &a, files);
	key = auth_key(&a, name);
	for (const char *const *h = p->helpers && p->helpers[0] ? p->helpers : only_files; rc == 0 && *h; h++) {
		if (!streq(*h, FILES_HELPER))
			rc = authhelper_get(*h, server_of(host_of(&a, key)), ret, e);
		else
			for (size_t i = 0; rc == 0 && i < n; i++)
				rc = lookup_file(files[i], key, ret, e);
	}
	return rc;
}

/* --- change --- */

struct edit {
	struct arena arena;
	const char *file, *base;
	int dir;                /* locked */
	struct json *j;
};

static void edit_done(struct edit *ed)
{
	fd_close(&ed->dir);
	arena_wipe(&ed->arena);
}

static int open_dir(struct edit *ed, struct dv_err *e)
{
	const char *slash = strrchr(ed->file, '/');
	const char *dir = slash ? arena_strn(&ed->arena, ed->file, (size_t)(slash + 1 - ed->file)) : ".";
	struct dv_err why = DV_ERR_NONE;
	int rc = file_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0, &ed->dir, &why);

	ed->base = slash ? slash + 1 : ed->file;
	if (rc == -(int)DV_NOT_FOUND) {
		rc = file_mkdirs(AT_FDCWD, dir, 0700, NULL, e);
		return rc < 0 ? rc : file_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0, &ed->dir, e);
	}
	return rc < 0 ? dv_fail(e, why.kind, "%s", why.msg) : 0;
}

/* The file that login writes, read under the lock of its directory. A link in its place is refused. */
static int edit_begin(struct edit *ed, const struct auth_places *p, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	int rc;

	*ed = (struct edit){ .dir = -1 };
	arena_init(&ed->arena, 0);
	ed->file = own_file(p, &ed->arena);
	rc = open_dir(ed, e);
	if (rc == 0)
		rc = file_lock(ed->dir, true, true, ed->file, e);
	if (rc < 0)
		return rc;
	rc = read_file(&ed->arena, ed->dir, ed->base, ed->file, O_NOFOLLOW, &ed->j, &why);
	if (rc == -(int)DV_NOT_FOUND) {
		ed->j = json_new_object(&ed->arena);
		return 0;
	}
	if (why.sys == ELOOP)
		return dv_fail(e, DV_FORBIDDEN, "%s is a symbolic link: it is not written through", ed->file);
	return rc < 0 ? dv_fail(e, why.kind, "%s", why.msg) : 0;
}

static int edit_write(struct edit *ed, struct dv_err *e)
{
	struct buf b = BUF_INIT(AUTH_FILE_MAX);
	int rc;

	(void)buf_room(&b, AUTH_FILE_MAX / 8);
	json_write(&b, ed->j, JSON_PRETTY);
	buf_char(&b, '\n');
	rc = buf_check(&b, ed->file, e);
	if (rc == 0)
		rc = file_replace(ed->dir, ed->base, 0600, b.p, b.len, true, e);
	wipe_buf(&b);
	return rc;
}

/* The object `name` of the file, made when it is missing or something else. */
static struct json *section(struct edit *ed, const char *name)
{
	struct json *j = json_get_mut(ed->j, name);

	if (!j || json_type(j) != JSON_OBJECT) {
		j = json_new_object(&ed->arena);
		json_set(&ed->arena, ed->j, name, j);
	}
	return j;
}

/* The helper that keeps the key, or NULL: that of registries.conf, if it begins with one, else that of the file. */
static const char *helper_of(const struct edit *ed, const struct auth_places *p, const char *key)
{
	const char *helper = p->helpers ? p->helpers[0] : NULL;

	if (helper && !streq(helper, FILES_HELPER))
		return helper;
	helper = json_str(json_get(json_get(ed->j, "credHelpers"), key));

	if (!helper)
		helper = json_str(json_get(ed->j, "credsStore"));
	return helper && *helper ? helper : NULL;
}

static struct json *new_entry(struct arena *a, const char *user, const char *password)
{
	struct buf plain = BUF_INIT(AUTH_FILE_MAX), text = BUF_INIT(AUTH_FILE_MAX);
	size_t len = strlen(user) + strlen(password) + 1;
	struct json *entry;

	(void)buf_room(&plain, len + 1);
	(void)buf_room(&text, BASE64_LEN(len) + 1);
	buf_str(&plain, user);
	buf_char(&plain, ':');
	buf_str(&plain, password);
	base64_encode(&text, plain.p, plain.len);
	entry = json_obj(a, "auth", json_new_str(a, buf_cstr(&text)), NULL);
	wipe_buf(&plain);
	wipe_buf(&text);
	return entry;
}

int auth_store(const struct auth_places *p, const char *name, const char *user, const char *password, struct dv_err *e)
{
	struct edit ed;
	int rc = edit_begin(&ed, p, e);

	if (rc == 0) {
		const char *key = auth_key(&ed.arena, name), *helper = helper_of(&ed, p, key);

		if (helper)
			rc = authhelper_store(helper, server_of(host_of(&ed.arena, key)), user, password, e);
		else
			json_set(&ed.arena, section(&ed, "auths"), key, new_entry(&ed.arena, user, password));
		if (rc == 0 && !helper)
			rc = edit_write(&ed, e);
	}
	edit_done(&ed);
	return rc;
}

int auth_erase(const struct auth_places *p, const char *name, struct dv_err *e)
{
	struct edit ed;
	int rc = edit_begin(&ed, p, e);

	if (rc == 0) {
		const char *key = auth_key(&ed.arena, name), *helper = helper_of(&ed, p, key);
		struct json *auths = section(&ed, "auths");
		bool there = json_get(auths, key) != NULL;
		const char *other = there ? key : find_url_key(&ed.arena, auths, key);

		if (helper)
			rc = authhelper_erase(helper, server_of(host_of(&ed.arena, key)), e);
		else if (!other)
			rc = dv_fail(e, DV_NOT_FOUND, "not logged into %s", name);
		if (rc == 0 && other) {
			(void)json_del(auths, other);
			rc = edit_write(&ed, e);
		}
	}
	edit_done(&ed);
	return rc;
}

int auth_erase_all(const struct auth_places *p, struct dv_err *e)
{
	struct edit ed;
	int rc = edit_begin(&ed, p, e);

	if (rc == 0) {
		for (JSON_EACH(it, json_get(ed.j, "credHelpers")))
			if (rc == 0 && json_str(it.value))
				rc = authhelper_erase(json_str(it.value), server_of(json_iter_key(it)), e);
		json_set(&ed.arena, ed.j, "auths", json_new_object(&ed.arena));
		if (rc == 0)
			rc = edit_write(&ed, e);
	}
	edit_done(&ed);
	return rc;
}
