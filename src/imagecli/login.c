/* login.c - login and logout: credentials checked against the registry and kept for later. */
#include <stdio.h>

#include "base/fd.h"
#include "base/str.h"
#include "http/url.h"
#include "imagecli/imagecli.h"
#include "imagecli/prompt.h"
#include "imagecli/remoteopts.h"
#include "transfer/authfile.h"

#define DEFAULT_REGISTRY "docker.io"
#define SECRET_MAX ((size_t)64 << 10)

struct login_args {
	struct remote_args remote;
	const char *user, *password;
	bool password_stdin, get_login;
};

#define L(member) offsetof(struct login_args, member)
static const struct opt login_opts[] = {
	REMOTE_OPTS_LOGIN(struct login_args, remote),
	{ .name = "username", .letter = 'u', .kind = OPT_STR, .arg = "USER", .offset = L(user), .help = "User name" },
	{ .name = "password", .letter = 'p', .kind = OPT_STR, .arg = "PASSWORD", .offset = L(password),
	  .help = "Password (others can see it in the list of processes: prefer --password-stdin)" },
	{ .name = "password-stdin", .kind = OPT_BOOL, .offset = L(password_stdin),
	  .help = "Take the password from standard input" },
	{ .name = "get-login", .kind = OPT_BOOL, .offset = L(get_login), .help = "Show who is logged in to the registry" },
	{ 0 }
};

struct login {
	const struct login_args *args;
	struct remote *r;
	struct auth_places places;
	const char *key;                /* "localhost:5000" */
	struct buf user, password;
};

static void wipe(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_done(b);
}

/* --- where and who --- */

static int registry_key(struct verb_call *c, const char **ret, struct dv_err *e)
{
	const char *key = auth_key(c->arena, c->n_operands > 0 ? c->operands[0] : DEFAULT_REGISTRY);

	if (!url_authority_valid(key, strcspn(key, "/")) || strpbrk(key, " @?#"))
		return dv_fail(e, DV_INVALID, "\"%.100s\" is no registry", key);
	*ret = key;
	return 0;
}

static int open_login(struct verb_call *c, const struct remote_args *args, struct login *ret, struct dv_err *e)
{
	struct remote_options o;
	int rc = registry_key(c, &ret->key, e);

	if (rc < 0)
		return rc;
	remote_args_apply(args, &o);
	rc = remote_open(&o, &ret->r, e);
	if (rc == 0)
		remote_auth_places(ret->r, &ret->places);
	return rc;
}

static int show_login(struct login *l, struct dv_err *e)
{
	auto_cred struct auth_cred cred = { 0 };
	int rc = auth_lookup(&l->places, l->key, &cred, e);

	if (rc == 0)
		return dv_fail(e, DV_NOT_FOUND, "not logged into %s", l->key);
	if (rc > 0)
		printf("%s\n", cred.user ? cred.user : "<token>");
	return rc < 0 ? rc : 0;
}

/* --- ask --- */

static int password_of_stdin(struct buf *b, struct dv_err *e)
{
	int rc = fd_read_to(STDIN_FILENO, b, "standard input", e);

	while (rc == 0 && b->len > 0 && strchr("\r\n", b->p[b->len - 1]))
		b->p[--b->len] = '\0';
	return rc;
}

static int ask_user(struct login *l, struct dv_err *e)
{
	if (l->args->user) {
		buf_str(&l->user, l->args->user);
		return 0;
	}
	if (l->args->password_stdin)
		return dv_fail(e, DV_INVALID, "--password-stdin wants --username");
	if (!isatty(STDIN_FILENO))
		return dv_fail(e, DV_INVALID, "user name and password are wanted: by --username and --password-stdin, or at a terminal");
	return prompt_line("Username: ", false, &l->user, e);
}

static int ask_password(struct login *l, struct dv_err *e)
{
	if (l->args->password) {
		fprintf(stderr, "davit: --password can be seen by others: prefer --password-stdin\n");
		buf_str(&l->password, l->args->password);
		return 0;
	}
	if (l->args->password_stdin)
		return password_of_stdin(&l->password, e);
	if (!isatty(STDIN_FILENO))
		return dv_fail(e, DV_INVALID, "a password is wanted: by --password-stdin, or at a terminal");
	return prompt_line("Password: ", true, &l->password, e);
}

static int check_given(struct login *l, struct dv_err *e)
{
	int rc = ask_user(l, e);

	if (rc == 0)
		rc = ask_password(l, e);
	if (rc == 0 && (l->user.len == 0 || strchr(buf_cstr(&l->user), ':')))
		rc = dv_fail(e, DV_INVALID, "a user name is wanted, without \":\"");
	if (rc == 0 && l->password.len == 0)
		rc = dv_fail(e, DV_INVALID, "the password is empty");
	if (rc == 0 && (strlen(buf_cstr(&l->password)) != l->password.len))
		rc = dv_fail(e, DV_INVALID, "the password has a NUL byte");
	return rc;
}

/* What is known already, when nothing was given. 1: it is still good. */
static int try_known(struct login *l, struct dv_err *e)
{
	auto_cred struct auth_cred cred = { 0 };
	struct dv_err why = DV_ERR_NONE;
	int rc;

	if (l->args->user || l->args->password || l->args->password_stdin)
		return 0;
	rc = auth_lookup(&l->places, l->key, &cred, e);
	if (rc <= 0 || !cred.user || !cred.password || cred.token)
		return rc < 0 ? rc : 0;
	printf("Authenticating with existing credentials for %s\n", l->key);
	rc = remote_check_login(l->r, l->key, cred.user, cred.password, &why);
	if (rc < 0 && rc != -(int)DV_FORBIDDEN)
		return dv_fail(e, why.kind, "%s", why.msg);
	if (rc < 0)
		printf("Existing credentials are invalid, please enter a valid user name and password\n");
	else
		printf("Existing credentials are valid. Already logged in to %s\n", l->key);
	return rc == 0;
}

static int log_in(struct login *l, struct dv_err *e)
{
	int rc = try_known(l, e);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = check_given(l, e);
	if (rc == 0)
		rc = remote_check_login(l->r, l->key, buf_cstr(&l->user), buf_cstr(&l->password), e);
	if (rc == 0)
		rc = auth_store(&l->places, l->key, buf_cstr(&l->user), buf_cstr(&l->password), e);
	if (rc < 0)
		return rc;
	printf("Login Succeeded!\n");
	return 0;
}

static int login_run(struct verb_call *c, struct dv_err *e)
{
	const struct login_args *args = c->args;
	struct login l = { .args = args, .user = BUF_INIT(SECRET_MAX), .password = BUF_INIT(SECRET_MAX) };
	int rc;

	if (args->password && args->password_stdin)
		return dv_fail(e, DV_INVALID, "--password and --password-stdin exclude each other");
	(void)buf_room(&l.password, SECRET_MAX / 2);    /* no copies by growing */
	rc = open_login(c, &args->remote, &l, e);
	if (rc == 0)
		rc = args->get_login ? show_login(&l, e) : log_in(&l, e);
	wipe(&l.password);
	wipe(&l.user);
	remote_close(l.r);
	return rc;
}

static const char *const login_examples[] = {
	"davit login localhost:5000", "pass show registry | davit login -u me --password-stdin registry.example", NULL
};

const struct verb imageverb_login = {
	.name = "login",
	.operands = "[REGISTRY]",
	.summary = "Log in to a registry",
	.description = "Asks for a user name and a password, shows them to the registry, and keeps them in "
		       "${XDG_RUNTIME_DIR}/containers/auth.json (or $REGISTRY_AUTH_FILE, or --authfile), or with the credential "
		       "helper that this file or registries.conf names. Without REGISTRY it is " DEFAULT_REGISTRY ".",
	.examples = login_examples,
	.opts = login_opts,
	.args_size = sizeof(struct login_args),
	.operands_max = 1,
	.run = login_run,
};

/* --- logout --- */

struct logout_args {
	const char *authfile;
	bool all;
};

static const struct opt logout_opts[] = {
	{ .name = "authfile", .kind = OPT_STR, .arg = "FILE", .offset = offsetof(struct logout_args, authfile),
	  .help = "File of credentials, instead of the usual place" },
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = offsetof(struct logout_args, all),
	  .help = "Forget the credentials of all registries" },
	{ 0 }
};

static int logout_run(struct verb_call *c, struct dv_err *e)
{
	const struct logout_args *args = c->args;
	const struct remote_args remote = { .authfile = args->authfile };
	struct login l = { 0 };
	int rc;

	if (args->all && c->n_operands > 0)
		return dv_fail(e, DV_INVALID, "--all takes no registry");
	rc = open_login(c, &remote, &l, e);
	if (rc == 0)
		rc = args->all ? auth_erase_all(&l.places, e) : auth_erase(&l.places, l.key, e);
	remote_close(l.r);
	if (rc == 0 && args->all)
		printf("Removed login credentials for all registries\n");
	else if (rc == 0)
		printf("Removed login credentials for %s\n", l.key);
	return rc;
}

const struct verb imageverb_logout = {
	.name = "logout",
	.operands = "[REGISTRY]",
	.summary = "Log out of a registry",
	.description = "Forgets what login has kept. Without REGISTRY it is " DEFAULT_REGISTRY ".",
	.opts = logout_opts,
	.args_size = sizeof(struct logout_args),
	.operands_max = 1,
	.run = logout_run,
};
