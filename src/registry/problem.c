/* problem.c - the rows of problem.h as functions, and the body that carries them. */
#include "registry/problem.h"

static const struct {
	const char *code;
	int status;
	const char *message;
} rows[] = {
	[PROBLEM_NONE] = { "", 200, "" },
#define X(name, code, status, message) [PROBLEM_##name] = { code, status, message },
	PROBLEMS(X)
#undef X
};

int problem_status(enum problem p)
{
	return rows[p].status;
}

const char *problem_code(enum problem p)
{
	return rows[p].code;
}

const char *problem_message(enum problem p)
{
	return rows[p].message;
}

void problem_body(struct buf *b, enum problem p, const char *detail)
{
	auto_arena struct arena a;

	arena_init(&a, 0);
	struct json *one = json_obj(&a, "code", json_new_str(&a, rows[p].code), "message",
				    json_new_str(&a, rows[p].message), "detail", detail ? json_new_str(&a, detail) : NULL,
				    NULL);
	struct json *list = json_new_array(&a);
	json_append(&a, list, one);
	json_write(b, json_obj(&a, "errors", list, NULL), JSON_COMPACT);
	buf_char(b, '\n');
}
