/* tar_number.c - number fields of tar headers: octal, or base-256 where that is too small. */
#include "image/tar_parts.h"

static int number_base256(const unsigned char *f, size_t len, uint64_t max, const char *what, uint64_t *ret,
			  struct dv_err *e)
{
	uint64_t v = f[0] & 0x7f;

	if (f[0] & 0x40)
		return dv_fail(e, DV_INVALID, "tar: negative %s", what);
	for (size_t i = 1; i < len; i++) {
		if (v >> 56)
			return dv_fail(e, DV_INVALID, "tar: %s is out of range", what);
		v = v << 8 | f[i];
	}
	if (v > max)
		return dv_fail(e, DV_INVALID, "tar: %s is out of range", what);
	*ret = v;
	return 0;
}

int tar_number(const char *field, size_t len, uint64_t max, const char *what, uint64_t *ret, struct dv_err *e)
{
	uint64_t v = 0;
	size_t i = 0;

	if (field[0] & 0x80)
		return number_base256((const unsigned char *)field, len, max, what, ret, e);
	while (i < len && field[i] == ' ')
		i++;
	for (; i < len && field[i] >= '0' && field[i] <= '7'; i++) {
		if (v >> 61)
			return dv_fail(e, DV_INVALID, "tar: %s is out of range", what);
		v = v << 3 | (uint64_t)(field[i] - '0');
	}
	if (i < len && field[i] != ' ' && field[i] != '\0')
		return dv_fail(e, DV_INVALID, "tar: %s is not an octal number", what);
	if (v > max)
		return dv_fail(e, DV_INVALID, "tar: %s is out of range", what);
	*ret = v;
	return 0;
}

int tar_time(const char *field, size_t len, int64_t *ret, struct dv_err *e)
{
	const unsigned char *f = (const unsigned char *)field;
	uint64_t v;

	if ((f[0] & 0xc0) == 0xc0) {            /* two's complement over the whole field */
		v = UINT64_MAX;
		for (size_t i = 0; i < len; i++) {
			if (v >> 55 != UINT64_MAX >> 55)
				return dv_fail(e, DV_INVALID, "tar: mtime is out of range");
			v = v << 8 | f[i];
		}
		*ret = (int64_t)v;
		return 0;
	}
	int rc = tar_number(field, len, INT64_MAX, "mtime", &v, e);
	if (rc == 0)
		*ret = (int64_t)v;
	return rc;
}
