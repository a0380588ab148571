/* layerunit.h - for tests only: everything that can be seen of a tree, as text, to compare two of them. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "image/digest.h"

#define LAYERUNIT_LIST (128 << 10)

struct layer_text {
	struct buf *out;
	struct map *inodes;             /* "INO" -> the first path of it */
};

static inline int layer_text_string_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Attributes in the order of their names, values by digest where they are long. */
static inline void layer_text_xattrs(struct layer_text *t, int dirfd, const char *name)
{
	auto_free char *path = mem_printf("/proc/self/fd/%d/%s", dirfd, name), *list = mem_alloc(2 * LAYERUNIT_LIST);
	ssize_t len = llistxattr(path, list, LAYERUNIT_LIST);
	const char *names[600];
	size_t n = 0;

	for (const char *p = list; len > 0 && p < list + len && n < ARRAY_LEN(names); p += strlen(p) + 1)
		names[n++] = p;
	qsort(names, n, sizeof(*names), layer_text_string_compare);
	for (size_t i = 0; i < n; i++) {
		unsigned char *value = (unsigned char *)list + LAYERUNIT_LIST;
		ssize_t size = lgetxattr(path, names[i], value, LAYERUNIT_LIST);
		struct digest d;
		char text[DIGEST_TEXT_SIZE];

		if (streq(names[i], "security.selinux"))
			continue;
		digest_of(DIGEST_SHA256, value, size > 0 ? (size_t)size : 0, &d);
		buf_printf(t->out, " %s=%zd:%.23s", names[i], size, digest_text(&d, text));
	}
}

static inline void layer_text_content(struct layer_text *t, int dirfd, const char *name)
{
	auto_free char *p = mem_alloc(1 << 16);
	auto_close int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char text[DIGEST_TEXT_SIZE];
	struct digest_stream h;
	struct digest d;
	ssize_t n;

	digest_begin(&h, DIGEST_SHA256);
	while ((n = read(fd, p, 1 << 16)) > 0)
		digest_add(&h, p, (size_t)n);
	digest_end(&h, &d);
	buf_printf(t->out, " %s%s", n < 0 ? strerror(errno) : "", digest_text(&d, text));
}

/* Names of one file are told by the first of them. */
static inline void layer_text_links(struct layer_text *t, const struct stat *st, const char *path)
{
	char key[32];

	(void)snprintf(key, sizeof(key), "%llu", (unsigned long long)st->st_ino);
	const char *first = map_get(t->inodes, key);
	if (!first)
		(void)map_set(t->inodes, key, mem_str(path));
	buf_printf(t->out, " links %u of %s", (unsigned)st->st_nlink, first ? first : path);
}

static inline void layer_text_at(struct layer_text *t, int dirfd, const char *name, const char *path);

static inline void layer_text_dir(struct layer_text *t, int dirfd, const char *name, const char *path)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	size_t n = 0, cap = 0;
	char **names = NULL;
	struct dirent *de;

	while (d && (de = readdir(d))) {
		if (streq(de->d_name, ".") || streq(de->d_name, ".."))
			continue;
		if (n == cap)
			names = mem_resize(names, cap = cap ? 2 * cap : 16, sizeof(*names));
		names[n++] = mem_str(de->d_name);
	}
	if (n > 0)
		qsort(names, n, sizeof(*names), layer_text_string_compare);
	for (size_t i = 0; i < n; i++) {
		auto_free char *below = mem_printf("%s/%s", path, names[i]);

		layer_text_at(t, fd, names[i], below);
		free(names[i]);
	}
	free(names);
	if (d)
		(void)closedir(d);
	else
		buf_printf(t->out, "%s: cannot be read\n", path);
}

static inline void layer_text_at(struct layer_text *t, int dirfd, const char *name, const char *path)
{
	auto_free char *link = NULL;
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		buf_printf(t->out, "%s: %s\n", path, strerror(errno));
		return;
	}
	buf_printf(t->out, "%s %06o %u:%u %u,%u", path, st.st_mode, st.st_uid, st.st_gid, major(st.st_rdev), minor(st.st_rdev));
	/* A whiteout is as old as it is, and a directory as large. */
	if (!(S_ISCHR(st.st_mode) && st.st_rdev == 0 && (st.st_mode & 07777) == 0))
		buf_printf(t->out, " %lld.%09ld", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	if (!S_ISDIR(st.st_mode)) {
		buf_printf(t->out, " %lld", (long long)st.st_size);
		layer_text_links(t, &st, path);
	}
	layer_text_xattrs(t, dirfd, name);
	if (S_ISLNK(st.st_mode) && file_readlink(dirfd, name, &link, NULL) == 0)
		buf_printf(t->out, " -> %s", link);
	if (S_ISREG(st.st_mode))
		layer_text_content(t, dirfd, name);
	buf_char(t->out, '\n');
	if (S_ISDIR(st.st_mode))
		layer_text_dir(t, dirfd, name, path);
}

/* A line for everything below the directory; names with newlines make more than one. */
static inline void layer_text(int dirfd, struct buf *out)
{
	struct layer_text t = { out, map_new() };

	layer_text_at(&t, dirfd, ".", "");
	map_free(t.inodes, free);
}

/* The first line that differs, of both; false when there is none. */
static inline bool layer_text_differs(const struct buf *a, const struct buf *b, char out[1024])
{
	const char *x = buf_cstr(a), *y = buf_cstr(b);
	const char *xl = x, *yl = y;

	while (*x && *x == *y) {
		if (*x == '\n') {
			xl = x + 1;
			yl = y + 1;
		}
		x++;
		y++;
	}
	if (*x == *y)
		return false;
	(void)snprintf(out, 1024, "%.*s\n--- and ---\n%.*s", (int)DV_MIN(strcspn(xl, "\n"), (size_t)480), xl,
		       (int)DV_MIN(strcspn(yl, "\n"), (size_t)480), yl);
	return true;
}
