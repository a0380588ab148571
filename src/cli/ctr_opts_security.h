/* ctr_opts_security.h - rows of ctr_opts.h: rights, devices, namespaces. */
#pragma once

#define CTR_OPTS_SECURITY \
	CTR_BOOL("privileged", 0, privileged, "All capabilities and devices, no seccomp filter, nothing hidden") \
	CTR_ROW(STRS, "cap-add",      0, cap_add,       "CAP",  "Add a capability, or ALL") \
	CTR_ROW(STRS, "cap-drop",     0, cap_drop,      "CAP",  "Drop a capability, or ALL") \
	CTR_ROW(STRS, "security-opt", 0, security_opts, "OPT", \
		"seccomp=FILE|unconfined, no-new-privileges, apparmor=, label=, mask=, unmask=, systempaths=unconfined, proc-opts=") \
	CTR_ROW(STRS, "sysctl",       0, sysctls,       "K=V",  "Set a sysctl of the container's namespaces") \
	CTR_ROW(STRS, "device",       0, devices,       "PATH[:TO][:rwm]", "Give it a device of the host") \
	CTR_ROW(STRS, "device-cgroup-rule", 0, device_cgroup_rules, "RULE", "Allow devices by number: 'c 1:3 rwm'") \
	CTR_ROW(STR,  "pid",          0, pid_mode,      "MODE", "Process ids: private, host, container:NAME or ns:PATH") \
	CTR_ROW(STR,  "ipc",          0, ipc_mode,      "MODE", "Shared memory and queues: private, shareable, none, host, container:NAME or ns:PATH") \
	CTR_ROW(STR,  "uts",          0, uts_mode,      "MODE", "Host name: private, host, container:NAME or ns:PATH") \
	CTR_ROW(STR,  "userns",       0, userns_mode,   "MODE", "User ids: host") \
	CTR_ROW(STR,  "cgroupns",     0, cgroupns_mode, "MODE", "Cgroup paths: private, host, container:NAME or ns:PATH")
