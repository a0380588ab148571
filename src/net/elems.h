/* elems.h - elements of the firewall's sets as values: added together, removed together, and written down for whoever
 * removes them when the one who added them is gone.
 *
 * Sets are in one of two tables of one name, by family.
 */
#pragma once

#include "json/json.h"
#include "net/nft.h"

#define ELEM_SET_SIZE 16

struct elem {
	int family;                     /* NFPROTO_INET, NFPROTO_BRIDGE */
	char set[ELEM_SET_SIZE];
	unsigned char key[40], data[20];
	size_t key_len, data_len;       /* data_len 0: of a set, not a map */
};

/* Adds a message to a transaction. */
void elem_put(const struct nft *inet, const struct nft *bridge, const struct elem *x, bool remove);
/* NOT_FOUND: the table is gone. */
int elems_add(const char *table, const struct elem *v, size_t n, struct dv_err *e) DV_MUST_USE;
/* What is not there is no error, and neither is a key that leads somewhere else by now: it stays. */
int elems_remove(const char *table, const struct elem *v, size_t n, struct dv_err *e) DV_MUST_USE;

/* Asks the kernel, on a socket of NETLINK_NETFILTER. */
bool elem_there(int fd, const char *table, const struct elem *x);

/* An array, and back. INVALID. */
struct json *elems_json(struct arena *a, const struct elem *v, size_t n);
int elems_parse(struct arena *a, const struct json *list, struct elem **ret, size_t *ret_n, struct dv_err *e) DV_MUST_USE;
