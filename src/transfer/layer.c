/* layer.c - the pipeline of one layer.
 *
 *	archive -> copy to the stage, hash -> inflate || hash || tar -> files
 *
 * Each step pulls from the one before, a chunk of 256 KiB at a time, so the data
 * is still in the cache when it is used the second time. What stands between bars
 * has a thread of its own, so that no layer takes longer than its dearest step.
 */
#include "base/fd.h"
#include "image/blob.h"
#include "transfer/flow.h"
#include "transfer/layer.h"

#define KEEP 8
#define TELL_BYTES ((uint64_t)1 << 20)  /* how often */

/* Passes chunks on and hashes them; keeps a copy in fd when it is not -1. */
struct tee {
	struct tar_source in;
	struct digest_stream hash;
	bool known;                     /* what it is: not hashed again */
	int fd;
	uint64_t bytes;
};

static int tee_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct tee *t = ctx;
	int rc = t->in.next(t->in.ctx, ret, ret_len, e);

	if (rc <= 0)
		return rc;
	if (!t->known)
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

void layer_names(const struct layer_job *j, struct digest *ret_alone, struct digest *ret_dependent)
{
	*ret_alone = j->diff_id;
	digest_chain(&j->chain, &j->diff_id, ret_dependent);
}

/* --- the plain half: any layer's stream --- */

struct plain {
	struct tee tee;
	struct tar_source out;          /* inflated and hashed */
	struct inflate *z;
	struct relay *inflated, *hashed;
	unsigned dir_no;
	struct unpack_result result;
};

static int plain_open(struct plain *p, const struct layer_job *j, const struct tar_source *in, struct dv_err *e)
{
	/* Both relays hold chunks. */
	static const struct inflate_limits limits = { .keep = 2 * KEEP };
	int rc = inflate_new(in, &limits, &p->z, e);

	if (rc < 0)
		return rc;
	struct tar_source src = inflate_source(p->z);
	bool split = inflate_kind(p->z) != COMPRESS_NONE;
	if (split) {
		rc = relay_new(&src, KEEP, &p->inflated, e);
		if (rc < 0)
			return rc;
		src = relay_source(p->inflated);
	}
	tee_begin(&p->tee, src, j->diff_id.alg, -1);
	p->out = (struct tar_source){ tee_next, &p->tee };
	if (split) {
		rc = relay_new(&p->out, KEEP, &p->hashed, e);
		if (rc == 0)
			p->out = relay_source(p->hashed);
	}
	return rc;
}

/* The stream was read to its end, so the digest covers everything. */
static int plain_finish(struct plain *p, struct layer_job *j, struct image_stage *st, struct dv_err *e)
{
	struct digest alone, dependent;
	int rc = tee_check(&p->tee, &j->diff_id, "diff id", e);

	j->kind = inflate_kind(p->z);
	if (rc < 0 || j->wants_lowers)
		return rc;
	layer_names(j, &alone, &dependent);
	j->dir = p->result.used_lowers ? dependent : alone;
	return image_stage_layer_done(st, p->dir_no, &j->dir, &j->diff_id, p->result.bytes, e);
}

static int plain_run(struct plain *p, struct layer_job *j, const struct tar_source *in, struct image_stage *st,
		     const struct unpack_options *o, struct dv_err *e)
{
	int rc = plain_open(p, j, in, e);

	if (rc < 0)
		return rc;
	rc = image_stage_layer_make(st, &p->out, o, &p->dir_no, &p->result, e);
	j->wants_lowers = rc == -DV_UNAVAILABLE && o->blind;
	return rc < 0 && !j->wants_lowers ? rc : plain_finish(p, j, st, e);
}

int layer_apply(struct layer_job *j, const struct tar_source *in, struct image_stage *st, const struct layer_below *below,
		struct dv_err *e)
{
	const struct unpack_options o = { .lowers = below->fds, .n_lowers = below->n, .blind = below->blind };
	auto_free struct plain *p = mem_new(struct plain);

	int rc = plain_run(p, j, in, st, &o, e);

	if (rc < 0 && below->give_up)
		below->give_up(below->ctx);
	relay_free(p->hashed);
	relay_free(p->inflated);
	inflate_free(p->z);
	return rc;
}

/* --- from an archive --- */

void layer_tell(const struct layer_job *j, enum layer_step step, uint64_t done, uint64_t total)
{
	if (j->watch && j->watch->layer)
		j->watch->layer(j->watch->ctx, j->no, j->blob.alg ? &j->blob : &j->diff_id, step, done, total);
}

struct pipeline {
	const struct layer_job *job;
	uint64_t told;
	struct archive_member member;
	struct archive_reader reader;
	struct tee raw;
	int blob_fd;
	unsigned blob_no;
};

static int pipeline_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct pipeline *p = ctx;
	int rc = tee_next(&p->raw, ret, ret_len, e);

	if (rc > 0 && p->raw.bytes >= p->told) {
		layer_tell(p->job, LAYER_EXTRACTING, p->raw.bytes, p->member.size);
		p->told = p->raw.bytes + TELL_BYTES;
	}
	return rc;
}

static int member_open(struct pipeline *p, const struct layer_job *j, const struct image_store *s, struct archive *ar,
		       struct dv_err *e)
{
	int rc = j->from_store ? blob_open(s, &j->blob, &p->member.fd, &p->member.size, e) : archive_find(ar, j->member, &p->member, e);

	if (rc == 0 && j->check_size && p->member.size != j->size)
		return dv_fail(e, DV_INVALID, "%llu bytes, its descriptor says %llu", (unsigned long long)p->member.size,
			       (unsigned long long)j->size);
	return rc;
}

static int pipeline_open(struct pipeline *p, struct layer_job *j, const struct image_store *s, struct archive *ar,
			 struct image_stage *st, struct dv_err *e)
{
	int rc = member_open(p, j, s, ar, e);

	if (rc == 0 && !j->has_blob)
		rc = image_stage_blob(st, &p->blob_no, &p->blob_fd, e);
	if (rc < 0)
		return rc;
	archive_reader_init(ar, &p->member, &p->reader);
	tee_begin(&p->raw, (struct tar_source){ archive_reader_next, &p->reader },
		  j->blob.alg ? j->blob.alg : DIGEST_SHA256, p->blob_fd);
	p->raw.known = j->from_store;
	return 0;
}

static int pipeline_finish(struct pipeline *p, struct layer_job *j, struct image_stage *st, struct dv_err *e)
{
	int rc = 0;

	if (j->from_store) {
		j->blob_size = p->member.size;
		return 0;
	}
	if (j->blob.alg)
		rc = tee_check(&p->raw, &j->blob, "digest of the blob", e);
	else
		digest_end(&p->raw.hash, &j->blob);
	j->blob_size = p->raw.bytes;
	if (rc == 0 && !j->has_blob)
		rc = image_stage_blob_done(st, p->blob_no, &j->blob, j->blob_size, e);
	if (rc == 0)
		j->has_blob = true;
	return rc;
}

int layer_run(struct layer_job *j, const struct image_store *s, struct archive *ar, struct image_stage *st,
	      const int *lowers, size_t n_lowers, bool blind, struct dv_err *e)
{
	const struct layer_below below = { .fds = lowers, .n = n_lowers, .blind = blind };
	auto_free struct pipeline *p = mem_new(struct pipeline);
	const struct tar_source raw = { pipeline_next, p };

	p->job = j;
	p->blob_fd = p->member.fd = -1;
	int rc = pipeline_open(p, j, s, ar, st, e);
	if (rc == 0)
		rc = layer_apply(j, &raw, st, &below, e);
	if (rc == 0)
		rc = pipeline_finish(p, j, st, e);
	if (rc == 0)
		layer_tell(j, j->wants_lowers ? LAYER_WAITING : LAYER_DONE, j->blob_size, j->blob_size);
	archive_reader_done(&p->reader);
	archive_member_done(&p->member);
	fd_close(&p->blob_fd);
	return rc < 0 ? dv_wrap(e, "layer %.40s", j->member) : 0;
}
