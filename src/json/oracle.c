/* oracle.c - jansson behind names of its own; see oracle.h. */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef void oracle;

oracle *oracle_parse(const char *text, size_t len);
void oracle_free(oracle *t);
char *oracle_write(const oracle *t);
int oracle_type(const oracle *t);
bool oracle_bool(const oracle *t);
const char *oracle_str(const oracle *t, size_t *ret_len);
bool oracle_i64(const oracle *t, int64_t *ret);
double oracle_double(const oracle *t);
size_t oracle_len(const oracle *t);
oracle *oracle_at(const oracle *t, size_t i);
oracle *oracle_getn(const oracle *t, const char *key, size_t len);

oracle *oracle_parse(const char *text, size_t len)
{
	return json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
}

void oracle_free(oracle *t)
{
	json_decref(t);
}

char *oracle_write(const oracle *t)
{
	return json_dumps(t, JSON_COMPACT | JSON_ENCODE_ANY);
}

int oracle_type(const oracle *t)
{
	/* null, bool, number, string, array, object */
	static const int types[] = {
		[JSON_NULL] = 0, [JSON_FALSE] = 1, [JSON_TRUE] = 1, [JSON_INTEGER] = 2, [JSON_REAL] = 2,
		[JSON_STRING] = 3, [JSON_ARRAY] = 4, [JSON_OBJECT] = 5,
	};

	return types[json_typeof((const json_t *)t)];
}

bool oracle_bool(const oracle *t)
{
	return json_is_true((const json_t *)t);
}

const char *oracle_str(const oracle *t, size_t *ret_len)
{
	*ret_len = json_string_length(t);
	return json_string_value(t);
}

bool oracle_i64(const oracle *t, int64_t *ret)
{
	*ret = json_integer_value(t);
	return json_is_integer((const json_t *)t);
}

double oracle_double(const oracle *t)
{
	return json_number_value(t);
}

size_t oracle_len(const oracle *t)
{
	return json_is_array((const json_t *)t) ? json_array_size(t) : json_object_size(t);
}

oracle *oracle_at(const oracle *t, size_t i)
{
	return json_array_get(t, i);
}

oracle *oracle_getn(const oracle *t, const char *key, size_t len)
{
	return json_object_getn(t, key, len);
}
