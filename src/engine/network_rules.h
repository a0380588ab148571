/* network_rules.h - between the two files of rules: those that never change, and the elements. */
#pragma once

#include "engine/network_parts.h"
#include "net/nft.h"

/* Both tables without elements; prefix is how the names of our veths begin. */
void rules_write_tables(const struct nft *inet, const struct nft *bridge, const char *prefix);
