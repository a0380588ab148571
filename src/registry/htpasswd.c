/* htpasswd.c - "user:$2y$..." lines, verified by crypt_rn (the sanitizers put another crypt_r in between). */
#include <crypt.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "registry/htpasswd.h"

#define HTPASSWD_BYTES_MAX ((size_t)4 << 20)
#define HASH_LEN 60             /* "$2y$10$" and 53 characters */
#define COST_MAX 16             /* 2^16 rounds take seconds: a line with more could stop the server */
/* bcrypt looks at no more than these. */
#define PASSWORD_MAX 72

struct htpasswd {
	struct map *users;
	const char *dummy;      /* any user's hash: what unknown users are compared with */
};

static bool hash_valid(const char *h)
{
	static const char set[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	int cost;

	if (strlen(h) != HASH_LEN || h[0] != '$' || h[1] != '2' || !strchr("aby", h[2]) || h[3] != '$' || h[6] != '$')
		return false;
	cost = (h[4] - '0') * 10 + h[5] - '0';
	return h[4] >= '0' && h[4] <= '9' && h[5] >= '0' && h[5] <= '9' && cost >= 4 && cost <= COST_MAX &&
	       strspn(h + 7, set) == HASH_LEN - 7;
}

static int line_add(struct htpasswd *h, const char *line, size_t len, unsigned no, struct dv_err *e)
{
	const char *colon = memchr(line, ':', len);

	if (!colon || colon == line)
		return dv_fail(e, DV_INVALID, "line %u is not USER:HASH", no);
	auto_free char *hash = strndup(colon + 1, len - (size_t)(colon + 1 - line));
	if (!hash_valid(hash))
		return dv_fail(e, DV_INVALID, "line %u: only bcrypt is taken, of cost 4 to %d (htpasswd -B)", no, COST_MAX);
	h->dummy = take_ptr(&hash);
	free(map_setn(h->users, line, (size_t)(colon - line), (char *)h->dummy));
	return 0;
}

int htpasswd_parse(const char *text, size_t len, struct htpasswd **ret, struct dv_err *e)
{
	struct htpasswd *h = mem_new(struct htpasswd);
	struct scan s = scan_of(text, len);
	const char *line;
	size_t n;
	int rc = 0;

	h->users = map_new();
	for (unsigned no = 1; rc == 0 && scan_until(&s, '\n', &line, &n); no++) {
		n -= n && line[n - 1] == '\r';
		if (n && *line != '#')
			rc = line_add(h, line, n, no, e);
	}
	if (rc < 0) {
		htpasswd_free(h);
		return rc;
	}
	*ret = h;
	return 0;
}

int htpasswd_read(const char *path, struct htpasswd **ret, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(HTPASSWD_BYTES_MAX);
	int rc = file_read(AT_FDCWD, path, &b, e);

	if (rc == 0)
		rc = htpasswd_parse(buf_cstr(&b), b.len, ret, e);
	return rc < 0 ? dv_wrap(e, "passwords %s", path) : 0;
}

void htpasswd_free(struct htpasswd *h)
{
	if (!h)
		return;
	map_free(h->users, free);
	free(h);
}

size_t htpasswd_len(const struct htpasswd *h)
{
	return map_len(h->users);
}

bool htpasswd_verify(const struct htpasswd *h, const char *user, const char *password)
{
	const char *want = map_get(h->users, user), *hash = want ? want : h->dummy;
	auto_free struct crypt_data *data = mem_new(struct crypt_data);
	const char *got = hash && strlen(password) <= PASSWORD_MAX ? crypt_rn(password, hash, data, sizeof *data) : NULL;
	bool ok = got && strlen(got) == HASH_LEN && CRYPTO_memcmp(got, hash, HASH_LEN) == 0;

	OPENSSL_cleanse(data, sizeof *data);
	return ok && want;
}
