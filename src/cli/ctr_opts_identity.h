/* ctr_opts_identity.h - rows of ctr_opts.h: what the container is, and where its image comes from. */
#pragma once

extern const char *const ctr_pull_policies[];

#define CTR_OPTS_IDENTITY \
	CTR_ROW(STR,   "name",       0,   name,        "NAME",  "Name of the container") \
	CTR_ROW(STR,   "hostname",   'h', hostname,    "NAME",  "Host name in the container (default: the start of its id)") \
	CTR_ROW(STR,   "domainname", 0,   domainname,  "NAME",  "Its NIS domain name") \
	CTR_ROW(STRS,  "label",      'l', labels,      "K[=V]", "Set a label") \
	CTR_ROW(STRS,  "label-file", 0,   label_files, "FILE",  "Read labels from a file, one a line") \
	CTR_ROW(STRS,  "annotation", 0,   annotations, "K=V",   "Set an annotation of the runtime's configuration") \
	CTR_BOOL("rm",      0, rm,      "Remove the container when it has ended") \
	CTR_BOOL("replace", 0, replace, "Remove the container that has the name") \
	CTR_ROW(STR,   "pod",         0,  pod,         "POD",   "Put it into a pod; new:NAME makes one, which gets its ports and networks") \
	CTR_ROW(STR,   "pod-id-file", 0,  pod_id_file, "FILE",  "The pod whose id is in a file") \
	CTR_ONE("pull", pull, "POLICY", ctr_pull_policies, "When to pull the image (default: missing)") \
	CTR_BOOL("quiet", 'q', quiet, "Do not show how the pull goes") \
	CTR_ROW(STR, "platform", 0, platform, "OS/ARCH", "Platform of the image, when it has several")
