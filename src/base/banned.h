/* banned.h - functions that are compile errors here; included before every file.
 *
 * Each has a safe neighbour: buf and snprintf for the string functions,
 * str_u64 and friends for the number parsers, proc_spawn for the shells.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#pragma GCC poison sprintf vsprintf strcpy strcat strncpy strncat strtok gets
#pragma GCC poison atoi atol atoll atof sscanf
#pragma GCC poison system popen
#pragma GCC poison sleep usleep
#undef alloca
#pragma GCC poison alloca mktemp tmpnam tempnam
