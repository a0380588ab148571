/* process.c - from a privileged process inside the container to the container's program. */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/compat.h"
#include "base/defence.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "oci/attrs.h"
#include "oci/caps.h"
#include "oci/process.h"
#include "oci/procfs.h"
#include "oci/sys.h"

#define PASSWD_BYTES_MAX (1 << 20)
#define GROUPS_MAX 65536

/* --- descriptors --- */

/* What came with us is not close-on-exec, and what we opened ourselves is. */
int process_check_preserved(unsigned n, struct dv_err *e)
{
	for (unsigned i = 0; i < n; i++)
		if (fcntl(3 + (int)i, F_GETFD) != 0)
			return dv_fail(e, DV_INVALID, "unable to preserve descriptor %u: it is not open", 3 + i);
	return 0;
}

/* From here on the process holds nothing of the host but these. Closed, not only close-on-exec: while it waits
 * for start, while hooks of the container run, and until the kernel has found the program and its
 * interpreter, "/proc/self/fd/N/..." would lead to wherever the host's descriptors are. */
static int keep_few(const struct process *p, struct dv_err *e)
{
	int keep[] = { p->proc_fd, p->keep[0], p->keep[1], log_fd() };

	return fd_keep_only(3 + (int)p->preserve_fds, keep, ARRAY_LEN(keep), e);
}

/* --- environment --- */

/* The home directory of uid in the container's passwd file; "/" when there is none. */
static const char *home_of(struct arena *a, uid_t uid)
{
	auto_buf struct buf b = BUF_INIT(PASSWD_BYTES_MAX);
	auto_close int fd = -1;
	struct stat st;
	struct scan s;
	const char *line;
	size_t len;

	/* No way through /proc/self/fd: the host's descriptors are still open. */
	if (file_open_how(AT_FDCWD, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, 0, &fd, NULL) < 0 ||
	    fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || fd_read_to(fd, &b, "/etc/passwd", NULL) < 0)
		return "/";
	s = scan_of(buf_cstr(&b), b.len);
	while (scan_until(&s, '\n', &line, &len)) {
		size_t n;
		char **field = str_split(a, arena_strn(a, line, len), ':', &n);
		uint64_t id;

		if (n >= 6 && str_u64(field[2], UINT32_MAX, "uid", &id, NULL) == 0 && id == uid && *field[5])
			return field[5];
	}
	return "/";
}

static void make_env(struct process *p)
{
	const char *const *env = (const char *const *)p->spec->env;
	const struct spec_user *user = p->spec->user;
	size_t n = 0, extra = 0;

	while (env && env[n])
		n++;
	while (p->extra_env && p->extra_env[extra])
		extra++;
	p->env = arena_array(p->arena, char *, n + extra + 2);
	for (size_t i = 0; i < n; i++)
		p->env[i] = (char *)env[i];
	for (size_t i = 0; i < extra; i++)
		p->env[n++] = (char *)p->extra_env[i];
	if (!spec_env_get(env, "HOME"))
		p->env[n] = arena_printf(p->arena, "HOME=%s", home_of(p->arena, user ? user->uid.v : 0));
}

/* --- working directory --- */

/* A directory outside the root (reached by a descriptor of the host) shows itself in its name. */
static int check_cwd(const char *cwd, struct dv_err *e)
{
	char name[PATH_MAX];

	if (!defence_on("cwd"))
		return 0;
	if (syscall(SYS_getcwd, name, sizeof name) < 0)
		return dv_fail_errno(e, errno, "cwd \"%s\"", cwd);
	if (name[0] != '/')
		return dv_fail(e, DV_FORBIDDEN, "cwd \"%s\" is outside of the container's root", cwd);
	return 0;
}

static int make_cwd(const char *cwd, bool make, struct dv_err *e)
{
	int r;

	if (streq(cwd, "/") || chdir(cwd) == 0)
		return 1;
	if (errno != ENOENT || !make)
		return 0;       /* perhaps the user's own rights suffice later */
	r = file_mkdirs(AT_FDCWD, cwd, 0755, NULL, e);
	if (r < 0)
		return dv_wrap(e, "cwd");
	return chdir(cwd) == 0;
}

static int enter_cwd(const char *cwd, bool entered, struct dv_err *e)
{
	if (streq(cwd, "/"))
		return 0;       /* where the change of the root has left us */
	if (!entered && chdir(cwd) < 0)
		return dv_fail_errno(e, errno, "chdir to cwd (\"%s\")", cwd);
	return check_cwd(cwd, e);
}

/* --- the program --- */

static bool can_run(const char *path, int *ret_sys)
{
	struct stat st;

	if (stat(path, &st) < 0)
		*ret_sys = errno;
	else if (S_ISDIR(st.st_mode))
		*ret_sys = EISDIR;
	else if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		*ret_sys = errno;
	else
		return true;
	return false;
}

static int find_program(struct process *p, struct dv_err *e)
{
	const char *name = p->spec->args[0], *path = spec_env_get((const char *const *)p->env, "PATH");
	int sys = ENOENT, denied = 0;
	struct scan s;
	const char *dir;
	size_t len;

	if (strchr(name, '/')) {
		if (!can_run(name, &sys))
			return sys == EISDIR ?
				       dv_fail(e, DV_FORBIDDEN, "exec: \"%s\": is a directory: permission denied", name) :
				       dv_fail_errno(e, sys, "exec: \"%s\"", name);
		p->program = name;
		return 0;
	}
	s = scan_of(path ? path : "", path ? strlen(path) : 0);
	while (*name && scan_until(&s, ':', &dir, &len)) {
		const char *full = arena_printf(p->arena, "%.*s/%s", len ? (int)len : 1, len ? dir : ".", name);

		if (can_run(full, &sys)) {
			p->program = full;
			return 0;
		}
		if (sys == EACCES)
			denied = sys;
	}
	if (denied)
		return dv_fail(e, DV_FORBIDDEN, "exec: \"%s\": permission denied", name);
	return dv_fail(e, DV_NOT_FOUND, "exec: \"%s\": executable file not found in $PATH", name);
}

/* --- identity --- */

static int set_groups(const struct spec_user *u, bool rootless, struct dv_err *e)
{
	gid_t list[256];
	auto_free gid_t *many = NULL;
	gid_t *g = list;
	size_t n = json_len(u ? u->extra_gids : NULL);

	if (n > GROUPS_MAX)
		return dv_fail(e, DV_LIMIT, "process.user.additionalGids: more than %d", GROUPS_MAX);
	if (n > ARRAY_LEN(list))
		g = many = mem_alloc(mem_mul(n, sizeof *g));
	for (size_t i = 0; i < n; i++) {
		uint64_t v;

		if (!json_u64(json_at(u->extra_gids, i), &v) || v > UINT32_MAX - 1)
			return dv_fail(e, DV_INVALID, "process.user.additionalGids[%zu]: a group id is wanted", i);
		g[i] = (gid_t)v;
	}
	/* Where setgroups is denied (a user's own user namespace) there is nothing to give up either. */
	if (sys_setgroups(n, g) < 0 && !(errno == EPERM && n == 0))
		return dv_fail_errno(e, errno, "set additional groups");
	return 0;
}

/* What a process may own only because it is its stdio. A file that it is given to read stays as it is. */
static bool may_be_given(int fd, const struct stat *st)
{
	if (S_ISREG(st->st_mode))
		return (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
	return !S_ISBLK(st->st_mode) && !S_ISDIR(st->st_mode) && !(S_ISCHR(st->st_mode) && st->st_rdev == 0x103);
}

/* The program must be able to reopen its own stdio; what cannot be given (a pipe of someone else) stays. */
static void give_stdio(const struct spec_user *u)
{
	if (!u || u->uid.v == 0)
		return;
	for (int fd = 0; fd < 3; fd++) {
		struct stat st;

		if (fstat(fd, &st) == 0 && st.st_uid != u->uid.v && may_be_given(fd, &st))
			(void)!fchown(fd, u->uid.v, (gid_t)-1);
	}
}

static int set_ids(const struct process *p, struct dv_err *e)
{
	const struct spec_user *u = p->spec->user;
	uid_t uid = u ? u->uid.v : 0;
	gid_t gid = u ? u->gid.v : 0;
	int r = set_groups(u, p->rootless, e);

	if (r < 0)
		return r;
	if (uid != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return dv_fail_errno(e, errno, "keep capabilities");
	if (sys_setresgid(gid, gid, gid) < 0)
		return dv_fail_errno(e, errno, "set gid %u", gid);
	if (sys_setresuid(uid, uid, uid) < 0)
		return dv_fail_errno(e, errno, "set uid %u", uid);
	if (uid != 0 && prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return dv_fail_errno(e, errno, "keep capabilities");
	return 0;
}

static int load_filter(struct process *p, struct dv_err *e)
{
	int notify = -1, r;

	if (!p->filter || p->filtered)
		return 0;
	r = seccomp_load(p->filter, &notify, e);
	if (r < 0)
		return r;
	p->filtered = true;
	if (notify >= 0 && p->on_notify)
		r = p->on_notify(p->ctx, notify, e);
	fd_close(&notify);
	return r;
}

/* Labels that take effect at exec. Older kernels have no directory of AppArmor's own. */
static int set_labels(const struct process *p, struct dv_err *e)
{
	const char *profile = p->spec->apparmor, *label = p->spec->selinux;
	int r = 0;

	if (profile && *profile) {
		auto_free char *text = mem_printf("exec %s", profile);

		r = procfs_write_self(p->proc_fd, "attr/apparmor/exec", text, e);
		if (r == -DV_NOT_FOUND)
			r = procfs_write_self(p->proc_fd, "attr/exec", text, e);
		if (r < 0)
			return dv_wrap(e, "apply AppArmor profile \"%s\"", profile);
	}
	if (label && *label && (r = procfs_write_self(p->proc_fd, "attr/exec", label, e)) < 0)
		return dv_wrap(e, "apply SELinux label \"%s\"", label);
	return r;
}

/* Possessors keep all rights, the user may look and search. */
static int join_keyring(const struct process *p, struct dv_err *e)
{
	const char *label = p->spec->selinux;
	long key;

	if (!p->keyring)
		return 0;
	if (label && *label && procfs_write_self(p->proc_fd, "attr/keycreate", label, e) < 0)
		return dv_wrap(e, "label the session keyring");
	key = sys_keyctl_join(p->keyring);
	if (key < 0)
		return errno == ENOSYS || errno == EDQUOT ? 0 : dv_fail_errno(e, errno, "join a session keyring");
	(void)sys_keyctl_setperm(key, 0x3f1b0000);
	return 0;
}

void process_unignore(unsigned ignored)
{
	for (int sig = 1; ignored; sig++, ignored >>= 1)
		if (ignored & 1)
			(void)signal(sig, SIG_DFL);
}

int process_become(struct process *p, struct dv_err *e)
{
	const struct spec_user *user = p->spec->user;
	struct cap_sets caps;
	sigset_t none;
	bool early = p->filter && (!p->spec->no_new_privs || p->filter->has_notify);
	int r, entered;

	/* The runtime blocks signals while it relays them; the program starts with none blocked. */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (defence_on("fds") && (r = keep_few(p, e)) < 0)
		return r;
	if ((r = attrs_rlimits(0, &p->spec->rlimits, RLIMITS_LATE, e)) < 0)
		return r;
	cap_sets_of_spec(p->spec->caps, false, &caps);
	make_env(p);
	if ((r = join_keyring(p, e)) < 0 || (p->personality && (r = attrs_personality(p->personality, e)) < 0) ||
	    (p->memory_policy && (r = attrs_memory_policy(p->memory_policy, e)) < 0) ||
	    (r = set_labels(p, e)) < 0)
		return r;
	entered = make_cwd(p->spec->cwd, p->make_cwd, e);
	if (entered < 0)
		return entered;
	give_stdio(user);
	(void)umask(user && user->umask.set ? user->umask.v & 0777 : 022);
	if (p->spec->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return dv_fail_errno(e, errno, "set no_new_privs");
	/* The host's /proc has links to all of the host, for those who may trace. */
	if (defence_on("fds"))
		fd_close(&p->proc_fd);
	/* Without no_new_privs only CAP_SYS_ADMIN may load a filter, so it has to be now. */
	if (early && (r = load_filter(p, e)) < 0)
		return r;
	if ((r = cap_drop_bounding(caps.bounding, e)) < 0 || (r = set_ids(p, e)) < 0 || (r = cap_apply(&caps, e)) < 0)
		return r;
	if ((r = enter_cwd(p->spec->cwd, entered > 0, e)) < 0)
		return r;
	/* A path is left to exec when that comes at once. */
	if (p->exec_follows && strchr(p->spec->args[0], '/'))
		return 0;
	r = find_program(p, e);
	p->no_program = r < 0;
	return r;
}

int process_exec(struct process *p, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	int r;

	const char *program = p->program ? p->program : p->spec->args[0];

	if ((r = load_filter(p, e)) < 0)
		return r;
	(void)execve(program, (char *const *)p->spec->args, p->env);
	r = dv_fail_errno(e, errno, "exec %s", program);
	p->no_program = true;
	/* Not looked at before: what is wrong with it is said in the same words. */
	if (!p->program && find_program(p, &why) < 0) {
		if (e)
			*e = why;
		r = -(int)why.kind;
	}
	return r;
}
