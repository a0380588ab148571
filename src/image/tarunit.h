/* tarunit.h - for unit tests only: archives in memory, built entry by entry, read in odd chunks. */
#pragma once

#include "base/str.h"
#include "base/unit.h"
#include "image/tar.h"

/* A source over memory that hands out pieces of at most `step` bytes. */
struct mem_source {
	const char *p;
	size_t len, step;
};

static inline int mem_source_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct mem_source *m = ctx;
	size_t n = DV_MIN(m->len, m->step);

	(void)e;
	*ret = m->p;
	*ret_len = n;
	m->p += n;
	m->len -= n;
	return n > 0;
}

static inline void tar_add(struct buf *b, struct tar_entry t, const char *data)
{
	struct dv_err e = DV_ERR_NONE;

	if (t.type == TAR_FILE && data)
		t.size = strlen(data);
	assert_ok(tar_write_entry(b, &t, &e), &e);
	if (data) {
		buf_add(b, data, t.size);
		tar_write_pad(b, t.size);
	}
}

/* Give the header at `at` a right checksum again after a field was changed by hand. */
static inline void tar_resum(struct buf *b, size_t at)
{
	unsigned sum = 0;
	unsigned char *h = (unsigned char *)b->p + at;

	memset(h + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += h[i];
	(void)snprintf((char *)h + 148, 8, "%06o", sum);
	h[155] = ' ';
}
