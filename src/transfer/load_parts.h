/* load_parts.h - the plan of a load: images, and the layers they need, each once. */
#pragma once

#include "base/map.h"
#include "image/config.h"
#include "transfer/layer.h"
#include "transfer/load.h"
#include "image/manifest.h"

struct plan_image {
	const char *config_text;
	size_t config_len;
	struct digest id;
	struct image_config config;
	const char *manifest_text;      /* NULL: made after the layers are known */
	size_t manifest_len;
	const char **names;             /* NULL-terminated */
	struct layer_job **layers;      /* as many as config.n_layers */
	const char **media_types;       /* of the layers; NULL entries follow from the compression */
};

struct plan {
	struct arena *a;
	struct image_store *store;
	struct image_stage *st;
	struct archive *ar;
	struct platform platform;
	const struct load_options *o;
	struct plan_image *images;
	size_t n_images;
	struct map *jobs;               /* "CHAINID MEMBER" -> struct layer_job */
	size_t n_jobs;
	struct map *diffs;              /* diff id -> the first struct layer_job of it */
	struct dv_err why;              /* of the first worker that failed */
	bool failed;
};

/* The next image, zeroed; LIMIT. */
int plan_image_add(struct plan *p, struct plan_image **ret, struct dv_err *e) DV_MUST_USE;
/* Its configuration from bytes that were verified. */
int plan_config(struct plan *p, struct plan_image *img, const char *text, size_t len, struct dv_err *e) DV_MUST_USE;
/* The job of layer i of the image, in `member`; blob and size where a descriptor tells them. */
int plan_layer(struct plan *p, struct plan_image *img, size_t i, const char *member, const struct descriptor *d,
	       struct dv_err *e) DV_MUST_USE;
/* One more canonical name. */
int plan_name(struct plan *p, struct plan_image *img, const char *name, struct dv_err *e) DV_MUST_USE;
/* A member as text in the plan's arena; LIMIT past max. */
int plan_read(struct plan *p, const char *member, size_t max, const char **ret, size_t *ret_len, struct dv_err *e) DV_MUST_USE;

/* Fill the plan. NOT_FOUND from plan_oci for the platform. */
int plan_oci(struct plan *p, struct dv_err *e) DV_MUST_USE;
int plan_docker(struct plan *p, struct dv_err *e) DV_MUST_USE;
