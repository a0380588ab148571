/* zone.h - the names of containers: per network, each record owned by a container.
 *
 * A container asks for names of the networks that it is in and of no others. Two containers may share a name (an
 * alias): its answer has the addresses of both, in turns.
 */
#pragma once

#include "dns/message.h"

struct zone;

struct zone_addr {
	uint8_t len;                    /* 4 or 16 */
	uint8_t bytes[16];
};

struct zone *zone_new(void);
void zone_free(struct zone *z);

#define ZONE_NAMES_MAX 64               /* of one owner in one network */
#define ZONE_ADDRS_MAX 16
#define ZONE_OWNERS_MAX 65536           /* of all networks together */

/* What owner has in network, instead of what it had there. The first name is the one that its addresses lead back
 * to. INVALID for a bad name, LIMIT. Nothing changes on failure. */
int zone_set(struct zone *z, const char *network, const char *owner, const char *const *names, size_t n_names,
	     const struct zone_addr *addrs, size_t n_addrs, struct dv_err *e) DV_MUST_USE;
void zone_drop(struct zone *z, const char *network, const char *owner);
size_t zone_owners(const struct zone *z);

/* Who asks: an address in a network. */
struct zone_asker {
	const char *network;
	struct zone_addr addr;
};
/* Writes a whole answer into w when the name is one of ours for this asker: true. An A record that is asked for as
 * AAAA exists, and is no NXDOMAIN (musl's resolver would give up). */
bool zone_answer(struct zone *z, const struct zone_asker *asker, const struct dns_query *q, const void *query,
		 void *out, size_t max, size_t *ret_len);
