/* check_job.c - one blob read to its end, and its layer made again beside the one that is there.
 *
 *	file -> hash -> inflate -> hash -> tar -> files in the stage -> compared with the layer, removed
 *
 * A layer that leaves parents out needs those below: it is made a second time with them. When anything on
 * the way fails, the blob's digest tells whether the blob is to blame.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "image/blob.h"
#include "image/check_parts.h"

#define CHUNK ((size_t)256 << 10)

/* --- streams --- */

struct file_source {
	int fd;
	char *chunk;
	uint64_t bytes;
	struct digest_stream hash;
};

static int file_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct file_source *f = ctx;
	ssize_t n = fd_read_full(f->fd, f->chunk, CHUNK, "blob", e);

	if (n <= 0)
		return (int)n;
	digest_add(&f->hash, f->chunk, (size_t)n);
	f->bytes += (uint64_t)n;
	*ret = f->chunk;
	*ret_len = (size_t)n;
	return 1;
}

static int file_drain(struct file_source *f, struct dv_err *e)
{
	const void *p;
	size_t len;
	int rc;

	while ((rc = file_next(f, &p, &len, e)) > 0)
		;
	return rc;
}

struct plain_source {
	struct tar_source in;
	struct digest_stream hash;
};

static int plain_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct plain_source *p = ctx;
	int rc = p->in.next(p->in.ctx, ret, ret_len, e);

	if (rc > 0)
		digest_add(&p->hash, *ret, *ret_len);
	return rc;
}

static int plain_drain(struct plain_source *p, struct dv_err *e)
{
	const void *data;
	size_t len;
	int rc;

	while ((rc = plain_next(p, &data, &len, e)) > 0)
		;
	return rc;
}

struct pipeline {
	struct file_source file;
	struct tar_source raw;
	struct plain_source plain;
	const struct check_inflate *inflate;
	void *z;
};

static void pipeline_done(struct pipeline *p)
{
	if (p->z)
		p->inflate->done(p->z);
	fd_close(&p->file.fd);
	free(p->file.chunk);
}

static int pipeline_open(struct pipeline *p, const struct check_job *j, bool inflate, struct dv_err *e)
{
	*p = (struct pipeline){ .file = { .fd = -1 }, .inflate = j->c->o->inflate };
	int rc = blob_open(j->c->s, &j->digest, &p->file.fd, NULL, e);
	if (rc < 0)
		return rc;
	p->file.chunk = mem_alloc(CHUNK);
	digest_begin(&p->file.hash, j->digest.alg);
	if (!inflate)
		return 0;
	digest_begin(&p->plain.hash, j->diff_id.alg);
	p->raw = (struct tar_source){ file_next, &p->file, NULL };
	return p->inflate->begin(&p->raw, &p->plain.in, &p->z, e);
}

/* --- what is wrong with the blob --- */

static bool hash_is(const struct digest_stream *s, const struct digest *want)
{
	struct digest_stream copy = *s;
	struct digest have;

	digest_end(&copy, &have);
	return digest_equal(&have, want);
}

static void judge_blob(struct check_job *j, const struct file_source *f)
{
	j->blob_lost = f->bytes != j->size || !hash_is(&f->hash, &j->digest);
	if (f->bytes != j->size)
		(void)snprintf(j->blob_text, sizeof(j->blob_text), "has %llu bytes instead of %llu", (unsigned long long)f->bytes,
			       (unsigned long long)j->size);
	else if (j->blob_lost)
		(void)snprintf(j->blob_text, sizeof(j->blob_text), "its content has another digest");
}

/* Read it alone: 0, whatever is wrong with it. */
static int read_blob(struct check_job *j, struct dv_err *e)
{
	struct pipeline p;
	struct dv_err why = DV_ERR_NONE;
	int rc = pipeline_open(&p, j, false, &why);

	if (rc == 0)
		rc = file_drain(&p.file, &why);
	if (rc == 0)
		judge_blob(j, &p.file);
	else
		(void)snprintf(j->blob_text, sizeof(j->blob_text), "%.200s",
			       rc == -DV_NOT_FOUND ? "its file is missing" : why.msg);
	j->blob_lost = j->blob_lost || rc < 0;
	pipeline_done(&p);
	(void)e;
	return 0;
}

/* --- the layer --- */

static int make_once(const struct check_job *j, const struct layer_driver *d, const char *name, const int *lowers,
		     size_t n_lowers, struct pipeline *p, struct dv_err *e)
{
	const struct unpack_options o = { .lowers = lowers, .n_lowers = n_lowers, .blind = j->n_lowers > 0 && !lowers };
	struct unpack_result result;
	int rc = pipeline_open(p, j, true, e);

	if (rc < 0)
		return rc;
	const struct tar_source plain = { plain_next, &p->plain, NULL };
	return layer_make(d, image_stage_dirfd(j->c->st), name, &plain, &o, &result, e);
}

static int make_above(const struct check_job *j, const struct layer_driver *d, const char *name, struct pipeline *p,
		      struct dv_err *e)
{
	auto_free int *fds = mem_alloc((j->n_lowers + 1) * sizeof(*fds));
	size_t n = 0;
	int rc = file_remove_tree(image_stage_dirfd(j->c->st), name, e);

	for (; n < j->n_lowers && rc == 0; n++) {
		rc = layer_open(j->c->s->rootfd, j->lowers[n], &fds[n], e);
		if (rc < 0)
			break;
	}
	if (rc == 0) {
		pipeline_done(p);
		rc = make_once(j, d, name, fds, n, p, e);
	}
	while (n > 0)
		fd_close(&fds[--n]);
	return rc;
}

static int make_layer(const struct check_job *j, const struct layer_driver *d, const char *name, struct pipeline *p,
		      struct dv_err *e)
{
	int rc = make_once(j, d, name, NULL, 0, p, e);

	return rc == -DV_UNAVAILABLE && j->n_lowers > 0 ? make_above(j, d, name, p, e) : rc;
}

int check_job_make(const struct check_job *j, const struct layer_driver *d, const char *name, struct dv_err *e)
{
	struct pipeline p = { .file = { .fd = -1 } };
	int rc = make_layer(j, d, name, &p, e);

	pipeline_done(&p);
	return rc;
}

static int compare(struct check_job *j, const char *name, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	auto_close int want = -1, have = -1;
	int rc = layer_check(j->c->s->rootfd, j->dir, &j->diff_id, &why);

	if (rc == 0)
		rc = layer_open(j->c->s->rootfd, j->dir, &have, &why);
	if (rc < 0) {
		(void)snprintf(j->layer_text, sizeof(j->layer_text), "%.250s", rc == -DV_NOT_FOUND ? "it is missing" : why.msg);
		return 0;
	}
	rc = file_open(image_stage_dirfd(j->c->st), name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &want, e);
	if (rc == 0)
		rc = check_trees(want, have, &j->files, j->layer_text, sizeof(j->layer_text), e);
	return rc < 0 ? rc : 0;
}

/* The blob as a layer: its plain bytes and, with a stage, its files. */
static int read_layer(struct check_job *j, const char *name, struct dv_err *e)
{
	const struct layer_driver *dirs = layer_driver_find("dirs");
	bool make = j->dir && j->c->st;
	struct dv_err why = DV_ERR_NONE;
	struct pipeline p = { .file = { .fd = -1 } };
	int rc = make ? make_layer(j, dirs, name, &p, &why) : pipeline_open(&p, j, true, &why);

	if (rc == 0)
		rc = plain_drain(&p.plain, &why);
	if (rc == 0)
		rc = file_drain(&p.file, &why);
	bool good = rc == 0 && hash_is(&p.plain.hash, &j->diff_id);
	if (rc == 0)
		judge_blob(j, &p.file);
	pipeline_done(&p);
	if (rc < 0) {   /* whose fault? */
		rc = read_blob(j, e);
		if (rc == 0 && !j->blob_text[0])
			return dv_fail(e, why.kind, "%s", why.msg);
		return rc;
	}
	if (!good && !j->blob_text[0])
		(void)snprintf(j->blob_text, sizeof(j->blob_text), "its plain tar has another diff id");
	return make && good ? compare(j, name, e) : 0;
}

/* Without a blob to compare with, at least what the driver can say. */
static void check_alone(struct check_job *j)
{
	struct dv_err why = DV_ERR_NONE;

	if (j->dir && !j->layer_text[0] && layer_check(j->c->s->rootfd, j->dir, &j->diff_id, &why) < 0)
		(void)snprintf(j->layer_text, sizeof(j->layer_text), "%.250s", why.msg);
}

int check_job_run(void *job, struct dv_err *e)
{
	struct check_job *j = job;
	char name[24];

	(void)snprintf(name, sizeof(name), "check%u", j->no);
	int rc = j->diff_id.alg && j->c->o->inflate ? read_layer(j, name, e) : read_blob(j, e);
	if (j->c->st) {
		int gone = file_remove_tree(image_stage_dirfd(j->c->st), name, rc < 0 ? NULL : e);

		rc = rc < 0 ? rc : gone;
	}
	if (rc == 0 && (j->blob_text[0] || !j->c->st))
		check_alone(j);
	return rc < 0 ? dv_wrap(e, "check %s", j->dir ? j->dir : "a blob") : 0;
}
