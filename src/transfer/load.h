/* load.h - images from an archive or layout into the store. */
#pragma once

#include "image/store.h"
#include "transfer/watch.h"

struct load_options {
	int fd;                 /* archive file, pipe, or layout directory */
	const char *what;       /* its name, for messages */
	const char *platform;   /* NULL: the host's */
	/* The images were reached through these, outermost first: the names stand for the first (store.h). */
	const struct digest *indexes;
	size_t n_indexes;
	const struct layer_watch *watch;        /* NULL: nobody looks */
};

struct load_image {
	const char *id;         /* "sha256:HEX" */
	const char **names;     /* canonical, NULL-terminated */
};
struct load_result {
	struct load_image *v;
	size_t n;
};

#define LOAD_IMAGES_MAX 1000

/* Everything that is there for the platform, all or nothing. INVALID, LIMIT, NOT_FOUND for bad archives. */
int image_load(struct image_store *s, const struct load_options *o, struct arena *a, struct load_result *ret,
	       struct dv_err *e) DV_MUST_USE;
