/* walk.c - the stack of a walk over a tree of any depth. */
#include "json/node.h"

void walk_init(struct walk *w)
{
	w->top = NULL;
	w->frames = w->first;
	w->n = 0;
	w->cap = ARRAY_LEN(w->first);
}

void walk_done(struct walk *w)
{
	if (w->frames != w->first)
		free(w->frames);
}

void walk_push(struct walk *w, const struct json *j, void *to)
{
	if (w->n == w->cap) {
		bool first = w->frames == w->first;

		w->frames = mem_resize(first ? NULL : w->frames, mem_mul(w->cap, 2), sizeof *w->frames);
		if (first)
			memcpy(w->frames, w->first, sizeof w->first);
		w->cap *= 2;
	}
	w->top = &w->frames[w->n++];
	*w->top = (struct walk_frame){ .j = j, .to = to };
}

void walk_pop(struct walk *w)
{
	w->n--;
	w->top = w->n ? &w->frames[w->n - 1] : NULL;
}
