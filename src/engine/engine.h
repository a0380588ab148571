/* engine.h - an open engine: the image store, its database, and the run directory of this boot.
 *
 *	ROOT/containers/ID/         upper and work directory of the container's overlay, its log
 *	ROOT/volumes/NAME/_data/    the files of a volume
 *	ROOT/secrets/ID             the content of a secret
 *	RUNROOT/containers/ID/      its /etc/hosts, hostname and resolv.conf; locked (flock) while it is being changed
 *	RUNROOT/oci/ID/             the runtime's state (oci/state.h)
 *	RUNROOT/netd/names/         names and ports of containers in networks, for davit-netd
 *	cgroup davit/ID             in every hierarchy
 *
 *	RUNROOT/pods/ID/            what a pod that is up has in common (engine/pod.h); locked likewise
 *
 * Order of locks: pod, container, volume, image, network, database.
 */
#pragma once

#include "base/proc.h"
#include "image/image.h"

#define ENGINE_ROOT_DEFAULT "/var/lib/davit"
#define ENGINE_RUNROOT_DEFAULT "/run/davit"

struct engine;

/* Both directories are made when missing; the engine's tables are migrated. */
int engine_open(const char *root, const char *runroot, struct engine **ret, struct dv_err *e) DV_MUST_USE;
void engine_close(struct engine *g);
static inline void engine_auto_close(struct engine **g) { engine_close(*g); }
#define auto_engine __attribute__((cleanup(engine_auto_close)))

struct image_store *engine_images(const struct engine *g);
struct db *engine_db(const struct engine *g);
int engine_rootfd(const struct engine *g);
/* Ours is the first command since the run directory was emptied: the machine was restarted. */
bool engine_fresh(const struct engine *g);
int engine_runfd(const struct engine *g);
const char *engine_root(const struct engine *g);        /* absolute */
const char *engine_runroot(const struct engine *g);     /* absolute */
const char *engine_oci_root(const struct engine *g);    /* RUNROOT/oci */
const char *engine_boot(const struct engine *g);        /* this boot's id */
const struct proc_id *engine_self(const struct engine *g);

/* Runs this program again from a place that no container can write to (oci/self.h): before anything else in
 * a command that starts containers. */
int engine_protect(struct dv_err *e) DV_MUST_USE;
