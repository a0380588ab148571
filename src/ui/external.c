/* external.c - verbs that another program of ours has: found beside our own file, given the whole line.
 *
 * davit stays static and quick to start because what needs TLS or fast
 * compression lives in programs of its own. Their verbs are listed in our table
 * by name and summary only; options, help, manual page and completion are theirs.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/str.h"
#include "ui/inner.h"

#define WORDS_MAX 65536

/* "DIRECTORY OF OUR OWN FILE/name" */
static int beside_us(struct arena *a, const char *name, const char **ret, struct dv_err *e)
{
	auto_free char *own = NULL;
	int r = proc_program(&own, e);
	const char *slash = r < 0 ? NULL : strrchr(own, '/');

	if (r < 0)
		return r;
	*ret = arena_printf(a, "%.*s/%s", slash ? (int)(slash - own) : 1, slash ? own : ".", name);
	return 0;
}

static size_t count(const char *const *words)
{
	size_t n = 0;

	while (words[n])
		n++;
	return n;
}

int external_run(struct arena *a, const struct program *p, const struct verb *v, const struct external_line *line,
		 struct dv_err *e)
{
	size_t before = line->n_before, rest = count(line->rest), n = 0;
	const char **argv, *path;
	int r;

	if (before + rest > WORDS_MAX)
		return dv_fail(e, DV_LIMIT, "more than %d words", WORDS_MAX);
	argv = arena_array(a, const char *, before + rest + 4);
	argv[n++] = p->name;            /* it speaks in our name */
	for (size_t i = 0; i < before; i++)
		argv[n++] = line->before[i];
	if (line->builtin)
		argv[n++] = line->builtin;
	argv[n++] = v->name;
	for (size_t i = 0; i < rest; i++)
		argv[n++] = line->rest[i];
	argv[n] = NULL;
	r = beside_us(a, v->external, &path, e);
	if (r < 0)
		return r;
	(void)fflush(stdout);
	(void)execv(path, (char *const *)argv);
	return dv_fail_errno(e, errno, "run %s", path);
}
