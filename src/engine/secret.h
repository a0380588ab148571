/* secret.h - small files that only chosen containers get: ROOT/secrets/NAME, readable by root alone. Their content is never
 * in an argument, a log, a layer or what inspect shows. */
#pragma once

#include "engine/request.h"

#define SECRET_BYTES_MAX ((size_t)512000)

struct secret {
	const char *name, *id;
	int64_t created_s;
};
struct secret_list {
	struct secret *v;
	size_t n;
};
/* The content of fd, to its end. EXISTS unless replace; LIMIT. */
int secret_create(struct engine *g, struct arena *a, const char *name, int fd, bool replace, struct secret *ret,
		  struct dv_err *e) DV_MUST_USE;
/* NOT_FOUND */
int secret_find(struct engine *g, struct arena *a, const char *name, struct secret *ret, struct dv_err *e) DV_MUST_USE;
/* In no order. */
int secret_list(struct engine *g, struct arena *a, struct secret_list *ret, struct dv_err *e) DV_MUST_USE;
int secret_remove(struct engine *g, const char *name, struct dv_err *e) DV_MUST_USE;
/* Before a start: files and variables of --secret NAME[,type=mount|env,target=,uid=,gid=,mode=]. run_dir is the
 * container's directory in RUNROOT, dir its path. */
int secret_apply(struct engine *g, struct arena *a, const struct run_request *q, int run_dir, const char *dir,
		 struct run_config *c, struct dv_err *e) DV_MUST_USE;
