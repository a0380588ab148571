/* seccomp.c - reads linux.seccomp of an OCI bundle into a profile. */
#include <errno.h>
#include <linux/seccomp.h>

#include "base/log.h"
#include "base/str.h"
#include "json/view.h"
#include "oci/seccomp_profile.h"

/* kernel headers of Debian 12 and older */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define ERRNO_MAX 4095
#define WHERE "linux.seccomp"

#define ARG_VIEW(F, c) \
	F(c, u64, index,     "index",    REQ, NULL) \
	F(c, u64, value,     "value",    REQ, NULL) \
	F(c, u64, value_two, "valueTwo", 0,   NULL) \
	F(c, str, op,        "op",       REQ, NULL)
DV_VIEW(arg_view, ARG_VIEW);

#define CALL_VIEW(F, c) \
	F(c, strs, names,     "names",    REQ, NULL) \
	F(c, str,  action,    "action",   REQ, NULL) \
	F(c, u64,  errno_ret, "errnoRet", 0,   NULL) \
	F(c, list, args,      "args",     0,   &arg_view_schema)
DV_VIEW(call_view, CALL_VIEW);

#define SECCOMP_VIEW(F, c) \
	F(c, str,  default_action,    "defaultAction",    REQ, NULL) \
	F(c, u64,  default_errno_ret, "defaultErrnoRet",  0,   NULL) \
	F(c, strs, architectures,     "architectures",    0,   NULL) \
	F(c, strs, flags,             "flags",            0,   NULL) \
	F(c, str,  listener_path,     "listenerPath",     0,   NULL) \
	F(c, str,  listener_metadata, "listenerMetadata", 0,   NULL) \
	F(c, list, syscalls,          "syscalls",         0,   &call_view_schema)
DV_VIEW(seccomp_view, SECCOMP_VIEW);

/* --- names of the spec --- */

struct action_row {
	const char *name;
	uint32_t action;
	uint32_t data;       /* its own when errnoRet is absent */
	uint32_t data_max;   /* 0: takes no errnoRet */
};

static const struct action_row actions[] = {
	{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW, 0, 0 },
	{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, EPERM, ERRNO_MAX },
	{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD, 0, 0 },
	{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD, 0, 0 },
	{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, 0, 0 },
	{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP, 0, 0 },
	{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE, EPERM, SECCOMP_RET_DATA },
	{ "SCMP_ACT_LOG", SECCOMP_RET_LOG, 0, 0 },
	{ "SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF, 0, 0 },
};

static const struct {
	const char *name;
	enum seccomp_op op;
} ops[] = {
	{ "SCMP_CMP_NE", SECCOMP_NE }, { "SCMP_CMP_LT", SECCOMP_LT }, { "SCMP_CMP_LE", SECCOMP_LE },
	{ "SCMP_CMP_EQ", SECCOMP_EQ }, { "SCMP_CMP_GE", SECCOMP_GE }, { "SCMP_CMP_GT", SECCOMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SECCOMP_MASKED_EQ },
};

static const struct {
	const char *name;
	unsigned flag;
} flags[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
};

/* --- decoding --- */

static int action_decode(const char *name, const struct opt_u64 *data, uint32_t *ret, struct dv_err *e)
{
	size_t i = 0;

	while (i < ARRAY_LEN(actions) && !streq(actions[i].name, name))
		i++;
	if (i == ARRAY_LEN(actions))
		return dv_fail(e, DV_INVALID, "unknown action \"%s\"", name);
	if (data->set && !actions[i].data_max)
		return dv_fail(e, DV_INVALID, "%s takes no errno", name);
	if (data->set && data->v > actions[i].data_max)
		return dv_fail(e, DV_INVALID, "errno %llu of %s is above %u", (unsigned long long)data->v, name,
			       actions[i].data_max);
	*ret = actions[i].action | (data->set ? (uint32_t)data->v : actions[i].data);
	return 0;
}

static int cond_decode(const struct arg_view *arg, struct seccomp_cond *ret, struct dv_err *e)
{
	size_t i = 0;

	if (arg->index.v >= SECCOMP_ARGS)
		return dv_fail(e, DV_INVALID, "index %llu is above %d", (unsigned long long)arg->index.v,
			       SECCOMP_ARGS - 1);
	while (i < ARRAY_LEN(ops) && !streq(ops[i].name, arg->op))
		i++;
	if (i == ARRAY_LEN(ops))
		return dv_fail(e, DV_INVALID, "unknown operator \"%s\"", arg->op);
	*ret = (struct seccomp_cond){ .arg = (unsigned char)arg->index.v, .op = (unsigned char)ops[i].op,
				      .value = arg->value.v };
	if (ops[i].op == SECCOMP_MASKED_EQ) {
		ret->mask = arg->value.v;
		ret->value = arg->value_two.v & ret->mask;
	}
	return 0;
}

/* nth is the place of the call in syscalls[], for errors; here and below. */
static int conds_decode(struct arena *a, size_t nth, const struct view_list *args, const struct seccomp_cond **ret,
			struct dv_err *e)
{
	struct seccomp_cond *conds = arena_array(a, struct seccomp_cond, args->n);

	for (size_t i = 0; i < args->n; i++)
		if (cond_decode(view_at(args, struct arg_view, i), &conds[i], e) < 0)
			return dv_wrap(e, WHERE ".syscalls[%zu].args[%zu]", nth, i);
	*ret = conds;
	return 0;
}

/* The kernel asks the listener through write(2) of whoever handles it: a filter on it would stop itself. */
static int call_check_notify(const struct call_view *call, size_t nth, uint32_t action, struct dv_err *e)
{
	if (action != SECCOMP_RET_USER_NOTIF)
		return 0;
	for (size_t i = 0; call->names[i]; i++)
		if (streq(call->names[i], "write"))
			return dv_fail(e, DV_INVALID,
				       WHERE ".syscalls[%zu].names[%zu]: SCMP_ACT_NOTIFY cannot be used for write",
				       nth, i);
	return 0;
}

static int call_decode(struct seccomp_profile *p, const struct call_view *call, size_t nth, bool *has_notify,
		       struct dv_err *e)
{
	const struct seccomp_cond *conds = NULL;
	uint32_t action;

	if (action_decode(call->action, &call->errno_ret, &action, e) < 0)
		return dv_wrap(e, WHERE ".syscalls[%zu].action", nth);
	if (call_check_notify(call, nth, action, e) < 0 || conds_decode(p->arena, nth, &call->args, &conds, e) < 0)
		return -e->kind;
	*has_notify |= action == SECCOMP_RET_USER_NOTIF;
	for (size_t i = 0; call->names[i]; i++) {
		int id = syscall_id(call->names[i]);

		if (id >= 0)
			seccomp_profile_add(p, (unsigned)id, action, conds, (unsigned)call->args.n);
		else
			log_debug("seccomp: ignoring an unknown system call", "name", call->names[i], NULL);
	}
	return 0;
}

static int archs_decode(const char **names, uint32_t *archs, struct dv_err *e)
{
	for (size_t i = 0; names && names[i]; i++) {
		const struct syscall_arch *arch = syscall_arch_find(names[i]);

		if (!arch)
			return dv_fail(e, DV_INVALID, WHERE ".architectures[%zu]: unknown architecture \"%s\"", i,
				       names[i]);
		*archs |= 1u << (arch - syscall_archs);
	}
	return 0;
}

/* No list at all gives what runc and crun give: SPEC_ALLOW, where the kernel has it. */
static int flags_decode(const char **names, struct seccomp_filter *ret, struct dv_err *e)
{
	ret->flags = names ? 0 : SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	ret->soft_flags = ret->flags | SECCOMP_FILTER_FLAG_TSYNC;
	for (size_t i = 0; names && names[i]; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(flags) && !streq(flags[k].name, names[i]))
			k++;
		if (k == ARRAY_LEN(flags))
			return dv_fail(e, DV_INVALID, WHERE ".flags[%zu]: unknown flag \"%s\"", i, names[i]);
		ret->flags |= flags[k].flag;
	}
	return 0;
}

static int profile_decode(struct arena *a, const struct seccomp_view *v, struct seccomp_profile *p,
			  struct seccomp_filter *ret, struct dv_err *e)
{
	uint32_t action;

	if (action_decode(v->default_action, &v->default_errno_ret, &action, e) < 0)
		return dv_wrap(e, WHERE ".defaultAction");
	if (action == SECCOMP_RET_USER_NOTIF)
		return dv_fail(e, DV_INVALID, WHERE ".defaultAction: SCMP_ACT_NOTIFY cannot be the default action");
	seccomp_profile_init(p, a, action);
	if (archs_decode(v->architectures, &p->archs, e) < 0 || flags_decode(v->flags, ret, e) < 0)
		return -e->kind;
	for (size_t i = 0; i < v->syscalls.n; i++)
		if (call_decode(p, view_at(&v->syscalls, struct call_view, i), i, &ret->has_notify, e) < 0)
			return -e->kind;
	return 0;
}

int seccomp_compile(struct arena *a, const struct json *seccomp, struct seccomp_filter *ret, struct dv_err *e)
{
	struct dv_err local;
	struct seccomp_view v;
	struct seccomp_profile p;
	struct seccomp_filter filter = { 0 };

	e = e ? e : &local;
	if (view_decode(a, seccomp, &seccomp_view_schema, WHERE, &v, e) < 0 ||
	    profile_decode(a, &v, &p, &filter, e) < 0 || seccomp_generate(&p, &filter, e) < 0)
		return -e->kind;
	filter.listener_path = v.listener_path;
	filter.listener_metadata = v.listener_metadata;
	*ret = filter;
	return 0;
}

/* --- the same names for `features` --- */

#define NAMES_OF(table, a) \
	({ \
		const char **names_ = arena_array(a, const char *, ARRAY_LEN(table) + 1); \
		for (size_t i_ = 0; i_ < ARRAY_LEN(table); i_++) \
			names_[i_] = table[i_].name; \
		names_; \
	})

static const char *const *arch_names(struct arena *a)
{
	const char **names = arena_array(a, const char *, syscall_n_archs + 1);

	for (unsigned i = 0; i < syscall_n_archs; i++)
		names[i] = syscall_archs[i].name;
	return names;
}

const char *const *seccomp_names(struct arena *a, enum seccomp_name_kind kind)
{
	switch (kind) {
	case SECCOMP_NAMES_ACTIONS:
		return NAMES_OF(actions, a);
	case SECCOMP_NAMES_OPERATORS:
		return NAMES_OF(ops, a);
	case SECCOMP_NAMES_FLAGS:
		return NAMES_OF(flags, a);
	case SECCOMP_NAMES_ARCHS:
		break;
	}
	return arch_names(a);
}
