/* config_json.h - what `inspect` shows of a configuration: docker's Config and HostConfig. */
#pragma once

#include "engine/request.h"

struct json *config_json(struct arena *a, const struct run_request *q, const struct run_config *c);
/* HostConfig.RestartPolicy */
struct json *restart_inspect(struct arena *a, const char *restart);
struct json *host_config_json(struct arena *a, const struct run_request *q, const struct run_config *c);
