/* yaml_plain.h - which type a plain YAML scalar has; for src/json only.
 *
 * As the YAML library of Kubernetes decides: the words of YAML 1.1 (also y, n,
 * yes, no, on, off), integers in base 2, 8 (leading 0 or 0o), 10 and 16 with
 * underscores, decimal floats. Timestamps and base 60 are strings.
 */
#pragma once

#include "json/json.h"

enum yaml_plain {
	YAML_STR, YAML_NULL, YAML_TRUE, YAML_FALSE, YAML_NUM,
	YAML_NO_JSON,           /* .inf, .nan: JSON has none */
	YAML_MERGE,             /* << */
};

/* With YAML_NUM and an arena, the number goes to *ret. */
enum yaml_plain yaml_plain(struct arena *a, const char *s, size_t len, struct json **ret);
