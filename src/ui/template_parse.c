/* template_parse.c - template text to syntax tree. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "ui/template_inner.h"

enum end_word { END_NONE, END_END, END_ELSE, END_ELSE_IF, END_ELSE_WITH };

int t_fail(const char *text, const char *at, struct dv_err *e, const char *fmt, ...)
{
	unsigned line = 1, column = 1;
	char msg[256];
	va_list ap;

	for (const char *p = text; p < at; p++) {
		column = *p == '\n' ? 1 : column + 1;
		line += *p == '\n';
	}
	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	return dv_fail(e, DV_INVALID, "template:%u:%u: %s", line, column, msg);
}

static void skip_blanks(struct t_parser *ps)
{
	while (t_is_blank(*ps->p))
		ps->p++;
}

static bool at_end(const struct t_parser *ps)
{
	return str_starts(ps->p, "}}") || (t_is_blank(ps->p[0]) && str_starts(ps->p + 1, "-}}"));
}

static size_t word_len(const char *p)
{
	size_t n = 0;

	while (t_is_word(p[n]))
		n++;
	return n;
}

static bool eat_word(struct t_parser *ps, const char *word)
{
	size_t n = strlen(word);

	if (word_len(ps->p) != n || memcmp(ps->p, word, n) != 0)
		return false;
	ps->p += n;
	return true;
}

static const char *take_word(struct t_parser *ps)
{
	size_t n = word_len(ps->p);

	ps->p += n;
	return arena_strn(ps->a, ps->p - n, n);
}

/* The end of an action; " -}}" also eats the blanks behind. */
static int close_action(struct t_parser *ps)
{
	bool trim;

	while (t_is_blank(*ps->p) && !str_starts(ps->p + 1, "-}}"))
		ps->p++;
	trim = t_is_blank(*ps->p);
	ps->p += trim ? 2 : 0;
	if (!str_starts(ps->p, "}}"))
		return *ps->p ? T_FAIL(ps, "unexpected \"%.10s\" in action", ps->p) : T_FAIL(ps, "action is not closed");
	ps->p += 2;
	if (trim)
		skip_blanks(ps);
	return 0;
}

/* --- operands --- */

static int take_fields(struct t_parser *ps, const struct t_field **ret)
{
	struct t_field *first = NULL, **tail = &first;

	while (*ps->p == '.') {
		struct t_field *f = arena_new(ps->a, struct t_field);

		ps->p++;
		if (!t_is_word(*ps->p))
			return T_FAIL(ps, "a field's name is wanted after \".\"");
		f->name = take_word(ps);
		*tail = f;
		tail = &f->next;
	}
	*ret = first;
	return 0;
}

static int take_pipe(struct t_parser *ps, const struct t_pipe **ret);

static int take_parens(struct t_parser *ps, struct t_operand *o)
{
	int r;

	ps->p++;
	if (++ps->depth > TEMPLATE_DEPTH_MAX)
		return dv_fail(ps->e, DV_LIMIT, "template: nested more than %d deep", TEMPLATE_DEPTH_MAX);
	r = take_pipe(ps, &o->pipe);
	ps->depth--;
	if (r < 0)
		return r;
	skip_blanks(ps);
	if (*ps->p != ')')
		return T_FAIL(ps, "parenthesis is not closed");
	ps->p++;
	o->kind = T_PIPE;
	return 0;
}

static int take_name(struct t_parser *ps, struct t_operand *o)
{
	static const char *const unsupported[] = { "define", "template", "block" };
	size_t n = word_len(ps->p);

	o->kind = T_CONST;
	if (eat_word(ps, "true") || eat_word(ps, "false")) {
		o->value = json_new_bool(ps->a, ps->p[-2] == 'u');
		return 0;
	}
	if (eat_word(ps, "nil")) {
		o->kind = T_NIL;
		return 0;
	}
	o->kind = T_FUNC;
	o->func = t_func_find(ps->p, n);
	for (size_t i = 0; !o->func && i < ARRAY_LEN(unsupported); i++)
		if (eat_word(ps, unsupported[i]))
			return T_FAIL(ps, "\"%s\" is not supported", unsupported[i]);
	if (!o->func)
		return T_FAIL(ps, "function \"%.*s\" not defined", (int)DV_MIN(n, (size_t)60), ps->p);
	ps->p += n;
	return 0;
}

static int take_operand(struct t_parser *ps, struct t_operand *o)
{
	char c = *ps->p;
	int r = 0;

	*o = (struct t_operand){ .kind = T_CONST, .at = ps->p };
	if (c == '"' || c == '`') {
		r = t_take_string(ps, &o->value);
	} else if (t_is_digit(c) || ((c == '-' || c == '+') && t_is_digit(ps->p[1]))) {
		return t_take_number(ps, &o->value);     /* no fields after it */
	} else if (c == '(') {
		r = take_parens(ps, o);
	} else if (c == '$') {
		ps->p++;
		o->kind = T_VAR;
		o->var = take_word(ps);
	} else if (c == '.') {
		o->kind = T_DOT;
		if (!t_is_word(ps->p[1])) {
			ps->p++;
			return 0;
		}
	} else if (t_is_word(c)) {
		return take_name(ps, o);
	} else {
		return T_FAIL(ps, c ? "unexpected \"%c\" in action" : "action is not closed", c);
	}
	return r < 0 ? r : take_fields(ps, &o->fields);
}

/* --- pipelines --- */

static bool command_ends(struct t_parser *ps)
{
	skip_blanks(ps);
	/* the blank of " -}}" belongs to the end */
	return *ps->p == '|' || *ps->p == ')' || str_starts(ps->p, "}}") || str_starts(ps->p, "-}}") || !*ps->p;
}

static int take_command(struct t_parser *ps, const struct t_command **ret)
{
	struct t_operand args[TEMPLATE_ARGS_MAX];
	struct t_command *c = arena_new(ps->a, struct t_command);

	while (!command_ends(ps)) {
		int r;

		if (c->n == TEMPLATE_ARGS_MAX)
			return dv_fail(ps->e, DV_LIMIT, "template: more than %d arguments", TEMPLATE_ARGS_MAX);
		if (c->n && !t_is_blank(ps->p[-1]))
			return T_FAIL(ps, "a blank is wanted between arguments");
		r = take_operand(ps, &args[c->n++]);
		if (r < 0)
			return r;
	}
	if (!c->n)
		return *ps->p ? T_FAIL(ps, "a value is missing") : T_FAIL(ps, "action is not closed");
	c->args = arena_array(ps->a, struct t_operand, c->n);
	memcpy(c->args, args, c->n * sizeof *args);
	*ret = c;
	return 0;
}

/* "$i, $v :=" in front; nothing is eaten when there is none. */
static int take_declaration(struct t_parser *ps, struct t_pipe *pipe)
{
	const char *start = ps->p;

	while (*ps->p == '$' && pipe->n_vars < 2) {
		ps->p++;
		pipe->vars[pipe->n_vars++] = take_word(ps);
		skip_blanks(ps);
		if (*ps->p != ',')
			break;
		ps->p++;
		skip_blanks(ps);
	}
	pipe->assign = *ps->p == '=';
	if (pipe->n_vars && (pipe->assign || str_starts(ps->p, ":="))) {
		ps->p += pipe->assign ? 1 : 2;
		return *pipe->vars[0] && (pipe->n_vars < 2 || *pipe->vars[1]) ? 0 : T_FAIL(ps, "a variable without a name");
	}
	pipe->n_vars = 0;
	ps->p = start;
	return 0;
}

static int take_pipe(struct t_parser *ps, const struct t_pipe **ret)
{
	struct t_pipe *pipe = arena_new(ps->a, struct t_pipe);
	const struct t_command **tail = &pipe->commands;
	int r;

	skip_blanks(ps);
	pipe->at = ps->p;
	r = take_declaration(ps, pipe);
	if (r < 0)
		return r;
	for (;;) {
		const struct t_command *c;

		r = take_command(ps, &c);
		if (r < 0)
			return r;
		if (pipe->commands && (c->args[0].kind != T_FUNC && !c->args[0].fields))
			return T_FAIL(ps, "a value cannot take the output of another command");
		*tail = c;
		tail = (const struct t_command **)&((struct t_command *)c)->next;
		if (*ps->p != '|')
			break;
		ps->p++;
	}
	*ret = pipe;
	/* back to the blank that belongs to " -}}" */
	if (str_starts(ps->p, "-}}") && t_is_blank(ps->p[-1]))
		ps->p--;
	return 0;
}

/* --- nodes --- */

static int take_list(struct t_parser *ps, struct t_node **ret, enum end_word *ret_end);

/* {{else if X}} is an {{if X}} of its own, closed by the same {{end}}. */
static int take_block(struct t_parser *ps, struct t_node *node)
{
	enum end_word end;
	int r;

	if (++ps->depth > TEMPLATE_DEPTH_MAX)
		return dv_fail(ps->e, DV_LIMIT, "template: nested more than %d deep", TEMPLATE_DEPTH_MAX);
	ps->loops += node->kind == T_RANGE;
	r = take_pipe(ps, &node->pipe);
	if (r < 0 || (r = close_action(ps)) < 0 || (r = take_list(ps, &node->body, &end)) < 0)
		return r;
	ps->loops -= node->kind == T_RANGE;
	if (end == END_NONE)
		return T_FAIL(ps, "{{end}} is missing");
	if (end == END_ELSE_IF || end == END_ELSE_WITH) {
		node->other = arena_new(ps->a, struct t_node);
		node->other->kind = end == END_ELSE_IF ? T_IF : T_WITH;
		r = take_block(ps, node->other);
	} else if (end == END_ELSE) {
		r = take_list(ps, &node->other, &end);
		if (r == 0 && end != END_END)
			r = T_FAIL(ps, "{{end}} is missing");
	}
	ps->depth--;
	return r;
}

static const struct {
	const char *word;
	enum t_node_kind kind;
} blocks[] = { { "if", T_IF }, { "range", T_RANGE }, { "with", T_WITH } };

static int take_else(struct t_parser *ps, enum end_word *ret_end)
{
	skip_blanks(ps);
	*ret_end = eat_word(ps, "if") ? END_ELSE_IF : eat_word(ps, "with") ? END_ELSE_WITH : END_ELSE;
	return *ret_end == END_ELSE ? close_action(ps) : 0;
}

/* After "{{". A node, or the word that ends the list. */
static int take_action(struct t_parser *ps, struct t_node *node, enum end_word *ret_end)
{
	int r;

	skip_blanks(ps);
	if (eat_word(ps, "end")) {
		*ret_end = END_END;
		return close_action(ps);
	}
	if (eat_word(ps, "else"))
		return take_else(ps, ret_end);
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		if (eat_word(ps, blocks[i].word)) {
			node->kind = blocks[i].kind;
			return take_block(ps, node);
		}
	if (eat_word(ps, "break") || eat_word(ps, "continue")) {
		node->kind = ps->p[-1] == 'k' ? T_BREAK : T_CONTINUE;
		return ps->loops ? close_action(ps) : T_FAIL(ps, "break or continue outside of {{range}}");
	}
	node->kind = T_ACTION;
	r = take_pipe(ps, &node->pipe);
	return r < 0 ? r : close_action(ps);
}

/* The comment's end, right after "{{" or "{{- ". */
static int skip_comment(struct t_parser *ps)
{
	const char *end = strstr(ps->p + 2, "*/");

	if (!end)
		return T_FAIL(ps, "comment is not closed");
	ps->p = end + 2;
	return at_end(ps) ? close_action(ps) : T_FAIL(ps, "comment does not end with the action");
}

static void add_node(struct t_node ***tail, struct t_node *node)
{
	**tail = node;
	*tail = &node->next;
}

/* Plain text up to the next action (true) or the end; "{{- " takes blanks off its end. */
static bool take_text(struct t_parser *ps, struct t_node ***tail)
{
	const char *open = strstr(ps->p, "{{"), *end = open ? open : ps->p + strlen(ps->p), *start = ps->p;
	bool trim = open && open[2] == '-' && t_is_blank(open[3]);

	ps->p = open ? open + (trim ? 3 : 2) : end;
	while (trim && end > start && t_is_blank(end[-1]))
		end--;
	if (end > start) {
		struct t_node *node = arena_new(ps->a, struct t_node);

		node->kind = T_TEXT;
		node->text = start;
		node->len = (size_t)(end - start);
		add_node(tail, node);
	}
	return open != NULL;
}

static int take_list(struct t_parser *ps, struct t_node **ret, enum end_word *ret_end)
{
	struct t_node **tail = ret;

	*ret = NULL;
	*ret_end = END_NONE;
	while (*ps->p) {
		struct t_node *node;
		int r;

		if (!take_text(ps, &tail))
			break;
		skip_blanks(ps);
		if (str_starts(ps->p, "/*")) {
			r = skip_comment(ps);
			if (r < 0)
				return r;
			continue;
		}
		node = arena_new(ps->a, struct t_node);
		r = take_action(ps, node, ret_end);
		if (r < 0 || *ret_end != END_NONE)
			return r;
		add_node(&tail, node);
	}
	return 0;
}

int template_parse(struct arena *a, const char *text, int flags, struct template **ret, struct dv_err *e)
{
	struct template *t = arena_new(a, struct template);
	struct t_parser ps = { .a = a, .e = e };
	enum end_word end;
	int r;

	if (strlen(text) > TEMPLATE_BYTES_MAX)
		return dv_fail(e, DV_LIMIT, "template is larger than %zu bytes", TEMPLATE_BYTES_MAX);
	t->text = ps.text = ps.p = arena_str(a, text);
	t->flags = flags;
	r = take_list(&ps, &t->nodes, &end);
	if (r < 0)
		return r;
	if (end != END_NONE)
		return T_FAIL(&ps, "{{end}} or {{else}} without a block");
	*ret = t;
	return 0;
}
