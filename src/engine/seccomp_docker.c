/* seccomp_docker.c - a seccomp profile as docker's documentation has it becomes linux.seccomp.
 *
 * Such a profile says of a rule for whom it is: capabilities, architectures, kernels. What is for this container
 * and this machine stays; the words that the OCI format does not have go.
 */
#include <stdio.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/security.h"
#include "oci/caps.h"

#define PROFILE_MAX ((size_t)1 << 20)

static const struct {
	const char *machine, *go, *scmp;
} arches[] = {
	{ "x86_64", "amd64", "SCMP_ARCH_X86_64" },
	{ "aarch64", "arm64", "SCMP_ARCH_AARCH64" },
	{ "s390x", "s390x", "SCMP_ARCH_S390X" },
	{ "ppc64le", "ppc64le", "SCMP_ARCH_PPC64LE" },
	{ "riscv64", "riscv64", "SCMP_ARCH_RISCV64" },
};

struct world {
	struct arena *a;
	struct utsname u;
	const char *go, *scmp;
	uint64_t caps;
};

static bool has_cap(const struct world *w, const struct json *name)
{
	int n = json_str(name) ? cap_number(json_str(name)) : -1;

	return n >= 0 && (w->caps & CAP_BIT(n));
}

static bool has_arch(const struct world *w, const struct json *list)
{
	for (JSON_EACH(it, list))
		if (json_str(it.value) && streq(json_str(it.value), w->go))
			return true;
	return false;
}

/* "4.8": ours is as new. */
static bool has_kernel(const struct world *w, const char *want)
{
	struct scan s = scan_of(want, strlen(want)), own = scan_of(w->u.release, strlen(w->u.release));
	uint64_t a1 = 0, a2 = 0, b1 = 0, b2 = 0;

	(void)(scan_u64(&s, &a1) && scan_char(&s, '.') && scan_u64(&s, &a2));
	(void)(scan_u64(&own, &b1) && scan_char(&own, '.') && scan_u64(&own, &b2));
	return b1 > a1 || (b1 == a1 && b2 >= a2);
}

static bool applies(const struct world *w, const struct json *call)
{
	const struct json *in = json_get(call, "includes"), *out = json_get(call, "excludes");
	const char *in_kernel = json_str(json_get(in, "minKernel")), *out_kernel = json_str(json_get(out, "minKernel"));

	for (JSON_EACH(it, json_get(in, "caps")))
		if (!has_cap(w, it.value))
			return false;
	for (JSON_EACH(it, json_get(out, "caps")))
		if (has_cap(w, it.value))
			return false;
	if (json_len(json_get(in, "arches")) && !has_arch(w, json_get(in, "arches")))
		return false;
	if (has_arch(w, json_get(out, "arches")) || (in_kernel && !has_kernel(w, in_kernel)))
		return false;
	return !out_kernel || !has_kernel(w, out_kernel);
}

static void take(struct arena *a, const struct json *from, const char *name, struct json *to)
{
	const struct json *j = json_get(from, name);

	if (j && json_type(j) != JSON_NULL)
		json_set(a, to, name, json_copy(a, j));
}

static struct json *syscalls(const struct world *w, const struct json *profile)
{
	struct json *out = json_new_array(w->a);

	for (JSON_EACH(it, json_get(profile, "syscalls"))) {
		struct json *call = json_new_object(w->a);
		const char *one = json_str(json_get(it.value, "name"));
		const char *names[] = { one, NULL };

		if (!applies(w, it.value))
			continue;
		if (one && *one)
			json_set(w->a, call, "names", json_new_strs(w->a, names));
		else
			take(w->a, it.value, "names", call);
		take(w->a, it.value, "action", call);
		take(w->a, it.value, "errnoRet", call);
		if (json_len(json_get(it.value, "args")))
			take(w->a, it.value, "args", call);
		json_append(w->a, out, call);
	}
	return out;
}

/* Ours with what runs beside it, by the map; or the list that is there. */
static struct json *architectures(const struct world *w, const struct json *profile)
{
	struct json *out = json_new_array(w->a);

	for (JSON_EACH(it, json_get(profile, "archMap"))) {
		const char *name = json_str(json_get(it.value, "architecture"));

		if (!name || !streq(name, w->scmp))
			continue;
		json_append(w->a, out, json_new_str(w->a, name));
		for (JSON_EACH(sub, json_get(it.value, "subArchitectures")))
			json_append(w->a, out, json_copy(w->a, sub.value));
	}
	for (JSON_EACH(it, json_get(profile, "architectures")))
		json_append(w->a, out, json_copy(w->a, it.value));
	return out;
}

int seccomp_profile_parse(struct arena *a, const char *text, uint64_t caps, struct json **ret, struct dv_err *e)
{
	struct world w = { .a = a, .caps = caps, .go = "", .scmp = "" };
	struct json *profile, *out = json_new_object(a);
	int r = json_parse(a, text, strlen(text), &profile, e);

	if (r < 0)
		return dv_wrap(e, "--security-opt seccomp: decoding the profile failed");
	if (json_type(profile) != JSON_OBJECT || !json_str(json_get(profile, "defaultAction")))
		return dv_fail(e, DV_INVALID, "--security-opt seccomp: the profile has no defaultAction");
	(void)uname(&w.u);
	for (size_t i = 0; i < ARRAY_LEN(arches); i++)
		if (streq(arches[i].machine, w.u.machine)) {
			w.go = arches[i].go;
			w.scmp = arches[i].scmp;
		}
	take(a, profile, "defaultAction", out);
	take(a, profile, "defaultErrnoRet", out);
	take(a, profile, "flags", out);
	json_set(a, out, "architectures", architectures(&w, profile));
	json_set(a, out, "syscalls", syscalls(&w, profile));
	*ret = out;
	return 0;
}

/* "seccomp=FILE" -> "seccomp={...}": what is stored does not change when the file does. */
int security_resolve(struct arena *a, struct run_request *q, struct dv_err *e)
{
	const char **out;
	size_t n = 0;

	while (q->security_opts && q->security_opts[n])
		n++;
	out = arena_array(a, const char *, n + 1);
	for (size_t i = 0; i < n; i++) {
		const char *o = q->security_opts[i], *value = o + strlen("seccomp=");
		auto_buf struct buf b = BUF_INIT(PROFILE_MAX);
		int r;

		out[i] = o;
		if ((!str_starts(o, "seccomp=") && !str_starts(o, "seccomp:")) || *value == '{' || !*value ||
		    streq(value, "unconfined") || streq(value, "builtin") || streq(value, "default"))
			continue;
		if ((r = file_read(AT_FDCWD, value, &b, e)) < 0)
			return dv_wrap(e, "opening seccomp profile (%.200s) failed", value);
		out[i] = arena_printf(a, "seccomp=%s", buf_cstr(&b));
	}
	if (n)
		q->security_opts = out;
	return 0;
}
