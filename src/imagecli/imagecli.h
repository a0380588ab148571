/* imagecli.h - the command line of davit-image: what needs fast compression, TLS or a registry.
 *
 * davit lists these verbs as external ones (cli/program.c) and becomes this
 * program for them: users type "davit pull". One file per verb, one row in program.c.
 */
#pragma once

#include "ui/opt.h"

#define IMAGECLI_ROOT_DEFAULT "/var/lib/davit"
#define IMAGECLI_RUNROOT_DEFAULT "/run/davit"

struct imagecli_globals {
	const char *root, *runroot;     /* never NULL when a verb runs */
};

extern const struct program imagecli_program;
extern const struct verb imageverb_pull, imageverb_push;
extern const struct verb imageverb_check, imageverb_load, imageverb_login, imageverb_logout;
extern const struct verb imageverb_copy, imageverb_save, imageverb_list_tags, imageverb_delete,
	imageverb_import, imageverb_manifest;
extern const struct verb imageverb_registry;
