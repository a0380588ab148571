/* certs.c - read certs.d into OpenSSL's terms. */
#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "base/file.h"
#include "base/str.h"
#include "transfer/certs.h"

#define PEM_MAX ((size_t)1 << 20)
#define FILES_MAX 1000

static int is_visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* All certificates of a PEM file become trusted. */
static int add_authorities(struct certs *c, int dir, const char *name, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(PEM_MAX);
	int rc = file_read(dir, name, &b, e), n = 0;
	BIO *bio;
	X509 *x;

	if (rc < 0)
		return rc;
	bio = BIO_new_mem_buf(buf_cstr(&b), (int)b.len);
	while (bio && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		n += X509_STORE_add_cert(c->store, x);
		X509_free(x);
	}
	BIO_free(bio);
	ERR_clear_error();
	return n > 0 ? 0 : dv_fail(e, DV_INVALID, "%s has no certificate", name);
}

/* NAME.cert with its NAME.key. */
static int add_pair(struct certs *c, int dir, const char *name, struct dv_err *e)
{
	auto_free char *key = mem_printf("%.*s.key", (int)(strlen(name) - strlen(".cert")), name);
	int rc;

	if (c->cert.len > 0)
		return 0;
	rc = file_read(dir, name, &c->cert, e);
	if (rc == 0)
		rc = file_read(dir, key, &c->key, e);
	return rc;
}

static int check_key(int dir, const char *name, struct dv_err *e)
{
	auto_free char *cert = mem_printf("%.*s.cert", (int)(strlen(name) - strlen(".key")), name);

	return faccessat(dir, cert, F_OK, 0) == 0 ? 0 : dv_fail(e, DV_INVALID, "%s has no %s beside it", name, cert);
}

static int take_file(struct certs *c, int dir, const char *name, struct dv_err *e)
{
	if (str_ends(name, ".crt"))
		return add_authorities(c, dir, name, e);
	if (str_ends(name, ".cert"))
		return add_pair(c, dir, name, e);
	return str_ends(name, ".key") ? check_key(dir, name, e) : 0;
}

static int read_dir(struct certs *c, int dir, const char *path, struct dv_err *e)
{
	struct dirent **names;
	int n = scandirat(dir, ".", &names, is_visible, alphasort), rc = 0;

	if (n < 0)
		return dv_fail_errno(e, errno, "read %s", path);
	if (n > FILES_MAX)
		rc = dv_fail(e, DV_LIMIT, "more than %d files", FILES_MAX);
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = take_file(c, dir, names[i]->d_name, e);
		free(names[i]);
	}
	free(names);
	return rc < 0 ? dv_wrap(e, "%s", path) : 0;
}

/* The first of the places that is there; -1 without an error when none is. */
static int find_dir(const char *host_port, char **ret_path, int *ret_fd)
{
	const char *home = getenv("HOME");
	auto_free char *own = mem_printf("%s/.config/containers/certs.d", home ? home : "/nonexistent");
	const char *const places[] = { own, "/etc/containers/certs.d", "/etc/docker/certs.d" };

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		auto_free char *path = mem_printf("%s/%s", places[i], host_port);

		if (file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, ret_fd, NULL) == 0) {
			*ret_path = take_ptr(&path);
			return 0;
		}
	}
	return -1;
}

static X509_STORE *store_new(bool with_system)
{
	X509_STORE *s = X509_STORE_new();

	if (s && with_system)
		(void)X509_STORE_set_default_paths(s);
	if (s) {
		/* as curl does for its own: an authority of ours need not be a root */
		(void)X509_STORE_set_flags(s, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	}
	ERR_clear_error();
	return s;
}

int certs_load(const char *dir, const char *host_port, bool verified, struct certs *ret, struct dv_err *e)
{
	struct certs c = { .store = store_new(verified), .cert = BUF_INIT(PEM_MAX), .key = BUF_INIT(PEM_MAX) };
	auto_free char *path = dir ? mem_str(dir) : NULL;
	auto_close int fd = -1;
	int rc = 0;

	if (!c.store)
		return dv_fail(e, DV_INTERNAL, "OpenSSL makes no certificate store");
	if (dir)
		rc = file_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0, &fd, e);
	if (rc == 0 && (dir || find_dir(host_port, &path, &fd) == 0))
		rc = read_dir(&c, fd, path, e);
	if (rc < 0) {
		certs_done(&c);
		return rc;
	}
	*ret = c;
	return 0;
}

void certs_done(struct certs *c)
{
	X509_STORE_free(c->store);
	if (c->key.p)
		explicit_bzero(c->key.p, c->key.cap);
	buf_done(&c->cert);
	buf_done(&c->key);
	*c = (struct certs){ 0 };
}
