/* toml.c - the structure of a TOML document: keys, tables, arrays of tables.
 *
 * Most of TOML's rules are about which tables may still grow. A table is noted
 * in `kinds` with how it came to be; one that is not noted there is a value
 * (inline table, array) and closed.
 */
#include "base/file.h"
#include "base/map.h"
#include "base/str.h"
#include "json/text.h"
#include "json/toml_parts.h"

enum table_kind {
	TABLE_VALUE,            /* not in the map */
	TABLE_IMPLIED,          /* a of [a.b] */
	TABLE_HEADER,           /* b of [a.b] */
	TABLE_DOTTED,           /* a of a.b = 1 */
	TABLE_ARRAY,            /* of [[a]] */
};

int toml_fail(const struct toml *t, struct dv_err *e, const char *fmt, ...)
{
	struct dv_err why;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why.msg, sizeof why.msg, fmt, ap);
	va_end(ap);
	return dv_fail(e, DV_INVALID, "line %u: %s", t->line, why.msg);
}

/* --- blanks and comments --- */

void toml_blanks(struct toml *t)
{
	while (t->p < t->end && (*t->p == ' ' || *t->p == '\t'))
		t->p++;
}

bool toml_newline(struct toml *t)
{
	size_t n = t->p < t->end && *t->p == '\n' ? 1 :
		   t->end - t->p >= 2 && t->p[0] == '\r' && t->p[1] == '\n' ? 2 : 0;

	t->p += n;
	t->line += n > 0;
	return n > 0;
}

static int skip_comment(struct toml *t, struct dv_err *e)
{
	if (t->p == t->end || *t->p != '#')
		return 0;
	while (t->p < t->end && *t->p != '\n' && *t->p != '\r') {
		if ((unsigned char)*t->p < 0x20 && *t->p != '\t')
			break;
		if (*t->p++ == 0x7f)
			return toml_fail(t, e, "a control character in a comment");
	}
	if (t->p < t->end && *t->p != '\n' && *t->p != '\r')
		return toml_fail(t, e, "a control character in a comment");
	return 0;
}

int toml_lines(struct toml *t, struct dv_err *e)
{
	int rc;

	do {
		toml_blanks(t);
		rc = skip_comment(t, e);
	} while (rc == 0 && toml_newline(t));
	return rc;
}

/* What may stand behind a header or a value. */
static int end_of_line(struct toml *t, struct dv_err *e)
{
	int rc;

	toml_blanks(t);
	rc = skip_comment(t, e);
	if (rc == 0 && t->p < t->end && !toml_newline(t))
		return toml_fail(t, e, "unexpected text behind a value or header");
	return rc;
}

/* --- keys --- */

static bool is_bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static int one_key(struct toml *t, const char **ret, struct dv_err *e)
{
	const char *s = t->p;
	size_t len;
	int rc;

	if (t->p < t->end && (*t->p == '"' || *t->p == '\'')) {
		rc = toml_string(t, false, &s, &len, e);
		if (rc == 0 && memchr(s, '\0', len))
			return toml_fail(t, e, "a key with a NUL byte");
	} else {
		while (t->p < t->end && is_bare(*t->p))
			t->p++;
		len = (size_t)(t->p - s);
		rc = len > 0 ? 0 : toml_fail(t, e, "a key is wanted");
	}
	if (rc == 0)
		*ret = arena_strn(t->a, s, len);
	return rc;
}

int toml_key(struct toml *t, struct toml_key *ret, struct dv_err *e)
{
	ret->n = 0;
	for (;;) {
		int rc;

		if (ret->n == TOML_DEPTH_MAX)
			return dv_fail(e, DV_LIMIT, "line %u: a key of more than %d parts", t->line, TOML_DEPTH_MAX);
		toml_blanks(t);
		rc = one_key(t, &ret->v[ret->n], e);
		if (rc < 0)
			return rc;
		ret->n++;
		toml_blanks(t);
		if (t->p == t->end || *t->p != '.')
			return 0;
		t->p++;
	}
}

/* --- tables --- */

static enum table_kind kind_of(const struct toml *t, const struct json *j)
{
	return (enum table_kind)(uintptr_t)map_getn(t->kinds, &j, sizeof j);
}

static struct json *note(struct toml *t, struct json *j, enum table_kind kind)
{
	(void)map_setn(t->kinds, &j, sizeof j, (void *)(uintptr_t)kind);
	return j;
}

static struct json *new_table(struct toml *t, struct json *parent, const char *key, enum table_kind kind)
{
	struct json *j = note(t, json_new_object(t->a), kind);

	json_set(t->a, parent, key, j);
	return j;
}

/* One step of a header on its way down. */
static int descend(struct toml *t, struct json **at, const char *key, struct dv_err *e)
{
	struct json *next = json_get_mut(*at, key);

	if (!next)
		next = new_table(t, *at, key, TABLE_IMPLIED);
	else if (kind_of(t, next) == TABLE_VALUE)
		return toml_fail(t, e, "%.80s is a value, no table to extend", key);
	else if (kind_of(t, next) == TABLE_ARRAY)       /* the elements of our own tree may be changed */
		next = (struct json *)json_at(next, json_len(next) - 1);
	*at = next;
	return 0;
}

/* Opens "[key]". */
static int open_table(struct toml *t, struct json **at, const char *key, struct dv_err *e)
{
	struct json *j = json_get_mut(*at, key);

	if (j && kind_of(t, j) != TABLE_IMPLIED)
		return toml_fail(t, e, "%.80s is defined twice", key);
	*at = j ? note(t, j, TABLE_HEADER) : new_table(t, *at, key, TABLE_HEADER);
	return 0;
}

/* Opens the next element of "[[key]]". */
static int open_element(struct toml *t, struct json **at, const char *key, struct dv_err *e)
{
	struct json *j = json_get_mut(*at, key), *element;

	if (j && kind_of(t, j) != TABLE_ARRAY)
		return toml_fail(t, e, "%.80s is defined twice", key);
	if (!j) {
		j = note(t, json_new_array(t->a), TABLE_ARRAY);
		json_set(t->a, *at, key, j);
	}
	element = note(t, json_new_object(t->a), TABLE_HEADER);
	json_append(t->a, j, element);
	*at = element;
	return 0;
}

static int header(struct toml *t, struct json *root, struct json **ret, struct dv_err *e)
{
	bool array = t->end - t->p >= 2 && t->p[1] == '[';
	size_t brackets = array ? 2 : 1;
	struct toml_key key;
	struct json *at = root;
	int rc;

	t->p += brackets;
	rc = toml_key(t, &key, e);
	if (rc < 0)
		return rc;
	if ((size_t)(t->end - t->p) < brackets || memcmp(t->p, "]]", brackets) != 0)
		return toml_fail(t, e, "\"%s\" is missing behind the name of a table", array ? "]]" : "]");
	t->p += brackets;
	for (size_t i = 0; rc == 0 && i + 1 < key.n; i++)
		rc = descend(t, &at, key.v[i], e);
	if (rc == 0)
		rc = (array ? open_element : open_table)(t, &at, key.v[key.n - 1], e);
	if (rc == 0)
		*ret = at;
	return rc;
}

int toml_pair(struct toml *t, struct json *table, struct dv_err *e)
{
	struct toml_key key;
	struct json *value;
	int rc = toml_key(t, &key, e);

	if (rc < 0)
		return rc;
	if (t->p == t->end || *t->p != '=')
		return toml_fail(t, e, "\"=\" is missing behind key %.80s", key.v[key.n - 1]);
	t->p++;
	for (size_t i = 0; i + 1 < key.n; i++) {
		struct json *next = json_get_mut(table, key.v[i]);

		if (next && kind_of(t, next) != TABLE_DOTTED)
			return toml_fail(t, e, "%.80s is defined elsewhere", key.v[i]);
		table = next ? next : new_table(t, table, key.v[i], TABLE_DOTTED);
	}
	if (json_get(table, key.v[key.n - 1]))
		return toml_fail(t, e, "%.80s is defined twice", key.v[key.n - 1]);
	rc = toml_value(t, &value, e);
	if (rc == 0)
		json_set(t->a, table, key.v[key.n - 1], value);
	return rc;
}

static int document(struct toml *t, struct json *root, struct dv_err *e)
{
	struct json *table = root;
	int rc = toml_lines(t, e);

	while (rc == 0 && t->p < t->end) {
		rc = *t->p == '[' ? header(t, root, &table, e) : toml_pair(t, table, e);
		if (rc == 0)
			rc = end_of_line(t, e);
		if (rc == 0)
			rc = toml_lines(t, e);
	}
	return rc;
}

/* --- public --- */

static int check_utf8(const char *s, const char *end, struct dv_err *e)
{
	unsigned line = 1;

	while (s < end) {
		unsigned n = (unsigned char)*s < 0x80 ? 1 : text_utf8(s, end);

		if (n == 0)
			return dv_fail(e, DV_INVALID, "line %u: not UTF-8", line);
		line += *s == '\n';
		s += n;
	}
	return 0;
}

int toml_parse(struct arena *a, const char *text, size_t len, struct json **ret, struct dv_err *e)
{
	struct toml t = { .a = a, .line = 1 };
	struct json *root = json_new_object(a);
	int rc;

	if (len > TOML_BYTES_MAX)
		return dv_fail(e, DV_LIMIT, "more than %zu bytes of TOML", TOML_BYTES_MAX);
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	t.p = arena_strn(a, text, len);
	t.end = t.p + len;
	rc = check_utf8(t.p, t.end, e);
	if (rc < 0)
		return rc;
	t.kinds = map_new();
	rc = document(&t, root, e);
	map_free(t.kinds, NULL);
	if (rc == 0)
		*ret = root;
	return rc;
}

int toml_parse_file(struct arena *a, int dirfd, const char *name, struct json **ret, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(TOML_BYTES_MAX);
	int rc = file_read(dirfd, name, &b, e);

	if (rc < 0)
		return rc;
	rc = toml_parse(a, buf_cstr(&b), b.len, ret, e);
	return rc < 0 ? dv_wrap(e, "%s", name) : 0;
}
