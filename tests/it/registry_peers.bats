# Debian's podman and docker push to davit registry serve and pull from it.
load lib
load registry

podman_() {
	local files processes
	files=$(ulimit -Hn) processes=$(cat /proc/sys/kernel/pid_max)
	printf '[containers]\ndefault_ulimits = ["nofile=%s:%s", "nproc=%s:%s"]\n[engine.runtimes]\ndavit = ["%s"]\n' \
		"$files" "$files" "$processes" "$processes" "$DAVIT_OCI" >"$T/podman.conf"
	CONTAINERS_CONF=$T/podman.conf timeout --foreground 300 podman --root "$T/podman/root" --runroot "$T/podman/run" \
		--tmpdir "$T/podman/tmp" --storage-driver overlay --cgroup-manager cgroupfs --events-backend file --runtime davit "$@" 3>&-
}

docker_() { timeout --foreground 300 docker -H "unix://$T/docker/sock" "$@" 3>&-; }

# What both do; `engine` is one of them.
check_push_and_pull() {
	local engine=$1 flags=$2
	tar -C "$T/rootfs" -c . | $engine import - "$REG/team/bb:v1" >/dev/null
	$engine push $flags "$REG/team/bb:v1" >"$T/push" 2>&1 || { cat "$T/push"; return 1; }
	[ "$(get /v2/team/bb/tags/list | jq -c .tags)" = '["v1"]' ]
	$engine rmi "$REG/team/bb:v1" >/dev/null
	$engine pull $flags "$REG/team/bb:v1" >"$T/pull" 2>&1 || { cat "$T/pull"; return 1; }
	[ "$($engine run --rm --network none "$REG/team/bb:v1" echo hello)" = hello ]
	# the same under another name: nothing of the layers is sent
	before=$(get /metrics | awk '$1 == "davit_registry_received_bytes_total" { print $2 }')
	$engine tag "$REG/team/bb:v1" "$REG/other:v2"
	$engine push $flags "$REG/other:v2" >"$T/push" 2>&1 || { cat "$T/push"; return 1; }
	after=$(get /metrics | awk '$1 == "davit_registry_received_bytes_total" { print $2 }')
	[ $((after - before)) -lt 20000 ]
	blobs_verify
}

setup() {
	it_setup
	REG_PID=
	make_rootfs "$T/rootfs"
}

@test "podman pushes, pulls, runs" {
	command -v podman >/dev/null || skip "no podman"
	registry_start
	check_push_and_pull podman_ --tls-verify=false
	umount "$T/podman/root/overlay" 2>/dev/null || true
}

@test "podman with a password: login by the token server" {
	command -v podman >/dev/null && command -v htpasswd >/dev/null || skip "no podman or no htpasswd"
	htpasswd -nbBC 4 alice secret >"$T/users"
	registry_start --auth token --htpasswd "$T/users"
	export REGISTRY_AUTH_FILE=$T/auth.json
	run podman_ login --tls-verify=false -u alice -p wrong "$REG"
	[ "$status" != 0 ]
	podman_ login --tls-verify=false -u alice -p secret "$REG"
	tar -C "$T/rootfs" -c . | podman_ import - "$REG/bb:v1" >/dev/null
	podman_ push --tls-verify=false "$REG/bb:v1" >/dev/null 2>&1
	podman_ logout "$REG"
	run podman_ pull --tls-verify=false "$REG/bb:v1"
	[ "$status" != 0 ]
	umount "$T/podman/root/overlay" 2>/dev/null || true
}

@test "docker pushes, pulls, runs" {
	command -v dockerd >/dev/null && command -v docker >/dev/null || skip "no docker"
	mkdir "$T/docker"
	echo '{}' >"$T/docker/daemon.json"
	dockerd --config-file "$T/docker/daemon.json" --data-root "$T/docker/data" --exec-root "$T/docker/exec" -p "$T/docker/pid" \
		-H "unix://$T/docker/sock" --iptables=false --ip6tables=false --bridge=none >"$T/docker/log" 2>&1 3>&- </dev/null &
	wait_for docker_ version >/dev/null 2>&1
	registry_start
	failed=0
	check_push_and_pull docker_ "" || failed=1
	kill "$(cat "$T/docker/pid")"
	wait_for test ! -e "/proc/$(cat "$T/docker/pid" 2>/dev/null || echo none)"
	awk -v p="$T/" 'index($5, p) { print $5 }' /proc/self/mountinfo | while read -r path; do umount "$path"; done
	[ $failed = 0 ]
}
