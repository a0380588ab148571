/* ctr_opts_rare.c - why a flag is refused. */
#include "base/str.h"
#include "cli/ctr_opts.h"

int ctr_refuse_windows(void *args, const char *value, struct dv_err *e)
{
	return dv_fail(e, DV_UNSUPPORTED, "it is for containers of Windows");
}

int ctr_refuse_gpus(void *args, const char *value, struct dv_err *e)
{
	return dv_fail(e, DV_UNSUPPORTED, "devices are given by --device, there is no list of GPUs");
}

int ctr_refuse_socket(void *args, const char *value, struct dv_err *e)
{
	return dv_fail(e, DV_UNSUPPORTED, "there is no API socket to give away");
}

int ctr_refuse_subid(void *args, const char *value, struct dv_err *e)
{
	return dv_fail(e, DV_UNSUPPORTED, "subordinate ids are not looked up by name, --uidmap and --gidmap take numbers");
}

int ctr_refuse_startup(void *args, const char *value, struct dv_err *e)
{
	return dv_fail(e, DV_UNSUPPORTED, "use --health-start-period and --health-start-interval");
}

int ctr_refuse_storage(void *args, const char *value, struct dv_err *e)
{
	return dv_fail(e, DV_UNSUPPORTED, "the size of a container's root cannot be limited");
}

int ctr_refuse_rootfs(void *args, const char *value, struct dv_err *e)
{
	return dv_fail(e, DV_UNSUPPORTED, "containers are made of images: davit import makes one of a directory's tar");
}

int ctr_check_isolation(void *args, const char *value, struct dv_err *e)
{
	return !*value || streq(value, "default") ? 0 : ctr_refuse_windows(args, value, e);
}

/* Everything that runs containers the same way is us. */
int ctr_check_runtime(void *args, const char *value, struct dv_err *e)
{
	static const char *const same[] = { "davit", "davit-oci", "runc", "crun", "io.containerd.runc.v2" };

	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		if (streq(value, same[i]))
			return 0;
	return dv_fail(e, DV_UNSUPPORTED, "davit runs containers itself");
}
