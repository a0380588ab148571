/* copy.c - copy: images between registries, layouts, archives and the store, without a copy on the way. */
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "imagecli/blobshow.h"
#include "imagecli/imagecli.h"
#include "imagecli/placeopts.h"

struct copy_args {
	struct place_args src, dest;
	bool all, preserve, compress, decompress, force, quiet, no_referrers, ignored;
	const char *multi_arch, *platform, *os, *arch, *variant, *format, *digestfile, *compress_format, *progress;
	struct opt_strs tags;
	struct opt_int level, retries, parallel;
};

static const char *const multi_archs[] = { "system", "all", "index-only", NULL };
static const char *const formats[] = { "oci", "v2s2", NULL };
static const char *const compressions[] = { "gzip", "zstd", NULL };

#define A(member) offsetof(struct copy_args, member)
static const struct opt copy_opts[] = {
	{ .name = "all", .letter = 'a', .kind = OPT_BOOL, .offset = A(all), .help = "Copy an index with all its images" },
	{ .name = "multi-arch", .kind = OPT_STR, .arg = "WHICH", .values = multi_archs, .offset = A(multi_arch),
	  .help = "Of an index: the image of one platform, everything, or the index alone" },
	{ .name = "platform", .kind = OPT_STR, .arg = "OS/ARCH[/VARIANT]", .offset = A(platform),
	  .help = "Platform to take from an index (default: the host's)" },
	{ .name = "override-os", .kind = OPT_STR, .flags = OPT_HIDDEN, .arg = "OS", .offset = A(os), .help = "As in --platform" },
	{ .name = "override-arch", .kind = OPT_STR, .flags = OPT_HIDDEN, .arg = "ARCH", .offset = A(arch),
	  .help = "As in --platform" },
	{ .name = "override-variant", .kind = OPT_STR, .flags = OPT_HIDDEN, .arg = "VARIANT", .offset = A(variant),
	  .help = "As in --platform" },
	{ .name = "preserve-digests", .kind = OPT_BOOL, .offset = A(preserve),
	  .help = "Fail rather than change a manifest" },
	{ .name = "format", .letter = 'f', .kind = OPT_STR, .arg = "FORMAT", .values = formats, .offset = A(format),
	  .help = "Manifests of this format at the destination (default: as they are, or what the destination can hold)" },
	{ .name = "digestfile", .kind = OPT_STR, .arg = "FILE", .offset = A(digestfile),
	  .help = "Write the digest of what was copied to a file" },
	{ .name = "additional-tag", .kind = OPT_STRS, .arg = "NAME", .offset = A(tags),
	  .help = "One more tag or name at the destination" },
	{ .name = "dest-compress", .kind = OPT_BOOL, .offset = A(compress), .help = "Compress plain layers" },
	{ .name = "dest-decompress", .kind = OPT_BOOL, .offset = A(decompress), .help = "Decompress layers" },
	{ .name = "dest-compress-format", .kind = OPT_STR, .arg = "FORMAT", .values = compressions,
	  .offset = A(compress_format), .help = "Layers compressed like this, also those in another format" },
	{ .name = "dest-compress-level", .kind = OPT_U64, .arg = "N", .offset = A(level), .help = "Level of compression" },
	{ .name = "dest-force-compress-format", .kind = OPT_BOOL, .offset = A(force),
	  .help = "With --dest-compress-format: it always is (the default)" },
	{ .name = "no-referrers", .kind = OPT_BOOL, .offset = A(no_referrers),
	  .help = "Leave out what refers to the image: signatures, SBOMs" },
	{ .name = "remove-signatures", .kind = OPT_BOOL, .offset = A(ignored), .help = "Accepted; signatures are referrers" },
	{ .name = "insecure-policy", .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = A(ignored), .help = "Accepted" },
	{ .name = "retry-times", .kind = OPT_U64, .arg = "N", .offset = A(retries),
	  .help = "How often a blob whose connection broke is sent again" },
	{ .name = "image-parallel-copies", .kind = OPT_U64, .arg = "N", .offset = A(parallel),
	  .help = "Blobs at the same time (default 6)" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = A(quiet), .help = "Show no progress" },
	{ .name = "progress", .kind = OPT_STR, .arg = "HOW", .values = blobshow_modes, .offset = A(progress),
	  .help = "Progress on standard error: bars or lines, always lines, or JSON lines" },
	PLACE_OPTS(struct copy_args, src, "src-", "source"),
	PLACE_OPTS(struct copy_args, dest, "dest-", "destination"),
	{ 0 }
};

/* --- options --- */

static int platform_of(const struct copy_args *x, struct arena *a, struct platform *ret, struct dv_err *e)
{
	int rc = platform_parse(a, x->platform, ret, e);

	if (rc < 0)
		return rc;
	ret->os = x->os ? x->os : ret->os;
	if (x->arch)
		ret->variant = "";
	ret->arch = x->arch ? x->arch : ret->arch;
	ret->variant = x->variant ? x->variant : ret->variant;
	return 0;
}

static void which_of(const struct copy_args *x, struct copy_options *o)
{
	o->which = x->all ? COPY_ALL : COPY_SYSTEM;
	for (size_t i = 0; x->multi_arch && multi_archs[i]; i++)
		if (streq(x->multi_arch, multi_archs[i]))
			o->which = (enum copy_which)i;
}

static int compression_of(const struct copy_args *x, const struct place *dest, struct copy_options *o, struct dv_err *e)
{
	if (x->decompress && (x->compress || x->compress_format))
		return dv_fail(e, DV_INVALID, "layers can be compressed or decompressed, not both");
	o->compression = x->compress_format && streq(x->compress_format, "zstd") ? COMPRESS_ZSTD : COMPRESS_GZIP;
	o->level = (int)DV_MIN(x->level.v, (int64_t)100);
	if (x->decompress)
		o->compress = COPY_DECOMPRESS;
	else if (x->compress_format)
		o->compress = COPY_COMPRESS_ALL;
	/* A registry holds layers for many readers. */
	else if (x->compress || (streq(place_transport(dest), "docker") && !x->preserve))
		o->compress = COPY_COMPRESS_PLAIN;
	return 0;
}

static int options_of(const struct copy_args *x, struct arena *a, const struct place *dest, struct copy_options *o,
		      struct dv_err *e)
{
	struct platform *p = arena_new(a, struct platform);
	int rc = platform_of(x, a, p, e);

	if (rc == 0 && x->all && x->multi_arch)
		rc = dv_fail(e, DV_INVALID, "--all and --multi-arch say the same: one of them");
	*o = (struct copy_options){ .platform = p, .preserve_digests = x->preserve, .no_referrers = x->no_referrers,
				    .more_names = x->tags.v, .parallel = (unsigned)DV_MIN(x->parallel.v, (int64_t)64),
				    .retries = x->retries.set ? (unsigned)DV_MIN(x->retries.v, (int64_t)1000) : 2 };
	which_of(x, o);
	if (x->format)
		o->format = streq(x->format, "oci") ? COPY_FORMAT_OCI : COPY_FORMAT_DOCKER;
	return rc < 0 ? rc : compression_of(x, dest, o, e);
}

/* --- the copy --- */

struct copy_call {
	const struct copy_args *args;
	struct arena *arena;
	struct place from, to;
	struct place_options src, dest;
	struct copy_options options;
};

static int write_digest(const struct copy_call *k, const struct document *doc, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];

	if (!k->args->digestfile)
		return 0;
	digest_text(&doc->digest, text);
	return file_replace(AT_FDCWD, k->args->digestfile, 0644, text, strlen(text), false, e);
}

static int copy_between(const struct copy_call *k, struct dv_err *e)
{
	auto_source struct source *s = NULL;
	auto_dest struct dest *d = NULL;
	struct document doc;
	int rc = source_open(&k->from, &k->src, &s, e);

	if (rc < 0)
		return rc;
	rc = dest_open(&k->to, &k->dest, &d, e);
	if (rc == 0)
		rc = copy_image(s, d, &k->options, k->arena, &doc, e);
	if (rc == 0)
		rc = dest_commit(d, e);
	return rc < 0 ? rc : write_digest(k, &doc, e);
}

static int call_parse(struct verb_call *c, struct copy_call *k, struct dv_err *e)
{
	int rc = place_parse(c->arena, c->operands[0], &k->from, e);

	if (rc == 0)
		rc = place_parse(c->arena, c->operands[1], &k->to, e);
	if (rc == 0)
		rc = place_args_apply(&k->args->src, c->arena, &k->src, e);
	if (rc == 0)
		rc = place_args_apply(&k->args->dest, c->arena, &k->dest, e);
	return rc < 0 ? rc : options_of(k->args, c->arena, &k->to, &k->options, e);
}

static int copy_run(struct verb_call *c, struct dv_err *e)
{
	const struct imagecli_globals *g = c->globals;
	struct copy_call k = { .args = c->args, .arena = c->arena };
	auto_store struct image_store *store = NULL;
	auto_blobshow struct blobshow *show = NULL;
	int rc = call_parse(c, &k, e);

	if (rc == 0 && (streq(place_transport(&k.from), "davit") || streq(place_transport(&k.to), "davit")))
		rc = image_store_open(g->root, &store, e);
	if (rc < 0)
		return rc;
	k.src.store = k.dest.store = store;
	k.src.platform = k.dest.platform = k.options.platform;
	show = blobshow_new(k.args->progress, k.args->quiet);
	k.options.events = blobshow_events(show);
	return copy_between(&k, e);
}

static const char *const copy_examples[] = {
	"davit copy docker://docker.io/library/busybox oci:busybox:latest",
	"davit copy --all localhost:5000/web localhost:5001/web # an index with all platforms",
	"davit copy davit:web docker-archive:web.tar:web:1", NULL
};

const struct verb imageverb_copy = {
	.name = "copy",
	.operands = "SOURCE DESTINATION",
	.operands_min = 2,
	.operands_max = 2,
	.summary = "Copy images between registries, layouts, archives and the store",
	.description = "Source and destination are docker://NAME (a registry; a name alone means the same), "
		       "oci:DIRECTORY[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME], dir:DIRECTORY or "
		       "davit:[NAME] (the local store).\n\n"
		       "Blobs stream from one to the other, the largest first; those that are there are left out. Every "
		       "digest and size is verified. What refers to the image (signatures, SBOMs) is copied with it. The "
		       "destination changes at the end, or not at all.",
	.examples = copy_examples,
	.opts = copy_opts,
	.args_size = sizeof(struct copy_args),
	.run = copy_run,
};
