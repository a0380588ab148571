/* dev.c - the nodes and links in the container's /dev.
 *
 * /dev of the root is opened once, inside the root; every node is made relative to that
 * descriptor and never through a link, since an image may ship a /dev of its own making.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/defence.h"
#include "base/file.h"
#include "base/str.h"
#include "oci/rootfs.h"
#include "oci/scratch.h"

struct node {
	const char *name;       /* below /dev */
	mode_t mode;            /* type and permissions */
	dev_t rdev;
	uid_t uid;
	gid_t gid;
};

static const struct {
	const char *name;
	unsigned major, minor;
} default_nodes[] = {
	{ "null", 1, 3 },   { "zero", 1, 5 },    { "full", 1, 7 },
	{ "tty", 5, 0 },    { "random", 1, 8 },  { "urandom", 1, 9 },
};

static const struct {
	const char *name, *target;
	bool if_present;        /* only where the host has the target */
} default_links[] = {
	{ "fd", "/proc/self/fd", false },       { "stdin", "/proc/self/fd/0", false },
	{ "stdout", "/proc/self/fd/1", false }, { "stderr", "/proc/self/fd/2", false },
	{ "core", "/proc/kcore", true },
};

/* The host's node of that name must be the device that is asked for, and not whatever is called so. */
static int check_source(int fd, const char *host, const struct node *n, struct dv_err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return dv_fail_errno(e, errno, "look at %s", host);
	if (defence_on("dev-bind") && ((st.st_mode & S_IFMT) != (n->mode & S_IFMT) || st.st_rdev != n->rdev))
		return dv_fail(e, DV_FORBIDDEN, "%s of the host is not device %u:%u", host, major(n->rdev),
			       minor(n->rdev));
	return 0;
}

/* The place for a bind: an empty file, made without opening what may be there instead. */
static int bind_place(int dir, const char *name, int *ret_fd, struct dv_err *e)
{
	if (!defence_on("dev-nofollow"))
		return file_open(dir, name, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY, 0644, ret_fd, e);
	if (mknodat(dir, name, S_IFREG | 0644, 0) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "make file %s", name);
	return file_open(dir, name, O_PATH | O_NOFOLLOW, 0, ret_fd, e);
}

static int bind_node(int dir, const char *name, const struct node *n, struct dv_err *e)
{
	auto_close int source = -1, target = -1;
	auto_free char *host = mem_printf("/dev/%s", n->name);
	int r;

	if ((r = bind_place(dir, name, &target, e)) < 0 ||
	    (r = mount_clone(AT_FDCWD, host, false, false, &source, e)) < 0 ||
	    (r = check_source(source, host, n, e)) < 0)
		return r;
	return mount_attach(source, target, host, e);
}

/* A node of that name is there already (the image's, or two entries): right as it is, or an error. */
static int node_present(int dir, const char *name, const struct node *n, struct dv_err *e)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return dv_fail_errno(e, errno, "look at /dev/%s", n->name);
	if ((st.st_mode & S_IFMT) != (n->mode & S_IFMT) || (!S_ISFIFO(n->mode) && st.st_rdev != n->rdev))
		return dv_fail(e, DV_EXISTS, "/dev/%s is there already and is another device", n->name);
	return 0;
}

static int make_node(int dir, const char *name, const struct node *n, struct dv_err *e)
{
	if (mknodat(dir, name, n->mode, n->rdev) < 0)
		return errno == EEXIST ? node_present(dir, name, n, e) :
					 dv_fail_errno(e, errno, "make device /dev/%s", n->name);
	if ((n->uid || n->gid) && fchownat(dir, name, n->uid, n->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return dv_fail_errno(e, errno, "set the owner of /dev/%s", n->name);
	return 0;
}

/* A pipe is no device: it is made, never taken from the host. */
static int place_at(int dir, const char *name, const struct node *n, bool bind, struct dv_err *e)
{
	return bind && !S_ISFIFO(n->mode) ? bind_node(dir, name, n, e) : make_node(dir, name, n, e);
}

static int place_node(int dev, const struct node *n, bool bind, struct dv_err *e)
{
	const char *slash = strrchr(n->name, '/'), *name = slash ? slash + 1 : n->name;
	auto_close int sub = -1;
	int dir = dev, r;

	if (slash) {
		auto_free char *parent = mem_printf("%.*s", (int)(slash - n->name), n->name);

		if ((r = mount_target(dev, parent, TARGET_DIR, TARGET_STRICT, &sub, e)) < 0)
			return r;
		dir = sub;
	}
	return place_at(dir, name, n, bind, e);
}

static mode_t node_type(const char *type)
{
	if (streq(type, "c") || streq(type, "u"))
		return S_IFCHR;
	if (streq(type, "b"))
		return S_IFBLK;
	return streq(type, "p") ? S_IFIFO : 0;
}

static int spec_node(const struct spec_device *d, size_t i, struct node *ret, struct dv_err *e)
{
	mode_t type = node_type(d->type);
	const char *name = str_after(d->path, "/dev/");

	if (!type)
		return dv_fail(e, DV_INVALID, "linux.devices[%zu].type: \"%s\" is not one of b, c, u, p", i, d->type);
	if (type != S_IFIFO && (!d->major.set || !d->minor.set))
		return dv_fail(e, DV_INVALID, "linux.devices[%zu]: major and minor are wanted", i);
	if (d->major.v < 0 || d->minor.v < 0 || d->major.v > 4095 || d->minor.v > 1048575)
		return dv_fail(e, DV_INVALID, "linux.devices[%zu]: %lld:%lld is no device number", i,
			       (long long)d->major.v, (long long)d->minor.v);
	*ret = (struct node){ name, type | (d->mode.set ? d->mode.v & 07777 : 0666),
			      type == S_IFIFO ? 0 : makedev((unsigned)d->major.v, (unsigned)d->minor.v), d->uid.v,
			      d->gid.v };
	return 0;
}

/* Devices outside /dev are allowed by the specification: they go by their own path inside the root. */
static int place_outside(int root_fd, const struct spec_device *d, struct node *n, bool bind, struct dv_err *e)
{
	const char *slash = strrchr(d->path, '/');
	auto_free char *parent = mem_printf("%.*s", (int)(slash - d->path), d->path);
	auto_close int dir = -1;
	int r = mount_target(root_fd, parent, TARGET_DIR, 0, &dir, e);

	if (r < 0)
		return r;
	n->name = slash + 1;
	return place_at(dir, n->name, n, bind, e);
}

static bool listed(const struct spec_linux *l, const char *name)
{
	for (size_t i = 0; i < l->devices.n; i++) {
		const char *path = str_after(view_at(&l->devices, struct spec_device, i)->path, "/dev/");

		if (path && streq(path, name))
			return true;
	}
	return false;
}

static int make_links(int dev, struct dv_err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(default_links); i++) {
		if (default_links[i].if_present && access(default_links[i].target, F_OK) < 0)
			continue;
		if (symlinkat(default_links[i].target, dev, default_links[i].name) < 0 && errno != EEXIST)
			return dv_fail_errno(e, errno, "make link /dev/%s", default_links[i].name);
	}
	return 0;
}

/* /dev/ptmx leads to the container's own devpts instance, whatever the image had there. */
static int make_ptmx(int dev, struct dv_err *e)
{
	if (symlinkat("pts/ptmx", dev, "ptmx") == 0)
		return 0;
	if (errno != EEXIST)
		return dv_fail_errno(e, errno, "make link /dev/ptmx");
	if ((unlinkat(dev, "ptmx", 0) < 0 && errno != ENOENT) || symlinkat("pts/ptmx", dev, "ptmx") < 0)
		return dv_fail_errno(e, errno, "replace /dev/ptmx");
	return 0;
}

/* The last mount on /dev is the one that shows. */
static bool dev_is_bound(const struct spec *s)
{
	bool bound = false;

	for (size_t i = 0; i < s->mounts.n; i++) {
		const struct spec_mount *m = view_at(&s->mounts, struct spec_mount, i);
		struct mount_opts o;

		if (streq(m->destination, "/dev") && mount_opts_parse(m->options, &o, NULL) == 0)
			bound = o.bind || (m->type && streq(m->type, "bind"));
	}
	return bound;
}

int rootfs_devices(int root_fd, const struct spec *s, bool bind_devices, struct dv_err *e)
{
	const struct spec_linux *l = s->linux_;
	auto_scratch int dev = -1;
	int r;

	if (dev_is_bound(s))
		return 0;       /* the host's own /dev: nothing of ours belongs there */
	r = defence_on("dev-inside") ? mount_target(root_fd, "/dev", TARGET_DIR, 0, &dev, e) :
				       file_open(root_fd, "dev", O_PATH | O_DIRECTORY, 0, &dev, e);
	if (r < 0)
		return r;
	(void)umask(0);
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(default_nodes); i++) {
		struct node n = { default_nodes[i].name, S_IFCHR | 0666,
				  makedev(default_nodes[i].major, default_nodes[i].minor), 0, 0 };

		if (!listed(l, n.name))
			r = place_node(dev, &n, bind_devices, e);
	}
	for (size_t i = 0; r >= 0 && i < l->devices.n; i++) {
		const struct spec_device *d = view_at(&l->devices, struct spec_device, i);
		struct node n = { 0 };

		r = spec_node(d, i, &n, e);
		if (r >= 0)
			r = n.name ? place_node(dev, &n, bind_devices, e) : place_outside(root_fd, d, &n, bind_devices, e);
	}
	if (r >= 0)
		r = make_links(dev, e);
	if (r >= 0)
		r = make_ptmx(dev, e);
	(void)umask(022);
	return r;
}
