/* etc.c - hosts, hostname and resolv.conf of a container. */
#include "base/file.h"
#include "base/str.h"
#include "engine/etc.h"
#include "engine/user.h"

#define HOST_FILE_MAX (1 << 20)

static const struct {
	const char *name, *destination;
} files[] = {
	{ "resolv.conf", "/etc/resolv.conf" }, { "hostname", "/etc/hostname" }, { "hosts", "/etc/hosts" },
};

static int write_one(int dir_fd, const char *name, const char *text, size_t len, struct dv_err *e)
{
	auto_close int fd = -1;
	int r = file_open(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644, &fd, e);

	return r < 0 ? r : fd_write_all(fd, text, len, name, e);
}

int etc_write(int dir_fd, const struct run_config *c, struct dv_err *e)
{
	auto_free char *name = mem_printf("%s\n", c->hostname);
	auto_buf struct buf hosts = BUF_INIT(HOST_FILE_MAX), resolv = BUF_INIT(HOST_FILE_MAX);
	int r;

	if ((r = write_one(dir_fd, "hostname", name, strlen(name), e)) < 0 || (r = etc_hosts(c, &hosts, e)) < 0 ||
	    (r = write_one(dir_fd, "hosts", buf_cstr(&hosts), hosts.len, e)) < 0 || (r = etc_resolv(c, &resolv, e)) < 0)
		return r;
	return write_one(dir_fd, "resolv.conf", buf_cstr(&resolv), resolv.len, e);
}

/* --- the time zone --- */

#define ZONES "usr/share/zoneinfo"
#define ZONE_MAX ((size_t)1 << 20)

/* A copy: what the host's zone becomes later is not the container's. */
int etc_write_zone(int dir_fd, const struct run_request *q, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(ZONE_MAX);
	auto_close int zones = -1, fd = -1;
	int r;

	if (!q->tz)
		return 0;
	if (streq(q->tz, "local"))
		r = file_open(AT_FDCWD, "/etc/localtime", O_RDONLY | O_NONBLOCK, 0, &fd, e);
	else if ((r = file_open(AT_FDCWD, "/" ZONES, O_PATH | O_DIRECTORY, 0, &zones, e)) >= 0)
		r = file_open_how(zones, q->tz, O_RDONLY | O_NONBLOCK, 0, FILE_BENEATH, &fd, e);
	if (r < 0)
		return dv_fail(e, DV_NOT_FOUND, "finding timezone %.100s: no such zone on this machine", q->tz);
	if ((r = fd_read_to(fd, &b, "time zone", e)) < 0)
		return r;
	if (b.len < 4 || memcmp(b.p, "TZif", 4) != 0)
		return dv_fail(e, DV_INVALID, "--tz %.100s is no time zone", q->tz);
	return write_one(dir_fd, "localtime", b.p, b.len, e);
}

static void add_mount(struct arena *a, const char *dir, const char *name, const char *destination, bool ro, struct json *mounts)
{
	const char *options[] = { "bind", "rprivate", ro ? "ro" : NULL, NULL };

	json_append(a, mounts,
		    json_obj(a, "destination", json_new_str(a, destination), "type", json_new_str(a, "bind"), "source",
			     json_new_str(a, arena_printf(a, "%s/%s", dir, name)), "options", json_new_strs(a, options), NULL));
}

void etc_mounts(struct arena *a, const char *dir, const struct run_request *q, struct json *mounts)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		add_mount(a, dir, files[i].name, files[i].destination, q->read_only, mounts);
	if (passwd_wanted(q)) {
		add_mount(a, dir, "passwd", "/etc/passwd", q->read_only, mounts);
		add_mount(a, dir, "group", "/etc/group", q->read_only, mounts);
	}
	if (q->tz)
		add_mount(a, dir, "localtime", "/etc/localtime", true, mounts);
}
