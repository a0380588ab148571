/* template_run.c - a template over a tree. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "ui/template_inner.h"

enum flow { FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE };

int t_error(struct t_run *run, struct dv_err *e, const char *fmt, ...)
{
	char msg[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	return t_fail(run->t->text, run->at, e, "%s", msg);
}

int t_string(struct t_run *run, struct buf *b, const struct json **ret, struct dv_err *e)
{
	int r = buf_check(b, "template: a text", e);

	run->made_bytes += b->len + 64;
	if (r == 0 && run->made_bytes > TEMPLATE_MADE_MAX)
		r = dv_fail(e, DV_LIMIT, "template: makes more than %zu bytes of texts", TEMPLATE_MADE_MAX);
	if (r == 0)
		*ret = json_new_strn(&run->arena, buf_cstr(b), b->len);
	return r;
}

static int step(struct t_run *run, struct dv_err *e)
{
	if (++run->steps > TEMPLATE_STEPS_MAX)
		return dv_fail(e, DV_LIMIT, "template: more than %u steps", TEMPLATE_STEPS_MAX);
	return 0;
}

/* --- values --- */

static int get_field(struct t_run *run, const struct json *j, const char *name, const struct json **ret,
		     struct dv_err *e)
{
	const struct json *v = NULL;

	if (json_type(j) == JSON_OBJECT)
		v = json_get(j, name);
	else if (json_type(j) != JSON_NULL)
		return t_error(run, e, "can't evaluate field %s in a %s", name, json_type_name(json_type(j)));
	if (!v && (run->t->flags & TEMPLATE_STRICT))
		return t_error(run, e, "no entry for key \"%s\"", name);
	*ret = v;
	return 0;
}

static int get_var(struct t_run *run, const char *name, const struct json **ret, struct dv_err *e)
{
	if (!*name) {
		*ret = run->root;
		return 0;
	}
	for (size_t i = run->n_vars; i-- > 0;)
		if (streq(run->vars[i].name, name)) {
			*ret = run->vars[i].value;
			return 0;
		}
	return t_error(run, e, "undefined variable \"$%s\"", name);
}

static int set_var(struct t_run *run, const char *name, bool assign, const struct json *value, struct dv_err *e)
{
	for (size_t i = run->n_vars; assign && i-- > 0;)
		if (streq(run->vars[i].name, name)) {
			run->vars[i].value = value;
			return 0;
		}
	if (assign)
		return t_error(run, e, "undefined variable \"$%s\"", name);
	if (run->n_vars == TEMPLATE_VARS_MAX)
		return dv_fail(e, DV_LIMIT, "template: more than %d variables", TEMPLATE_VARS_MAX);
	run->vars[run->n_vars].name = name;
	run->vars[run->n_vars++].value = value;
	return 0;
}

static int eval_pipe(struct t_run *run, const struct t_pipe *pipe, const struct json *dot, const struct json **ret,
		     struct dv_err *e);

static int call_func(struct t_run *run, const struct t_func *f, const struct json *const *args, size_t n,
		     const struct json **ret, struct dv_err *e)
{
	if (n < f->min || n > f->max)
		return t_error(run, e, "wrong number of arguments for %s: %zu", f->name, n);
	return f->call(run, args, n, ret, e);
}

static int eval_operand(struct t_run *run, const struct t_operand *o, const struct json *dot,
			const struct json **ret, struct dv_err *e)
{
	const struct json *v = NULL;
	int r = step(run, e);

	run->at = o->at;
	if (r < 0)
		return r;
	switch (o->kind) {
	case T_DOT:
		v = dot;
		break;
	case T_VAR:
		r = get_var(run, o->var, &v, e);
		break;
	case T_CONST:
		v = o->value;
		break;
	case T_NIL:
		break;
	case T_FUNC:
		r = call_func(run, o->func, NULL, 0, &v, e);
		break;
	case T_PIPE:
		r = eval_pipe(run, o->pipe, dot, &v, e);
		run->at = o->at;
		break;
	}
	for (const struct t_field *f = o->fields; r == 0 && f; f = f->next)
		r = get_field(run, v, f->name, &v, e);
	if (r == 0)
		*ret = v;
	return r;
}

/* {{.Label "key"}}: the argument looked up in the field's object. */
static int lookup_argument(struct t_run *run, const struct t_operand *o, const struct json *const *args, size_t n,
			   const struct json **ret, struct dv_err *e)
{
	if (!o->fields || n != 2 || !json_str(args[1]) ||
	    (json_type(args[0]) != JSON_OBJECT && json_type(args[0]) != JSON_NULL))
		return t_error(run, e, "can't give argument to a value that is no function");
	*ret = args[0] ? json_get(args[0], json_str(args[1])) : NULL;
	return 0;
}

/* `last` is what the command before in the pipe gave. */
static int eval_command(struct t_run *run, const struct t_command *c, const struct json *dot, bool piped,
			const struct json *last, const struct json **ret, struct dv_err *e)
{
	const struct json *args[TEMPLATE_ARGS_MAX + 1];
	const struct t_operand *head = &c->args[0];
	bool is_func = head->kind == T_FUNC, stop_at = false;
	bool lazy = is_func && t_func_is_lazy(head->func, &stop_at);
	size_t n = 0;
	int r;

	for (size_t i = is_func; i < c->n; i++) {
		r = eval_operand(run, &c->args[i], dot, &args[n++], e);
		if (r < 0)
			return r;
		if (lazy && t_truth(args[n - 1]) == stop_at) {
			*ret = args[n - 1];
			return 0;
		}
	}
	if (piped)
		args[n++] = last;
	run->at = head->at;
	if (is_func)
		return call_func(run, head->func, args, n, ret, e);
	if (n > 1)
		return lookup_argument(run, head, args, n, ret, e);
	*ret = args[0];
	return 0;
}

static int eval_commands(struct t_run *run, const struct t_pipe *pipe, const struct json *dot,
			 const struct json **ret, struct dv_err *e)
{
	const struct json *v = NULL;

	for (const struct t_command *c = pipe->commands; c; c = c->next) {
		int r = eval_command(run, c, dot, c != pipe->commands, v, &v, e);

		if (r < 0)
			return r;
	}
	*ret = v;
	return 0;
}

static int eval_pipe(struct t_run *run, const struct t_pipe *pipe, const struct json *dot, const struct json **ret,
		     struct dv_err *e)
{
	const struct json *v;
	int r = eval_commands(run, pipe, dot, &v, e);

	run->at = pipe->at;
	if (r == 0 && pipe->n_vars == 2)
		r = t_error(run, e, "two variables are for {{range}} only");
	if (r == 0 && pipe->n_vars)
		r = set_var(run, pipe->vars[0], pipe->assign, v, e);
	if (r == 0)
		*ret = v;
	return r;
}

/* --- nodes --- */

static int run_list(struct t_run *run, const struct t_node *node, const struct json *dot, enum flow *flow,
		    struct dv_err *e);

/* One turn of a range: $v, or $i and $v. */
static int run_turn(struct t_run *run, const struct t_node *node, const struct json *key, const struct json *value,
		    enum flow *flow, struct dv_err *e)
{
	const struct t_pipe *pipe = node->pipe;
	size_t n_vars = run->n_vars;
	int r = step(run, e);

	if (r == 0 && pipe->n_vars == 2)
		r = set_var(run, pipe->vars[0], pipe->assign, key, e);
	if (r == 0 && pipe->n_vars)
		r = set_var(run, pipe->vars[pipe->n_vars - 1], pipe->assign, value, e);
	if (r == 0)
		r = run_list(run, node->body, value, flow, e);
	run->n_vars = n_vars;
	return r;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Members in the order of their keys, as Go has it. */
static int range_object(struct t_run *run, const struct t_node *node, const struct json *obj, struct dv_err *e)
{
	size_t n = json_len(obj);
	auto_free const char **keys = mem_alloc(mem_mul(n, sizeof *keys));
	enum flow flow = FLOW_NEXT;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		keys[i] = json_key(obj, i);
	qsort(keys, n, sizeof *keys, by_key);
	for (size_t i = 0; i < n && r == 0 && flow != FLOW_BREAK; i++) {
		auto_buf struct buf b = BUF_INIT(TEMPLATE_STRING_MAX);
		const struct json *key;

		flow = FLOW_NEXT;
		buf_str(&b, keys[i]);
		r = t_string(run, &b, &key, e);
		if (r == 0)
			r = run_turn(run, node, key, json_get(obj, keys[i]), &flow, e);
	}
	return r;
}

static int range_array(struct t_run *run, const struct t_node *node, const struct json *arr, struct dv_err *e)
{
	enum flow flow = FLOW_NEXT;
	int r = 0;

	for (size_t i = 0; i < json_len(arr) && r == 0 && flow != FLOW_BREAK; i++) {
		flow = FLOW_NEXT;
		run->made_bytes += 64;
		r = run_turn(run, node, json_new_u64(&run->arena, i), json_at(arr, i), &flow, e);
	}
	return r;
}

static int run_range(struct t_run *run, const struct t_node *node, const struct json *dot, enum flow *flow,
		     struct dv_err *e)
{
	const struct json *v;
	int r = eval_commands(run, node->pipe, dot, &v, e);

	if (r < 0)
		return r;
	if (json_type(v) == JSON_OBJECT && json_len(v))
		return range_object(run, node, v, e);
	if (json_type(v) == JSON_ARRAY && json_len(v))
		return range_array(run, node, v, e);
	run->at = node->pipe->at;
	if (json_type(v) != JSON_NULL && json_type(v) != JSON_ARRAY && json_type(v) != JSON_OBJECT)
		return t_error(run, e, "range can't iterate over a %s", json_type_name(json_type(v)));
	return run_list(run, node->other, dot, flow, e);
}

static int run_if(struct t_run *run, const struct t_node *node, const struct json *dot, enum flow *flow,
		  struct dv_err *e)
{
	const struct json *v;
	size_t n_vars = run->n_vars;
	int r = eval_pipe(run, node->pipe, dot, &v, e);

	if (r == 0 && t_truth(v))
		r = run_list(run, node->body, node->kind == T_WITH ? v : dot, flow, e);
	else if (r == 0)
		r = run_list(run, node->other, dot, flow, e);
	run->n_vars = n_vars;
	return r;
}

static int run_action(struct t_run *run, const struct t_node *node, const struct json *dot, struct dv_err *e)
{
	const struct json *v;
	int r = eval_pipe(run, node->pipe, dot, &v, e);

	if (r == 0 && !node->pipe->n_vars)
		t_print(run->out, v);
	return r;
}

static int run_node(struct t_run *run, const struct t_node *node, const struct json *dot, enum flow *flow,
		    struct dv_err *e)
{
	switch (node->kind) {
	case T_TEXT:
		buf_add(run->out, node->text, node->len);
		return 0;
	case T_ACTION:
		return run_action(run, node, dot, e);
	case T_IF:
	case T_WITH:
		return run_if(run, node, dot, flow, e);
	case T_RANGE:
		return run_range(run, node, dot, flow, e);
	case T_BREAK:
		*flow = FLOW_BREAK;
		return 0;
	case T_CONTINUE:
		*flow = FLOW_CONTINUE;
		return 0;
	}
	return 0;
}

static int run_list(struct t_run *run, const struct t_node *node, const struct json *dot, enum flow *flow,
		    struct dv_err *e)
{
	size_t n_vars = run->n_vars;
	int r = 0;

	for (; r == 0 && *flow == FLOW_NEXT && node; node = node->next) {
		r = step(run, e);
		if (r == 0)
			r = run_node(run, node, dot, flow, e);
		if (r == 0)
			r = buf_check(run->out, "output of the template", e);
	}
	run->n_vars = n_vars;
	return r;
}

int template_run(const struct template *t, const struct json *dot, struct buf *out, struct dv_err *e)
{
	struct t_run run = { .t = t, .root = dot, .out = out, .at = t->text };
	enum flow flow = FLOW_NEXT;
	int r;

	arena_init(&run.arena, 0);
	r = run_list(&run, t->nodes, dot, &flow, e);
	arena_done(&run.arena);
	return r;
}
