/* driver_parts.h - the rows of the table of layer drivers. */
#pragma once

#include "image/driver.h"

extern const struct layer_driver layer_driver_dirs, layer_driver_erofs;
