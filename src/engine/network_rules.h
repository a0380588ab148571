/* network_rules.h - between the two files of rules: those that never change, and the elements. */
#pragma once

#include "engine/network_parts.h"
#include "net/nft.h"

/* Both tables without elements; prefix is how the names of our veths begin. */
void rules_write_tables(const struct nft *inet, const struct nft *bridge, const char *prefix);

/* network_others.c: our rules are in (wanted), or gone from, the chains of others that drop what they do not know. */
int others_write(struct engine *g, struct arena *a, bool wanted, struct dv_err *e) DV_MUST_USE;
