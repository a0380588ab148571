# davit events: what happened, in order, filtered, and as it happens.
load lib
load engine

# The containers' actions since the beginning.
actions() { davit events --since 1h --until 0s --format '{{.Action}}' "$@" | tr '\n' ' '; }

@test "the life of a container" {
	davit run --rm --name box -l mine=1 bb sh -c 'exit 3' || true
	[ "$(actions --filter container=box)" = "create start die destroy " ]
	run -0 davit events --since 1h --until 0s --filter event=die
	[[ $output =~ ^20[0-9-]+T[0-9:]+\.[0-9]{9}(Z|[+-][0-9:]+)\ container\ die\ [0-9a-f]{64}\ \(.*exitCode=3.*image=bb.*name=box.*\)$ ]]
	[ "$(davit events --since 1h --until 0s --format json | jq -r 'select(.Action == "die") | [.Type, .status, .from, .Actor.Attributes.exitCode, .Actor.Attributes.mine, .scope] | join(" ")')" = "container die bb 3 1 local" ]
	run_background two bb sleep 60
	local id
	id=$(id_of two)
	davit pause two
	davit unpause two
	davit rename two three
	davit kill three
	wait "$run_pid" || true
	davit rm three
	[ "$(actions --filter container="$id")" = "create start pause unpause rename kill die destroy " ]
	[ "$(davit events --since 1h --until 0s --filter event=rename --format '{{.Actor.Attributes.oldName}}')" = /two ]
}

@test "volumes; filters by type, label, image and name" {
	davit volume create data
	davit run --rm -l a=1 -l b=2 -v data:/d -v new:/n bb true
	davit volume rm data
	[ "$(actions --filter type=volume --filter volume=data)" = "create mount unmount destroy " ]
	[ "$(actions --filter volume=new)" = "create mount unmount " ]
	[ "$(actions --filter label=a=1 --filter label=b)" = "create start die destroy " ]
	[ -z "$(actions --filter label=a=1 --filter label=b=3)" ]
	[ "$(actions --filter image=bb --filter event=start)" = "start " ]
	[ "$(actions --filter type=container --filter event=start --filter event=die)" = "start die " ]
	[ -z "$(actions --filter image=other)" ]
	run -1 davit events --filter nosuch=1 --until 0s
	run -1 davit events --since yesterday
	[ -z "$(davit events --until 0s --since 0s)" ]
}

@test "as it happens, from several commands at once, until a time" {
	"$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" events --format '{{.Action}} {{.Actor.Attributes.name}}' >"$T/followed" 3>&- &
	local pid=$! i pids=
	wait_for eval 'davit run --rm --name "probe$RANDOM" bb true; grep -q probe "$T/followed"'
	for i in 1 2 3 4 5; do
		davit run --rm --name "box$i" bb true 3>&- &
		pids+=" $!"
	done
	wait $pids
	wait_for eval '[ "$(grep -c "^destroy box" "$T/followed")" = 5 ]'
	kill "$pid"
	wait "$pid" || true
	for i in 1 2 3 4 5; do
		[ "$(sed -n "s/ box$i$//p" "$T/followed" | tr '\n' ' ')" = "create start die destroy " ]
	done
	run -0 timeout 20 "$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" events --since 0s --until "$(($(date +%s) + 1))"
	[ -z "$output" ]
}

@test "times: seconds with a fraction, and durations" {
	davit run --rm bb true
	local t
	t=$(davit events --since 1h --until 0s --filter event=start --format '{{.timeNano}}')
	[ "$(davit events --since "${t:0:10}.${t:10}" --until 0s --format '{{.Action}}' | head -1)" = start ]
	[ "$(davit events --since 2020-01-01T00:00:00Z --until 0s --format '{{.Action}}' | head -1)" = create ]
	[ "$(davit events --since 1h30m --until 0s --format '{{.Action}}' | head -1)" = create ]
}
