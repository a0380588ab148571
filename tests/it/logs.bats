# logs.bats - what containers wrote: drivers, rotation, logs and its flags.
load lib
load engine

logdir() { echo "$T/root/containers/$(id_of "$1")/log"; }

@test "logs: both streams, tail, timestamps, since and until, pieces of long lines" {
	davit run --name box bb sh -c 'echo one; echo two >&2; echo three; printf half' >/dev/null 2>&1
	[ "$(davit logs box 2>/dev/null)" = $'one\nthree\nhalf' ]
	[ "$(davit logs box 2>&1 >/dev/null)" = two ]
	[ "$(davit logs -n 1 box)" = half ]
	[ "$(davit logs --tail 0 box 2>&1)" = "" ]
	[ "$(davit logs --tail all box 2>/dev/null)" = $'one\nthree\nhalf' ]
	[[ $(davit logs -t -n 1 box) =~ ^20[0-9-]+T[0-9:.]+Z\ half$ ]]
	[ "$(davit logs --since 1h --until 2200000000 box 2>/dev/null)" = $'one\nthree\nhalf' ]
	[ "$(davit logs --until 2020-01-01 box 2>&1)" = "" ]
	[ "$(davit logs --since 2200000000 box 2>&1)" = "" ]
	run -1 davit logs --since yesterday box
	# docker's format: a JSON object a line.
	[ "$(jq -rs 'map(.stream) | sort | join(" ")' "$(logdir box)"/*.log)" = "stderr stdout stdout stdout" ]
	[ "$(davit inspect -f '{{.LogPath}}' box)" = "$(echo "$(logdir box)"/*.log)" ]
	davit run --name long bb sh -c 'head -c 40000 /dev/zero | tr "\0" x; echo; echo after' >/dev/null
	[ "$(davit logs long | head -n 1 | wc -c)" = 40001 ]
	[ "$(jq -s length "$(logdir long)"/*.log)" = 4 ]
	[ "$(davit logs --names box long 2>/dev/null | cut -d' ' -f1 | sort -u | tr '\n' ' ')" = "box long " ]
}

# flag: run --log-opt
@test "logs -f: what comes until the end, over rotations" {
	davit run -d --name box --log-opt max-size=4k --log-opt max-file=3 bb sh -c \
		'for i in $(seq 300); do echo "line $i"; [ $((i % 50)) != 0 ] || while [ ! -e /tmp/go.$i ]; do sleep 0.05; done; done' >/dev/null	# allow(sleep): in the container
	"$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" logs -f box >"$T/out" 2>&1 3>&- &
	follower=$!
	# Never more at once than the files hold: what is dropped before it was read is lost to a follower.
	for i in 50 100 150 200 250 300; do
		wait_for grep -q "line $i\$" "$T/out"
		touch "/proc/$(pid_of box)/root/tmp/go.$i"
	done
	wait "$follower"
	[ "$(cat "$T/out")" = "$(seq -f 'line %g' 300)" ]
	[ "$(ls "$(logdir box)" | wc -l)" = 3 ]
	[ "$(stat -c %s "$(logdir box)"/* | sort -n | tail -n 1)" -le 4096 ]
	[ "$(davit logs -n 120 box | head -n 1)" = "line 181" ]
}

# flag: run --log-driver
@test "log drivers and options: none, local, attributes; what is wrong with them" {
	davit run --name box --log-driver none bb echo x >/dev/null
	[ ! -e "$(logdir box)" ]
	run -1 davit logs box
	[[ $output == *"does not support reading"* ]]
	davit run --name local --log-driver local bb echo x >/dev/null
	[ "$(davit logs local)" = x ]
	davit run --name attrs --label a=1 -e B=2 --log-opt labels=a --log-opt env=B bb echo x >/dev/null
	[ "$(davit logs --details attrs)" = "a=1,B=2 x" ]
	run -125 davit run --log-driver nosuch bb true
	[[ $output == *"no log driver named 'nosuch' is registered"* ]]
	run -125 davit run --log-opt nosuch=1 bb true
	[[ $output == *"unknown log opt 'nosuch' for json-file log driver"* ]]
	run -125 davit run --log-opt max-size=x bb true
	run -1 davit logs nosuch
	[ "$(davit ps -aq | wc -l)" = 3 ]
}

@test "a full disk takes the log, not the container" {
	mkdir "$T/small"
	mount -t tmpfs -o size=300k tmpfs "$T/small" || skip "no right to mount"
	davit run -d --name box bb sh -c 'while [ ! -e /tmp/go ]; do sleep 0.05; done; yes 0123456789 | head -n 200000; echo done >/tmp/done; exit 3' >/dev/null	# allow(sleep): in the container
	mkdir -p "$(logdir box)"
	mount --bind "$T/small" "$(logdir box)"
	touch "/proc/$(pid_of box)/root/tmp/go"
	[ "$(davit wait box)" = 3 ]
	[ "$(davit logs box | head -n 1)" = 0123456789 ]
	wait_for umount "$(logdir box)"         # whoever wrote there may still have it open
	wait_for umount "$T/small"
}
