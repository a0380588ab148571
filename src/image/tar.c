/* tar.c - read tar archives: headers, extensions, data.
 *
 * A state of three numbers: what is left of the current chunk, of the entry's
 * data, and of its padding. Extension headers (pax, GNU long names) are gathered
 * until a real entry comes, then laid over the fields of its ustar header.
 */
#include "base/str.h"
#include "image/tar_parts.h"

/* --- the stream --- */

static int chunk_fill(struct tar_reader *r, struct dv_err *e)
{
	const void *p = NULL;

	if (r->chunk_len > 0)
		return 1;
	int rc = r->src.next(r->src.ctx, &p, &r->chunk_len, e);
	if (rc > 0)
		r->chunk = p;
	else
		r->chunk_len = 0;
	return rc;
}

static void chunk_eat(struct tar_reader *r, size_t n)
{
	r->chunk += n;
	r->chunk_len -= n;
	r->pos += n;
}

static int truncated(struct dv_err *e)
{
	return dv_fail(e, DV_INVALID, "tar: the archive is cut short");
}

/* len bytes into out; *ret_got is less at the end of the stream. */
static int read_upto(struct tar_reader *r, void *out, size_t len, size_t *ret_got, struct dv_err *e)
{
	size_t got = 0;

	while (got < len) {
		int rc = chunk_fill(r, e);

		if (rc < 0)
			return rc;
		if (rc == 0)
			break;
		size_t n = DV_MIN(len - got, r->chunk_len);
		memcpy((char *)out + got, r->chunk, n);
		chunk_eat(r, n);
		got += n;
	}
	*ret_got = got;
	return 0;
}

int tar_read_exact(struct tar_reader *r, void *out, size_t len, struct dv_err *e)
{
	size_t got;
	int rc = read_upto(r, out, len, &got, e);

	return rc < 0 || got == len ? rc : truncated(e);
}

int tar_skip(struct tar_reader *r, uint64_t n, struct dv_err *e)
{
	while (n > 0) {
		if (r->chunk_len == 0 && r->src.skip) {
			r->pos += n;
			return r->src.skip(r->src.ctx, n, e);
		}
		int rc = chunk_fill(r, e);
		if (rc <= 0)
			return rc < 0 ? rc : truncated(e);
		size_t part = DV_MIN(n, (uint64_t)r->chunk_len);
		chunk_eat(r, part);
		n -= part;
	}
	return 0;
}

/* --- headers --- */

static bool all_zero(const struct tar_raw *raw)
{
	const char *p = (const char *)raw;

	return p[0] == 0 && memcmp(p, p + 1, TAR_BLOCK - 1) == 0;
}

static int check_sum(const struct tar_raw *raw, struct dv_err *e)
{
	const unsigned char *p = (const unsigned char *)raw;
	size_t from = offsetof(struct tar_raw, checksum), to = from + sizeof(raw->checksum);
	int64_t plain = 0, as_signed = 0;
	uint64_t want;

	for (size_t i = 0; i < TAR_BLOCK; i++) {
		unsigned char c = i >= from && i < to ? ' ' : p[i];

		plain += c;
		as_signed += (signed char)c;
	}
	if (tar_number(raw->checksum, sizeof(raw->checksum), 1 << 20, "checksum", &want, e) < 0)
		return dv_fail(e, DV_INVALID, "tar: not a tar header");
	if ((int64_t)want != plain && (int64_t)want != as_signed)
		return dv_fail(e, DV_INVALID, "tar: header checksum does not match");
	return 0;
}

/* 1 with a header, 0 at the end: two zero blocks, or the end of the stream at a block's start. */
static int read_header(struct tar_reader *r, struct dv_err *e)
{
	size_t got;
	int rc = read_upto(r, &r->raw, TAR_BLOCK, &got, e);

	if (rc < 0)
		return rc;
	if (got == 0)
		return 0;
	if (got < TAR_BLOCK)
		return truncated(e);
	if (!all_zero(&r->raw)) {
		rc = check_sum(&r->raw, e);
		return rc < 0 ? rc : 1;
	}
	rc = read_upto(r, &r->raw, TAR_BLOCK, &got, e);
	if (rc < 0)
		return rc;
	if (got == TAR_BLOCK && !all_zero(&r->raw))
		return dv_fail(e, DV_INVALID, "tar: a lone zero block between entries");
	return 0;
}

static bool is_ustar(const struct tar_raw *raw)
{
	return memcmp(raw->magic, "ustar", 6) == 0;
}

/* --- extension headers --- */

static int read_text(struct tar_reader *r, struct buf *b, uint64_t size, size_t max, const char *what,
		     struct dv_err *e)
{
	if (size > max)
		return dv_fail(e, DV_LIMIT, "tar: %s is longer than %zu bytes", what, max);
	buf_reset(b);
	char *room = buf_room(b, size + 1);
	if (!room)
		return dv_fail(e, DV_LIMIT, "tar: %s is longer than %zu bytes", what, max);
	int rc = tar_read_exact(r, room, size, e);
	if (rc < 0)
		return rc;
	room[size] = '\0';
	b->len += size;
	return tar_skip(r, tar_padding(size), e);
}

static int read_global(struct tar_reader *r, uint64_t size, struct dv_err *e)
{
	struct buf text = BUF_INIT(TAR_PAX_MAX + 1);
	int rc = read_text(r, &text, size, TAR_PAX_MAX, "global extended header", e);
	char *copy = NULL;

	if (rc == 0) {
		copy = arena_try(&r->global_text, text.len + 1);
		if (copy)
			memcpy(copy, buf_cstr(&text), text.len + 1);
		else
			rc = dv_fail(e, DV_LIMIT, "tar: global extended headers are too long");
	}
	if (rc == 0)
		rc = tar_pax_apply(&r->global, &r->map, copy, text.len, e);
	buf_done(&text);
	if (rc == 0 && (r->global.has_map || r->global.path || r->global.link || r->global.size.set))
		return dv_fail(e, DV_INVALID, "tar: a global extended header with a path or size");
	return rc;
}

static int read_long(struct tar_reader *r, struct buf *b, uint64_t size, struct dv_err *e)
{
	int rc = read_text(r, b, size, TAR_PATH_MAX + 1, "long name", e);

	if (rc < 0)
		return rc;
	const char *nul = memchr(b->p, '\0', b->len);
	if (nul && nul + 1 != b->p + b->len)
		return dv_fail(e, DV_INVALID, "tar: NUL byte in a long name");
	if (b->len == 0 || b->p[0] == '\0')
		return dv_fail(e, DV_INVALID, "tar: empty long name");
	return 0;
}

/* 1 when it was one, 0 when the header is an entry's. */
static int read_extension(struct tar_reader *r, uint64_t size, struct dv_err *e)
{
	int rc;

	switch (r->raw.type) {
	case 'x':
	case 'X':
		if (r->pax_text.len > 0)
			return dv_fail(e, DV_INVALID, "tar: two extended headers for one entry");
		rc = read_text(r, &r->pax_text, size, TAR_PAX_MAX, "extended header", e);
		break;
	case 'g':
		rc = read_global(r, size, e);
		break;
	case 'L':
		rc = read_long(r, &r->long_name, size, e);
		break;
	case 'K':
		rc = read_long(r, &r->long_link, size, e);
		break;
	case 'V':
		rc = tar_skip(r, size + tar_padding(size), e);
		break;
	default:
		return 0;
	}
	return rc < 0 ? rc : 1;
}

/* --- entries --- */

static int entry_type(const struct tar_raw *raw, const char *path, enum tar_type *ret, struct dv_err *e)
{
	static const struct { char c; enum tar_type type; } types[] = {
		{ '0', TAR_FILE }, { '\0', TAR_FILE }, { '7', TAR_FILE }, { 'S', TAR_FILE },
		{ '1', TAR_HARDLINK }, { '2', TAR_SYMLINK }, { '3', TAR_CHAR }, { '4', TAR_BLOCKDEV },
		{ '5', TAR_DIR }, { '6', TAR_FIFO },
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (types[i].c != raw->type)
			continue;
		/* Before ustar a directory was a file with a slash behind its name. */
		*ret = types[i].type == TAR_FILE && raw->type != 'S' && str_ends(path, "/") ? TAR_DIR : types[i].type;
		return 0;
	}
	return dv_fail(e, DV_UNSUPPORTED, "tar: entry of unknown type 0x%02x", (unsigned char)raw->type);
}

static const char *raw_name(struct tar_reader *r)
{
	const struct tar_raw *raw = &r->raw;
	size_t n = is_ustar(raw) ? strnlen(raw->prefix, sizeof(raw->prefix)) : 0;

	memcpy(r->name, raw->prefix, n);
	if (n > 0)
		r->name[n++] = '/';
	size_t m = strnlen(raw->name, sizeof(raw->name));
	memcpy(r->name + n, raw->name, m);
	r->name[n + m] = '\0';
	return r->name;
}

static const char *raw_link(struct tar_reader *r)
{
	size_t n = strnlen(r->raw.link, sizeof(r->raw.link));

	memcpy(r->link, r->raw.link, n);
	r->link[n] = '\0';
	return r->link;
}

static const char *first_of(const char *a, const char *b, const struct buf *c)
{
	return a ? a : b ? b : c->len ? c->p : NULL;
}

static int entry_names(struct tar_reader *r, struct dv_err *e)
{
	struct tar_entry *t = &r->entry;

	t->path = first_of(r->pax.sparse_name, r->pax.path, &r->long_name);
	t->link = first_of(r->pax.link, NULL, &r->long_link);
	if (!t->path)
		t->path = raw_name(r);
	if (!t->link)
		t->link = raw_link(r);
	if (!*t->path)
		return dv_fail(e, DV_INVALID, "tar: entry without a name");
	int rc = entry_type(&r->raw, t->path, &t->type, e);
	if (rc < 0)
		return rc;
	bool link = t->type == TAR_HARDLINK || t->type == TAR_SYMLINK;
	if (!link)
		t->link = "";
	if (link && !*t->link)
		return dv_fail(e, DV_INVALID, "tar: link without a target");
	return 0;
}

static int owner(const struct opt_num *pax, const char *field, const char *what, uint32_t *ret, struct dv_err *e)
{
	uint64_t v = pax->v;

	if (!pax->set) {
		int rc = tar_number(field, 8, UINT64_MAX, what, &v, e);

		if (rc < 0)
			return rc;
	}
	/* The last one is "no owner" to chown(2). */
	if (v >= UINT32_MAX)
		return dv_fail(e, DV_INVALID, "tar: %s is out of range", what);
	*ret = (uint32_t)v;
	return 0;
}

static int entry_devices(struct tar_reader *r, struct dv_err *e)
{
	struct tar_entry *t = &r->entry;
	uint64_t major = 0, minor = 0;

	if (t->type != TAR_CHAR && t->type != TAR_BLOCKDEV)
		return 0;
	int rc = tar_number(r->raw.major, 8, 0xfff, "device number", &major, e);
	if (rc == 0)
		rc = tar_number(r->raw.minor, 8, 0xfffff, "device number", &minor, e);
	t->major = (uint32_t)major;
	t->minor = (uint32_t)minor;
	return rc;
}

static int entry_attributes(struct tar_reader *r, struct dv_err *e)
{
	struct tar_entry *t = &r->entry;
	uint64_t mode;
	int rc = tar_number(r->raw.mode, 8, UINT64_MAX, "mode", &mode, e);

	if (rc == 0)
		rc = owner(&r->pax.uid, r->raw.uid, "uid", &t->uid, e);
	if (rc == 0)
		rc = owner(&r->pax.gid, r->raw.gid, "gid", &t->gid, e);
	if (rc == 0)
		rc = entry_devices(r, e);
	if (rc == 0 && r->pax.mtime.set) {
		t->mtime_s = r->pax.mtime.s;
		t->mtime_ns = r->pax.mtime.ns;
	} else if (rc == 0) {
		rc = tar_time(r->raw.mtime, sizeof(r->raw.mtime), &t->mtime_s, e);
	}
	if (rc < 0)
		return rc;
	t->mode = mode & 07777;
	t->xattrs = r->pax.xattrs;
	t->n_xattrs = r->pax.n_xattrs;
	return 0;
}

/* --- the next entry --- */

static void entry_reset(struct tar_reader *r)
{
	buf_reset(&r->pax_text);
	buf_reset(&r->long_name);
	buf_reset(&r->long_link);
	r->map.n = 0;
	r->run = 0;
	r->run_done = 0;
	memset(&r->entry, 0, sizeof(r->entry));
}

/* The raw header and what was gathered before it become the entry. */
static int entry_build(struct tar_reader *r, uint64_t raw_size, struct dv_err *e)
{
	struct tar_entry *t = &r->entry;

	r->pax = r->global;
	int rc = r->pax_text.len ? tar_pax_apply(&r->pax, &r->map, r->pax_text.p, r->pax_text.len, e) : 0;
	if (rc == 0)
		rc = entry_names(r, e);
	if (rc == 0)
		rc = entry_attributes(r, e);
	if (rc < 0)
		return rc;
	uint64_t size = r->pax.size.set ? r->pax.size.v : raw_size;
	if (t->type == TAR_HARDLINK && size > 0)
		return dv_fail(e, DV_INVALID, "tar: hard link with data");
	if (t->type == TAR_FILE) {
		t->size = size;
		r->left = size;
		r->pad = tar_padding(size);
	}
	rc = tar_sparse(r, e);
	t->stored = r->left;
	t->data_offset = r->pos;
	return rc;
}

static int entry_find(struct tar_reader *r, struct dv_err *e)
{
	for (;;) {
		uint64_t size;
		int rc = read_header(r, e);

		if (rc <= 0)
			return rc;
		/* Counted here, so that extension headers are limited too. */
		if (++r->entries > TAR_ENTRIES_MAX)
			return dv_fail(e, DV_LIMIT, "tar: more than %d entries", TAR_ENTRIES_MAX);
		rc = tar_number(r->raw.size, sizeof(r->raw.size), INT64_MAX, "size", &size, e);
		if (rc == 0)
			rc = read_extension(r, size, e);
		if (rc < 0)
			return rc;
		if (rc == 0) {
			rc = entry_build(r, size, e);
			return rc < 0 ? rc : 1;
		}
	}
}

/* --- public --- */

int tar_reader_new(const struct tar_source *src, struct tar_reader **ret, struct dv_err *e)
{
	struct tar_reader *r = mem_new(struct tar_reader);

	(void)e;
	r->src = *src;
	r->pax_text = BUF_INIT(TAR_PAX_MAX + 1);
	r->long_name = BUF_INIT(TAR_PATH_MAX + 2);
	r->long_link = BUF_INIT(TAR_PATH_MAX + 2);
	arena_init(&r->global_text, TAR_PAX_MAX);
	*ret = r;
	return 0;
}

void tar_reader_free(struct tar_reader *r)
{
	if (!r)
		return;
	buf_done(&r->pax_text);
	buf_done(&r->long_name);
	buf_done(&r->long_link);
	arena_done(&r->global_text);
	free(r->map.v);
	free(r);
}

int tar_next(struct tar_reader *r, const struct tar_entry **ret, struct dv_err *e)
{
	if (r->ended)
		return 0;
	int rc = tar_skip(r, r->left, e);
	if (rc == 0)
		rc = tar_skip(r, r->pad, e);
	r->left = r->pad = 0;
	if (rc < 0)
		return rc;
	entry_reset(r);
	rc = entry_find(r, e);
	if (rc > 0) {
		*ret = &r->entry;
		return 1;
	}
	r->ended = true;
	if (rc == 0 && (r->pax_text.len || r->long_name.len || r->long_link.len))
		return dv_fail(e, DV_INVALID, "tar: extended header without an entry");
	return rc;
}

int tar_data(struct tar_reader *r, const void **ret, size_t *ret_len, uint64_t *ret_offset, struct dv_err *e)
{
	const struct tar_run whole = { 0, r->entry.size };

	if (r->left == 0)
		return 0;
	const struct tar_run *run = r->entry.sparse ? &r->map.v[r->run] : &whole;
	while (r->run_done == run->len) {
		run = &r->map.v[++r->run];
		r->run_done = 0;
	}
	int rc = chunk_fill(r, e);
	if (rc <= 0)
		return rc < 0 ? rc : truncated(e);
	size_t n = DV_MIN((uint64_t)r->chunk_len, run->len - r->run_done);
	*ret = r->chunk;
	*ret_len = n;
	*ret_offset = run->offset + r->run_done;
	chunk_eat(r, n);
	r->left -= n;
	r->run_done += n;
	return 1;
}

int tar_drain(struct tar_reader *r, struct dv_err *e)
{
	int rc;

	while ((rc = chunk_fill(r, e)) > 0)
		chunk_eat(r, r->chunk_len);
	return rc;
}
