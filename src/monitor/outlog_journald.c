/* outlog_journald.c - journald's native protocol: fields by name, the message by length. */
#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "base/fault.h"
#include "base/fd.h"
#include "monitor/outlog_driver.h"

#define PATH "/run/systemd/journal/socket"
#define DATAGRAM_MAX (64 << 10)

struct journal {
	int sock;
	struct buf fields;      /* those of every line */
	struct buf out;
};

/* NAME=VALUE where it is one line, else the form with a length. */
static void field(struct buf *b, const char *name, const char *value, size_t len)
{
	uint64_t n = len;

	buf_str(b, name);
	if (memchr(value, '\n', len)) {
		buf_char(b, '\n');
		for (int i = 0; i < 8; i++)
			buf_char(b, (char)(n >> 8 * i & 255));
	} else {
		buf_char(b, '=');
	}
	buf_add(b, value, len);
	buf_char(b, '\n');
}

static void field_str(struct buf *b, const char *name, const char *value)
{
	if (value)
		field(b, name, value, strlen(value));
}

/* Names of fields are capital letters, digits and underscores. */
static void add_attrs(struct buf *b, const struct view_map *attrs)
{
	for (size_t i = 0; i < attrs->n; i++) {
		auto_free char *name = mem_str(attrs->keys[i]);

		for (char *p = name; *p; p++)
			*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') :
			     (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9' && p > name) ? *p : '_';
		if (*name != '_')
			field_str(b, name, attrs->values[i]);
	}
}

static int journal_open(const struct job *j, int dir, void **ret, struct dv_err *e)
{
	const struct job_log *c = j->log;
	struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = PATH };
	auto_free char *short_id = mem_printf("%.12s", j->id);
	auto_close int sock = -1;
	struct journal *x;
	int r = fd_socket(AF_UNIX, SOCK_DGRAM, 0, &sock, e);

	if (r < 0)
		return r;
	if (connect(sock, (struct sockaddr *)&sa, sizeof sa) < 0)
		return dv_fail(e, DV_UNAVAILABLE, "failed to initialize logging driver: journald is not enabled on this host: %s: %s",
			       PATH, strerror(errno));
	x = mem_new(struct journal);
	x->fields = BUF_INIT(DATAGRAM_MAX);
	x->out = BUF_INIT(DATAGRAM_MAX + 2 * OUTLOG_LINE_MAX);
	field_str(&x->fields, "CONTAINER_ID", short_id);
	field_str(&x->fields, "CONTAINER_ID_FULL", j->id);
	field_str(&x->fields, "CONTAINER_NAME", j->name);
	field_str(&x->fields, "IMAGE_NAME", j->image);
	field_str(&x->fields, "CONTAINER_TAG", c->tag ? c->tag : short_id);
	field_str(&x->fields, "SYSLOG_IDENTIFIER", c->tag ? c->tag : short_id);
	add_attrs(&x->fields, &c->attrs);
	x->sock = take_fd(&sock);
	*ret = x;
	return 0;
}

static uint64_t journal_line(void *state, int stream, const char *text, size_t len, bool complete, int64_t ns)
{
	struct journal *x = state;

	buf_reset(&x->out);
	field(&x->out, "MESSAGE", text, len);
	field_str(&x->out, "PRIORITY", stream == 2 ? "3" : "6");
	if (!complete)
		field_str(&x->out, "CONTAINER_PARTIAL_MESSAGE", "true");
	buf_add(&x->out, buf_cstr(&x->fields), x->fields.len);
	if (fault_hit("send") || send(x->sock, x->out.p, x->out.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return len;
	return 0;
}

static uint64_t journal_flush(void *state)
{
	return 0;
}

static void journal_close(void *state)
{
	struct journal *x = state;

	fd_close(&x->sock);
	buf_done(&x->fields);
	buf_done(&x->out);
	free(x);
}

const struct outlog_driver outlog_journald = { "journald", journal_open, journal_line, journal_flush, journal_close };
