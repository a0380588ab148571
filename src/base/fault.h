/* fault.h - make the n-th fallible call fail, to test every error path.
 *
 * Calls that may fail ask fault_hit() first (open, read, write, fsync, rename,
 * mount, clone, ...). In tests fault_at(n) arms the n-th of them to fail with
 * an errno; programs of a debug build (-Dfaults=true) are armed by the environment
 * (DAVIT_FAULT=N[:ERRNO], or DAVIT_FAULT=kill:N to die by SIGKILL there).
 * In release builds fault_hit() is the constant 0.
 */
#pragma once

#include <stdbool.h>

#ifdef DV_FAULTS
int fault_hit_(const char *where);
void fault_at(unsigned n, int sys);         /* 0 disarms */
unsigned fault_count(void);                 /* calls seen since fault_at() */
/* errno to fail with, or 0. `where` is a constant name such as "open". */
#define fault_hit(where) fault_hit_(where)
#else
#define fault_hit(where) 0
#endif
