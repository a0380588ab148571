/* monitor.c - any packet through the decoder of a monitor's messages, and any bytes as its record or its job. */
#include <string.h>

#include "fuzz.h"
#include "monitor/job.h"
#include "monitor/protocol.h"
#include "monitor/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	struct dv_err e = DV_ERR_NONE;
	static char again[MSG_MAX];
	struct record rec;
	struct msg m;
	struct job j;

	if (msg_decode((const char *)data, size, &m, &e) >= 0) {
		/* What is accepted is exactly what an encoder makes. */
		FUZZ_CHECK(msg_encode(&m, again) == size && memcmp(again, data, size) == 0);
	} else {
		FUZZ_CHECK(e.kind == DV_INVALID && e.msg[0]);
	}
	if (record_decode((const char *)data, size, &rec)) {
		char bytes[RECORD_BYTES];

		record_encode(&rec, bytes);
		FUZZ_CHECK(record_decode(bytes, sizeof bytes, &rec));
	}
	arena_init(&a, (size_t)4 << 20);
	if (job_parse(&a, (const char *)data, size, &j, &e) >= 0)
		FUZZ_CHECK(j.id && j.log);
	return 0;
}
