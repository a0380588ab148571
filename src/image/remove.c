/* remove.c - take names and images out of the store, and what nothing refers to any more.
 *
 * Rows go first, in one transaction; then files move into the stage, which removes
 * them after the lock is released. A crash in between leaves files without rows and
 * a dead stage, which makes the next writer look for such files.
 */
#include "base/fd.h"
#include "base/str.h"
#include "image/manifests.h"
#include "image/name.h"
#include "image/store_parts.h"

struct removal {
	struct image *img;      /* NULL: the name stands for an index or artifact alone */
	const char *name;       /* one name only; NULL: all, and the image */
	const char **names;     /* of an index that goes by its id */
	bool all;               /* the image goes */
};

static int refuse_names(struct arena *a, const char *id, struct dv_err *e)
{
	return dv_fail(e, DV_CONFLICT,
		       "conflict: unable to delete %.12s (must be forced) - image is referenced in multiple repositories",
		       str_after(id, "sha256:") ? id + strlen("sha256:") : id);
}

/* A name without an image: an index that was made here, an artifact. By its id all such names of it go. */
static int plan_manifest(struct image_store *s, struct arena *a, const char *ref, bool force, struct removal *r,
			 struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	struct manifest_row m;
	int rc = manifest_alone(s, a, ref, &m, e);

	if (rc <= 0 || m.name) {
		r->name = rc > 0 ? m.name : NULL;
		return rc;
	}
	rc = manifest_names(s, a, &m.digest, &r->names, e);
	if (rc == 0 && r->names[0] && r->names[1] && !force)
		return refuse_names(a, digest_text(&m.digest, text), e);
	return rc < 0 ? rc : 1;
}

/* By name only that name goes, and the image with the last one. By id everything goes. */
static int plan_image(struct image_store *s, struct arena *a, const char *ref, bool force, struct removal *r,
		      struct dv_err *e)
{
	struct image_name n;
	const char *text = NULL;
	int rc = image_resolve(s, a, ref, &r->img, e);

	if (rc < 0)
		return rc;
	if (image_name_parse(a, ref, &n, NULL) == 0 && !n.digest)
		text = image_name_text(a, &n);
	size_t n_names = 0;
	for (; r->img->names[n_names]; n_names++)
		if (text && streq(r->img->names[n_names], text))
			r->name = r->img->names[n_names];
	r->all = !r->name || n_names == 1;
	if (!r->name && n_names > 1 && !force)
		return refuse_names(a, r->img->id, e);
	return 0;
}

static int removal_plan(struct image_store *s, struct arena *a, const char *ref, bool force, struct removal *r,
			struct orphans *o, struct dv_err *e)
{
	int rc = plan_manifest(s, a, ref, force, r, e);

	if (rc == 0)
		rc = plan_image(s, a, ref, force, r, e);
	if (rc >= 0 && r->name)
		rc = orphans_of_name(s, o, r->name, e);
	if (rc >= 0 && r->names)        /* all stand for the same */
		rc = orphans_of_name(s, o, r->names[0], e);
	if (rc >= 0 && r->all)
		rc = orphans_of_image(s, o, r->img->id, e);
	return rc < 0 ? rc : orphans_prepare(s, o, e);
}

static int removal_rows(struct image_store *s, const struct removal *r, image_in_use *in_use, void *ctx,
			struct orphans *o, struct dv_err *e)
{
	int rc = 0;

	if (r->all && in_use)
		rc = in_use(ctx, s, r->img->id, e);
	if (rc == 0 && r->name)
		rc = db_exec(s->db, e, "DELETE FROM names WHERE name = ?", "t", r->name);
	for (const char **n = r->names; rc >= 0 && n && *n; n++)
		rc = db_exec(s->db, e, "DELETE FROM names WHERE name = ?", "t", *n);
	if (rc >= 0 && r->all)
		rc = db_exec(s->db, e, "DELETE FROM images WHERE digest = ?", "t", r->img->id);
	return rc < 0 ? rc : orphans_rows(s, o, e);
}

static void removal_report(struct arena *a, const struct removal *r, const struct orphans *o, struct image_removed *ret)
{
	size_t n = 0, n_layers = 0;
	const char **one = arena_array(a, const char *, 2);

	one[0] = r->name;
	ret->untagged = r->all ? r->img->names : r->names ? r->names : one;
	ret->deleted = r->all ? r->img->id : NULL;
	for (const struct orphan *x = o->first; x; x = x->next) {
		n_layers += x->gone && x->diff_id;
		/* Without an image: what the name stood for is first on the list. */
		if (!r->img && x == o->first && x->gone)
			ret->deleted = x->key;
	}
	ret->layers = arena_array(a, const char *, n_layers + 1);
	for (const struct orphan *x = o->first; x; x = x->next)
		if (x->gone && x->diff_id)
			ret->layers[n++] = x->diff_id;
}

int image_remove(struct image_store *s, struct arena *a, const char *ref, bool force, image_in_use *in_use,
		 void *ctx, struct image_removed *ret, struct dv_err *e)
{
	auto_stage struct image_stage *st = NULL;
	auto_close int lock = -1;
	auto_orphans struct orphans o;
	struct removal r = { 0 };

	orphans_init(&o, a);
	int rc = image_stage_open(s, &st, e);
	if (rc == 0)
		rc = store_lock(s, &lock, e);
	if (rc == 0)
		rc = removal_plan(s, a, ref, force, &r, &o, e);
	if (rc == 0)
		rc = db_begin(s->db, e);
	if (rc == 0)
		rc = store_end(s, true, removal_rows(s, &r, in_use, ctx, &o, e), e);
	if (rc == 0)
		rc = orphans_rest(st, &o, e);
	if (rc < 0)
		return rc;
	fd_close(&lock);        /* deleting may take long: without the lock */
	removal_report(a, &r, &o, ret);
	return 0;
}

int image_untag(struct image_store *s, const char *name, struct dv_err *e)
{
	auto_arena struct arena a;
	const char *full;

	arena_init(&a, 0);
	int rc = image_name_normalize(&a, name, &full, e);
	if (rc == 0)
		rc = db_begin(s->db, e);
	if (rc < 0)
		return rc;
	rc = db_exec(s->db, e, "DELETE FROM names WHERE name = ?", "t", full);
	if (rc == 0)
		rc = dv_fail(e, DV_NOT_FOUND, "No such image: %.300s", name);
	return store_end(s, true, rc, e);
}
