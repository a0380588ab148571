/* events.h - telling what happened (event/event.h). None of these fails: what cannot be told is logged. */
#pragma once

#include "engine/ctr.h"

/* type and action in docker's words; attributes is an object of strings or NULL. */
void event_tell(struct engine *g, const char *type, const char *action, const char *id, const struct json *attributes);
/* Of a process in it: "exec_create", "exec_start" with its command, "exec_die" with its exit status unless that is -1. */
void event_exec(struct engine *g, const struct ctr *c, const char *action, const char *command, const char *id, int code);
/* Of an image: "tag", "untag", "delete"; name as docker has it (the new name, or the id again). */
void event_image(struct engine *g, const char *action, const char *id, const char *name);
/* What a prune has freed. */
void event_prune(struct engine *g, const char *type, uint64_t bytes);
/* "die", with its exit status where that is known. */
void event_ended(struct engine *g, const struct ctr *c);
/* Of a container: with its image, name and labels, and "key": value unless key is NULL. */
void event_ctr(struct engine *g, const struct ctr *c, const char *action, const char *key, const char *value);
