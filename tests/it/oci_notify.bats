# A container that is a service: READY=1 reaches the manager of the runtime, nothing else does.
load oci

setup() {
	oci_setup
	bundle
	set_args sh -c 'echo $NOTIFY_SOCKET; probe send $NOTIFY_SOCKET "STATUS=starting
EXTEND=1"; probe send $NOTIFY_SOCKET "STATUS=x
READY=1"; exec probe wait'
	agent datagram "$T/manager" 1
	export NOTIFY_SOCKET=$T/manager
}

teardown() {
	unset NOTIFY_SOCKET
	oci_teardown
}

@test "run --detach returns when the service is ready" {
	dv run -d --pid-file "$T/pid" -b "$B" "$ID" </dev/null >"$T/out" 2>&1
	wait "$AGENT"
	grep -qxF "READY=1\\nMAINPID=$(cat "$T/pid")\\n" "$T/agent"
	[ "$(cat "$T/out")" = /run/notify/notify.sock ]
}

@test "create and start" {
	dv create --pid-file "$T/pid" -b "$B" "$ID" </dev/null >"$T/out" 2>&1
	dv start "$ID"
	wait "$AGENT"
	grep -qxF "READY=1\\nMAINPID=$(cat "$T/pid")\\n" "$T/agent"
	status_is running
	dv delete -f "$ID"
	[ -z "$(ls -A "$R")" ]
}

@test "run in the foreground tells it beside" {
	dv_bg run -b "$B" "$ID"
	wait "$AGENT"
	grep -qxF 'READY=1\n' "$T/agent"
	dv kill "$ID" KILL
	bg_end
	fails 137
	[ -z "$(ls -A "$R")" ]
}

@test "a service that ends before it is ready: run and start return" {
	set_args true
	dv run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
	wait_for status_is stopped
	dv delete "$ID"
	kill "$AGENT"
	wait "$AGENT" || true
}

@test "without a manager the container has no socket" {
	unset NOTIFY_SOCKET
	in_container 'echo "[$NOTIFY_SOCKET]"; ls /run'
	is '[]'
	kill "$AGENT"
	wait "$AGENT" || true
}
