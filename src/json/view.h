/* view.h - read part of a JSON tree into a struct, by one list of fields.
 *
 *	#define MEMORY_VIEW(F, c) \
 *		F(c, i64,  limit, "limit",           0,        NULL) \
 *		F(c, bool, check, "checkBeforeUpdate", 0,      NULL) \
 *		F(c, list, devs,  "devices",         0,        &dev_view_schema) \
 *		F(c, sub,  cpu,   "cpu",             0,        &cpu_view_schema)
 *	DV_VIEW(memory_view, MEMORY_VIEW);
 *
 * gives struct memory_view and memory_view_schema. Kinds and their C types:
 *
 *	str   const char *               string without NUL bytes; NULL when absent
 *	bool  bool                       false when absent
 *	i64   struct opt_i64             integer with `set`
 *	u64   struct opt_u64             the same, not negative
 *	u32   struct opt_u32             the same, at most 2^32 - 1
 *	dbl   struct opt_double
 *	strs  const char **              array of strings, NULL-terminated; NULL when absent
 *	map   struct view_map            object of strings, in order
 *	node  const struct json *        whatever is there, untouched
 *	sub   struct X *                 object decoded by the schema in the last column; NULL when absent
 *	list  struct view_list           array of objects decoded by that schema
 *
 * Paths may be dotted ("process.user.uid"). null counts as absent. Unknown
 * members are ignored. REQ: absence is INVALID. Errors name the field:
 * "linux.devices[2].major: a number is wanted, not a string".
 */
#pragma once

#include "json/json.h"

enum view_kind { VIEW_str, VIEW_bool, VIEW_i64, VIEW_u64, VIEW_u32, VIEW_dbl, VIEW_strs, VIEW_map, VIEW_node,
		 VIEW_sub, VIEW_list };

struct opt_i64 { bool set; int64_t v; };
struct opt_u64 { bool set; uint64_t v; };
struct opt_u32 { bool set; uint32_t v; };
struct opt_double { bool set; double v; };
struct view_map { size_t n; const char **keys; const char **values; };
struct view_list { size_t n; void *items; };     /* an array of n structs; view_at() */

typedef const char *view_t_str;
typedef bool view_t_bool;
typedef struct opt_i64 view_t_i64;
typedef struct opt_u64 view_t_u64;
typedef struct opt_u32 view_t_u32;
typedef struct opt_double view_t_dbl;
typedef const char **view_t_strs;
typedef struct view_map view_t_map;
typedef const struct json *view_t_node;
typedef void *view_t_sub;
typedef struct view_list view_t_list;

#define REQ 1

struct view_schema;
struct view_field {
	enum view_kind kind;
	int flags;                          /* REQ */
	size_t offset;
	const char *path;
	const struct view_schema *schema;   /* of sub and list */
};
struct view_schema {
	const char *name;
	size_t size;
	const struct view_field *fields;
	size_t n_fields;
};

#define VIEW_MEMBER_(c, kind, member, path, flags, schema) view_t_##kind member;
#define VIEW_FIELD_(c, kind, member, path, flags, schema) \
	{ VIEW_##kind, flags, offsetof(struct c, member), path, schema },
/* The struct, and a schema private to the file that decodes with it. */
#define DV_VIEW_STRUCT(name, LIST) struct name { LIST(VIEW_MEMBER_, name) }
#define DV_VIEW_SCHEMA(name_, LIST) \
	static const struct view_field name_##_fields[] = { LIST(VIEW_FIELD_, name_) }; \
	static const struct view_schema name_##_schema = { #name_, sizeof(struct name_), name_##_fields, \
							   ARRAY_LEN(name_##_fields) }
#define DV_VIEW(name, LIST) DV_VIEW_STRUCT(name, LIST); DV_VIEW_SCHEMA(name, LIST)

/* Decode j into *out (zeroed first); strings and lists live in the arena or the tree.
 * `where` is put in front of field names ("" for none). INVALID names the field. */
int view_decode(struct arena *a, const struct json *j, const struct view_schema *schema, const char *where,
		void *out, struct dv_err *e) DV_MUST_USE;

/* view_at(&v.devs, struct dev_view, i) */
#define view_at(list, type, i) (&((type *)(list)->items)[i])
/* The value of key in a map, or NULL. */
const char *view_map_get(const struct view_map *m, const char *key);
