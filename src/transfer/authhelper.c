/* authhelper.c - speak with credential helpers: a word as the argument, the rest over stdin and stdout. */
#include <sys/wait.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "json/view.h"
#include "transfer/authhelper.h"

#define ANSWER_MAX 65536
#define NAME_SET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

#define ANSWER_VIEW(F, c) \
	F(c, str, user,   "Username", 0, NULL) \
	F(c, str, secret, "Secret",   0, NULL)
DV_VIEW(answer_view, ANSWER_VIEW);

static void wipe(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_done(b);
}

/* Its exit status. The answer is what it wrote; stderr goes nowhere: some chat there. */
static int run(const char *name, const char *verb, const char *input, struct buf *answer, struct dv_err *e)
{
	auto_free char *program = mem_printf("docker-credential-%s", name);
	auto_close int null = -1;
	struct proc_map map = { .to = 2 };
	struct proc_spawn s = { .path = program, .search = true, .argv = (char *[]){ program, (char *)verb, NULL },
				.fds = &map, .n_fds = 1 };
	int status, rc;

	if (!str_only(name, NAME_SET))
		return dv_fail(e, DV_INVALID, "\"%.80s\" is no name of a credential helper", name);
	rc = file_open(AT_FDCWD, "/dev/null", O_WRONLY, 0, &null, e);
	if (rc < 0)
		return rc;
	map.from = null;
	(void)buf_room(answer, ANSWER_MAX / 2);         /* so that no copies are left behind by growing */
	rc = proc_run(&s, input, strlen(input), answer, AUTH_HELPER_TIMEOUT_MS, &status, e);
	return rc < 0 ? dv_wrap(e, "%s %s", program, verb) : proc_exit_code(status);
}

/* Helpers say so in words, and only in words. */
static bool says_unknown(const char *answer)
{
	return strstr(answer, "credentials not found") != NULL;
}

static int failed(const char *name, const char *verb, int status, const char *answer, struct dv_err *e)
{
	int len = (int)strcspn(answer, "\r\n");

	return dv_fail(e, DV_UNAVAILABLE, "docker-credential-%s %s: exit status %d: %.*s", name, verb, status,
		       DV_MIN(len, 200), answer);
}

static int take_answer(struct arena *a, const char *name, const struct buf *answer, struct auth_cred *ret,
		       struct dv_err *e)
{
	struct answer_view v;
	struct json *j;
	int rc = json_parse(a, buf_cstr(answer), answer->len, &j, NULL);

	if (rc == 0)
		rc = view_decode(a, j, &answer_view_schema, "", &v, NULL);
	if (rc < 0)                     /* the parser's words could hold the secret */
		return dv_fail(e, DV_INVALID, "docker-credential-%s: the answer makes no sense", name);
	if (!v.secret || !v.user)
		return 0;
	if (streq(v.user, "<token>"))
		ret->token = mem_str(v.secret);
	else
		ret->password = mem_str(v.secret);
	ret->user = mem_str(v.user);
	return 1;
}

int authhelper_get(const char *name, const char *server, struct auth_cred *ret, struct dv_err *e)
{
	auto_arena_wipe struct arena a;
	struct buf answer = BUF_INIT(ANSWER_MAX);
	int rc;

	arena_init(&a, 0);
	rc = run(name, "get", server, &answer, e);
	if (rc > 0)
		rc = says_unknown(buf_cstr(&answer)) ? 0 : failed(name, "get", rc, buf_cstr(&answer), e);
	else if (rc == 0)
		rc = take_answer(&a, name, &answer, ret, e);
	wipe(&answer);
	return rc;
}

int authhelper_store(const char *name, const char *server, const char *user, const char *password, struct dv_err *e)
{
	auto_arena_wipe struct arena a;
	struct buf answer = BUF_INIT(ANSWER_MAX);
	const char *input;
	int rc;

	arena_init(&a, 0);
	input = json_text(&a, json_obj(&a, "ServerURL", json_new_str(&a, server), "Username", json_new_str(&a, user),
				       "Secret", json_new_str(&a, password), NULL), JSON_COMPACT);
	rc = run(name, "store", input, &answer, e);
	if (rc > 0)             /* what it says may hold what it was given */
		rc = failed(name, "store", rc, "", e);
	wipe(&answer);
	return rc;
}

int authhelper_erase(const char *name, const char *server, struct dv_err *e)
{
	struct buf answer = BUF_INIT(ANSWER_MAX);
	int rc = run(name, "erase", server, &answer, e);

	if (rc > 0)
		rc = says_unknown(buf_cstr(&answer)) ? 0 : failed(name, "erase", rc, buf_cstr(&answer), e);
	wipe(&answer);
	return rc;
}
