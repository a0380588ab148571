/* davit-oci.c - the OCI runtime. */
#include "ocicli/ocicli.h"
#include "ocicli/self.h"

int main(int argc, char **argv)
{
	self_remember(argv);
	return program_main(&oci_program, argc, argv);
}
