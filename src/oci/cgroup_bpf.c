/* cgroup_bpf.c - device rules on cgroup v2: a small program, assembled, loaded and attached by bpf(2).
 *
 * The kernel asks the program with type, access bits, major and minor. Rules
 * are walked from the last to the first; each one that matches settles the
 * bits it names, so every bit is decided by the last rule that names it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "oci/cgroup_dev.h"

#define PROGS_MAX 64            /* BPF_CGROUP_MAX_PROGS of the kernel */
#define RULE_INSNS_MAX 12

/* Registers: type, the access bits not settled yet, and the device's numbers. */
enum { R_TYPE = BPF_REG_2, R_LEFT = BPF_REG_3, R_MAJOR = BPF_REG_4, R_MINOR = BPF_REG_5, R_TMP = BPF_REG_1 };

struct prog {
	struct bpf_insn *p;
	size_t n;
};

/* --- assembling --- */

static struct bpf_insn *emit(struct prog *g, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	g->p[g->n] = (struct bpf_insn){ .code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm };
	return &g->p[g->n++];
}

static void emit_return(struct prog *g, int value)
{
	emit(g, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, value);
	emit(g, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void emit_prologue(struct prog *g)
{
	emit(g, BPF_LDX | BPF_MEM | BPF_W, R_TYPE, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
	emit(g, BPF_ALU | BPF_MOV | BPF_X, R_LEFT, R_TYPE, 0, 0);
	emit(g, BPF_ALU | BPF_AND | BPF_K, R_TYPE, 0, 0, 0xffff);
	emit(g, BPF_ALU | BPF_RSH | BPF_K, R_LEFT, 0, 0, 16);
	emit(g, BPF_LDX | BPF_MEM | BPF_W, R_MAJOR, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, major), 0);
	emit(g, BPF_LDX | BPF_MEM | BPF_W, R_MINOR, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
}

static void emit_rule(struct prog *g, const struct dev_rule *rule)
{
	size_t skips[4], n = 0;

	skips[n++] = g->n;
	emit(g, BPF_JMP32 | BPF_JNE | BPF_K, R_TYPE, 0, 0, rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (rule->major != DEV_ANY) {
		skips[n++] = g->n;
		emit(g, BPF_JMP32 | BPF_JNE | BPF_K, R_MAJOR, 0, 0, (int32_t)(uint32_t)rule->major);
	}
	if (rule->minor != DEV_ANY) {
		skips[n++] = g->n;
		emit(g, BPF_JMP32 | BPF_JNE | BPF_K, R_MINOR, 0, 0, (int32_t)(uint32_t)rule->minor);
	}
	if (rule->allow) {
		/* These bits are granted; done when it was all. */
		emit(g, BPF_ALU | BPF_AND | BPF_K, R_LEFT, 0, 0, (int32_t)(~rule->access & DEV_RWM));
		skips[n++] = g->n;
		emit(g, BPF_JMP32 | BPF_JNE | BPF_K, R_LEFT, 0, 0, 0);
		emit_return(g, 1);
	} else {
		emit(g, BPF_ALU | BPF_MOV | BPF_X, R_TMP, R_LEFT, 0, 0);
		emit(g, BPF_ALU | BPF_AND | BPF_K, R_TMP, 0, 0, (int32_t)rule->access);
		skips[n++] = g->n;
		emit(g, BPF_JMP32 | BPF_JEQ | BPF_K, R_TMP, 0, 0, 0);
		emit_return(g, 0);
	}
	for (size_t i = 0; i < n; i++)
		g->p[skips[i]].off = (int16_t)(g->n - skips[i] - 1);
}

int dev_prog_build(struct arena *a, const struct dev_rule *rules, size_t n, struct bpf_insn **ret, size_t *ret_n,
		   struct dv_err *e)
{
	struct prog g = { 0 };
	size_t first = n;
	bool allow = false;

	/* A rule for everything ends what came before it, and is the answer when none of those behind it matches. */
	while (first > 0 && rules[first - 1].type != 'a')
		first--;
	if (first > 0)
		allow = rules[first - 1].allow;
	if (n - first > DEV_RULES_MAX + 64)
		return dv_fail(e, DV_LIMIT, "cgroup: %zu device rules", n - first);
	g.p = arena_array(a, struct bpf_insn, 8 + (n - first) * RULE_INSNS_MAX);
	emit_prologue(&g);
	for (size_t i = n; i > first; i--)
		emit_rule(&g, &rules[i - 1]);
	emit_return(&g, allow);
	*ret = g.p;
	*ret_n = g.n;
	return 0;
}

/* --- the kernel --- */

static int bpf_call(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof *attr);
}

int dev_prog_load(const struct bpf_insn *prog, size_t n, int *ret_fd, struct dv_err *e)
{
	static const char license[] = "Apache-2.0";
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof attr);
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)prog;
	attr.insn_cnt = (uint32_t)n;
	attr.license = (uint64_t)(uintptr_t)license;
	memcpy(attr.prog_name, "davit_devices", sizeof "davit_devices");
	fd = bpf_call(BPF_PROG_LOAD, &attr);
	if (fd < 0)
		return dv_fail_errno(e, errno, "cgroup: load the device program");
	*ret_fd = fd;
	return 0;
}

static int progs_attached(int cgroup, uint32_t ids[PROGS_MAX], uint32_t *ret_n)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof attr);
	attr.query.target_fd = (uint32_t)cgroup;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
	attr.query.prog_cnt = PROGS_MAX;
	if (bpf_call(BPF_PROG_QUERY, &attr) < 0)
		return errno;
	*ret_n = attr.query.prog_cnt;
	return 0;
}

static int prog_by_id(uint32_t id)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof attr);
	attr.prog_id = id;
	return bpf_call(BPF_PROG_GET_FD_BY_ID, &attr);
}

static int attach(int cgroup, int prog, int replace)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof attr);
	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)prog;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI | (replace >= 0 ? BPF_F_REPLACE : 0);
	if (replace >= 0)
		attr.replace_bpf_fd = (uint32_t)replace;
	return bpf_call(BPF_PROG_ATTACH, &attr) < 0 ? errno : 0;
}

static void detach(int cgroup, int prog)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof attr);
	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)prog;
	attr.attach_type = BPF_CGROUP_DEVICE;
	(void)bpf_call(BPF_PROG_DETACH, &attr);
}

/* All programs of a cgroup must agree, so an old one that stays would keep its denials. One is replaced in one step;
 * with several (an interrupted update) the new one comes first, and the container is never without a program. */
int dev_prog_attach(int dirfd, int prog_fd, struct dv_err *e)
{
	auto_close int cgroup = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint32_t ids[PROGS_MAX], n = 0;
	int sys;

	if (cgroup < 0)
		return dv_fail_errno(e, errno, "cgroup: open for the device program");
	sys = progs_attached(cgroup, ids, &n);
	if (sys)
		return dv_fail_errno(e, sys, "cgroup: list device programs");
	if (n == 1) {
		auto_close int old = prog_by_id(ids[0]);

		if (old >= 0 && attach(cgroup, prog_fd, old) == 0)
			return 0;
	}
	sys = attach(cgroup, prog_fd, -1);
	if (sys)
		return dv_fail_errno(e, sys, "cgroup: attach the device program");
	for (uint32_t i = 0; i < n; i++) {
		auto_close int old = prog_by_id(ids[i]);

		if (old >= 0)
			detach(cgroup, old);
	}
	return 0;
}
