/* features.c - features: what this runtime knows, as runtime-spec "features" JSON, from the same tables. */
#include "oci/attrs.h"
#include "oci/caps.h"
#include "oci/mount.h"
#include "oci/ns.h"
#include "oci/seccomp.h"
#include "oci/spec.h"
#include "ocicli/ocicli.h"

static struct json *yes(struct arena *a)
{
	return json_obj(a, "enabled", json_new_bool(a, true), NULL);
}

static struct json *hooks(struct arena *a)
{
	static const char *const names[] = { "prestart", "createRuntime", "createContainer", "startContainer", "poststart",
					     "poststop", NULL };

	return json_new_strs(a, names);
}

static struct json *namespaces(struct arena *a)
{
	struct json *list = json_new_array(a);

	for (int i = 0; i < NS_COUNT; i++)
		json_append(a, list, json_new_str(a, ns_types[i].spec_name));
	return list;
}

static struct json *capabilities(struct arena *a)
{
	struct json *list = json_new_array(a);

	for (int i = 0; cap_name(i); i++)
		json_append(a, list, json_new_str(a, cap_name(i)));
	return list;
}

static struct json *cgroup(struct arena *a)
{
	return json_obj(a, "v1", json_new_bool(a, true), "v2", json_new_bool(a, true), "systemd",
			json_new_bool(a, false), "systemdUser", json_new_bool(a, false), "rdma",
			json_new_bool(a, true), NULL);
}

static struct json *seccomp(struct arena *a)
{
	return json_obj(a, "enabled", json_new_bool(a, true), "actions",
			json_new_strs(a, seccomp_names(a, SECCOMP_NAMES_ACTIONS)), "operators",
			json_new_strs(a, seccomp_names(a, SECCOMP_NAMES_OPERATORS)), "archs", json_new_strs(a, seccomp_names(a, SECCOMP_NAMES_ARCHS)),
			"knownFlags", json_new_strs(a, seccomp_names(a, SECCOMP_NAMES_FLAGS)), "supportedFlags",
			json_new_strs(a, seccomp_names(a, SECCOMP_NAMES_FLAGS)), NULL);
}

static struct json *linux_features(struct arena *a)
{
	return json_obj(a, "namespaces", namespaces(a), "capabilities", capabilities(a), "cgroup", cgroup(a), "seccomp",
			seccomp(a), "apparmor", yes(a), "selinux", yes(a), "intelRdt",
			json_obj(a, "enabled", json_new_bool(a, true), "schemata", json_new_bool(a, true), "monitoring",
				 json_new_bool(a, true), NULL),
			"memoryPolicy",
			json_obj(a, "modes", json_new_strs(a, attrs_memory_policy_modes), "flags",
				 json_new_strs(a, attrs_memory_policy_flags), NULL),
			"mountExtensions", json_obj(a, "idmap", yes(a), NULL), "netDevices", yes(a), NULL);
}

static int run(struct verb_call *c, struct dv_err *e)
{
	struct arena *a = c->arena;
	struct json *j = json_obj(a, "ociVersionMin", json_new_str(a, "1.0.0"), "ociVersionMax",
				  json_new_str(a, SPEC_VERSION), "hooks", hooks(a), "mountOptions",
				  json_new_strs(a, mount_opts_names(a)), "linux", linux_features(a), "annotations",
				  json_obj(a, "io.davit.oci.version", json_new_str(a, DAVIT_VERSION), NULL),
				  "potentiallyUnsafeConfigAnnotations", json_new_array(a), NULL);

	return oci_print(a, j, JSON_PRETTY, e);
}

const struct verb verb_features = {
	.name = "features", .summary = "Print what this runtime supports as JSON", .run = run,
};
