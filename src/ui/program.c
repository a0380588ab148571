/* program.c - main() of the command lines: globals, verbs, help, version, errors. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/errtext.h"
#include "base/str.h"
#include "ui/inner.h"
#include "ui/table.h"
#include "ui/text.h"

#define USAGE_EXIT_DEFAULT 64
#define HELP_WIDTH_DEFAULT 80
#define HELP_WIDTH_MIN 40
#define HELP_WIDTH_MAX 120

static const struct verb *const no_verbs[] = { NULL };

/* --- verbs by name --- */

const struct verb *const *verb_subs(const struct verb_path *at)
{
	const struct verb *const *subs = at->verb ? at->verb->subs : at->program->verbs;

	return subs ? subs : no_verbs;
}

const struct verb *verb_find(const struct verb *const *verbs, const char *name)
{
	for (size_t i = 0; verbs[i]; i++) {
		if (streq(verbs[i]->name, name))
			return verbs[i];
		for (size_t k = 0; verbs[i]->aliases && verbs[i]->aliases[k]; k++)
			if (streq(verbs[i]->aliases[k], name))
				return verbs[i];
	}
	return NULL;
}

const char *verb_guess(const struct verb *const *verbs, const char *name)
{
	size_t best = DV_MAX(strlen(name) / 3, (size_t)1) + 1;
	const char *found = NULL;

	for (size_t i = 0; verbs[i]; i++) {
		size_t d = verbs[i]->hidden ? SIZE_MAX : text_distance(name, verbs[i]->name);

		if (d < best) {
			best = d;
			found = verbs[i]->name;
		}
	}
	return found;
}

static void step_into(struct arena *a, struct verb_path *at, const struct verb *v)
{
	at->verb = v;
	at->name = arena_printf(a, "%s %s", at->name, v->name);
}

size_t verb_walk(struct arena *a, const struct program *p, const char *const *words, struct verb_path *ret)
{
	const struct verb *v;
	size_t n = 0;

	*ret = (struct verb_path){ .program = p, .name = p->name };
	while (words[n] && (v = verb_find(verb_subs(ret), words[n]))) {
		step_into(a, ret, v);
		n++;
	}
	return n;
}

/* --- what a line asks for --- */

static int print_buf(const struct buf *b)
{
	fwrite(buf_cstr(b), 1, b->len, stdout);
	return 0;
}

static int show_help(const struct verb_path *at)
{
	auto_buf struct buf b = BUF_INIT(UI_TEXT_MAX);
	size_t width = ui_width(stdout);

	width = width ? DV_MIN(DV_MAX(width, (size_t)HELP_WIDTH_MIN), (size_t)HELP_WIDTH_MAX) : HELP_WIDTH_DEFAULT;
	help_write(&b, at, width);
	return print_buf(&b);
}

static int usage_error(const struct verb_path *at, const struct dv_err *e)
{
	const struct program *p = at->program;

	fprintf(stderr, "%s: %s\nRun '%s --help' for more information\n", p->name, e->msg, at->name);
	return p->usage_exit ? p->usage_exit : USAGE_EXIT_DEFAULT;
}

static int unknown_verb(const struct verb_path *at, const char *word)
{
	const char *near = verb_guess(verb_subs(at), word);
	struct dv_err e;
	int code;

	if (near)
		(void)dv_fail(&e, DV_INVALID, "unknown command: %s %s (did you mean %s?)", at->name, word, near);
	else
		(void)dv_fail(&e, DV_INVALID, "unknown command: %s %s", at->name, word);
	code = usage_error(at, &e);
	return at->program->unknown_exit ? at->program->unknown_exit : code;
}

/* How many operands flags stand for. */
static unsigned instead(const struct verb *v, const void *args)
{
	unsigned n = 0;

	for (const struct opt *o = v->opts; o && o->kind != OPT_END; o++)
		if (o->flags & OPT_INSTEAD)
			n += *(const bool *)((const char *)args + o->offset);
	return n;
}

static int check_operands(const struct verb_path *at, const void *args, size_t n, struct dv_err *e)
{
	const struct verb *v = at->verb;
	unsigned max = v->operands && !v->operands_max ? UINT32_MAX : v->operands_max;
	const char *how = v->operands_min == max ? "exactly" : n < v->operands_min ? "at least" : "at most";
	unsigned wanted = n < v->operands_min ? v->operands_min : max;

	if (n <= max && n + instead(v, args) >= v->operands_min)
		return 0;
	if (!max)
		return dv_fail(e, DV_INVALID, "\"%s\" takes no arguments", at->name);
	return dv_fail(e, DV_INVALID, "\"%s\" needs %s %u argument%s", at->name, how, wanted, wanted == 1 ? "" : "s");
}

static bool verb_is_builtin(const struct verb *v);

static int show_error(struct verb_call *c, const struct dv_err *e)
{
	if (c->program->on_error)
		return c->program->on_error(c, e);
	fprintf(stderr, "%s: %s\n", c->program->name, e->msg);
	return dv_kind_exit(e->kind);
}

/* Help is there whatever state the program's own preparation finds. */
static int run_verb(struct verb_call *c)
{
	struct dv_err e = DV_ERR_NONE;
	int r = c->program->before && !verb_is_builtin(c->verb) ? c->program->before(c, &e) : 0;

	if (r >= 0)
		r = c->verb->run(c, &e);
	return r < 0 ? show_error(c, &e) : r;
}

static int run_external(struct verb_call *c, const struct verb *v, const struct external_line *line)
{
	struct dv_err e = DV_ERR_NONE;

	c->verb = v;
	return external_run(c->arena, c->program, v, line, &e) < 0 ? show_error(c, &e) : 0;
}

/* --- verbs that every program has --- */

/* help and __man of an external verb are the other program's. */
static int builtin_elsewhere(struct verb_call *c, const char *builtin, const struct verb *v, size_t n)
{
	struct external_line line = { .builtin = builtin, .rest = c->operands + n };

	return run_external(c, v, &line);
}

static int do_help(struct verb_call *c, struct dv_err *e)
{
	struct verb_path at;
	size_t n = verb_walk(c->arena, c->program, c->operands, &at);

	if (at.verb && at.verb->external)
		return builtin_elsewhere(c, "help", at.verb, n);
	return c->operands[n] ? unknown_verb(&at, c->operands[n]) : show_help(&at);
}

static int do_man(struct verb_call *c, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(UI_TEXT_MAX);
	struct verb_path at;
	size_t n = verb_walk(c->arena, c->program, c->operands, &at);

	if (at.verb && at.verb->external)
		return builtin_elsewhere(c, "__man", at.verb, n);
	if (c->operands[n])
		return unknown_verb(&at, c->operands[n]);
	man_write(&b, c->arena, &at);
	return print_buf(&b);
}

static int do_completion(struct verb_call *c, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(UI_TEXT_MAX);
	int r = complete_script(&b, c->program, c->operands[0], e);

	return r < 0 ? r : print_buf(&b);
}

static int do_complete(struct verb_call *c, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(UI_TEXT_MAX);
	const struct verb *v;
	size_t n = verb_external(c->program, c->operands, &v);

	if (n && n < c->n_operands)
		return builtin_elsewhere(c, "__complete", v, n);
	complete_words(&b, c->arena, c->program, c->operands, c->n_operands);
	return print_buf(&b);
}

/* No options of their own: every word after them is theirs. */
static const struct verb builtin_help = { .name = "help", .operands = "[COMMAND...]", .run = do_help };
static const struct verb builtin_man = { .name = "__man", .operands = "[COMMAND...]", .run = do_man };
static const struct verb builtin_complete = { .name = "__complete", .operands = "WORD...", .run = do_complete };
static const struct verb builtin_completion = {
	.name = "completion", .operands = "bash|zsh|fish", .operands_min = 1, .operands_max = 1,
	.summary = "Print a completion script for a shell", .run = do_completion,
};
static const struct verb *const builtins[] = {
	&builtin_help, &builtin_man, &builtin_complete, &builtin_completion, NULL
};

static bool verb_is_builtin(const struct verb *v)
{
	for (size_t i = 0; builtins[i]; i++)
		if (builtins[i] == v)
			return true;
	return false;
}

/* --- main --- */

static int parse_verb(struct verb_call *c, const struct verb_path *at, const char *const *words)
{
	const struct verb *v = at->verb;
	struct opt_line line = { .arena = c->arena, .opts = v->opts, .stop_at_operand = v->stop_at_operand,
				 .take_help = true, .also = c->program->globals };
	struct dv_err e = DV_ERR_NONE;
	int r;

	c->verb = v;
	c->args = arena_alloc(c->arena, v->args_size);
	r = opt_parse_line(&line, words, c->args, &e);
	if (r < 0)
		return usage_error(at, &e);
	if (line.help)
		return show_help(at);
	r = check_operands(at, c->args, line.n, &e);
	if (r < 0)
		return usage_error(at, &e);
	c->operands = line.operands;
	c->n_operands = line.n;
	return run_verb(c);
}

/* A word that names no verb here: help, a flag of the group, or a mistake. */
static int no_verb(const struct verb_path *at, const char *word)
{
	struct dv_err e;

	if (!word || streq(word, "--help") || streq(word, "-h"))
		return show_help(at);
	if (*word == '-') {
		(void)dv_fail(&e, DV_INVALID, "unknown flag: %s", word);
		return usage_error(at, &e);
	}
	return unknown_verb(at, word);
}

static int run_words(struct verb_call *c, const char *const *globals, size_t n_globals, const char *const *words)
{
	struct verb_path at;
	size_t n = verb_walk(c->arena, c->program, words, &at);

	if (n == 0 && words[0]) {
		const struct verb *v = verb_find(builtins, words[0]);

		if (v) {
			step_into(c->arena, &at, v);
			c->verb = v;
			/* The words of a line being completed are not ours to understand. */
			if (v != &builtin_complete)
				return parse_verb(c, &at, words + 1);
			c->operands = (const char **)words + 1;
			while (c->operands[c->n_operands])
				c->n_operands++;
			return do_complete(c, NULL);
		}
	}
	if (!at.verb || at.verb->subs)
		return no_verb(&at, words[n]);
	if (at.verb->external) {
		struct external_line line = { globals, n_globals, NULL, words + n };

		return run_external(c, at.verb, &line);
	}
	return parse_verb(c, &at, words + n);
}

static int run_line(struct verb_call *c, const char *const *argv)
{
	const struct program *p = c->program;
	struct opt_line line = { .arena = c->arena, .opts = p->globals, .stop_at_operand = true, .take_help = true,
				 .take_version = p->version != NULL };
	struct verb_path at = { .program = p, .name = p->name };
	struct dv_err e = DV_ERR_NONE;
	size_t n_globals;

	c->globals = arena_alloc(c->arena, p->globals_size);
	if (opt_parse_line(&line, argv, c->globals, &e) < 0)
		return usage_error(&at, &e);
	if (line.help)
		return show_help(&at);
	if (line.version) {
		printf("%s version %s\n", p->name, p->version);
		return 0;
	}
	for (n_globals = 0; argv[n_globals];)
		n_globals++;
	return run_words(c, argv, n_globals - line.n, line.operands);
}

int program_main(const struct program *p, int argc, char **argv)
{
	auto_arena struct arena a;
	struct program as_front = *p;
	struct verb_call c = { .program = p, .arena = &a };
	static const char *const nothing[] = { NULL };
	int status;

	if (p->front && argc > 0 && streq(argv[0], p->front)) {
		as_front.name = p->front;
		c.program = p = &as_front;
	}
	arena_init(&a, 0);
	status = run_line(&c, argc > 0 ? (const char *const *)argv + 1 : nothing);
	/* Output that was lost (a full disk) is an error, whatever the verb thought. */
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0) {
		fprintf(stderr, "%s: write standard output: %s\n", p->name, err_sys_text(errno));
		status = dv_kind_exit(DV_IO);
	}
	return status;
}
