/* names.c - names for the completion of shells: containers, images.
 *
 * Whatever fails is silent: a shell that waits for candidates wants no messages.
 */
#include <unistd.h>

#include "base/str.h"
#include "cli/cli.h"
#include "engine/pod.h"
#include "image/name.h"

/* The value of one of the program's own options on the line so far. */
static const char *option(struct arena *a, const char *const *words, const char *name, const char *otherwise)
{
	const char *equals = arena_printf(a, "%s=", name);

	for (; *words; words++) {
		if (streq(*words, name) && words[1])
			return words[1];
		if (str_starts(*words, equals))
			return *words + strlen(equals);
	}
	return otherwise;
}

static void put(struct buf *b, const char *prefix, const char *name, const char *help)
{
	if (str_starts(name, prefix))
		buf_printf(b, "%s\t%s\n", name, help);
}

static void containers(struct engine *g, struct arena *a, struct buf *b, const char *prefix)
{
	struct ctr_list list;

	if (ctr_list(g, a, &list, NULL) < 0)
		return;
	for (size_t i = 0; i < list.n; i++) {
		put(b, prefix, list.v[i]->name, list.v[i]->image_ref);
		if (*prefix)
			put(b, prefix, arena_strn(a, list.v[i]->id, CTR_SHORT), list.v[i]->name);
	}
}

static void images(struct engine *g, struct arena *a, struct buf *b, const char *prefix)
{
	struct image_list list;

	if (image_list(engine_images(g), a, &list, NULL) < 0)
		return;
	for (size_t i = 0; i < list.n; i++)
		for (const char **n = list.v[i]->names; n && *n; n++)
			put(b, prefix, image_name_familiar(*n), cli_short_id(a, list.v[i]->id, false));
}

static void both(struct engine *g, struct arena *a, struct buf *b, const char *prefix)
{
	containers(g, a, b, prefix);
	images(g, a, b, prefix);
}

static void pods(struct engine *g, struct arena *a, struct buf *b, const char *prefix)
{
	struct pod_list list;

	if (pod_list(g, a, &list, NULL) < 0)
		return;
	for (size_t i = 0; i < list.n; i++)
		put(b, prefix, list.v[i]->name, arena_strn(a, list.v[i]->id, CTR_SHORT));
}

static const struct {
	const char *kind;
	void (*list)(struct engine *g, struct arena *a, struct buf *b, const char *prefix);
} kinds[] = { { "CONTAINER", containers }, { "IMAGE", images }, { "NAME", both }, { "POD", pods } };

bool cli_names(struct buf *b, struct arena *a, const char *const *words, const char *kind, const char *prefix)
{
	auto_engine struct engine *g = NULL;
	const char *root = option(a, words, "--root", ENGINE_ROOT_DEFAULT);
	size_t i = 0;

	while (i < ARRAY_LEN(kinds) && !streq(kinds[i].kind, kind))
		i++;
	if (i == ARRAY_LEN(kinds))
		return false;
	/* Nothing is made for the sake of a list. */
	if (access(root, R_OK) == 0 && engine_open(root, option(a, words, "--runroot", ENGINE_RUNROOT_DEFAULT), &g, NULL) >= 0)
		kinds[i].list(g, a, b, prefix);
	return true;
}
