/* program_test.c - whole command lines: this program plays a sample program when its first word says so. */
#include <unistd.h>

#include "base/proc.h"
#include "base/str.h"
#include "base/unit.h"
#include "ui/opt.h"

/* --- the sample --- */

struct globals {
	const char *root;
	bool debug;
};
struct run_args {
	bool detach;
	const char *file;
	const char *pull;
};

static const struct opt globals[] = {
	{ .name = "root", .kind = OPT_STR, .arg = "DIR", .help = "Directory of the state",
	  .offset = offsetof(struct globals, root) },
	{ .name = "debug", .letter = 'D', .kind = OPT_BOOL, .help = "Say more",
	  .offset = offsetof(struct globals, debug) },
	{ 0 }
};
static const char *const pulls[] = { "always", "never", NULL };
static const struct opt run_opts[] = {
	{ .name = "detach", .letter = 'd', .kind = OPT_BOOL, .help = "Run in the background",
	  .offset = offsetof(struct run_args, detach) },
	{ .name = "file", .kind = OPT_STR, .arg = "FILE", .help = "A file with a help text that is long enough to be wrapped",
	  .offset = offsetof(struct run_args, file) },
	{ .name = "pull", .kind = OPT_STR, .arg = "WHEN", .help = "Fetch the image", .values = pulls,
	  .offset = offsetof(struct run_args, pull) },
	{ .name = "hidden", .kind = OPT_BOOL, .flags = OPT_HIDDEN, .help = "Not shown",
	  .offset = offsetof(struct run_args, detach) },
	{ 0 }
};

static int run_run(struct verb_call *c, struct dv_err *e)
{
	struct run_args *args = c->args;
	struct globals *g = c->globals;

	printf("root=%s detach=%d", g->root ? g->root : "-", args->detach);
	for (size_t i = 0; i < c->n_operands; i++)
		printf(" %s", c->operands[i]);
	printf("\n");
	return 0;
}

static int run_fail(struct verb_call *c, struct dv_err *e)
{
	return dv_fail(e, DV_NOT_FOUND, "no such thing: %s", c->operands[0]);
}

static int run_code(struct verb_call *c, struct dv_err *e)
{
	return 42;
}

static int before(struct verb_call *c, struct dv_err *e)
{
	struct globals *g = c->globals;

	return g->root && *g->root != '/' ? dv_fail(e, DV_INVALID, "--root is not absolute") : 0;
}

static const char *const ls_aliases[] = { "list", "ps", NULL };
static const char *const run_examples[] = { "sample run -d busybox sh  # in the background", NULL };
static const struct verb verb_run = {
	.name = "run", .operands = "IMAGE [COMMAND...]", .summary = "Run a container", .opts = run_opts,
	.description = "Makes a container and starts it.\n\n.dots at the start\\", .examples = run_examples,
	.args_size = sizeof(struct run_args), .operands_min = 1, .stop_at_operand = true, .run = run_run,
};
static const struct verb verb_ls = { .name = "ls", .aliases = ls_aliases, .summary = "List", .run = run_code };
static const struct verb verb_rm = {
	.name = "rm", .operands = "NAME", .summary = "Remove", .operands_min = 1, .operands_max = 1, .run = run_fail,
};
static const struct verb verb_secret = { .name = "secret", .hidden = true, .run = run_code };
static const struct verb *const subs[] = { &verb_ls, &verb_rm, NULL };
static const struct verb verb_container = { .name = "container", .summary = "Manage containers", .subs = subs };
static const struct verb *const verbs[] = { &verb_run, &verb_container, &verb_secret, NULL };
static const struct program sample = {
	.name = "sample", .summary = "A sample program", .version = "1.2", .globals = globals,
	.globals_size = sizeof(struct globals), .verbs = verbs, .before = before, .usage_exit = 125,
};

/* --- the tests --- */

static int run(const char *line, struct buf *out)
{
	auto_arena struct arena a;
	const char *argv[40] = { "sample" };
	struct proc_spawn s = { .path = "/proc/self/exe", .argv = (char *const *)argv };
	struct dv_err e = DV_ERR_NONE;
	char **words;
	size_t n;
	int status;

	arena_init(&a, 0);
	words = str_split(&a, line, ' ', &n);
	assert_true(n < 38);
	for (size_t i = 0; i < n; i++)
		argv[i + 1] = streq(words[i], "''") ? "" : words[i];
	buf_reset(out);
	assert_ok(proc_run(&s, NULL, 0, out, 10000, &status, &e), &e);
	return proc_exit_code(status);
}

static void test_lines(void **state)
{
	static const struct {
		const char *line;
		int code;
		const char *want;
	} cases[] = {
		{ "run busybox", 0, "root=- detach=0 busybox\n" },
		{ "--root /r run -d busybox ls -l --help", 0, "root=/r detach=1 busybox ls -l --help\n" },
		{ "--root r run busybox", 64, "sample: --root is not absolute\n" },
		{ "container ls", 42, "" },
		{ "container ps", 42, "" },
		{ "secret", 42, "" },
		{ "container rm x", 66, "sample: no such thing: x\n" },
		{ "--version", 0, "sample version 1.2\n" },
		{ "-v", 0, "sample version 1.2\n" },
		{ "--root /r --version", 0, "sample version 1.2\n" },
		{ "container rm", 125, "sample: \"sample container rm\" needs exactly 1 argument\n"
		  "Run 'sample container rm --help' for more information\n" },
		{ "container rm a b", 125, "sample: \"sample container rm\" needs exactly 1 argument\n"
		  "Run 'sample container rm --help' for more information\n" },
		{ "container ls x", 125, "sample: \"sample container ls\" takes no arguments\n"
		  "Run 'sample container ls --help' for more information\n" },
		{ "run", 125, "sample: \"sample run\" needs at least 1 argument\n"
		  "Run 'sample run --help' for more information\n" },
		{ "rnu x", 125, "sample: unknown command: sample rnu (did you mean run?)\n"
		  "Run 'sample --help' for more information\n" },
		{ "secrets", 125, "sample: unknown command: sample secrets\nRun 'sample --help' for more information\n" },
		{ "container lss", 125, "sample: unknown command: sample container lss (did you mean ls?)\n"
		  "Run 'sample container --help' for more information\n" },
		{ "--rot x run", 125, "sample: unknown flag: --rot (did you mean --root?)\n"
		  "Run 'sample --help' for more information\n" },
		{ "run --debug x", 125, "sample: unknown flag: --debug (it goes before the command)\n"
		  "Run 'sample run --help' for more information\n" },
		{ "container --all", 125, "sample: unknown flag: --all\nRun 'sample container --help' for more information\n" },
		{ "completion csh", 64, "sample: no completion for shell \"csh\": bash, zsh and fish are known\n" },
		{ "--root r completion csh", 64, "sample: no completion for shell \"csh\": bash, zsh and fish are known\n" },
		{ "help none", 125, "sample: unknown command: sample none\nRun 'sample --help' for more information\n" },
	};
	auto_buf struct buf out = BUF_INIT(100000);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int code = run(cases[i].line, &out);

		if (code != cases[i].code || !streq(buf_cstr(&out), cases[i].want))
			fail_msg("%s: %d\n%s", cases[i].line, code, buf_cstr(&out));
	}
}

static void test_help_of_program(void **state)
{
	static const char *const lines[] = { "", "--help", "-h", "help" };
	auto_buf struct buf out = BUF_INIT(100000);

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		assert_int_equal(run(lines[i], &out), 0);
		assert_string_equal(buf_cstr(&out),
			"Usage:  sample [OPTIONS] COMMAND\n\nA sample program\n\nCommands:\n"
			"  run         Run a container\n  container   Manage containers\n\nGlobal options:\n"
			"      --root DIR   Directory of the state\n  -D, --debug      Say more\n\n"
			"Run 'sample COMMAND --help' for more on a command.\n");
	}
}

static void test_help_of_verbs(void **state)
{
	static const char *const lines[] = { "run --help", "run -h", "help run", "run -d --help x", "run -dh" };
	auto_buf struct buf out = BUF_INIT(100000);

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		assert_int_equal(run(lines[i], &out), 0);
		assert_string_equal(buf_cstr(&out),
			"Usage:  sample run [OPTIONS] IMAGE [COMMAND...]\n\nRun a container\n\n"
			"Makes a container and starts it.\n\n.dots at the start\\\n\nOptions:\n"
			"  -d, --detach      Run in the background\n"
			"      --file FILE   A file with a help text that is long enough to be wrapped\n"
			"      --pull WHEN   Fetch the image (always, never)\n\nExamples:\n"
			"  sample run -d busybox sh  # in the background\n");
	}
	assert_int_equal(run("container", &out), 0);
	assert_non_null(strstr(buf_cstr(&out), "Usage:  sample container COMMAND\n"));
	assert_int_equal(run("help container ls", &out), 0);
	assert_non_null(strstr(buf_cstr(&out), "Aliases:\n  sample container ls, sample container list, sample container ps\n"));
}

static void test_complete(void **state)
{
	static const struct {
		const char *words, *want;
	} cases[] = {
		{ "''", "run\tRun a container\ncontainer\tManage containers\n" },
		{ "c", "container\tManage containers\n" },
		{ "s", "" },
		{ "container ''", "ls\tList\nrm\tRemove\n" },
		{ "--root /x container r", "rm\tRemove\n" },
		{ "run --p", "--pull\tFetch the image\n" },
		{ "run --pull ''", "always\nnever\n" },
		{ "run --pull=n", "--pull=never\n" },
		{ "run --file ''", ":files\n" },
		{ "run --pull = n", "never\n" },
		{ "run --pull =", "always\nnever\n" },
		{ "run --pull = never ''", ":files\n" },
		{ "--root ''", ":directories\n" },
		{ "run -d ''", ":files\n" },
		{ "run image --p", ":files\n" },
		{ "run --hid", "" },
		{ "--he", "--help\tShow this help\n" },
		{ "container ls ''", "" },
	};
	auto_buf struct buf out = BUF_INIT(100000);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *line = mem_printf("__complete %s", cases[i].words);

		assert_int_equal(run(line, &out), 0);
		if (!streq(buf_cstr(&out), cases[i].want))
			fail_msg("%s\n%s", line, buf_cstr(&out));
	}
}

static void test_completion_scripts(void **state)
{
	static const struct {
		const char *line, *want;
	} cases[] = {
		{ "completion bash", "\ncomplete -F _complete_sample sample\n" },
		{ "completion zsh", "#compdef sample\n_complete_sample() {\n" },
		{ "completion fish", "\ncomplete -c sample -f -a '(_complete_sample)'\n" },
	};
	auto_buf struct buf out = BUF_INIT(100000);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(run(cases[i].line, &out), 0);
		assert_non_null(strstr(buf_cstr(&out), cases[i].want));
	}
}

/* The script in a real bash, where a function stands for the program. */
static void test_bash(void **state)
{
	static const struct {
		const char *words, *want;
	} cases[] = {
		{ "sample con", "container\n" }, { "sample container ''", "ls\nrm\n" }, { "sample run --pull = a", "always\n" },
		{ "sample run --file /proc/self/mountst", "/proc/self/mountstats\n" }, { "sample --root /et", "/etc\n" },
	};
	char self[300];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	assert_true(n > 0);
	self[n] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *script = mem_printf(
			"sample() { exec -a sample %s \"$@\"; }; eval \"$(sample completion bash)\"\n"
			"compopt() { :; }; COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
			"_complete_sample; printf '%%s\\n' \"${COMPREPLY[@]}\" | sort", self, cases[i].words);
		const char *argv[] = { "bash", "-c", script, NULL };
		struct proc_spawn s = { .path = "bash", .search = true, .argv = (char *const *)argv };
		auto_buf struct buf out = BUF_INIT(10000);
		struct dv_err e = DV_ERR_NONE;
		int status;

		assert_ok(proc_run(&s, NULL, 0, &out, 10000, &status, &e), &e);
		assert_string_equal(buf_cstr(&out), cases[i].want);
	}
}

static void test_man(void **state)
{
	auto_buf struct buf out = BUF_INIT(100000);

	assert_int_equal(run("__man run", &out), 0);
	assert_true(str_starts(buf_cstr(&out), ".TH \"SAMPLE-RUN\" 1 \"\" \"sample\"\n.SH NAME\nsample\\-run \\- Run a container\n"));
	assert_non_null(strstr(buf_cstr(&out), ".PP\n\\&.dots at the start\\e\n"));
	assert_non_null(strstr(buf_cstr(&out), ".TP\n\\fB\\-d, \\-\\-detach\\fR\nRun in the background\n"));
	assert_null(strstr(buf_cstr(&out), "hidden"));
	assert_int_equal(run("__man", &out), 0);
	assert_non_null(strstr(buf_cstr(&out), ".SH COMMANDS\n.TP\n\\fBrun\\fR\n"));
}

/* Help on stdout, mistakes on stderr; a full disk is an error. */
static void test_streams(void **state)
{
	static const struct {
		const char *word;
		int to, code;     /* which stream is /dev/full */
	} cases[] = { { "--help", 1, 74 }, { "--help", 2, 0 }, { "--nonsense", 1, 125 }, { "--version", 1, 74 } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *argv[] = { "sample", cases[i].word, NULL };
		auto_close int full = open("/dev/full", O_WRONLY | O_CLOEXEC), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		struct proc_map map[] = { { full, cases[i].to }, { null, 3 - cases[i].to } };
		struct proc_spawn s = { .path = "/proc/self/exe", .argv = (char *const *)argv, .fds = map, .n_fds = 2 };
		int status;
		pid_t pid;

		assert_int_equal(proc_spawn(&s, &pid, NULL, NULL), 0);
		assert_int_equal(proc_wait(pid, &status, NULL), 0);
		assert_int_equal(proc_exit_code(status), cases[i].code);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines), cmocka_unit_test(test_help_of_program),
		cmocka_unit_test(test_help_of_verbs), cmocka_unit_test(test_complete),
		cmocka_unit_test(test_completion_scripts), cmocka_unit_test(test_bash), cmocka_unit_test(test_man), cmocka_unit_test(test_streams),
	};

	if (argc > 0 && streq(argv[0], "sample"))
		return program_main(&sample, argc, argv);
	return unit_run(tests);
}
