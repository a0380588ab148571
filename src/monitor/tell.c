/* tell.c - events of a container that only its monitor sees happen: its end, out of memory, starts by its policy, its
 * health.
 *
 * Command lines that find a container ended know by the record that it was told (life.c of the engine).
 */
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "event/event.h"
#include "monitor/inner.h"

void tell_event(struct monitor *m, const char *action, const char *key, const char *value)
{
	struct event ev = { .type = "container", .action = action, .id = m->job.id };
	struct dv_err why = DV_ERR_NONE;
	auto_arena struct arena a = { 0 };
	auto_close int top = -1;
	struct json *attributes;
	int r;

	arena_init(&a, 0);
	attributes = json_new_object(&a);
	for (size_t i = 0; i < m->job.labels.n; i++)
		json_set(&a, attributes, m->job.labels.keys[i], json_new_str(&a, m->job.labels.values[i]));
	json_set(&a, attributes, "image", json_new_str(&a, m->job.image ? m->job.image : ""));
	json_set(&a, attributes, "name", json_new_str(&a, m->name ? m->name : m->job.name));
	if (key)
		json_set(&a, attributes, key, json_new_str(&a, value));
	ev.attributes = attributes;
	r = file_open(m->fds[JOB_RUN_TOP], "..", O_RDONLY | O_DIRECTORY, 0, &top, &why);
	if (r < 0 || event_emit(top, &ev, &why) < 0)
		log_debug("an event could not be told", "action", action, "reason", why.msg, NULL);
}

void tell_end(struct monitor *m)
{
	char code[16];

	(void)snprintf(code, sizeof code, "%d", m->rec.code);
	if (m->rec.oom)
		tell_event(m, "oom", NULL, NULL);
	tell_event(m, "die", m->rec.code >= 0 ? "exitCode" : NULL, code);
}
