/* storeunit.h - for unit tests only: a store in a temporary directory, and images of two small layers. */
#pragma once

#include <sys/stat.h>

#include "base/str.h"
#include "base/unit.h"
#include "image/name.h"
#include "image/store.h"

/* An image of two layers: "base", shared by all, and one of its own. A layer's blob is the plain text of its key, its
 * directory has a file with the same. */
struct sample {
	struct digest config, manifest, diff[2];
	char config_text[512], manifest_text[1024], id[DIGEST_TEXT_SIZE];
};

static inline void sample_new(const char *key, struct sample *s)
{
	char d[2][DIGEST_TEXT_SIZE];

	digest_of(DIGEST_SHA256, "base", 4, &s->diff[0]);
	digest_of(DIGEST_SHA256, key, strlen(key), &s->diff[1]);
	(void)snprintf(s->config_text, sizeof(s->config_text),
		       "{\"created\":\"2026-01-01T00:00:00Z\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\",\"%s\"]}}",
		       digest_text(&s->diff[0], d[0]), digest_text(&s->diff[1], d[1]));
	digest_of(DIGEST_SHA256, s->config_text, strlen(s->config_text), &s->config);
	(void)digest_text(&s->config, s->id);
	(void)snprintf(s->manifest_text, sizeof(s->manifest_text),
		       "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\","
		       "\"digest\":\"%s\",\"size\":%zu},\"layers\":[{\"digest\":\"%s\",\"size\":4},{\"digest\":\"%s\",\"size\":%zu}]}",
		       s->id, strlen(s->config_text), d[0], d[1], strlen(key));
	digest_of(DIGEST_SHA256, s->manifest_text, strlen(s->manifest_text), &s->manifest);
}

static inline int layer_stage(struct image_stage *st, const struct digest *d, const char *key, struct dv_err *e)
{
	auto_close int fd = -1;
	unsigned no;
	int rc = image_stage_layer(st, &no, &fd, e);

	if (rc == 0)
		rc = file_replace(fd, "name", 0644, key, strlen(key), false, e);
	if (rc == 0)
		rc = image_stage_bytes(st, d, key, strlen(key), e);
	return rc < 0 ? rc : image_stage_layer_done(st, no, d, d, strlen(key), e);
}

/* What more there is in a record: with->indexes and with->digests are used; NULL for none. */
static inline int sample_publish_with(struct image_store *s, const char *key, const char *name, const struct image_record *with,
				      struct dv_err *e)
{
	auto_stage struct image_stage *st = NULL;
	auto_free struct sample *x = mem_new(struct sample);

	sample_new(key, x);
	const struct image_record_layer layers[2] = {
		{ x->diff[0], x->diff[0], x->diff[0], 4, "t" }, { x->diff[1], x->diff[1], x->diff[1], strlen(key), "t" } };
	const char *const names[] = { name, NULL };
	struct image_record rec = { x->config, x->manifest, x->config_text, strlen(x->config_text), 1767225600,
				    layers, 2, name ? names : &names[1] };
	if (with) {
		rec.indexes = with->indexes;
		rec.n_indexes = with->n_indexes;
		rec.digests = with->digests;
	}
	int rc = image_stage_open(s, &st, e);
	if (rc == 0)
		rc = layer_stage(st, &x->diff[0], "base", e);
	if (rc == 0)
		rc = layer_stage(st, &x->diff[1], key, e);
	if (rc == 0)
		rc = image_stage_bytes(st, &x->config, x->config_text, strlen(x->config_text), e);
	if (rc == 0)
		rc = image_stage_bytes(st, &x->manifest, x->manifest_text, strlen(x->manifest_text), e);
	return rc < 0 ? rc : image_publish(st, &rec, 1, e);
}

static inline int sample_publish(struct image_store *s, const char *key, const char *name, struct dv_err *e)
{
	return sample_publish_with(s, key, name, NULL, e);
}

static inline void publish(struct image_store *s, const char *key, const char *name)
{
	struct dv_err e = DV_ERR_NONE;

	assert_ok(sample_publish(s, key, name, &e), &e);
}

static inline unsigned count_in(struct image_store *s, const char *dir)
{
	auto_close int fd = -1;
	unsigned n = 0;

	assert_int_equal(file_open(image_store_rootfd(s), dir, O_RDONLY | O_DIRECTORY, 0, &fd, NULL), 0);
	DIR *d = fdopendir(take_fd(&fd));
	struct dirent *de;
	while ((de = readdir(d)))
		n += de->d_name[0] != '.';
	(void)closedir(d);
	return n;
}

static inline void assert_counts(struct image_store *s, unsigned layers, unsigned blobs)
{
	assert_int_equal(count_in(s, "layers"), layers);
	assert_int_equal(count_in(s, "blobs/sha256"), blobs);
	assert_int_equal(count_in(s, "tmp"), 0);
}

/* One number out of the database. */
static inline int64_t number_of(struct image_store *s, const char *sql)
{
	DB_STMT(q);

	assert_int_equal(db_query(image_store_db(s), &q, NULL, sql, ""), 0);
	assert_int_equal(db_row(q, NULL), 1);
	return db_i64(q, 0);
}

struct fixture {
	struct unit_tmp t;
	char root[100];
	struct image_store *s;
	struct arena a;
};

static inline void fixture_new(struct fixture *f)
{
	struct dv_err e = DV_ERR_NONE;

	unit_tmp_new(&f->t);
	(void)snprintf(f->root, sizeof(f->root), "%s/deep/root", f->t.path);
	assert_ok(image_store_open(f->root, &f->s, &e), &e);
	arena_init(&f->a, 0);
}

static inline void fixture_done(struct fixture *f)
{
	image_store_close(f->s);
	arena_done(&f->a);
	unit_tmp_done(&f->t);
}
