/* images.c - `davit images` with 1,000 images in the store: the whole command, from exec to its last line.
 *
 * The images are published as a pull publishes them: five layers each, four of them shared by all, with
 * all their blobs. There is no peer: podman needs a quarter of an hour to get that many.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/proc.h"
#include "bench.h"
#include "image/store.h"

#define IMAGES 1000
#define LAYERS 5
#define BATCH 100
#define ROUNDS 21
#define TARGET_MS 10.0

struct made {
	struct image_record_layer layers[LAYERS];
	struct digest config, manifest;
	char config_text[2048], manifest_text[4096], name[80];
	const char *names[2];
};

static int stage_layer(struct image_stage *st, const char *key, struct image_record_layer *ret, struct dv_err *e)
{
	auto_close int fd = -1;
	struct digest d;
	unsigned no;

	digest_of(DIGEST_SHA256, key, strlen(key), &d);
	int rc = image_stage_layer(st, &no, &fd, e);
	if (rc == 0)
		rc = image_stage_bytes(st, &d, key, strlen(key), e);
	*ret = (struct image_record_layer){ d, d, d, strlen(key), "application/vnd.oci.image.layer.v1.tar" };
	return rc < 0 ? rc : image_stage_layer_done(st, no, &d, &d, 1000000, e);
}

static void write_texts(struct made *m)
{
	size_t c = 0, n = 0;
	char text[DIGEST_TEXT_SIZE];

	c += (size_t)snprintf(m->config_text, sizeof m->config_text, "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":"
			      "{\"type\":\"layers\",\"diff_ids\":[");
	for (size_t i = 0; i < LAYERS; i++)
		c += (size_t)snprintf(m->config_text + c, sizeof m->config_text - c, "%s\"%s\"", i ? "," : "",
				      digest_text(&m->layers[i].diff_id, text));
	(void)snprintf(m->config_text + c, sizeof m->config_text - c, "]}}");
	digest_of(DIGEST_SHA256, m->config_text, strlen(m->config_text), &m->config);
	n += (size_t)snprintf(m->manifest_text, sizeof m->manifest_text, "{\"schemaVersion\":2,\"config\":{\"mediaType\":"
			      "\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[",
			      digest_text(&m->config, text), strlen(m->config_text));
	for (size_t i = 0; i < LAYERS; i++)
		n += (size_t)snprintf(m->manifest_text + n, sizeof m->manifest_text - n, "%s{\"digest\":\"%s\",\"size\":%llu}",
				      i ? "," : "", digest_text(&m->layers[i].blob, text),
				      (unsigned long long)m->layers[i].blob_size);
	(void)snprintf(m->manifest_text + n, sizeof m->manifest_text - n, "]}");
	digest_of(DIGEST_SHA256, m->manifest_text, strlen(m->manifest_text), &m->manifest);
}

static int make_one(struct image_stage *st, unsigned i, struct made *m, struct image_record *ret, struct dv_err *e)
{
	char key[32];
	int rc = 0;

	for (unsigned l = 0; l < LAYERS && rc == 0; l++) {
		(void)snprintf(key, sizeof key, "layer %u of %u", l, l + 1 < LAYERS ? 0 : i + 1);
		rc = stage_layer(st, key, &m->layers[l], e);
	}
	write_texts(m);
	(void)snprintf(m->name, sizeof m->name, "docker.io/library/image-%u:latest", i);
	m->names[0] = m->name;
	m->names[1] = NULL;
	if (rc == 0)
		rc = image_stage_bytes(st, &m->config, m->config_text, strlen(m->config_text), e);
	if (rc == 0)
		rc = image_stage_bytes(st, &m->manifest, m->manifest_text, strlen(m->manifest_text), e);
	*ret = (struct image_record){ m->config, m->manifest, m->config_text, strlen(m->config_text), 1767225600 + i, m->layers,
				      LAYERS, m->names };
	return rc;
}

static int make_batch(struct image_store *s, unsigned from, struct dv_err *e)
{
	auto_free struct made *m = mem_alloc(mem_mul(BATCH, sizeof *m));
	auto_free struct image_record *recs = mem_alloc(mem_mul(BATCH, sizeof *recs));
	auto_stage struct image_stage *st = NULL;
	int rc = image_stage_open(s, &st, e);

	for (unsigned i = 0; i < BATCH && rc == 0; i++)
		rc = make_one(st, from + i, &m[i], &recs[i], e);
	return rc < 0 ? rc : image_publish(st, recs, BATCH, e);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

/* Wall time of the command; its lines are counted the first time. */
static double run_once(const char *davit, const char *root, const char *run, int out, double *ret_cpu_ms)
{
	const char *argv[] = { davit, "--root", root, "--runroot", run, "images", NULL };
	const struct proc_map fds[] = { { out, 1 } };
	const struct proc_spawn s = { .path = davit, .argv = (char *const *)argv, .fds = fds, .n_fds = 1 };
	struct rusage u;
	int status;
	pid_t pid;
	double start = now_ms();

	if (proc_spawn(&s, &pid, NULL, NULL) < 0 || wait4(pid, &status, 0, &u) != pid || status != 0)
		return -1;
	double wall = now_ms() - start;
	*ret_cpu_ms = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
	return wall;
}

static int by_value(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : 1;
}

static bool count_is(int fd, unsigned want)
{
	auto_buf struct buf b = BUF_INIT(16 << 20);
	unsigned n = 0;

	if (lseek(fd, 0, SEEK_SET) < 0 || fd_read_to(fd, &b, "output", NULL) < 0)
		return false;
	for (size_t i = 0; i < b.len; i++)
		n += b.p[i] == '\n';
	return n == want;
}

static void row(const char *name, double ms)
{
	printf("%s\t%.1f ms\t-\t-\t%.0f ms\t%s\n", name, ms, TARGET_MS, ms <= TARGET_MS ? "ok" : "MISSED");
	bench_missed += ms > TARGET_MS;
}

static int measure(const char *davit, const char *root, const char *run, int out)
{
	double wall[ROUNDS], cpu[ROUNDS];

	for (int i = -1; i < ROUNDS; i++) {
		double c, w = run_once(davit, root, run, out, &c);

		if (w < 0 || (i < 0 && !count_is(out, IMAGES + 1))) {
			fprintf(stderr, "bench images: davit images failed\n");
			return 1;
		}
		if (ftruncate(out, 0) < 0 || lseek(out, 0, SEEK_SET) < 0)
			return 1;
		if (i >= 0) {
			wall[i] = w;
			cpu[i] = c;
		}
	}
	qsort(wall, ROUNDS, sizeof *wall, by_value);
	qsort(cpu, ROUNDS, sizeof *cpu, by_value);
	row("davit images, 1000 images, wall, median", wall[ROUNDS / 2]);
	row("davit images, 1000 images, user+sys, median", cpu[ROUNDS / 2]);
	return bench_missed != 0;
}

int main(int argc, char **argv)
{
	char dir[] = "/var/tmp/davit-bench.XXXXXX";
	struct dv_err e = DV_ERR_NONE;
	struct image_store *s = NULL;
	auto_close int out = -1;
	int status = 1;

	if (!mkdtemp(dir))
		return 1;
	auto_free char *root = mem_printf("%s/root", dir), *run = mem_printf("%s/run", dir);
	/* The program beside the directory of this one. */
	auto_free char *self = realpath(argv[0], NULL);
	char *slash = self ? strrchr(self, '/') : NULL;
	auto_free char *davit = slash ? mem_printf("%.*s/../davit", (int)(slash - self), self) : mem_str("davit");
	int rc = image_store_open(root, &s, &e);
	for (unsigned i = 0; i < IMAGES && rc == 0; i += BATCH)
		rc = make_batch(s, i, &e);
	image_store_close(s);
	if (rc == 0)
		rc = file_open(AT_FDCWD, dir, O_RDWR | O_TMPFILE, 0600, &out, &e);
	if (rc == 0)
		status = measure(davit, root, run, out);
	else
		fprintf(stderr, "bench images: %s\n", e.msg);
	if (!getenv("KEEP"))
		dv_ignore(file_remove_tree(AT_FDCWD, dir, NULL));
	return status;
}
