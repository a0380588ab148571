/* complete.c - shell completion: candidates out of the tables, and the scripts that ask for them. */
#include <string.h>

#include "base/str.h"
#include "ui/inner.h"

static void candidate(struct buf *b, const char *prefix, const char *word, const char *help)
{
	if (!str_starts(word, prefix))
		return;
	buf_str(b, word);
	if (help && *help)
		buf_printf(b, "\t%s", help);
	buf_char(b, '\n');
}

static void add_verbs(struct buf *b, const struct verb *const *verbs, const char *prefix)
{
	for (size_t i = 0; verbs[i]; i++)
		if (!verbs[i]->hidden)
			candidate(b, prefix, verbs[i]->name, verbs[i]->summary);
}

static void add_flags(struct buf *b, struct arena *a, const struct opt *opts, const char *prefix)
{
	for (const struct opt *o = opts; o && o->kind != OPT_END; o++)
		if (!(o->flags & OPT_HIDDEN) && o->name)
			candidate(b, prefix, arena_printf(a, "--%s", o->name), o->help);
	candidate(b, prefix, "--help", "Show this help");
}

/* `before` ("--name=") stays in front of each value. */
static void add_values(struct buf *b, struct arena *a, const struct opt *o, const char *before, const char *prefix)
{
	static const struct {
		const char *arg, *what;
	} paths[] = { { "FILE", ":files\n" }, { "PATH", ":files\n" }, { "DIR", ":directories\n" } };

	for (size_t i = 0; o->values && o->values[i]; i++)
		if (str_starts(o->values[i], prefix))
			candidate(b, "", arena_printf(a, "%s%s", before, o->values[i]), NULL);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (o->arg && !o->values && streq(o->arg, paths[i].arg))
			buf_str(b, paths[i].what);
}

/* The row whose value the word after `word` is, or NULL. */
static const struct opt *wants_value(const struct opt *opts, const char *word)
{
	const struct opt *o = NULL;

	if (str_starts(word, "--"))
		o = opt_by_name(opts, word + 2, strlen(word + 2));
	else if (*word == '-' && word[1])
		o = opt_by_letter(opts, word[strlen(word) - 1]);     /* "-it" : the last letter decides */
	return o && opt_takes_value(o) ? o : NULL;
}

struct position {
	struct verb_path at;
	const struct opt *opts;
	const struct opt *pending;      /* its value is being typed */
	bool operands_only;             /* after "--", or the first operand of run and exec */
	size_t n_operands;
};

static void enter(struct arena *a, struct position *pos, const struct verb *v)
{
	pos->at.verb = v;
	pos->at.name = arena_printf(a, "%s %s", pos->at.name, v->name);
	pos->opts = v->opts;
}

static void follow(struct arena *a, struct position *pos, const char *word)
{
	const struct verb *v;

	if (pos->pending) {
		/* bash makes three words of --name=value */
		pos->pending = streq(word, "=") ? pos->pending : NULL;
	} else if (pos->operands_only) {
		pos->n_operands++;
	} else if (streq(word, "--")) {
		pos->operands_only = true;
	} else if (*word == '-' && word[1]) {
		pos->pending = wants_value(pos->opts, word);
	} else if (*verb_subs(&pos->at) && (v = verb_find(verb_subs(&pos->at), word))) {
		enter(a, pos, v);
	} else {
		pos->n_operands++;
		pos->operands_only = pos->at.verb && pos->at.verb->stop_at_operand;
	}
}

/* "CONTAINER [COMMAND...]": the word for operand i without its marks; the last one may repeat. */
static const char *operand_kind(struct arena *a, const char *operands, size_t i)
{
	size_t n;
	char **words = str_split(a, operands, ' ', &n);
	const char *word = i < n ? words[i] : n && strstr(words[n - 1], "...") ? words[n - 1] : "";

	word += *word == '[';
	return arena_strn(a, word, strcspn(word, ".]"));
}

static void add_operands(struct buf *b, struct arena *a, const struct program *p, const struct position *pos,
			 const char *const *words, const char *prefix)
{
	const struct verb *v = pos->at.verb;

	if (!p->names || !v || !p->names(b, a, words, operand_kind(a, v->operands, pos->n_operands), prefix))
		buf_str(b, ":files\n");
}

size_t verb_external(const struct program *p, const char *const *words, const struct verb **ret)
{
	const struct verb *const *verbs = p->verbs;

	for (size_t n = 0; verbs && words[n]; n++) {
		const struct verb *v = verb_find(verbs, words[n]);

		if (v && v->external) {
			*ret = v;
			return n + 1;
		}
		verbs = v ? v->subs : NULL;
	}
	return 0;
}

void complete_words(struct buf *b, struct arena *a, const struct program *p, const char *const *words, size_t n)
{
	struct position pos = { .at = { .program = p, .name = p->name }, .opts = p->globals };
	const char *last = n ? words[n - 1] : "", *equals;

	for (size_t i = 0; i + 1 < n; i++)
		follow(a, &pos, words[i]);
	equals = str_starts(last, "--") ? strchr(last, '=') : NULL;
	if (pos.pending) {
		add_values(b, a, pos.pending, "", streq(last, "=") ? "" : last);
	} else if (pos.operands_only) {
		buf_str(b, ":files\n");
	} else if (equals) {
		const struct opt *o = opt_by_name(pos.opts, last + 2, (size_t)(equals - last - 2));

		if (o)
			add_values(b, a, o, arena_strn(a, last, (size_t)(equals + 1 - last)), equals + 1);
	} else if (*last == '-') {
		add_flags(b, a, pos.opts, last);
	} else if (*verb_subs(&pos.at) && !pos.n_operands) {
		add_verbs(b, verb_subs(&pos.at), last);
	} else if (pos.at.verb && pos.at.verb->operands) {
		add_operands(b, a, p, &pos, words, last);
	}
}

/* --- scripts: @ stands for the program's name, % for the name as part of a function's name --- */

static const struct {
	const char *shell, *script;
} scripts[] = {
	{ "bash",
	  "_complete_%() {\n"
	  "\tlocal line cur=\"${COMP_WORDS[COMP_CWORD]}\" words=(\"${COMP_WORDS[@]:1:COMP_CWORD}\")\n"
	  "\tCOMPREPLY=()\n"
	  "\twhile IFS= read -r line; do\n"
	  "\t\tcase $line in\n"
	  "\t\t:files) compopt -o filenames; mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
	  "\t\t:directories) compopt -o filenames; mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -d -- \"$cur\") ;;\n"
	  "\t\t*) COMPREPLY+=(\"${line%%$'\\t'*}\") ;;\n"
	  "\t\tesac\n"
	  "\tdone < <(\"${COMP_WORDS[0]}\" __complete \"${words[@]}\" 2>/dev/null)\n"
	  "}\n"
	  "complete -F _complete_% @\n" },
	{ "zsh",
	  "#compdef @\n"
	  "_complete_%() {\n"
	  "\tlocal line\n"
	  "\tlocal -a found\n"
	  "\twhile IFS= read -r line; do\n"
	  "\t\tcase $line in\n"
	  "\t\t:files) _files ;;\n"
	  "\t\t:directories) _files -/ ;;\n"
	  "\t\t*) found+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\") ;;\n"
	  "\t\tesac\n"
	  "\tdone < <(\"${words[1]}\" __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
	  "\t(( ${#found} )) && _describe command found\n"
	  "}\n"
	  "compdef _complete_% @\n" },
	{ "fish",
	  "function _complete_%\n"
	  "\tset -l words (commandline -opc) (commandline -ct)\n"
	  "\tfor line in ($words[1] __complete $words[2..-1] 2>/dev/null)\n"
	  "\t\tswitch $line\n"
	  "\t\tcase ':files'\n"
	  "\t\t\t__fish_complete_path (commandline -ct)\n"
	  "\t\tcase ':directories'\n"
	  "\t\t\t__fish_complete_directories (commandline -ct)\n"
	  "\t\tcase '*'\n"
	  "\t\t\techo $line\n"
	  "\t\tend\n"
	  "\tend\n"
	  "end\n"
	  "complete -c @ -f -a '(_complete_%)'\n" },
};

/* "%%" is a plain "%%" of the shell: only a "%" after "_complete_" stands for the name. */
static void add_script(struct buf *b, const char *script, const char *name)
{
	for (const char *p = script; *p; p++) {
		bool marked = p - script >= 10 && memcmp(p - 10, "_complete_", 10) == 0;

		if (*p == '%' && marked)
			for (const char *q = name; *q; q++)
				buf_char(b, *q == '-' ? '_' : *q);
		else if (*p == '@' && (p[1] == '\n' || p[1] == ' ') && p[-1] == ' ')
			buf_str(b, name);
		else
			buf_char(b, *p);
	}
}

int complete_script(struct buf *b, const struct program *p, const char *shell, struct dv_err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
		if (streq(scripts[i].shell, shell)) {
			add_script(b, scripts[i].script, p->name);
			return 0;
		}
	return dv_fail(e, DV_INVALID, "no completion for shell \"%s\": bash, zsh and fish are known", shell);
}
