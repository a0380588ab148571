/* pull.c - images for run: davit-image pulls, and says how far it is in JSON lines that are shown here.
 *
 * davit itself has neither TLS nor a registry client: it is static and starts fast.
 */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/map.h"
#include "base/proc.h"
#include "base/str.h"
#include "cli/cli.h"
#include "image/name.h"
#include "ui/progress.h"

#define LINE_MAX_BYTES ((size_t)64 << 10)

struct pulling {
	struct progress *bars;
	struct map *items;              /* digest -> struct progress_item */
	bool done;                      /* an id came */
	struct dv_err why;              /* or an error */
};

static void show_layer(struct pulling *p, const struct json *j)
{
	const char *digest = json_str(json_get(j, "layer")), *step = json_str(json_get(j, "step"));
	uint64_t done = 0, total = 0;
	char name[13];

	if (!step)
		return;
	struct progress_item *it = map_get(p->items, digest);
	if (!it) {
		const char *hex = strchr(digest, ':');

		(void)snprintf(name, sizeof(name), "%s", hex ? hex + 1 : digest);
		it = progress_add(p->bars, name);
		if (!it)
			return;
		(void)map_set(p->items, digest, it);
	}
	progress_step(it, step);
	(void)json_u64(json_get(j, "done"), &done);
	(void)json_u64(json_get(j, "total"), &total);
	if (done > 0 && done < total)
		progress_set(it, done, total);
}

static enum dv_kind kind_named(const char *name)
{
	for (int k = DV_OK + 1; name && k < DV_KIND_MAX; k++)
		if (streq(dv_kind_name(k), name))
			return k;
	return DV_INTERNAL;
}

static void on_line(struct pulling *p, const char *line, size_t len)
{
	auto_arena struct arena a;
	struct json *j;

	arena_init(&a, 0);
	if (json_parse(&a, line, len, &j, NULL) < 0)
		return;
	if (json_str(json_get(j, "layer")))
		show_layer(p, j);
	if (json_str(json_get(j, "note")))
		progress_note(p->bars, json_str(json_get(j, "note")));
	if (json_str(json_get(j, "error")))
		(void)dv_fail(&p->why, kind_named(json_str(json_get(j, "kind"))), "%s", json_str(json_get(j, "error")));
	if (json_str(json_get(j, "id")))
		p->done = true;
}

/* Until the other side has closed. */
static int listen_to(struct pulling *p, int sock, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(LINE_MAX_BYTES);
	ssize_t n;

	for (;;) {
		char *room = buf_room(&b, 4096), *end;

		if (!room)
			return dv_fail(e, DV_LIMIT, "a message of davit-image is too long");
		n = read(sock, room, 4096);
		if (n <= 0)
			return 0;
		b.len += (size_t)n;
		while ((end = memchr(b.p, '\n', b.len))) {
			size_t len = (size_t)(end - b.p);

			on_line(p, b.p, len);
			b.len -= len + 1;
			memmove(b.p, end + 1, b.len);
		}
	}
}

static int beside_us(struct arena *a, const char **ret, struct dv_err *e)
{
	auto_free char *own = NULL;
	int rc = proc_program(&own, e);

	if (rc < 0)
		return rc;
	const char *slash = strrchr(own, '/');
	*ret = arena_printf(a, "%.*s/davit-image", slash ? (int)(slash - own) : 1, slash ? own : ".");
	return 0;
}

static int pull(struct verb_call *c, struct pulling *p, const char *ref, const char *policy, const char *platform, struct dv_err *e)
{
	const struct cli_globals *g = c->globals;
	auto_close int ours = -1, theirs = -1;
	const char *path = NULL;
	int pair[2], status = 0, rc = beside_us(c->arena, &path, e);
	pid_t pid;

	if (rc == 0)
		rc = fd_socketpair(SOCK_STREAM, pair, e);
	if (rc < 0)
		return rc;
	ours = pair[0];
	theirs = pair[1];
	const char *const argv[] = { "davit", "--root", g->root, "--runroot", g->runroot, "pull", "--progress", "json",
				     "--policy", policy, platform ? "--platform" : ref, platform, platform ? ref : NULL,
				     NULL };
	const struct proc_map map = { theirs, STDOUT_FILENO };
	const struct proc_spawn s = { .path = path, .argv = (char *const *)argv, .fds = &map, .n_fds = 1 };
	rc = proc_spawn(&s, &pid, NULL, e);
	if (rc < 0)
		return dv_wrap(e, "pull %s", ref);
	fd_close(&theirs);
	rc = listen_to(p, ours, e);
	fd_close(&ours);
	if (proc_wait(pid, &status, rc < 0 ? NULL : e) < 0 || rc < 0)
		return rc < 0 ? rc : -(int)e->kind;
	if (p->why.kind) {
		*e = p->why;
		return -(int)e->kind;
	}
	return p->done ? 0 : dv_fail(e, DV_INTERNAL, "pull %s: davit-image ended with status %d", ref, proc_exit_code(status));
}

int cli_pull(struct verb_call *c, const char *ref, const char *policy, const char *platform, bool quiet, struct dv_err *e)
{
	struct pulling p = { .bars = progress_new(stderr, quiet), .items = map_new() };
	int rc = pull(c, &p, ref, policy, platform, e);

	map_free(p.items, NULL);
	progress_free(p.bars);
	return rc;
}

/* "linux/arm64/v8" against the image's own words; a part that is not said matches. */
static bool is_platform(struct arena *a, const struct image *img, const char *want, const char **ret_actual)
{
	static const char *const keys[] = { "os", "architecture", "variant" };
	struct json *config;
	size_t n;
	char **part = str_split(a, want, '/', &n);
	bool same = n <= ARRAY_LEN(keys);

	if (json_parse(a, img->config, img->config_len, &config, NULL) < 0)
		config = json_new_object(a);
	for (size_t i = 0; same && i < n; i++) {
		const char *own = json_str(json_get(config, keys[i]));

		same = (!own && i == 2) || streq(own ? own : "", part[i]);
	}
	*ret_actual = arena_printf(a, "%s/%s", json_str(json_get(config, "os")), json_str(json_get(config, "architecture")));
	return same;
}

/* As docker: what is here and of another platform is an error, not something to be replaced behind its back. */
static int check_platform(struct verb_call *c, struct image_store *s, const char *ref, const char *platform, struct dv_err *e)
{
	const char *actual;
	struct image *img;
	int r = platform ? image_resolve(s, c->arena, ref, &img, e) : 0;

	if (r < 0 || !platform || is_platform(c->arena, img, platform, &actual))
		return r < 0 ? r : 0;
	return dv_fail(e, DV_NOT_FOUND, "image with reference %.200s was found but does not provide the specified platform "
					"(%.60s): it is of %s", ref, platform, actual);
}

static int want_image(struct verb_call *c, struct image_store *s, const char *ref, const char *policy, const char *platform,
		      bool quiet, struct dv_err *e)
{
	const char *full = NULL;
	struct dv_err why = DV_ERR_NONE;
	struct image *img;

	if (policy && streq(policy, "never"))
		return 0;
	if (policy && !streq(policy, "missing"))
		return cli_pull(c, ref, policy, platform, quiet, e);
	/* What is no name (an id) cannot be pulled: whoever resolves it again says so. */
	if (image_resolve(s, c->arena, ref, &img, &why) != -DV_NOT_FOUND || image_name_normalize(c->arena, ref, &full, NULL) < 0)
		return 0;
	if (!quiet)
		(void)fprintf(stderr, "Unable to find image '%s' locally\n", image_name_familiar(full));
	return cli_pull(c, ref, "missing", platform, quiet, e);
}

int cli_want_image(struct verb_call *c, struct image_store *s, const char *ref, const char *policy, const char *platform,
		   bool quiet, struct dv_err *e)
{
	int r = want_image(c, s, ref, policy, platform, quiet, e);

	return r < 0 ? r : check_platform(c, s, ref, platform, e);
}
