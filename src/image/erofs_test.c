/* erofs_test.c - layers as erofs images: random archives give the same tree with both drivers, what is damaged is
 * noticed, and what is large or odd stays as it was.
 */
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/resource.h>

#include "base/fault.h"
#include "image/driver.h"
#include "image/erofs_mount.h"
#include "image/erofs_parts.h"
#include "image/layerunit.h"
#include "image/tarunit.h"

#define TAR_MAX ((size_t)64 << 20)

static const struct unpack_options no_options;

static int make(int dirfd, const char *driver, const char *name, const struct buf *tar, const struct unpack_options *o,
		struct unpack_result *ret, struct dv_err *e)
{
	struct mem_source m = { tar->p, tar->len, 3000 };
	const struct tar_source src = { mem_source_next, &m, NULL };

	assert_int_equal(file_remove_tree(dirfd, name, NULL), 0);
	return layer_make(layer_driver_find(driver), dirfd, name, &src, o, ret, e);
}

/* Whether erofs can be mounted at all here; a sandbox may forbid it. */
static bool can_mount(int dirfd)
{
	const char *how;

	return layer_driver_find("erofs")->probe(dirfd, &how, NULL) == 0;
}

static void assert_same(int dirfd, const char *dirs, const char *image, const char *what)
{
	auto_buf struct buf a = BUF_INIT(TAR_MAX), b = BUF_INIT(TAR_MAX);
	auto_close int x = -1, y = -1;
	struct dv_err e = DV_ERR_NONE;
	char diff[1024];

	assert_ok(layer_open(dirfd, dirs, &x, &e), &e);
	assert_ok(layer_open(dirfd, image, &y, &e), &e);
	layer_text(x, &a);
	layer_text(y, &b);
	if (layer_text_differs(&a, &b, diff))
		fail_msg("%s: dirs and erofs differ: %s", what, diff);
}

static void assert_checks(int dirfd, const char *name, const struct buf *tar)
{
	struct dv_err e = DV_ERR_NONE;
	struct digest d;

	digest_of(DIGEST_SHA256, tar->p, tar->len, &d);
	assert_ok(layer_check(dirfd, name, &d, &e), &e);
}

/* --- random archives --- */

struct rng { uint64_t s; };

static uint32_t pick(struct rng *r, uint32_t n)
{
	r->s ^= r->s << 13;
	r->s ^= r->s >> 7;
	r->s ^= r->s << 17;
	return (uint32_t)(r->s >> 20) % n;
}

static const char *const parts[] = { "a", "b", "c", "dir", "l", "..", "." };

static const char *random_path(struct rng *r, struct arena *a)
{
	const char *p = parts[pick(r, 5)];

	for (uint32_t i = pick(r, 4); i > 0; i--)
		p = arena_printf(a, "%s/%s", p, parts[pick(r, 20) ? pick(r, 5) : pick(r, 7)]);
	return pick(r, 30) ? p : arena_printf(a, "/../%s", p);
}

static struct posix_acl_xattr_entry acl_entry(uint16_t tag, uint32_t perm, uint32_t id)
{
	return (struct posix_acl_xattr_entry){ tag, (uint16_t)perm, id };
}

/* Mostly valid ones: with a named user and a mask, or what the mode can say too. */
static struct tar_xattr random_acl(struct rng *r, struct arena *a, const char *name)
{
	struct { struct posix_acl_xattr_header h; struct posix_acl_xattr_entry v[5]; } *x = arena_alloc(a, sizeof(*x));
	bool named = pick(r, 2), ends_early = !pick(r, 12);
	size_t n = 0;

	x->h.a_version = pick(r, 20) ? POSIX_ACL_XATTR_VERSION : 9;
	x->v[n++] = acl_entry(ACL_USER_OBJ, pick(r, 8), UINT32_MAX);
	if (named)
		x->v[n++] = acl_entry(ACL_USER, pick(r, 8), 1000 + pick(r, 3));
	x->v[n++] = acl_entry(ACL_GROUP_OBJ, pick(r, 8), UINT32_MAX);
	if (named && pick(r, 15))
		x->v[n++] = acl_entry(ACL_MASK, pick(r, 8), UINT32_MAX);
	if (!ends_early)
		x->v[n++] = acl_entry(ACL_OTHER, pick(r, 40) ? pick(r, 8) : 9, UINT32_MAX);
	return (struct tar_xattr){ name, x, sizeof(x->h) + n * sizeof(x->v[0]) };
}

static struct tar_xattr random_xattr(struct rng *r, struct arena *a)
{
	static const char *const names[] = { "user.one", "user.two", "trusted.mark", "trusted.overlay.opaque", "security.capability",
					     "security.selinux", "user.overlay.x", "system.posix_acl_access",
					     "system.posix_acl_default", "user." };
	uint32_t i = pick(r, 60) ? pick(r, 9) : 9;

	if (i == 7 || i == 8)
		return pick(r, 2) ? random_acl(r, a, names[i]) : (struct tar_xattr){ names[0], "acl", 3 };
	if (i == 4)
		return (struct tar_xattr){ names[i], pick(r, 8) ? "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0" : "\1\0\0\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20 };
	return (struct tar_xattr){ names[i], "0123456789", pick(r, 11) };
}

static void random_entry(struct rng *r, struct arena *a, struct buf *tar)
{
	static const enum tar_type types[] = { TAR_FILE, TAR_FILE, TAR_DIR, TAR_DIR, TAR_DIR, TAR_SYMLINK, TAR_HARDLINK, TAR_CHAR,
					       TAR_FIFO, TAR_BLOCKDEV };
	static const char *const marks[] = { ".wh.a", ".wh.b", ".wh..wh..opq", ".wh.dir", ".wh..wh.aufs" };
	struct tar_xattr *x = arena_array(a, struct tar_xattr, 3);
	struct tar_entry t = { .type = types[pick(r, ARRAY_LEN(types))], .path = random_path(r, a), .mode = pick(r, 010000),
			       .uid = pick(r, 3) ? 0 : pick(r, UINT32_MAX), .gid = pick(r, 70000), .mtime_s = pick(r, 2000000000),
			       .mtime_ns = pick(r, 1000000000), .xattrs = x };
	const char *data = NULL;

	if (!pick(r, 8)) {
		t.type = TAR_FILE;
		t.path = arena_printf(a, "%s/%s", t.path, marks[pick(r, ARRAY_LEN(marks))]);
	}
	if (t.type == TAR_FILE)
		data = arena_printf(a, "%0*u", (int)pick(r, 1600) + 1, pick(r, 100));
	if (t.type == TAR_SYMLINK || t.type == TAR_HARDLINK)
		t.link = pick(r, 6) ? random_path(r, a) : arena_printf(a, "%0*u", (int)pick(r, 1000) + 1, 1);
	if (t.type == TAR_CHAR || t.type == TAR_BLOCKDEV) {
		t.major = pick(r, 3) ? 0 : pick(r, 4096);
		t.minor = pick(r, 3) ? 0 : pick(r, 1 << 20);
	}
	if (t.type != TAR_HARDLINK && !pick(r, 3))
		while (t.n_xattrs < 3 && pick(r, 3))
			x[t.n_xattrs++] = random_xattr(r, a);
	tar_add(tar, t, data);
}

/* Entries one by one, leaving out what is refused: so that archives become long, and refusals are compared too. */
static void random_layer(struct rng *r, struct arena *a, int dirfd, const struct unpack_options *o, struct buf *tar)
{
	struct unpack_result x, y;

	for (uint32_t n = 5 + pick(r, 30); n > 0; n--) {
		struct dv_err e1 = DV_ERR_NONE, e2 = DV_ERR_NONE;
		size_t before = tar->len;

		random_entry(r, a, tar);
		if (n % 4 && n > 1)
			continue;
		int first = make(dirfd, "dirs", "x", tar, o, &x, &e1);
		int second = make(dirfd, "erofs", "y", tar, o, &y, &e2);
		if (first != second)
			fail_msg("dirs: %d %s; erofs: %d %s", first, e1.msg, second, e2.msg);
		if (first < 0)
			tar->len = before;
	}
}

static void random_round(uint64_t seed, bool mounts)
{
	struct buf tar[2] = { BUF_INIT(TAR_MAX), BUF_INIT(TAR_MAX) };
	struct rng r = { seed * 0x9e3779b97f4a7c15u + 1 };
	auto_close int below = -1;
	struct unpack_options o = { .lowers = &below };
	struct dv_err e = DV_ERR_NONE;
	struct unpack_result x, y;
	struct unit_tmp t;
	struct arena a;
	char what[40];

	arena_init(&a, 0);
	unit_tmp_new(&t);
	for (int i = 0; i < 2; i++) {
		random_layer(&r, &a, t.fd, &o, &tar[i]);
		tar_write_end(&tar[i]);
		int rc = make(t.fd, "dirs", i ? "dirs2" : "dirs1", &tar[i], &o, &x, &e);
		(void)snprintf(what, sizeof(what), "seed %llu layer %d", (unsigned long long)seed, i + 1);
		if (make(t.fd, "erofs", i ? "erofs2" : "erofs1", &tar[i], &o, &y, NULL) != rc)
			fail_msg("%s: one driver refuses, %s", what, e.msg);
		if (rc < 0)
			break;
		assert_int_equal(x.used_lowers, y.used_lowers);
		assert_checks(t.fd, i ? "erofs2" : "erofs1", &tar[i]);
		if (mounts)
			assert_same(t.fd, i ? "dirs2" : "dirs1", i ? "erofs2" : "erofs1", what);
		if (i == 0) {
			/* Every second time the layer below is mounted. */
			assert_ok(layer_open(t.fd, mounts && seed % 2 ? "erofs1" : "dirs1", &below, &e), &e);
			o.n_lowers = 1;
		}
	}
	buf_done(&tar[0]);
	buf_done(&tar[1]);
	arena_done(&a);
	unit_tmp_done(&t);
}

static void test_random(void **state)
{
	const char *rounds = getenv("DAVIT_LAYER_ROUNDS"), *seed = getenv("DAVIT_SEED");
	uint64_t n = 12, first = 1;
	struct unit_tmp t;

	if (rounds)
		assert_int_equal(str_u64(rounds, 1000000, "rounds", &n, NULL), 0);
	if (seed)
		assert_int_equal(str_u64(seed, UINT64_MAX, "seed", &first, NULL), 0);
	unit_tmp_new(&t);
	bool mounts = can_mount(t.fd);
	unit_tmp_done(&t);
	for (uint64_t i = first; i < first + n; i++)
		random_round(i, mounts);
}

/* --- what is large or odd --- */

static void pax_record(struct buf *b, const char *key, const char *value)
{
	size_t body = strlen(key) + strlen(value) + 3, len = body + 1;

	while (len != body + (size_t)snprintf(NULL, 0, "%zu", len))
		len = body + (size_t)snprintf(NULL, 0, "%zu", len);
	buf_printf(b, "%zu %s=%s\n", len, key, value);
}

/* A sparse file in the form that GNU tar writes: n pieces of 5 bytes, one every step. */
static void add_sparse(struct buf *tar, const char *name, unsigned n, uint64_t step, uint64_t size)
{
	auto_buf struct buf pax = BUF_INIT(4096), map = BUF_INIT(TAR_MAX);
	char text[32];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)size);
	pax_record(&pax, "GNU.sparse.major", "1");
	pax_record(&pax, "GNU.sparse.minor", "0");
	pax_record(&pax, "GNU.sparse.name", name);
	pax_record(&pax, "GNU.sparse.realsize", text);
	size_t at = tar->len;
	tar_add(tar, (struct tar_entry){ .path = "pax", .mode = 0644, .size = pax.len }, NULL);
	tar->p[at + 156] = 'x';
	tar_resum(tar, at);
	buf_add(tar, pax.p, pax.len);
	tar_write_pad(tar, pax.len);
	buf_printf(&map, "%u\n", n);
	for (unsigned i = 0; i < n; i++)
		buf_printf(&map, "%llu\n5\n", (unsigned long long)(i * step));
	tar_write_pad(&map, map.len);
	tar_add(tar, (struct tar_entry){ .path = "GNUSparseFile.1/x", .mode = 0600, .size = map.len + 5 * n }, NULL);
	buf_add(tar, map.p, map.len);
	for (unsigned i = 0; i < n; i++)
		buf_printf(tar, "%05u", i);
	tar_write_pad(tar, 5 * n);
}

/* Everything that needs a place of its own in the image, in one archive. */
static void fill_odd(struct buf *tar, struct arena *a)
{
	static const char value[3000] = { 1, 2, 3 };
	static const struct tar_xattr big[] = { { "user.big", value, sizeof(value) }, { "user.empty", "", 0 } };
	char *name = arena_alloc(a, 256), *link = arena_alloc(a, TAR_PATH_MAX);

	memset(name, 'n', 255);
	memset(link, 'l', TAR_PATH_MAX - 1);
	tar_add(tar, (struct tar_entry){ .type = TAR_DIR, .path = "large", .mode = 02755, .gid = 7 }, NULL);
	for (int i = 0; i < 3000; i++)
		tar_add(tar, (struct tar_entry){ .path = arena_printf(a, "large/%d", i * 7919 % 3000), .mode = 0644 }, i % 100 ? NULL : "x");
	tar_add(tar, (struct tar_entry){ .path = arena_printf(a, "large/%s", name), .mode = 0644 }, "long name");
	tar_add(tar, (struct tar_entry){ .path = "large/missing/f", .mode = 0644, .gid = 8 }, "in a directory of gid 7");
	for (size_t len = 380; len <= 520; len++)       /* around what fits behind an inode */
		tar_add(tar, (struct tar_entry){ .type = TAR_SYMLINK, .path = arena_printf(a, "l%zu", len),
						 .link = link + TAR_PATH_MAX - 1 - len }, NULL);
	tar_add(tar, (struct tar_entry){ .type = TAR_SYMLINK, .path = "longest", .link = link }, NULL);
	tar_add(tar, (struct tar_entry){ .type = TAR_DIR, .path = "xattrs", .mode = 0755, .xattrs = big, .n_xattrs = 2 }, NULL);
	tar_add(tar, (struct tar_entry){ .path = "owner", .mode = 07777, .uid = UINT32_MAX - 1, .gid = UINT32_MAX - 1,
					 .mtime_s = -1000, .mtime_ns = 999999999, .xattrs = big, .n_xattrs = 2 }, "data");
	for (int i = 0; i < 300; i++)
		tar_add(tar, (struct tar_entry){ .type = TAR_HARDLINK, .path = arena_printf(a, "h%d", i), .link = "owner" }, NULL);
	add_sparse(tar, "sparse", 40, 100001, 8 << 20);
	add_sparse(tar, "holes", 0, 1, 700 << 20);
	add_sparse(tar, "aligned", 3, 1 << 20, 3 << 20);
	add_sparse(tar, "empty", 0, 1, 0);
	tar_write_end(tar);
}

static void test_odd(void **state)
{
	struct buf tar = BUF_INIT(TAR_MAX);
	const struct unpack_options o = no_options;
	struct dv_err e = DV_ERR_NONE;
	struct unpack_result x;
	struct unit_tmp t;
	struct arena a;
	uint64_t bytes;

	arena_init(&a, 0);
	unit_tmp_new(&t);
	fill_odd(&tar, &a);
	assert_ok(make(t.fd, "dirs", "dirs", &tar, &o, &x, &e), &e);
	assert_ok(make(t.fd, "erofs", "image", &tar, &o, &x, &e), &e);
	assert_checks(t.fd, "image", &tar);
	assert_ok(layer_usage(t.fd, "image", &bytes, &e), &e);
	assert_true(bytes >= tar.len && bytes < tar.len + (2 << 20));
	assert_ok(layer_usage(t.fd, "dirs", &bytes, &e), &e);
	assert_true(bytes > 3000 && bytes < 64 << 20);
	if (can_mount(t.fd)) {
		auto_close int root = -1, f = -1;

		assert_same(t.fd, "dirs", "image", "odd");
		/* Holes stay holes: what copies the file does not fill them. */
		assert_ok(layer_open(t.fd, "image", &root, &e), &e);
		f = openat(root, "sparse", O_RDONLY | O_CLOEXEC);
		assert_int_equal(lseek(f, 131072, SEEK_DATA), 196608);
		assert_true(lseek(f, 0, SEEK_HOLE) < 200000);
		(void)close(f);
		f = openat(root, "holes", O_RDONLY | O_CLOEXEC);
		assert_int_equal(lseek(f, 0, SEEK_DATA), -1);
	}
	buf_done(&tar);
	arena_done(&a);
	unit_tmp_done(&t);
}

/* --- refused --- */

static void test_refused(void **state)
{
	static const struct tar_xattr bad[] = { { "security.capability", "short", 5 } };
	const struct tar_entry entries[] = {
		{ .path = "f", .mode = 0644, .xattrs = bad, .n_xattrs = 1 },
		{ .type = TAR_SYMLINK, .path = "l", .link = NULL },
	};
	struct buf tar = BUF_INIT(TAR_MAX);
	struct unpack_result x;
	struct unit_tmp t;
	char link[TAR_PATH_MAX + 1];

	unit_tmp_new(&t);
	memset(link, 'l', TAR_PATH_MAX);
	link[TAR_PATH_MAX] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
		struct tar_entry k = entries[i];

		if (k.type == TAR_SYMLINK)
			k.link = link;
		buf_reset(&tar);
		tar_add(&tar, k, NULL);
		int rc = make(t.fd, "dirs", "x", &tar, &no_options, &x, NULL);
		assert_true(rc < 0);
		assert_int_equal(make(t.fd, "erofs", "y", &tar, &no_options, &x, NULL), rc);
	}
	buf_done(&tar);
	unit_tmp_done(&t);
}

/* --- damaged --- */

static void sample(int dirfd, const char *name, struct buf *tar, struct digest *ret)
{
	struct dv_err e = DV_ERR_NONE;
	struct unpack_result x;

	tar_add(tar, (struct tar_entry){ .type = TAR_DIR, .path = "d", .mode = 0755 }, NULL);
	tar_add(tar, (struct tar_entry){ .path = "d/f", .mode = 0644 }, "content");
	tar_write_end(tar);
	digest_of(DIGEST_SHA256, tar->p, tar->len, ret);
	assert_ok(make(dirfd, "erofs", name, tar, &no_options, &x, &e), &e);
}

/* One byte, anywhere: noticed, except in the padding between the parts. */
static void test_damaged(void **state)
{
	struct buf tar = BUF_INIT(TAR_MAX), image = BUF_INIT(TAR_MAX);
	struct dv_err e = DV_ERR_NONE;
	struct layer_head head;
	struct digest d;
	struct unit_tmp t;

	unit_tmp_new(&t);
	sample(t.fd, "image", &tar, &d);
	assert_int_equal(file_read(t.fd, "image", &image, NULL), 0);
	memcpy(&head, image.p, sizeof(head));
	assert_int_equal(head.tar_size, tar.len);
	assert_int_equal(layer_check(t.fd, "image", &d, NULL), 0);
	for (size_t at = 0; at < image.len; at += 37) {
		bool padding = (at >= sizeof(head) && at < EROFS_SUPER_AT) ||
			       (at >= EROFS_SUPER_AT + sizeof(struct erofs_super) && at < EROFS_TAR_AT) ||
			       (at >= EROFS_TAR_AT + tar.len && at < head.meta_at);

		if (padding)
			continue;
		image.p[at] ^= 0x20;
		assert_int_equal(file_replace(t.fd, "image", 0600, image.p, image.len, false, NULL), 0);
		if (layer_check(t.fd, "image", &d, &e) != -DV_CORRUPT)
			fail_msg("a changed byte at %zu is not noticed", at);
		image.p[at] ^= 0x20;
	}
	for (size_t len = 0; len < image.len; len += 511) {
		assert_int_equal(file_replace(t.fd, "image", 0600, image.p, len, false, NULL), 0);
		assert_fails(layer_check(t.fd, "image", &d, &e), CORRUPT);
	}
	buf_done(&tar);
	buf_done(&image);
	unit_tmp_done(&t);
}

/* --- failing calls, lower layers that are not at hand --- */

static void test_faults(void **state)
{
#ifdef DV_FAULTS
	struct buf tar = BUF_INIT(TAR_MAX);
	struct unpack_result x;
	struct unit_tmp t;
	struct digest d;

	unit_tmp_new(&t);
	sample(t.fd, "image", &tar, &d);
	for (unsigned n = 1;; n++) {
		int before = unit_fd_count(), root = -1;

		assert_int_equal(unlinkat(t.fd, "image", 0), 0);
		struct mem_source m = { tar.p, tar.len, 700 };
		const struct tar_source src = { mem_source_next, &m, NULL };
		fault_at(n, ENOSPC);
		int rc = layer_make(layer_driver_find("erofs"), t.fd, "image", &src, &no_options, &x, NULL);
		bool hit = fault_count() >= n;
		fault_at(0, 0);
		assert_int_equal(unit_fd_count(), before);
		assert_true(hit == (rc < 0));
		if (!hit)
			break;
		if (faccessat(t.fd, "image", F_OK, 0) < 0)
			assert_int_equal(mknodat(t.fd, "image", S_IFREG | 0600, 0), 0);
		assert_true(layer_open(t.fd, "image", &root, NULL) < 0);
	}
	buf_done(&tar);
	unit_tmp_done(&t);
#else
	assert_true(true);      /* no fault points in this build */
#endif
}

static void test_blind(void **state)
{
	const struct unpack_options o = { .blind = true };
	struct buf tar = BUF_INIT(TAR_MAX);
	struct mem_source m = { NULL, 0, 400 };
	const struct tar_source src = { mem_source_next, &m, NULL };
	struct unpack_result x;
	struct unit_tmp t;

	unit_tmp_new(&t);
	tar_add(&tar, (struct tar_entry){ .path = "d/f", .mode = 0644 }, "12345");
	tar_write_end(&tar);
	for (int i = 0; layer_drivers[i]; i++) {
		m = (struct mem_source){ tar.p, tar.len, 400 };
		assert_fails(layer_make(layer_drivers[i], t.fd, layer_drivers[i]->name, &src, &o, &x, NULL), UNAVAILABLE);
		assert_int_equal(m.len, 0);     /* read to the end, for the hashes */
	}
	buf_done(&tar);
	unit_tmp_done(&t);
}

/* --- mounting --- */

static void test_ways(void **state)
{
	static const enum erofs_way ways[] = { EROFS_BY_FILE, EROFS_BY_LOOP };
	struct buf tar = BUF_INIT(TAR_MAX);
	auto_close int fd = -1;
	struct unit_tmp t;
	struct digest d;
	char text[8] = "";

	unit_tmp_new(&t);
	sample(t.fd, "image", &tar, &d);
	assert_int_equal(file_open(t.fd, "image", O_RDONLY, 0, &fd, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct dv_err e = DV_ERR_NONE;
		auto_close int root = -1, f = -1;
		int rc = erofs_mount_by(ways[i], fd, &root, &e);

		if (rc == -DV_UNSUPPORTED || rc == -DV_FORBIDDEN) {
			print_message("%s: %s\n", erofs_way_name(ways[i]), e.msg);
			continue;
		}
		assert_ok(rc, &e);
		assert_int_equal(file_open(root, "d/f", O_RDONLY, 0, &f, NULL), 0);
		assert_int_equal(read(f, text, sizeof(text)), 7);
		assert_string_equal(text, "content");
		assert_int_equal(mknodat(root, "new", S_IFREG, 0), -1);
	}
	buf_done(&tar);
	unit_tmp_done(&t);
}

/* What is no image is refused, with a message, and leaves nothing mounted. */
static void test_no_image(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct unit_tmp t;
	int root;

	unit_tmp_new(&t);
	assert_int_equal(file_replace(t.fd, "image", 0600, "x", 1, false, NULL), 0);
	assert_true(layer_open(t.fd, "image", &root, &e) < 0);
	assert_non_null(strstr(e.msg, "layer image: "));
	assert_fails(layer_open(t.fd, "nothing", &root, &e), NOT_FOUND);
	assert_int_equal(mkfifoat(t.fd, "fifo", 0600), 0);
	assert_fails(layer_open(t.fd, "fifo", &root, &e), CORRUPT);
	assert_null(layer_driver_find("zfs"));
	assert_string_equal(layer_drivers[0]->name, "dirs");
	unit_tmp_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random), cmocka_unit_test(test_odd),    cmocka_unit_test(test_refused),
		cmocka_unit_test(test_damaged), cmocka_unit_test(test_faults), cmocka_unit_test(test_blind),
		cmocka_unit_test(test_ways),   cmocka_unit_test(test_no_image),
	};

	return unit_run(tests);
}
