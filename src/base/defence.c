/* defence.c - switches of the test build without defences; empty elsewhere. */
#include "base/defence.h"

#ifdef DV_WEAK
#include <stdlib.h>
#include <string.h>

bool defence_on(const char *name)
{
	const char *list = getenv("DAVIT_WEAK");
	size_t n = strlen(name);

	for (const char *p = list; p && (p = strstr(p, name)); p += n)
		if ((p == list || p[-1] == ',') && (p[n] == ',' || p[n] == '\0'))
			return false;
	return true;
}
#else
extern const char defence_none;     /* ISO C wants one declaration in a file */
#endif
