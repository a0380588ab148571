/* tar_sparse.c - sparse files of tar archives: the old GNU form, and the map in front of the data (1.0).
 *
 * Formats 0.0 and 0.1 keep their map in the extended header: tar_pax.c.
 */
#include "image/tar_parts.h"

/* --- maps --- */

int tar_map_add(struct tar_map *m, uint64_t offset, uint64_t len, struct dv_err *e)
{
	if (m->n == TAR_SPARSE_MAX)
		return dv_fail(e, DV_LIMIT, "tar: a sparse file with more than %d pieces", TAR_SPARSE_MAX);
	if (m->n == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 16;
		m->v = mem_resize(m->v, m->cap, sizeof(*m->v));
	}
	m->v[m->n++] = (struct tar_run){ offset, len };
	return 0;
}

int tar_map_check(const struct tar_map *m, uint64_t size, uint64_t stored, struct dv_err *e)
{
	uint64_t at = 0, sum = 0;

	for (size_t i = 0; i < m->n; i++) {
		uint64_t end;

		if (m->v[i].offset < at || __builtin_add_overflow(m->v[i].offset, m->v[i].len, &end) || end > size)
			return dv_fail(e, DV_INVALID, "tar: malformed sparse map");
		at = end;
		sum += m->v[i].len;
	}
	return sum == stored ? 0 : dv_fail(e, DV_INVALID, "tar: sparse map does not fit the data");
}

/* --- reading them --- */

static int sparse_run(struct tar_reader *r, const struct tar_raw_run *run, struct dv_err *e)
{
	uint64_t offset, len;

	if (run->offset[0] == '\0' || run->len[0] == '\0')
		return 0;
	int rc = tar_number(run->offset, 12, INT64_MAX, "sparse offset", &offset, e);
	if (rc == 0)
		rc = tar_number(run->len, 12, INT64_MAX, "sparse length", &len, e);
	return rc < 0 ? rc : tar_map_add(&r->map, offset, len, e);
}

/* Old GNU form: four runs in the header, then blocks of 21. */
static int sparse_old(struct tar_reader *r, uint64_t *ret_size, struct dv_err *e)
{
	struct { struct tar_raw_run runs[21]; char extended, pad[7]; } more;
	int rc = tar_number(r->raw.gnu.realsize, 12, INT64_MAX, "sparse size", ret_size, e);

	for (int i = 0; i < 4 && rc == 0; i++)
		rc = sparse_run(r, &r->raw.gnu.runs[i], e);
	more.extended = r->raw.gnu.extended;
	while (rc == 0 && more.extended) {
		rc = tar_read_exact(r, &more, sizeof(more), e);
		for (int i = 0; i < 21 && rc == 0; i++)
			rc = sparse_run(r, &more.runs[i], e);
	}
	return rc;
}

/* A decimal number and a newline out of the entry's data. */
static int sparse_line(struct tar_reader *r, uint64_t *eaten, uint64_t *ret, struct dv_err *e)
{
	char line[24];
	size_t n = 0;

	for (;; n++) {
		if (n == sizeof(line) || *eaten == r->left)
			return dv_fail(e, DV_INVALID, "tar: malformed sparse map");
		int rc = tar_read_exact(r, &line[n], 1, e);
		if (rc < 0)
			return rc;
		++*eaten;
		if (line[n] == '\n')
			return tar_decimal(line, line + n, "sparse map", ret, e);
	}
}

/* Format 1.0: the map is in front of the data, padded to a block. */
static int sparse_map_1_0(struct tar_reader *r, struct dv_err *e)
{
	uint64_t eaten = 0, n, offset, len;
	int rc = sparse_line(r, &eaten, &n, e);

	for (; rc == 0 && n > 0; n--) {
		rc = sparse_line(r, &eaten, &offset, e);
		if (rc == 0)
			rc = sparse_line(r, &eaten, &len, e);
		if (rc == 0)
			rc = tar_map_add(&r->map, offset, len, e);
	}
	if (rc < 0)
		return rc;
	uint64_t pad = tar_padding(eaten);
	if (pad > r->left - eaten)
		return dv_fail(e, DV_INVALID, "tar: malformed sparse map");
	r->left -= eaten + pad;
	return tar_skip(r, pad, e);
}

int tar_sparse(struct tar_reader *r, struct dv_err *e)
{
	struct tar_entry *t = &r->entry;
	const struct tar_pax *p = &r->pax;
	int rc = 0;

	if (t->type != TAR_FILE)
		return 0;
	if (r->raw.type == 'S') {
		rc = sparse_old(r, &t->size, e);
	} else if (p->sparse_major.set || p->has_map) {
		if (p->sparse_major.set && (p->sparse_major.v != 1 || p->sparse_minor.v != 0))
			return dv_fail(e, DV_UNSUPPORTED, "tar: unknown sparse format");
		if (!p->sparse_size.set)
			return dv_fail(e, DV_INVALID, "tar: sparse file without a size");
		t->size = p->sparse_size.v;
		if (p->sparse_major.set)
			rc = sparse_map_1_0(r, e);
	} else {
		return 0;
	}
	t->sparse = true;
	return rc < 0 ? rc : tar_map_check(&r->map, t->size, r->left, e);
}
