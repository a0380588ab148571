/* chars.h - which bytes may stand where, as tables. Inside http only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CH_VALUE = 1,              /* of a header's value: visible, blank, tab, 0x80 and above */
	CH_PATH = 2,               /* of a path: RFC 3986, and what browsers leave as it is: []|{}^` */
	CH_QUERY = 4,              /* of a query: visible ASCII but # */
	CH_HOST = 8,               /* of a host's name */
	CH_UNRESERVED = 16,        /* what percent-encoding leaves alone */
	CH_HEX = 32,
	CH_DIGIT = 64,
};

extern const uint8_t http_chars[256];
/* A token's character in lower case; 0: none. */
extern const char http_token_lower[256];

static inline bool ch_is(char c, unsigned what) { return (http_chars[(uint8_t)c] & what) != 0; }
/* Is every byte one of these? */
bool ch_all(const char *s, size_t n, unsigned what);
bool ch_token(const char *s, size_t n);                                /* not empty, token characters only */
int ch_hex(char c);                                                    /* 0..15, -1: no hex digit */
static inline char ch_lower(char c) { return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c); }
/* Are the n bytes `word` (in lower case), whatever their case? */
bool ch_word(const char *s, size_t n, const char *word);
/* Without the blanks and tabs at both ends. */
void ch_trim(const char **s, size_t *n);
/* The next element of a comma-separated list, trimmed, empty ones left out; commas in "..." do not separate. */
bool ch_list_next(const char **list, const char **ret, size_t *ret_len);
