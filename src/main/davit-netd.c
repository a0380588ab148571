/* davit-netd - names and rules of container networks. */
#include "netd/netd.h"

int main(int argc, char **argv)
{
	return program_main(&netd_program, argc, argv);
}
