/* hooks.c - run hooks. */
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "oci/hooks.h"

#define HOOK_OUTPUT_MAX_BYTES 4096
#define HOOK_TIMEOUT_MS_MAX 2000000000

static int open_output(const struct view_map *annotations, const char *key, int *ret_fd, struct dv_err *e)
{
	const char *path = view_map_get(annotations, key);

	*ret_fd = -1;
	if (!path)
		return 0;
	if (spec_path_climbs(path))
		return dv_fail(e, DV_INVALID, "annotation %s: \"%s\" has \"..\" in it", key, path);
	return file_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_NOFOLLOW, 0644, ret_fd, e);
}

static int run_one(const struct spec_hook *h, const char *state_text, const struct view_map *annotations,
		   struct dv_err *e)
{
	static char *const no_env[] = { NULL };
	char *const only_path[] = { (char *)h->path, NULL };
	auto_buf struct buf out = BUF_INIT(HOOK_OUTPUT_MAX_BYTES);
	auto_close int out_fd = -1, err_fd = -1;
	struct proc_map fds[2];
	struct proc_spawn s = { .path = h->path, .fds = fds,
				.argv = h->args && h->args[0] ? (char *const *)h->args : only_path,
				.envp = h->env ? (char *const *)h->env : no_env };
	int64_t ms = h->timeout.set ? h->timeout.v * 1000 : -1;
	int status, r;

	if ((r = open_output(annotations, "run.oci.hooks.stdout", &out_fd, e)) < 0 ||
	    (r = open_output(annotations, "run.oci.hooks.stderr", &err_fd, e)) < 0)
		return r;
	if (out_fd >= 0)
		fds[s.n_fds++] = (struct proc_map){ out_fd, 1 };
	if (err_fd >= 0)
		fds[s.n_fds++] = (struct proc_map){ err_fd, 2 };
	if (h->timeout.set && h->timeout.v > HOOK_TIMEOUT_MS_MAX / 1000)
		ms = HOOK_TIMEOUT_MS_MAX;
	r = proc_run(&s, state_text, strlen(state_text), &out, (int)ms, &status, e);
	if (r < 0)
		return r;
	if (proc_exit_code(status) == 0)
		return 0;
	for (size_t i = 0; i < out.len; i++)
		if (out.p[i] == '\n')
			out.p[i] = i + 1 < out.len ? ' ' : '\0';
	return dv_fail(e, DV_INTERNAL, "%s: exit status %d, output: %s", h->path, proc_exit_code(status),
		       buf_cstr(&out));
}

int hooks_run(const char *kind, const struct view_list *hooks, const char *state_text,
	      const struct view_map *annotations, struct dv_err *e)
{
	for (size_t i = 0; i < hooks->n; i++) {
		int r = run_one(view_at(hooks, struct spec_hook, i), state_text, annotations, e);

		if (r < 0)
			return dv_wrap(e, "error running %s hook #%zu", kind, i);
	}
	return 0;
}
