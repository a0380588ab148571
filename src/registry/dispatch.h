/* dispatch.h - from a call to its handler: route, method, who asks, what that one may do. */
#pragma once

#include "registry/ask.h"

/* The server's callbacks; ctx is the registry. */
http_handler registry_handle;
http_on_log registry_log;
