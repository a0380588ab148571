/* chars.c - the tables of chars.h. */
#include <string.h>

#include "http/chars.h"

#define ALNUM_ (CH_VALUE | CH_PATH | CH_QUERY | CH_HOST | CH_UNRESERVED)
#define PCHAR_ (CH_VALUE | CH_PATH | CH_QUERY)
#define QUERY_ (CH_VALUE | CH_QUERY)

const uint8_t http_chars[256] = {
	['\t'] = CH_VALUE, [' '] = CH_VALUE, [0x80 ... 0xff] = CH_VALUE,
	['0' ... '9'] = ALNUM_ | CH_HEX | CH_DIGIT,
	['a' ... 'f'] = ALNUM_ | CH_HEX, ['g' ... 'z'] = ALNUM_,
	['A' ... 'F'] = ALNUM_ | CH_HEX, ['G' ... 'Z'] = ALNUM_,
	['-'] = ALNUM_, ['.'] = ALNUM_, ['_'] = ALNUM_,
	['~'] = PCHAR_ | CH_UNRESERVED,
	['!'] = PCHAR_, ['$'] = PCHAR_, ['&'] = PCHAR_, ['\''] = PCHAR_,
	['('] = PCHAR_, [')'] = PCHAR_, ['*'] = PCHAR_, ['+'] = PCHAR_, [','] = PCHAR_,
	[';'] = PCHAR_, ['='] = PCHAR_, [':'] = PCHAR_, ['@'] = PCHAR_, ['/'] = PCHAR_, ['%'] = PCHAR_,
	['['] = PCHAR_, [']'] = PCHAR_, ['|'] = PCHAR_, ['{'] = PCHAR_, ['}'] = PCHAR_,
	['^'] = PCHAR_, ['`'] = PCHAR_,
	['?'] = QUERY_, ['"'] = QUERY_, ['<'] = QUERY_, ['>'] = QUERY_, ['\\'] = QUERY_,
	['#'] = CH_VALUE,
};

#define C(c) [c] = c
#define U(c) [c] = (c) | 0x20
const char http_token_lower[256] = {
	C('!'), C('#'), C('$'), C('%'), C('&'), C('\''), C('*'), C('+'), C('-'), C('.'), C('^'), C('_'), C('`'), C('|'),
	C('~'), C('0'), C('1'), C('2'), C('3'), C('4'), C('5'), C('6'), C('7'), C('8'), C('9'),
	C('a'), C('b'), C('c'), C('d'), C('e'), C('f'), C('g'), C('h'), C('i'), C('j'), C('k'), C('l'), C('m'),
	C('n'), C('o'), C('p'), C('q'), C('r'), C('s'), C('t'), C('u'), C('v'), C('w'), C('x'), C('y'), C('z'),
	U('A'), U('B'), U('C'), U('D'), U('E'), U('F'), U('G'), U('H'), U('I'), U('J'), U('K'), U('L'), U('M'),
	U('N'), U('O'), U('P'), U('Q'), U('R'), U('S'), U('T'), U('U'), U('V'), U('W'), U('X'), U('Y'), U('Z'),
};

bool ch_all(const char *s, size_t n, unsigned what)
{
	for (size_t i = 0; i < n; i++)
		if (!ch_is(s[i], what))
			return false;
	return true;
}

bool ch_token(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!http_token_lower[(uint8_t)s[i]])
			return false;
	return n > 0;
}

int ch_hex(char c)
{
	if (!ch_is(c, CH_HEX))
		return -1;
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

bool ch_word(const char *s, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (ch_lower(s[i]) != word[i] || word[i] == '\0')
			return false;
	return word[n] == '\0';
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

void ch_trim(const char **s, size_t *n)
{
	while (*n && blank(**s)) {
		(*s)++;
		(*n)--;
	}
	while (*n && blank((*s)[*n - 1]))
		(*n)--;
}

/* To the next comma outside of "..." or the end. */
static size_t element_len(const char *s)
{
	bool quoted = false;
	size_t n = 0;

	for (; s[n] && (quoted || s[n] != ','); n++) {
		if (s[n] == '"')
			quoted = !quoted;
		else if (quoted && s[n] == '\\' && s[n + 1])
			n++;
	}
	return n;
}

bool ch_list_next(const char **list, const char **ret, size_t *ret_len)
{
	while (**list) {
		const char *s = *list;
		size_t n = element_len(s);

		*list = s + n + (s[n] == ',');
		ch_trim(&s, &n);
		if (n) {
			*ret = s;
			*ret_len = n;
			return true;
		}
	}
	return false;
}
