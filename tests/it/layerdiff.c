/* layerdiff.c - layers on disk, for layers.bats and bench/layer.sh.
 *
 *	layerdiff make DRIVER FILE TAR [LOWER...]       a layer (lowers: uppermost first)
 *	layerdiff show LAYER                            everything that can be seen of it, as text
 *	layerdiff check FILE TAR                        the layer against its tar
 *
 * Exit status 77 when erofs cannot be mounted here.
 */
#include <stdio.h>

#include "image/driver.h"
#include "image/layerunit.h"

#define LOWERS_MAX 16

struct reader {
	int fd;
	bool hashes;
	char *p;
	struct digest_stream hash;
};

static int reader_next(void *ctx, const void **ret, size_t *ret_len, struct dv_err *e)
{
	struct reader *r = ctx;
	ssize_t n = read(r->fd, r->p, 256 << 10);

	if (n < 0)
		return dv_fail_errno(e, errno, "read");
	if (r->hashes)
		digest_add(&r->hash, r->p, (size_t)n);
	*ret = r->p;
	*ret_len = (size_t)n;
	return n > 0;
}

static int make(char **argv, int n_lowers, struct dv_err *e)
{
	const struct layer_driver *d = layer_driver_find(argv[0]);
	int lowers[LOWERS_MAX];
	struct unpack_result result;
	struct reader r = { .p = mem_alloc(256 << 10) };
	const struct tar_source src = { reader_next, &r, NULL };
	const struct unpack_options o = { .lowers = lowers, .n_lowers = (size_t)n_lowers };
	int rc = d ? file_open(AT_FDCWD, argv[2], O_RDONLY, 0, &r.fd, e) : dv_fail(e, DV_INVALID, "no such driver");

	for (int i = 0; i < n_lowers && rc == 0; i++)
		rc = layer_open(AT_FDCWD, argv[3 + i], &lowers[i], e);
	if (rc == 0)
		rc = layer_make(d, AT_FDCWD, argv[1], &src, &o, &result, e);
	if (rc == 0)
		printf("%llu entries, %llu bytes%s\n", (unsigned long long)result.entries, (unsigned long long)result.bytes,
		       result.used_lowers ? ", parents from below" : "");
	free(r.p);
	return rc;
}

static int show(char **argv, int more, struct dv_err *e)
{
	struct buf b = BUF_INIT((size_t)1 << 30);
	int fd, rc = layer_open(AT_FDCWD, argv[0], &fd, e);

	(void)more;
	if (rc < 0)
		return rc;
	layer_text(fd, &b);
	fwrite(b.p, 1, b.len, stdout);
	buf_done(&b);
	return 0;
}

static int check(char **argv, int more, struct dv_err *e)
{
	struct reader r = { .p = mem_alloc(256 << 10), .hashes = true };
	const void *p;
	size_t len;
	struct digest d;
	int rc = file_open(AT_FDCWD, argv[1], O_RDONLY, 0, &r.fd, e);

	(void)more;
	digest_begin(&r.hash, DIGEST_SHA256);
	while (rc == 0 && reader_next(&r, &p, &len, e) > 0)
		;
	digest_end(&r.hash, &d);
	free(r.p);
	return rc < 0 ? rc : layer_check(AT_FDCWD, argv[0], &d, e);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; int args; int (*run)(char **, int, struct dv_err *); } verbs[] = {
		{ "make", 3, make }, { "show", 1, show }, { "check", 2, check },
	};
	struct dv_err e = DV_ERR_NONE;

	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(verbs); i++) {
		if (!streq(argv[1], verbs[i].name) || argc - 2 < verbs[i].args || argc - 2 - verbs[i].args > LOWERS_MAX)
			continue;
		int rc = verbs[i].run(argv + 2, argc - 2 - verbs[i].args, &e);
		if (rc < 0)
			fprintf(stderr, "layerdiff: %s\n", e.msg);
		return rc == -DV_UNSUPPORTED ? 77 : rc < 0;
	}
	fputs("usage: layerdiff make DRIVER FILE TAR [LOWER...] | show LAYER | check FILE TAR\n", stderr);
	return 2;
}
