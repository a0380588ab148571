/* import.c - import: a tar of a root file system becomes an image of one layer. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "image/change.h"
#include "image/store.h"
#include "imagecli/imagecli.h"
#include "imagecli/tell.h"
#include "transfer/compress.h"
#include "transfer/transport.h"

#define CHUNK ((size_t)256 << 10)

struct import_args {
	struct opt_strs changes;
	const char *message, *platform;
	bool quiet;
};

#define A(member) offsetof(struct import_args, member)
static const struct opt import_opts[] = {
	{ .name = "change", .letter = 'c', .kind = OPT_STRS, .arg = "INSTRUCTION", .offset = A(changes),
	  .help = "Instruction of a Dockerfile for the configuration: CMD, ENV, LABEL, ..." },
	{ .name = "message", .letter = 'm', .kind = OPT_STR, .arg = "TEXT", .offset = A(message), .help = "Comment in the history" },
	{ .name = "platform", .kind = OPT_STR, .arg = "OS/ARCH[/VARIANT]", .offset = A(platform),
	  .help = "Platform of the image (default: the host's)" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = A(quiet), .help = "Accepted" },
	{ 0 }
};

/* --- the layer --- */

struct input {
	int fd;
	char *buf;
};

static int input_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct input *in = ctx;
	ssize_t n = fd_read_full(in->fd, in->buf, CHUNK, "archive", e);

	if (n < 0)
		return (int)n;
	*ret = in->buf;
	*ret_len = (size_t)n;
	return n > 0;
}

/* It is kept plain: its digest is its diff id, and nothing is hashed twice. */
static int put_layer(struct dest *d, int fd, struct descriptor *ret, struct dv_err *e)
{
	static const struct inflate_limits limits;
	auto_free char *buf = mem_alloc(CHUNK);
	auto_inflate struct inflate *z = NULL;
	struct input input = { fd, buf };
	const struct tar_source raw = { input_next, &input };
	int rc = inflate_new(&raw, &limits, &z, e);

	if (rc < 0)
		return rc;
	const struct tar_source in = inflate_source(z);
	return dest_blob_new(d, MEDIA_OCI_LAYER, &in, ret, e);
}

/* --- configuration and manifest --- */

static const char *now_text(struct arena *a)
{
	time_t now = time(NULL);
	char text[40];
	struct tm tm;

	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	return arena_str(a, text);
}

static int config_make(struct verb_call *c, const struct descriptor *layer, const char **ret, struct dv_err *e)
{
	const struct import_args *x = c->args;
	struct arena *a = c->arena;
	struct json *config = json_new_object(a), *diffs = json_new_array(a), *history = json_new_array(a);
	char text[DIGEST_TEXT_SIZE];
	struct platform p;
	int rc = platform_parse(a, x->platform, &p, e);

	for (size_t i = 0; i < x->changes.n && rc == 0; i++)
		rc = image_change(a, config, x->changes.v[i], e);
	if (rc < 0)
		return rc;
	const char *now = now_text(a), *source = arena_printf(a, "Imported from %.200s", c->operands[0]);
	json_append(a, diffs, json_new_str(a, digest_text(&layer->digest, text)));
	json_append(a, history, json_obj(a, "created", json_new_str(a, now), "comment",
					 json_new_str(a, x->message ? x->message : source), NULL));
	*ret = json_text(a, json_obj(a, "created", json_new_str(a, now), "architecture", json_new_str(a, p.arch), "variant",
				     *p.variant ? json_new_str(a, p.variant) : NULL, "os", json_new_str(a, p.os), "config",
				     config, "rootfs", json_obj(a, "type", json_new_str(a, "layers"), "diff_ids", diffs, NULL),
				     "history", history, NULL), JSON_COMPACT);
	return 0;
}

struct text_source { const char *p; size_t len; };

static int text_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct text_source *t = ctx;

	(void)e;
	*ret = t->p;
	*ret_len = t->len;
	t->len = 0;
	return *ret_len > 0;
}

static int import_into(struct verb_call *c, struct dest *d, int fd, struct dv_err *e)
{
	struct descriptor layer, config;
	const char *text = NULL;
	char shown[DIGEST_TEXT_SIZE];
	int rc = put_layer(d, fd, &layer, e);

	if (rc == 0)
		rc = config_make(c, &layer, &text, e);
	if (rc < 0)
		return rc;
	struct text_source t = { text, strlen(text) };
	const struct tar_source in = { text_next, &t };
	rc = dest_blob_new(d, MEDIA_OCI_CONFIG, &in, &config, e);
	if (rc < 0)
		return rc;
	struct document doc = { .text = manifest_write(c->arena, &config, &layer, 1), .media_type = MEDIA_OCI_MANIFEST };
	doc.len = strlen(doc.text);
	digest_of(DIGEST_SHA256, doc.text, doc.len, &doc.digest);
	rc = dest_document(d, &doc, "", e);
	if (rc == 0)
		rc = dest_commit(d, e);
	if (rc == 0)
		tell_image(c, "import", digest_text(&config.digest, shown), shown);
	if (rc == 0)
		printf("%s\n", shown);
	return rc;
}

/* --- the verb --- */

static int input_open(const char *name, int *ret, struct dv_err *e)
{
	if (str_starts(name, "http://") || str_starts(name, "https://"))
		return dv_fail(e, DV_UNSUPPORTED, "%s: download it first, and import the file", name);
	if (!streq(name, "-"))
		return file_open(AT_FDCWD, name, O_RDONLY, 0, ret, e);
	if (isatty(STDIN_FILENO))
		return dv_fail(e, DV_INVALID, "an archive is wanted on standard input");
	return fd_dup(STDIN_FILENO, ret, e);
}

static int import_run(struct verb_call *c, struct dv_err *e)
{
	const struct imagecli_globals *g = c->globals;
	auto_store struct image_store *s = NULL;
	auto_dest struct dest *d = NULL;
	auto_close int fd = -1;
	struct place p;
	int rc = input_open(c->operands[0], &fd, e);

	if (rc == 0)
		rc = place_make(c->arena, "davit", c->n_operands > 1 ? c->operands[1] : "", NULL, &p, e);
	if (rc == 0)
		rc = image_store_open(g->root, &s, e);
	const struct place_options o = { .store = s };
	if (rc == 0)
		rc = dest_open(&p, &o, &d, e);
	return rc < 0 ? rc : import_into(c, d, fd, e);
}

static const char *const import_examples[] = {
	"davit import rootfs.tar.gz base:1", "tar -C rootfs -c . | davit import -c 'CMD [\"/bin/sh\"]' - base", NULL
};

const struct verb imageverb_import = {
	.name = "import",
	.operands = "FILE|- [NAME]",
	.operands_min = 1,
	.operands_max = 2,
	.summary = "Make an image of a tar of a root file system",
	.description = "The archive may be plain or compressed with gzip or zstd. Prints the image's id.",
	.examples = import_examples,
	.opts = import_opts,
	.args_size = sizeof(struct import_args),
	.run = import_run,
};
