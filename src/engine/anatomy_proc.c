/* anatomy_proc.c - the blocks that /proc/PID has. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/anatomy.h"
#include "oci/caps.h"

#define PROC_FILE_MAX ((size_t)8 << 20)

/* --- namespaces --- */

static const struct {
	const char *file, *what;
} namespace_kinds[] = {
	{ "pid", "its own numbering of processes" },   { "mnt", "its own tree of mounts" },
	{ "net", "its own interfaces and ports" },     { "uts", "its own host name" },
	{ "ipc", "its own shared memory and queues" }, { "cgroup", "its cgroup looks like the root" },
	{ "user", "its own user ids" },                { "time", "its own clock offsets" },
};

int anatomy_namespaces(struct arena *a, int proc_dir, struct json **ret, struct dv_err *e)
{
	struct json *list = json_new_array(a);

	for (size_t i = 0; i < ARRAY_LEN(namespace_kinds); i++) {
		const char *name = namespace_kinds[i].file;
		struct stat theirs, ours;

		if (fstatat(AT_FDCWD, arena_printf(a, "/proc/self/ns/%s", name), &ours, 0) < 0)
			continue;       /* this kernel has none of the kind */
		if (fstatat(proc_dir, arena_printf(a, "ns/%s", name), &theirs, 0) < 0)
			return dv_fail_errno(e, errno, "namespace %s of the container", name);
		json_append(a, list,
			    json_obj(a, "Type", json_new_str(a, name), "Inode", json_new_u64(a, theirs.st_ino), "HostInode",
				     json_new_u64(a, ours.st_ino), "SameAsHost", json_new_bool(a, theirs.st_ino == ours.st_ino),
				     "Meaning", json_new_str(a, namespace_kinds[i].what), NULL));
	}
	*ret = list;
	return 0;
}

/* --- status: ids, capabilities, seccomp --- */

static const char *status_value(struct arena *a, const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = text; p && *p; p = (p = strchr(p, '\n')) ? p + 1 : NULL)
		if (strncmp(p, key, n) == 0 && p[n] == ':') {
			p += n + 1 + strspn(p + n + 1, " \t");
			return arena_strn(a, p, strcspn(p, "\n"));
		}
	return NULL;
}

static bool parse_hex(const char *text, uint64_t *ret)
{
	uint64_t v = 0;

	for (; text && *text; text++) {
		const char *digits = "0123456789abcdef", *d = strchr(digits, *text);

		if (!d || v >> 60)
			return false;
		v = v << 4 | (uint64_t)(d - digits);
	}
	*ret = v;
	return text != NULL;
}

static struct json *cap_names(struct arena *a, const char *hex)
{
	struct json *list = json_new_array(a);
	uint64_t bits;

	if (!parse_hex(hex, &bits))
		return json_null(a);
	for (int i = 0; i < 64; i++)
		if (bits & CAP_BIT(i))
			json_append(a, list, json_new_str(a, cap_name(i) ? cap_name(i) : arena_printf(a, "%d", i)));
	return list;
}

static struct json *number(struct arena *a, const char *text)
{
	uint64_t n;

	return text && str_u64(text, UINT64_MAX, "value", &n, NULL) >= 0 ? json_new_u64(a, n) : json_null(a);
}

static struct json *first_number(struct arena *a, const char *text)
{
	return text ? number(a, arena_strn(a, text, strcspn(text, "\t "))) : json_null(a);
}

int anatomy_status(struct arena *a, int proc_dir, struct json *ret, struct dv_err *e)
{
	static const char *const sets[][2] = { { "Effective", "CapEff" }, { "Permitted", "CapPrm" },
					       { "Inheritable", "CapInh" }, { "Bounding", "CapBnd" },
					       { "Ambient", "CapAmb" } };
	static const char *const modes[] = { "off", "strict", "filter" };
	auto_buf struct buf b = BUF_INIT(1 << 16);
	struct json *caps = json_new_object(a);
	const char *text, *mode;
	int r = file_read(proc_dir, "status", &b, e);

	if (r < 0)
		return r;
	text = buf_cstr(&b);
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		json_set(a, caps, sets[i][0], cap_names(a, status_value(a, text, sets[i][1])));
	mode = status_value(a, text, "Seccomp");
	json_set(a, ret, "Process",
		 json_obj(a, "Command", json_new_str(a, status_value(a, text, "Name")), "Uid",
			  first_number(a, status_value(a, text, "Uid")), "Gid", first_number(a, status_value(a, text, "Gid")),
			  "NoNewPrivs", json_new_bool(a, streq(status_value(a, text, "NoNewPrivs") ?: "0", "1")), NULL));
	json_set(a, ret, "Capabilities", caps);
	json_set(a, ret, "Seccomp",
		 json_obj(a, "Mode", json_new_str(a, mode && *mode >= '0' && *mode <= '2' ? modes[*mode - '0'] : "unknown"),
			  "Filters", number(a, status_value(a, text, "Seccomp_filters")), NULL));
	return 0;
}

/* --- id maps --- */

static int read_map(struct arena *a, int proc_dir, const char *file, struct json **ret, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);
	struct json *list = json_new_array(a);
	int r = file_read(proc_dir, file, &b, e);
	struct scan s = scan_of(buf_cstr(&b), b.len);

	while (r >= 0 && s.p < s.end) {
		uint64_t v[3];

		for (size_t i = 0; i < 3; i++) {
			scan_blanks(&s);
			if (!scan_u64(&s, &v[i]))
				return dv_fail(e, DV_INTERNAL, "%s: not as expected", file);
		}
		(void)scan_char(&s, '\n');
		json_append(a, list, json_obj(a, "Inside", json_new_u64(a, v[0]), "Outside", json_new_u64(a, v[1]), "Count",
					      json_new_u64(a, v[2]), NULL));
	}
	*ret = list;
	return r;
}

int anatomy_maps(struct arena *a, int proc_dir, struct json *ret, struct dv_err *e)
{
	struct json *uids, *gids;
	int r;

	if ((r = read_map(a, proc_dir, "uid_map", &uids, e)) < 0 || (r = read_map(a, proc_dir, "gid_map", &gids, e)) < 0)
		return r;
	json_set(a, ret, "UidMap", uids);
	json_set(a, ret, "GidMap", gids);
	return 0;
}

/* --- mounts --- */

/* Blanks, newlines and backslashes of names are written as \ooo. */
static const char *unescape(struct arena *a, const char *s)
{
	char *out = arena_str(a, s), *w = out;

	for (const char *p = out; *p; w++) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' && p[3] >= '0' && p[3] <= '7') {
			*w = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 4;
		} else {
			*w = *p++;
		}
	}
	*w = '\0';
	return out;
}

/* 36 35 98:0 /root /target options [fields...] - type source super-options */
struct json *anatomy_mount_line(struct arena *a, const char *line)
{
	size_t n, dash = 6;
	char **f = str_split(a, line, ' ', &n);

	while (dash < n && !streq(f[dash], "-"))
		dash++;
	if (n < 7 || dash + 3 > n - 1)
		return NULL;
	return json_obj(a, "Target", json_new_str(a, unescape(a, f[4])), "Type", json_new_str(a, f[dash + 1]), "Source",
			json_new_str(a, unescape(a, f[dash + 2])), "Root", json_new_str(a, unescape(a, f[3])), "Options",
			json_new_str(a, f[5]), "FilesystemOptions", json_new_str(a, unescape(a, f[dash + 3])), NULL);
}

int anatomy_mounts(struct arena *a, int proc_dir, struct json **ret, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(PROC_FILE_MAX);
	struct json *list = json_new_array(a);
	int r = file_read(proc_dir, "mountinfo", &b, e);
	struct scan s = scan_of(buf_cstr(&b), b.len);
	const char *line;
	size_t len;

	while (r >= 0 && scan_until(&s, '\n', &line, &len)) {
		struct json *m = anatomy_mount_line(a, arena_strn(a, line, len));

		if (m)
			json_append(a, list, m);
	}
	*ret = list;
	return r;
}

/* --- rlimits --- */

/* The name has blanks in it: the columns stand at the places of the heading's. */
int anatomy_limits(struct arena *a, int proc_dir, struct json **ret, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(1 << 16);
	struct json *list = json_new_array(a);
	int r = file_read(proc_dir, "limits", &b, e);
	struct scan s = scan_of(buf_cstr(&b), b.len);
	const char *line, *head = strstr(buf_cstr(&b), "Soft Limit");
	size_t len, soft = head ? (size_t)(head - buf_cstr(&b)) : 0, n;

	if (r < 0 || !head)
		return r < 0 ? r : dv_fail(e, DV_INTERNAL, "limits: not as expected");
	(void)scan_until(&s, '\n', &line, &len);
	while (scan_until(&s, '\n', &line, &len)) {
		char *name, **v;

		if (len <= soft)
			continue;
		name = arena_strn(a, line, soft);
		for (size_t k = soft; k > 0 && name[k - 1] == ' ';)
			name[--k] = '\0';
		v = str_split(a, arena_strn(a, line + soft, len - soft), ' ', &n);
		const char *got[2] = { "", "" };
		for (size_t i = 0, k = 0; i < n && k < 2; i++)
			if (*v[i])
				got[k++] = v[i];
		json_append(a, list, json_obj(a, "Name", json_new_str(a, name), "Soft", json_new_str(a, got[0]), "Hard",
					      json_new_str(a, got[1]), NULL));
	}
	*ret = list;
	return 0;
}
