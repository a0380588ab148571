/* cgroup_dev.h - device rules; private to the cgroup_*.c files. */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/json.h"

#define DEV_RULES_MAX 2048
#define DEV_ANY (-1)

/* The bits are those of BPF_DEVCG_ACC_*. */
enum dev_access { DEV_MKNOD = 1, DEV_READ = 2, DEV_WRITE = 4, DEV_RWM = 7 };

struct dev_rule {
	bool allow;
	char type;                  /* 'a' (everything, the other fields do not count), 'b', 'c' */
	int64_t major, minor;       /* DEV_ANY */
	unsigned access;
};

/* The rules of linux.resources.devices (NULL: none) in order, and behind them those that runc adds for every container.
 * Before them, everything is denied. INVALID names the rule. */
int dev_rules_parse(struct arena *a, const struct json *list, struct dev_rule **ret, size_t *ret_n,
		    struct dv_err *e) DV_MUST_USE;

/* cgroup v1 knows a default and exceptions from it. */
struct dev_state {
	bool allow_default;
	struct dev_rule *rules;     /* `allow` is of no meaning here */
	size_t n;
};
/* UNSUPPORTED for a rule that would need a hole in a wildcard. */
int dev_state_apply(struct arena *a, struct dev_state *st, const struct dev_rule *rules, size_t n,
		    struct dv_err *e) DV_MUST_USE;
/* The text of devices.list. */
int dev_state_parse(struct arena *a, const char *text, struct dev_state *ret, struct dv_err *e) DV_MUST_USE;

/* v2: the program that decides as the last rule that matches does, for each kind of access. */
int dev_prog_build(struct arena *a, const struct dev_rule *rules, size_t n, struct bpf_insn **ret, size_t *ret_n,
		   struct dv_err *e) DV_MUST_USE;
int dev_prog_load(const struct bpf_insn *prog, size_t n, int *ret_fd, struct dv_err *e) DV_MUST_USE;
/* Takes the place of the programs that are attached there (opened by dirfd, which may be O_PATH). */
int dev_prog_attach(int dirfd, int prog_fd, struct dv_err *e) DV_MUST_USE;
