/* davit.c - the container engine's command line. */
#include <malloc.h>

#include "cli/cli.h"
#include "oci/self.h"

int main(int argc, char **argv)
{
	/* One step of the heap instead of many. */
	(void)mallopt(M_TOP_PAD, 512 << 10);
	(void)mallopt(M_MMAP_THRESHOLD, 4 << 20);
	self_remember(argv);
	return program_main(&cli_program, argc, argv);
}
