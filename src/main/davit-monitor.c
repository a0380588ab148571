/* davit-monitor.c - the monitor of one container; and, by other names, the first process of a container or a pod. */
#include <stdio.h>
#include <string.h>

#include "monitor/monitor.h"

#define CREATOR_FD 3

int main(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "init") == 0)
		return monitor_init(argv + 2);
	/* Bound into a container as its init, it is called by that name. */
	if (argc >= 2 && strcmp(argv[1], "--") == 0)
		return monitor_init(argv + 1);
	if (argc == 2 && strcmp(argv[1], "first") == 0)
		return monitor_first(CREATOR_FD);
	if (argc != 2 || strcmp(argv[1], "serve") != 0) {
		(void)fprintf(stderr, "davit-monitor is started by davit\n");
		return 64;
	}
	return monitor_main(CREATOR_FD);
}
