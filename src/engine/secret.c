/* secret.c - secrets on disk, and in a container's run directory, which is in memory. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/secret.h"
#include "image/digest.h"

#define TOP "secrets"
#define LIST_MAX 100000
#define ID_SIZE 25

static int check_name(const char *name, struct dv_err *e)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	return str_only(name, set) && *name != '.' && *name != '-' && strlen(name) <= 200 ? 0 :
		dv_fail(e, DV_INVALID, "secret name %.100s must be of [a-zA-Z0-9_.-]", name);
}

static int open_top(struct engine *g, int *ret_fd, struct dv_err *e)
{
	if (mkdirat(engine_rootfd(g), TOP, 0700) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make directory " TOP);
	return file_open(engine_rootfd(g), TOP, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd, e);
}

static int look(int top, struct arena *a, const char *name, struct secret *ret, struct dv_err *e)
{
	char hex[DIGEST_TEXT_SIZE];
	struct digest d;
	struct stat st;

	if (fstatat(top, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return dv_fail(e, DV_NOT_FOUND, "no such secret: %.200s", name);
	const char *text = arena_printf(a, "%s %lld %ld", name, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	digest_of(DIGEST_SHA256, text, strlen(text), &d);
	*ret = (struct secret){ arena_str(a, name), arena_strn(a, digest_hex(&d, hex), ID_SIZE), st.st_mtim.tv_sec };
	return 0;
}

int secret_find(struct engine *g, struct arena *a, const char *name, struct secret *ret, struct dv_err *e)
{
	auto_close int top = -1;
	int r;

	if ((r = check_name(name, e)) < 0 || (r = open_top(g, &top, e)) < 0)
		return r;
	return look(top, a, name, ret, e);
}

int secret_create(struct engine *g, struct arena *a, const char *name, int fd, bool replace, struct secret *ret,
		  struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(SECRET_BYTES_MAX);
	auto_close int top = -1;
	struct secret old;
	int r;

	if ((r = check_name(name, e)) < 0 || (r = fd_read_to(fd, &b, "secret", e)) < 0 || (r = open_top(g, &top, e)) < 0)
		return r;
	if (!replace && look(top, a, name, &old, NULL) >= 0)
		return dv_fail(e, DV_EXISTS, "secret %.200s already exists", name);
	r = file_replace(top, name, 0600, buf_cstr(&b), b.len, true, e);
	return r < 0 ? r : look(top, a, name, ret, e);
}

int secret_list(struct engine *g, struct arena *a, struct secret_list *ret, struct dv_err *e)
{
	struct secret_list l = { arena_array(a, struct secret, 64), 0 };
	size_t cap = 64;
	struct dirent *de;
	int top, r = open_top(g, &top, e);
	DIR *d = r < 0 ? NULL : fdopendir(top);

	if (r < 0)
		return r;
	if (!d) {
		(void)close(top);
		return dv_fail_errno(e, ENOMEM, "read " TOP);
	}
	while ((de = readdir(d)) && l.n < LIST_MAX) {
		if (check_name(de->d_name, NULL) < 0)
			continue;
		if (l.n == cap) {
			struct secret *more = arena_array(a, struct secret, cap * 2);

			memcpy(more, l.v, cap * sizeof *more);
			l.v = more;
			cap *= 2;
		}
		l.n += look(dirfd(d), a, de->d_name, &l.v[l.n], NULL) >= 0;
	}
	(void)closedir(d);
	*ret = l;
	return 0;
}

int secret_remove(struct engine *g, const char *name, struct dv_err *e)
{
	auto_close int top = -1;
	int r;

	if ((r = check_name(name, e)) < 0 || (r = open_top(g, &top, e)) < 0)
		return r;
	if (unlinkat(top, name, 0) < 0)
		return errno == ENOENT ? dv_fail(e, DV_NOT_FOUND, "no such secret: %.200s", name) : dv_fail_errno(e, errno, "%.200s", name);
	return 0;
}

/* --- in a container --- */

struct give {
	const char *name, *type, *target;
	uint64_t uid, gid, mode;
};

static int parse_word(struct give *s, const char *word, struct dv_err *e)
{
	const char *v;

	if (!strchr(word, '='))
		s->name = word;
	else if ((v = str_after(word, "source=")))
		s->name = v;
	else if ((v = str_after(word, "type=")))
		s->type = v;
	else if ((v = str_after(word, "target=")))
		s->target = v;
	else if ((v = str_after(word, "uid=")))
		return str_u64(v, UINT32_MAX, "--secret: uid", &s->uid, e);
	else if ((v = str_after(word, "gid=")))
		return str_u64(v, UINT32_MAX, "--secret: gid", &s->gid, e);
	else if ((v = str_after(word, "mode=")))
		return str_octal(v, 07777, "--secret: mode", &s->mode, e);
	else
		return dv_fail(e, DV_INVALID, "--secret: unknown option \"%.60s\"", word);
	return 0;
}

static int parse(struct arena *a, const char *text, struct give *ret, struct dv_err *e)
{
	struct give s = { .type = "mount", .mode = 0444 };
	size_t n;
	char **v = str_split(a, text, ',', &n);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = parse_word(&s, v[i], e);
	if (r >= 0 && (!s.name || (!streq(s.type, "mount") && !streq(s.type, "env"))))
		r = dv_fail(e, DV_INVALID, "--secret %.100s: NAME[,type=mount|env][,target=...] is wanted", text);
	s.target = s.target ? s.target : s.name;
	*ret = s;
	return r < 0 ? r : 0;
}

static void add_env(struct arena *a, struct run_config *c, const char *line)
{
	size_t n = 0;

	while (c->env && c->env[n])
		n++;
	const char **v = arena_array(a, const char *, n + 2);
	if (n)
		memcpy(v, c->env, n * sizeof *v);
	v[n] = line;
	c->env = v;
}

static int put_file(struct arena *a, const struct give *s, const struct buf *b, size_t i, int run_dir, const char *dir,
		    struct run_config *c, struct dv_err *e)
{
	static const char *const options[] = { "bind", "ro", "rprivate", "nosuid", "nodev", "noexec", NULL };
	const char *file = arena_printf(a, TOP "/%zu", i);
	const char *dst = *s->target == '/' ? s->target : arena_printf(a, "/run/secrets/%s", s->target);
	auto_close int fd = -1;
	int r;

	if (mkdirat(run_dir, TOP, 0700) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make directory " TOP);
	if ((r = file_open(run_dir, file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, &fd, e)) < 0 ||
	    (r = fd_write_all(fd, buf_cstr(b), b->len, file, e)) < 0)
		return r;
	if (fchown(fd, (uid_t)s->uid, (gid_t)s->gid) < 0 || fchmod(fd, (mode_t)s->mode) < 0)
		return dv_fail_errno(e, errno, "owner and mode of a secret");
	json_append(a, c->mounts, json_obj(a, "destination", json_new_str(a, dst), "type", json_new_str(a, "bind"), "source",
					   json_new_str(a, arena_printf(a, "%s/%s", dir, file)), "options",
					   json_new_strs(a, options), NULL));
	return 0;
}

int secret_apply(struct engine *g, struct arena *a, const struct run_request *q, int run_dir, const char *dir,
		 struct run_config *c, struct dv_err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && q->secrets && q->secrets[i]; i++) {
		auto_buf struct buf b = BUF_INIT(SECRET_BYTES_MAX);
		auto_close int top = -1;
		struct secret found;
		struct give s;

		if ((r = parse(a, q->secrets[i], &s, e)) < 0 || (r = check_name(s.name, e)) < 0 || (r = open_top(g, &top, e)) < 0 ||
		    (r = look(top, a, s.name, &found, e)) < 0 || (r = file_read(top, s.name, &b, e)) < 0)
			return r;
		if (streq(s.type, "env"))
			add_env(a, c, arena_printf(a, "%s=%s", s.target, buf_cstr(&b)));
		else
			r = put_file(a, &s, &b, i, run_dir, dir, c, e);
	}
	return r;
}
