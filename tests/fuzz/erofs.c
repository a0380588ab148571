/* erofs.c - any archive as a layer of the erofs driver: what is accepted is an image that its own checker
 * finds nothing in; and the checker survives images that are damaged under a right checksum.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/str.h"
#include "fuzz.h"
#include "image/driver.h"
#include "image/erofs_parts.h"

#define READ_MAX ((size_t)8 << 20)
#define NAME "image"

static struct { char path[64]; int fd; } tmp = { .fd = -1 };

static void tmp_remove(void)
{
	(void)unlinkat(tmp.fd, NAME, 0);
	(void)rmdir(tmp.path);
}

static void tmp_make(void)
{
	const char *dir = getenv("TMPDIR");

	if (tmp.fd >= 0)
		return;
	(void)snprintf(tmp.path, sizeof(tmp.path), "%s/fuzz.XXXXXX", dir && strlen(dir) < 40 ? dir : "/tmp");
	FUZZ_CHECK(mkdtemp(tmp.path) != NULL);
	FUZZ_CHECK(file_open(AT_FDCWD, tmp.path, O_RDONLY | O_DIRECTORY, 0, &tmp.fd, NULL) == 0);
	(void)atexit(tmp_remove);
}

struct pieces { const uint8_t *p; size_t len; };

static int next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct pieces *m = ctx;

	(void)e;
	*ret = m->p;
	*ret_len = DV_MIN(m->len, (size_t)4000);
	m->p += *ret_len;
	m->len -= *ret_len;
	return *ret_len > 0;
}

/* Whatever looks like a header gets a right checksum, or no mutation would come further than that. */
static void headers_sum(uint8_t *p, size_t len)
{
	for (size_t at = 0; at + 512 <= len; at += 512) {
		unsigned sum = 8 * ' ';

		if (memcmp(p + at + 257, "ustar", 5) != 0)
			continue;
		for (size_t i = 0; i < 512; i++)
			sum += i >= 148 && i < 156 ? 0 : p[at + i];
		(void)snprintf((char *)p + at + 148, 8, "%06o", sum);
	}
}

/* Some bytes of the index change, and the checksum with them. */
static void damage(int fd, uint64_t seed)
{
	struct layer_head head;
	struct digest d;

	FUZZ_CHECK(pread(fd, &head, sizeof(head), 0) == sizeof(head));
	auto_free uint8_t *meta = mem_alloc(head.meta_size);
	FUZZ_CHECK(pread(fd, meta, head.meta_size, (off_t)head.meta_at) == (ssize_t)head.meta_size);
	for (int i = 0; i < 4; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		uint64_t at = (seed >> 33) % DV_MIN(head.meta_size, i % 2 ? head.meta_size : 256);

		meta[at] = seed & 0x100000 ? (uint8_t)(seed >> 24) : (uint8_t)(meta[at] ^ 1u << (seed >> 60 & 7));
	}
	digest_of(DIGEST_SHA256, meta, head.meta_size, &d);
	FUZZ_CHECK(pwrite(fd, meta, head.meta_size, (off_t)head.meta_at) == (ssize_t)head.meta_size);
	FUZZ_CHECK(pwrite(fd, d.bytes, 32, offsetof(struct layer_head, meta_sha256)) == 32);
	FUZZ_CHECK(pwrite(fd, d.bytes, 16, EROFS_SUPER_AT + offsetof(struct erofs_super, uuid)) == 16);
}

static void check_image(const uint8_t *data, size_t size)
{
	auto_close int fd = -1;
	struct dv_err e = DV_ERR_NONE;
	struct digest d;
	uint64_t seed = size;

	digest_of(DIGEST_SHA256, data, size, &d);
	int rc = layer_check(tmp.fd, NAME, &d, &e);
	if (rc < 0)
		fprintf(stderr, "%s\n", e.msg);
	FUZZ_CHECK(rc == 0);
	FUZZ_CHECK(file_open(tmp.fd, NAME, O_RDWR, 0, &fd, NULL) == 0);
	for (int i = 0; i < 6; i++) {
		memcpy(&seed, d.bytes + i, sizeof(seed));
		damage(fd, seed);
		rc = erofs_check(fd, &e);
		FUZZ_CHECK(rc == 0 || rc == -DV_CORRUPT || rc == -DV_LIMIT);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct unpack_options o = { .bytes_max = 4 << 20 };
	struct unpack_result result;
	struct dv_err e = DV_ERR_NONE;

	if (size > READ_MAX)
		return 0;
	tmp_make();
	auto_free uint8_t *copy = mem_alloc(size + 1);
	memcpy(copy, data, size);
	headers_sum(copy, size);
	struct pieces m = { copy, size };
	const struct tar_source src = { next, &m, NULL };
	(void)unlinkat(tmp.fd, NAME, 0);
	int rc = layer_make(layer_driver_find("erofs"), tmp.fd, NAME, &src, &o, &result, &e);
	FUZZ_CHECK(rc == 0 || e.kind == (enum dv_kind)-rc);
	FUZZ_CHECK(!strpbrk(e.msg, "\n\r\x1b"));
	if (rc == 0)
		check_image(copy, size);
	return 0;
}
