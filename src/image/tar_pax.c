/* tar_pax.c - extended headers ("LEN KEY=VALUE\n" records) of tar archives.
 *
 * One row of `keys` per keyword. Unknown keywords are skipped as POSIX says;
 * a record that does not parse rejects the archive, because readers that skip
 * it and readers that do not would see different files.
 */
#include "base/str.h"
#include "image/tar_parts.h"

/* --- values --- */

int tar_decimal(const char *s, const char *end, const char *what, uint64_t *ret, struct dv_err *e)
{
	struct scan in = { s, end };
	uint64_t v;

	if (!scan_u64(&in, &v) || in.p != end || v > INT64_MAX)
		return dv_fail(e, DV_INVALID, "tar: extended header: %s is not a number in range", what);
	*ret = v;
	return 0;
}

static int value_string(const char *v, size_t len, const char *what, const char **ret, struct dv_err *e)
{
	if (memchr(v, '\0', len))
		return dv_fail(e, DV_INVALID, "tar: extended header: NUL byte in %s", what);
	if (len > TAR_PATH_MAX)
		return dv_fail(e, DV_LIMIT, "tar: %s is longer than %d bytes", what, TAR_PATH_MAX);
	*ret = len ? v : NULL;
	return 0;
}

static int value_number(const char *v, size_t len, const char *what, struct opt_num *ret, struct dv_err *e)
{
	if (len == 0) {
		*ret = (struct opt_num){ 0 };
		return 0;
	}
	int rc = tar_decimal(v, v + len, what, &ret->v, e);
	if (rc == 0)
		ret->set = true;
	return rc;
}

/* SECONDS[.FRACTION], perhaps negative; digits past nanoseconds are dropped. */
static int value_time(struct tar_pax *p, const char *v, size_t len, struct dv_err *e)
{
	struct scan in = scan_of(v, len);
	bool minus = scan_char(&in, '-');
	uint64_t s, ns = 0, scale = 1000000000;

	if (len == 0) {
		p->mtime.set = false;
		return 0;
	}
	if (!scan_u64(&in, &s) || s > INT64_MAX / 2)
		return dv_fail(e, DV_INVALID, "tar: extended header: mtime is not a number in range");
	if (scan_char(&in, '.'))
		for (; in.p < in.end && *in.p >= '0' && *in.p <= '9'; in.p++)
			ns += (uint64_t)(*in.p - '0') * (scale /= 10);
	if (in.p != in.end)
		return dv_fail(e, DV_INVALID, "tar: extended header: mtime is not a number");
	p->mtime.set = true;
	p->mtime.s = minus ? -(int64_t)s - (ns ? 1 : 0) : (int64_t)s;
	p->mtime.ns = minus && ns ? 1000000000 - ns : ns;
	return 0;
}

/* --- extended attributes --- */

static int xattr_set(struct tar_pax *p, const char *name, const void *value, size_t len, bool replace,
		     struct dv_err *e)
{
	size_t i = 0;

	if (!*name || strlen(name) > TAR_NAME_MAX)
		return dv_fail(e, DV_INVALID, "tar: extended attribute with a bad name");
	while (i < p->n_xattrs && !streq(p->xattrs[i].name, name))
		i++;
	if (i == TAR_XATTRS_MAX)
		return dv_fail(e, DV_LIMIT, "tar: more than %d extended attributes", TAR_XATTRS_MAX);
	if (i < p->n_xattrs && !replace)
		return 0;
	p->xattrs[i] = (struct tar_xattr){ name, value, len };
	p->n_xattrs = DV_MAX(p->n_xattrs, i + 1);
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* libarchive writes "%25" for bytes it does not like in names. In place. */
static bool url_decode(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (*s == '%') {
			int hi = hex_digit(s[1]), lo = hi < 0 ? -1 : hex_digit(s[2]);

			if (lo < 0 || (hi | lo) == 0)
				return false;
			*out++ = (char)(hi << 4 | lo);
			s += 2;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
	return true;
}

static int base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* In place; padding is optional, as libarchive leaves it out. -1 for garbage. */
static ssize_t base64_decode(char *s, size_t len)
{
	unsigned bits = 0, n_bits = 0;
	size_t out = 0;

	while (len > 0 && s[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++) {
		int d = base64_digit(s[i]);

		if (d < 0)
			return -1;
		bits = bits << 6 | (unsigned)d;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			s[out++] = (char)(bits >> n_bits);
		}
	}
	return (ssize_t)out;
}

/* bsdtar writes both forms; the plain one is taken when it is there. */
static int xattr_libarchive(struct tar_pax *p, char *name, char *value, size_t len, struct dv_err *e)
{
	ssize_t n = base64_decode(value, len);

	if (n < 0 || !url_decode(name))
		return dv_fail(e, DV_INVALID, "tar: LIBARCHIVE.xattr record is malformed");
	return xattr_set(p, name, value, n, false, e);
}

/* --- sparse files, formats 0.0 and 0.1 --- */

static int sparse_len(struct tar_pax *p, struct tar_map *map, const char *v, size_t len, struct dv_err *e)
{
	uint64_t n = 0;

	if (!p->sparse_offset.set)
		return dv_fail(e, DV_INVALID, "tar: sparse length without an offset");
	int rc = tar_decimal(v, v + len, "GNU.sparse.numbytes", &n, e);
	if (rc == 0)
		rc = tar_map_add(map, p->sparse_offset.v, n, e);
	p->sparse_offset.set = false;
	p->has_map = true;
	return rc;
}

static int sparse_list(struct tar_pax *p, struct tar_map *map, const char *v, size_t len, struct dv_err *e)
{
	struct scan in = scan_of(v, len);
	uint64_t offset, n;

	while (in.p < in.end) {
		if (!scan_u64(&in, &offset) || !scan_char(&in, ',') || !scan_u64(&in, &n) ||
		    (in.p < in.end && !scan_char(&in, ',')))
			return dv_fail(e, DV_INVALID, "tar: GNU.sparse.map is malformed");
		int rc = tar_map_add(map, offset, n, e);
		if (rc < 0)
			return rc;
	}
	p->has_map = true;
	return 0;
}

/* --- records --- */

enum key_kind { KEY_STRING, KEY_NUMBER, KEY_MTIME, KEY_SPARSE_LEN, KEY_SPARSE_MAP };

static const struct key {
	const char *name;
	enum key_kind kind;
	size_t offset;
} keys[] = {
	{ "path", KEY_STRING, offsetof(struct tar_pax, path) },
	{ "linkpath", KEY_STRING, offsetof(struct tar_pax, link) },
	{ "size", KEY_NUMBER, offsetof(struct tar_pax, size) },
	{ "uid", KEY_NUMBER, offsetof(struct tar_pax, uid) },
	{ "gid", KEY_NUMBER, offsetof(struct tar_pax, gid) },
	{ "mtime", KEY_MTIME, 0 },
	{ "GNU.sparse.name", KEY_STRING, offsetof(struct tar_pax, sparse_name) },
	{ "GNU.sparse.size", KEY_NUMBER, offsetof(struct tar_pax, sparse_size) },
	{ "GNU.sparse.realsize", KEY_NUMBER, offsetof(struct tar_pax, sparse_size) },
	{ "GNU.sparse.major", KEY_NUMBER, offsetof(struct tar_pax, sparse_major) },
	{ "GNU.sparse.minor", KEY_NUMBER, offsetof(struct tar_pax, sparse_minor) },
	{ "GNU.sparse.offset", KEY_NUMBER, offsetof(struct tar_pax, sparse_offset) },
	{ "GNU.sparse.numbytes", KEY_SPARSE_LEN, 0 },
	{ "GNU.sparse.map", KEY_SPARSE_MAP, 0 },
};

static int apply_key(struct tar_pax *p, struct tar_map *map, const struct key *k, const char *v, size_t len,
		     struct dv_err *e)
{
	void *field = (char *)p + k->offset;

	switch (k->kind) {
	case KEY_STRING: return value_string(v, len, k->name, field, e);
	case KEY_NUMBER: return value_number(v, len, k->name, field, e);
	case KEY_MTIME: return value_time(p, v, len, e);
	case KEY_SPARSE_LEN: return sparse_len(p, map, v, len, e);
	case KEY_SPARSE_MAP: return sparse_list(p, map, v, len, e);
	}
	return 0;
}

static int apply_record(struct tar_pax *p, struct tar_map *map, char *key, char *v, size_t len, struct dv_err *e)
{
	const char *name = str_after(key, "SCHILY.xattr.");

	if (name)
		return xattr_set(p, name, v, len, true, e);
	name = str_after(key, "LIBARCHIVE.xattr.");
	if (name)
		return xattr_libarchive(p, key + (name - key), v, len, e);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (streq(keys[i].name, key))
			return apply_key(p, map, &keys[i], v, len, e);
	return 0;
}

/* "LEN KEY=VALUE\n", LEN counting the whole record. */
int tar_pax_apply(struct tar_pax *p, struct tar_map *map, char *text, size_t len, struct dv_err *e)
{
	char *end = text + len;

	while (text < end) {
		struct scan in = { text, end };
		uint64_t n;

		if (!scan_u64(&in, &n) || !scan_char(&in, ' ') || n > (uint64_t)(end - text) ||
		    n <= (uint64_t)(in.p - text) || text[n - 1] != '\n')
			return dv_fail(e, DV_INVALID, "tar: malformed extended header");
		char *key = text + (in.p - text), *last = text + n - 1;
		char *eq = memchr(key, '=', last - key);
		if (!eq || eq == key || memchr(key, '\0', eq - key))
			return dv_fail(e, DV_INVALID, "tar: malformed extended header");
		*eq = *last = '\0';
		int rc = apply_record(p, map, key, eq + 1, last - eq - 1, e);
		if (rc < 0)
			return rc;
		text += n;
	}
	return 0;
}
