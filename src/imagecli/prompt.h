/* prompt.h - ask the person at the terminal. */
#pragma once

#include "base/buf.h"

/* The text to stdout, then one line from stdin without its end; hidden: it does not appear on the terminal, whose
 * state is put back also when a signal ends us. INVALID at the end of input, LIMIT past b's maximum. */
int prompt_line(const char *text, bool hidden, struct buf *b, struct dv_err *e) DV_MUST_USE;
