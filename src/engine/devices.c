/* devices.c - --device PATH[:TO][:rwm] and --device-cgroup-rule. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/security.h"

#define DEVICES_MAX 1000

struct device {
	const char *path, *to, *access;
};

static bool is_access(const char *text)
{
	return *text && str_only(text, "rwm") && strlen(text) <= 3;
}

/* docker's rules for two words: "/dev/a:rw" are rights, "/dev/a:/dev/b" is a place. */
static int parse(struct arena *a, const char *text, struct device *ret, struct dv_err *e)
{
	size_t n;
	char **part = str_split(a, text, ':', &n);
	struct device d = { .path = part[0], .to = part[0], .access = "rwm" };

	if (n == 0 || n > 3 || *d.path != '/') {
		if (strchr(text, '='))
			return dv_fail(e, DV_UNSUPPORTED, "--device %.100s: devices by the names of a vendor (CDI) are not supported",
				       text);
		return dv_fail(e, DV_INVALID, "invalid device specification: %.100s", text);
	}
	if (n == 2 && is_access(part[1]))
		d.access = part[1];
	else if (n >= 2)
		d.to = part[1];
	if (n == 3)
		d.access = part[2];
	if (!is_access(d.access))
		return dv_fail(e, DV_INVALID, "invalid device mode: %.20s", d.access);
	if (*d.to != '/')
		return dv_fail(e, DV_INVALID, "%.100s is not an absolute path", d.to);
	*ret = d;
	return 0;
}

static void rule(struct arena *a, struct json *rules, const char *type, struct json *major_, struct json *minor_,
		 const char *access)
{
	json_append(a, rules, json_obj(a, "allow", json_new_bool(a, true), "type", json_new_str(a, type), "major", major_,
				       "minor", minor_, "access", json_new_str(a, access), NULL));
}

static void add_node(struct arena *a, const char *to, const char *access, const struct stat *st, struct json *devices,
		     struct json *rules)
{
	const char *type = S_ISBLK(st->st_mode) ? "b" : "c";

	json_append(a, devices,
		    json_obj(a, "path", json_new_str(a, to), "type", json_new_str(a, type), "major",
			     json_new_u64(a, major(st->st_rdev)), "minor", json_new_u64(a, minor(st->st_rdev)), "fileMode",
			     json_new_u64(a, st->st_mode & 07777), "uid", json_new_u64(a, st->st_uid), "gid",
			     json_new_u64(a, st->st_gid), NULL));
	rule(a, rules, type, json_new_u64(a, major(st->st_rdev)), json_new_u64(a, minor(st->st_rdev)), access);
}

/* The devices in a directory, as docker takes them. */
static int add_directory(struct arena *a, const struct device *d, struct json *devices, struct json *rules, struct dv_err *e)
{
	struct dirent *de;
	struct stat st;
	int fd, r = file_open(AT_FDCWD, d->path, O_RDONLY | O_DIRECTORY, 0, &fd, e);
	DIR *dir;

	if (r < 0)
		return dv_wrap(e, "--device");
	dir = fdopendir(fd);
	if (!dir) {
		fd_close(&fd);
		return dv_fail_errno(e, ENOMEM, "--device %.100s", d->path);
	}
	while ((de = readdir(dir)) && json_len(devices) < DEVICES_MAX)
		if (fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
			add_node(a, arena_printf(a, "%s/%s", d->to, de->d_name), d->access, &st, devices, rules);
	(void)closedir(dir);
	return 0;
}

static int add(struct arena *a, const char *text, struct json *devices, struct json *rules, struct dv_err *e)
{
	struct device d;
	struct stat st;
	int r = parse(a, text, &d, e);

	if (r < 0)
		return r;
	if (json_len(devices) >= DEVICES_MAX)
		return dv_fail(e, DV_LIMIT, "more than %d devices", DEVICES_MAX);
	if (stat(d.path, &st) < 0)
		return dv_fail_errno(e, errno, "error gathering device information while adding custom device \"%.100s\"", d.path);
	if (S_ISDIR(st.st_mode))
		return add_directory(a, &d, devices, rules, e);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return dv_fail(e, DV_INVALID, "error gathering device information while adding custom device \"%.100s\": not a "
					      "device node", d.path);
	add_node(a, d.to, d.access, &st, devices, rules);
	return 0;
}

/* "c 1:3 rwm", "b *:* r", "a *:* rwm": number or * */
static bool number(struct arena *a, struct scan *s, struct json **ret)
{
	uint64_t n;

	*ret = NULL;
	if (scan_char(s, '*'))
		return true;
	if (!scan_u64(s, &n))
		return false;
	*ret = json_new_u64(a, n);
	return true;
}

static int add_rule(struct arena *a, const char *text, struct json *rules, struct dv_err *e)
{
	struct scan s = scan_of(text, strlen(text));
	struct json *major_, *minor_;
	char type[2] = { *text ? *s.p++ : '\0', '\0' };

	if (!strchr("abc", *type) || !*type || !scan_char(&s, ' ') || !number(a, &s, &major_) || !scan_char(&s, ':') ||
	    !number(a, &s, &minor_) || !scan_char(&s, ' ') || !is_access(s.p))
		return dv_fail(e, DV_INVALID, "invalid device cgroup format '%.100s'", text);
	rule(a, rules, type, major_, minor_, s.p);
	return 0;
}

int devices_parse(struct arena *a, const struct run_request *q, struct json *devices, struct json *rules, struct dv_err *e)
{
	int r = 0;

	for (const char *const *d = q->devices; r >= 0 && d && *d; d++)
		r = add(a, *d, devices, rules, e);
	for (const char *const *d = q->device_cgroup_rules; r >= 0 && d && *d; d++)
		r = add_rule(a, *d, rules, e);
	return r < 0 ? r : 0;
}

struct json *devices_inspect(struct arena *a, const struct run_request *q)
{
	struct json *list = json_new_array(a);
	struct device d;

	for (const char *const *t = q->devices; t && *t; t++)
		if (parse(a, *t, &d, NULL) == 0)
			json_append(a, list, json_obj(a, "PathOnHost", json_new_str(a, d.path), "PathInContainer",
						      json_new_str(a, d.to), "CgroupPermissions", json_new_str(a, d.access), NULL));
	return list;
}
