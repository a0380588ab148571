/* network.c - what a container has of the host's network is given back when it ends, whether or not a command line is
 * there to see it. Its links go by themselves, with the last descriptor of its namespace.
 */
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "monitor/inner.h"
#include "net/conntrack.h"
#include "net/elems.h"

#define RECORDS "../netd/names"         /* from RUNROOT/containers */

static void drop_records(struct monitor *m, const struct json *list)
{
	auto_close int dir = -1;

	if (!json_len(list) || file_open(m->fds[JOB_RUN_TOP], RECORDS, O_PATH | O_DIRECTORY, 0, &dir, NULL) < 0)
		return;
	for (JSON_EACH(it, list)) {
		const char *name = json_str(it.value);

		if (name && !strchr(name, '/'))
			(void)unlinkat(dir, name, 0);
	}
}

static void drop_elements(struct arena *a, const struct json *all)
{
	const char *table = json_str(json_get(all, "table"));
	struct elem *v;
	size_t n;

	/* What cannot be removed now is when somebody looks at the container. */
	if (table && elems_parse(a, json_get(all, "elements"), &v, &n, NULL) >= 0)
		dv_ignore(elems_remove(table, v, n, NULL));
}

static void forget_flows(struct arena *a, const struct json *list)
{
	unsigned *ports = arena_array(a, unsigned, json_len(list) + 1);
	size_t n = 0;

	for (JSON_EACH(it, list)) {
		uint64_t port = 0;

		if (json_u64(it.value, &port))
			ports[n++] = (unsigned)port;
	}
	dv_ignore(conntrack_forget_udp(ports, n, NULL));
}

void network_leave(struct monitor *m)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf b = BUF_INIT(JOB_BYTES_MAX);
	struct json *all = NULL;

	fd_close(&m->fds[JOB_PORTS]);
	fd_close(&m->fds[JOB_NETNS]);
	/* A creator that waits does the rest by itself, beside us. */
	if (m->creator || file_read(m->run, JOB_LEAVES, &b, NULL) < 0)
		return;
	arena_init(&a, 0);
	if (json_parse(&a, buf_cstr(&b), b.len, &all, NULL) < 0)
		return;
	drop_records(m, json_get(all, "records"));
	drop_elements(&a, all);
	forget_flows(&a, json_get(all, "udp"));
}
