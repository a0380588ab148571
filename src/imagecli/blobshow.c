/* blobshow.c - what the blobs of a copy are doing, told from many threads. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/map.h"
#include "base/str.h"
#include "imagecli/blobshow.h"
#include "json/json.h"
#include "ui/progress.h"
#include "ui/text.h"

enum mode { MODE_AUTO, MODE_PLAIN, MODE_JSON, MODE_NONE };
const char *const blobshow_modes[] = { [MODE_AUTO] = "auto", [MODE_PLAIN] = "plain", [MODE_JSON] = "json",
				       [MODE_NONE] = "none", NULL };

struct blobshow {
	enum mode mode;
	bool terminal;                  /* bars: then also what waits has a line */
	struct copy_events events;
	struct progress *bars;          /* of MODE_AUTO */
	struct map *items;              /* digest -> struct progress_item */
	pthread_mutex_t lock;           /* of items, and of whole lines */
};

static struct progress_item *item_of(struct blobshow *b, const struct descriptor *d)
{
	char text[DIGEST_TEXT_SIZE], hex[DIGEST_TEXT_SIZE];

	digest_text(&d->digest, text);
	(void)pthread_mutex_lock(&b->lock);
	struct progress_item *it = map_get(b->items, text);
	if (!it) {
		digest_hex(&d->digest, hex);
		hex[12] = '\0';
		it = progress_add(b->bars, hex);
		if (it)
			(void)map_set(b->items, text, it);
	}
	(void)pthread_mutex_unlock(&b->lock);
	return it;
}

static void json_line(struct blobshow *b, struct arena *a, const struct json *j)
{
	(void)pthread_mutex_lock(&b->lock);
	(void)fprintf(stderr, "%s\n", json_text(a, j, JSON_COMPACT));
	(void)pthread_mutex_unlock(&b->lock);
}

static void blob_json(struct blobshow *b, const struct descriptor *d, const char *step)
{
	auto_arena struct arena a;
	char text[DIGEST_TEXT_SIZE];

	arena_init(&a, 0);
	json_line(b, &a, json_obj(&a, "blob", json_new_str(&a, digest_text(&d->digest, text)), "status",
				  json_new_str(&a, step), "total", json_new_u64(&a, d->size), NULL));
}

static void on_blob(void *ctx, const struct descriptor *d, const char *step)
{
	struct blobshow *b = ctx;
	char hex[DIGEST_TEXT_SIZE];

	if (!b->terminal && streq(step, "waiting"))
		return;
	switch (b->mode) {
	case MODE_AUTO:
		progress_step(item_of(b, d), step);
		break;
	case MODE_PLAIN:
		(void)fprintf(stderr, "%.12s: %s\n", digest_hex(&d->digest, hex), step);
		break;
	case MODE_JSON:
		blob_json(b, d, step);
		break;
	case MODE_NONE:
		break;
	}
}

static void on_bytes(void *ctx, const struct descriptor *d, uint64_t done)
{
	struct blobshow *b = ctx;

	if (b->mode == MODE_AUTO)
		progress_set(item_of(b, d), done, d->size);
}

static void on_note(void *ctx, const char *line)
{
	struct blobshow *b = ctx;
	auto_arena struct arena a;

	arena_init(&a, 0);
	switch (b->mode) {
	case MODE_AUTO:
		progress_note(b->bars, line);
		break;
	case MODE_PLAIN:
		(void)fprintf(stderr, "%s\n", text_clean(&a, line));
		break;
	case MODE_JSON:
		json_line(b, &a, json_obj(&a, "note", json_new_str(&a, line), NULL));
		break;
	case MODE_NONE:
		break;
	}
}

struct blobshow *blobshow_new(const char *mode, bool quiet)
{
	struct blobshow *b = mem_new(struct blobshow);

	for (size_t i = 0; mode && blobshow_modes[i]; i++)
		if (streq(mode, blobshow_modes[i]))
			b->mode = i;
	if (quiet)
		b->mode = MODE_NONE;
	b->terminal = b->mode == MODE_AUTO && isatty(STDERR_FILENO);
	b->bars = progress_new(stderr, b->mode != MODE_AUTO);
	b->items = map_new();
	(void)pthread_mutex_init(&b->lock, NULL);
	b->events = (struct copy_events){ on_blob, on_bytes, on_note, b };
	return b;
}

void blobshow_free(struct blobshow *b)
{
	if (!b)
		return;
	progress_free(b->bars);
	map_free(b->items, NULL);
	(void)pthread_mutex_destroy(&b->lock);
	free(b);
}

const struct copy_events *blobshow_events(struct blobshow *b)
{
	return &b->events;
}
