/* volume_driver.c - options of the driver `local`: type, device and o, as mount(8) has them.
 *
 * A bind (type none, o=bind) is done by the runtime, for each container. Anything else is mounted on
 * _data while somebody uses the volume, so that containers share it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/volume_parts.h"
#include "oci/mount.h"

static const char *get(const struct json *options, const char *key)
{
	const char *s = json_str(json_get(options, key));

	return s ? s : "";
}

static bool has_word(const char *list, const char *word)
{
	struct scan s = scan_of(list, strlen(list));
	const char *w;
	size_t len;

	while (scan_until(&s, ',', &w, &len))
		if (len == strlen(word) && memcmp(w, word, len) == 0)
			return true;
	return false;
}

static bool is_bind(const struct json *options)
{
	return has_word(get(options, "o"), "bind") || has_word(get(options, "o"), "rbind");
}

int volume_check_options(const struct json *options, struct dv_err *e)
{
	static const char *const known[] = { "type", "device", "o", "size", "uid", "gid" };
	static const char *const remote[] = { "nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "9p" };
	const char *type = get(options, "type");

	for (JSON_EACH(it, options)) {
		size_t i = 0;

		while (i < ARRAY_LEN(known) && !streq(known[i], json_iter_key(it)))
			i++;
		if (i == ARRAY_LEN(known))
			return dv_fail(e, DV_INVALID, "invalid option: \"%.64s\"", json_iter_key(it));
	}
	for (size_t i = 0; i < ARRAY_LEN(remote); i++)
		if (streq(type, remote[i]))
			return dv_fail(e, DV_UNSUPPORTED, "volumes of type %s are not supported: mount it on the host and use a bind",
				       type);
	if (!json_len(options) || streq(type, "tmpfs"))
		return 0;
	if (*get(options, "device") && !*type && !is_bind(options))
		return dv_fail(e, DV_INVALID, "missing required option: \"type\"");
	if (*type && !*get(options, "device"))
		return dv_fail(e, DV_INVALID, "missing required option: \"device\"");
	if (is_bind(options) && *get(options, "device") != '/')
		return dv_fail(e, DV_INVALID, "the device of a bind must be an absolute path: %.200s", get(options, "device"));
	return 0;
}

/* --- mount --- */

static bool is_mounted(int dir)
{
	struct statx top, data;

	return statx(dir, "", AT_EMPTY_PATH, STATX_MNT_ID, &top) == 0 &&
	       statx(dir, "_data", AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &data) == 0 && top.stx_mnt_id != data.stx_mnt_id;
}

static const char *const *words(struct arena *a, const struct json *options)
{
	size_t n;
	char **v = str_split(a, get(options, "o"), ',', &n);
	const char **out = arena_array(a, const char *, n + 4);

	for (size_t i = 0; i < n; i++)
		out[i] = v[i];
	for (size_t i = 0; i < 3; i++) {
		const char *key = (const char *const[]){ "size", "uid", "gid" }[i];

		if (*get(options, key))
			out[n++] = arena_printf(a, "%s=%s", key, get(options, key));
	}
	return out;
}

static int mount_on(const struct volume *v, int dir, struct dv_err *e)
{
	auto_arena struct arena a = { 0 };
	auto_close int fd = -1, target = -1;
	struct mount_opts o;
	int r;

	arena_init(&a, 0);
	if ((r = mount_opts_parse(words(&a, v->options), &o, e)) < 0)
		return r;
	o.data[o.n_data] = NULL;
	if ((r = mount_fresh(get(v->options, "type"), get(v->options, "device"), o.data, o.attr_set, &fd, e)) < 0 ||
	    (r = file_open(dir, "_data", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &target, e)) < 0)
		return r;
	return mount_attach(fd, target, v->name, e);
}

int volume_driver_mount(struct engine *g, const struct volume *v, int dir, const char **ret_bind, struct dv_err *e)
{
	int r;

	*ret_bind = NULL;
	if (!*get(v->options, "type") && !is_bind(v->options))
		return 0;
	if (is_bind(v->options)) {
		*ret_bind = get(v->options, "device");
		return 0;
	}
	r = is_mounted(dir) ? 0 : mount_on(v, dir, e);
	return r < 0 ? dv_wrap(e, "volume %s", v->name) : 0;
}

void volume_driver_unmount(int dir)
{
	auto_close int data = -1;
	char target[32];

	if (!is_mounted(dir) || file_open(dir, "_data", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &data, NULL) < 0)
		return;
	(void)snprintf(target, sizeof target, "/proc/self/fd/%d", data);
	(void)umount2(target, MNT_DETACH);
}
