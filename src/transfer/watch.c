/* watch.c - the names of the steps. */
#include "transfer/watch.h"

static const char *const step_names[] = {
	[LAYER_WAITING] = "waiting", [LAYER_EXISTS] = "exists", [LAYER_DOWNLOADING] = "downloading",
	[LAYER_EXTRACTING] = "extracting", [LAYER_DONE] = "done",
};

const char *layer_step_name(enum layer_step step)
{
	return step_names[step];
}
