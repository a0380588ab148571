/* inner.h - what the files of ui share: the line parser, verbs by name, help. Not for other modules. */
#pragma once

#include <stdio.h>

#include "base/buf.h"
#include "ui/opt.h"

#define UI_TEXT_MAX ((size_t)1 << 20)

struct opt_line {
	struct arena *arena;
	const struct opt *opts;         /* may be NULL */
	bool stop_at_operand;
	bool take_help;                 /* --help and -h end the parsing with help set */
	bool take_version;              /* and --version and -v with version */
	const struct opt *also;         /* program's rows, for the hint on flags in the wrong place; may be NULL */
	/* results */
	bool help, version;
	const char **operands;
	size_t n;
};
int opt_parse_line(struct opt_line *line, const char *const *argv, void *args, struct dv_err *e) DV_MUST_USE;
const struct opt *opt_by_name(const struct opt *opts, const char *name, size_t len);
const struct opt *opt_by_letter(const struct opt *opts, char letter);
bool opt_takes_value(const struct opt *o);          /* the next word, when none is attached */

/* Where a verb stands: "davit container ls". */
struct verb_path {
	const struct program *program;
	const struct verb *verb;        /* NULL: the program itself */
	const char *name;               /* "davit container ls" */
};
const struct verb *verb_find(const struct verb *const *verbs, const char *name);
/* Walks words as far as they name verbs; returns how many were taken. */
size_t verb_walk(struct arena *a, const struct program *p, const char *const *words, struct verb_path *ret);
const struct verb *const *verb_subs(const struct verb_path *at);   /* never NULL */
/* The verb that was meant, or NULL. */
const char *verb_guess(const struct verb *const *verbs, const char *name);

/* --help of a verb or the program, `width` columns wide. */
void help_write(struct buf *b, const struct verb_path *at, size_t width);
/* "-m, --memory BYTES"; with `both_dashes` room for the letter is kept where there is none. */
void help_opt_label(struct buf *b, const struct opt *o, bool both_dashes);
/* The closed values as ", "-separated words in parentheses, nothing without them. */
void help_opt_values(struct buf *b, const struct opt *o);
/* Becomes the program of an external verb; returns only with an error. */
struct external_line {
	const char *const *before;      /* options of the program, as they were given */
	size_t n_before;
	const char *builtin;            /* "help", "__man", "__complete" in front of the verb, or NULL */
	const char *const *rest;        /* what follows the verb */
};
int external_run(struct arena *a, const struct program *p, const struct verb *v, const struct external_line *line,
		 struct dv_err *e) DV_MUST_USE;
void man_write(struct buf *b, struct arena *a, const struct verb_path *at);
/* Candidates for the last of the words, one per line: "word TAB help", or ":files" / ":directories". */
void complete_words(struct buf *b, struct arena *a, const struct program *p, const char *const *words, size_t n);
/* How many of the words name an external verb and its groups (*ret); 0: they lead to none. */
size_t verb_external(const struct program *p, const char *const *words, const struct verb **ret);
/* The script for bash, zsh or fish; INVALID names the shells. */
int complete_script(struct buf *b, const struct program *p, const char *shell, struct dv_err *e) DV_MUST_USE;
