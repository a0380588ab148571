/* manifest.h - moved to image/manifest.h. */
#pragma once

#include "image/manifest.h"
