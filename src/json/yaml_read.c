/* yaml_read.c - the events of libyaml into the JSON tree.
 *
 * An alias becomes a copy of what its anchor names, so that the tree can be
 * changed like any other; before the copy is made the arena is asked whether
 * it has the bytes that the original took, which bounds every expansion. "<<"
 * merges mappings as YAML 1.1 says.
 */
#include <stdlib.h>
#include <yaml.h>

#include "base/str.h"
#include "json/node.h"
#include "json/yaml.h"
#include "json/yaml_plain.h"

/* A container that is still open. */
struct open {
	struct json *j;
	const char *key;                /* of the member whose value comes next */
	bool merging;                   /* the value that comes next is of "<<" */
	struct json *merges;            /* array of mappings to merge in at the end */
	size_t anchor;                  /* its number + 1 */
	size_t used_bytes;              /* of the arena, when it began */
};

struct anchor {
	const struct json *j;           /* NULL while it is open */
	size_t bytes;
};

struct reader {
	yaml_parser_t parser;
	struct arena *a;
	struct arena names_arena;
	struct json *names;             /* anchor name: its number */
	struct anchor *anchors;
	size_t n_anchors;
	struct open *opens;
	unsigned depth;
	struct json *root;
	struct dv_err *e;
};

/* --- failures and limits --- */

static int fail_at(const yaml_mark_t *at, struct dv_err *e, enum dv_kind kind, const char *what,
		   const char *text)
{
	auto_buf struct buf b = BUF_INIT(120);

	for (size_t i = 0; text && text[i] && i < 60; i++)
		buf_char(&b, (unsigned char)text[i] < 0x20 ? '?' : text[i]);
	return dv_fail(e, kind, "line %zu, column %zu: %s%s%s", at->line + 1, at->column + 1, what,
		       text ? " " : "", buf_cstr(&b));
}

static int fail_parser(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;

	if (p->error == YAML_MEMORY_ERROR)
		abort();
	if (p->error == YAML_READER_ERROR)
		return dv_fail(r->e, DV_INVALID, "byte %zu: %s", p->problem_offset, p->problem);
	return fail_at(&p->problem_mark, r->e, DV_INVALID, p->problem ?: "this is not YAML", NULL);
}

#define NAMES_BYTES_MAX ((size_t)16 << 20)

/* Room in the arena for text of len bytes with its node and member. */
static int reserve(struct reader *r, const yaml_mark_t *at, size_t len)
{
	size_t want = len + 128;

	if (r->a->used_bytes <= r->a->max_bytes && want <= r->a->max_bytes - r->a->used_bytes)
		return 0;
	return fail_at(at, r->e, DV_LIMIT, "the tree with its aliases is too large", NULL);
}

/* --- anchors --- */

static size_t anchor_new(struct reader *r, const yaml_char_t *name)
{
	if (!name)
		return 0;
	if ((r->n_anchors & (r->n_anchors - 1)) == 0)
		r->anchors = mem_resize(r->anchors, DV_MAX(r->n_anchors * 2, (size_t)1), sizeof *r->anchors);
	r->anchors[r->n_anchors++] = (struct anchor){ 0 };
	json_set(&r->names_arena, r->names, (const char *)name, json_new_u64(&r->names_arena, r->n_anchors));
	return r->n_anchors;
}

static void anchor_done(struct reader *r, size_t anchor, const struct json *j, size_t used_before)
{
	if (anchor)
		r->anchors[anchor - 1] = (struct anchor){ j, r->a->used_bytes - used_before };
}

static int alias_copy(struct reader *r, const yaml_event_t *ev, struct json **ret)
{
	const char *name = (const char *)ev->data.alias.anchor;
	uint64_t n;
	int err;

	if (!json_u64(json_get(r->names, name), &n))
		return fail_at(&ev->start_mark, r->e, DV_INVALID, "no anchor is called", name);
	if (!r->anchors[n - 1].j)
		return fail_at(&ev->start_mark, r->e, DV_INVALID, "an alias within its own anchor", name);
	err = reserve(r, &ev->start_mark, r->anchors[n - 1].bytes);
	if (err < 0)
		return err;
	*ret = json_copy(r->a, r->anchors[n - 1].j);
	return 0;
}

/* --- scalars --- */

static const struct tag {
	const char *tag;
	int type;                       /* an enum json_type, or -1: as it looks */
} tags[] = {
	{ YAML_STR_TAG, JSON_STRING }, { "!", JSON_STRING }, { YAML_NULL_TAG, JSON_NULL },
	{ YAML_BOOL_TAG, JSON_BOOL },
	{ YAML_INT_TAG, JSON_NUMBER }, { YAML_FLOAT_TAG, JSON_NUMBER }, { YAML_SEQ_TAG, JSON_ARRAY },
	{ YAML_MAP_TAG, JSON_OBJECT },
};

/* The type that the tag asks for, -1 for none. */
static int tag_type(struct reader *r, const yaml_event_t *ev, const yaml_char_t *tag, int *ret)
{
	*ret = -1;
	if (!tag)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		if (streq(tags[i].tag, (const char *)tag)) {
			*ret = tags[i].type;
			return 0;
		}
	}
	return fail_at(&ev->start_mark, r->e, DV_INVALID, "unknown tag", (const char *)tag);
}

static struct json *plain_node(struct reader *r, const char *s, size_t len)
{
	struct json *j = NULL;

	switch (yaml_plain(r->a, s, len, &j)) {
	case YAML_NULL: return json_null(r->a);
	case YAML_TRUE: return json_new_bool(r->a, true);
	case YAML_FALSE: return json_new_bool(r->a, false);
	case YAML_NUM: return j;
	case YAML_NO_JSON: return NULL;
	case YAML_STR:
	case YAML_MERGE: break;
	}
	return json_new_strn(r->a, s, len);
}

static int scalar_node(struct reader *r, const yaml_event_t *ev, struct json **ret)
{
	const char *s = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	struct json *j;
	int type, err = tag_type(r, ev, ev->data.scalar.tag, &type);

	if (err < 0)
		return err;
	err = reserve(r, &ev->start_mark, len);
	if (err < 0)
		return err;
	if (type == JSON_STRING || (type < 0 && ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE))
		j = json_new_strn(r->a, s, len);
	else
		j = plain_node(r, s, len);
	if (!j)
		return fail_at(&ev->start_mark, r->e, DV_INVALID, "JSON has no number", s);
	if (type >= 0 && type != (int)json_type(j))
		return fail_at(&ev->start_mark, r->e, DV_INVALID, "the value is not what its tag says:", s);
	*ret = j;
	return 0;
}

/* --- keys --- */

static bool is_merge_key(const yaml_event_t *ev)
{
	return ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !ev->data.scalar.tag &&
	       streq((const char *)ev->data.scalar.value, "<<");
}

static int take_key(struct reader *r, struct open *o, const yaml_event_t *ev)
{
	const char *s = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length, used = r->a->used_bytes;
	struct json *j;
	size_t anchor;
	int err;

	if (ev->type != YAML_SCALAR_EVENT)
		return fail_at(&ev->start_mark, r->e, DV_INVALID, "a key must be a string", NULL);
	if (is_merge_key(ev) && !o->merging && !o->merges) {
		o->merging = true;
		return 0;
	}
	anchor = anchor_new(r, ev->data.scalar.anchor);
	err = scalar_node(r, ev, &j);
	if (err < 0)
		return err;
	anchor_done(r, anchor, j, used);
	if (json_type(j) != JSON_STRING)
		return fail_at(&ev->start_mark, r->e, DV_INVALID,
			       "a key must be a string (put it in quotes):", s);
	if (is_merge_key(ev) || member_find(o->j->kids, s, len) >= 0)
		return fail_at(&ev->start_mark, r->e, DV_INVALID, "this key appears twice:", s);
	o->key = key_new(r->a, s, len);
	return 0;
}

/* --- merging --- */

/* The value of "<<": a mapping or a list of them. */
static int take_merge(struct reader *r, struct open *o, const yaml_event_t *ev, struct json *v)
{
	o->merging = false;
	o->merges = v;
	if (json_type(v) == JSON_OBJECT) {
		o->merges = json_new_array(r->a);
		json_append(r->a, o->merges, v);
	}
	if (json_type(o->merges) == JSON_ARRAY) {
		for (JSON_EACH(it, o->merges))
			if (json_type(it.value) != JSON_OBJECT)
				v = NULL;
		if (v)
			return 0;
	}
	return fail_at(&ev->start_mark, r->e, DV_INVALID, "<< wants a mapping or a list of mappings", NULL);
}

/* What the mapping does not say itself comes from the merged ones, the first first. */
static int merge(struct reader *r, struct open *o, const yaml_event_t *ev)
{
	for (JSON_EACH(from, o->merges)) {
		for (JSON_EACH(it, from.value)) {
			const char *key = json_iter_key(it);
			int err = reserve(r, &ev->start_mark, 0);

			if (err < 0)
				return err;
			if (member_find(o->j->kids, key, key_len(key)) < 0)
				member_add(r->a, o->j->kids, key, (struct json *)it.value);
		}
	}
	return 0;
}

/* --- nodes in their places --- */

static int place(struct reader *r, const yaml_event_t *ev, struct json *v)
{
	struct open *o = r->depth ? &r->opens[r->depth - 1] : NULL;

	if (!o) {
		r->root = v;
	} else if (json_type(o->j) == JSON_ARRAY) {
		json_append(r->a, o->j, v);
	} else if (o->merging) {
		return take_merge(r, o, ev, v);
	} else {
		member_add(r->a, o->j->kids, o->key, v);
		o->key = NULL;
	}
	return 0;
}

static int open_container(struct reader *r, const yaml_event_t *ev, enum json_type type)
{
	bool seq = type == JSON_ARRAY;
	const yaml_char_t *tag = seq ? ev->data.sequence_start.tag : ev->data.mapping_start.tag;
	int want, err = tag_type(r, ev, tag, &want);
	struct open *o = &r->opens[r->depth];

	if (err < 0)
		return err;
	if (want >= 0 && want != (int)type && !streq((const char *)tag, "!"))
		return fail_at(&ev->start_mark, r->e, DV_INVALID, "the value is not what its tag says", NULL);
	if (r->depth == JSON_DEPTH_MAX)
		return fail_at(&ev->start_mark, r->e, DV_LIMIT, "nested too deep", NULL);
	err = reserve(r, &ev->start_mark, 0);
	if (err < 0)
		return err;
	*o = (struct open){ .used_bytes = r->a->used_bytes };
	o->anchor = anchor_new(r, seq ? ev->data.sequence_start.anchor : ev->data.mapping_start.anchor);
	o->j = seq ? json_new_array(r->a) : json_new_object(r->a);
	r->depth++;
	return 0;
}

static int close_container(struct reader *r, const yaml_event_t *ev)
{
	struct open *o = &r->opens[r->depth - 1];
	int err = o->merges ? merge(r, o, ev) : 0;

	if (err < 0)
		return err;
	anchor_done(r, o->anchor, o->j, o->used_bytes);
	r->depth--;
	return place(r, ev, o->j);
}

static int take_scalar(struct reader *r, const yaml_event_t *ev)
{
	size_t used = r->a->used_bytes, anchor = anchor_new(r, ev->data.scalar.anchor);
	struct json *j;
	int err = scalar_node(r, ev, &j);

	if (err < 0)
		return err;
	anchor_done(r, anchor, j, used);
	return place(r, ev, j);
}

static int take_alias(struct reader *r, const yaml_event_t *ev)
{
	struct json *j = NULL;
	int err = alias_copy(r, ev, &j);

	return err < 0 ? err : place(r, ev, j);
}

static int take_event(struct reader *r, const yaml_event_t *ev)
{
	struct open *o = r->depth ? &r->opens[r->depth - 1] : NULL;

	switch (ev->type) {
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_container(r, ev);
	case YAML_SCALAR_EVENT:
	case YAML_ALIAS_EVENT:
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		break;
	default:
		return 0;
	}
	if (o && json_type(o->j) == JSON_OBJECT && !o->key && !o->merging)
		return take_key(r, o, ev);
	if (ev->type == YAML_SCALAR_EVENT)
		return take_scalar(r, ev);
	if (ev->type == YAML_ALIAS_EVENT)
		return take_alias(r, ev);
	return open_container(r, ev, ev->type == YAML_SEQUENCE_START_EVENT ? JSON_ARRAY : JSON_OBJECT);
}

/* --- documents --- */

/* Up to the end of the next document; 0 when the stream is at its end, 1 with r->root (NULL: empty). */
static int read_document(struct reader *r)
{
	r->root = NULL;
	r->depth = 0;
	r->n_anchors = 0;
	arena_done(&r->names_arena);
	r->names = json_new_object(&r->names_arena);
	for (;;) {
		yaml_event_t ev;
		yaml_event_type_t type;
		int err;

		if (!yaml_parser_parse(&r->parser, &ev))
			return fail_parser(r);
		type = ev.type;
		err = take_event(r, &ev);
		if (err == 0 && r->names_arena.used_bytes > NAMES_BYTES_MAX)
			err = fail_at(&ev.start_mark, r->e, DV_LIMIT, "too many anchors", NULL);
		yaml_event_delete(&ev);
		if (err < 0 || type == YAML_STREAM_END_EVENT)
			return err;
		if (type == YAML_DOCUMENT_END_EVENT)
			return 1;
	}
}

static int reader_open(struct reader *r, struct arena *a, const char *text, size_t len, struct dv_err *e)
{
	if (len > JSON_BYTES_MAX)
		return dv_fail(e, DV_LIMIT, "%zu bytes of YAML, at most %zu are taken", len, JSON_BYTES_MAX);
	*r = (struct reader){ .a = a, .e = e };
	if (!yaml_parser_initialize(&r->parser))
		abort();
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, len);
	arena_init(&r->names_arena, NAMES_BYTES_MAX);
	r->opens = mem_alloc(mem_mul(sizeof *r->opens, JSON_DEPTH_MAX + 1));
	return 0;
}

static void reader_close(struct reader *r)
{
	yaml_parser_delete(&r->parser);
	arena_done(&r->names_arena);
	free(r->anchors);
	free(r->opens);
}

int yaml_parse(struct arena *a, const char *text, size_t len, struct json **ret, struct dv_err *e)
{
	struct reader r;
	int n = reader_open(&r, a, text, len, e);

	if (n < 0)
		return n;
	n = read_document(&r);
	if (n >= 0)
		*ret = r.root ?: json_null(a);
	reader_close(&r);
	return n < 0 ? n : 0;
}

int yaml_parse_all(struct arena *a, const char *text, size_t len,
		   int (*on_doc)(void *ctx, struct json *doc, struct dv_err *e), void *ctx, struct dv_err *e)
{
	struct reader r;
	int n = reader_open(&r, a, text, len, e);

	if (n < 0)
		return n;
	while ((n = read_document(&r)) > 0) {
		if (json_type(r.root) != JSON_NULL)
			n = on_doc(ctx, r.root, e);
		if (n < 0)
			break;
	}
	reader_close(&r);
	return n;
}
