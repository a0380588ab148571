/* ctr_opts.h - the flags that run and create share: lists of rows, one file a theme.
 *
 * A row stores into the member of struct ctr_args that has the name of its field in struct run_request.
 */
#pragma once

#include "cli/cli.h"
#include "cli/ctr_opts_mounts.h"
#include "engine/request.h"

/* A member for each field of the request, and what is of the command line alone. */
typedef const char *ctr_arg_str;
typedef struct opt_strs ctr_arg_strs;
typedef struct opt_int ctr_arg_i64;
typedef bool ctr_arg_bool;
#define CTR_ARG_(kind, member) ctr_arg_##kind member;
struct ctr_args {
	RUN_REQUEST(CTR_ARG_)
	const char *pull;
	bool quiet;
	struct opt_strs ignored;
	bool ignored_bool;
	const char *sig_proxy;
	const char *pod_id_file;
};

#define CTR_AT(member) offsetof(struct ctr_args, member)
#define CTR_ROW(kind_, name_, letter_, member, arg_, help_) \
	{ .name = name_, .letter = letter_, .kind = OPT_##kind_, .arg = arg_, .offset = CTR_AT(member), .help = help_ },
/* A flag that stands alone. */
#define CTR_BOOL(name_, letter_, member, help_) \
	{ .name = name_, .letter = letter_, .kind = OPT_BOOL, .offset = CTR_AT(member), .help = help_ },
/* Another name of the same. */
#define CTR_ALSO(kind_, name_, member) \
	{ .name = name_, .kind = OPT_##kind_, .flags = OPT_HIDDEN, .arg = "VALUE", .offset = CTR_AT(member), .help = "The same" },
/* One of a closed list. */
#define CTR_ONE(name_, member, arg_, values_, help_) \
	{ .name = name_, .kind = OPT_STR, .arg = arg_, .offset = CTR_AT(member), .values = values_, .help = help_ },
/* Bytes, or -1. */
#define CTR_BYTES_OR_NONE(name_, member, help_) \
	{ .name = name_, .kind = OPT_BYTES, .flags = OPT_MINUS_ONE, .arg = "BYTES", .offset = CTR_AT(member), .help = help_ },
/* Taken for the sake of scripts; nothing follows from it. */
#define CTR_IGNORED(name_, help_) \
	{ .name = name_, .kind = OPT_STRS, .flags = OPT_HIDDEN, .arg = "VALUE", .offset = CTR_AT(ignored), .help = help_ },
#define CTR_IGNORED_BOOL(name_, member, help_) \
	{ .name = name_, .kind = OPT_BOOL, .flags = OPT_HIDDEN, .offset = CTR_AT(member), .help = help_ },
/* Refused with a reason. */
#define CTR_REFUSED(name_, parse_) \
	{ .name = name_, .kind = OPT_FUNC, .flags = OPT_HIDDEN, .arg = "VALUE", .parse = parse_, .help = "Not supported" },

#include "cli/ctr_opts_identity.h"
#include "cli/ctr_opts_process.h"
#include "cli/ctr_opts_limits.h"
#include "cli/ctr_opts_security.h"
#include "cli/ctr_opts_mounts.h"
#include "cli/ctr_opts_network.h"
#include "cli/ctr_opts_rare.h"

/* Rows of a `static const struct opt opts[]`. */
#define CTR_OPTS \
	CTR_OPTS_IDENTITY CTR_OPTS_PROCESS CTR_OPTS_LIMITS CTR_OPTS_SECURITY CTR_OPTS_MOUNTS CTR_OPTS_NETWORK CTR_OPTS_RARE

/* Of the operands and the flags. */
struct run_request ctr_request(const struct verb_call *c);
struct run_request ctr_request_of(const struct ctr_args *x);
/* The pod that the flags name: one that is made now (--pod new:NAME), or that of --pod-id-file. */
int ctr_want_pod(struct verb_call *c, struct engine *g, struct run_request *q, struct dv_err *e) DV_MUST_USE;
/* Pulls the image first where the flags say so, and removes the container that has the name (--replace). */
int ctr_want_image(struct verb_call *c, struct engine *g, const struct run_request *q, struct dv_err *e) DV_MUST_USE;

#include "cli/ctr_opts_life.h"
