/* opt.h - verbs and options as tables: one row is parser, help, man page and completion.
 *
 *	static const struct opt run_opts[] = {
 *		{ .name = "bundle", .letter = 'b', .kind = OPT_STR, .arg = "DIR",
 *		  .offset = offsetof(struct run_args, bundle), .help = "Root of the OCI bundle" },
 *		...
 *		{ 0 }
 *	};
 *
 * Accepted: --name VALUE, --name=VALUE, -n VALUE, -nVALUE, grouped letters,
 * --bool, --bool=true|false, "--" ends options. With stop_at_operand (run,
 * exec) the first operand ends options, so that the container's own flags pass.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum opt_kind {
	OPT_END,
	OPT_BOOL,       /* bool */
	OPT_STR,        /* const char * ; the last one wins */
	OPT_STRS,       /* struct opt_strs ; repeatable */
	OPT_I64,        /* struct opt_int */
	OPT_U64,        /* struct opt_int, not negative */
	OPT_BYTES,      /* struct opt_int ; 512m, 1g; -1 accepted when flags has OPT_MINUS_ONE */
	OPT_FUNC,       /* .parse stores into the struct itself */
};
enum {
	OPT_HIDDEN = 1,
	OPT_MINUS_ONE = 2,
	OPT_OPTIONAL = 4,       /* value only by = */
	OPT_INSTEAD = 8,        /* a bool that stands for the first operand: with it the verb needs one less */
};

struct verb_call;
struct program;

struct opt_strs { const char **v; size_t n; };       /* v is NULL-terminated */
struct opt_int { bool set; int64_t v; };

struct opt {
	const char *name;           /* without dashes */
	char letter;                /* 0: none */
	enum opt_kind kind;
	int flags;
	size_t offset;              /* in the verb's argument struct */
	const char *arg;            /* word for the value in help: "DIR" */
	const char *help;           /* one line, no full stop */
	const char *const *values;  /* closed list of values, or NULL: checked, completed, shown */
	int (*parse)(void *args, const char *value, struct dv_err *e);
};

struct verb {
	const char *name;
	const char *const *aliases;     /* NULL-terminated or NULL: "list", "ls" */
	const char *operands;           /* "CONTAINER [SIGNAL]" */
	const char *summary;            /* one line for the list of verbs */
	const char *description;        /* paragraphs for --help and the man page */
	const char *const *examples;    /* NULL-terminated: "davit run -it busybox sh", may have " # comment" */
	const struct opt *opts;         /* NULL: none */
	size_t args_size;               /* of the argument struct, zeroed before parsing */
	unsigned operands_min, operands_max;     /* operands_max 0 with operands == NULL: none */
	bool stop_at_operand;
	bool hidden;
	const struct verb *const *subs; /* NULL-terminated: "container ls"; run is NULL then */
	const char *external;           /* the program beside ours that has this verb (name and summary suffice here) */
	int (*run)(struct verb_call *c, struct dv_err *e);
};

/* What a verb gets. Returns the exit status (0..255), or negative with e. */
struct verb_call {
	const struct program *program;
	const struct verb *verb;
	void *args;                     /* the verb's struct */
	void *globals;                  /* the program's struct */
	const char **operands;          /* NULL-terminated */
	size_t n_operands;
	struct arena *arena;
};

struct program {
	const char *name;               /* "davit-oci" */
	const char *front;              /* a program whose external verbs are ours: its name is shown when it called; or NULL */
	const char *summary;
	const char *version;            /* printed by --version and -v */
	const struct opt *globals;
	size_t globals_size;
	const struct verb *const *verbs;     /* NULL-terminated, in help order */
	/* After globals are parsed, before the verb runs. May be NULL. */
	int (*before)(struct verb_call *c, struct dv_err *e);
	/* How an error is shown and the exit status that goes with it. NULL: "NAME: message", kind's exit. */
	int (*on_error)(struct verb_call *c, const struct dv_err *e);
	/* Completion: the names of a kind of thing that begin with prefix, a line each. The kind is what a verb's row calls
	 * its operand ("CONTAINER"); words are those of the line so far, with the program's options. False: no such kind. */
	bool (*names)(struct buf *b, struct arena *a, const char *const *words, const char *kind, const char *prefix);
	int usage_exit;                 /* for unknown verbs and flags: docker 125, runc 1 */
	int unknown_exit;               /* for unknown verbs, where that is another: runc 3; or 0 */
};

/* The whole main(): parse, help (--help, -h where no option takes it, "help VERB"), version, hidden
 * verbs __complete (shell completion) and __man (roff of the program or of a verb), run. */
int program_main(const struct program *p, int argc, char **argv);

/* For tests and callers with a line of their own. INVALID names the flag. */
int opt_parse(struct arena *a, const struct opt *opts, bool stop_at_operand, const char *const *argv, void *args,
	      const char ***ret_operands, size_t *ret_n, struct dv_err *e) DV_MUST_USE;
