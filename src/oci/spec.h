/* spec.h - the OCI runtime configuration (config.json, runtime-spec 1.2 and the additions of 1.3) as views.
 *
 * One list of fields per object is struct and decoder at once. Sections that one module owns
 * (seccomp, resources, ...) stay JSON nodes and are decoded there. Everything points into the
 * tree or the arena that spec_load() was given.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "json/json.h"
#include "json/view.h"

#define SPEC_VERSION "1.3.0"

#define SPEC_ROOT_VIEW(F, c) \
	F(c, str,  path,     "path",     REQ, NULL) \
	F(c, bool, readonly, "readonly", 0,   NULL)

#define SPEC_ID_MAP_VIEW(F, c) \
	F(c, u32, container_id, "containerID", REQ, NULL) \
	F(c, u32, host_id,      "hostID",      REQ, NULL) \
	F(c, u32, size,         "size",        REQ, NULL)

#define SPEC_MOUNT_VIEW(F, c) \
	F(c, str,  destination, "destination", REQ, NULL) \
	F(c, str,  source,      "source",      0,   NULL) \
	F(c, str,  type,        "type",        0,   NULL) \
	F(c, strs, options,     "options",     0,   NULL) \
	F(c, list, uid_maps,    "uidMappings", 0,   &spec_id_map_schema) \
	F(c, list, gid_maps,    "gidMappings", 0,   &spec_id_map_schema)

#define SPEC_USER_VIEW(F, c) \
	F(c, u32,  uid,        "uid",            0, NULL) \
	F(c, u32,  gid,        "gid",            0, NULL) \
	F(c, u32,  umask,      "umask",          0, NULL) \
	F(c, node, extra_gids, "additionalGids", 0, NULL)

#define SPEC_CAPS_VIEW(F, c) \
	F(c, strs, bounding,    "bounding",    0, NULL) \
	F(c, strs, effective,   "effective",   0, NULL) \
	F(c, strs, inheritable, "inheritable", 0, NULL) \
	F(c, strs, permitted,   "permitted",   0, NULL) \
	F(c, strs, ambient,     "ambient",     0, NULL)

#define SPEC_RLIMIT_VIEW(F, c) \
	F(c, str, type, "type", REQ, NULL) \
	F(c, u64, soft, "soft", REQ, NULL) \
	F(c, u64, hard, "hard", REQ, NULL)

#define SPEC_SCHEDULER_VIEW(F, c) \
	F(c, str,  policy,   "policy",   REQ, NULL) \
	F(c, i64,  nice,     "nice",     0,   NULL) \
	F(c, i64,  priority, "priority", 0,   NULL) \
	F(c, strs, flags,    "flags",    0,   NULL) \
	F(c, u64,  runtime,  "runtime",  0,   NULL) \
	F(c, u64,  deadline, "deadline", 0,   NULL) \
	F(c, u64,  period,   "period",   0,   NULL)

#define SPEC_IO_PRIORITY_VIEW(F, c) \
	F(c, str, class,    "class",    REQ, NULL) \
	F(c, i64, priority, "priority", 0,   NULL)

#define SPEC_AFFINITY_VIEW(F, c) \
	F(c, str, initial, "initial", 0, NULL) \
	F(c, str, final,   "final",   0, NULL)

#define SPEC_PROCESS_VIEW(F, c) \
	F(c, bool, terminal,        "terminal",           0,   NULL) \
	F(c, u32,  console_height,  "consoleSize.height", 0,   NULL) \
	F(c, u32,  console_width,   "consoleSize.width",  0,   NULL) \
	F(c, sub,  user,            "user",               0,   &spec_user_schema) \
	F(c, strs, args,            "args",               0,   NULL) \
	F(c, strs, env,             "env",                0,   NULL) \
	F(c, str,  cwd,             "cwd",                REQ, NULL) \
	F(c, sub,  caps,            "capabilities",       0,   &spec_caps_schema) \
	F(c, list, rlimits,         "rlimits",            0,   &spec_rlimit_schema) \
	F(c, bool, no_new_privs,    "noNewPrivileges",    0,   NULL) \
	F(c, str,  apparmor,        "apparmorProfile",    0,   NULL) \
	F(c, str,  selinux,         "selinuxLabel",       0,   NULL) \
	F(c, i64,  oom_score_adj,   "oomScoreAdj",        0,   NULL) \
	F(c, sub,  scheduler,       "scheduler",          0,   &spec_scheduler_schema) \
	F(c, sub,  io_priority,     "ioPriority",         0,   &spec_io_priority_schema) \
	F(c, sub,  exec_affinity,   "execCPUAffinity",    0,   &spec_affinity_schema)

#define SPEC_HOOK_VIEW(F, c) \
	F(c, str,  path,    "path",    REQ, NULL) \
	F(c, strs, args,    "args",    0,   NULL) \
	F(c, strs, env,     "env",     0,   NULL) \
	F(c, i64,  timeout, "timeout", 0,   NULL)

#define SPEC_HOOKS_VIEW(F, c) \
	F(c, list, prestart,         "prestart",        0, &spec_hook_schema) \
	F(c, list, create_runtime,   "createRuntime",   0, &spec_hook_schema) \
	F(c, list, create_container, "createContainer", 0, &spec_hook_schema) \
	F(c, list, start_container,  "startContainer",  0, &spec_hook_schema) \
	F(c, list, poststart,        "poststart",       0, &spec_hook_schema) \
	F(c, list, poststop,         "poststop",        0, &spec_hook_schema)

#define SPEC_NAMESPACE_VIEW(F, c) \
	F(c, str, type, "type", REQ, NULL) \
	F(c, str, path, "path", 0,   NULL)

#define SPEC_DEVICE_VIEW(F, c) \
	F(c, str, type,  "type",     REQ, NULL) \
	F(c, str, path,  "path",     REQ, NULL) \
	F(c, i64, major, "major",    0,   NULL) \
	F(c, i64, minor, "minor",    0,   NULL) \
	F(c, u32, mode,  "fileMode", 0,   NULL) \
	F(c, u32, uid,   "uid",      0,   NULL) \
	F(c, u32, gid,   "gid",      0,   NULL)

#define SPEC_PERSONALITY_VIEW(F, c) \
	F(c, str,  domain, "domain", REQ, NULL) \
	F(c, strs, flags,  "flags",  0,   NULL)

#define SPEC_MEMORY_POLICY_VIEW(F, c) \
	F(c, str,  mode,  "mode",  REQ, NULL) \
	F(c, str,  nodes, "nodes", 0,   NULL) \
	F(c, strs, flags, "flags", 0,   NULL)

#define SPEC_RDT_VIEW(F, c) \
	F(c, str,  clos_id,    "closID",           0, NULL) \
	F(c, str,  l3,         "l3CacheSchema",    0, NULL) \
	F(c, str,  mem_bw,     "memBwSchema",      0, NULL) \
	F(c, strs, schemata,   "schemata",         0, NULL) \
	F(c, bool, monitoring, "enableMonitoring", 0, NULL)

#define SPEC_LINUX_VIEW(F, c) \
	F(c, list, uid_maps,       "uidMappings",       0, &spec_id_map_schema) \
	F(c, list, gid_maps,       "gidMappings",       0, &spec_id_map_schema) \
	F(c, map,  sysctl,         "sysctl",            0, NULL) \
	F(c, node, resources,      "resources",         0, NULL) \
	F(c, str,  cgroups_path,   "cgroupsPath",       0, NULL) \
	F(c, list, namespaces,     "namespaces",        0, &spec_namespace_schema) \
	F(c, list, devices,        "devices",           0, &spec_device_schema) \
	F(c, node, seccomp,        "seccomp",           0, NULL) \
	F(c, str,  propagation,    "rootfsPropagation", 0, NULL) \
	F(c, strs, masked_paths,   "maskedPaths",       0, NULL) \
	F(c, strs, readonly_paths, "readonlyPaths",     0, NULL) \
	F(c, str,  mount_label,    "mountLabel",        0, NULL) \
	F(c, sub,  rdt,            "intelRdt",          0, &spec_rdt_schema) \
	F(c, sub,  personality,    "personality",       0, &spec_personality_schema) \
	F(c, node, time_offsets,   "timeOffsets",       0, NULL) \
	F(c, node, net_devices,    "netDevices",        0, NULL) \
	F(c, sub,  memory_policy,  "memoryPolicy",      0, &spec_memory_policy_schema)

#define SPEC_VIEW(F, c) \
	F(c, str,  version,     "ociVersion",  REQ, NULL) \
	F(c, sub,  root,        "root",        REQ, &spec_root_schema) \
	F(c, sub,  process,     "process",     0,   &spec_process_schema) \
	F(c, str,  hostname,    "hostname",    0,   NULL) \
	F(c, str,  domainname,  "domainname",  0,   NULL) \
	F(c, list, mounts,      "mounts",      0,   &spec_mount_schema) \
	F(c, sub,  hooks,       "hooks",       0,   &spec_hooks_schema) \
	F(c, map,  annotations, "annotations", 0,   NULL) \
	F(c, sub,  linux_,      "linux",       0,   &spec_linux_schema)

DV_VIEW_STRUCT(spec_root, SPEC_ROOT_VIEW);
DV_VIEW_STRUCT(spec_id_map, SPEC_ID_MAP_VIEW);
DV_VIEW_STRUCT(spec_mount, SPEC_MOUNT_VIEW);
DV_VIEW_STRUCT(spec_user, SPEC_USER_VIEW);
DV_VIEW_STRUCT(spec_caps, SPEC_CAPS_VIEW);
DV_VIEW_STRUCT(spec_rlimit, SPEC_RLIMIT_VIEW);
DV_VIEW_STRUCT(spec_scheduler, SPEC_SCHEDULER_VIEW);
DV_VIEW_STRUCT(spec_io_priority, SPEC_IO_PRIORITY_VIEW);
DV_VIEW_STRUCT(spec_affinity, SPEC_AFFINITY_VIEW);
DV_VIEW_STRUCT(spec_process, SPEC_PROCESS_VIEW);
DV_VIEW_STRUCT(spec_hook, SPEC_HOOK_VIEW);
DV_VIEW_STRUCT(spec_hooks, SPEC_HOOKS_VIEW);
DV_VIEW_STRUCT(spec_namespace, SPEC_NAMESPACE_VIEW);
DV_VIEW_STRUCT(spec_device, SPEC_DEVICE_VIEW);
DV_VIEW_STRUCT(spec_personality, SPEC_PERSONALITY_VIEW);
DV_VIEW_STRUCT(spec_memory_policy, SPEC_MEMORY_POLICY_VIEW);
DV_VIEW_STRUCT(spec_rdt, SPEC_RDT_VIEW);
DV_VIEW_STRUCT(spec_linux, SPEC_LINUX_VIEW);
DV_VIEW_STRUCT(spec, SPEC_VIEW);

/* Decode and validate a whole configuration: versions, absolute paths, namespaces named once,
 * features that contradict each other. INVALID names the field by its JSON path. The `linux`
 * object is never NULL afterwards. */
int spec_decode(struct arena *a, const struct json *config, struct spec *ret, struct dv_err *e) DV_MUST_USE;

/* Decode and validate a process object alone (exec --process FILE). */
int spec_process_decode(struct arena *a, const struct json *j, struct spec_process *ret, struct dv_err *e) DV_MUST_USE;

/* The value of NAME in an environment, or NULL. */
/* Has it a component ".."? */
bool spec_path_climbs(const char *path);
const char *spec_env_get(const char *const *env, const char *name);

/* What `spec` prints: a configuration that runs a shell; for rootless users without cgroup
 * and network privileges, mapped to uid and gid. */
struct json *spec_default(struct arena *a, bool rootless, uid_t uid, gid_t gid);
