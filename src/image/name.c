/* name.c - parse image names and fill in docker's defaults.
 *
 * The first component is a host when it has a dot or a colon or is
 * "localhost"; otherwise the name belongs to docker.io, and one without a
 * slash to its library.
 */
#include "base/str.h"
#include "image/digest.h"
#include "image/name.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define DEFAULT_HOST "docker.io"
#define DEFAULT_DIR "library/"

/* --- the grammar of the parts --- */

/* One separator between runs of [a-z0-9]: ".", "_", "__" or any number of "-". */
static size_t separator_len(const char *s)
{
	if (*s == '.')
		return 1;
	if (*s == '_')
		return s[1] == '_' ? 2 : 1;
	return strspn(s, "-");
}

static bool component_ok(const char *s, const char *end)
{
	size_t n = strspn(s, LOWER DIGITS);

	while (n > 0 && s + n < end) {
		s += n;
		s += separator_len(s);
		n = strspn(s, LOWER DIGITS);
	}
	return n > 0 && s + n == end;
}

static bool path_ok(const char *path)
{
	for (;;) {
		const char *end = strchrnul(path, '/');

		if (!component_ok(path, end))
			return false;
		if (!*end)
			return true;
		path = end + 1;
	}
}

static bool tag_ok(const char *tag)
{
	return str_only(tag, LOWER UPPER DIGITS "_.-") && strlen(tag) <= 128 && *tag != '.' && *tag != '-';
}

static bool host_ok(const char *host)
{
	const char *port = strrchr(host, ':');
	size_t len = port ? (size_t)(port - host) : strlen(host);
	uint64_t n;

	if (port && str_u64(port + 1, 65535, "port", &n, NULL) < 0)
		return false;
	if (*host == '[')       /* an IPv6 address */
		return len > 2 && host[len - 1] == ']' && strspn(host + 1, DIGITS "abcdefABCDEF:") == len - 2;
	return len > 0 && strspn(host, LOWER UPPER DIGITS ".-") == len && *host != '-' && *host != '.';
}

static bool is_host(const char *s, size_t len)
{
	return memchr(s, '.', len) || memchr(s, ':', len) || (len == 9 && memcmp(s, "localhost", 9) == 0);
}

/* --- public --- */

static const char *split_host(struct arena *a, const char *text, struct image_name *n)
{
	const char *slash = strchr(text, '/');

	n->host = DEFAULT_HOST;
	if (!slash || !is_host(text, slash - text))
		return text;
	n->host = arena_strn(a, text, slash - text);
	if (streq(n->host, "index.docker.io"))
		n->host = DEFAULT_HOST;
	return slash + 1;
}

int image_name_parse(struct arena *a, const char *text, struct image_name *ret, struct dv_err *e)
{
	struct image_name n = { 0 };
	struct digest d;

	if (strlen(text) > IMAGE_NAME_MAX)
		return dv_fail(e, DV_INVALID, "image name is longer than %d bytes", IMAGE_NAME_MAX);
	char *path = arena_str(a, split_host(a, text, &n));
	char *at = strchr(path, '@');
	if (at) {
		*at = '\0';
		n.digest = at + 1;
		if (digest_parse(n.digest, &d, e) < 0)
			return dv_wrap(e, "image name %.80s", text);
	}
	char *colon = strrchr(path, ':');
	if (colon) {
		*colon = '\0';
		n.tag = colon + 1;
	}
	if (!n.tag && !n.digest)
		n.tag = "latest";
	if (!host_ok(n.host) || !path_ok(path) || (n.tag && !tag_ok(n.tag)))
		return dv_fail(e, DV_INVALID, "invalid image name \"%.100s\"", text);
	n.path = path;
	if (streq(n.host, DEFAULT_HOST) && !strchr(path, '/'))
		n.path = arena_printf(a, DEFAULT_DIR "%s", path);
	*ret = n;
	return 0;
}

const char *image_name_text(struct arena *a, const struct image_name *n)
{
	return arena_printf(a, "%s/%s%s%s%s%s", n->host, n->path, n->tag ? ":" : "", n->tag ? n->tag : "",
			    n->digest ? "@" : "", n->digest ? n->digest : "");
}

int image_name_normalize(struct arena *a, const char *text, const char **ret, struct dv_err *e)
{
	struct image_name n;
	int rc = image_name_parse(a, text, &n, e);

	if (rc == 0)
		*ret = image_name_text(a, &n);
	return rc;
}

const char *image_name_familiar(const char *canonical)
{
	const char *path = str_after(canonical, DEFAULT_HOST "/");
	const char *base = path ? str_after(path, DEFAULT_DIR) : NULL;

	if (!path)
		return canonical;
	return base && !strchr(base, '/') ? base : path;
}
