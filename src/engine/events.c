/* events.c - events of the engine's objects. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "engine/events.h"
#include "event/event.h"

void event_tell(struct engine *g, const char *type, const char *action, const char *id, const struct json *attributes)
{
	const struct event ev = { .type = type, .action = action, .id = id, .attributes = attributes };
	struct dv_err why = DV_ERR_NONE;

	if (event_emit(engine_runfd(g), &ev, &why) < 0)
		log_debug("an event could not be told", "action", action, "reason", why.msg, NULL);
}

/* Its labels, image and name. */
static struct json *attributes_of(struct arena *a, const struct ctr *c)
{
	struct json *config = NULL, *attributes;
	const struct json *labels;

	if (json_parse(a, c->config ? c->config : "", c->config ? strlen(c->config) : 0, &config, NULL) < 0)
		config = NULL;
	labels = json_path(config, "Config.Labels");
	attributes = json_type(labels) == JSON_OBJECT ? json_copy(a, labels) : json_new_object(a);
	json_set(a, attributes, "image", json_new_str(a, c->image_ref));
	json_set(a, attributes, "name", json_new_str(a, c->name));
	return attributes;
}

void event_ctr(struct engine *g, const struct ctr *c, const char *action, const char *key, const char *value)
{
	auto_arena struct arena a = { 0 };
	struct json *attributes;

	arena_init(&a, 0);
	attributes = attributes_of(&a, c);
	if (key)
		json_set(&a, attributes, key, json_new_str(&a, value));
	event_tell(g, "container", action, c->id, attributes);
}

void event_exec(struct engine *g, const struct ctr *c, const char *action, const char *command, const char *id, int code)
{
	auto_arena struct arena a = { 0 };
	struct json *attributes;

	arena_init(&a, 0);
	attributes = attributes_of(&a, c);
	json_set(&a, attributes, "execID", json_new_str(&a, id));
	if (code >= 0)
		json_set(&a, attributes, "exitCode", json_new_str(&a, arena_printf(&a, "%d", code)));
	event_tell(g, "container", command ? arena_printf(&a, "%s: %s", action, command) : action, c->id, attributes);
}

void event_ended(struct engine *g, const struct ctr *c)
{
	char code[16];

	(void)snprintf(code, sizeof code, "%d", c->exit_code);
	event_ctr(g, c, "die", c->has_exit ? "exitCode" : NULL, code);
}

static void tell_one(struct engine *g, const char *type, const char *action, const char *id, const char *key, const char *value)
{
	auto_arena struct arena a = { 0 };

	arena_init(&a, 0);
	event_tell(g, type, action, id, json_obj(&a, key, json_new_str(&a, value), NULL));
}

void event_image(struct engine *g, const char *action, const char *id, const char *name)
{
	tell_one(g, "image", action, id, "name", name);
}

void event_prune(struct engine *g, const char *type, uint64_t bytes)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%llu", (unsigned long long)bytes);
	tell_one(g, type, "prune", "", "reclaimed", text);
}
