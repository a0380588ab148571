#!/usr/bin/env python3
"""docker_words.py - the same command lines for docker and for davit: exit status, output, effects.

    docker_words.py GROUP "DOCKER COMMAND" "DAVIT COMMAND"
    docker_words.py --list | --count

A group is a list of lines that build on each other, in an engine of its own. A line is what follows "docker";
run and create get --network none. Compared are the exit status, standard output (ids, times and sizes made
neutral), and whether there is anything on standard error when the status is not 0. A difference that is meant
stands beside its line with the reason; one that is no more is a failure too, so that the list stays true.
"""
import datetime
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

SECONDS = 300       # for what hangs, not for a busy machine


# --- generated from rows: every flag once more, alone ---

# flag and value; what prints its effect in the container; None: an image's shell is not needed
READ = [
    ("--hostname hh", "hostname"),
    ("-h hh --domainname dd", "cat /proc/sys/kernel/domainname /etc/hostname"),
    ("-e A=1 -e B=", "echo $A-$B-${C-unset}"),
    ("-e FOO", "echo ${FOO-unset}"),
    ("-w /new/dir", "pwd"),
    ("-u 1000", "id"),
    ("-u user", "id; echo $HOME"),
    ("-u 1234:55", "id; echo $HOME"),
    ("-u user:extra", "id"),
    ("--group-add 77 --group-add extra", "id -G"),
    ("-m 64m", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes"),
    ("-m 64m --memory-swap 64m", "cat /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"),
    ("-m 64m --memory-swap -1", "test $(cat /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes) -gt 99999999999 && echo none"),
    ("-m 64m --memory-reservation 32m", "cat /sys/fs/cgroup/memory/memory.soft_limit_in_bytes"),
    ("--memory-swappiness 11", "cat /sys/fs/cgroup/memory/memory.swappiness"),
    ("-m 64m --oom-kill-disable", "head -1 /sys/fs/cgroup/memory/memory.oom_control"),
    ("--cpus 0.5", "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us"),
    ("--cpu-shares 333", "cat /sys/fs/cgroup/cpu/cpu.shares"),
    ("-c 334", "cat /sys/fs/cgroup/cpu/cpu.shares"),
    ("--cpu-period 50000 --cpu-quota 20000", "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us"),
    ("--cpuset-cpus 0 --cpuset-mems 0", "cat /sys/fs/cgroup/cpuset/cpuset.cpus /sys/fs/cgroup/cpuset/cpuset.mems"),
    ("--pids-limit 44", "cat /sys/fs/cgroup/pids/pids.max"),
    ("--pids-limit -1", "cat /sys/fs/cgroup/pids/pids.max"),
    ("--ulimit nofile=190:200 --ulimit core=0", "ulimit -Sn; ulimit -Hn; ulimit -c"),
    ("--shm-size 3m", "df -k /dev/shm | tail -1"),
    ("--oom-score-adj 300", "cat /proc/self/oom_score_adj"),
    ("--security-opt no-new-privileges", "grep NoNewPrivs /proc/self/status"),
    ("--security-opt no-new-privileges:true", "grep NoNewPrivs /proc/self/status"),
    ("--security-opt seccomp=unconfined", "grep ^Seccomp: /proc/self/status"),
    ("--security-opt systempaths=unconfined", "test $(wc -c </proc/keys) -gt 0 && echo shown"),
    ("--security-opt apparmor=unconfined --security-opt label=disable", "echo fine"),
    ("--device /dev/zero:/dev/zz", "head -c 3 /dev/zz | od -x; ls -l /dev/zz | cut -c1-43"),
    ("--device /dev/full:/dev/zz:r", "ls -l /dev/zz | cut -c1-43"),
    ("--sysctl net.ipv4.ip_forward=1 --sysctl kernel.shmmax=12345", "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax"),
    ("--cap-drop ALL --cap-add CHOWN", "grep CapEff /proc/self/status"),
    ("--cap-drop NET_RAW --cap-drop cap_kill", "grep CapEff /proc/self/status"),
    ("--cap-drop NET_RAW --cap-add net_admin", "grep CapEff /proc/self/status"),
    ("--read-only", "touch /x 2>&1; touch /dev/shm/x && echo shm"),
    ("--read-only --tmpfs /t:size=1m,mode=1770", "touch /t/x && ls -ld /t | cut -c1-10; df -k /t | tail -1"),
    ("--uts host", "hostname"),
    ("--pid host", "test -e /proc/$(cut -d' ' -f4 /proc/self/stat) && echo there"),
    ("--ipc none", "grep -c /dev/shm /proc/mounts"),
    ("--ipc private", "grep -c /dev/shm /proc/mounts"),
    ("--ipc shareable", "grep -c /dev/shm /proc/mounts"),
    ("--entrypoint sh", None),
    ("--label a=b --label c", "echo labelled"),
    ("--stop-signal INT --stop-timeout 3", "echo stop"),
    ("--health-cmd true --health-interval 5s --health-timeout 2s --health-retries 4 --health-start-period 1s", "echo health"),
    ("--no-healthcheck", "echo none"),
    ("--platform linux/amd64", "uname -m"),
    ("--pull never", "echo here"),
    ("--init", "cat /proc/self/comm"),
    ("--restart no", "echo once"),
    ("--log-driver none", "echo nolog"),
    ("--log-opt max-size=1m --log-opt max-file=2", "echo logged"),
    ("--isolation default", "echo isolated"),
    ("--disable-content-trust", "echo trusted"),
    ("--userns host", "cat /proc/self/uid_map | tr -s ' '"),
    ("--cgroupns host", "readlink /proc/self/ns/cgroup | cut -c1-6"),
    ("--volume /tmp:/from:ro", "grep -c ' /from ' /proc/mounts; touch /from/x 2>&1"),
    ("--mount type=tmpfs,destination=/t", "grep -c ' /t tmpfs' /proc/mounts"),
    ("--device-cgroup-rule 'c 10:* rwm'", "echo rule"),
    ("--blkio-weight 0", "echo weight"),
]
REFUSED = [
    "-m 1m", "-m x", "--memory-swap 10m", "-m 20m --memory-swap 10m", "-m 10m --memory-reservation 20m",
    "--memory-reservation 1m", "--memory-swappiness 200", "--cpus 1000", "--cpus x", "--cpus 1 --cpu-quota 5000",
    "--cpus 1 --cpu-period 5000", "--cpu-period 10", "--cpu-quota 10", "--cpuset-cpus 400", "--cpuset-cpus x",
    "--oom-score-adj 2000", "--ulimit nofile", "--ulimit nofile=5:3", "--ulimit nosuch=1", "--cap-add nosuch",
    "--cap-drop nosuch", "--security-opt nosuch", "--security-opt seccomp=/missing", "--security-opt no-new-privileges=x",
    "--device /dev/nosuch", "--device /dev/zero:/dev/a:q", "--device-cgroup-rule x", "--sysctl nothing", "--pid nosuch", "--ipc nosuch",
    "--uts nosuch", "--userns nosuch", "--pid container:nosuch", "--ipc container:nosuch", "-u nosuch",
    "-u root:nosuch", "-u 4294967296", "--group-add nosuch", "-w relative", "--env-file /missing", "--label-file /missing",
    "--name -x", "--name a/b", "--health-interval soon", "--health-retries -1",
    "--no-healthcheck --health-cmd true", "--nosuchflag", "--pull sometimes", "--restart nosuch", "--restart on-failure:x",
    "--rm --restart always", "--tmpfs relative", "--tmpfs /", "-v /a:relative", "-v /a:/", "-v /a:/b:nosuch", "--mount type=nosuch,dst=/x",
    "--mount type=bind,dst=/x", "--mount type=bind,src=/missing/dir,dst=/x", "--uts host -h name", "--log-driver nosuch",
    "--attach nosuch", "--cgroupns nosuch",
]
INSPECT = [
    ".State.Status", ".State.Running", ".State.Paused", ".State.Restarting", ".State.OOMKilled", ".State.Dead", ".State.ExitCode",
    ".State.Error", ".Config.Image", ".Config.Env", "json .Config.Cmd", "json .Config.Entrypoint", "json .Config.Labels",
    ".Config.User", ".Config.WorkingDir", ".Config.Hostname", ".Config.Domainname", ".Config.Tty", ".Config.OpenStdin",
    ".Config.StopSignal", ".Config.StopTimeout", "json .Config.Healthcheck", "json .HostConfig.Binds", ".HostConfig.NetworkMode",
    "json .HostConfig.RestartPolicy", ".HostConfig.Memory", ".HostConfig.MemorySwap", ".HostConfig.NanoCpus", ".HostConfig.CpuShares",
    ".HostConfig.PidsLimit", "json .HostConfig.CapAdd", "json .HostConfig.CapDrop", ".HostConfig.Privileged",
    ".HostConfig.ReadonlyRootfs", ".HostConfig.LogConfig.Type", ".HostConfig.AutoRemove", "json .HostConfig.Ulimits",
    "json .HostConfig.SecurityOpt", ".HostConfig.ShmSize", "json .HostConfig.Tmpfs", "json .HostConfig.Sysctls",
    "json .HostConfig.Devices", ".HostConfig.PidMode", ".HostConfig.IpcMode", ".HostConfig.UTSMode", ".HostConfig.OomScoreAdj",
    "json .HostConfig.GroupAdd", ".HostConfig.CgroupnsMode", ".Name", ".Path", "json .Args", ".RestartCount",
    "range .Mounts}}{{.Type}} {{.Destination}} {{.RW}}{{end", "len .Image", "len .Id", ".Driver",
]
PS = [
    "ps", "ps -a", "ps -aq", "ps -n 1", "ps -l", "ps -a --no-trunc", "ps -a --format '{{.Names}}'",
    "ps -a --format '{{.Names}}\\t{{.Image}}\\t{{.State}}'", "ps -a --format '{{.Command}}'", "ps -a --no-trunc --format '{{.Command}}'",
    "ps -a --format '{{.Labels}}'", "ps -a --format '{{.Label \"app\"}}'", "ps -a --format 'table {{.Names}}\\t{{.State}}'",
    "ps -a --format '{{.Networks}}'", "ps -a --format '{{.Ports}}'", "ps -a --format '{{.Mounts}}'",
    "ps -a --format '{{.LocalVolumes}}'", "ps -a --format '{{json .Names}}'", "ps -a --format '{{upper .Names}}'",
    "ps -a -f name=web --format '{{.Names}}'", "ps -a -f 'name=^/db' --format '{{.Names}}'", "ps -a -f label=app --format '{{.Names}}'",
    "ps -a -f label=app=web --format '{{.Names}}'", "ps -f status=exited --format '{{.Names}}'", "ps -a -f exited=3 --format '{{.Names}}'",
    "ps -a -f ancestor=bb --format '{{.Names}}'", "ps -a -f ancestor=nosuch --format '{{.Names}}'",
    "ps -a -f before=web --format '{{.Names}}'", "ps -a -f since=db --format '{{.Names}}'", "ps -a -f volume=/data --format '{{.Names}}'",
    "ps -a -f health=none --format '{{.Names}}'", "ps -a -f is-task=true --format '{{.Names}}'", "ps -a -f network=none --format '{{.Names}}'",
    "ps -a -f status=running -f status=exited --format '{{.Names}}'", "ps -f nosuch=1", "ps -f name", "ps -f status=nosuch", "ps -f health=nosuch",
    "ps -f before=nosuch", "ps --nosuch", "ps -f exited=x", "container ls -a --format '{{.Names}}'", "container list -aq",
    "ps -a --format '{{.Nosuch}}'", "ps -a --format '{{'",
]


def read_lines():
    for flags, script in READ:
        shell = "-c 'echo entry'" if script is None else "sh -c " + shlex.quote(script)
        yield f"run --rm {flags} bb {shell}"


def inspect_lines():
    yield ("create --name one -e A=1 -l k=v -u user -w /tmp -m 64m --cpus 0.5 --cpu-shares 99 --pids-limit 9 --cap-add SYS_TIME "
           "--cap-drop KILL --read-only --ulimit nofile=90:100 --security-opt no-new-privileges --tmpfs /t:size=1m --sysctl "
           "kernel.shmmax=1 --device /dev/zero:/dev/zz:r --oom-score-adj 5 --group-add 7 --restart on-failure:3 --stop-signal INT "
           "--stop-timeout 4 --health-cmd 'test 1' --health-interval 3s -h hh --domainname dd -v /tmp:/data:ro --shm-size 2m bb sleep 9")
    for field in INSPECT:
        yield f"inspect -f '{{{{{field}}}}}' one"
    yield "inspect --type container -f '{{.Name}}' one"
    yield "inspect --type image one"
    yield "inspect nosuch"
    yield "inspect -f '{{.Nosuch}}' one"
    yield "rm one"


def ps_lines():
    yield "run --name db -l app=db bb sh -c 'exit 3'"
    yield "run -d --name web -l app=web -v /tmp:/data bb sleep 300"
    yield "create --name new bb true 'a b'"
    yield from PS
    yield "rm -f web db new"


LIFE = [
    "run bb nosuch", "run --rm bb nosuch", "run --rm bb /etc/passwd", "run --rm bb sh -c 'exit 7'", "run --rm bb sh -c 'kill -9 $$'",
    "run --rm nosuch:1 --pull never", "run --rm --entrypoint '' bb", "run --rm --entrypoint echo bb a b", "run", "run --rm",
    "create --name c1 bb sh -c 'echo hello; exit 4'", "start c1", "wait c1", "logs c1", "start -a c1", "logs --tail 1 c1", "rm c1",
    "create --name c1 bb true", "create --name c1 bb true", "rename c1 c2", "rename nosuch x", "rm c1", "rm c2",
    "run -d --name up bb sh -c 'trap \"exit 5\" TERM; while :; do sleep 0.1; done'",
    "exec up echo hi", "exec up sh -c 'exit 6'", "exec up nosuch", "exec -u user -w /tmp -e A=b up sh -c 'id -u; pwd; echo $A'",
    "exec nosuch true", "exec up", "pause up", "exec up true", "pause up", "unpause up", "unpause up", "rm up",
    "kill -s nosuch up", "kill -s 0 up", "stop -t 20 up", "inspect -f '{{.State.ExitCode}} {{.State.Status}}' up", "stop up",
    "kill up", "exec up true", "start up", "restart -t 20 up", "inspect -f '{{.State.Status}}' up", "kill up", "wait up",
    "inspect -f '{{.State.ExitCode}}' up", "rm up", "rm up", "rm -f up", "rm", "wait nosuch", "stop nosuch", "start nosuch", "logs nosuch",
    "container prune -f", "update --memory 64m nosuch", "nosuchverb", "ps extra",
]

SYSTEM = [
    "info --format '{{.OSType}} {{.Architecture}} {{.NCPU}} {{.MemTotal}} {{.Name}} {{.KernelVersion}} {{.OperatingSystem}}'",
    "info -f '{{.CgroupDriver}} {{.CgroupVersion}} {{.Driver}} {{.LoggingDriver}} {{.Swarm.LocalNodeState}} {{.SecurityOptions}}'",
    "info --format '{{.MemoryLimit}} {{.SwapLimit}} {{.PidsLimit}} {{.CPUSet}} {{.IPv4Forwarding}}'", "info --format '{{.Nosuch}}'", "info extra",
    "system info --format '{{.OSType}}'", "version --format '{{.Client.Os}}/{{.Client.Arch}} {{.Server.Os}}/{{.Server.Arch}}'",
    "version --format '{{.Server.KernelVersion}}'", "version --format '{{.Nosuch}}'",
    "system df --format '{{.Type}} {{.TotalCount}} {{.Active}}'",
    "run --name ended bb sh -c 'head -c 2000000 /dev/zero >/f'", "run -d --name runs -v data:/d bb sleep 300", "create --name new bb",
    "info --format '{{.Containers}} {{.ContainersRunning}} {{.ContainersPaused}} {{.ContainersStopped}}'", "pause runs",
    "info --format '{{.Containers}} {{.ContainersRunning}} {{.ContainersPaused}} {{.ContainersStopped}}'", "unpause runs",
    "system df --format '{{.Type}} {{.TotalCount}} {{.Active}}'", "system df --format 'table {{.Type}}\t{{.TotalCount}}'",
    "system df --format '{{.Type}} {{.Nosuch}}'", "inspect -s -f '{{.SizeRw}}' ended", "inspect -f '{{.SizeRw}}' ended",
    "system df -v --format '{{range .Containers}}{{.Names}} {{.Size}} {{.LocalVolumes}};{{end}}'",
    "system df -v --format '{{range .Volumes}}{{.Name}} {{.Links}} {{.Size}};{{end}}'", "system df extra",
    "system prune -f --filter until=1h", "system prune -f --filter nosuch=1", "system prune -f --volumes --filter until=1h",
    "system prune", "system prune -f --volumes", "ps -a --format '{{.Names}}'", "volume ls -q", "rm -f runs", "volume rm data",
]

FILES = [
    "create --name c1 bb sh -c 'echo out; echo err >&2; exit 3'", "create --name c1 bb", "create", "create --name bad/name bb",
    "create --pull never nosuch:1", "logs c1", "attach c1", "start c1", "wait c1", "logs c1", "run --name c0 bb sh -c 'echo a; echo b'", "logs -n 1 c0", "logs --tail 0 c1",
    "logs --tail all c1", "logs -t --tail 1 c0", "rm c0", "logs --since 1h c1", "logs --until 1h c1", "logs --since nosuch c1", "logs --details c1",
    "logs -f c1", "logs nosuch", "logs", "start -a c1", "start -ai c1", "attach c1", "attach nosuch", "attach", "rm c1",
    "create -i --name in1 bb cat", "! echo hello | @D start -ai in1", "logs in1", "rm in1",
    "! echo hi | @D run -i --rm --network none bb cat", "! echo hi | @D run --rm --network none bb cat",
    "run -d -i --name at1 bb sh -c 'read x; echo got $x; exit 6'", "! echo word | @D attach at1 >/dev/null; echo $?", "logs at1", "rm at1",
    "! mkdir -p d/sub; echo one >d/one; echo two >d/sub/two; ln -s one d/link; chmod 640 d/one",
    "run --name box bb mkdir /t", "cp @T/d box:/t", "cp @T/d/. box:/flat", "cp @T/d/one box:/t/renamed", "cp @T/d/one box:/nosuch/x",
    "cp @T/nosuch box:/t", "cp @T/d box:/t/renamed", "cp @T/d/one box:/t/renamed/", "cp box:/t/d @T/back", "cp box:/flat @T/back2",
    "! ls -lR back back2 | cut -c1-10; cat back/sub/two back2/one", "cp box:/t/d @T/back", "! find back | sort", "cp box:/t/d/link @T/l1",
    "cp -L box:/t/d/link @T/l2", "! readlink l1; cat l2", "cp box:/nosuch @T/x", "cp box:/etc/passwd/ @T/x", "cp nosuch:/x @T/x",
    "cp box:/etc/passwd @T/no/such", "cp box:/etc/passwd", "cp @T/d @T/e", "! @D cp box:/t - | tar -t | sort",
    "! tar -C d -c . | @D cp - box:/t/tared; echo $?", "! tar -C d -c . | @D cp - box:/t; echo $?", "! @D cp box:/t/one - | tar -xO",
    "! @D cp box:/t - >@T/t.tar && @D cp - box:/flat <@T/t.tar; echo $?", "! @D cp box:/flat - | tar -t | sort", "! @D diff box | sort",
    "! @D export box | tar -t | grep -x -e t/one -e flat/t/one", "commit box img1", "run --rm img1 cat /t/d/one",
    "commit -m msg -a me -c 'ENV A=b' -c 'CMD [\"sh\", \"-c\", \"echo $A\"]' box img2:v1", "run --rm img2:v1",
    "inspect -f '{{.Comment}} {{.Author}} {{.Config.Cmd}}' img2:v1", "commit nosuch x", "commit box Bad-Name", "commit -c 'FROM x' box img3",
    "commit", "rm box", "rmi -f img1 img2:v1 nosuch:1",
]

GROUPS = {
    'read': list(read_lines()),
    'refused': [f"run --rm {flags} bb true" for flags in REFUSED],
    'inspect': list(inspect_lines()),
    'ps': list(ps_lines()),
    'life': LIFE,
    'system': SYSTEM,
    'files': FILES,
}

ALONE = ('read', 'refused')

# Lines whose result is not docker's, with the reason. rc: another exit status; out: another output.
WRONG = "every command line that is wrong in itself is 125, docker has 125 for flags and 1 for operands"
DIFFERENT = {
    "inspect -f '{{.Config.Env}}' one":
        ("out", "variables keep the order of defaults, image, flags; HOSTNAME is one of them from the start"),
    "inspect -f '{{.HostConfig.CgroupnsMode}}' one":
        ("out", "cgroup namespaces are private on cgroup v1 too"),
    "inspect -f '{{range .Mounts}}{{.Type}} {{.Destination}} {{.RW}}{{end}}' one":
        ("out", "what --tmpfs mounts is shown among the mounts"),
    "ps -f name": ("rc", "a filter is looked at by the command, not by the parser of flags: 1"),
    "ps -a --format '{{.Nosuch}}'": ("rc out err", "what a row does not have is <no value>, as in every other list"),
    "ps -a --format '{{.Label \"app\"}}'": ("out", "a label that is not there is <no value>"),
    "run": ("rc", WRONG), "run --rm": ("rc", WRONG), "exec up": ("rc", WRONG), "nosuchverb": ("rc", WRONG), "ps extra": ("rc", WRONG),
    "info extra": ("rc", WRONG), "system df extra": ("rc", WRONG), "create": ("rc", WRONG), "logs": ("rc", WRONG),
    "attach": ("rc", WRONG), "cp box:/etc/passwd": ("rc", WRONG), "commit": ("rc", WRONG),
    "inspect -f '{{.SizeRw}}' ended": ("out", "what is null is <no value>, docker says <nil>"),
    "system df --format '{{.Type}} {{.Nosuch}}'": ("rc out err", "what a row does not have is <no value>, as in every other list"),
    "exec up nosuch":
        ("rc out", "docker 20.10 says 126, and that on standard output; a program that is missing is 127, as for run"),
    "run --rm --device /dev/nosuch bb true":
        ("rc", "docker says 127, as if a program were missing, because the message ends so; it is 125, its own failure"),
}

# --- running ---

NEUTRAL = [
    (re.compile(r'sha256:[0-9a-f]{64}'), 'ID'), (re.compile(r'\b[0-9a-f]{64}\b'), 'ID'), (re.compile(r'\b[0-9a-f]{12}\b'), 'ID'),
    (re.compile(r'\d{4}-\d\d-\d\d[T ][0-9:.]+(Z| \+0000 UTC)'), 'TIME'),
    (re.compile(r'(Less than a second|About an? \w+|\d+ seconds?|\d+ minutes?)'), 'AGO'), (re.compile(r'[ \t]+'), ' '),
    (re.compile(r'Total reclaimed space: \S+'), 'Total reclaimed space: SIZE'),
]


def neutral(text):
    for pattern, word in NEUTRAL:
        text = pattern.sub(word, text)
    return text.strip()


def ended(argv, place):
    """As subprocess.run(); the time-out is for what hangs, and ends all that was started."""
    p = subprocess.Popen(argv, cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         start_new_session=True)
    try:
        out, err = p.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        out, err = p.communicate()
        err += 'ended after %d s' % SECONDS
    return subprocess.CompletedProcess(argv, p.returncode, out, err)


def run(command, line, place):
    """A line of one engine: place is its directory, @T in a line. After "!" it is one of the shell, with @D the engine."""
    if line.startswith('! '):
        line = line[2:].replace('@D', shlex.join(command)).replace('@T', place)
        return result(ended(['sh', '-c', line], place), place)
    words = shlex.split(line.replace('@T', place))
    if words[0] in ('run', 'create') and len(words) > 2:
        words[1:1] = ['--network', 'none']
    return result(ended([*command, *words], None), place)


def result(done, place):
    done.stdout = done.stdout.replace(place, '@T')
    return done.returncode, neutral(done.stdout), bool(done.stderr.strip()), done.stderr.strip()


def compare(docker, davit):
    what = []
    if docker[0] != davit[0]:
        what.append('rc')
    if docker[1] != davit[1]:
        what.append('out')
    if docker[0] != 0 and docker[2] and not davit[2]:
        what.append('err')
    return ' '.join(what)


def part(group):
    """All lines of a group that build on each other; of those that stand alone a third, another one each day."""
    lines = GROUPS[group]
    if group not in ALONE or os.environ.get('DAVIT_WORDS') == 'all':
        return lines
    return lines[datetime.date.today().toordinal() % 3::3]


def main():
    if sys.argv[1] == '--count':
        return print(sum(len(lines) for lines in GROUPS.values()))
    if sys.argv[1] == '--list':
        return print('\n'.join(line for lines in GROUPS.values() for line in lines))
    docker, davit = shlex.split(sys.argv[2]), shlex.split(sys.argv[3])
    bad = 0
    places = tempfile.mkdtemp(dir=os.environ.get("DAVIT_IT")), tempfile.mkdtemp(dir=os.environ.get("DAVIT_IT"))
    for line in part(sys.argv[1]):
        theirs, ours = run(docker, line, places[0]), run(davit, line, places[1])
        what, (expected, _) = compare(theirs, ours), DIFFERENT.get(line, ('', ''))
        if what != expected:
            bad += 1
            print(f'# {line}\n#   differs in: {what or "nothing"}, expected: {expected or "nothing"}\n'
                  f'#   docker: {theirs[0]} {theirs[1]!r} {theirs[3][:300]!r}\n#   davit:  {ours[0]} {ours[1]!r} {ours[3][:300]!r}')
    for place in places:
        shutil.rmtree(place)
    print(f'{len(part(sys.argv[1]))} lines, {bad} with a difference that is not in the list')
    return bad != 0


if __name__ == '__main__':
    sys.exit(main())
