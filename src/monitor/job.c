/* job.c - the job's text becomes a struct. */
#include <errno.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "monitor/job.h"
#include "monitor/policy.h"

DV_VIEW_SCHEMA(job_log, JOB_LOG_VIEW);
DV_VIEW_SCHEMA(job_health, JOB_HEALTH_VIEW);
DV_VIEW_SCHEMA(job, JOB_VIEW);

static int check(const struct job *j, struct dv_err *e)
{
	struct policy p;

	if (strlen(j->id) != 64 || !str_only(j->id, "0123456789abcdef"))
		return dv_fail(e, DV_INVALID, "job: id: not 64 digits");
	return policy_parse(j->restart, &p, e);
}

int job_parse(struct arena *a, const char *text, size_t len, struct job *ret, struct dv_err *e)
{
	struct json *tree = NULL;
	struct job j;
	int r;

	if ((r = json_parse(a, text, len, &tree, e)) < 0 || (r = view_decode(a, tree, &job_schema, "", &j, e)) < 0)
		return dv_wrap(e, "job");
	if ((r = check(&j, e)) < 0)
		return r;
	*ret = j;
	return 0;
}

int job_read(struct arena *a, int fd, struct job *ret, struct json **ret_config, struct dv_err *e)
{
	auto_buf struct buf b = BUF_INIT(JOB_BYTES_MAX);
	const char *nul;
	size_t len;
	int r;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return dv_fail_errno(e, errno, "job");
	if ((r = fd_read_to(fd, &b, "job", e)) < 0)
		return r;
	nul = b.len ? memchr(b.p, '\0', b.len) : NULL;
	len = nul ? (size_t)(nul - b.p) : b.len;
	if (ret && (r = job_parse(a, buf_cstr(&b), len, ret, e)) < 0)
		return r;
	if (!ret_config || !nul)
		return ret_config ? dv_fail(e, DV_INVALID, "job: no configuration") : 0;
	r = json_parse(a, nul + 1, b.len - len - 1, ret_config, e);
	return r < 0 ? dv_wrap(e, "job: configuration") : 0;
}
