/* davit-image - what needs fast compression, TLS or a registry. */
#include "imagecli/imagecli.h"

int main(int argc, char **argv)
{
	return program_main(&imagecli_program, argc, argv);
}
