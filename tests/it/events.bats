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

# Nobody looks at the containers meanwhile: these are the monitor's own words.
@test "what only a monitor sees: ends, restarts, health, out of memory" {
	davit run -d --name again --restart on-failure:2 -l mine=1 bb sh -c 'exit 4'
	wait_for eval '[ "$(actions --filter container=again)" = "create start die start die start die " ]'
	[ "$(davit events --since 1h --until 0s --filter container=again --filter event=die --format '{{.Actor.Attributes.exitCode}} {{.Actor.Attributes.mine}}' | uniq)" = "4 1" ]
	davit ps -a >/dev/null
	davit rm again
	[ "$(actions --filter container=again)" = "create start die start die start die destroy " ]
	davit run -d --name sick --health-cmd 'test ! -e /sick' --health-interval 50ms --health-retries 2 bb sleep 1000
	wait_for eval '[[ "$(actions --filter container=sick)" == *"health_status: healthy "* ]]'
	davit exec sick touch /sick
	wait_for eval '[[ "$(actions --filter container=sick --filter event=health_status)" = "health_status: healthy health_status: unhealthy " ]]'
	davit rename sick ill
	davit kill ill
	wait_for eval '[ "$(davit events --since 1h --until 0s --filter event=die --format "{{.Actor.Attributes.name}}" | tail -1)" = ill ]'
	davit run --name eats -m 8m --memory-swap 8m bb sh -c 'x=$(head -c 100000000 /dev/zero | tr "\\0" x); echo ${#x}' || true
	if [ "$(davit inspect -f '{{.State.OOMKilled}}' eats)" = true ]; then
		[[ "$(actions --filter container=eats)" == *"oom die " ]]
	fi
}

@test "a monitor that was killed: the end is told once, by who finds it" {
	davit run -d --name box bb sleep 1000
	local monitor box
	box=$(pid_of box)
	monitor=$(awk '/^PPid/ {print $2}' "/proc/$box/status")
	kill -9 "$monitor" "$box"
	wait_for eval 'davit ps -a >/dev/null; has_status box exited'
	davit ps -a >/dev/null
	[ "$(actions --filter container=box)" = "create start die " ]
}

@test "images, what is executed, restarts, copies, prune" {
	local id
	davit ps        # there is a run directory from now on
	davit load -i <(davit save bb)
	davit events --since 1h --until 0s --filter event=load --format '{{.Actor.ID}}' | grep -qx 'sha256:[0-9a-f]\{64\}'
	id=$(davit image inspect -f '{{.Id}}' bb)
	davit tag bb other:1
	davit save -o "$T/saved.tar" other:1
	davit untag bb other:1
	make_image two '.config.Labels = {other: "yes"}'
	davit rmi two
	[ "$(davit events --since 1h --until 0s --filter type=image --format '{{.Action}} {{.Actor.Attributes.name}}' | sed "s/$id/ID/; s/sha256:.*/OTHER/" | tr '\n' ',')" = "save ID,load ID,tag other:1,save ID,untag ID,load OTHER,untag OTHER,delete OTHER," ]
	davit run -d --name box bb sleep 1000
	davit exec box sh -c 'exit 3' || true
	davit exec -d box true
	wait_for eval '[ "$(davit events --since 1h --until 0s --filter event=exec_die --format "{{.Actor.Attributes.exitCode}}" | tr "\n" " ")" = "3 0 " ]'
	[ "$(davit events --since 1h --until 0s --filter event=exec_create --format '{{.Action}}' | head -1)" = "exec_create: sh -c exit 3" ]
	[ "$(davit events --since 1h --until 0s --filter container=box --format '{{.Actor.Attributes.execID}}' | grep -v '<' | sort | uniq -c | awk '{print $1}' | tr '\n' ' ')" = "3 3 " ]
	davit update --pids-limit 100 box
	davit top box >/dev/null
	davit cp box:/etc/hosts "$T/hosts"
	davit cp "$T/hosts" box:/copied
	davit export box >/dev/null
	davit restart -t 0 box
	[[ "$(actions --filter container=box)" == *" update top archive-path extract-to-dir export "*"start restart " ]]
	davit rm -f box
	davit container prune -f
	[ "$(davit events --since 1h --until 0s --filter event=prune --format '{{.Type}} {{.Actor.Attributes.reclaimed}}')" = "container 0" ]
}

@test "times: seconds with a fraction, and durations" {
	davit run --rm bb true
	local t
	t=$(davit events --since 1h --until 0s --filter event=start --format '{{.timeNano}}')
	[ "$(davit events --since "${t:0:10}.${t:10}" --until 0s --format '{{.Action}}' | head -1)" = start ]
	[ "$(davit events --since 2020-01-01T00:00:00Z --until 0s --format '{{.Action}}' | head -1)" = create ]
	[ "$(davit events --since 1h30m --until 0s --format '{{.Action}}' | head -1)" = create ]
}
