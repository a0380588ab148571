# kill_syscall.bats - every command that writes to a store dies at its N-th system call that changes something (killat.c):
# the store checks clean then, the same command succeeds, and nothing is left below tmp/. DAVIT_KILL_ROUNDS moments are
# drawn for each command (KILL_SEED=N has them again); when it has fewer, as in `make soak`, it dies at each of them.
load lib
load pull
load registry

export BATS_TEST_TIMEOUT=14400

KILLAT=$DAVIT_BUILD/tests/it/killat

setup() {
	it_setup
	export REGISTRY_AUTH_FILE=$T/auth.json CONTAINERS_REGISTRIES_CONF=$T/registries.conf HOME=$T/home
	: >"$T/registries.conf"
	REG_PID= SERVERS=() REG_UNDER=() WHOLE=store_is_whole
	mk good
	seed=${KILL_SEED:-$RANDOM}
	echo "seed $seed"
	RANDOM=$seed
}

teardown() {
	local pid
	registry_stop
	for pid in "${SERVERS[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null || true
	done
	it_teardown
}

# davit_ ARGUMENT...: with a time limit, as what a killed one left may make the next one wait.
davit_() { timeout 300 "$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" "$@"; }

# killed_at N ARGUMENT...: davit; 0 only counts. The check for leaks traces too, and a process has one tracer only.
killed_at() {
	local n=$1
	shift
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 timeout 300 "$KILLAT" -n "$n" -o "$T/stops" \
		"$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" "$@"
}

# moments COUNT: which of so many stops, one a line.
moments() {
	local rounds=${ROUNDS:-${DAVIT_KILL_ROUNDS:-20}}
	if [ "$rounds" -ge "$1" ]; then
		seq "$1"
	else
		for _ in $(seq "$rounds"); do echo $(((RANDOM * 32768 + RANDOM) % $1 + 1)); done
	fi
}

# Commands that differ little from others: a quarter of the rounds.
fewer() { ROUNDS=$(((${DAVIT_KILL_ROUNDS:-20} + 3) / 4)); }

store_is_whole() {
	[ -e "$T/root/engine.db" ] || return 0
	davit_ system check >"$T/check" 2>&1 || { cat "$T/check"; return 1; }
}

nothing_left() { [ -z "$(find "$T/root/tmp" -mindepth 1)" ] || { find "$T/root/tmp"; return 1; }; }

# The store that each round begins with: $T/template, or none.
fresh_root() {
	rm -rf "$T/root" "$T/run"
	[ ! -e "$T/template" ] || cp -a "$T/template" "$T/root"
}

template_is_ready() { mv "$T/root" "$T/template"; }

# check_killed AFTER ARGUMENT...: of davit; %n is the round's number. AFTER, a function that gets this number, says
# whether what the second try left is right.
check_killed() {
	local after=$1 n stops
	shift
	fresh_root
	killed_at 0 "${@//%n/0}" >/dev/null
	stops=$(cat "$T/stops")
	"$after" 0
	for n in $(moments "$stops"); do
		echo "at $n of $stops: $*"
		fresh_root
		code=0
		killed_at "$n" "${@//%n/$n}" >"$T/out" 2>&1 || code=$?
		# Threads may have had fewer calls this time.
		[ "$code" = 137 ] || [ "$code" = 0 ] || { cat "$T/out"; return 1; }
		"$WHOLE"
		davit_ "${@//%n/$n}" >"$T/out" 2>&1 || { cat "$T/out"; return 1; }
		"$after" "$n"
		store_is_whole
		nothing_left
	done
}

has_case() { [ "$(davit_ images -q case | wc -l)" = 1 ] && [ "$(cat "$T"/root/layers/*/etc/top)" = top ]; }
is_empty() { [ -z "$(davit_ images -aq)" ] && [ -z "$(find "$T/root/blobs" "$T/root/layers" -mindepth 2)" ]; }
exists() { davit_ image exists "$name"; }

@test "load: into a store that is not there" {
	check_killed has_case load -q -i "$T/reg/good"
}

@test "load: another image of the same name, with layers in common" {
	fewer
	mk plain
	davit_ load -q -i "$T/reg/good"
	template_is_ready
	check_killed has_case load -q -i "$T/reg/plain"
}

@test "pull" {
	serve_layouts
	davit_ images -q
	template_is_ready
	has_pulled() { [ "$(davit_ images -q "$REG/good" | wc -l)" = 1 ] && [ "$(cat "$T"/root/layers/*/etc/top)" = top ]; }
	check_killed has_pulled pull -q --tls-verify=false "$REG/good"
}

@test "push: layers that are compressed on the way" {
	mk plain
	davit_ load -q -i "$T/reg/plain"
	template_is_ready
	REG_ROOT=$T/other registry_start
	was_pushed() {
		local d
		for d in $(get "/v2/k/$1/manifests/1" | jq -r '.config.digest, .layers[].digest'); do
			[ "sha256:$(get "/v2/k/$1/blobs/$d" | sha256sum | cut -d' ' -f1)" = "$d" ] || return 1
		done
		[ -n "$d" ]
	}
	check_killed was_pushed push -q --tls-verify=false case "$REG/k/%n:1"
}

@test "rmi" {
	davit_ load -q -i "$T/reg/good"
	template_is_ready
	check_killed is_empty rmi -f case
}

# What a pull and a load that failed have left, and a file of nobody.
@test "gc" {
	serve_layouts
	mk flip-layer
	run -1 davit_ pull -q --tls-verify=false "$REG/flip-layer"
	davit_ load -q -i "$T/reg/good"
	template_is_ready
	mk whiteouts
	fresh_root
	killed_at 0 load -q -i "$T/reg/whiteouts"
	stops=$(cat "$T/stops")
	fresh_root
	killed_at $((stops * 2 / 3)) load -q -i "$T/reg/whiteouts" || [ "$?" = 137 ]
	echo stray >"$T/root/blobs/sha256/stray"
	rm -rf "$T/template"
	template_is_ready
	only_case() { has_case && [ "$(find "$T/root/blobs" -type f | wc -l)" = 4 ]; }
	WHOLE=true
	check_killed only_case system gc --grace 0
}

@test "tag and untag" {
	fewer
	davit_ load -q -i "$T/reg/good"
	template_is_ready
	name=other:1
	check_killed exists tag case other:1
	davit_ tag case other:1
	rm -rf "$T/template"
	template_is_ready
	untagged() { [ "$(davit_ images --format '{{.Repository}}')" = "<none>" ]; }
	fresh_root
	check_killed untagged untag "$(davit_ images -q case)"
}

@test "prune" {
	fewer
	davit_ load -q -i "$T/reg/good"
	template_is_ready
	check_killed is_empty image prune -af
}

@test "import" {
	fewer
	tar -C "$DAVIT_SOURCE/tests/it" -cf "$T/in.tar" lib.bash pull.bash
	davit_ images -q
	template_is_ready
	name=base:1
	check_killed exists import "$T/in.tar" base:1
}

@test "copy to the store, and from it" {
	fewer
	davit_ images -q
	template_is_ready
	name=case
	check_killed exists copy -q "oci:$T/reg/good:case:latest" davit:case
	davit_ copy -q "oci:$T/reg/good:case:latest" davit:case
	rm -rf "$T/template"
	template_is_ready
	saved() {
		[ -z "$(find "$T" -maxdepth 1 -name '*.davit-*')" ] && "$DAVIT_BUILD/davit" --root "$T/other" load -q -i "$T/saved.tar"
		rm -rf "$T/saved.tar" "$T/other"
	}
	check_killed saved save -o "$T/saved.tar" case
}

@test "manifest lists" {
	fewer
	davit_ load -q -i "$T/reg/good"
	template_is_ready
	listed() { [ "$(davit_ manifest inspect all | jq '.manifests | length')" = 1 ]; }
	check_killed listed manifest create --amend all case
	davit_ manifest create --amend all case
	rm -rf "$T/template"
	template_is_ready
	gone() { ! davit_ manifest exists all; }
	check_killed gone rmi -f all
}

# What was wrong before may be so still, but it can be repaired.
@test "check --repair" {
	fewer
	davit_ load -q -i "$T/reg/good"
	echo other >"$(echo "$T"/root/layers/*/etc/top)"
	template_is_ready
	WHOLE=true
	check_killed has_case system check --repair
}

# The server counts from its start to its end, a push between them.
serve_at() {
	REG_UNDER=(env "ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0" timeout 300 "$KILLAT" -n "$1" -o "$T/stops")
	registry_start || true          # killed before it listens
	REG_UNDER=()
}

@test "registry: an upload, and the deletion of what was pushed" {
	head -c 200000 /dev/urandom >"$T/p.layer"
	echo '{"n": 1}' >"$T/p.config"
	push_and_delete() {
		local d
		client_push p one && promised=yes || return 0
		d=$(get /v2/p/manifests/one -I -o /dev/null && header docker-content-digest) || return 0
		promised=
		status "/v2/p/manifests/$d" -X DELETE >/dev/null || true
	}
	serve_at 0
	promised=
	push_and_delete
	registry_stop
	stops=$(cat "$T/stops")
	[ "$stops" -gt 100 ]
	for n in $(moments "$stops"); do
		echo "at $n of $stops"
		rm -rf "$T/root"
		promised=
		serve_at "$n"
		[ ! -s "$T/addr" ] || push_and_delete
		registry_stop
		registry_start
		[ -z "$promised" ] || [ "$(get /v2/p/manifests/one | jq -r '.layers[0].digest')" = "sha256:$(sha "$T/p.layer")" ]
		blobs_verify
		client_push p one
		[ "$(get "/v2/p/blobs/sha256:$(sha "$T/p.layer")" | sha256sum)" = "$(sha256sum <"$T/p.layer")" ]
		registry_stop
		store_is_whole
		davit_ registry gc --root "$T/root" --grace 0 >/dev/null
		store_is_whole
		nothing_left
	done
}
