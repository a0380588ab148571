/* challenge.c - RFC 7235's grammar: schemes and their parameters, all separated by commas alike. */
#include <ctype.h>

#include "base/str.h"
#include "transfer/challenge.h"

static const struct { const char *name; size_t offset; } params[] = {
	{ "realm", offsetof(struct challenge, realm) },
	{ "service", offsetof(struct challenge, service) },
	{ "scope", offsetof(struct challenge, scope) },
	{ "error", offsetof(struct challenge, error) },
};

static bool is_token(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static const char *token(struct arena *a, struct scan *s)
{
	const char *from = s->p;

	while (s->p < s->end && is_token(*s->p))
		s->p++;
	return s->p > from ? arena_strn(a, from, (size_t)(s->p - from)) : NULL;
}

static void skip_separators(struct scan *s)
{
	while (s->p < s->end && (*s->p == ',' || *s->p == ' ' || *s->p == '\t'))
		s->p++;
}

/* Behind the opening quote; NULL when there is no closing one. */
static const char *quoted(struct arena *a, struct scan *s)
{
	char *text = arena_alloc(a, (size_t)(s->end - s->p) + 1), *out = text;

	for (; s->p < s->end && *s->p != '"'; s->p++) {
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
		*out++ = *s->p;
	}
	return scan_char(s, '"') ? text : NULL;
}

/* "= value" behind a name. false: that name was a scheme. */
static bool at_value(const struct scan *s)
{
	struct scan look = *s;

	scan_blanks(&look);
	return scan_char(&look, '=');
}

static void keep(struct challenge *c, const char *name, const char *value)
{
	for (size_t i = 0; i < ARRAY_LEN(params); i++) {
		const char **field = (const char **)((char *)c + params[i].offset);

		if (strcasecmp(name, params[i].name) == 0 && !*field)
			*field = value;
	}
}

/* The base64 of Negotiate and its like: characters that no token has, up to the next comma. */
static void skip_token68(struct scan *s)
{
	struct scan look = *s;

	while (look.p < look.end && (is_token(*look.p) || *look.p == '/'))
		look.p++;
	while (look.p < look.end && *look.p == '=')
		look.p++;
	scan_blanks(&look);
	if (look.p == look.end || *look.p == ',')
		*s = look;
}

static int bad(struct dv_err *e, const char *text)
{
	return dv_fail(e, DV_INVALID, "WWW-Authenticate makes no sense: \"%.100s\"", text);
}

static int read_params(struct arena *a, struct scan *s, struct challenge *c, const char *text, struct dv_err *e)
{
	for (;;) {
		struct scan before;
		const char *name, *value;

		skip_separators(s);
		before = *s;
		name = token(a, s);
		if (!name || !at_value(s)) {    /* the next scheme, or the end */
			*s = before;
			return 0;
		}
		scan_blanks(s);
		(void)scan_char(s, '=');
		scan_blanks(s);
		value = scan_char(s, '"') ? quoted(a, s) : token(a, s);
		if (!value)
			return bad(e, text);
		keep(c, name, value);
	}
}

int challenge_parse(struct arena *a, const char *text, struct challenge ret[CHALLENGES_MAX], struct dv_err *e)
{
	struct scan s = scan_of(text, strlen(text));
	struct challenge found[CHALLENGES_MAX];
	int n = 0, rc = 0;

	if (strlen(text) > CHALLENGE_BYTES_MAX)
		return dv_fail(e, DV_LIMIT, "WWW-Authenticate of more than %d bytes", CHALLENGE_BYTES_MAX);
	for (skip_separators(&s); rc == 0 && s.p < s.end; skip_separators(&s)) {
		char *scheme = (char *)token(a, &s);    /* ours, in the arena */

		if (n == CHALLENGES_MAX)
			return dv_fail(e, DV_LIMIT, "WWW-Authenticate with more than %d challenges", CHALLENGES_MAX);
		if (!scheme || (s.p < s.end && !strchr(", \t", *s.p)))
			return bad(e, text);
		for (char *p = scheme; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		found[n] = (struct challenge){ .scheme = scheme };
		scan_blanks(&s);
		skip_token68(&s);
		rc = read_params(a, &s, &found[n++], text, e);
	}
	if (rc < 0)
		return rc;
	memcpy(ret, found, (size_t)n * sizeof *found);
	return n;
}
