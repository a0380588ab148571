/* ctr_opts_rare.h - rows of ctr_opts.h: flags that mean nothing here, and those that are refused. */
#pragma once

int ctr_refuse_windows(void *args, const char *value, struct dv_err *e);
int ctr_refuse_gpus(void *args, const char *value, struct dv_err *e);
int ctr_refuse_socket(void *args, const char *value, struct dv_err *e);
int ctr_refuse_subid(void *args, const char *value, struct dv_err *e);
int ctr_refuse_startup(void *args, const char *value, struct dv_err *e);
int ctr_refuse_storage(void *args, const char *value, struct dv_err *e);
int ctr_refuse_rootfs(void *args, const char *value, struct dv_err *e);
int ctr_check_isolation(void *args, const char *value, struct dv_err *e);
int ctr_check_runtime(void *args, const char *value, struct dv_err *e);

#define CTR_OPTS_RARE \
	CTR_IGNORED("kernel-memory", "Kernels have no such limit any more") \
	CTR_IGNORED_BOOL("disable-content-trust", ignored_bool, "There is no content trust") \
	CTR_REFUSED("isolation", ctr_check_isolation) \
	CTR_REFUSED("runtime", ctr_check_runtime) \
	CTR_REFUSED("cpu-count", ctr_refuse_windows) \
	CTR_REFUSED("cpu-percent", ctr_refuse_windows) \
	CTR_REFUSED("io-maxbandwidth", ctr_refuse_windows) \
	CTR_REFUSED("io-maxiops", ctr_refuse_windows) \
	CTR_REFUSED("gpus", ctr_refuse_gpus) \
	CTR_REFUSED("use-api-socket", ctr_refuse_socket) \
	CTR_REFUSED("subuidname", ctr_refuse_subid) \
	CTR_REFUSED("subgidname", ctr_refuse_subid) \
	CTR_REFUSED("health-startup-cmd", ctr_refuse_startup) \
	CTR_REFUSED("storage-opt", ctr_refuse_storage) \
	CTR_REFUSED("rootfs", ctr_refuse_rootfs)
