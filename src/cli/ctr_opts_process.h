/* ctr_opts_process.h - rows of ctr_opts.h: the process, its environment, its streams and its health. */
#pragma once

extern const char *const ctr_health_actions[];

#define CTR_OPTS_PROCESS \
	CTR_BOOL("interactive", 'i', interactive, "Give it our standard input") \
	CTR_BOOL("tty",         't', tty,         "Give it a terminal") \
	CTR_ROW(STR,  "entrypoint",  0,   entrypoint, "PROGRAM", \
		"Instead of the image's entrypoint and command: a word, a JSON list, or \"\" for none") \
	CTR_ROW(STRS, "env",         'e', env,        "K[=V]",   "Set a variable; without =V to our own value, K* for all of ours") \
	CTR_ROW(STRS, "env-file",    0,   env_files,  "FILE",    "Read environment variables from a file, one a line") \
	CTR_BOOL("env-host",     0, env_host,      "All variables of our own") \
	CTR_ROW(STRS, "unsetenv",    0,   unset_env,  "K",       "Leave out a variable of the image") \
	CTR_BOOL("unsetenv-all", 0, unset_env_all, "Leave out all variables but those of flags") \
	CTR_BOOL("http-proxy",   0, http_proxy,    "Our own proxy variables") \
	CTR_ROW(STR,  "workdir",     'w', workdir,    "DIR",     "Working directory in the container, made when missing") \
	CTR_ROW(STR,  "user",        'u', user,       "USER[:GROUP]", "Names of the image's passwd and group files, or numbers") \
	CTR_ROW(STRS, "group-add",   0,   groups,     "GROUP",   "One more group of the process; keep-groups for ours") \
	CTR_ROW(STR,  "umask",       0,   umask,      "MODE",    "File mode mask, octal (default 0022)") \
	CTR_ROW(STR,  "tz",          0,   tz,         "ZONE",    "Time zone: Europe/Rome, or local for ours") \
	CTR_BOOL("passwd", 0, passwd, "Add lines to /etc/passwd and /etc/group for a user whom the image does not know") \
	CTR_ROW(STR,  "passwd-entry", 0,  passwd_entry, "LINE",  "That line of /etc/passwd: $USERNAME, $UID, $GID, $NAME, $HOME") \
	CTR_ROW(STR,  "group-entry", 0,   group_entry, "LINE",   "That line of /etc/group: $GROUPNAME, $GID") \
	CTR_ROW(STRS, "hostuser",    0,   host_users, "NAME",    "Add a user of ours to /etc/passwd") \
	CTR_ROW(STR,  "stop-signal", 0,   stop_signal, "SIGNAL", "What stop sends first (default: the image's, or TERM)") \
	CTR_ROW(I64,  "stop-timeout", 0,  stop_timeout, "SECONDS", "How long stop waits before it kills (default 10)") \
	CTR_ROW(STR,  "personality", 0,   personality, "NAME",   "LINUX or LINUX32") \
	CTR_ROW(STR,  "health-cmd",  0,   health_cmd, "COMMAND", "Tells by its exit status whether all is well: for a shell, or a JSON list") \
	CTR_ROW(STR,  "health-interval", 0, health_interval, "TIME", "Time between checks: 30s") \
	CTR_ROW(STR,  "health-timeout", 0, health_timeout, "TIME", "What takes longer has failed") \
	CTR_ROW(I64,  "health-retries", 0, health_retries, "N",  "Failures in a row until it is unhealthy") \
	CTR_ROW(STR,  "health-start-period", 0, health_start_period, "TIME", "Failures do not count so long after the start") \
	CTR_ROW(STR,  "health-start-interval", 0, health_start_interval, "TIME", "Time between checks meanwhile") \
	CTR_ONE("health-on-failure", health_on_failure, "ACTION", ctr_health_actions, "What to do with a container that is unhealthy") \
	CTR_BOOL("no-healthcheck", 0, no_healthcheck, "Without the image's check")
