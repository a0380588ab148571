# spec: hooks.prestart.path
# spec: hooks.prestart.args
# spec: hooks.prestart.env
# spec: hooks.prestart.timeout
# Hooks of all six kinds.
load oci

KINDS='prestart createRuntime createContainer startContainer poststart poststop'

# spec: hooks.createRuntime.path
# spec: hooks.createRuntime.args
# spec: hooks.createRuntime.env
# spec: hooks.createContainer.path
# spec: hooks.createContainer.args
# spec: hooks.createContainer.env
# spec: hooks.startContainer.path
# spec: hooks.startContainer.args
# spec: hooks.startContainer.env
# spec: hooks.poststart.path
# spec: hooks.poststart.args
# spec: hooks.poststart.env
# spec: hooks.poststop.path
# spec: hooks.poststop.args
# spec: hooks.poststop.env
@test "order, state on stdin, environment, arguments, namespaces" {
	bundle "bind(\"$T/log\"; \"$T/log\"; [\"bind\"]) | .annotations = {k: \"v\"}"
	mkdir "$T/log"
	for kind in $KINDS; do
		for n in 1 2; do
			change ".hooks.$kind += [{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"cat >$T/log/$kind.$n; echo $kind \$0 \$A\$HOME \$(readlink /proc/self/ns/mnt) \$(readlink /proc/self/ns/uts) >>$T/log/order\", \"arg$n\"], env: [\"PATH=/bin:/usr/bin\", \"A=env$n\"]}]"
		done
	done
	set_args probe wait
	dv create -b "$B" --pid-file "$T/pid" "$ID" </dev/null >"$T/out" 2>&1
	PID=$(cat "$T/pid")
	local own_mnt their_mnt their_uts
	own_mnt=$(readlink /proc/self/ns/mnt)
	their_mnt=$(readlink "/proc/$PID/ns/mnt")
	their_uts=$(readlink "/proc/$PID/ns/uts")
	[ "$(awk '{print $1}' "$T/log/order" | uniq -c | xargs)" = '2 prestart 2 createRuntime 2 createContainer' ]
	dv start "$ID"
	dv kill "$ID" KILL
	wait_for status_is stopped
	dv delete "$ID"
	[ "$(awk '{print $1, $2, $3}' "$T/log/order" | xargs)" = "$(for k in $KINDS; do echo "$k arg1 env1 $k arg2 env2"; done | xargs)" ]
	[ "$(awk '$1 ~ /createContainer|startContainer/ {print $4}' "$T/log/order" | sort -u)" = "$their_mnt" ]
	[ "$(awk '$1 !~ /createContainer|startContainer/ {print $4}' "$T/log/order" | sort -u)" = "$own_mnt" ]
	[ "$(awk '$1 ~ /createContainer|startContainer/ {print $5}' "$T/log/order" | sort -u)" = "$their_uts" ]
	local kind want
	for kind in $KINDS; do
		case $kind in
		poststart) want=running ;;
		poststop) want=stopped ;;
		startContainer) want=created ;;
		*) want=creating ;;
		esac
		jq -e --arg id "$ID" --arg b "$B" --arg s "$want" '.id == $id and .bundle == $b and .status == $s
			and .ociVersion == "1.0.2" and .annotations.k == "v"' "$T/log/$kind.1" || { cat "$T/log/$kind.1"; false; }
	done
	for kind in prestart createRuntime createContainer poststart; do
		[ "$(jq .pid "$T/log/$kind.1")" = "$PID" ]
	done
	[ "$(jq .pid "$T/log/startContainer.1")" = 1 ]
}

@test "createContainer hooks see the mounts before the root changes, startContainer hooks the new root" {
	bundle "bind(\"/log\"; \"$T\"; [\"bind\"])"
	change "hook(\"createContainer\"; \"test -e $B/rootfs/etc/group && echo outside >$T/cc\") | .hooks.startContainer = [{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"hostname >/log/sc\"]}]"
	run dv run -b "$B" "$ID"
	succeeds
	[ "$(cat "$T/cc")" = outside ]
	[ "$(cat "$T/sc")" = box ]
}

@test "a failing hook stops the container, but for poststart and poststop, and says its output" {
	for kind in prestart createRuntime createContainer startContainer; do
		bundle ".hooks.$kind = [{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"echo reason >&2; exit 3\"]}] | .process.args = [\"touch\", \"/tmp/ran\"]"
		run dv run -b "$B" "$ID"
		fails 1
		expect "error running $kind hook #0"
		expect 'exit status 3'
		expect reason
		[ ! -e "$B/rootfs/tmp/ran" ]
		[ -z "$(ls "$R")" ]
	done
	bundle '.hooks.poststop = [{path: "/bin/false"}]'
	run dv run -b "$B" "$ID"
	succeeds
	expect hello
	bundle '.hooks.prestart = [{path: "/nosuch/hook"}]'
	run dv run -b "$B" "$ID"
	fails 1
	expect /nosuch/hook
}

# spec: hooks.createRuntime.timeout
# spec: hooks.createContainer.timeout
# spec: hooks.startContainer.timeout
# spec: hooks.poststart.timeout
# spec: hooks.poststop.timeout
@test "a hook that takes too long is killed, whatever its kind" {
	bundle "bind(\"$T/log\"; \"$T/log\"; [\"bind\"])"
	mkdir "$T/log"
	for kind in $KINDS; do
		change "del(.hooks) | .hooks.$kind = [{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"echo \$\$ >$T/log/$kind; exec sleep 100\"], env: [\"PATH=/bin\"], timeout: 1}]"
		run timeout 300 "$DAVIT_OCI" --root "$R" run -b "$B" "$ID"
		[ "$status" -ne 124 ]
		[ -e "$T/log/$kind" ]
		case $kind in poststart | poststop) ;; *)
			fails 1
			expect 'did not end within 1000 ms'
			;;
		esac
	done
	change 'del(.hooks) | .hooks.prestart = [{path: "/bin/true", timeout: 0}]'
	run dv run -b "$B" "$ID"
	fails 1
	expect 'hooks.prestart[0].timeout'
}

# spec: annotations
@test "annotations send the output of hooks to files" {
	bundle ".annotations = {\"run.oci.hooks.stdout\": \"$T/o\", \"run.oci.hooks.stderr\": \"$T/e\"}"
	change 'hook("createRuntime"; "echo out; echo err >&2") | hook("poststop"; "echo later")'
	run dv run -b "$B" "$ID"
	is hello
	[ "$(cat "$T/o")" = $'out\nlater' ]
	[ "$(cat "$T/e")" = err ]
}

@test "a hook leaves no descriptor open, and none of ours is open in it" {
	bundle
	change "hook(\"createRuntime\"; \"ls /proc/self/fd | tr '\\\\n' ' ' >$T/fds\")"
	run dv run -b "$B" "$ID"
	succeeds
	[ "$(cat "$T/fds")" = '0 1 2 3 ' ]
}
