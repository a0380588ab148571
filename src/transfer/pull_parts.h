/* pull_parts.h - what the files of a pull share. */
#pragma once

#include <pthread.h>

#include "base/buf.h"
#include "image/blob.h"
#include "image/config.h"
#include "image/manifest.h"
#include "transfer/flow.h"
#include "transfer/layer.h"
#include "transfer/pull.h"

#define PULL_INDEXES_MAX 3      /* an index in an index in an index */

/* A layer's blob: several layers may share it, as empty ones do. */
struct pull_blob {
	struct pull *p;
	struct descriptor d;
	size_t no;
	struct layer_job *job;          /* of the lowest layer that is made of it */
	bool lowest;                    /* which has nothing below */
	bool wanted, fetched;           /* from the registry; and it is here by now */
	bool awaited;                   /* another process downloads it */
	struct blob_fetch *fetch;       /* until it is here */
	int fd;                         /* to read it */
	struct growing *growing;
	struct dv_err doubt;            /* unpacking failed; the digest may say why */
	uint64_t told;                  /* bytes that the watcher knows of */
	char *held;                     /* bytes that are to be written, of a download that runs */
	size_t n_held;
};

struct pull {
	struct arena *a;
	struct image_store *store;
	struct remote *remote;
	const struct pull_options *o;
	struct platform platform;

	/* the name, and what it led to */
	struct remote_repo *repo;
	struct image_name name;
	const char *shown;              /* for messages */
	struct digest indexes[PULL_INDEXES_MAX];
	size_t n_indexes;
	struct remote_manifest doc;     /* the image's */
	struct manifest manifest;
	struct image_config config;
	const char *config_text;
	size_t config_len;

	/* the layers, as many as manifest.n */
	struct image_stage *st;
	struct layer_job *jobs;
	const char **media_types;       /* of the blobs that are recorded */
	struct pull_blob *blobs;        /* those that are wanted, each once */
	size_t n_blobs;

	pthread_mutex_t lock;           /* of why */
	struct dv_err why;              /* the first failure */
	bool stop;
	bool resumed;                   /* something was there of a blob */
	uint64_t downloaded;
};

void pull_tell(struct pull *p, const struct pull_blob *b, enum layer_step step, uint64_t done);
/* All layers into the stage: adopted, or downloaded and unpacked. CONFLICT when something was removed meanwhile. */
int pull_layers(struct pull *p, struct dv_err *e) DV_MUST_USE;
