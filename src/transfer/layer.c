/* layer.c - the pipeline of one layer.
 *
 *	archive -> copy to the stage, hash -> inflate -> hash -> tar -> files
 *
 * Each stage pulls from the one before, a chunk of 256 KiB at a time, so the data
 * is still in the cache when it is used the second time.
 */
#include "base/fd.h"
#include "transfer/layer.h"

/* Passes chunks on and hashes them; keeps a copy in fd when it is not -1. */
struct tee {
	struct tar_source in;
	struct digest_stream hash;
	int fd;
	uint64_t bytes;
};

static int tee_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct tee *t = ctx;
	int rc = t->in.next(t->in.ctx, ret, ret_len, e);

	if (rc <= 0)
		return rc;
	digest_add(&t->hash, *ret, *ret_len);
	t->bytes += *ret_len;
	if (t->fd >= 0) {
		rc = fd_write_all(t->fd, *ret, *ret_len, "staged blob", e);
		if (rc < 0)
			return rc;
	}
	return 1;
}

static void tee_begin(struct tee *t, struct tar_source in, enum digest_alg alg, int fd)
{
	t->in = in;
	t->fd = fd;
	t->bytes = 0;
	digest_begin(&t->hash, alg);
}

static int tee_check(struct tee *t, const struct digest *want, const char *what, struct dv_err *e)
{
	char have_text[DIGEST_TEXT_SIZE], want_text[DIGEST_TEXT_SIZE];
	struct digest have;

	digest_end(&t->hash, &have);
	if (digest_equal(&have, want))
		return 0;
	return dv_fail(e, DV_INVALID, "%s is %.24s..., expected %.24s...", what, digest_text(&have, have_text),
		       digest_text(want, want_text));
}

struct pipeline {
	struct archive_member member;
	struct archive_reader reader;
	struct tee raw, plain;
	struct inflate *z;
	int blob_fd;
	unsigned blob_no, dir_no;
	struct unpack_result result;
};

static void pipeline_done(struct pipeline *p)
{
	inflate_free(p->z);
	archive_reader_done(&p->reader);
	archive_member_done(&p->member);
	fd_close(&p->blob_fd);
}

static int pipeline_open(struct pipeline *p, struct layer_job *j, struct archive *ar, struct image_stage *st,
			 struct dv_err *e)
{
	static const struct inflate_limits limits;
	int rc = archive_find(ar, j->member, &p->member, e);

	if (rc < 0)
		return rc;
	if (j->check_size && p->member.size != j->size)
		return dv_fail(e, DV_INVALID, "%llu bytes, its descriptor says %llu", (unsigned long long)p->member.size,
			       (unsigned long long)j->size);
	if (!j->has_blob)
		rc = image_stage_blob(st, &p->blob_no, &p->blob_fd, e);
	if (rc < 0)
		return rc;
	archive_reader_init(ar, &p->member, &p->reader);
	tee_begin(&p->raw, (struct tar_source){ archive_reader_next, &p->reader },
		  j->blob.alg ? j->blob.alg : DIGEST_SHA256, p->blob_fd);
	const struct tar_source raw = { tee_next, &p->raw };
	rc = inflate_new(&raw, &limits, &p->z, e);
	if (rc < 0)
		return rc;
	tee_begin(&p->plain, inflate_source(p->z), j->diff_id.alg, -1);
	return 0;
}

/* Both streams were read to their ends, so the digests cover everything. */
static int pipeline_finish(struct pipeline *p, struct layer_job *j, struct dv_err *e)
{
	int rc = 0;

	if (j->blob.alg)
		rc = tee_check(&p->raw, &j->blob, "digest of the blob", e);
	else
		digest_end(&p->raw.hash, &j->blob);
	if (rc == 0)
		rc = tee_check(&p->plain, &j->diff_id, "diff id", e);
	j->blob_size = p->raw.bytes;
	j->kind = inflate_kind(p->z);
	return rc;
}

void layer_names(const struct layer_job *j, struct digest *ret_alone, struct digest *ret_dependent)
{
	*ret_alone = j->diff_id;
	digest_chain(&j->chain, &j->diff_id, ret_dependent);
}

static int pipeline_record(struct pipeline *p, struct layer_job *j, struct image_stage *st, struct dv_err *e)
{
	struct digest alone, dependent;
	int rc = 0;

	if (!j->has_blob)
		rc = image_stage_blob_done(st, p->blob_no, &j->blob, j->blob_size, e);
	if (rc < 0)
		return rc;
	j->has_blob = true;
	if (j->wants_lowers)
		return 0;
	layer_names(j, &alone, &dependent);
	j->dir = p->result.used_lowers ? dependent : alone;
	return image_stage_layer_done(st, p->dir_no, &j->dir, &j->diff_id, p->result.bytes, e);
}

static int run(struct pipeline *p, struct layer_job *j, struct archive *ar, struct image_stage *st,
	       const struct unpack_options *o, struct dv_err *e)
{
	int rc = pipeline_open(p, j, ar, st, e);

	if (rc < 0)
		return rc;
	const struct tar_source plain = { tee_next, &p->plain };
	rc = image_stage_layer_make(st, &plain, o, &p->dir_no, &p->result, e);
	j->wants_lowers = rc == -DV_UNAVAILABLE && o->blind;
	if (rc < 0 && !j->wants_lowers)
		return rc;
	rc = pipeline_finish(p, j, e);
	return rc < 0 ? rc : pipeline_record(p, j, st, e);
}

int layer_run(struct layer_job *j, struct archive *ar, struct image_stage *st, const int *lowers, size_t n_lowers,
	      bool blind, struct dv_err *e)
{
	const struct unpack_options o = { .lowers = lowers, .n_lowers = n_lowers, .blind = blind };
	auto_free struct pipeline *p = mem_new(struct pipeline);

	p->blob_fd = p->member.fd = -1;
	int rc = run(p, j, ar, st, &o, e);
	pipeline_done(p);
	return rc < 0 ? dv_wrap(e, "layer %.40s", j->member) : 0;
}
