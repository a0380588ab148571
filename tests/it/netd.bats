# netd.bats - davit-netd: names of containers from the files that command lines write, and rules that come back.
#
# Everything happens in a network namespace of the test's own: any address of 127/8 can be a gateway there.
load lib

setup() {
	it_setup
	mkdir -p "$T/run/netd/names" "$T/root" "$T/bin"
	# Beside netd's program is a davit that only writes down what it is asked.
	cp "$DAVIT_BUILD/davit-netd" "$T/bin/"
	printf '#!/bin/sh\necho "$@" >>%s\n' "$T/asked" >"$T/bin/davit"
	chmod +x "$T/bin/davit"
	mkfifo "$T/hold"
	unshare -n sh -c 'ip link set lo up && echo up >"$1/up" && read -r _ <"$1/hold"' - "$T" </dev/null >/dev/null 2>&1 3>&- &
	NET=$!
	wait_for test -s "$T/up"
	NETD=
}

teardown() {
	[ -z "$NETD" ] || kill "$NETD" 2>/dev/null || true
	kill "$NET" 2>/dev/null || true
	wait $NETD $NET 2>/dev/null || true
	it_teardown
}

inside() { nsenter --net="/proc/$NET/ns/net" "$@"; }

netd() {
	# not by the function: the pid is to be netd's own
	nsenter --net="/proc/$NET/ns/net" "$T/bin/davit-netd" serve --root "$T/root" --runroot "$T/run" "$@" </dev/null >"$T/netd.log" 2>&1 3>&- &
	NETD=$!
}

# Whole files at once, as davit writes them.
network() {	# ID GATEWAY UPSTREAM...
	local id=$1
	{
		echo "gateway $2"
		shift 2
		[ $# = 0 ] || printf 'upstream %s\n' "$@"
	} >"$T/new"
	mv "$T/new" "$T/run/netd/names/$id.net"
}
record() {	# NETWORK ID ADDRESS NAME...
	local network=$1 id=$2
	{
		echo "addr $3"
		shift 3
		printf 'name %s\n' "$@"
	} >"$T/new"
	mv "$T/new" "$T/run/netd/names/$network.$id.ctr"
}
ask() { inside python3 "$DAVIT_SOURCE/tests/it/dns_ask.py" "$@"; }
answers() { [ "$(ask 127.0.1.1 "$1" 2>/dev/null)" = "$2" ]; }
ended() { ! kill -0 "$NETD" 2>/dev/null; }

@test "names come and go with their files, per network" {
	network front 127.0.1.1
	network back 127.0.2.1
	record front c1 127.0.1.2 web alias
	netd
	wait_for answers web 127.0.1.2
	[ "$(ask 127.0.1.1 ALIAS)" = 127.0.1.2 ]
	[ "$(ask +tcp 127.0.1.1 web)" = 127.0.1.2 ]
	[ "$(ask 127.0.1.1 web AAAA)" = NODATA ]
	[ "$(ask 127.0.1.1 2.1.0.127.in-addr.arpa PTR)" = web ]
	[ "$(ask 127.0.2.1 web)" = SERVFAIL ]
	# From now on without waiting: what is written is seen by the next question.
	record back c2 127.0.2.2 db
	[ "$(ask 127.0.2.1 db)" = 127.0.2.2 ]
	record back c1 127.0.2.3 web
	[ "$(ask 127.0.1.1 db A 127.0.1.2)" = 127.0.2.2 ]
	[ "$(ask 127.0.1.1 db A 127.0.1.9)" = SERVFAIL ]
	rm "$T/run/netd/names/back.c2.ctr"
	[ "$(ask 127.0.2.1 db)" = SERVFAIL ]
	record front c1 127.0.1.7 web
	[ "$(ask 127.0.1.1 web)" = 127.0.1.7 ]
	[ "$(ask 127.0.1.1 alias)" = SERVFAIL ]
}

@test "one runs, a second one is success; it ends after its last container" {
	network front 127.0.1.1
	record front c1 127.0.1.2 web
	netd
	wait_for answers web 127.0.1.2
	inside timeout 300 "$T/bin/davit-netd" serve --root "$T/root" --runroot "$T/run"
	kill -0 "$NETD"
	rm "$T/run/netd/names/front.c1.ctr"
	wait_for ended
	wait "$NETD"
}

@test "killed, the next one knows the same" {
	network front 127.0.1.1
	record front c1 127.0.1.2 web
	netd
	wait_for answers web 127.0.1.2
	kill -9 "$NETD"
	wait "$NETD" || true
	netd
	wait_for answers web 127.0.1.2
}

@test "who starts it is told when it answers" {
	network front 127.0.1.1
	record front c1 127.0.1.2 web
	mkfifo "$T/ready"
	nsenter --net="/proc/$NET/ns/net" "$T/bin/davit-netd" serve --root "$T/root" --runroot "$T/run" --ready-fd 8 </dev/null >"$T/netd.log" 2>&1 3>&- 8>"$T/ready" &
	NETD=$!
	[ "$(timeout 300 wc -c <"$T/ready")" = 1 ]
	[ "$(ask 127.0.1.1 web)" = 127.0.1.2 ]
}

@test "other names are asked for at the network's servers, or at none" {
	# One netd is the other's upstream.
	network front 127.0.1.1 127.0.9.1
	record front c1 127.0.1.2 web
	mkdir -p "$T/other/netd/names"
	printf 'gateway 127.0.9.1\n' >"$T/other/netd/names/world.net"
	printf 'addr 192.0.2.7\nname example.org\n' >"$T/other/netd/names/world.x.ctr"
	nsenter --net="/proc/$NET/ns/net" "$T/bin/davit-netd" serve --root "$T/root" --runroot "$T/other" </dev/null >/dev/null 2>&1 3>&- &
	other=$!
	netd
	wait_for answers example.org 192.0.2.7
	[ "$(ask +tcp 127.0.1.1 example.org)" = 192.0.2.7 ]
	network front 127.0.1.1
	wait_for answers example.org SERVFAIL
	kill "$other"
	wait "$other" || true
}

@test "a record that cannot be read is passed over, and said" {
	network front 127.0.1.1
	record front c1 127.0.1.2 web
	record front bad nonsense other
	netd
	wait_for answers web 127.0.1.2
	[ "$(ask 127.0.1.1 other)" = SERVFAIL ]
	cat "$T/netd.log"
	grep -q 'front.bad.ctr line 1: .*nonsense.* is no address' "$T/netd.log"
}

@test "a table that somebody flushes is put back" {
	command -v nft >/dev/null || skip "no nft"
	network front 127.0.1.1
	record front c1 127.0.1.2 web
	inside nft add table inet davit_1 || skip "no nf_tables in this kernel"
	netd --table davit_1
	wait_for answers web 127.0.1.2
	inside nft add table inet other
	inside nft delete table inet other
	[ "$(ask 127.0.1.1 web)" = 127.0.1.2 ]
	[ ! -e "$T/asked" ]
	inside nft flush ruleset
	wait_for test -s "$T/asked"
	[ "$(head -n 1 "$T/asked")" = "--root $T/root --runroot $T/run network reload --missing" ]
}
