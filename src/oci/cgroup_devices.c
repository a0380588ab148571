/* cgroup_devices.c - which devices a container may use: the rules, and their form on cgroup v1.
 *
 * v1 knows one default and exceptions from it, so the ordered rules are folded
 * into that form first; what cannot be said in it is refused, because the
 * kernel would take such a rule and ignore it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "json/view.h"
#include "oci/cgroup_dev.h"
#include "oci/cgroup_priv.h"
#include "oci/cgroup_res.h"

#define RES_DEVICE(F, c) \
	F(c, bool, allow,  "allow",  0, NULL) \
	F(c, str,  type,   "type",   0, NULL) \
	F(c, i64,  major,  "major",  0, NULL) \
	F(c, i64,  minor,  "minor",  0, NULL) \
	F(c, str,  access, "access", 0, NULL)
DV_VIEW(res_device, RES_DEVICE);

/* As runc: mknod of anything (opening it is another matter), and what every container's /dev has. */
static const struct dev_rule defaults[] = {
	{ true, 'c', DEV_ANY, DEV_ANY, DEV_MKNOD },
	{ true, 'b', DEV_ANY, DEV_ANY, DEV_MKNOD },
	{ true, 'c', 1, 3, DEV_RWM },        /* null */
	{ true, 'c', 1, 8, DEV_RWM },        /* random */
	{ true, 'c', 1, 7, DEV_RWM },        /* full */
	{ true, 'c', 5, 0, DEV_RWM },        /* tty */
	{ true, 'c', 1, 5, DEV_RWM },        /* zero */
	{ true, 'c', 1, 9, DEV_RWM },        /* urandom */
	{ true, 'c', 136, DEV_ANY, DEV_RWM },/* pts */
	{ true, 'c', 5, 2, DEV_RWM },        /* ptmx */
	{ true, 'c', 10, 200, DEV_RWM },     /* net/tun */
};

/* --- the rules --- */

/* 0 for a letter that is none of r, w, m. */
static unsigned access_bits(const char *text)
{
	unsigned bits = 0;

	for (; *text; text++) {
		unsigned bit = *text == 'm' ? DEV_MKNOD : *text == 'r' ? DEV_READ : *text == 'w' ? DEV_WRITE : 0;

		if (!bit)
			return 0;
		bits |= bit;
	}
	return bits;
}

static int rule_number(struct opt_i64 v, const char *what, size_t i, int64_t *ret, struct dv_err *e)
{
	if (v.set && (v.v < DEV_ANY || v.v > UINT32_MAX))
		return dv_fail(e, DV_INVALID, "linux.resources.devices[%zu].%s: %" PRId64 " is out of range", i, what, v.v);
	*ret = v.set ? v.v : DEV_ANY;
	return 0;
}

static int rule_parse(struct arena *a, const struct json *j, size_t i, struct dev_rule *ret, struct dv_err *e)
{
	struct dev_rule rule;
	struct res_device d;
	char where[48];
	int r;

	(void)snprintf(where, sizeof where, "linux.resources.devices[%zu]", i);
	r = view_decode(a, j, &res_device_schema, where, &d, e);
	if (r < 0)
		return r;
	rule = (struct dev_rule){ .allow = d.allow, .type = d.type && *d.type ? *d.type : 'a' };
	if ((d.type && strlen(d.type) > 1) || !strchr("abc", rule.type))
		return dv_fail(e, DV_INVALID, "%s.type: \"%s\" is none of a, b, c", where, d.type);
	rule.access = d.access ? access_bits(d.access) : DEV_RWM;
	if (!rule.access)
		return dv_fail(e, DV_INVALID, "%s.access: \"%s\" is not made of r, w, m", where, d.access);
	r = rule_number(d.major, "major", i, &rule.major, e);
	if (r == 0)
		r = rule_number(d.minor, "minor", i, &rule.minor, e);
	if (r == 0)
		*ret = rule;
	return r;
}

int dev_rules_parse(struct arena *a, const struct json *list, struct dev_rule **ret, size_t *ret_n, struct dv_err *e)
{
	struct dev_rule *rules;
	size_t n = 0;

	if (json_type(list) != JSON_NULL && json_type(list) != JSON_ARRAY)
		return dv_fail(e, DV_INVALID, "linux.resources.devices: an array is wanted");
	if (json_len(list) > DEV_RULES_MAX)
		return dv_fail(e, DV_LIMIT, "linux.resources.devices: more than %d rules", DEV_RULES_MAX);
	rules = arena_array(a, struct dev_rule, json_len(list) + ARRAY_LEN(defaults));
	for (JSON_EACH(it, list)) {
		int r = rule_parse(a, it.value, n, &rules[n], e);
		if (r < 0)
			return r;
		n++;
	}
	memcpy(rules + n, defaults, sizeof defaults);
	*ret = rules;
	*ret_n = n + ARRAY_LEN(defaults);
	return 0;
}

/* --- the state of a v1 cgroup --- */

static const char *rule_text(struct arena *a, const struct dev_rule *r)
{
	struct buf b = BUF_INIT(128);
	const char *text;

	buf_char(&b, r->type);
	buf_char(&b, ' ');
	if (r->major == DEV_ANY)
		buf_char(&b, '*');
	else
		buf_printf(&b, "%" PRId64, r->major);
	buf_char(&b, ':');
	if (r->minor == DEV_ANY)
		buf_char(&b, '*');
	else
		buf_printf(&b, "%" PRId64, r->minor);
	buf_printf(&b, " %s%s%s", r->access & DEV_READ ? "r" : "", r->access & DEV_WRITE ? "w" : "",
		   r->access & DEV_MKNOD ? "m" : "");
	text = arena_str(a, buf_cstr(&b));
	buf_done(&b);
	return text;
}

static bool same_dev(const struct dev_rule *x, const struct dev_rule *y)
{
	return x->type == y->type && x->major == y->major && x->minor == y->minor;
}

/* Does x reach every device that y does? */
static bool covers(const struct dev_rule *x, const struct dev_rule *y)
{
	return x->type == y->type && (x->major == DEV_ANY || x->major == y->major) &&
	       (x->minor == DEV_ANY || x->minor == y->minor);
}

static bool meets(const struct dev_rule *x, const struct dev_rule *y)
{
	return x->type == y->type && (x->major == DEV_ANY || y->major == DEV_ANY || x->major == y->major) &&
	       (x->minor == DEV_ANY || y->minor == DEV_ANY || x->minor == y->minor);
}

static void state_add(struct dev_state *st, const struct dev_rule *rule)
{
	for (size_t i = 0; i < st->n; i++) {
		if (same_dev(&st->rules[i], rule)) {
			st->rules[i].access |= rule->access;
			return;
		}
	}
	st->rules[st->n++] = *rule;
}

static int state_remove(struct arena *a, struct dev_state *st, const struct dev_rule *rule, struct dv_err *e)
{
	size_t out = 0;

	for (size_t i = 0; i < st->n; i++)
		if (meets(&st->rules[i], rule) && !covers(rule, &st->rules[i]) && (st->rules[i].access & rule->access))
			return dv_fail(e, DV_UNSUPPORTED, "cgroup: device rule \"%s %s\" is not supported on cgroup v1: it "
				       "makes a hole in \"%s\"", rule->allow ? "allow" : "deny", rule_text(a, rule),
				       rule_text(a, &st->rules[i]));
	for (size_t i = 0; i < st->n; i++) {
		struct dev_rule left = st->rules[i];

		if (covers(rule, &left))
			left.access &= ~rule->access;
		if (left.access)
			st->rules[out++] = left;
	}
	st->n = out;
	return 0;
}

int dev_state_apply(struct arena *a, struct dev_state *st, const struct dev_rule *rules, size_t n, struct dv_err *e)
{
	struct dev_state now = { st->allow_default, arena_array(a, struct dev_rule, st->n + n + 1), st->n };

	if (st->n)
		memcpy(now.rules, st->rules, st->n * sizeof *st->rules);
	for (size_t i = 0; i < n; i++) {
		int r = 0;

		if (rules[i].type == 'a') {
			now.allow_default = rules[i].allow;
			now.n = 0;
		} else if (rules[i].allow != now.allow_default) {
			state_add(&now, &rules[i]);
		} else {
			r = state_remove(a, &now, &rules[i], e);
		}
		if (r < 0)
			return r;
	}
	*st = now;
	return 0;
}

static bool line_number(struct scan *s, int64_t *ret)
{
	uint64_t v;

	*ret = DEV_ANY;
	if (scan_char(s, '*'))
		return true;
	if (!scan_u64(s, &v) || v > UINT32_MAX)
		return false;
	*ret = (int64_t)v;
	return true;
}

int dev_state_parse(struct arena *a, const char *text, struct dev_state *ret, struct dv_err *e)
{
	size_t n;
	char **lines = str_split(a, text, '\n', &n);
	struct dev_state st = { .rules = arena_array(a, struct dev_rule, n + 1) };

	for (size_t i = 0; i < n; i++) {
		struct dev_rule *rule = &st.rules[st.n];
		struct scan s = scan_of(lines[i], strlen(lines[i]));

		if (!*lines[i])
			continue;
		*rule = (struct dev_rule){ .allow = true, .type = *s.p++ };
		if (!strchr("abc", rule->type) || !scan_char(&s, ' ') || !line_number(&s, &rule->major) ||
		    !scan_char(&s, ':') || !line_number(&s, &rule->minor) || !scan_char(&s, ' ') ||
		    !(rule->access = access_bits(s.p)))
			return dv_fail(e, DV_CORRUPT, "cgroup: devices.list has the line \"%s\"", lines[i]);
		if (rule->type == 'a')
			st.allow_default = true;
		else
			st.n++;
	}
	*ret = st;
	return 0;
}

/* --- writing --- */

struct v1_writer {
	struct arena *a;
	struct hier *h;
	int fd[2];                  /* devices.deny, devices.allow; opened once */
};

static int v1_write(struct v1_writer *w, bool allow, const char *text, struct dv_err *e)
{
	const char *file = allow ? "devices.allow" : "devices.deny";

	if (w->fd[allow] < 0)
		w->fd[allow] = openat(w->h->fd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (w->fd[allow] < 0 || write(w->fd[allow], text, strlen(text)) < 0)
		return cg_write_error(errno, file, text, e);
	return 0;
}

/* The exceptions of `to` that `from` lacks (invert: the other way round, to take them back). */
static int v1_write_missing(struct v1_writer *w, const struct dev_state *from, const struct dev_state *to, bool allow,
			    struct dv_err *e)
{
	for (size_t i = 0; i < to->n; i++) {
		struct dev_rule rule = to->rules[i];
		int r;

		for (size_t k = 0; k < from->n; k++)
			if (same_dev(&from->rules[k], &rule))
				rule.access &= ~from->rules[k].access;
		if (!rule.access)
			continue;
		r = v1_write(w, allow, rule_text(w->a, &rule), e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int v1_transition(struct v1_writer *w, const struct dev_state *from, const struct dev_state *to,
			 struct dv_err *e)
{
	static const struct dev_state none;
	int r = 0;

	/* The list of a cgroup that allows by default does not show what it denies: begin anew. */
	if (from->allow_default || from->allow_default != to->allow_default) {
		r = v1_write(w, to->allow_default, "a", e);
		from = &none;
	}
	if (r == 0)
		r = v1_write_missing(w, to, from, to->allow_default, e);
	if (r == 0)
		r = v1_write_missing(w, from, to, !to->allow_default, e);
	return r;
}

static int set_v1(struct setting *s, struct hier *h, const struct dev_rule *rules, size_t n, struct dv_err *e)
{
	struct dev_state from = { .allow_default = true }, to = { .allow_default = false };
	struct v1_writer w = { s->a, h, { -1, -1 } };
	auto_buf struct buf list = BUF_INIT(CG_TEXT_MAX);
	int r = dev_state_apply(s->a, &to, rules, n, e);

	/* One that was there before us has rules of its own. */
	if (r == 0 && !(s->create && h->made)) {
		r = cg_read(h->fd, "devices.list", &list, e);
		if (r == 0)
			r = dev_state_parse(s->a, buf_cstr(&list), &from, e);
	}
	if (r == 0)
		r = v1_transition(&w, &from, &to, e);
	fd_close(&w.fd[0]);
	fd_close(&w.fd[1]);
	return r;
}

static int set_v2(struct setting *s, struct hier *h, const struct dev_rule *rules, size_t n, struct dv_err *e)
{
	auto_close int prog = -1;
	struct bpf_insn *insns;
	size_t len;
	int r = dev_prog_build(s->a, rules, n, &insns, &len, e);

	if (r == 0)
		r = dev_prog_load(insns, len, &prog, e);
	return r < 0 ? r : dev_prog_attach(h->fd, prog, e);
}

/* Without rights over devices (user namespaces have none) a rootless container goes on: what it may open is decided by
 * the permissions of its device nodes, and it cannot make any. */
int cg_set_devices(struct setting *s, struct dv_err *e)
{
	struct hier *h = NULL, *v2 = cg_v2(s->cg);
	struct dev_rule *rules;
	struct dv_err why;
	size_t n;
	int r = dev_rules_parse(s->a, s->res->devices, &rules, &n, e);

	if (r < 0)
		return r;
	r = cg_need(s->cg, v2 ? "" : "devices", "the device list", &h, &why);
	if (r == 0)
		r = v2 ? set_v2(s, h, rules, n, &why) : set_v1(s, h, rules, n, &why);
	if (r == 0)
		return 0;
	if (s->cg->rootless || (!h && !json_len(s->res->devices))) {
		cg_warn(s->cg, "device rules are not enforced: %s", why.msg);
		return 0;
	}
	if (e)
		*e = why;
	return r;
}
