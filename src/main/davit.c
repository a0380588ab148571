/* davit.c - the container engine's command line. */
#include "cli/cli.h"
#include "oci/self.h"

int main(int argc, char **argv)
{
	self_remember(argv);
	return program_main(&cli_program, argc, argv);
}
