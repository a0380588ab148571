# davit secret, and --secret: for the containers that are given it, and nobody else.
load lib
load engine

@test "create, ls, inspect, exists, rm" {
	[[ $(printf 'hush-hush' | davit secret create one -) =~ ^[0-9a-f]{25}$ ]]
	[ "$(stat -c '%a' "$T/root/secrets" "$T/root/secrets/one" | tr '\n' ' ')" = "700 600 " ]
	echo file >"$T/file"
	davit secret create two "$T/file"
	[ "$(davit secret ls --format '{{.Name}}' | sort | tr '\n' ' ')" = "one two " ]
	davit secret exists one
	run -1 davit secret exists nosuch
	run -1 davit secret create one "$T/file"
	davit secret create --replace one "$T/file"
	[ "$(davit secret inspect one | jq -r '.[0].Spec.Name')" = one ]
	[ "$(davit secret rm one)" = one ]
	run -1 davit secret rm one
	run -1 davit secret create ../x "$T/file"
	head -c 600000 /dev/zero >"$T/large"
	run -1 davit secret create large "$T/large"
}

# flag: run --secret
@test "as a file and as a variable, and nowhere else" {
	printf 'hush-hush' | davit secret create key -
	run -0 davit run --rm --secret key bb sh -c 'cat /run/secrets/key; stat -c " %a %u" /run/secrets/key; touch /run/secrets/key 2>/dev/null || echo ro'
	[ "$output" = "$(printf 'hush-hush 444 0\nro')" ]
	run -0 davit run --rm --secret source=key,target=/etc/key,uid=12,gid=34,mode=0400 bb stat -c '%a %u:%g' /etc/key
	[ "$output" = "400 12:34" ]
	davit run --name box --secret key,type=env,target=KEY --secret key bb sh -c 'echo ${#KEY}; rm -f /tmp/x' >"$T/out"
	[ "$(cat "$T/out")" = 9 ]
	! davit inspect box | grep -q hush-hush
	davit commit box saved
	! davit image inspect saved | grep -q hush-hush
	! davit export box | grep -q hush-hush
	! grep -rq hush-hush "$T/run" "$T/root/containers" "$T/root/engine.db" "$T/root/engine.db-wal"
	run -125 davit run --rm --secret nosuch bb true
	run -125 davit run --rm --secret key,type=other bb true
	run -125 davit run --rm --secret key,mode=9 bb true
}
