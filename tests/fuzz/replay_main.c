/* replay_main.c - run a fuzz target over the files of its corpus; one sub-test each (TAP).
 *
 * Each file is in memory of its exact size, so that the sanitizers see a read past the end. A
 * target that finds something wrong aborts; the sub-test is then missing from the plan.
 */
#include <dirent.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "fuzz.h"

#define INPUT_MAX ((size_t)1 << 20)

static int is_file(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int replay(int dir, const char *name, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(INPUT_MAX);
	auto_free uint8_t *exact = NULL;
	int r = file_read(dir, name, &b, e);

	if (r < 0)
		return r;
	exact = mem_resize(NULL, b.len, 1);
	if (b.len)
		memcpy(exact, b.p, b.len);
	(void)LLVMFuzzerTestOneInput(exact, b.len);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent **names = NULL;
	struct dv_err e;
	int n = argc == 2 ? scandir(argv[1], &names, is_file, alphasort) : -1, failed = 0;
	auto_close int dir = n > 0 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (dir < 0) {
		printf("Bail out! no corpus: %s\n", argc == 2 ? argv[1] : "usage: replay DIRECTORY");
		return 1;
	}
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		bool ok = replay(dir, names[i]->d_name, &e) == 0;

		printf("%sok %d - %s\n", ok ? "" : "not ", i + 1, names[i]->d_name);
		if (!ok)
			printf("# %s\n", e.msg);
		(void)fflush(stdout);
		failed += !ok;
		free(names[i]);
	}
	free(names);
	return failed ? 1 : 0;
}
