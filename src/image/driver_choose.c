/* driver_choose.c - which driver new layers get: what is configured, where it works. */
#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/driver.h"
#include "json/view.h"

#define ENGINE_CONFIG_VIEW(F, c) \
	F(c, str, layer_driver, "layerDriver", 0, NULL)
DV_VIEW(engine_config_view, ENGINE_CONFIG_VIEW);

/* NULL where the file is absent or silent. */
static int configured(struct arena *a, const char *path, const char **ret, struct dv_err *e)
{
	struct engine_config_view v;
	struct dv_err why;
	struct json *j;
	int rc = json_parse_file(a, AT_FDCWD, path, &j, &why);

	*ret = NULL;
	if (rc == -DV_NOT_FOUND)
		return 0;
	if (rc < 0) {
		if (e)
			*e = why;
		return rc;
	}
	rc = view_decode(a, j, &engine_config_view_schema, "", &v, e);
	if (rc < 0)
		return dv_wrap(e, "%s", path);
	*ret = v.layer_driver;
	return 0;
}

static int wanted(const struct layer_driver **ret, struct dv_err *e)
{
	const char *name = getenv("DAVIT_LAYER_DRIVER"), *path = getenv("DAVIT_CONFIG"), *from = "DAVIT_LAYER_DRIVER";
	auto_arena struct arena a = { 0 };

	arena_init(&a, 0);
	if (!name || !*name) {
		from = path && *path ? path : LAYER_CONFIG;
		int rc = configured(&a, from, &name, e);

		if (rc < 0)
			return rc;
	}
	const struct layer_driver *d = name ? layer_driver_find(name) : layer_drivers[0];
	if (!d)
		return dv_fail(e, DV_INVALID, "%s: there is no layer driver \"%.40s\"", from, name);
	*ret = d;
	return 0;
}

int layer_driver_choose(int dirfd, struct layer_choice *ret, struct dv_err *e)
{
	struct layer_choice c = { .how = "" };
	struct dv_err why = DV_ERR_NONE;
	int rc = wanted(&c.driver, e);

	if (rc < 0)
		return rc;
	if (c.driver->probe && c.driver->probe(dirfd, &c.how, &why) < 0) {
		(void)snprintf(c.why_not, sizeof(c.why_not), "%s: %.380s", c.driver->name, why.msg);
		c.driver = layer_drivers[0];
	}
	*ret = c;
	return 0;
}
