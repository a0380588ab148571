/* h1_server.h - the two halves of HTTP/1.1's server side: h1_server.c reads, h1_answer.c writes. */
#pragma once

#include "http/call.h"
#include "http/h1.h"

struct h1_conn {
	struct http_h1 parser;
	struct out out;
	struct http_call *call;            /* the one at a time; the next request waits in `in` */
	const char *cur;                   /* input that is not parsed: in the server's buffer, or in `in` */
	size_t cur_len;
	struct buf in;
	uint64_t discarded;                /* of a body that nobody wanted */
	uint64_t flushed;                  /* in this round */
	http_on_upgrade *on_upgrade;
	void *upgrade_state;
	bool in_message;                   /* a head was parsed, the end of its body not */
	bool chunked;                      /* the answer */
	bool close;                        /* after this answer */
	bool eof;                          /* the client will send no more */
	bool continue_due;                 /* it waits for 100 Continue */
	bool lingering;                    /* all is sent, and we said so: what still comes is dropped */
};

extern const struct call_proto h1_call_proto;

/* A whole answer that no handler gave; to HEAD (head_only) without its body. */
void h1_put_error(struct conn *c, int status, const char *why, bool head_only);
/* Is what is left of the request's body too much to read on behalf of nobody? */
bool h1_body_is_long(const struct h1_conn *h);
