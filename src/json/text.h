/* text.h - the inner loops over text; for src/json only.
 *
 * One question is asked of nearly every byte of a document: does this one need
 * care? With SSE2 sixteen bytes are asked at a time, elsewhere eight in a word.
 * JSON_PORTABLE chooses the latter, so that the tests can run it anywhere.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined __SSE2__ && !defined JSON_PORTABLE
#include <emmintrin.h>
#define TEXT_SSE2 1
#endif

/* ASCII without controls, quote and backslash. */
static inline bool text_plain_byte(char c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

static inline uint64_t text_word_zero(uint64_t w)
{
	return (w - 0x0101010101010101u) & ~w & 0x8080808080808080u;
}

/* A bit set for each byte of the word that is not plain (and perhaps for bytes above one). */
static inline uint64_t text_word_special(uint64_t w)
{
	uint64_t low = (w - 0x2020202020202020u) & ~w;

	return (low | w | text_word_zero(w ^ 0x2222222222222222u) | text_word_zero(w ^ 0x5c5c5c5c5c5c5c5cu)) &
	       0x8080808080808080u;
}

/* The first byte from p on that is not plain, or end. */
static inline const char *text_plain_end(const char *p, const char *end)
{
#ifdef TEXT_SSE2
	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)p);
		/* signed: bytes from 0x80 on are below 0x20 too */
		__m128i low = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
		__m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
		__m128i slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
		int bits = _mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quote, slash)));

		if (bits)
			return p + __builtin_ctz((unsigned)bits);
	}
#else
	for (uint64_t w; end - p >= 8; p += 8) {
		memcpy(&w, p, 8);
		if (text_word_special(w))
			break;
	}
#endif
	while (p < end && text_plain_byte(*p))
		p++;
	return p;
}

static inline bool text_is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Past the blanks; a line break is mostly followed by a run of spaces. */
static inline const char *text_skip_blanks(const char *p, const char *end)
{
	if (p < end && (unsigned char)*p > ' ')
		return p;
#ifdef TEXT_SSE2
	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)p);
		__m128i space = _mm_cmpeq_epi8(v, _mm_set1_epi8(' ')), tab = _mm_cmpeq_epi8(v, _mm_set1_epi8('\t'));
		__m128i lf = _mm_cmpeq_epi8(v, _mm_set1_epi8('\n')), cr = _mm_cmpeq_epi8(v, _mm_set1_epi8('\r'));
		__m128i blank = _mm_or_si128(_mm_or_si128(space, tab), _mm_or_si128(lf, cr));
		unsigned bits = (unsigned)_mm_movemask_epi8(blank) ^ 0xffffu;

		if (bits)
			return p + __builtin_ctz(bits);
	}
#endif
	while (p < end && text_is_blank(*p))
		p++;
	return p;
}

/* Length of the UTF-8 sequence at p, which starts with a byte from 0x80 on; 0 when it is not one
 * (too long a form, a surrogate, above U+10FFFF, cut). */
static inline unsigned text_utf8(const char *s, const char *end)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t left = (size_t)(end - s);
	unsigned char low = 0x80, high = 0xbf;
	unsigned n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;

	if (p[0] < 0xc2 || p[0] > 0xf4 || left < n)
		return 0;
	switch (p[0]) {
	case 0xe0: low = 0xa0; break;
	case 0xed: high = 0x9f; break;
	case 0xf0: low = 0x90; break;
	case 0xf4: high = 0x8f; break;
	default: break;
	}
	if (p[1] < low || p[1] > high)
		return 0;
	for (unsigned i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* memcpy for short pieces: whole blocks when both sides have the slack. */
static inline void text_copy(char *to, const char *to_end, const char *from, const char *from_end, size_t len)
{
#ifdef TEXT_SSE2
	if ((size_t)(to_end - to) >= len + 16 && (size_t)(from_end - from) >= len + 16) {
		for (size_t i = 0; i < len; i += 16)
			_mm_storeu_si128((__m128i *)(to + i), _mm_loadu_si128((const __m128i *)(from + i)));
		return;
	}
#endif
	memcpy(to, from, len);
}
