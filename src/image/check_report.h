/* check_report.h - the list of problems, and the repairs that go with them. In the store's thread. */
#pragma once

#include "image/check_parts.h"

struct report {
	struct check *c;
	struct arena *a;
	struct check_result result;
	size_t cap;
};

/* With the images that suffer. */
int report_add(struct report *r, const char *what, const char *name, const char *text, bool repaired, struct dv_err *e) DV_MUST_USE;
void report_repaired(struct report *r);         /* the last one */
bool report_knows(const struct report *r, const char *name);
int report_has_row(struct report *r, bool layer, const char *key, bool *ret, struct dv_err *e) DV_MUST_USE;
/* Files that no row knows. */
int report_strays(struct report *r, struct dv_err *e) DV_MUST_USE;
/* How many different digests a manifest refers to. */
int64_t report_distinct(struct arena *a, const struct manifest_info *info);

struct text_rows {
	const char *(*v)[4];
	size_t n;
};
/* All rows of at most four columns as texts. sql is a constant. */
int report_rows(struct report *r, const char *sql, int columns, struct text_rows *ret, struct dv_err *e) DV_MUST_USE;

/* Made again from its blob and put in its place. */
int repair_layer(struct report *r, const struct check_job *j, bool *ret, struct dv_err *e) DV_MUST_USE;
/* A configuration is written again from the image's row, what nothing refers to goes; otherwise it is marked, so that the
 * next pull or load brings it again. */
int repair_blob(struct report *r, const struct digest *d, const char *name, bool *ret, struct dv_err *e) DV_MUST_USE;
int repair_mark(struct report *r, bool layer, const char *key, struct dv_err *e) DV_MUST_USE;
int repair_manifest(struct report *r, const struct digest *d, const struct manifest_info *info, struct dv_err *e) DV_MUST_USE;
