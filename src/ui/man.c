/* man.c - man pages (roff) out of the tables. */
#include <ctype.h>
#include <string.h>

#include "base/str.h"
#include "ui/inner.h"

/* Text that roff shall not interpret: backslashes, dashes, and dots or quotes at the start of a line. */
static void add_text(struct buf *b, const char *s)
{
	for (; *s; s++) {
		bool line_start = !b->len || b->p[b->len - 1] == '\n';

		if (line_start && (*s == '.' || *s == '\''))
			buf_str(b, "\\&");
		if (*s == '\\')
			buf_str(b, "\\e");
		else if (*s == '-')
			buf_str(b, "\\-");
		else
			buf_char(b, *s);
	}
}

static void add_paragraphs(struct buf *b, const char *s)
{
	for (; *s; s++) {
		char c[2] = { *s, '\0' };

		if (s[0] == '\n' && s[1] == '\n') {
			buf_str(b, "\n.PP");
			continue;
		}
		add_text(b, c);
	}
	buf_char(b, '\n');
}

static void add_options(struct buf *b, const char *title, const struct opt *opts)
{
	buf_printf(b, ".SH %s\n", title);
	for (const struct opt *o = opts; o->kind != OPT_END; o++) {
		auto_buf struct buf label = BUF_INIT(300), values = BUF_INIT(2000);

		if (o->flags & OPT_HIDDEN)
			continue;
		help_opt_label(&label, o, false);
		help_opt_values(&values, o);
		buf_str(b, ".TP\n\\fB");
		add_text(b, buf_cstr(&label));
		buf_str(b, "\\fR\n");
		add_text(b, o->help ? o->help : "");
		add_text(b, buf_cstr(&values));
		buf_char(b, '\n');
	}
}

static void add_verbs(struct buf *b, const struct verb *const *verbs)
{
	buf_str(b, ".SH COMMANDS\n");
	for (size_t i = 0; verbs[i]; i++) {
		if (verbs[i]->hidden)
			continue;
		buf_str(b, ".TP\n\\fB");
		add_text(b, verbs[i]->name);
		buf_str(b, "\\fR\n");
		add_text(b, verbs[i]->summary ? verbs[i]->summary : "");
		buf_char(b, '\n');
	}
}

/* "davit container ls" as "davit-container-ls". */
static char *page_name(struct arena *a, const char *name)
{
	char *page = arena_str(a, name);

	for (char *p = page; *p; p++)
		if (*p == ' ')
			*p = '-';
	return page;
}

static void add_head(struct buf *b, struct arena *a, const struct verb_path *at, const struct opt *opts)
{
	const char *summary = at->verb ? at->verb->summary : at->program->summary, *page = page_name(a, at->name);

	buf_str(b, ".TH \"");
	for (const char *p = page; *p; p++)
		buf_char(b, (char)toupper((unsigned char)*p));
	buf_printf(b, "\" 1 \"\" \"%s\"\n.SH NAME\n", at->program->name);
	add_text(b, page);
	buf_str(b, " \\- ");
	add_text(b, summary ? summary : "");
	buf_str(b, "\n.SH SYNOPSIS\n\\fB");
	add_text(b, at->name);
	buf_str(b, "\\fR");
	if (opts)
		buf_str(b, " [OPTIONS]");
	if (*verb_subs(at))
		buf_str(b, " COMMAND");
	if (at->verb && at->verb->operands) {
		buf_char(b, ' ');
		add_text(b, at->verb->operands);
	}
	buf_char(b, '\n');
}

void man_write(struct buf *b, struct arena *a, const struct verb_path *at)
{
	const struct verb *v = at->verb;
	const struct opt *opts = v ? v->opts : at->program->globals;

	add_head(b, a, at, opts);
	if (v && v->description) {
		buf_str(b, ".SH DESCRIPTION\n");
		add_paragraphs(b, v->description);
	}
	if (*verb_subs(at))
		add_verbs(b, verb_subs(at));
	if (opts)
		add_options(b, v ? "OPTIONS" : "GLOBAL OPTIONS", opts);
	if (v && v->examples && v->examples[0]) {
		buf_str(b, ".SH EXAMPLES\n.nf\n");
		for (size_t i = 0; v->examples[i]; i++) {
			add_text(b, v->examples[i]);
			buf_char(b, '\n');
		}
		buf_str(b, ".fi\n");
	}
}
