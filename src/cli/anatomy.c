/* anatomy.c - a container's parts as a tree for people, or as JSON. */
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "engine/anatomy.h"
#include "engine/life.h"
#include "ui/table.h"
#include "ui/text.h"

#define WIDTH_DEFAULT 100
#define OUTPUT_MAX ((size_t)16 << 20)

/* --- drawing --- */

struct tree {
	struct arena *a;
	struct buf out;
	size_t width;           /* 0: lines are not cut */
	bool colour;
	bool last_block;
};

static void put_line(struct tree *t, const char *prefix, const char *colour, const char *text)
{
	const char *clean = text_clean(t->a, text);
	size_t used = text_width(prefix);

	if (t->width)
		clean = text_cut(t->a, clean, t->width > used + 10 ? t->width - used : 10);
	buf_str(&t->out, prefix);
	if (t->colour && colour)
		buf_printf(&t->out, "%s%s\x1b[0m", colour, clean);
	else
		buf_str(&t->out, clean);
	buf_char(&t->out, '\n');
}

#define BOLD "\x1b[1m"
#define DIM "\x1b[2m"
#define GREEN "\x1b[32m"
#define YELLOW "\x1b[33m"

/* A block: its name, one plain sentence, and its lines. */
static void block(struct tree *t, const char *name, const char *sentence)
{
	put_line(t, t->last_block ? "└─ " : "├─ ", BOLD, name);
	put_line(t, t->last_block ? "   " : "│  ", DIM, sentence);
}

static void leaf(struct tree *t, bool last, const char *colour, const char *text)
{
	const char *prefix = t->last_block ? (last ? "   └─ " : "   ├─ ") : (last ? "│  └─ " : "│  ├─ ");

	put_line(t, prefix, colour, text);
}

/* --- blocks --- */

static const char *str_of(const struct json *j, const char *key)
{
	const char *s = json_str(json_get(j, key));

	return s ? s : "";
}

static long long num_of(const struct json *j, const char *key)
{
	int64_t n = 0;

	(void)json_i64(json_get(j, key), &n);
	return n;
}

static void show_namespaces(struct tree *t, const struct json *list)
{
	block(t, "namespaces", "what the process sees as its own; the number names the namespace, as in lsns");
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *n = json_at(list, i);
		bool same = json_bool(json_get(n, "SameAsHost"));

		leaf(t, i + 1 == json_len(list), same ? YELLOW : GREEN,
		     same ? arena_printf(t->a, "%-7s %lld  same as the host's", str_of(n, "Type"), num_of(n, "Inode")) :
			    arena_printf(t->a, "%-7s %lld  (host %lld)  %s", str_of(n, "Type"), num_of(n, "Inode"),
					 num_of(n, "HostInode"), str_of(n, "Meaning")));
	}
}

static void add_values(struct tree *t, struct buf *b, const struct json *values)
{
	for (JSON_EACH(it, values)) {
		const char *key = json_iter_key(it), *text = json_str(it.value);
		int64_t n;

		if (json_type(it.value) == JSON_NULL)
			text = "none";
		else if (json_i64(it.value, &n))
			text = strstr(key, "memory") || strstr(key, "swap") ? str_human(t->a, (uint64_t)n, true) :
									     arena_printf(t->a, "%lld", (long long)n);
		buf_printf(b, "  %s %s", key, text ? text : "");
	}
}

static void show_cgroups(struct tree *t, const struct json *list)
{
	block(t, "cgroups", "how much it may use, and uses; one directory for each controller");
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *c = json_at(list, i);
		auto_buf struct buf b = BUF_INIT(1 << 16);

		buf_printf(&b, "%-8s", str_of(c, "Controller"));
		add_values(t, &b, json_get(c, "Limits"));
		add_values(t, &b, json_get(c, "Use"));
		buf_printf(&b, "  %s", str_of(c, "Path"));
		leaf(t, i + 1 == json_len(list), NULL, buf_cstr(&b));
	}
}

static const char *joined(struct arena *a, const struct json *list)
{
	auto_buf struct buf b = BUF_INIT(1 << 16);

	for (JSON_EACH(it, list)) {
		const char *name = json_str(it.value) ? json_str(it.value) : "";

		buf_printf(&b, "%s%s", b.len ? " " : "", str_after(name, "CAP_") ?: name);
	}
	return b.len ? arena_str(a, buf_cstr(&b)) : "none";
}

/* Long lists are wrapped: a learner wants to read them. */
static void show_caps(struct tree *t, const struct json *caps)
{
	block(t, "capabilities", "the pieces of root's power that it has; what is not in the bounding set can never be gained");
	for (size_t i = 0; i < json_len(caps); i++) {
		auto_buf struct buf b = BUF_INIT(1 << 16);
		struct scan s;
		const char *line;
		size_t len, k = 0, width = t->width > 40 ? t->width - 8 : WIDTH_DEFAULT;
		bool last = i + 1 == json_len(caps);

		buf_printf(&b, "%-11s ", json_key(caps, i));
		text_wrap(&b, joined(t->a, json_at(caps, i)), 12, 12, width);
		s = scan_of(buf_cstr(&b), b.len);
		for (; scan_until(&s, '\n', &line, &len); k++) {
			const char *text = arena_strn(t->a, line, len);

			if (k == 0)
				leaf(t, last, NULL, text);
			else
				put_line(t, t->last_block ? "      " : last ? "│     " : "│  │  ", NULL, text);
		}
	}
}

static void show_filter(struct tree *t, const struct json *j)
{
	const struct json *s = json_get(j, "Seccomp"), *p = json_get(j, "Process");

	block(t, "seccomp", "which system calls the kernel takes from it at all");
	leaf(t, false, NULL, arena_printf(t->a, "mode %s, %lld filter(s)", str_of(s, "Mode"), num_of(s, "Filters")));
	leaf(t, true, NULL, arena_printf(t->a, "no_new_privs %s", json_bool(json_get(p, "NoNewPrivs")) ? "on" : "off"));
}

static void show_maps(struct tree *t, const struct json *j)
{
	static const char *const kinds[][2] = { { "UidMap", "uid" }, { "GidMap", "gid" } };

	block(t, "ids", "who its users are on the host");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct json *list = json_get(j, kinds[i][0]);

		for (size_t k = 0; k < json_len(list); k++) {
			const struct json *m = json_at(list, k);

			leaf(t, i == 1 && k + 1 == json_len(list), NULL,
			     arena_printf(t->a, "%s %lld-%lld inside is %lld-%lld on the host", kinds[i][1],
					  num_of(m, "Inside"), num_of(m, "Inside") + num_of(m, "Count") - 1,
					  num_of(m, "Outside"), num_of(m, "Outside") + num_of(m, "Count") - 1));
		}
	}
}

static void show_limits(struct tree *t, const struct json *list)
{
	block(t, "limits", "what a single process may use (soft, hard)");
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *l = json_at(list, i);

		leaf(t, i + 1 == json_len(list), NULL,
		     arena_printf(t->a, "%-22s %s, %s", str_of(l, "Name"), str_of(l, "Soft"), str_of(l, "Hard")));
	}
}

static void show_mounts(struct tree *t, const struct json *list)
{
	block(t, "mounts", "the file systems in its tree, as only it sees them");
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *m = json_at(list, i);
		const char *root = str_of(m, "Root");

		leaf(t, i + 1 == json_len(list), NULL,
		     arena_printf(t->a, "%-24s %s (%s)%s%s", str_of(m, "Target"), str_of(m, "Type"), str_of(m, "Options"),
				  streq(root, "/") ? "" : " of ", streq(root, "/") ? "" : root));
	}
}

static void show_layers(struct tree *t, const struct json *list)
{
	t->last_block = true;
	block(t, "layers", "what its / is stacked from, the top one first; only that one is ever written");
	for (size_t i = json_len(list); i-- > 0;) {
		const struct json *l = json_at(list, i);
		const char *by = str_of(l, "CreatedBy"), *dir = str_of(l, "Directory");
		const char *size = *dir && !json_bool(json_get(l, "Writable")) ?
					   arena_printf(t->a, "%s ", str_human(t->a, (uint64_t)num_of(l, "Size"), false)) : "";

		leaf(t, i == 0, NULL, arena_printf(t->a, "%s  (%s%s)", *by ? by : "not recorded", size,
						   *dir ? dir : "configuration only"));
	}
}

static void show(struct tree *t, const struct json *j)
{
	const struct json *p = json_get(j, "Process");

	put_line(t, "", BOLD,
		 arena_printf(t->a, "%s  %.12s  image %s  %s", str_of(j, "Name"), str_of(j, "Id"), str_of(j, "Image"),
			      str_of(j, "Status")));
	if (p) {
		put_line(t, "│  ", NULL,
			 arena_printf(t->a, "process %lld on the host, 1 inside: %s, uid %lld gid %lld", num_of(j, "Pid"),
				      str_of(p, "Command"), num_of(p, "Uid"), num_of(p, "Gid")));
		show_namespaces(t, json_get(j, "Namespaces"));
		show_cgroups(t, json_get(j, "Cgroups"));
		show_caps(t, json_get(j, "Capabilities"));
		show_filter(t, j);
		show_maps(t, j);
		show_limits(t, json_get(j, "Limits"));
		show_mounts(t, json_get(j, "Mounts"));
	} else {
		put_line(t, "│  ", NULL, "it does not run: only what is on disk is left to see");
	}
	show_layers(t, json_get(j, "Layers"));
}

/* --- the verb --- */

struct anatomy_args {
	const char *output;
};
static const char *const outputs[] = { "tree", "json", NULL };
static const struct opt opts[] = {
	{ .name = "output", .letter = 'o', .kind = OPT_STR, .arg = "FORMAT", .offset = offsetof(struct anatomy_args, output),
	  .values = outputs, .help = "A tree for people (the default) or JSON" },
	{ 0 }
};

static int print(struct tree *t, struct dv_err *e)
{
	int r = buf_check(&t->out, "output", e);

	if (r >= 0)
		fwrite(buf_cstr(&t->out), 1, t->out.len, stdout);
	buf_done(&t->out);
	return r;
}

static int run(struct verb_call *c, struct dv_err *e)
{
	const struct anatomy_args *x = c->args;
	auto_engine struct engine *g = NULL;
	struct tree t = { .a = c->arena, .out = BUF_INIT(OUTPUT_MAX), .width = ui_width(stdout), .colour = ui_colour(stdout) };
	struct ctr *row;
	struct json *j;
	int r;

	if ((r = cli_engine(c, &g, e)) < 0 || (r = ctr_find(g, c->arena, c->operands[0], &row, e)) < 0 ||
	    (r = life_settle(g, c->arena, row, e)) < 0)
		return r;
	if (r > 0)
		return dv_fail(e, DV_NOT_FOUND, "No such container: %.300s", c->operands[0]);
	if ((r = anatomy_read(g, c->arena, row, &j, e)) < 0)
		return r;
	if (x->output && streq(x->output, "json"))
		json_write(&t.out, j, JSON_PRETTY);
	else
		show(&t, j);
	if (t.out.len && t.out.p[t.out.len - 1] != '\n')
		buf_char(&t.out, '\n');
	return print(&t, e);
}

static const char *const examples[] = { "davit anatomy box", "davit anatomy -o json box", NULL };
const struct verb verb_anatomy = {
	.name = "anatomy",
	.operands = "CONTAINER",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "Show what a container is made of",
	.description = "Shows the namespaces, cgroups, capabilities, seccomp filter, id maps, limits, mounts and layers of a "
		       "container, as the kernel has them now. Compare it with ps, lsns and findmnt on the host.",
	.examples = examples,
	.opts = opts,
	.args_size = sizeof(struct anatomy_args),
	.run = run,
};
