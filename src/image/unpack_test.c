/* unpack_test.c - layers that attack, unpacked next to a canary tree that must not change; and what a good
 * layer has to look like afterwards.
 */
#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "image/driver.h"
#include "image/layerunit.h"
#include "image/tarunit.h"
#include "image/unpack.h"

/* --- the stage: canary/ beside the layers 1/ and 2/ --- */

struct stage {
	struct unit_tmp t;
	char canary[80];                /* absolute path, as an attacker would know it */
	int layers[2];
	struct buf before;
};

static void tree_text(int at, const char *name, struct buf *out)
{
	char list[1024], text[512];
	struct stat st;
	auto_close int fd = -1;

	assert_int_equal(fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	buf_printf(out, "%s %o %u:%u %lld %lld.%ld %u\n", name, st.st_mode, st.st_uid, st.st_gid, (long long)st.st_size,
		   (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (unsigned)st.st_nlink);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return;
	assert_int_equal(file_open(at, name, O_RDONLY | O_NOFOLLOW, 0, &fd, NULL), 0);
	ssize_t n = flistxattr(fd, list, sizeof(list));
	for (const char *x = list; n > 0 && x < list + n; x += strlen(x) + 1) {
		ssize_t len = fgetxattr(fd, x, text, sizeof(text));
		buf_printf(out, " %s=%.*s\n", x, (int)len, text);
	}
	if (S_ISREG(st.st_mode)) {
		ssize_t len = read(fd, text, sizeof(text));
		buf_add(out, text, (size_t)DV_MAX(len, 0));
		return;
	}
	DIR *d = fdopendir(take_fd(&fd));
	struct dirent *de;
	while ((de = readdir(d)))
		if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
			tree_text(dirfd(d), de->d_name, out);
	(void)closedir(d);
}

static void stage_new(struct stage *s)
{
	auto_close int canary = -1;

	unit_tmp_new(&s->t);
	(void)snprintf(s->canary, sizeof(s->canary), "%s/canary", s->t.path);
	assert_int_equal(file_mkdirs(s->t.fd, "canary/sub", 0750, NULL, NULL), 0);
	assert_int_equal(file_open(s->t.fd, "canary", O_RDONLY | O_DIRECTORY, 0, &canary, NULL), 0);
	assert_int_equal(file_replace(canary, "secret", 0600, "secret\n", 7, false, NULL), 0);
	assert_int_equal(file_replace(canary, "sub/f", 0640, "f\n", 2, false, NULL), 0);
	assert_int_equal(fsetxattr(canary, "user.canary", "alive", 5, 0), 0);
	assert_int_equal(file_mkdirs(s->t.fd, "1", 0755, &s->layers[0], NULL), 0);
	assert_int_equal(file_mkdirs(s->t.fd, "2", 0755, &s->layers[1], NULL), 0);
	s->before = BUF_INIT(65536);
	tree_text(s->t.fd, "canary", &s->before);
}

static void stage_done(struct stage *s, const char *what)
{
	auto_buf struct buf after = BUF_INIT(65536);

	tree_text(s->t.fd, "canary", &after);
	if (!streq(buf_cstr(&s->before), buf_cstr(&after)))
		fail_msg("%s: the canary changed:\n%s---\n%s", what, buf_cstr(&s->before), buf_cstr(&after));
	buf_done(&s->before);
	(void)close(s->layers[0]);
	(void)close(s->layers[1]);
	unit_tmp_done(&s->t);
}

/* The driver that writes an image has to say and to show the same. */
static void same_as_erofs(const struct stage *s, int layer, const struct buf *tar, const struct unpack_options *o,
			  int want, const struct unpack_result *result)
{
	auto_buf struct buf plain = BUF_INIT(16 << 20), image = BUF_INIT(16 << 20);
	struct mem_source m = { tar->p, tar->len, 1111 };
	const struct tar_source src = { mem_source_next, &m, NULL };
	struct unpack_result got;
	struct dv_err e = DV_ERR_NONE;
	auto_close int root = -1;
	char diff[1024], name[16];

	(void)snprintf(name, sizeof(name), "e%d", layer);
	assert_ok(file_remove_tree(s->t.fd, name, &e), &e);
	int rc = layer_make(layer_driver_find("erofs"), s->t.fd, name, &src, o, &got, &e);
	if (rc != want)
		fail_msg("erofs: %d (%s), wanted %d", rc, e.msg, want);
	if (rc < 0)
		return;
	assert_int_equal(got.bytes, result->bytes);
	assert_int_equal(got.entries, result->entries);
	assert_int_equal(got.used_lowers, result->used_lowers);
	rc = layer_open(s->t.fd, name, &root, &e);
	if (rc == -DV_UNSUPPORTED || rc == -DV_FORBIDDEN)
		return;
	assert_ok(rc, &e);
	layer_text(s->layers[layer], &plain);
	layer_text(root, &image);
	if (layer_text_differs(&plain, &image, diff))
		fail_msg("dirs and erofs differ: %s", diff);
}

static int unpack(const struct stage *s, int layer, const struct buf *tar, struct dv_err *e)
{
	struct mem_source m = { tar->p, tar->len, 777 };
	const struct tar_source src = { mem_source_next, &m };
	const struct unpack_options o = { .lowers = s->layers, .n_lowers = (size_t)layer, .bytes_max = 1 << 20 };
	struct unpack_result result;
	auto_tar struct tar_reader *r = NULL;

	assert_int_equal(tar_reader_new(&src, &r, e), 0);
	int rc = unpack_layer(r, s->layers[layer], &o, &result, e);
	same_as_erofs(s, layer, tar, &o, rc, &result);
	return rc;
}

/* --- attacks as tables: entries of two layers; "%" in a path or link is the canary's path --- */

#define DIR_(p) { 1, { .type = TAR_DIR, .path = p, .mode = 0755 }, NULL }
#define FILE_(p, text) { 1, { .type = TAR_FILE, .path = p, .mode = 0644 }, text }
#define SYM_(p, to) { 1, { .type = TAR_SYMLINK, .path = p, .link = to, .mode = 0777 }, NULL }
#define HARD_(p, to) { 1, { .type = TAR_HARDLINK, .path = p, .link = to, .mode = 04777, .uid = 99 }, NULL }
#define DEV_(p, t, ma, mi) { 1, { .type = t, .path = p, .major = ma, .minor = mi, .mode = 0666 }, NULL }

struct step {
	int layer;      /* 1 or 2; 0 ends */
	struct tar_entry entry;
	const char *data;
};

static const struct tar_xattr control[] = {
	{ "trusted.overlay.opaque", "y", 1 }, { "trusted.overlay.redirect", "/etc", 4 },
	{ "user.overlay.opaque", "y", 1 }, { "user.kept", "yes", 3 },
};
static const struct tar_xattr link_xattrs[] = { { "trusted.mark", "x", 1 }, { "user.mark", "x", 1 } };

static const struct attack {
	const char *what;
	int want;               /* of the last layer */
	const char *made;       /* a path in the last layer that must be there */
	struct step steps[7];
} attacks[] = {
	{ "dots before a host path", 0, "etc/evil", { FILE_("../../../../../../../../etc/evil", "x") } },
	{ "dots in the middle", 0, "b", { FILE_("a/../../../b", "x") } },
	{ "absolute path", 0, NULL, { FILE_("%/secret", "overwritten") } },
	{ "through a link", 0, NULL, { SYM_("d", "%"), FILE_("d/secret", "overwritten"), FILE_("d/new", "x") } },
	{ "through a chain of relative links", 0, NULL,
	  { SYM_("up", "../.."), SYM_("up2", "up/.."), SYM_("t", "up2/../..%"), FILE_("t/secret", "overwritten") } },
	{ "link in layer 1, write in layer 2", 0, NULL,
	  { SYM_("d", "%"), { 2, { .path = "d/secret", .mode = 0644 }, "overwritten" } } },
	{ "link to a link that loops", -DV_INVALID, NULL, { SYM_("a", "b"), SYM_("b", "a"), FILE_("a/f", "x") } },
	{ "hard link to the host by dots", -DV_INVALID, NULL, { HARD_("h", "../../../../%/secret") } },
	{ "hard link to the host", -DV_INVALID, NULL, { HARD_("h", "%/secret") } },
	{ "hard link through a link", -DV_INVALID, NULL, { SYM_("d", "%"), HARD_("h", "d/secret") } },
	{ "hard link to a link", 0, "h", { SYM_("s", "%/secret"), HARD_("h", "s") } },
	{ "hard link to a link, then written", 0, "h", { SYM_("s", "%/secret"), HARD_("h", "s"), FILE_("h", "overwritten") } },
	{ "hard link to itself", -DV_INVALID, NULL, { FILE_("f", "x"), HARD_("f", "f") } },
	{ "hard link to a directory", -DV_FORBIDDEN, NULL, { DIR_("d"), HARD_("h", "d") } },
	{ "hard link to the root", -DV_INVALID, NULL, { HARD_("h", ".") } },
	{ "link with mode, owner, xattrs", 0, "s",
	  { { 1, { .type = TAR_SYMLINK, .path = "s", .link = "%/secret", .mode = 06777, .uid = 77, .gid = 77, .mtime_s = 1,
		   .xattrs = link_xattrs, .n_xattrs = 2 }, NULL } } },
	{ "link written through its own name", 0, "s", { SYM_("s", "%/secret"), FILE_("s", "overwritten") } },
	{ "link replaced by a directory", 0, "s/secret", { SYM_("s", "%"), DIR_("s"), FILE_("s/secret", "mine") } },
	{ "cached parent replaced by a link", 0, NULL,
	  { DIR_("d"), FILE_("d/a", "x"), SYM_("d", "%"), FILE_("d/secret", "overwritten") } },
	{ "directory below a cached one replaced", 0, NULL,
	  { DIR_("d/e"), FILE_("d/e/a", "x"), SYM_("d", "%"), FILE_("d/e/secret", "overwritten"), FILE_("d/sub/f", "y") } },
	{ "root is a link", -DV_INVALID, NULL, { SYM_(".", "%"), FILE_("secret", "overwritten") } },
	{ "root is a file", -DV_INVALID, NULL, { FILE_("./", "x"), FILE_("/", "y") } },
	{ "whiteout through a link of layer 1", 0, NULL,
	  { SYM_("d", "%"), { 2, { .path = "d/.wh.secret", .mode = 0644 }, "" } } },
	{ "opaque through a link of layer 1", 0, NULL,
	  { SYM_("d", "%"), { 2, { .path = "d/.wh..wh..opq", .mode = 0644 }, "" } } },
	{ "whiteout through a link", 0, NULL, { SYM_("d", "%"), FILE_("d/.wh.secret", "") } },
	{ "whiteout of nothing", -DV_INVALID, NULL, { FILE_("d/.wh.", "") } },
	{ "whiteout of .", -DV_INVALID, NULL, { FILE_("d/.wh..", "") } },
	{ "whiteout of ..", -DV_INVALID, NULL, { FILE_("d/.wh...", "") } },
	{ "aufs files", 0, NULL, { FILE_(".wh..wh.aufs", ""), FILE_(".wh..wh.plnk", "") } },
	{ "control xattrs", 0, "d",
	  { { 1, { .type = TAR_DIR, .path = "d", .mode = 0755, .xattrs = control, .n_xattrs = 4 }, NULL } } },
	{ "0:0 device hides a file", 0, "f", { FILE_("f", "x"), { 2, { .type = TAR_CHAR, .path = "f", .mode = 0666 }, NULL } } },
	{ "devices are not opened", 0, "sda", { DEV_("sda", TAR_BLOCKDEV, 8, 0), DEV_("sr", TAR_CHAR, 1, 11) } },
	{ "device written to", 0, "full", { DEV_("full", TAR_CHAR, 1, 7), FILE_("full", "no ENOSPC") } },
	{ "FIFO, then a file", 0, "p", { DEV_("p", TAR_FIFO, 0, 0), FILE_("p", "does not block") } },
	{ "FIFO as a parent", -DV_INVALID, NULL, { DEV_("p", TAR_FIFO, 0, 0), FILE_("p/f", "x") } },
	{ "file as a parent", -DV_INVALID, NULL, { FILE_("a", "x"), FILE_("a/b", "y") } },
	{ "last of equal names wins", 0, "a/f", { FILE_("a", "x"), DIR_("a"), FILE_("a/f", "x"), FILE_("a/f", "last") } },
	{ "directory replaced by a file", 0, "a", { DIR_("a/b/c"), FILE_("a/b/c/d", "x"), FILE_("a", "y") } },
	{ "newline and escape in a name", 0, "a\n\033[2J", { FILE_("a\n\033[2J", "x") } },
	{ "newline and escape in an error", -DV_INVALID, NULL, { FILE_("a\n\033[2J", "x"), FILE_("a\n\033[2J/b", "x") } },
	{ "more than the limit", -DV_LIMIT, NULL, { { 1, { .path = "big", .mode = 0644, .size = (uint64_t)1 << 50 }, NULL } } },
};

/* "%" becomes the canary's path. */
static const char *placed(struct arena *a, const struct stage *s, const char *text)
{
	const char *mark = text ? strchr(text, '%') : NULL;

	return mark ? arena_printf(a, "%.*s%s%s", (int)(mark - text), text, s->canary, mark + 1) : text;
}

static int run_attack(const struct stage *s, const struct attack *k, struct dv_err *e)
{
	auto_arena struct arena a;
	int rc = 0;

	arena_init(&a, 0);
	for (int layer = 1; layer <= 2; layer++) {
		auto_buf struct buf tar = BUF_INIT(1 << 20);

		for (const struct step *p = k->steps; p->layer; p++) {
			struct tar_entry t = p->entry;

			if (p->layer != layer)
				continue;
			t.path = placed(&a, s, t.path);
			t.link = placed(&a, s, t.link);
			tar_add(&tar, t, p->data);
		}
		if (layer == 2 && tar.len == 0)
			break;
		rc = unpack(s, layer - 1, &tar, e);
		if (layer == 1 && rc < 0)
			break;
	}
	return rc;
}

static void test_attacks(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
		const struct attack *k = &attacks[i];
		struct dv_err e = DV_ERR_NONE;
		struct stat st;
		struct stage s;

		stage_new(&s);
		int rc = run_attack(&s, k, &e);
		if (rc != k->want)
			fail_msg("%s: %d (%s), wanted %d", k->what, rc, e.msg, k->want);
		for (const char *p = e.msg; *p; p++)
			assert_false((unsigned char)*p < 0x20);
		bool second = false;
		for (const struct step *p = k->steps; p->layer; p++)
			second |= p->layer == 2;
		if (k->made && fstatat(s.layers[second], k->made, &st, AT_SYMLINK_NOFOLLOW) < 0)
			fail_msg("%s: %s is not there", k->what, k->made);
		stage_done(&s, k->what);
	}
}

/* --- the same in detail where the result matters --- */

static bool has_xattr(int dirfd, const char *name, const char *xattr)
{
	auto_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	char v[64];

	return fgetxattr(fd, xattr, v, sizeof(v)) >= 0;
}

static bool is_whiteout(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

static void assert_text(int dirfd, const char *name, const char *want)
{
	auto_buf struct buf b = BUF_INIT(4096);

	assert_int_equal(file_read(dirfd, name, &b, NULL), 0);
	assert_string_equal(buf_cstr(&b), want);
}

static void test_metadata(void **state)
{
	static const struct tar_xattr cap[] = { { "security.capability", "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20 },
						{ "user.note", "n", 1 }, { "security.selinux", "host_t", 6 } };
	auto_buf struct buf tar = BUF_INIT(1 << 20);
	struct dv_err e = DV_ERR_NONE;
	struct stage s;
	struct stat st;

	stage_new(&s);
	tar_add(&tar, (struct tar_entry){ .type = TAR_DIR, .path = "./", .mode = 0711, .uid = 5, .mtime_s = 11 }, NULL);
	tar_add(&tar, (struct tar_entry){ .type = TAR_DIR, .path = "d", .mode = 01555, .uid = 6, .gid = 7, .mtime_s = 22,
					  .mtime_ns = 33, .xattrs = control, .n_xattrs = 4 }, NULL);
	tar_add(&tar, (struct tar_entry){ .path = "d/su", .mode = 06755, .uid = 8, .gid = 9, .mtime_s = 44, .mtime_ns = 55,
					  .xattrs = cap, .n_xattrs = 3 }, "setuid");
	tar_add(&tar, (struct tar_entry){ .type = TAR_SYMLINK, .path = "d/l", .link = "su", .uid = 10, .mtime_s = 66 }, NULL);
	tar_add(&tar, (struct tar_entry){ .type = TAR_HARDLINK, .path = "h", .link = "d/su" }, NULL);
	assert_ok(unpack(&s, 0, &tar, &e), &e);
	assert_int_equal(fstat(s.layers[0], &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	assert_int_equal(st.st_uid, 5);
	assert_int_equal(st.st_mtim.tv_sec, 11);
	assert_int_equal(fstatat(s.layers[0], "d", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 01555);
	assert_int_equal(st.st_gid, 7);
	assert_int_equal(st.st_mtim.tv_sec, 22);
	assert_int_equal(st.st_mtim.tv_nsec, 33);
	assert_true(has_xattr(s.layers[0], "d", "user.kept"));
	assert_false(has_xattr(s.layers[0], "d", "trusted.overlay.opaque"));
	assert_false(has_xattr(s.layers[0], "d", "trusted.overlay.redirect"));
	assert_false(has_xattr(s.layers[0], "d", "user.overlay.opaque"));
	assert_int_equal(fstatat(s.layers[0], "h", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 06755);
	assert_int_equal(st.st_uid, 8);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(st.st_mtim.tv_sec, 44);
	assert_true(has_xattr(s.layers[0], "h", "security.capability"));
	assert_true(has_xattr(s.layers[0], "h", "user.note"));
	assert_false(has_xattr(s.layers[0], "h", "security.selinux"));
	assert_int_equal(fstatat(s.layers[0], "d/l", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_uid, 10);
	assert_int_equal(st.st_mtim.tv_sec, 66);
	stage_done(&s, "metadata");
}

static void test_whiteouts(void **state)
{
	auto_buf struct buf tar = BUF_INIT(1 << 20);
	struct dv_err e = DV_ERR_NONE;
	struct stage s;

	stage_new(&s);
	tar_add(&tar, (struct tar_entry){ .path = ".wh.gone", .mode = 0644 }, "");
	tar_add(&tar, (struct tar_entry){ .path = ".wh.dir", .mode = 0644 }, "");
	tar_add(&tar, (struct tar_entry){ .type = TAR_DIR, .path = "dir", .mode = 0755 }, NULL);
	tar_add(&tar, (struct tar_entry){ .path = ".wh.implied", .mode = 0644 }, "");
	tar_add(&tar, (struct tar_entry){ .path = "implied/f", .mode = 0644 }, "x");
	tar_add(&tar, (struct tar_entry){ .type = TAR_DIR, .path = "opq", .mode = 0755 }, NULL);
	tar_add(&tar, (struct tar_entry){ .path = "opq/mine", .mode = 0644 }, "mine");
	tar_add(&tar, (struct tar_entry){ .path = "opq/.wh..wh..opq", .mode = 0644 }, "");
	tar_add(&tar, (struct tar_entry){ .path = "both", .mode = 0644 }, "entry");
	tar_add(&tar, (struct tar_entry){ .path = ".wh.both", .mode = 0644 }, "");
	tar_add(&tar, (struct tar_entry){ .path = "nowhere/.wh.x", .mode = 0644 }, "");
	assert_ok(unpack(&s, 0, &tar, &e), &e);
	assert_true(is_whiteout(s.layers[0], "gone"));
	assert_true(has_xattr(s.layers[0], "dir", "trusted.overlay.opaque"));
	assert_true(has_xattr(s.layers[0], "implied", "trusted.overlay.opaque"));
	assert_text(s.layers[0], "implied/f", "x");
	assert_true(has_xattr(s.layers[0], "opq", "trusted.overlay.opaque"));
	assert_text(s.layers[0], "opq/mine", "mine");
	assert_text(s.layers[0], "both", "entry");
	assert_int_equal(faccessat(s.layers[0], "nowhere", F_OK, 0), -1);
	stage_done(&s, "whiteouts");
}

/* Parents that layer 2 leaves out: as layer 1 has them, links followed. */
static void test_parents_below(void **state)
{
	static const struct tar_xattr note[] = { { "user.note", "n", 1 } };
	auto_buf struct buf one = BUF_INIT(1 << 20), two = BUF_INIT(1 << 20);
	struct dv_err e = DV_ERR_NONE;
	struct stage s;
	struct stat st;

	stage_new(&s);
	tar_add(&one, (struct tar_entry){ .type = TAR_DIR, .path = "usr", .mode = 0711, .uid = 3, .mtime_s = 9,
					  .xattrs = note, .n_xattrs = 1 }, NULL);
	tar_add(&one, (struct tar_entry){ .type = TAR_DIR, .path = "usr/bin", .mode = 0755 }, NULL);
	tar_add(&one, (struct tar_entry){ .type = TAR_SYMLINK, .path = "bin", .link = "usr/bin" }, NULL);
	tar_add(&one, (struct tar_entry){ .type = TAR_SYMLINK, .path = "abs", .link = "/usr/../usr/bin/" }, NULL);
	tar_add(&one, (struct tar_entry){ .path = "file", .mode = 0644 }, "x");
	tar_add(&two, (struct tar_entry){ .path = "bin/tool", .mode = 0755 }, "tool");
	tar_add(&two, (struct tar_entry){ .path = "abs/tool2", .mode = 0755 }, "tool2");
	tar_add(&two, (struct tar_entry){ .path = "bin/.wh.old", .mode = 0755 }, "");
	tar_add(&two, (struct tar_entry){ .path = "file/inside", .mode = 0644 }, "y");
	tar_add(&two, (struct tar_entry){ .path = "new/dir/f", .mode = 0644 }, "z");
	assert_ok(unpack(&s, 0, &one, &e), &e);
	assert_ok(unpack(&s, 1, &two, &e), &e);
	assert_text(s.layers[1], "usr/bin/tool", "tool");
	assert_text(s.layers[1], "usr/bin/tool2", "tool2");
	assert_true(is_whiteout(s.layers[1], "usr/bin/old"));
	assert_int_equal(faccessat(s.layers[1], "bin", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	assert_text(s.layers[1], "file/inside", "y");
	assert_text(s.layers[1], "new/dir/f", "z");
	assert_int_equal(fstatat(s.layers[1], "usr", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	assert_int_equal(st.st_uid, 3);
	assert_int_equal(st.st_mtim.tv_sec, 9);
	assert_true(has_xattr(s.layers[1], "usr", "user.note"));
	stage_done(&s, "parents");
}

static void test_blind(void **state)
{
	auto_buf struct buf whole = BUF_INIT(1 << 20), part = BUF_INIT(1 << 20);
	const struct unpack_options o = { .blind = true };
	struct dv_err e = DV_ERR_NONE;
	struct unpack_result result;
	struct stage s;

	stage_new(&s);
	tar_add(&whole, (struct tar_entry){ .type = TAR_DIR, .path = "d", .mode = 0755 }, NULL);
	tar_add(&whole, (struct tar_entry){ .path = "d/f", .mode = 0644 }, "12345");
	tar_add(&part, (struct tar_entry){ .path = "d/f", .mode = 0644 }, "12345");
	for (int i = 0; i < 2; i++) {
		const struct buf *b = i ? &part : &whole;
		struct mem_source m = { b->p, b->len, 512 };
		const struct tar_source src = { mem_source_next, &m };
		auto_tar struct tar_reader *r = NULL;

		assert_ok(tar_reader_new(&src, &r, &e), &e);
		int rc = unpack_layer(r, s.layers[i], &o, &result, &e);
		assert_int_equal(rc, i ? -DV_UNAVAILABLE : 0);
		if (i == 0) {
			assert_false(result.used_lowers);
			assert_int_equal(result.bytes, 5);
			assert_int_equal(result.entries, 2);
		}
	}
	stage_done(&s, "blind");
}

/* Without privileges: no devices, no owners, overlay's marks in user.*. */
static void test_rootless(void **state)
{
	auto_buf struct buf tar = BUF_INIT(1 << 20);
	const struct unpack_options o = { .rootless = true };
	struct dv_err e = DV_ERR_NONE;
	struct unpack_result result;
	struct stage s;
	struct stat st;

	stage_new(&s);
	tar_add(&tar, (struct tar_entry){ .type = TAR_DIR, .path = "d", .mode = 0500, .uid = 77 }, NULL);
	tar_add(&tar, (struct tar_entry){ .path = "d/.wh..wh..opq", .mode = 0644 }, "");
	tar_add(&tar, (struct tar_entry){ .path = "d/f", .mode = 0640, .uid = 78 }, "x");
	tar_add(&tar, (struct tar_entry){ .type = TAR_CHAR, .path = "null", .major = 1, .minor = 3 }, NULL);
	struct mem_source m = { tar.p, tar.len, 512 };
	const struct tar_source src = { mem_source_next, &m };
	auto_tar struct tar_reader *r = NULL;
	assert_ok(tar_reader_new(&src, &r, &e), &e);
	assert_ok(unpack_layer(r, s.layers[0], &o, &result, &e), &e);
	assert_true(has_xattr(s.layers[0], "d", "user.overlay.opaque"));
	assert_false(has_xattr(s.layers[0], "d", "trusted.overlay.opaque"));
	assert_int_equal(fstatat(s.layers[0], "d/f", &st, 0), 0);
	assert_int_equal(st.st_uid, geteuid());
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(faccessat(s.layers[0], "null", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	stage_done(&s, "rootless");
}

static void test_sparse_holes(void **state)
{
	auto_buf struct buf tar = BUF_INIT(1 << 20);
	struct dv_err e = DV_ERR_NONE;
	struct stage s;
	struct stat st;
	static const char pax[] = "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n25 GNU.sparse.name=holes\n"
				  "30 GNU.sparse.realsize=500000\n";
	static const char map[] = "1\n400000\n5\n";

	stage_new(&s);
	size_t at = tar.len;
	tar_add(&tar, (struct tar_entry){ .path = "pax", .mode = 0644, .size = sizeof(pax) - 1 }, NULL);
	tar.p[at + 156] = 'x';
	tar_resum(&tar, at);
	buf_add(&tar, pax, sizeof(pax) - 1);
	tar_write_pad(&tar, sizeof(pax) - 1);
	tar_add(&tar, (struct tar_entry){ .path = "GNUSparseFile.1/holes", .mode = 0644, .size = 512 + 5 }, NULL);
	buf_add(&tar, map, sizeof(map) - 1);
	tar_write_pad(&tar, sizeof(map) - 1);
	buf_str(&tar, "data\n");
	tar_write_pad(&tar, 5);
	assert_ok(unpack(&s, 0, &tar, &e), &e);
	assert_int_equal(fstatat(s.layers[0], "holes", &st, 0), 0);
	assert_int_equal(st.st_size, 500000);
	assert_true(st.st_blocks * 512 < 100000);
	stage_done(&s, "sparse");
}

/* 200 components of 200 characters; and as deep as a path may be. */
static void test_deep(void **state)
{
	auto_buf struct buf tar = BUF_INIT(1 << 20), path = BUF_INIT(1 << 20);
	struct dv_err e = DV_ERR_NONE;
	struct stage s;

	stage_new(&s);
	for (int i = 0; i < 2040; i++)
		buf_str(&path, "a/");
	buf_str(&path, "f");
	tar_add(&tar, (struct tar_entry){ .path = buf_cstr(&path), .mode = 0644 }, "x");
	assert_ok(unpack(&s, 0, &tar, &e), &e);
	buf_reset(&path);
	for (int i = 0; i < 256; i++)
		buf_char(&path, 'n');
	buf_reset(&tar);
	tar_add(&tar, (struct tar_entry){ .path = buf_cstr(&path), .mode = 0644 }, "x");
	assert_fails(unpack(&s, 0, &tar, &e), LIMIT);
	stage_done(&s, "deep");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attacks),
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_whiteouts),
		cmocka_unit_test(test_parents_below),
		cmocka_unit_test(test_blind),
		cmocka_unit_test(test_rootless),
		cmocka_unit_test(test_sparse_holes),
		cmocka_unit_test(test_deep),
	};

	return unit_run(tests);
}
