/* help.c - help text out of the tables, fitted to the terminal. */
#include <string.h>

#include "base/str.h"
#include "ui/inner.h"
#include "ui/text.h"

#define LABEL_MAX 30        /* a longer label stands on a line of its own */

void help_opt_label(struct buf *b, const struct opt *o, bool both_dashes)
{
	if (o->letter)
		buf_printf(b, "-%c", o->letter);
	if (o->letter && o->name)
		buf_str(b, ", ");
	else if (!o->letter && both_dashes)
		buf_str(b, "    ");
	if (o->name)
		buf_printf(b, "--%s", o->name);
	if (o->kind == OPT_BOOL)
		return;
	buf_printf(b, o->flags & OPT_OPTIONAL ? "[=%s]" : " %s", o->arg ? o->arg : "VALUE");
}

void help_opt_values(struct buf *b, const struct opt *o)
{
	for (size_t i = 0; o->values && o->values[i]; i++)
		buf_printf(b, "%s%s%s", i ? ", " : " (", o->values[i], o->values[i + 1] ? "" : ")");
}

/* One line (or more) of two columns. */
static void two_columns(struct buf *b, const char *label, const char *text, size_t column, size_t width)
{
	size_t at = 2 + text_width(label);

	buf_printf(b, "  %s", label);
	if (*text && at + 2 > column) {
		buf_char(b, '\n');
		text_wrap(b, text, column, column, width);
	} else if (*text) {
		text_blanks(b, column - at);
		text_wrap(b, text, column, column, width);
	}
	buf_char(b, '\n');
}

static void add_options(struct buf *b, const char *title, const struct opt *opts, size_t width)
{
	size_t column = 0;

	for (const struct opt *o = opts; o && o->kind != OPT_END; o++) {
		auto_buf struct buf label = BUF_INIT(200);

		help_opt_label(&label, o, true);
		if (!(o->flags & OPT_HIDDEN) && label.len <= LABEL_MAX)
			column = DV_MAX(column, label.len + 5);
	}
	column = column ? column : LABEL_MAX;
	buf_printf(b, "\n%s:\n", title);
	for (const struct opt *o = opts; o && o->kind != OPT_END; o++) {
		auto_buf struct buf label = BUF_INIT(200), text = BUF_INIT(2000);

		if (o->flags & OPT_HIDDEN)
			continue;
		help_opt_label(&label, o, true);
		buf_str(&text, o->help ? o->help : "");
		help_opt_values(&text, o);
		two_columns(b, buf_cstr(&label), buf_cstr(&text), column, width);
	}
}

static void add_verbs(struct buf *b, const struct verb *const *verbs, size_t width)
{
	size_t column = 0;

	for (size_t i = 0; verbs[i]; i++)
		if (!verbs[i]->hidden)
			column = DV_MAX(column, strlen(verbs[i]->name) + 5);
	if (!column)
		return;
	buf_str(b, "\nCommands:\n");
	for (size_t i = 0; verbs[i]; i++)
		if (!verbs[i]->hidden)
			two_columns(b, verbs[i]->name, verbs[i]->summary ? verbs[i]->summary : "", column, width);
}

static void add_usage(struct buf *b, const struct verb_path *at, size_t width)
{
	const struct verb *v = at->verb;
	size_t start = b->len;

	buf_printf(b, "Usage:  %s", at->name);
	if (v ? v->opts != NULL : at->program->globals != NULL)
		buf_str(b, " [OPTIONS]");
	if (*verb_subs(at))
		buf_str(b, " COMMAND");
	if (v && v->operands) {
		buf_char(b, ' ');
		text_wrap(b, v->operands, b->len - start, 8, width);
	}
	buf_char(b, '\n');
}

static void add_aliases(struct buf *b, const struct verb_path *at)
{
	size_t parent = strlen(at->name) - strlen(at->verb->name);

	buf_printf(b, "\nAliases:\n  %s", at->name);
	for (size_t i = 0; at->verb->aliases[i]; i++)
		buf_printf(b, ", %.*s%s", (int)parent, at->name, at->verb->aliases[i]);
	buf_char(b, '\n');
}

static void add_paragraph(struct buf *b, const char *text, size_t width)
{
	if (!text || !*text)
		return;
	buf_char(b, '\n');
	text_wrap(b, text, 0, 0, width);
	buf_char(b, '\n');
}

void help_write(struct buf *b, const struct verb_path *at, size_t width)
{
	const struct verb *v = at->verb;

	add_usage(b, at, width);
	add_paragraph(b, v ? v->summary : at->program->summary, width);
	if (v) {
		add_paragraph(b, v->description, width);
		if (v->aliases && v->aliases[0])
			add_aliases(b, at);
	}
	add_verbs(b, verb_subs(at), width);
	if (v ? v->opts != NULL : at->program->globals != NULL)
		add_options(b, v ? "Options" : "Global options", v ? v->opts : at->program->globals, width);
	if (v && v->examples && v->examples[0]) {
		buf_str(b, "\nExamples:\n");
		for (size_t i = 0; v->examples[i]; i++)
			buf_printf(b, "  %s\n", v->examples[i]);
	}
	if (*verb_subs(at))
		buf_printf(b, "\nRun '%s COMMAND --help' for more on a command.\n", at->name);
}
