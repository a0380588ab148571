/* monitor.h - the life of one container, outside of any command line. */
#pragma once

#include "base/err.h"

/* The whole program: `sock` is the creator's connection (protocol.h). Returns the exit status of the process. */
int monitor_main(int sock);
/* `davit-monitor init -- PROGRAM ARG...`: the first process of a container that wants one. Passes signals to its only
 * child, reaps what it inherits, and ends as the child did. */
int monitor_init(char **argv);
/* `davit-monitor first`: the first process of a pod that shares process ids. Reaps, and does nothing else, in an empty root
 * and without any right, since the containers of the pod see it. Descriptor `go` gives one byte when somebody knows of it;
 * it ends when that does not come. */
int monitor_first(int go);
