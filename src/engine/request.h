/* request.h - what the user asks of a container, and what it becomes together with its image's configuration.
 *
 * One list of fields is the struct, its JSON form (which the container's row keeps, so that `start` needs nothing
 * else), and the arguments of the command lines (cli/ctr_opts.h). Kinds:
 *
 *	str   const char *          NULL: not said
 *	strs  const char *const *   NULL-terminated; NULL is an empty one
 *	i64   struct opt_i64        with `set`; 0 where it is not
 *	bool  bool
 *
 * The words of a field are those of the flag, as in docker; they are checked and given their meaning here.
 */
#pragma once

#include "engine/engine.h"
#include "json/json.h"
#include "json/view.h"

#define RUN_REQUEST(F) \
	/* identity */ \
	F(str, image)                  /* as the user wrote it */ \
	F(strs, args)                  /* the command; NULL: the image's */ \
	F(str, name)                   /* NULL: a random one */ \
	F(str, hostname) \
	F(str, domainname) \
	F(strs, labels)                /* "k=v" or "k" */ \
	F(strs, label_files)           /* read when the container is created */ \
	F(strs, annotations)           /* "k=v" */ \
	F(bool, rm)                    /* gone when it has ended */ \
	F(bool, rmi)                   /* and its image, unless another container has it */ \
	F(bool, replace)               /* remove the container that has the name */ \
	F(str, cidfile) \
	F(str, pidfile) \
	F(str, pod) \
	F(str, platform)               /* OS/ARCH[/VARIANT] of the image */ \
	/* streams */ \
	F(bool, interactive) \
	F(bool, tty) \
	F(bool, detach) \
	F(strs, attach)                /* stdin, stdout, stderr */ \
	F(str, detach_keys) \
	/* process */ \
	F(str, entrypoint)             /* NULL: the image's; "": none; a JSON list, or one word */ \
	F(strs, env)                   /* "K=V", "K" for our own value, "K*" for all of ours that begin so */ \
	F(strs, env_files) \
	F(bool, env_host)              /* all of ours */ \
	F(strs, unset_env)             /* names of the image's that are left out */ \
	F(bool, unset_env_all) \
	F(bool, http_proxy)            /* the proxy variables of ours */ \
	F(str, workdir) \
	F(str, user)                   /* USER[:GROUP] */ \
	F(strs, groups)                /* names of the image, or numbers; keep-groups: ours */ \
	F(str, umask)                  /* octal */ \
	F(str, tz)                     /* a zone of the host's /usr/share/zoneinfo, or "local" */ \
	F(bool, passwd)                /* lines for a user that the image does not know */ \
	F(str, passwd_entry)           /* the line to add; $USERNAME, $UID, $GID, $NAME, $HOME */ \
	F(str, group_entry) \
	F(strs, host_users)            /* of our passwd file, to be added to the container's */ \
	F(i64, preserve_fds) \
	F(bool, init)                  /* a first process that reaps and passes signals on */ \
	F(str, init_path) \
	F(str, stop_signal) \
	F(i64, stop_timeout)           /* seconds */ \
	F(i64, timeout)                /* seconds until it is killed */ \
	F(str, personality) \
	F(str, systemd) \
	F(str, sdnotify) \
	F(str, restart)                /* no, on-failure[:N], always, unless-stopped */ \
	/* health */ \
	F(str, health_cmd)             /* for a shell; a JSON list; none */ \
	F(str, health_interval)        /* a duration: 1m30s */ \
	F(str, health_timeout) \
	F(i64, health_retries) \
	F(str, health_start_period) \
	F(str, health_start_interval) \
	F(str, health_on_failure)      /* none, kill, restart, stop */ \
	F(bool, no_healthcheck) \
	/* limits */ \
	F(i64, memory)                 /* bytes; 0: no limit */ \
	F(i64, memory_swap)            /* memory and swap together; 0: twice the memory, -1: no limit */ \
	F(i64, memory_reservation)     /* bytes */ \
	F(i64, memory_swappiness)      /* 0..100, -1: the kernel's */ \
	F(i64, kernel_memory)          /* bytes */ \
	F(bool, oom_kill_disable) \
	F(i64, oom_score_adj)          /* -1000..1000 */ \
	F(str, cpus)                   /* "1.5"; NULL: no limit */ \
	F(i64, cpu_shares) \
	F(i64, cpu_period)             /* microseconds */ \
	F(i64, cpu_quota)              /* microseconds */ \
	F(i64, cpu_rt_period)          /* microseconds */ \
	F(i64, cpu_rt_runtime)         /* microseconds */ \
	F(str, cpuset_cpus)            /* "0-3,7" */ \
	F(str, cpuset_mems) \
	F(i64, pids)                   /* 0 and -1: no limit */ \
	F(i64, blkio_weight)           /* 10..1000 */ \
	F(strs, blkio_weight_devices)  /* PATH:WEIGHT */ \
	F(strs, device_read_bps)       /* PATH:BYTES */ \
	F(strs, device_write_bps) \
	F(strs, device_read_iops)      /* PATH:N */ \
	F(strs, device_write_iops) \
	F(strs, ulimits)               /* NAME=SOFT[:HARD] */ \
	F(i64, shm_size)               /* bytes */ \
	F(strs, cgroup_conf)           /* FILE=VALUE of cgroup v2 */ \
	F(str, cgroup_parent) \
	F(str, cgroups)                /* enabled, disabled, no-conmon */ \
	/* security */ \
	F(bool, privileged) \
	F(strs, cap_add) \
	F(strs, cap_drop) \
	F(strs, security_opts) \
	F(strs, sysctls)               /* K=V */ \
	F(strs, devices)               /* PATH[:TO[:rwm]] */ \
	F(strs, device_cgroup_rules)   /* "c 1:3 rwm" */ \
	F(strs, uid_maps)              /* CONTAINER:HOST:SIZE */ \
	F(strs, gid_maps) \
	/* namespaces */ \
	F(str, pid_mode)               /* host, private, container:ID, ns:PATH */ \
	F(str, ipc_mode)               /* and none, shareable */ \
	F(str, uts_mode) \
	F(str, userns_mode)            /* host, private */ \
	F(str, cgroupns_mode) \
	/* mounts */ \
	F(strs, volumes)               /* SRC:DST[:OPTIONS] */ \
	F(strs, mounts)                /* type=bind,src=...,dst=... */ \
	F(strs, tmpfs)                 /* DST[:OPTIONS] */ \
	F(strs, volumes_from)          /* CONTAINER[:ro] */ \
	F(strs, inherited)             /* their mounts, as --mount has them: volumes_from() */ \
	F(str, volume_driver) \
	F(str, image_volume)           /* bind, tmpfs, ignore */ \
	F(strs, storage_opts)          /* size=BYTES */ \
	F(strs, secrets)               /* NAME[,OPTIONS] */ \
	F(bool, read_only)             /* the container's root */ \
	F(bool, read_only_tmpfs)       /* with read_only: tmpfs on /run, /tmp and /var/tmp */ \
	/* network */ \
	F(strs, networks)              /* host, none, NAME[:OPTIONS], container:ID, ns:PATH */ \
	F(strs, network_aliases) \
	F(strs, publish)               /* [IP:][HOST]:CONTAINER[/PROTO] */ \
	F(bool, publish_all) \
	F(strs, expose)                /* PORT[/PROTO] */ \
	F(strs, dns) \
	F(strs, dns_options) \
	F(strs, dns_search) \
	F(strs, add_hosts)             /* NAME:IP */ \
	F(strs, links) \
	F(str, ip) \
	F(str, ip6) \
	F(str, mac_address) \
	F(bool, no_hosts) \
	F(str, hosts_file) \
	/* logs */ \
	F(str, log_driver) \
	F(strs, log_opts)              /* K=V */

typedef const char *request_t_str;
typedef const char *const *request_t_strs;
typedef struct opt_i64 request_t_i64;
typedef bool request_t_bool;
#define REQUEST_MEMBER_(kind, member) request_t_##kind member;
struct run_request { RUN_REQUEST(REQUEST_MEMBER_) };

/* What is set, and nothing else. */
struct json *request_to_json(struct arena *a, const struct run_request *q);
/* The other way; strings stay in the tree. INVALID names the field. */
int request_of_json(struct arena *a, const struct json *j, struct run_request *ret, struct dv_err *e) DV_MUST_USE;
/* Replaces what depends on this process by what it is now: files of labels and variables, our own variables. What is
 * stored is the result. */
int request_resolve(struct arena *a, struct run_request *q, struct dv_err *e) DV_MUST_USE;

enum run_ns_kind { RUN_NS_PID, RUN_NS_IPC, RUN_NS_UTS, RUN_NS_USER, RUN_NS_CGROUP, RUN_NS_KINDS };
enum run_ns_mode { RUN_NS_OWN, RUN_NS_HOST, RUN_NS_NONE, RUN_NS_SHAREABLE, RUN_NS_CONTAINER, RUN_NS_PATH };
struct run_ns {
	enum run_ns_mode mode;
	const char *container;          /* whose, with RUN_NS_CONTAINER */
	const char *path;               /* NULL: not known yet, or none */
};

/* What --security-opt makes of the defaults. */
struct run_security {
	bool no_new_privs, unfiltered, writable_cgroups;
	const char *profile;            /* text of a seccomp profile, or NULL */
	struct json *seccomp;           /* linux.seccomp; NULL: the default, unless unfiltered */
	const char *apparmor, *proc_opts;
	struct json *masked, *readonly; /* lists of paths, NULL for none */
};

struct network_wish;
struct run_config {
	const char **args;
	const char **env;
	const char *cwd, *user, *hostname, *stop_signal;
	const char *cwd_shown;          /* as it was given; "" when it was not */
	uint32_t umask;
	struct json *sysctls;
	const struct json *labels;
	const struct json *image;       /* the image's configuration */
	struct json *health;            /* Config.Healthcheck, NULL for none */
	struct json *annotations;
	struct run_ns ns[RUN_NS_KINDS];
	struct run_security sec;
	int64_t nano_cpus;
	bool host_network;
	struct network_wish *network;   /* network.h */
	struct json *mounts;            /* binds and tmpfs, as in an OCI configuration */
	struct json *mount_points;      /* the same as `inspect` shows them */
	uint64_t caps;                  /* what the container may have: bit i is capability i */
	struct json *inspect;           /* Config, HostConfig, Mounts */
};

/* Checks and merges. INVALID names the flag. id is the container's. Makes missing sources of binds, as docker does. */
int run_configure(struct arena *a, const struct run_request *q, const struct image *img, const char *id,
		  struct run_config *ret, struct dv_err *e) DV_MUST_USE;

/* --- parts --- */

/* The words of an entrypoint that is a JSON list of strings; NULL when it is not. */
struct json *entrypoint_words(struct arena *a, const char *text);
/* What the flags say of the environment, as a list of "K=V", and the names that the container shall not have: files,
 * then single flags, and our own values where they are asked for. */
int env_resolve(struct arena *a, const struct run_request *q, const char ***ret, const char ***ret_unset,
		struct dv_err *e) DV_MUST_USE;
/* defaults, then the image's, then files, then the user's: later values replace earlier ones in place. */
int env_merge(struct arena *a, const char *const *defaults, const struct json *image, const struct run_request *q,
	      const char ***ret, struct dv_err *e) DV_MUST_USE;
/* The lines of a text file, one after the other, as docker reads --env-file and --label-file: without leading blanks,
 * comments and empty lines. LIMIT: the file is too large. */
typedef int line_fn(void *ctx, const char *line, struct dv_err *e);
int lines_of_file(struct arena *a, const char *flag, const char *path, line_fn *each, void *ctx,
		  struct dv_err *e) DV_MUST_USE;
/* cap_add and cap_drop on docker's default; `available` is what we may give. */
int caps_choose(const struct run_request *q, uint64_t available, uint64_t *ret, struct dv_err *e) DV_MUST_USE;
/* What this process may hand out. */
uint64_t caps_available(void);
/* Fills mounts and mount_points. image is its configuration. The sources of volumes are relative to the engine's root
 * directory here ("volumes/NAME/_data"); volume_prepare() and volume_show() make them absolute. */
int binds_parse(struct arena *a, const struct run_request *q, const struct json *image, const char *id, struct run_config *c,
		struct dv_err *e) DV_MUST_USE;
