/* mount_opts.c - the table of mount options.
 *
 * What is not in the table belongs to the file system and is handed on as it is. A name
 * with an "r" in front ("rnosuid") is the same attribute for the whole tree.
 */
#include <linux/mount.h>
#include <stddef.h>

#include "base/str.h"
#include "oci/mount.h"

/* glibc's <sys/mount.h> and <linux/mount.h> cannot both be included. */
#define PROP_UNBINDABLE (1U << 17)
#define PROP_PRIVATE (1U << 18)
#define PROP_SLAVE (1U << 19)
#define PROP_SHARED (1U << 20)
#define PROP_REC (1U << 14)

struct attr_row {
	const char *name;
	uint64_t set, clr;
};
static const struct attr_row attrs[] = {
	{ "ro", MOUNT_ATTR_RDONLY, 0 },          { "rw", 0, MOUNT_ATTR_RDONLY },
	{ "nosuid", MOUNT_ATTR_NOSUID, 0 },      { "suid", 0, MOUNT_ATTR_NOSUID },
	{ "nodev", MOUNT_ATTR_NODEV, 0 },        { "dev", 0, MOUNT_ATTR_NODEV },
	{ "noexec", MOUNT_ATTR_NOEXEC, 0 },      { "exec", 0, MOUNT_ATTR_NOEXEC },
	{ "nodiratime", MOUNT_ATTR_NODIRATIME, 0 }, { "diratime", 0, MOUNT_ATTR_NODIRATIME },
	{ "nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0 }, { "symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW },
	{ "noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME },
	{ "atime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME },
	{ "relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME },
	{ "norelatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME },
	{ "strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME },
	{ "nostrictatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME },
};

static const struct {
	const char *name;
	uint64_t flags;
} propagations[] = {
	{ "private", PROP_PRIVATE },       { "rprivate", PROP_PRIVATE | PROP_REC },
	{ "shared", PROP_SHARED },         { "rshared", PROP_SHARED | PROP_REC },
	{ "slave", PROP_SLAVE },           { "rslave", PROP_SLAVE | PROP_REC },
	{ "unbindable", PROP_UNBINDABLE }, { "runbindable", PROP_UNBINDABLE | PROP_REC },
};

#define FLAG(name, member) { name, offsetof(struct mount_opts, member), 0 }
static const struct {
	const char *name;
	size_t offset, offset2;
} bools[] = {
	FLAG("bind", bind),
	{ "rbind", offsetof(struct mount_opts, bind), offsetof(struct mount_opts, rec) },
	FLAG("remount", remount),
	FLAG("tmpcopyup", tmpcopyup),
	FLAG("idmap", idmap),
	{ "ridmap", offsetof(struct mount_opts, idmap), offsetof(struct mount_opts, idmap_rec) },
	FLAG("copy-symlink", copy_symlink),
	FLAG("src-nofollow", src_nofollow),
	FLAG("dest-nofollow", dest_nofollow),
};

/* "defaults" and the negations of superblock flags that are off anyway. */
static const char *const ignored[] = { "defaults", "async", "nomand", "noiversion", "loud", "nolazytime", "acl",
				       "noacl", "silent" };

static const struct attr_row *attr_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(attrs); i++)
		if (streq(attrs[i].name, name))
			return &attrs[i];
	return NULL;
}

static void apply(uint64_t *set, uint64_t *clr, const struct attr_row *row)
{
	*set = (*set & ~row->clr) | row->set;
	*clr = (*clr & ~row->set) | row->clr;
}

static bool parse_flag(const char *o, struct mount_opts *m)
{
	const struct attr_row *row = attr_find(o);

	if (row) {
		apply(&m->attr_set, &m->attr_clr, row);
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(propagations); i++)
		if (streq(propagations[i].name, o)) {
			m->propagation = propagations[i].flags;
			return true;
		}
	for (size_t i = 0; i < ARRAY_LEN(bools); i++)
		if (streq(bools[i].name, o)) {
			*(bool *)((char *)m + bools[i].offset) = true;
			if (bools[i].offset2)
				*(bool *)((char *)m + bools[i].offset2) = true;
			return true;
		}
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		if (streq(ignored[i], o))
			return true;
	row = *o == 'r' ? attr_find(o + 1) : NULL;
	if (row)
		apply(&m->rec_set, &m->rec_clr, row);
	return row != NULL;
}

int mount_opts_parse(const char *const *options, struct mount_opts *ret, struct dv_err *e)
{
	struct mount_opts m = { 0 };

	for (; options && *options; options++) {
		const char *map = str_after(*options, "idmap=");

		if (map) {
			m.idmap = true;
			m.idmap_text = map;
		} else if (**options && !parse_flag(*options, &m)) {
			if (m.n_data == MOUNT_OPTS_MAX)
				return dv_fail(e, DV_INVALID, "more than %d options", MOUNT_OPTS_MAX);
			m.data[m.n_data++] = *options;
		}
	}
	*ret = m;
	return 0;
}

const char *const *mount_opts_names(struct arena *a)
{
	const char **v = arena_array(a, const char *,
				     2 * ARRAY_LEN(attrs) + ARRAY_LEN(propagations) + ARRAY_LEN(bools) +
					     ARRAY_LEN(ignored) + 1);
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(attrs); i++) {
		v[n++] = attrs[i].name;
		v[n++] = arena_printf(a, "r%s", attrs[i].name);
	}
	for (size_t i = 0; i < ARRAY_LEN(propagations); i++)
		v[n++] = propagations[i].name;
	for (size_t i = 0; i < ARRAY_LEN(bools); i++)
		v[n++] = bools[i].name;
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		v[n++] = ignored[i];
	return v;
}
