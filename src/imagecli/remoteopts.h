/* remoteopts.h - the options that every verb has that talks to a registry: rows, members, and their meaning.
 *
 *	struct pull_args { struct remote_args remote; ... };
 *	static const struct opt pull_opts[] = { REMOTE_OPTS(struct pull_args, remote), ... { 0 } };
 *	...
 *	struct remote_options o;
 *	remote_args_apply(&args->remote, &o);
 */
#pragma once

#include "transfer/remote.h"
#include "ui/opt.h"

struct remote_args {
	const char *authfile, *cert_dir, *creds;
	const char *tls_verify;         /* NULL, "", "true" or "false" */
	struct opt_int retry, retry_delay;
};

extern const char *const remote_args_bool[];

#define REMOTE_OPTS_LOGIN(type, member) \
	{ .name = "authfile", .kind = OPT_STR, .arg = "FILE", .offset = offsetof(type, member.authfile), \
	  .help = "File of credentials, instead of the usual places" }, \
	{ .name = "cert-dir", .kind = OPT_STR, .arg = "DIR", .offset = offsetof(type, member.cert_dir), \
	  .help = "Certificates and keys (*.crt, *.cert, *.key) for the registry" }, \
	{ .name = "tls-verify", .kind = OPT_STR, .flags = OPT_OPTIONAL, .arg = "BOOL", .values = remote_args_bool, \
	  .offset = offsetof(type, member.tls_verify), \
	  .help = "Require https and a valid certificate; false: take any certificate, or http" }
#define REMOTE_OPTS(type, member) \
	REMOTE_OPTS_LOGIN(type, member), \
	{ .name = "creds", .kind = OPT_STR, .arg = "USER:PASSWORD", .offset = offsetof(type, member.creds), \
	  .help = "Credentials for the registry (others can see them in the list of processes: prefer login)" }

#define REMOTE_OPTS_RETRY(type, member) \
	{ .name = "retry", .kind = OPT_U64, .arg = "N", .offset = offsetof(type, member.retry), \
	  .help = "Repeat a failed step up to N times (default 4)" }, \
	{ .name = "retry-delay", .kind = OPT_U64, .arg = "SECONDS", .offset = offsetof(type, member.retry_delay), \
	  .help = "The first pause before that, doubled each time" }

/* *ret is zeroed first; strings stay the arguments'. */
void remote_args_apply(const struct remote_args *args, struct remote_options *ret);
