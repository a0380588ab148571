/* mount_idmap.c - idmapped mounts: a user namespace that exists only to carry the maps. */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "oci/mount.h"
#include "oci/ns.h"
#include "oci/sys.h"

/* The child only has to exist until its namespace is open; the parent's death ends it. */
static int idmap_child(int gate, pid_t *ret_pid, struct dv_err *e)
{
	long pid = sys_clone3(CLONE_NEWUSER, -1, NULL);

	if (pid < 0)
		return dv_fail_errno(e, errno, "make the user namespace of an idmapped mount");
	if (pid == 0) {
		char c;

		(void)!read(gate, &c, 1);
		_exit(0);
	}
	*ret_pid = (pid_t)pid;
	return 0;
}

int mount_idmap_ns(const struct view_list *uid_maps, const struct view_list *gid_maps, int *ret_fd, struct dv_err *e)
{
	struct spec_linux l = { .uid_maps = *uid_maps, .gid_maps = *gid_maps };
	int gate[2], r, status;
	char name[48];
	pid_t pid = 0;

	r = fd_pipe(gate, e);
	if (r < 0)
		return r;
	r = idmap_child(gate[0], &pid, e);
	if (r >= 0) {
		r = ns_write_maps(pid, &l, e);
		if (r >= 0) {
			(void)snprintf(name, sizeof name, "/proc/%d/ns/user", (int)pid);
			r = file_open(AT_FDCWD, name, O_RDONLY, 0, ret_fd, e);
		}
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, &status, 0);
	}
	fd_close(&gate[0]);
	fd_close(&gate[1]);
	return r;
}

static int parse_triple(struct scan *s, struct spec_id_map *m)
{
	struct opt_u32 *const fields[] = { &m->container_id, &m->host_id, &m->size };

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		uint64_t v;

		if ((i && !scan_char(s, '-')) || !scan_u64(s, &v) || v > UINT32_MAX)
			return -1;
		*fields[i] = (struct opt_u32){ true, (uint32_t)v };
	}
	return 0;
}

static int parse_list(struct arena *a, const char *text, size_t len, struct view_list *ret)
{
	struct scan s = scan_of(text, len);
	size_t max = 1;
	struct spec_id_map *maps;

	for (size_t i = 0; i < len; i++)
		max += text[i] == '#';
	maps = arena_array(a, struct spec_id_map, max);
	*ret = (struct view_list){ .items = maps };
	do {
		if (parse_triple(&s, &maps[ret->n++]) < 0)
			return -1;
	} while (scan_char(&s, '#'));
	return s.p == s.end ? 0 : -1;
}

int mount_idmap_parse(struct arena *a, const char *text, struct view_list *ret_uids, struct view_list *ret_gids,
		      struct dv_err *e)
{
	struct scan s = scan_of(text, strlen(text));
	struct view_list uids = { 0 }, gids = { 0 };
	const char *part;
	size_t len;
	bool good = true;

	while (good && scan_until(&s, ';', &part, &len)) {
		if (len > 5 && memcmp(part, "uids=", 5) == 0)
			good = parse_list(a, part + 5, len - 5, &uids) == 0;
		else if (len > 5 && memcmp(part, "gids=", 5) == 0)
			good = parse_list(a, part + 5, len - 5, &gids) == 0;
		else
			good = false;
	}
	if (!good || !uids.n || !gids.n)
		return dv_fail(e, DV_INVALID,
			       "idmap \"%s\" is not uids=CONTAINER-HOST-SIZE[#...];gids=CONTAINER-HOST-SIZE[#...]",
			       text);
	*ret_uids = uids;
	*ret_gids = gids;
	return 0;
}
