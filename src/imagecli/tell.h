/* tell.h - events of images, for whoever follows them (event/event.h). */
#pragma once

#include "ui/opt.h"

/* "pull", "push", "load", "save", "import". Never fails: without a run directory nobody follows. */
void tell_image(const struct verb_call *c, const char *action, const char *id, const char *name);
/* The same of one that is known by its canonical name: "docker.io/library/x:1". */
void tell_named(const struct verb_call *c, const char *action, const char *name);
