/* defence.h - every defence has a name, so that a test can show the attack succeeding without it.
 *
 * Only programs of tests (davit-oci-weak and the like, -DDV_WEAK) can switch one off, by
 * DAVIT_WEAK=NAME[,NAME]; everywhere else defence_on() is the constant true.
 */
#pragma once

#include <stdbool.h>

#ifdef DV_WEAK
bool defence_on(const char *name);
#else
#define defence_on(name) true
#endif
