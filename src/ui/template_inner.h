/* template_inner.h - syntax tree of a template and its functions. Not for other modules. */
#pragma once

#include "ui/template.h"

#define TEMPLATE_BYTES_MAX ((size_t)64 << 10)
#define TEMPLATE_DEPTH_MAX 64
#define TEMPLATE_ARGS_MAX 32
#define TEMPLATE_VARS_MAX 64
#define TEMPLATE_STEPS_MAX 1000000U
#define TEMPLATE_STRING_MAX ((size_t)4 << 20)       /* of one made string */
#define TEMPLATE_MADE_MAX ((size_t)32 << 20)        /* of all of them */
#define TEMPLATE_PAD_MAX 1000

struct t_field {
	const char *name;
	struct t_field *next;
};

enum t_operand_kind { T_DOT, T_VAR, T_CONST, T_NIL, T_FUNC, T_PIPE };

struct t_func;
struct t_operand {
	enum t_operand_kind kind;
	const char *at;                 /* in the text, for errors */
	const char *var;                /* "" is $ */
	const struct json *value;
	const struct t_func *func;
	const struct t_pipe *pipe;
	const struct t_field *fields;   /* .A.B after it */
};

struct t_command {
	struct t_operand *args;
	size_t n;
	struct t_command *next;
};

struct t_pipe {
	const char *vars[2];            /* $i, $v := */
	size_t n_vars;
	bool assign;                    /* = instead of := */
	const struct t_command *commands;
	const char *at;
};

enum t_node_kind { T_TEXT, T_ACTION, T_IF, T_RANGE, T_WITH, T_BREAK, T_CONTINUE };

struct t_node {
	enum t_node_kind kind;
	const char *text;
	size_t len;
	const struct t_pipe *pipe;
	struct t_node *body, *other;    /* other: {{else}} */
	struct t_node *next;
};

struct template {
	const char *text;
	int flags;
	struct t_node *nodes;
};

/* INVALID with "line:column: " in front. */
int t_fail(const char *text, const char *at, struct dv_err *e, const char *fmt, ...) DV_PRINTF(4, 5);

/* --- parser --- */

struct t_parser {
	struct arena *a;
	const char *text, *p;
	int depth, loops;
	struct dv_err *e;
};

#define T_FAIL(ps, ...) t_fail((ps)->text, (ps)->p, (ps)->e, __VA_ARGS__)

static inline bool t_is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
static inline bool t_is_digit(char c) { return c >= '0' && c <= '9'; }
static inline bool t_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || t_is_digit(c) || c == '_' || (c & 0x80);
}

/* Literals: a string in " or `, a number. */
int t_take_string(struct t_parser *ps, const struct json **ret);
int t_take_number(struct t_parser *ps, const struct json **ret);

/* --- run --- */

/* What a function may use. */
struct t_run {
	const struct template *t;
	const struct json *root;
	struct buf *out;
	struct arena arena;
	struct { const char *name; const struct json *value; } vars[TEMPLATE_VARS_MAX];
	size_t n_vars;
	unsigned steps;
	size_t made_bytes;
	const char *at;                 /* of the operand in work */
};

int t_error(struct t_run *run, struct dv_err *e, const char *fmt, ...) DV_PRINTF(3, 4);
bool t_truth(const struct json *j);
/* As Go prints it: bare strings, [a b], map[k:v]. */
void t_print(struct buf *b, const struct json *j);
void t_print_inner(struct buf *b, const struct json *j);     /* null is "<nil>", as inside of containers */
/* The content of b as a string value; LIMIT when it or all of them are too large. */
int t_string(struct t_run *run, struct buf *b, const struct json **ret, struct dv_err *e) DV_MUST_USE;

struct t_func {
	const char *name;
	size_t min, max;
	int (*call)(struct t_run *run, const struct json *const *args, size_t n, const struct json **ret,
		    struct dv_err *e);
};
const struct t_func *t_func_find(const char *name, size_t len);
bool t_func_is_lazy(const struct t_func *f, bool *ret_stop_at);     /* and, or: end at the first such truth */

#define T_ARGS struct t_run *run, const struct json *const *args, size_t n, const struct json **ret, struct dv_err *e
int t_printf(T_ARGS);
int t_join(T_ARGS);
int t_split(T_ARGS);
int t_lower(T_ARGS);
int t_upper(T_ARGS);
int t_title(T_ARGS);
int t_trim(T_ARGS);
int t_pad(T_ARGS);
int t_truncate(T_ARGS);
