/* registry.c - registry: serve the store to others, and collect what nobody needs. */
#include "imagecli/imagecli.h"
#include "imagecli/registrycli.h"

static const struct verb *const registry_subs[] = { &registryverb_serve, &registryverb_gc, NULL };

const struct verb imageverb_registry = {
	.name = "registry",
	.summary = "Serve images to others as an OCI registry",
	.subs = registry_subs,
};
