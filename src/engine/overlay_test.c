/* overlay_test.c - the way for older kernels: directories and a detached erofs image below, from a namespace that
 * nobody sees.
 */
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/str.h"
#include "base/unit.h"
#include "engine/overlay.h"
#include "image/driver.h"

static int tar_next_piece(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct buf *b = ctx;

	(void)e;
	*ret = b->p;
	*ret_len = b->len;
	b->len = 0;
	return *ret_len > 0;
}

static void layer_of(int dirfd, const char *driver, const char *name, const char *file, const char *text)
{
	const struct tar_entry t = { .type = TAR_FILE, .path = file, .mode = 0644, .size = strlen(text) };
	struct buf tar = BUF_INIT(1 << 20);
	const struct tar_source src = { tar_next_piece, &tar, NULL };
	const struct unpack_options o = { .blind = false };
	struct dv_err e = DV_ERR_NONE;
	struct unpack_result result;

	assert_ok(tar_write_entry(&tar, &t, &e), &e);
	buf_str(&tar, text);
	tar_write_pad(&tar, t.size);
	tar_write_end(&tar);
	assert_ok(layer_make(layer_driver_find(driver), dirfd, name, &src, &o, &result, &e), &e);
	buf_done(&tar);
}

static void assert_text(int dirfd, const char *name, const char *want)
{
	auto_buf struct buf b = BUF_INIT(4096);

	assert_int_equal(file_read(dirfd, name, &b, NULL), 0);
	assert_string_equal(buf_cstr(&b), want);
}

static bool has_erofs(int dirfd)
{
	const char *how;

	return layer_driver_find("erofs")->probe(dirfd, &how, NULL) == 0;
}

static void test_old(void **state)
{
	auto_close int place = -1, root = -1, low = -1, high = -1;
	struct dv_err e = DV_ERR_NONE;
	struct unit_tmp t;

	unit_tmp_new(&t);
	layer_of(t.fd, "dirs", "low", "a", "from low");
	layer_of(t.fd, has_erofs(t.fd) ? "erofs" : "dirs", "high", "b", "from high");
	assert_int_equal(mkdirat(t.fd, "upper", 0755) | mkdirat(t.fd, "work", 0700) | mkdirat(t.fd, "merged", 0700), 0);
	assert_int_equal(file_open(t.fd, "merged", O_PATH | O_DIRECTORY, 0, &place, NULL), 0);
	assert_ok(layer_open(t.fd, "low", &low, &e), &e);
	assert_ok(layer_open(t.fd, "high", &high, &e), &e);
	const int lowers[] = { low, high };
	assert_ok(overlay_mount_old(lowers, 2, t.fd, place, true, &root, &e), &e);
	assert_text(root, "a", "from low");
	assert_text(root, "b", "from high");
	assert_int_equal(file_replace(root, "b", 0600, "changed", 7, false, NULL), 0);
	assert_int_equal(unlinkat(root, "a", 0), 0);
	assert_text(t.fd, "upper/b", "changed");
	assert_int_equal(faccessat(place, "0", F_OK, 0), -1);   /* here nothing is mounted */
	fd_close(&root);
	unit_tmp_done(&t);
}

/* What is wrong comes from the helper in words. */
static void test_wrong(void **state)
{
	auto_close int place = -1;
	struct dv_err e = DV_ERR_NONE;
	struct unit_tmp t;
	int root;

	unit_tmp_new(&t);
	assert_int_equal(mkdirat(t.fd, "merged", 0700), 0);
	assert_int_equal(file_open(t.fd, "merged", O_PATH | O_DIRECTORY, 0, &place, NULL), 0);
	assert_true(overlay_mount_old(&t.fd, 1, t.fd, place, true, &root, &e) < 0);
	assert_non_null(strstr(e.msg, "overlay"));
	unit_tmp_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_old), cmocka_unit_test(test_wrong) };

	return unit_run(tests);
}
