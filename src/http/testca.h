/* testca.h - for tests only: an authority that signs whatever certificate a test wants.
 *
 * Nothing here fails: what goes wrong ends the test program with a message.
 */
#pragma once

#include <stdbool.h>

struct testca;

struct testca_want {
	const char *name;               /* the common name */
	const char *org;                /* may be NULL */
	const char *sans;               /* "DNS:localhost,IP:127.0.0.1,URI:spiffe://..."; NULL: none */
	int from_days, to_days;         /* validity, relative to now; both 0: from yesterday to tomorrow */
};

/* A new key and a self-signed certificate. */
struct testca *testca_new(const char *name);
/* One signed by another: what it issues is written with its own certificate behind (a chain). */
struct testca *testca_below(struct testca *above, const char *name);
void testca_free(struct testca *ca);
/* The authority's certificate as PEM. Files are replaced by rename. */
void testca_write(const struct testca *ca, int dirfd, const char *file);
/* A new key and its certificate (chain) as PEM; cert_file and key_file may be the same. */
void testca_issue(const struct testca *ca, const struct testca_want *want, int dirfd, const char *cert_file,
		  const char *key_file);
