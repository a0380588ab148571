# What the engine and its machine are, what is on disk, what nobody uses any more; mounts for people; --latest.
load lib
load engine

@test "info and version: the members that scripts read, of docker and of podman" {
	davit run -d --name one bb sleep 1000
	davit run -d --name two bb sleep 1000
	davit create --name three bb
	davit pause two
	[ "$(davit info -f '{{.Containers}} {{.ContainersRunning}} {{.ContainersPaused}} {{.ContainersStopped}} {{.Images}}')" = "3 1 1 1 1" ]
	[ "$(davit info -f '{{.ServerVersion}}')" = "$(davit version -f '{{.Server.Version}}')" ]
	[ "$(davit info -f '{{.NCPU}} {{.OSType}} {{.Architecture}} {{.Name}} {{.KernelVersion}}')" = "$(nproc) linux $(uname -m) $(uname -n) $(uname -r)" ]
	[ "$(davit info -f '{{.Driver}} {{.CgroupDriver}} {{.LoggingDriver}} {{.Swarm.LocalNodeState}}')" = "overlay2 cgroupfs json-file inactive" ]
	[ "$(davit info -f '{{.OperatingSystem}}')" = "$(. /etc/os-release; echo "$PRETTY_NAME")" ]
	[ "$(davit info -f '{{.DockerRootDir}}')" = "$T/root" ]
	[[ "$(davit info -f '{{.CgroupVersion}} {{.Host.CgroupsVersion}}')" =~ ^([12])\ v\1$ ]]
	[ "$(davit info -f '{{.MemTotal}}')" -gt 100000000 ]
	[[ "$(davit info -f '{{json .SecurityOptions}}')" == *'"name=seccomp,profile=default"'* ]]
	[ "$(davit info -f '{{.Host.OS}} {{.Host.Security.Rootless}} {{.Store.GraphRoot}} {{.Store.ContainerStore.Running}}')" = "linux false $T/root 1" ]
	[ "$(davit info -f json | jq -c '[.Containers, .host.cpus, .store.containerStore.number, .Plugins.Volume]')" = "[3,$(nproc),3,[\"local\"]]" ]
	[ "$(davit version -f '{{.Client.Version}} {{.Client.Os}} {{.Server.Os}}')" = "$(davit --version | sed 's/.* //') linux linux" ]
	[[ "$(davit version -f '{{.Client.APIVersion}}')" =~ ^1\.[0-9]+$ ]]
	[ "$(davit version -f '{{.Client.APIVersion}}')" = "$(davit version -f json | jq -r .Server.ApiVersion)" ]
	[[ "$(davit info)" == *$'\n'"  Running: 1"$'\n'*$'\n'" Storage Driver: overlay2"$'\n'*" Total Memory: "*iB$'\n'* ]]
	run -1 davit info -f '{{.NoSuchMember}}'
}

@test "info sees the end of a container at once" {
	davit run -d --name one bb sleep 1000
	davit kill one
	davit wait one
	[ "$(davit info -f '{{.ContainersRunning}} {{.ContainersStopped}}')" = "0 1" ]
}

@test "system df: what there is, what is used, and one by one" {
	davit tag bb other:1
	davit volume create data
	davit run -d --name one -v data:/d bb sh -c 'head -c 3000000 /dev/zero >/big; head -c 4096 /dev/zero >/d/f; exec sleep 1000'
	davit create --name two bb
	wait_for davit exec one sh -c '[ $(stat -c %s /big) = 3000000 ] && [ $(stat -c %s /d/f) = 4096 ]'
	rows() { davit system df --format '{{.Type}}:{{.TotalCount}}:{{.Active}}' | tr '\n' ' '; }
	[ "$(rows)" = "Images:1:1 Containers:2:1 Local Volumes:1:1 Build Cache:0:0 " ]
	[ "$(davit system df --format '{{.Type}} {{.Size}} {{.Reclaimable}}' | sed -n 2p)" = "Containers 3MB 0B (0%)" ]
	[ "$(davit system df --format '{{.Type}} {{.Size}} {{.Reclaimable}}' | sed -n 3p)" = "Local Volumes 4.1kB 0B (0%)" ]
	[ "$(davit system df --format json | jq -r .Type | sed -n 4p)" = "Build Cache" ]
	run -0 davit system df
	[[ ${lines[0]} =~ ^TYPE\ +TOTAL\ +ACTIVE\ +SIZE\ +RECLAIMABLE$ ]]
	run -0 davit system df -v
	[[ $output == *"Images space usage:"*"REPOSITORY"*"SHARED SIZE"*"UNIQUE SIZE"*"CONTAINERS"*bb*latest*other*1* ]]
	[[ $output == *"Containers space usage:"*"LOCAL VOLUMES"*3MB*one* ]]
	[[ $output == *"Local Volumes space usage:"*"VOLUME NAME"*LINKS*data*1*4.1kB*"Build cache usage: 0B"* ]]
	[ "$(davit system df -v --format json | jq -r '[(.Images | length), .Images[0].Containers, (.Containers | length), .Volumes[0].Name, (.BuildCache | length)] | join(" ")')" = "2 2 2 data 0" ]
	davit rm -f one two
	[ "$(rows)" = "Images:1:0 Containers:0:0 Local Volumes:1:0 Build Cache:0:0 " ]
	[[ "$(davit system df --format '{{.Reclaimable}}' | head -1)" == *"(100%)" ]]
	[[ "$(davit system df --format '{{.Reclaimable}}' | sed -n 3p)" == "4.1kB (100%)" ]]
}

@test "system prune: asks, takes what nobody uses, and what was asked for" {
	make_image old '.config.Labels = {old: "yes"}'
	davit run --name stopped bb sh -c 'head -c 2000000 /dev/zero >/f'
	davit run -d --name runs bb sleep 1000
	davit run --name labelled -l keep=1 bb true
	davit volume create named
	davit run --name anon -v /x bb true
	run -0 davit system prune <<<n
	[[ $output == *"WARNING! This will remove:"*"all stopped containers"*"all networks"*"dangling images"*"[y/N]"* ]]
	[ "$(davit ps -aq | wc -l)" = 4 ]
	run -0 davit system prune --filter label!=keep=1 <<<y
	[[ $output == *"Deleted Containers:"*"Total reclaimed space: 2MB" ]]
	[ "$(davit ps -a --format '{{.Names}}' | sort | tr '\n' ' ')" = "labelled runs " ]
	davit image exists old
	[ "$(davit volume ls -q | wc -l)" = 2 ]
	run -0 davit system prune -f -a --volumes
	[[ $output == *"Deleted Volumes:"*"Deleted Images:"*"untagged: old:latest"* ]]
	[ "$(davit ps -a --format '{{.Names}}')" = runs ]
	[ "$(davit volume ls -q)" = named ]
	davit image exists bb
	run -1 davit image exists old
	run -1 davit system prune -f --filter nosuch=1
	run -1 davit system prune -f --volumes --filter until=1h
	[[ $output == *until* ]]
	run -0 davit system prune -f --filter until=1h
	[ "$output" = "Total reclaimed space: 0B" ]
}

@test "inspect -s: what a container has written" {
	davit run --name box bb sh -c 'head -c 12345 /dev/zero >/f'
	[ "$(davit inspect -s -f '{{.SizeRw}}' box)" = 12345 ]
	[ "$(davit inspect -s box | jq '.[0].SizeRootFs - .[0].SizeRw')" = "$(davit image inspect -f '{{.Size}}' bb)" ]
	[ "$(davit inspect box | jq '.[0].SizeRw')" = null ]
	[ "$(davit container inspect -s box | jq '.[0].SizeRw')" = 12345 ]
}

# flag: exec --latest
@test "--latest: the newest container, in every verb that podman has it" {
	davit run -d --name first bb sleep 1000
	davit run -d --name last bb sh -c 'echo said; touch /made; exec sleep 1000'
	wait_for davit exec -l test -e /made
	[ "$(davit exec --latest hostname)" = "$(davit inspect -l -f '{{.Config.Hostname}}')" ]
	[ "$(davit container inspect -l -f '{{.Name}}')" = /last ]
	wait_for eval '[ "$(davit logs -l)" = said ]'
	[[ "$(davit top -l)" == *sleep* ]]
	[[ "$(davit diff -l)" == *"A /made"* ]]
	[ "$(davit stats -l --no-stream --format '{{.Name}}')" = last ]
	davit port -l
	davit pause -l
	has_status last paused
	davit unpause -l
	davit kill -l -s USR1
	davit stop -l -t 0
	has_status last exited
	[ "$(davit wait -l)" = 137 ]
	davit start -l
	has_status last running
	davit restart -l -t 0
	has_status last running
	[ -e "$(davit mount -l)/made" ]
	davit unmount -l
	has_status first running
	run -1 davit stop -l first
	[[ $output == *"cannot be used together"* ]]
	davit rm --latest -f
	[ "$(davit ps -a --format '{{.Names}}')" = first ]
	davit rm -f first
	run -1 davit stop -l
	[[ $output == *"there is no container"* ]]
	run -125 davit stop
}

@test "mount: the files of a container, whether it runs or not" {
	davit create --name box bb sh -c 'cat /given; echo inside >/made; exec sleep 1000'
	local path
	path=$(davit mount box)
	[ -x "$path/bin/busybox" ]
	echo given >"$path/given"
	davit start box
	wait_for [ -s "$path/made" ]
	[ "$(davit logs box) $(cat "$path/made")" = "given inside" ]
	[ "$(davit mount)" = "$(davit inspect -f '{{.Id}}' box | cut -c1-12) $path" ]
	[ "$(davit mount --format json | jq -r '.[0] | [.Names[0], .mountpoint] | join(" ")')" = "box $path" ]
	[ "$(davit mount box)" = "$path" ]
	davit unmount box
	[ -e "$path/made" ]
	davit container unmount box
	[ ! -e "$path" ]
	run -1 davit unmount box
	[[ $output == *"not mounted"* ]]
	# one that runs: what it writes is seen, and the other way round; it stays when the container ends
	path=$(davit container mount box)
	davit exec box sh -c 'echo more >/later'
	[ "$(cat "$path/later")" = more ]
	echo out >"$path/from"
	[ "$(davit exec box cat /from)" = out ]
	davit stop -t 0 box
	echo again >"$path/from"
	davit start box
	[ "$(davit exec box cat /from)" = again ]
	davit cp box:/from "$T/copy"
	[ "$(cat "$T/copy")" = again ]
	davit rm -f box
	[ ! -e "$path" ]
	[ -z "$(davit mount)" ]
}

@test "mount: several at once, all of them, with force" {
	davit create --name one bb
	davit create --name two bb
	run -0 davit mount one two
	[ "${#lines[@]}" = 2 ]
	davit mount --all
	[ "$(davit mount --no-trunc | wc -l)" = 2 ]
	run -0 davit umount --all --force
	[ "${#lines[@]}" = 2 ]
	[ -z "$(davit mount)" ]
	run -1 davit mount nosuch
}

# What it writes after we have left must go somewhere: more than a terminal holds.
# flag: exec --detach-keys
# flag: run --detach-keys
@test "exec: the detach keys leave the process alone, and its terminal goes on" {
	davit run -d --name box bb sleep 1000
	local program='stty -echo; echo ready; read x; echo "$x" >/got; yes | head -c 300000; touch /done; while [ ! -e /end ]; do usleep 10000; done; exit 5'
	local exec="'$DAVIT_BUILD/davit' --root $T/root --runroot $T/run exec -it"
	run -0 terminal $'ready=a\x10line\n\x10\x11' "$exec box sh -c '$program'"
	[[ $output == *ready* && $output == *"echo is on"* ]]
	wait_for davit exec box test -e /done
	[ "$(davit exec box cat /got)" = $'a\x10line' ]
	davit exec box touch /end || true
	wait_for eval 'davit events --since 1h --until 0s --filter event=exec_die --format "{{.Actor.Attributes.exitCode}}" | grep -qx 5'
	# other keys
	run -0 terminal $'ready=abx\x01' "$exec --detach-keys b,x,ctrl-a box sh -c 'echo ready; exec cat'"
	run -1 terminal "$exec --detach-keys ctrl-1 box true"
	[[ $output == *"Invalid detach keys"* ]]
	run -0 terminal $'ready=x\x01' "'$DAVIT_BUILD/davit' --root $T/root --runroot $T/run run -it --name ran --detach-keys x,ctrl-a bb sh -c 'echo ready; exec cat'"
	has_status ran running
}

@test "update --restart: counts for a container that runs" {
	davit run -d --name box bb sh -c 'echo x >>/count; while [ ! -e /go ]; do usleep 10000; done; rm /go'
	wait_for davit exec box test -s /count
	davit update --restart always box
	davit exec box touch /go || true        # it may end with its container
	wait_for eval '[ "$(davit inspect -f "{{.RestartCount}}" box)" = 1 ] && davit exec box grep -c x /count | grep -qx 2'
	davit update --restart no box
	davit exec box touch /go || true        # it may end with its container
	davit wait box
	has_status box exited
	[ "$(davit inspect -f '{{.RestartCount}}' box)" = 1 ]
	davit run -d --rm --name gone bb sleep 1000
	run -1 davit update --restart always gone
	[[ $output == *AutoRemove* ]]
}
