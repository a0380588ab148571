/* placeopts.h - options of verbs over transports: rows for one side ("--src-creds"), and what they mean. */
#pragma once

#include "transfer/transport.h"
#include "ui/opt.h"

struct place_args {
	const char *authfile, *creds, *username, *password, *registry_token, *cert_dir;
	const char *tls_verify;         /* NULL, "", "true" or "false" */
	bool no_creds;
};

extern const char *const place_args_bool[];

#define PLACE_OPT_(prefix, name_, type, member, field, arg_, text) \
	{ .name = prefix name_, .kind = OPT_STR, .arg = arg_, .offset = offsetof(type, member.field), .help = text }
/* prefix is "", "src-" or "dest-"; side is what the help calls it. */
#define PLACE_OPTS(type, member, prefix, side) \
	PLACE_OPT_(prefix, "authfile", type, member, authfile, "FILE", "File of credentials for the " side), \
	PLACE_OPT_(prefix, "creds", type, member, creds, "USER:PASSWORD", "Credentials for the " side), \
	PLACE_OPT_(prefix, "username", type, member, username, "USER", "User name for the " side), \
	PLACE_OPT_(prefix, "password", type, member, password, "PASSWORD", "Password for the " side), \
	PLACE_OPT_(prefix, "registry-token", type, member, registry_token, "TOKEN", "Bearer token for the " side), \
	PLACE_OPT_(prefix, "cert-dir", type, member, cert_dir, "DIR", "Certificates and keys for the " side), \
	{ .name = prefix "tls-verify", .kind = OPT_STR, .flags = OPT_OPTIONAL, .arg = "BOOL", .values = place_args_bool, \
	  .offset = offsetof(type, member.tls_verify), \
	  .help = "Require https and a valid certificate of the " side "; false: any certificate, or http" }, \
	{ .name = prefix "no-creds", .kind = OPT_BOOL, .offset = offsetof(type, member.no_creds), \
	  .help = "Ask the " side " without credentials" }

/* *ret is zeroed first; strings stay the arguments' or go to the arena. INVALID. */
int place_args_apply(const struct place_args *args, struct arena *a, struct place_options *ret, struct dv_err *e) DV_MUST_USE;
