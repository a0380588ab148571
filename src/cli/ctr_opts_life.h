/* ctr_opts_life.h - rows of ctr_opts.h: streams, logs, restarts; and those of run alone. */
#pragma once

#include "engine/keys.h"

#define CTR_LIFE(kind_, name_, letter_, member, arg_, help_) \
	{ .name = name_, .letter = letter_, .kind = OPT_##kind_, .arg = arg_, .offset = offsetof(struct ctr_args, member), .help = help_ },

#define CTR_OPTS_LIFE \
	CTR_LIFE(STRS, "attach",     'a', attach,     "STREAM",  "Attach only to these: stdin, stdout, stderr") \
	CTR_LIFE(STR,  "cidfile",    0,   cidfile,    "FILE",    "Write the container's id to a file, which must not exist") \
	CTR_LIFE(STR,  "restart",    0,   restart,    "POLICY",  "no, on-failure[:N], always, unless-stopped") \
	CTR_LIFE(I64,  "timeout",    0,   timeout,    "SECONDS", "Kill it after so long a life") \
	CTR_LIFE(BOOL, "init",       0,   init,       NULL,      "A first process that passes signals on and reaps") \
	CTR_LIFE(STR,  "init-path",  0,   init_path,  "FILE",    "This program instead of ours") \
	CTR_LIFE(STR,  "log-driver", 0,   log_driver, "DRIVER",  "Where its output is kept: json-file (the default), local, journald, none") \
	CTR_LIFE(STRS, "log-opt",    0,   log_opts,   "K=V",     "max-size=10m, max-file=3, tag=..., labels=..., env=...")
#define CTR_OPTS_RUN \
	CTR_LIFE(BOOL, "detach",     'd', detach,     NULL,      "Do not wait for its end: print its id") \
	CTR_LIFE(STR,  "detach-keys", 0,  detach_keys, "KEYS",   "What to type to leave it (default " DETACH_KEYS_DEFAULT ")") \
	CTR_LIFE(STR,  "pidfile",    0,   pidfile,    "FILE",    "Write the process id of its first process to a file") \
	{ .name = "sig-proxy", .kind = OPT_STR, .flags = OPT_OPTIONAL, .arg = "BOOL", .offset = offsetof(struct ctr_args, sig_proxy), \
	  .values = ctr_bools, .help = "Pass signals on to it (default true)" },

extern const char *const ctr_bools[];
/* Of a flag with ctr_bools: true unless it says false. */
bool ctr_bool(const char *value);

/* FILE must not be there yet; then it gets the text. */
int ctr_check_cidfile(const char *path, struct dv_err *e) DV_MUST_USE;
int ctr_write_file(const char *path, const char *text, struct dv_err *e) DV_MUST_USE;
