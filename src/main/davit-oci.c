/* davit-oci.c - the OCI runtime. */
#include <malloc.h>

#include "oci/self.h"
#include "ocicli/ocicli.h"

int main(int argc, char **argv)
{
#ifdef __GLIBC__
	/* One step of the heap instead of many: a start is a few hundred system calls in all. */
	(void)mallopt(M_TOP_PAD, 256 << 10);
	(void)mallopt(M_MMAP_THRESHOLD, 4 << 20);
	(void)mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
	self_remember(argv);
	return program_main(&oci_program, argc, argv);
}
