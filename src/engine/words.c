/* words.c - names for containers that got none: a quality and a thing of the sea. */
#include <sys/random.h>

#include "engine/ctr.h"

static const char *const qualities[] = {
	"able",   "agile",  "amber",  "azure", "bold",  "brave", "brisk",  "calm",  "clear", "coral", "crisp",  "deft",
	"eager",  "early",  "easy",   "fair",  "fast",  "fleet", "foggy",  "free",  "fresh", "gentle", "glad",  "golden",
	"grand",  "green",  "happy",  "hardy", "keen",  "kind",  "lively", "loud",  "lucky", "mellow", "merry", "mighty",
	"misty",  "neat",   "nimble", "noble", "patient", "plucky", "polar", "proud", "quick", "quiet", "rapid", "ready",
	"robust", "rosy",   "salty",  "sharp", "shiny", "silent", "silver", "smart", "snug",  "steady", "stout", "sunny",
	"swift",  "tidal",  "trim",   "witty",
};
static const char *const things[] = {
	"anchor", "bay",    "beacon", "boom",   "bosun", "bow",    "breeze", "brig",  "buoy",  "cabin", "canal", "cape",
	"cargo",  "chart",  "cleat",  "clipper", "coast", "compass", "crane", "crew", "current", "cutter", "deck", "dinghy",
	"dock",   "dolphin", "ferry", "fjord",  "galley", "gannet", "gull",  "harbour", "hatch", "helm", "hull",  "island",
	"jetty",  "keel",   "ketch",  "lagoon", "lantern", "lighthouse", "lock", "mast", "mooring", "oar", "osprey", "otter",
	"pennant", "pier",  "pilot",  "porthole", "quay", "reef",  "rigging", "rudder", "sail", "schooner", "sextant", "sloop",
	"tern",   "tide",   "tiller", "trawler",
};

const char *ctr_random_name(struct arena *a, unsigned attempt)
{
	uint16_t n[3] = { 0 };

	(void)!getrandom(n, sizeof n, 0);
	const char *q = qualities[n[0] % ARRAY_LEN(qualities)], *t = things[n[1] % ARRAY_LEN(things)];
	/* Taken names are met sooner than 4096 containers suggest. */
	return attempt == 0 ? arena_printf(a, "%s_%s", q, t) : arena_printf(a, "%s_%s%u", q, t, n[2] % 10000u);
}
