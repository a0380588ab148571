/* docker_parts.h - the two sides of docker archives. */
#pragma once

#include "transfer/oci_parts.h"

extern const struct source_ops docker_archive_source_ops;
