/* outlog.h - where a container's output is kept: docker's log drivers.
 *
 *	json-file, local    ROOT/containers/ID/log/ID-json.log, a JSON object for each line as docker writes it; rotated
 *	                    to ID-json.log.1 and so on
 *	journald            the native protocol, one datagram for each line
 *	none
 *
 * Nothing here blocks on the container's behalf: what a full disk or a slow journal does not take is dropped and counted.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "monitor/job.h"

#define OUTLOG_LINE_MAX 16384           /* longer lines come in pieces, as with docker */
#define OUTLOG_DIR "log"

struct outlog;

/* dir: the container's directory. Files are made with the first line. INVALID: no such driver; UNAVAILABLE: no journal. */
int outlog_new(const struct job *j, int dir, struct outlog **ret, struct dv_err *e) DV_MUST_USE;
void outlog_data(struct outlog *l, int stream, const char *data, size_t len);
/* Lines without an end are written too. */
void outlog_end(struct outlog *l);
void outlog_free(struct outlog *l);
uint64_t outlog_dropped(const struct outlog *l);        /* bytes */

/* --- parts, for their tests --- */

struct buf;
/* {"log":"TEXT","stream":"stdout","attrs":{...},"time":"..."} and a newline. */
void outlog_json_line(struct buf *b, const char *text, size_t len, bool complete, int stream, const char *attrs, int64_t ns);
/* RFC 3339 with nine digits, UTC. */
void outlog_time(int64_t ns, char out[40]);
