/* tar.c - any bytes through the tar reader: in one piece and in small ones it says the same, and what it
 * accepts keeps its promises.
 */
#include <string.h>

#include "base/str.h"
#include "fuzz.h"
#include "image/digest.h"
#include "image/tar.h"
#include "image/unpack_parts.h"

#define READ_MAX ((uint64_t)8 << 20)

struct pieces {
	const uint8_t *p;
	size_t len, step;
};

static int next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct pieces *m = ctx;

	(void)e;
	*ret = m->p;
	*ret_len = DV_MIN(m->len, m->step);
	m->p += *ret_len;
	m->len -= *ret_len;
	return *ret_len > 0;
}

static void check_entry(const struct tar_entry *t)
{
	char clean[TAR_PATH_MAX + 1];

	FUZZ_CHECK(t->path && *t->path);
	FUZZ_CHECK(strlen(t->path) <= TAR_PATH_MAX);
	FUZZ_CHECK(t->link && strlen(t->link) <= TAR_PATH_MAX);
	FUZZ_CHECK((t->type == TAR_HARDLINK || t->type == TAR_SYMLINK) == (*t->link != '\0'));
	FUZZ_CHECK(t->mode <= 07777);
	FUZZ_CHECK(t->uid != UINT32_MAX && t->gid != UINT32_MAX);
	FUZZ_CHECK(t->type == TAR_FILE || t->size == 0);
	FUZZ_CHECK(t->sparse || t->stored == t->size);
	FUZZ_CHECK(t->mtime_ns < 1000000000);
	FUZZ_CHECK(t->n_xattrs <= TAR_XATTRS_MAX);
	if (unpack_clean(t->path, clean, NULL) == 0) {
		FUZZ_CHECK(*clean != '/' && !str_ends(clean, "/"));
		FUZZ_CHECK(!str_starts(clean, "../") && !strstr(clean, "/../") && !streq(clean, ".."));
		FUZZ_CHECK(!strstr(clean, "//"));
	}
}

static int check_data(struct tar_reader *r, const struct tar_entry *t, struct digest_stream *h, struct dv_err *e)
{
	uint64_t stored = 0, at = 0, offset;
	const void *p;
	size_t len;
	int rc;

	while ((rc = tar_data(r, &p, &len, &offset, e)) > 0) {
		FUZZ_CHECK(len > 0 && offset >= at && offset + len <= t->size);
		at = offset + len;
		stored += len;
		digest_add(h, p, len);
	}
	FUZZ_CHECK(rc < 0 || stored == t->stored);
	return rc;
}

static int read_all(const uint8_t *data, size_t size, size_t step, struct digest *ret)
{
	struct pieces m = { data, size, step };
	const struct tar_source src = { next, &m, NULL };
	auto_tar struct tar_reader *r = NULL;
	const struct tar_entry *t;
	struct digest_stream h;
	struct dv_err e = DV_ERR_NONE;
	int rc = tar_reader_new(&src, &r, &e);

	digest_begin(&h, DIGEST_SHA256);
	while (rc >= 0 && (rc = tar_next(r, &t, &e)) > 0) {
		check_entry(t);
		digest_add(&h, t->path, strlen(t->path) + 1);
		digest_add(&h, &t->size, sizeof(t->size));
		rc = check_data(r, t, &h, &e);
	}
	if (rc >= 0)
		rc = tar_drain(r, &e);
	FUZZ_CHECK(rc == 0 || e.kind == (enum dv_kind)-rc);
	FUZZ_CHECK(!strpbrk(e.msg, "\n\r\x1b"));
	digest_end(&h, ret);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct digest whole, parts;

	if (size > READ_MAX)
		return 0;
	int rc = read_all(data, size, SIZE_MAX, &whole);
	FUZZ_CHECK(read_all(data, size, 509, &parts) == rc);
	FUZZ_CHECK(digest_equal(&whole, &parts));
	return 0;
}
