/* tarwrite.c - write tar headers: ustar, with a pax header where ustar cannot say it. */
#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "image/tar_parts.h"

/* One pax record; its length counts its own digits. */
static void record(struct buf *b, const char *key, const void *value, size_t len)
{
	size_t body = strlen(key) + len + 3;            /* blank, '=', newline */
	size_t digits = 1, total = body + 1;

	for (size_t p = 10; total >= p; p *= 10) {
		digits++;
		total = body + digits;
	}
	buf_printf(b, "%zu %s=", total, key);
	buf_add(b, value, len);
	buf_char(b, '\n');
}

static void record_number(struct buf *b, const char *key, uint64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRIu64, v);

	record(b, key, text, n);
}

static void record_time(struct buf *b, const struct tar_entry *t)
{
	char text[40];
	bool minus = t->mtime_s < 0;
	uint64_t s = minus ? (uint64_t)-t->mtime_s : (uint64_t)t->mtime_s;
	uint32_t ns = t->mtime_ns;

	if (minus && ns) {
		s--;
		ns = 1000000000 - ns;
	}
	int n = ns ? snprintf(text, sizeof(text), "%s%" PRIu64 ".%09" PRIu32, minus ? "-" : "", s, ns)
		   : snprintf(text, sizeof(text), "%s%" PRIu64, minus ? "-" : "", s);
	record(b, "mtime", text, n);
}

/* Octal with a NUL behind it; false when it does not fit. */
static bool octal(char *field, size_t len, uint64_t v)
{
	if (v >> (3 * (len - 1)))
		return false;
	field[len - 1] = '\0';
	for (size_t i = len - 1; i-- > 0; v >>= 3)
		field[i] = (char)('0' + (v & 7));
	return true;
}

static bool put_text(char *field, size_t len, const char *s)
{
	size_t n = strlen(s);

	memcpy(field, s, DV_MIN(n, len));
	return n <= len;
}

/* A pax record for each field that the raw header cannot hold. */
static void fill(struct tar_raw *raw, const struct tar_entry *t, struct buf *pax)
{
	static const char types[] = "0123456";
	static const char order[] = { [TAR_FILE] = 0, [TAR_HARDLINK] = 1, [TAR_SYMLINK] = 2, [TAR_CHAR] = 3,
				      [TAR_BLOCKDEV] = 4, [TAR_DIR] = 5, [TAR_FIFO] = 6 };

	if (!put_text(raw->name, sizeof(raw->name), t->path))
		record(pax, "path", t->path, strlen(t->path));
	if (t->link && !put_text(raw->link, sizeof(raw->link), t->link))
		record(pax, "linkpath", t->link, strlen(t->link));
	if (!octal(raw->size, sizeof(raw->size), t->size))
		record_number(pax, "size", t->size);
	if (!octal(raw->uid, sizeof(raw->uid), t->uid))
		record_number(pax, "uid", t->uid);
	if (!octal(raw->gid, sizeof(raw->gid), t->gid))
		record_number(pax, "gid", t->gid);
	if (t->mtime_s < 0 || t->mtime_ns || !octal(raw->mtime, sizeof(raw->mtime), (uint64_t)t->mtime_s))
		record_time(pax, t);
	(void)octal(raw->mode, sizeof(raw->mode), t->mode & 07777);
	(void)octal(raw->major, sizeof(raw->major), t->major);
	(void)octal(raw->minor, sizeof(raw->minor), t->minor);
	raw->type = types[(int)order[t->type]];
	memcpy(raw->magic, "ustar", 6);
	memcpy(raw->version, "00", 2);
}

static void put_checksum(struct tar_raw *raw)
{
	unsigned sum = 0;

	memset(raw->checksum, ' ', sizeof(raw->checksum));
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += ((unsigned char *)raw)[i];
	(void)octal(raw->checksum, 7, sum);
	raw->checksum[7] = ' ';
}

static void put_raw(struct buf *b, struct tar_raw *raw)
{
	put_checksum(raw);
	buf_add(b, raw, TAR_BLOCK);
}

static void put_pax(struct buf *b, const struct buf *pax)
{
	struct tar_raw raw = { 0 };
	const struct tar_entry t = { .path = "pax", .mode = 0644, .size = pax->len };
	struct buf none = BUF_INIT(0);

	fill(&raw, &t, &none);
	raw.type = 'x';
	put_raw(b, &raw);
	buf_add(b, pax->p, pax->len);
	tar_write_pad(b, pax->len);
	buf_done(&none);
}

int tar_write_entry(struct buf *b, const struct tar_entry *t, struct dv_err *e)
{
	auto_buf struct buf pax = BUF_INIT(TAR_PAX_MAX);
	struct tar_raw raw = { 0 };
	char key[sizeof("SCHILY.xattr.") + TAR_NAME_MAX];

	if (strlen(t->path) > TAR_PATH_MAX || (t->link && strlen(t->link) > TAR_PATH_MAX))
		return dv_fail(e, DV_LIMIT, "tar: path is longer than %d bytes", TAR_PATH_MAX);
	fill(&raw, t, &pax);
	for (size_t i = 0; i < t->n_xattrs; i++) {
		(void)snprintf(key, sizeof(key), "SCHILY.xattr.%s", t->xattrs[i].name);
		record(&pax, key, t->xattrs[i].value, t->xattrs[i].len);
	}
	int rc = buf_check(&pax, "tar: extended header", e);
	if (rc < 0)
		return rc;
	if (pax.len > 0)
		put_pax(b, &pax);
	put_raw(b, &raw);
	return buf_check(b, "tar archive", e);
}

/* Big-endian with the highest bit set, as GNU tar writes what octal digits cannot say. */
static void base256(char *field, size_t len, uint64_t v)
{
	for (size_t i = len; i-- > 1; v >>= 8)
		field[i] = (char)(v & 255);
	field[0] = (char)0x80;
}

int tar_write_header(char out[TAR_BLOCK], const char *name, uint64_t size, struct dv_err *e)
{
	const struct tar_entry t = { .path = name, .mode = 0644 };
	struct tar_raw raw = { 0 };
	struct buf none = BUF_INIT(0);

	if (strlen(name) > sizeof(raw.name))
		return dv_fail(e, DV_INVALID, "tar: name of a member is longer than %zu bytes", sizeof(raw.name));
	fill(&raw, &t, &none);
	if (!octal(raw.size, sizeof(raw.size), size))
		base256(raw.size, sizeof(raw.size), size);
	put_checksum(&raw);
	memcpy(out, &raw, TAR_BLOCK);
	buf_done(&none);
	return 0;
}

void tar_write_pad(struct buf *b, uint64_t size)
{
	static const char zero[TAR_BLOCK];

	buf_add(b, zero, -size & (TAR_BLOCK - 1));
}

void tar_write_end(struct buf *b)
{
	static const char zero[2 * TAR_BLOCK];

	buf_add(b, zero, sizeof(zero));
}
