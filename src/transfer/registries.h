/* registries.h - registries.conf, version 2: which registry a name means and how it is reached.
 *
 * The format and its meaning are those of podman and skopeo
 * (containers-registries.conf(5)). Read are the file named by
 * $CONTAINERS_REGISTRIES_CONF, else ~/.config/containers/registries.conf, else
 * /etc/containers/registries.conf; then, each overriding what came before, the
 * *.conf of /etc/containers/registries.conf.d and ~/.config/containers/registries.conf.d
 * ($CONTAINERS_REGISTRIES_CONF_DIR instead of both). Absent files are no error.
 */
#pragma once

#include <stdbool.h>

#include "base/mem.h"
#include "image/name.h"

#define REGISTRIES_MAX 1000
#define REGISTRIES_FILES_MAX 200

struct registries;

/* only: this file and no directories (it must exist), or NULL. INVALID names the file. */
int registries_load(const char *only, struct registries **ret, struct dv_err *e) DV_MUST_USE;
void registries_free(struct registries *rs);

enum mirror_use { MIRROR_ALL, MIRROR_DIGEST_ONLY, MIRROR_TAG_ONLY };

struct registry_source {
	const char *name;       /* "HOST/PATH" as it is asked for there */
	bool insecure;
	bool mirror;
	enum mirror_use use;
};
struct registry_sources {
	struct registry_source *v;
	size_t n;
};
/* Where "HOST/PATH" is pulled from, in order: the mirrors, then the registry itself. FORBIDDEN when blocked;
 * INVALID when a location makes no valid name. */
int registries_sources(const struct registries *rs, const char *name, struct arena *a, struct registry_sources *ret,
		       struct dv_err *e) DV_MUST_USE;
/* Where it is pushed to: the name itself. */
int registries_target(const struct registries *rs, const char *name, struct arena *a, struct registry_source *ret,
		      struct dv_err *e) DV_MUST_USE;

/* What a person's name can mean: see remote_resolve(). */
int registries_resolve(const struct registries *rs, const char *text, struct arena *a, struct image_name **ret,
		       size_t *ret_n, struct dv_err *e) DV_MUST_USE;

/* credential-helpers, NULL-terminated; NULL when not set. "containers-auth.json" stands for the files. */
const char *const *registries_helpers(const struct registries *rs);
