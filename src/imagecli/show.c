/* show.c - one stream of steps in three styles. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"
#include "imagecli/show.h"
#include "json/json.h"
#include "ui/progress.h"

#define ITEMS_MAX 1000

const char *const show_styles[] = { "auto", "plain", "json", NULL };

struct show {
	bool json, quiet;
	struct progress *bars;
	pthread_mutex_t lock;
	struct progress_item *items[ITEMS_MAX];
};

struct show *show_new(const char *style, bool quiet)
{
	struct show *s = mem_new(struct show);

	s->json = style && streq(style, "json");
	s->quiet = quiet;
	s->bars = progress_new(stderr, quiet || s->json);
	if (style && streq(style, "plain"))
		progress_plain(s->bars);
	(void)pthread_mutex_init(&s->lock, NULL);
	return s;
}

void show_free(struct show *s)
{
	if (!s)
		return;
	progress_free(s->bars);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

bool show_json(const struct show *s)
{
	return s->json;
}

/* One write(2) for each line, so that lines of several threads do not mix. */
static void line_out(struct arena *a, const struct json *j)
{
	(void)fputs(arena_printf(a, "%s\n", json_text(a, j, JSON_COMPACT)), stdout);
	(void)fflush(stdout);
}

static void step_json(const struct digest *d, const char *step, uint64_t done, uint64_t total)
{
	auto_arena struct arena a;
	char text[DIGEST_TEXT_SIZE];

	arena_init(&a, 0);
	line_out(&a, json_obj(&a, "layer", json_new_str(&a, digest_text(d, text)), "step", json_new_str(&a, step), "done",
			      json_new_u64(&a, done), "total", json_new_u64(&a, total), NULL));
}

static struct progress_item *item_of(struct show *s, size_t item, const struct digest *d)
{
	char text[DIGEST_TEXT_SIZE];

	(void)pthread_mutex_lock(&s->lock);
	if (!s->items[item]) {
		text[0] = '\0';
		digest_hex(d, text);
		text[12] = '\0';
		s->items[item] = progress_add(s->bars, text);
	}
	struct progress_item *it = s->items[item];
	(void)pthread_mutex_unlock(&s->lock);
	return it;
}

void show_step(struct show *s, size_t item, const struct digest *d, const char *step, uint64_t done, uint64_t total)
{
	if (item >= ITEMS_MAX || (s->quiet && !s->json))
		return;
	if (s->json) {
		step_json(d, step, done, total);
		return;
	}
	struct progress_item *it = item_of(s, item, d);
	progress_step(it, step);
	if (done > 0 && done < total)
		progress_set(it, done, total);
}

void show_note(void *show, const char *line)
{
	struct show *s = show;
	auto_arena struct arena a;

	arena_init(&a, 0);
	if (s->json)
		line_out(&a, json_obj(&a, "note", json_new_str(&a, line), NULL));
	else if (!s->quiet)
		progress_note(s->bars, line);
}

void show_end(struct show *s, const char *key, ...)
{
	auto_arena struct arena a = { 0 };
	va_list ap;

	if (!s->json)
		return;
	arena_init(&a, 0);
	struct json *j = json_new_object(&a);
	va_start(ap, key);
	for (; key; key = va_arg(ap, const char *))
		json_set(&a, j, key, json_new_str(&a, va_arg(ap, const char *)));
	va_end(ap);
	line_out(&a, j);
}

int show_error(struct show *s, int rc, const struct dv_err *e)
{
	if (!s->json)
		return rc;
	show_end(s, "error", e->msg, "kind", dv_kind_name(e->kind), NULL);
	return 1;
}
