/* seccomp.h - system call filters: from linux.seccomp of an OCI bundle to a loaded BPF program.
 *
 * Decisions are libseccomp's and runc's: rules of one call are alternatives,
 * the arguments of one rule must all match (arguments that name one index
 * twice become rules of their own, as in runc), a rule without arguments
 * beats every other of its call, rules that repeat the default action are
 * left out, foreign architectures are killed. Like runc, a call newer than
 * every call the profile names gives ENOSYS when the default action refuses.
 *
 * Compiling allocates in the caller's arena; loading allocates nothing and
 * may run in a container's init just before exec.
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "json/json.h"

struct seccomp_filter {
	struct sock_filter *insns;
	size_t n;
	unsigned flags;                  /* SECCOMP_FILTER_FLAG_*, apart from NEW_LISTENER */
	unsigned soft_flags;             /* those of flags that an old kernel may do without */
	bool has_notify;                 /* loading gives a descriptor */
	const char *listener_path;       /* of linux.seccomp, NULL if not there: the caller says whether it */
	const char *listener_metadata;   /* needs one when has_notify is set */
};

/* `seccomp` is the object at linux.seccomp. INVALID names the field below it; LIMIT when the program
 * would pass the kernel's 4096 instructions. Names of calls that exist nowhere are ignored. */
int seccomp_compile(struct arena *a, const struct json *seccomp, struct seccomp_filter *ret,
		    struct dv_err *e) DV_MUST_USE;

/* Filter this thread from now on. *ret_notify_fd is the listener (close-on-exec, the caller's), or -1
 * without has_notify. FORBIDDEN: neither no_new_privs nor CAP_SYS_ADMIN; UNSUPPORTED: the kernel
 * lacks filters, an action or a flag. */
int seccomp_load(const struct seccomp_filter *f, int *ret_notify_fd, struct dv_err *e) DV_MUST_USE;

/* What the decoder knows, for `features`: NULL-terminated, in the arena. */
enum seccomp_name_kind { SECCOMP_NAMES_ACTIONS, SECCOMP_NAMES_OPERATORS, SECCOMP_NAMES_FLAGS, SECCOMP_NAMES_ARCHS };
const char *const *seccomp_names(struct arena *a, enum seccomp_name_kind kind);
