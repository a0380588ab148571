/* str.h - strings: comparison, strict numbers, a cursor for small parsers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

static inline bool streq(const char *a, const char *b) { return strcmp(a, b) == 0; }
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* What follows prefix in s, or NULL. */
const char *str_after(const char *s, const char *prefix);
/* true if every byte of s is one of set and s is not empty. */
bool str_only(const char *s, const char *set);

/* Whole-string decimal numbers: no sign for u64, no blanks, no overflow past max.
 * INVALID names `what` and the text. */
int str_u64(const char *s, uint64_t max, const char *what, uint64_t *ret, struct dv_err *e) DV_MUST_USE;
int str_i64(const char *s, int64_t min, int64_t max, const char *what, int64_t *ret,
	    struct dv_err *e) DV_MUST_USE;
/* Octal digits only, such as a file mode. */
int str_octal(const char *s, uint64_t max, const char *what, uint64_t *ret, struct dv_err *e) DV_MUST_USE;
/* 1024-based sizes as docker writes them: 512, 512b, 64k, 16m, 1g, 1GiB, 1.5g. */
int str_bytes(const char *s, const char *what, uint64_t *ret, struct dv_err *e) DV_MUST_USE;
/* The reverse for people: "12.3MB" with decimal units as docker prints, "1.5GiB" with binary ones. */
const char *str_human(struct arena *a, uint64_t bytes, bool binary);

/* Lower-case hex of len bytes into out (2 * len + 1 bytes). */
void str_hex(const void *data, size_t len, char *out);
/* The reverse: exactly 2 * len hex digits (lower case); false otherwise. */
bool str_unhex(const char *hex, void *out, size_t len);

/* --- scan: a cursor over text, for the small parsers --- */
struct scan {
	const char *p, *end;
};
static inline struct scan scan_of(const char *s, size_t len) { return (struct scan){ s, s + len }; }
bool scan_char(struct scan *s, char c);                     /* eat c if it is next */
/* Eat up to (and including) the next sep or the end; false when nothing is left. */
bool scan_until(struct scan *s, char sep, const char **ret_word, size_t *ret_len);
void scan_blanks(struct scan *s);                           /* eat spaces and tabs */
bool scan_u64(struct scan *s, uint64_t *ret);               /* digits, no overflow */

/* Splits s at sep into a NULL-terminated array in the arena ("" gives no parts). */
char **str_split(struct arena *a, const char *s, char sep, size_t *ret_n);
