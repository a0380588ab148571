/* tell.c - one line in the events of the run directory. */
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "event/event.h"
#include "image/name.h"
#include "imagecli/imagecli.h"
#include "imagecli/tell.h"

void tell_image(const struct verb_call *c, const char *action, const char *id, const char *name)
{
	const struct imagecli_globals *g = c->globals;
	struct event ev = { .type = "image", .action = action, .id = id };
	struct dv_err why = DV_ERR_NONE;
	auto_close int run = -1;

	if (file_open(AT_FDCWD, g->runroot, O_RDONLY | O_DIRECTORY, 0, &run, NULL) < 0)
		return;
	ev.attributes = json_obj(c->arena, "name", json_new_str(c->arena, name), NULL);
	if (event_emit(run, &ev, &why) < 0)
		log_debug("an event could not be told", "action", action, "reason", why.msg, NULL);
}

void tell_named(const struct verb_call *c, const char *action, const char *name)
{
	const char *familiar = image_name_familiar(name), *tag = strrchr(familiar, ':'), *at = strchr(familiar, '@');
	const char *end = at ? at : tag && !strchr(tag, '/') ? tag : familiar + strlen(familiar);

	tell_image(c, action, familiar, arena_strn(c->arena, familiar, (size_t)(end - familiar)));
}
