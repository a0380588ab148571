/* rdt.c - Intel RDT by the resctrl file system.
 *
 * A class named by closID may be shared and is never removed here unless this container made it; one
 * without a name belongs to the container and bears its id.
 */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/file.h"
#include "base/str.h"
#include "oci/rdt.h"

#define RESCTRL "/sys/fs/resctrl"
#ifndef RDTGROUP_SUPER_MAGIC
#define RDTGROUP_SUPER_MAGIC 0x7655821
#endif

static int open_root(int *ret_fd, struct dv_err *e)
{
	auto_close int fd = -1;
	struct statfs fs;

	if (file_open(AT_FDCWD, RESCTRL, O_RDONLY | O_DIRECTORY, 0, &fd, NULL) < 0 || fstatfs(fd, &fs) < 0 ||
	    fs.f_type != RDTGROUP_SUPER_MAGIC)
		return dv_fail(e, DV_UNSUPPORTED, "intelRdt: %s is not mounted (no resctrl)", RESCTRL);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int check_clos(const char *name, struct dv_err *e)
{
	if (!*name || strchr(name, '/') || streq(name, ".") || streq(name, ".."))
		return dv_fail(e, DV_INVALID, "linux.intelRdt.closID: \"%s\" is not a name", name);
	return 0;
}

/* One line each, as the kernel reads them. */
static int write_schemata(int dir, const struct spec_rdt *r, struct dv_err *e)
{
	const char *const lines[] = { r->l3, r->mem_bw };
	int err = 0;

	for (size_t i = 0; err >= 0 && i < ARRAY_LEN(lines); i++)
		if (lines[i] && *lines[i]) {
			auto_free char *text = mem_printf("%s\n", lines[i]);

			err = file_write(dir, "schemata", text, e);
		}
	for (const char **s = r->schemata; err >= 0 && s && *s; s++) {
		auto_free char *text = mem_printf("%s\n", *s);

		err = file_write(dir, "schemata", text, e);
	}
	return err < 0 ? dv_wrap(e, "intelRdt") : 0;
}

static int monitor(int dir, const char *id, const char *pid_text, struct dv_err *e)
{
	auto_free char *name = mem_printf("mon_groups/%s", id);
	auto_close int group = -1;
	int r;

	if (mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
		return dv_fail_errno(e, errno, "intelRdt: make %s", name);
	if ((r = file_open(dir, name, O_PATH | O_DIRECTORY, 0, &group, e)) < 0)
		return r;
	return file_write(group, "tasks", pid_text, e);
}

int rdt_apply(const struct spec_rdt *r, const char *id, pid_t pid, struct dv_err *e)
{
	const char *name = r->clos_id ? r->clos_id : id;
	bool has_schemata = (r->l3 && *r->l3) || (r->mem_bw && *r->mem_bw) || (r->schemata && r->schemata[0]);
	auto_close int root = -1, dir = -1;
	char pid_text[16];
	int err;

	(void)snprintf(pid_text, sizeof pid_text, "%d", (int)pid);
	if ((r->clos_id && (err = check_clos(name, e)) < 0) || (err = open_root(&root, e)) < 0)
		return err;
	if (mkdirat(root, name, 0755) < 0) {
		if (errno != EEXIST)
			return dv_fail_errno(e, errno, "intelRdt: make class %s", name);
	} else if (r->clos_id && !has_schemata) {
		(void)unlinkat(root, name, AT_REMOVEDIR);
		return dv_fail(e, DV_NOT_FOUND, "intelRdt: class %s does not exist and no schema is given", name);
	}
	if ((err = file_open(root, name, O_PATH | O_DIRECTORY, 0, &dir, e)) < 0 ||
	    (err = write_schemata(dir, r, e)) < 0 || (err = file_write(dir, "tasks", pid_text, e)) < 0)
		return err;
	return r->monitoring ? monitor(dir, id, pid_text, e) : 0;
}

void rdt_remove(const struct json *config, const char *id)
{
	const struct json *rdt = json_path(config, "linux.intelRdt");
	const char *clos = json_str(json_get(rdt, "closID"));
	auto_close int root = -1;

	if (!rdt || open_root(&root, NULL) < 0)
		return;
	if (clos && !strchr(clos, '/')) {
		auto_free char *name = mem_printf("%s/mon_groups/%s", clos, id);

		(void)unlinkat(root, name, AT_REMOVEDIR);
	} else if (!clos) {
		(void)unlinkat(root, id, AT_REMOVEDIR);
	}
}
