/* progress.c - lines that are redrawn on a terminal, plain lines elsewhere. */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "ui/progress.h"
#include "ui/table.h"
#include "ui/text.h"

#define ITEMS_MAX 1000
#define REDRAW_MS 100
#define BAR_MAX 30
#define ROWS_DEFAULT 24
#define FRAME_MAX ((size_t)1 << 20)

struct progress_item {
	struct progress *p;
	const char *name;
	char step[32];
	uint64_t done, total;
};

struct progress {
	pthread_mutex_t lock;
	FILE *out;
	bool quiet;
	bool live;                  /* a terminal that can move its cursor */
	struct arena arena;
	struct progress_item *items[ITEMS_MAX];
	size_t n;
	size_t drawn;               /* lines of ours on the screen */
	uint64_t drawn_ms;
};

static uint64_t clock_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct progress *progress_new(FILE *out, bool quiet)
{
	struct progress *p = mem_new(struct progress);
	const char *term = getenv("TERM");

	(void)pthread_mutex_init(&p->lock, NULL);
	arena_init(&p->arena, 0);
	p->out = out;
	p->quiet = quiet;
	p->live = !quiet && ui_width(out) >= 20 && !(term && streq(term, "dumb"));
	return p;
}

void progress_plain(struct progress *p)
{
	p->live = false;
}

/* "[=====>    ] 1.2MB/3MB", as wide as room allows; only the numbers when it is narrow. */
static void add_bar(struct buf *b, struct arena *a, const struct progress_item *it, size_t room)
{
	uint64_t done = DV_MIN(it->done, it->total);
	const char *numbers;
	size_t bar, full;

	if (!it->total && !it->done)
		return;
	numbers = it->total ? arena_printf(a, "%s/%s", str_human(a, it->done, false), str_human(a, it->total, false)) :
			      str_human(a, it->done, false);
	bar = room > strlen(numbers) + 4 ? DV_MIN(room - strlen(numbers) - 4, (size_t)BAR_MAX) : 0;
	if (it->total && bar >= 5) {
		full = (size_t)((unsigned __int128)done * bar / it->total);
		buf_str(b, " [");
		for (size_t i = 0; i < bar; i++)
			buf_char(b, i < full ? '=' : i == full ? '>' : ' ');
		buf_char(b, ']');
	}
	buf_printf(b, " %s", numbers);
}

static void add_line(struct buf *b, const struct progress_item *it, size_t width)
{
	auto_arena struct arena a;
	auto_buf struct buf line = BUF_INIT(4096);
	size_t used;

	arena_init(&a, 0);
	buf_printf(&line, "%s: %s", text_cut(&a, it->name, DV_MAX(width / 2, (size_t)8)), it->step);
	used = text_width(buf_cstr(&line));
	add_bar(&line, &a, it, width > used + 1 ? width - used - 1 : 0);
	/* one column stays free: a full line would wrap on some terminals */
	buf_printf(b, "%s\x1b[K\n", text_cut(&a, buf_cstr(&line), width - 1));
}

/* The lines shown are the last ones started, as many as the screen can hold. */
static void draw(struct progress *p)
{
	auto_buf struct buf b = BUF_INIT(FRAME_MAX);
	size_t width = ui_width(p->out), rows = ui_height(p->out), shown;

	width = width ? width : 80;
	rows = rows > 2 ? rows - 1 : ROWS_DEFAULT;
	shown = DV_MIN(p->n, rows);
	if (p->drawn)
		buf_printf(&b, "\x1b[%zuA", p->drawn);
	for (size_t i = p->n - shown; i < p->n; i++)
		add_line(&b, p->items[i], width);
	/* the screen has become smaller: nothing of the old frame stays below */
	buf_str(&b, "\x1b[J");
	fwrite(buf_cstr(&b), 1, b.len, p->out);
	(void)fflush(p->out);
	p->drawn = shown;
	p->drawn_ms = clock_ms();
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	if (p->live && p->n)
		draw(p);
	(void)pthread_mutex_destroy(&p->lock);
	arena_done(&p->arena);
	free(p);
}

struct progress_item *progress_add(struct progress *p, const char *name)
{
	struct progress_item *it = NULL;

	(void)pthread_mutex_lock(&p->lock);
	if (p->n < ITEMS_MAX) {
		it = arena_new(&p->arena, struct progress_item);
		it->p = p;
		it->name = text_clean(&p->arena, name);
		p->items[p->n++] = it;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return it;
}

void progress_step(struct progress_item *it, const char *step)
{
	struct progress *p;

	if (!it)
		return;
	p = it->p;
	(void)pthread_mutex_lock(&p->lock);
	if (!streq(it->step, step)) {
		(void)snprintf(it->step, sizeof it->step, "%s", step);
		it->done = it->total = 0;
		if (p->live) {
			draw(p);
		} else if (!p->quiet) {
			fprintf(p->out, "%s: %s\n", it->name, it->step);
			(void)fflush(p->out);
		}
	}
	(void)pthread_mutex_unlock(&p->lock);
}

void progress_set(struct progress_item *it, uint64_t done, uint64_t total)
{
	struct progress *p;

	if (!it)
		return;
	p = it->p;
	(void)pthread_mutex_lock(&p->lock);
	it->done = done;
	it->total = total;
	if (p->live && clock_ms() - p->drawn_ms >= REDRAW_MS)
		draw(p);
	(void)pthread_mutex_unlock(&p->lock);
}

void progress_note(struct progress *p, const char *line)
{
	auto_arena struct arena a;
	const char *clean;

	arena_init(&a, 0);
	clean = text_clean(&a, line);
	(void)pthread_mutex_lock(&p->lock);
	if (p->live) {
		/* in the place of the first line of the frame, which is drawn again below */
		if (p->drawn)
			fprintf(p->out, "\x1b[%zuA", p->drawn);
		fprintf(p->out, "\x1b[J%s\n", clean);
		p->drawn = 0;
		draw(p);
	} else if (!p->quiet) {
		fprintf(p->out, "%s\n", clean);
		(void)fflush(p->out);
	}
	(void)pthread_mutex_unlock(&p->lock);
}
