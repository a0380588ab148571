/* h1_head.h - between the two halves of the HTTP/1.1 parser. */
#pragma once

#include "http/h1.h"

/* The trailers in p->text, into p->arena. */
int h1_trailers(struct http_h1 *p, struct dv_err *e) DV_MUST_USE;
/* The head was taken: what follows is as p->chunked and p->until_close say, or length bytes. */
void h1_begin_body(struct http_h1 *p, int64_t length);
