/* logs.h - what logs and pod logs share. */
#pragma once

#include "cli/cli.h"

/* The first member of a verb's arguments. */
struct logs_args {
	bool follow, timestamps, details, names, latest;
	const char *since, *until, *tail;
};
#define LOGS_AT(member) offsetof(struct logs_args, member)
#define LOGS_OPTS(tail_letter) \
	{ .name = "follow", .letter = 'f', .kind = OPT_BOOL, .offset = LOGS_AT(follow), .help = "Show what comes, until the container has ended" }, \
	{ .name = "since", .kind = OPT_STR, .arg = "TIME", .offset = LOGS_AT(since), \
	  .help = "From then on: 2026-01-02T15:04:05Z, seconds since 1970, or how long ago: 10m" }, \
	{ .name = "until", .kind = OPT_STR, .arg = "TIME", .offset = LOGS_AT(until), .help = "Nothing after that" }, \
	{ .name = "tail", .letter = tail_letter, .kind = OPT_STR, .arg = "N", .offset = LOGS_AT(tail), .help = "Only so many lines from the end (all)" }, \
	{ .name = "timestamps", .letter = 't', .kind = OPT_BOOL, .offset = LOGS_AT(timestamps), .help = "Each line with its time" }, \
	{ .name = "details", .kind = OPT_BOOL, .offset = LOGS_AT(details), .help = "Each line with what --log-opt labels and env add" },

struct logs_ref {
	const char *container;
	const char *name;               /* before each line, or NULL */
};
/* As the flags say. With several to follow the engine is closed. */
int logs_show(struct verb_call *c, struct engine **g, const struct logs_ref *v, size_t n, struct dv_err *e) DV_MUST_USE;
