/* rules.h - who may do what with which repository.
 *
 * A file in JSON or YAML:
 *
 *	groups:
 *	  ops: [alice, bob]
 *	rules:
 *	- repositories: ["public-*"]
 *	  anonymous: true
 *	  actions: [pull]
 *	- repositories: ["team-*", "tools"]
 *	  users: [carol]
 *	  groups: [ops]
 *	  actions: [pull, push, delete]
 *
 * An action is allowed when one rule allows it; "*" stands for every user who has
 * named himself, and in patterns for anything but a slash, "**" also for slashes.
 * Immutable once read, so that a new set can replace it at any time.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

enum action { ACTION_PULL = 1, ACTION_PUSH = 2, ACTION_DELETE = 4, ACTION_ALL = 7 };

struct rules;

/* INVALID names the member that is wrong. text is JSON, or YAML. */
int rules_parse(const char *text, size_t len, struct rules **ret, struct dv_err *e) DV_MUST_USE;
int rules_read(const char *path, struct rules **ret, struct dv_err *e) DV_MUST_USE;
void rules_free(struct rules *r);
/* What user (NULL: nobody named) may do with the repository. Without rules (NULL) a user may do everything. */
unsigned rules_actions(const struct rules *r, const char *user, const char *repo);

bool rules_match(const char *pattern, const char *name);
/* 0 when it is none. */
unsigned action_parse(const char *name, size_t len);
