/* parts.h - the form of RUNROOT/events, for its writer and its reader. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define EVENT_FILE "events"
#define EVENT_FILE_OLD "events.1"
/* First line: the number that the next event gets. */
#define EVENT_HEAD_FORMAT "davit-events %020llu\n"
#define EVENT_HEAD_SIZE 34

/* False for what is no such file. */
bool event_read_head(int fd, uint64_t *ret_next);
