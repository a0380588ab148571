/* erofs_meta.c - owners, modes and attributes of nodes, as the kernel gives them to files.
 *
 * Setting an attribute is more than storing it: the kernel refuses what is
 * malformed, and an access ACL changes the mode, and disappears when the mode says
 * all of it. The same happens here, so that a layer does not depend on the driver.
 */
#include <endian.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/str.h"
#include "image/erofs_parts.h"

/* --- the store of distinct attributes --- */

static uint32_t hash_bytes(uint64_t seed, const struct erofs_xattr_entry *x, const char *name, const void *value)
{
	const unsigned char *v = value;
	uint64_t h = seed ^ ((uint64_t)x->prefix << 32 | (uint64_t)x->name_len << 16 | x->value_len);

	for (size_t i = 0; i < x->name_len; i++)
		h = (h ^ (unsigned char)name[i]) * 0xff51afd7ed558ccdu ^ h >> 29;
	for (size_t i = 0; i < x->value_len; i++)
		h = (h ^ v[i]) * 0xff51afd7ed558ccdu ^ h >> 29;
	return (uint32_t)(h ^ h >> 32);
}

static void table_grow(struct erofs_tree *t)
{
	size_t size = 2 * t->xattrs_size;
	struct erofs_xattr **table = mem_resize(NULL, size, sizeof(struct erofs_xattr *));

	memset(table, 0, size * sizeof(struct erofs_xattr *));
	for (size_t i = 0; i < t->xattrs_size; i++) {
		for (struct erofs_xattr *x = t->xattrs[i], *next; x; x = next) {
			next = x->same_hash;
			x->same_hash = table[x->hash & (size - 1)];
			table[x->hash & (size - 1)] = x;
		}
	}
	free(t->xattrs);
	t->xattrs = table;
	t->xattrs_size = size;
}

static int xattr_intern(struct erofs_tree *t, const struct erofs_xattr_entry *k, const char *name, const void *value,
			struct erofs_xattr **ret, struct dv_err *e)
{
	uint32_t hash = hash_bytes(t->seed, k, name, value);
	struct erofs_xattr *x = t->xattrs[hash & (t->xattrs_size - 1)];

	for (; x; x = x->same_hash)
		if (x->hash == hash && memcmp(&x->entry, k, sizeof(*k)) == 0 && memcmp(x->bytes, name, k->name_len) == 0 &&
		    memcmp(x->bytes + k->name_len, value, k->value_len) == 0)
			break;
	if (!x) {
		int rc = erofs_alloc(t, sizeof(*x) + k->name_len + k->value_len, &x, e);

		if (rc < 0)
			return rc;
		if (t->n_xattrs++ >= t->xattrs_size)
			table_grow(t);
		memcpy(x->bytes, name, k->name_len);
		memcpy(x->bytes + k->name_len, value, k->value_len);
		x->entry = *k;
		x->hash = hash;
		x->place = UINT32_MAX;
		x->same_hash = t->xattrs[hash & (t->xattrs_size - 1)];
		t->xattrs[hash & (t->xattrs_size - 1)] = x;
	}
	*ret = x;
	return 0;
}

/* --- of a node --- */

static struct erofs_xref **ref_find(struct erofs_node *n, uint8_t prefix, const char *name, size_t len)
{
	struct erofs_xref **p = &n->xattrs;

	while (*p && !((*p)->x->entry.prefix == prefix && (*p)->x->entry.name_len == len &&
		       memcmp((*p)->x->bytes, name, len) == 0))
		p = &(*p)->next;
	return p;
}

static int ref_set(struct erofs_tree *t, struct erofs_node *n, uint8_t prefix, const char *name, const void *value,
		   size_t len, struct dv_err *e)
{
	const struct erofs_xattr_entry k = { (uint8_t)strlen(name), prefix, (uint16_t)len };
	struct erofs_xref **p = ref_find(n, prefix, name, k.name_len);
	struct erofs_xattr *x = NULL;
	int rc = xattr_intern(t, &k, name, len ? value : "", &x, e);

	if (rc == 0 && !*p) {
		if (n->n_xattrs == EROFS_SHARED_MAX)
			return dv_fail(e, DV_LIMIT, "more than %d attributes", EROFS_SHARED_MAX);
		rc = erofs_alloc(t, sizeof(**p), p, e);
		n->n_xattrs += rc == 0;
	}
	if (rc == 0)
		(*p)->x = x;
	return rc;
}

static void ref_drop(struct erofs_node *n, uint8_t prefix)
{
	struct erofs_xref **p = ref_find(n, prefix, "", 0);

	if (*p) {
		*p = (*p)->next;
		n->n_xattrs--;
	}
}

/* --- access control lists --- */

struct acl {
	const struct posix_acl_xattr_entry *v;
	size_t n;
};

/* 0, or the errno of setxattr(2); n is 0 for one that takes the ACL away. */
static int acl_parse(const void *value, size_t len, struct acl *ret)
{
	const struct posix_acl_xattr_header *h = value;

	*ret = (struct acl){ (const void *)((const char *)value + sizeof(*h)), 0 };
	if (len == 0)
		return 0;
	if (len < sizeof(*h))
		return EINVAL;
	if (le32toh(h->a_version) != POSIX_ACL_XATTR_VERSION)
		return EOPNOTSUPP;
	if ((len - sizeof(*h)) % sizeof(*ret->v))
		return EINVAL;
	ret->n = (len - sizeof(*h)) / sizeof(*ret->v);
	for (size_t i = 0; i < ret->n; i++) {
		uint16_t tag = le16toh(ret->v[i].e_tag);
		bool named = tag == ACL_USER || tag == ACL_GROUP;

		if (tag == 0 || tag > ACL_OTHER || (tag & (tag - 1)) || (named && le32toh(ret->v[i].e_id) == UINT32_MAX))
			return EINVAL;
	}
	return 0;
}

/* Owner, named users, owning group, named groups, mask, others: in this order, the mask where there are names. */
static bool acl_valid(const struct acl *a)
{
	static const struct { uint16_t tag; bool many, must; } order[] = {
		{ ACL_USER_OBJ, false, true }, { ACL_USER, true, false }, { ACL_GROUP_OBJ, false, true },
		{ ACL_GROUP, true, false }, { ACL_MASK, false, false }, { ACL_OTHER, false, true },
	};
	bool names = false, mask = false;
	size_t i = 0;

	for (size_t k = 0; k < ARRAY_LEN(order); k++) {
		size_t found = 0;

		for (; i < a->n && le16toh(a->v[i].e_tag) == order[k].tag && (order[k].many || found == 0); i++, found++) {
			if (le16toh(a->v[i].e_perm) & ~7)
				return false;
		}
		if (order[k].must && !found)
			return false;
		names = names || (order[k].many && found);
		mask = mask || (order[k].tag == ACL_MASK && found);
	}
	return i == a->n && (mask || !names);
}

/* The mode's bits by the ACL; *ret_all: the mode says everything. */
static uint32_t acl_mode(const struct acl *a, bool *ret_all)
{
	uint32_t mode = 0;

	*ret_all = true;
	for (size_t i = 0; i < a->n; i++) {
		uint32_t perm = le16toh(a->v[i].e_perm);

		switch (le16toh(a->v[i].e_tag)) {
		case ACL_USER_OBJ: mode |= perm << 6; break;
		case ACL_GROUP_OBJ: mode |= perm << 3; break;
		case ACL_OTHER: mode |= perm; break;
		case ACL_MASK: mode = (mode & ~070u) | perm << 3; *ret_all = false; break;
		default: *ret_all = false;
		}
	}
	return mode;
}

static int acl_set(struct erofs_tree *t, struct erofs_node *n, uint8_t prefix, const void *value, size_t len,
		   struct dv_err *e)
{
	bool all = false, is_default = prefix == EROFS_XATTR_ACL_DEFAULT;
	auto_free char *copy = mem_alloc(len + 1);      /* aligned, as the archive's is not */
	struct acl a;

	memcpy(copy, value, len);
	int sys = S_ISLNK(n->mode) ? EOPNOTSUPP : acl_parse(copy, len, &a);

	if (sys == EOPNOTSUPP)
		return 0;
	if (sys == 0 && a.n > 0 && is_default && !S_ISDIR(n->mode))
		sys = EACCES;
	if (sys == 0 && a.n > 0 && !acl_valid(&a))
		sys = EINVAL;
	if (sys)
		return dv_fail_errno(e, sys, "set ACL");
	if (a.n > 0 && !is_default)
		n->mode = (n->mode & ~0777u) | acl_mode(&a, &all);
	if (a.n > 0 && !all)
		return ref_set(t, n, prefix, "", value, len, e);
	ref_drop(n, prefix);
	return 0;
}

/* chmod(2) of what has an access ACL. */
static int acl_chmod(struct erofs_tree *t, struct erofs_node *n, struct dv_err *e)
{
	struct erofs_xref **p = ref_find(n, EROFS_XATTR_ACL, "", 0);
	struct posix_acl_xattr_entry *group = NULL, *v;

	if (!*p)
		return 0;
	size_t len = (*p)->x->entry.value_len;
	auto_free char *copy = mem_alloc(len);
	memcpy(copy, (*p)->x->bytes, len);
	v = (struct posix_acl_xattr_entry *)(copy + sizeof(struct posix_acl_xattr_header));
	for (; (char *)v < copy + len; v++) {
		uint16_t tag = le16toh(v->e_tag);

		if (tag == ACL_USER_OBJ)
			v->e_perm = htole16(n->mode >> 6 & 7);
		else if (tag == ACL_OTHER)
			v->e_perm = htole16(n->mode & 7);
		else if (tag == ACL_GROUP_OBJ || tag == ACL_MASK)
			group = v;      /* the mask comes later, and wins */
	}
	if (group)
		group->e_perm = htole16(n->mode >> 3 & 7);
	return ref_set(t, n, EROFS_XATTR_ACL, "", copy, len, e);
}

/* --- attributes by name --- */

static bool capability_valid(const void *value, size_t len)
{
	struct vfs_ns_cap_data c;

	if (len != XATTR_CAPS_SZ_2 && len != XATTR_CAPS_SZ_3)
		return false;
	memcpy(&c, value, len);
	uint32_t kind = le32toh(c.magic_etc) & VFS_CAP_REVISION_MASK;
	return len == XATTR_CAPS_SZ_2 ? kind == VFS_CAP_REVISION_2
				      : kind == VFS_CAP_REVISION_3 && le32toh(c.rootid) != UINT32_MAX;
}

int erofs_xattr_set(struct erofs_tree *t, struct erofs_node *n, const char *name, const void *value, size_t len,
		    struct dv_err *e)
{
	static const struct { const char *text; uint8_t prefix; } prefixes[] = {
		{ XATTR_USER_PREFIX, EROFS_XATTR_USER }, { XATTR_TRUSTED_PREFIX, EROFS_XATTR_TRUSTED },
		{ XATTR_SECURITY_PREFIX, EROFS_XATTR_SECURITY },
		{ XATTR_NAME_POSIX_ACL_ACCESS, EROFS_XATTR_ACL }, { UNPACK_ACL_DEFAULT, EROFS_XATTR_ACL_DEFAULT },
	};
	size_t i = 0;

	while (i < ARRAY_LEN(prefixes) && !str_starts(name, prefixes[i].text))
		i++;
	if (i == ARRAY_LEN(prefixes))
		return 0;
	const char *rest = name + strlen(prefixes[i].text);
	bool is_acl = prefixes[i].prefix == EROFS_XATTR_ACL || prefixes[i].prefix == EROFS_XATTR_ACL_DEFAULT;
	if (strlen(name) > XATTR_NAME_MAX || len > UINT16_MAX)
		return dv_fail(e, DV_LIMIT, "set xattr %.64s: too long", name);
	if (is_acl)
		return acl_set(t, n, prefixes[i].prefix, value, len, e);
	if (!*rest || (streq(name, XATTR_NAME_CAPS) && !capability_valid(value, len)))
		return dv_fail_errno(e, EINVAL, "set xattr %.64s", name);
	return ref_set(t, n, prefixes[i].prefix, rest, value, len, e);
}

int erofs_opaque(struct erofs_tree *t, struct erofs_node *n, struct dv_err *e)
{
	return ref_set(t, n, EROFS_XATTR_TRUSTED, "overlay.opaque", "y", 1, e);
}

int erofs_meta(struct erofs_tree *t, struct erofs_node *n, const struct tar_entry *x, struct dv_err *e)
{
	bool plain = x->type == TAR_FILE || x->type == TAR_DIR;
	int rc = 0;

	n->uid = x->uid;
	n->gid = x->gid;
	if (x->type != TAR_SYMLINK) {
		n->mode = (n->mode & S_IFMT) | x->mode;
		rc = acl_chmod(t, n, e);
	}
	for (size_t i = 0; i < x->n_xattrs && rc == 0; i++) {
		const char *name = x->xattrs[i].name;

		if (unpack_xattr_wanted(name, plain) && !(x->type == TAR_DIR && streq(name, UNPACK_ACL_DEFAULT)))
			rc = erofs_xattr_set(t, n, name, x->xattrs[i].value, x->xattrs[i].len, e);
	}
	if (rc == 0 && x->type != TAR_DIR) {
		n->mtime_s = x->mtime_s;
		n->mtime_ns = x->mtime_ns;
	}
	return rc;
}

int erofs_meta_copy(struct erofs_tree *t, struct erofs_node *n, int fd, struct dv_err *e)
{
	auto_free char *from = mem_printf("/proc/self/fd/%d", fd), *names = mem_alloc(2 * UNPACK_ACL_MAX);
	char *value = names + UNPACK_ACL_MAX;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return dv_fail_errno(e, errno, "stat directory of a layer below");
	const struct tar_entry x = { .type = TAR_DIR, .mode = st.st_mode & 07777, .uid = st.st_uid, .gid = st.st_gid };
	int rc = erofs_meta(t, n, &x, e);
	ssize_t len = listxattr(from, names, UNPACK_ACL_MAX);
	for (const char *p = names; rc == 0 && len > 0 && p < names + len; p += strlen(p) + 1) {
		if (!unpack_xattr_wanted(p, true) || streq(p, UNPACK_ACL_DEFAULT))
			continue;
		ssize_t size = getxattr(from, p, value, UNPACK_ACL_MAX);
		if (size >= 0)
			rc = erofs_xattr_set(t, n, p, value, (size_t)size, e);
	}
	return rc;
}
