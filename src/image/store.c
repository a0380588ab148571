/* store.c - the root directory, its tables, and questions about single blobs and layers. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "image/store_parts.h"

/* --- tables --- */

static const char *const steps[] = {
	"CREATE TABLE blobs(id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, diff_id TEXT);"
	"CREATE TABLE layers(id INTEGER PRIMARY KEY, dir TEXT NOT NULL UNIQUE, diff_id TEXT NOT NULL, size INTEGER NOT NULL);"
	"CREATE TABLE images(id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, manifest TEXT NOT NULL,"
	" config BLOB NOT NULL, created INTEGER NOT NULL, size INTEGER NOT NULL);"
	"CREATE INDEX images_manifest ON images(manifest);"
	"CREATE TABLE image_layers(image INTEGER NOT NULL REFERENCES images ON DELETE CASCADE, idx INTEGER NOT NULL,"
	" layer INTEGER NOT NULL REFERENCES layers, blob INTEGER NOT NULL REFERENCES blobs, media_type TEXT NOT NULL,"
	" PRIMARY KEY (image, idx)) WITHOUT ROWID;"
	"CREATE INDEX image_layers_layer ON image_layers(layer);"
	"CREATE INDEX image_layers_blob ON image_layers(blob);"
	"CREATE TABLE image_blobs(image INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,"
	" blob INTEGER NOT NULL REFERENCES blobs, PRIMARY KEY (image, blob)) WITHOUT ROWID;"
	"CREATE INDEX image_blobs_blob ON image_blobs(blob);"
	"CREATE TABLE names(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
	" image INTEGER NOT NULL REFERENCES images ON DELETE CASCADE);"
	"CREATE INDEX names_image ON names(image)",

	/* 2: drivers, manifests of all kinds, names of indexes, pins. created is 0 for what was there before. */
	"ALTER TABLE layers ADD COLUMN driver TEXT NOT NULL DEFAULT 'dirs';"
	"ALTER TABLE blobs ADD COLUMN media_type TEXT;"
	"ALTER TABLE blobs ADD COLUMN created INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX blobs_diff_id ON blobs(diff_id) WHERE diff_id IS NOT NULL;"
	"CREATE TABLE manifests(id INTEGER PRIMARY KEY REFERENCES blobs ON DELETE CASCADE,"
	" kind TEXT NOT NULL CHECK (kind IN ('image', 'index', 'artifact')), media_type TEXT NOT NULL, artifact_type TEXT,"
	" subject TEXT);"
	"CREATE INDEX manifests_subject ON manifests(subject) WHERE subject IS NOT NULL;"
	/* By digest: what is referred to need not be there. */
	"CREATE TABLE manifest_refs(manifest INTEGER NOT NULL REFERENCES manifests ON DELETE CASCADE, digest TEXT NOT NULL,"
	" PRIMARY KEY (manifest, digest)) WITHOUT ROWID;"
	"CREATE INDEX manifest_refs_digest ON manifest_refs(digest);"
	"INSERT OR IGNORE INTO manifests SELECT b.id, 'image', 'application/vnd.oci.image.manifest.v1+json', NULL, NULL"
	" FROM images i JOIN blobs b ON b.digest = i.manifest;"
	"INSERT OR IGNORE INTO manifest_refs SELECT b.id, i.digest FROM images i JOIN blobs b ON b.digest = i.manifest;"
	"INSERT OR IGNORE INTO manifest_refs SELECT b.id, lb.digest FROM images i JOIN blobs b ON b.digest = i.manifest"
	" JOIN image_layers il ON il.image = i.id JOIN blobs lb ON lb.id = il.blob;"
	/* A name stands for an image, a manifest (an index, an artifact), or an image and the index it came by. */
	"CREATE TABLE names2(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
	" image INTEGER REFERENCES images ON DELETE CASCADE, manifest INTEGER REFERENCES manifests,"
	" CHECK (image IS NOT NULL OR manifest IS NOT NULL));"
	"INSERT INTO names2 (id, name, image) SELECT id, name, image FROM names;"
	"DROP TABLE names;"
	"ALTER TABLE names2 RENAME TO names;"
	"CREATE INDEX names_image ON names(image);"
	"CREATE INDEX names_manifest ON names(manifest) WHERE manifest IS NOT NULL;"
	"CREATE TABLE repo_digests(repo TEXT NOT NULL, digest TEXT NOT NULL,"
	" image INTEGER NOT NULL REFERENCES images ON DELETE CASCADE, PRIMARY KEY (repo, digest, image)) WITHOUT ROWID;"
	"CREATE INDEX repo_digests_image ON repo_digests(image);"
	"CREATE TABLE pins(holder TEXT NOT NULL, blob INTEGER NOT NULL REFERENCES blobs,"
	" PRIMARY KEY (holder, blob)) WITHOUT ROWID;"
	"CREATE INDEX pins_blob ON pins(blob)",

	/* 3: what a check found damaged: not there for those who ask, until it comes again. */
	"ALTER TABLE blobs ADD COLUMN bad INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE layers ADD COLUMN bad INTEGER NOT NULL DEFAULT 0",

	/* 4: a list of images without reading their configurations. */
	"CREATE INDEX images_list ON images(created, digest, manifest, size)",

	/* 5: where else a blob is; see blob_repos.c. */
	"CREATE TABLE blob_repos(blob INTEGER NOT NULL REFERENCES blobs ON DELETE CASCADE, registry TEXT NOT NULL,"
	" repo TEXT NOT NULL, noted INTEGER NOT NULL, PRIMARY KEY (blob, registry, repo)) WITHOUT ROWID",
	NULL
};
static const struct db_schema schema = { "image", steps };

/* --- open --- */

static int root_make(const char *root, struct dv_err *e)
{
	if (mkdir(root, 0700) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return dv_fail_errno(e, errno, "make %s", root);
	const char *rel = root + strspn(root, "/");
	int base, rc = file_open(AT_FDCWD, *root == '/' ? "/" : ".", O_PATH | O_DIRECTORY, 0, &base, e);
	if (rc < 0)
		return rc;
	const char *slash = strrchr(rel, '/');
	auto_free char *above = slash ? strndup(rel, slash - rel) : NULL;
	rc = above ? file_mkdirs(base, above, 0755, NULL, e) : 0;
	if (rc == 0)
		rc = file_mkdirs(base, rel, 0700, NULL, e);
	(void)close(base);
	return rc;
}

static int dirs_make(int rootfd, struct dv_err *e)
{
	static const char *const dirs[] = { "blobs/sha256", "blobs/sha512", "layers", "tmp" };
	struct stat st;

	/* The last one is there: so are the others. */
	if (fstatat(rootfd, "tmp", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		int rc = file_mkdirs(rootfd, dirs[i], 0700, NULL, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int root_open(struct image_store *s, const char *root, struct dv_err *e)
{
	int rc = file_open(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0, &s->rootfd, NULL);

	if (rc == -DV_NOT_FOUND) {
		rc = root_make(root, e);
		if (rc < 0)
			return rc;
	}
	if (s->rootfd < 0)
		rc = file_open(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0, &s->rootfd, e);
	if (rc == 0)
		rc = dirs_make(s->rootfd, e);
	if (rc < 0)
		return rc;
	s->root = realpath(root, NULL);
	return s->root ? 0 : dv_fail_errno(e, errno, "%s", root);
}

int image_store_open(const char *root, struct image_store **ret, struct dv_err *e)
{
	struct image_store *s = mem_new(struct image_store);

	s->rootfd = -1;
	int rc = root_open(s, root, e);
	if (rc == 0)
		rc = db_open(s->rootfd, &s->db, e);
	if (rc == 0)
		rc = db_migrate(s->db, &schema, e);
	if (rc < 0) {
		image_store_close(s);
		return dv_wrap(e, "image store %s", root);
	}
	*ret = s;
	return 0;
}

void image_store_close(struct image_store *s)
{
	if (!s)
		return;
	db_close(s->db);
	fd_close(&s->rootfd);
	free(s->root);
	free(s);
}

struct db *image_store_db(struct image_store *s)
{
	return s->db;
}

int image_store_rootfd(const struct image_store *s)
{
	return s->rootfd;
}

const char *image_store_root(const struct image_store *s)
{
	return s->root;
}

int store_lock(struct image_store *s, int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	int rc = file_open(s->rootfd, "images.lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &fd, e);

	if (rc == 0)
		rc = file_lock(fd, true, true, "images.lock", e);
	if (rc == 0)
		*ret_fd = take_fd(&fd);
	return rc;
}

int store_wrap_readonly(const struct image_store *s, int rc, struct dv_err *e)
{
	return rc < 0 && e && e->sys == EROFS ? dv_fail(e, DV_FORBIDDEN, "the image store %s is read-only", s->root) : rc;
}

/* --- paths --- */

const char *store_layer_path(const struct digest *name, char out[STORE_PATH_SIZE])
{
	char hex[DIGEST_TEXT_SIZE];

	(void)snprintf(out, STORE_PATH_SIZE, "layers/%s", digest_hex(name, hex));
	return out;
}

const char *store_blob_path(const struct digest *d, char out[STORE_PATH_SIZE])
{
	char hex[DIGEST_TEXT_SIZE];

	(void)snprintf(out, STORE_PATH_SIZE, "blobs/%s/%s", digest_alg_name(d->alg), digest_hex(d, hex));
	return out;
}

/* --- questions --- */

static int has_row(struct image_store *s, const char *sql, const char *key, bool *ret, struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, sql, "t", key);

	if (rc == 0)
		rc = db_row(q, e);
	if (rc < 0)
		return rc;
	*ret = rc > 0;
	return 0;
}

int image_exists(struct image_store *s, const char *id, bool *ret, struct dv_err *e)
{
	return has_row(s, "SELECT 1 FROM images WHERE digest = ?", id, ret, e);
}

int store_has_row(struct image_store *s, bool layer, const char *key, bool *ret, struct dv_err *e)
{
	static const char blob_sql[] = "SELECT 1 FROM blobs WHERE digest = ? AND bad = 0",
			  layer_sql[] = "SELECT 1 FROM layers WHERE dir = ? AND bad = 0";

	return has_row(s, layer ? layer_sql : blob_sql, key, ret, e);
}

int image_store_has_blob(struct image_store *s, const struct digest *d, bool *ret, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];

	return store_has_row(s, false, digest_text(d, text), ret, e);
}

int image_store_has_layer(struct image_store *s, const struct digest *name, bool *ret, struct dv_err *e)
{
	char path[STORE_PATH_SIZE];

	return store_has_row(s, true, store_layer_path(name, path), ret, e);
}

int image_store_blob_layer(struct image_store *s, const struct digest *d, uint64_t *ret_size,
			   struct digest *ret_diff_id, struct dv_err *e)
{
	char text[DIGEST_TEXT_SIZE];
	DB_STMT(q);
	int rc = db_query(s->db, &q, e, "SELECT diff_id, size FROM blobs WHERE digest = ? AND diff_id IS NOT NULL AND bad = 0", "t",
			  digest_text(d, text));

	if (rc == 0)
		rc = db_row(q, e);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return dv_fail(e, DV_NOT_FOUND, "no layer %s", text);
	uint64_t size = (uint64_t)db_i64(q, 1);
	rc = digest_parse(db_text(q, 0), ret_diff_id, e);
	if (rc == 0)
		*ret_size = size;
	return rc;
}

int image_layer_open(struct image_store *s, const struct image_layer *l, int *ret_fd, struct dv_err *e)
{
	return layer_open(s->rootfd, l->dir, ret_fd, e);
}

int image_layer_choice(struct image_store *s, struct layer_choice *ret, struct dv_err *e)
{
	auto_close int tmp = -1;
	int rc = file_open(s->rootfd, "tmp", O_RDONLY | O_DIRECTORY, 0, &tmp, e);

	return rc < 0 ? rc : layer_driver_choose(tmp, ret, e);
}
