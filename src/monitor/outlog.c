/* outlog.c - lines out of a stream of bytes, and the table of drivers. */
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "monitor/outlog_driver.h"

/* What came without the end of its line. */
struct part {
	char data[OUTLOG_LINE_MAX];
	size_t len;
};

struct outlog {
	const struct outlog_driver *driver;
	void *state;
	uint64_t dropped;
	struct part parts[2];
};

static const struct outlog_driver *const drivers[] = { &outlog_json_file, &outlog_local, &outlog_journald };

static int64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int outlog_new(const struct job *j, int dir, struct outlog **ret, struct dv_err *e)
{
	const struct job_log *c = j->log;
	struct outlog *l;
	int r = 0;

	if (streq(c->driver, "none")) {
		*ret = NULL;
		return 0;
	}
	l = mem_new(struct outlog);
	for (size_t i = 0; i < ARRAY_LEN(drivers) && !l->driver; i++)
		if (streq(drivers[i]->name, c->driver))
			l->driver = drivers[i];
	r = l->driver ? l->driver->open(j, dir, &l->state, e) :
			dv_fail(e, DV_INVALID, "logger: no log driver named '%.64s' is registered", c->driver);
	if (r < 0) {
		free(l);
		return r;
	}
	*ret = l;
	return 0;
}

static void put(struct outlog *l, int stream, const char *text, size_t len, bool complete, int64_t ns)
{
	l->dropped += l->driver->line(l->state, stream, text, len, complete, ns);
}

/* The first bytes of data up to the end of a line or the longest piece; returns how many. */
static size_t take(struct outlog *l, int stream, const char *data, size_t len, int64_t ns)
{
	struct part *p = &l->parts[stream == 2];
	size_t room = OUTLOG_LINE_MAX - p->len, n = DV_MIN(len, room);
	const char *nl = memchr(data, '\n', n);

	if (nl)
		n = (size_t)(nl - data);
	if (p->len || !nl) {
		memcpy(p->data + p->len, data, n);
		p->len += n;
	}
	if (nl)
		put(l, stream, p->len ? p->data : data, p->len ? p->len : n, true, ns);
	else if (p->len == OUTLOG_LINE_MAX)
		put(l, stream, p->data, p->len, false, ns);
	if (nl || p->len == OUTLOG_LINE_MAX)
		p->len = 0;
	return n + (nl != NULL);
}

void outlog_data(struct outlog *l, int stream, const char *data, size_t len)
{
	int64_t ns;

	if (!l)
		return;
	ns = now_ns();
	while (len) {
		size_t n = take(l, stream, data, len, ns);

		data += n;
		len -= n;
	}
	l->dropped += l->driver->flush(l->state);
}

void outlog_end(struct outlog *l)
{
	if (!l)
		return;
	for (int stream = 1; stream <= 2; stream++) {
		struct part *p = &l->parts[stream == 2];

		if (p->len)
			put(l, stream, p->data, p->len, false, now_ns());
		p->len = 0;
	}
	l->dropped += l->driver->flush(l->state);
}

void outlog_free(struct outlog *l)
{
	if (!l)
		return;
	l->driver->close(l->state);
	free(l);
}

uint64_t outlog_dropped(const struct outlog *l)
{
	return l ? l->dropped : 0;
}
