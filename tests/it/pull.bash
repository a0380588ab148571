# pull.bash - for the bats files of pull and push: registries, images, what is in the store.
#
#	load lib
#	load pull

davit() { "$DAVIT_BUILD/davit" --root "$T/root" --runroot "$T/run" "$@"; }
pull() { timeout 300 "$DAVIT_BUILD/davit-image" --root "$T/root" pull --tls-verify=false "$@"; }
push() { timeout 300 "$DAVIT_BUILD/davit-image" --root "$T/root" push --tls-verify=false "$@"; }
mk() { "$DAVIT_SOURCE/tests/it/mklayout.py" "$1" "$T/reg/${2:-$1}"; }
mk_all() { "$DAVIT_SOURCE/tests/it/mklayout.py" --into "$T/reg" "$@"; }

setup() {
	it_setup
	# Nothing of the host's: neither its registries nor its credentials.
	export REGISTRY_AUTH_FILE=$T/auth.json CONTAINERS_REGISTRIES_CONF=$T/registries.conf HOME=$T/home
	mkdir -p "$T/reg" "$T/home" "$T/canary"
	: >"$T/registries.conf"
	echo secret >"$T/canary/secret"
	SERVERS=()
}

teardown() {
	local pid
	for pid in "${SERVERS[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null || true
	done
	[ "$(cat "$T/canary/secret")" = secret ]
	it_teardown
}

# The layouts below $T/reg as repositories of $REG.
serve_layouts() {
	python3 "$DAVIT_SOURCE/tests/it/layoutreg.py" "$T/reg" </dev/null >"$T/reg.log" 2>&1 3>&- &
	SERVERS+=($!)
	wait_for test -s "$T/reg/port"
	REG=127.0.0.1:$(cat "$T/reg/port")
}

# Debian's docker-registry as $REG; it logs the port that it got.
serve_docker() {
	command -v docker-registry >/dev/null || skip "no docker-registry"
	printf '%s\n' 'version: 0.1' 'log: {level: info}' "storage: {filesystem: {rootdirectory: $T/storage}, delete: {enabled: true}}" \
		'http: {addr: "127.0.0.1:0"}' >"$T/registry.yml"
	env -u REGISTRY_AUTH_FILE docker-registry serve "$T/registry.yml" </dev/null >"$T/registry.log" 2>&1 3>&- &
	SERVERS+=($!)
	wait_for grep -q "listening on" "$T/registry.log" || { cat "$T/registry.log"; return 1; }
	REG=127.0.0.1:$(sed -n 's/.*listening on 127.0.0.1:\([0-9]*\).*/\1/p' "$T/registry.log" | head -n 1)
}

# big_layout NAME [KB]: one layer of noise, so that a download has a middle.
big_layout() {
	mkdir -p "$T/files/etc"
	head -c "${2:-3000}K" /dev/urandom >"$T/files/noise"
	echo big >"$T/files/etc/motd"
	python3 - "$DAVIT_SOURCE/tests/it" "$T/reg/$1" "$T/files" <<-'PY'
		import sys
		sys.dont_write_bytecode = True
		sys.path.insert(0, sys.argv[1])
		import mklayout as m
		noise = open(sys.argv[3] + '/noise', 'rb').read()
		m.simple(sys.argv[2], plains=[m.ETC, m.layer([('noise', noise)])])
	PY
}

# One value out of the store's database.
query() {
	python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])' "$T/root/engine.db" "$1"
}

layer_dirs() { find "$T/root/layers" -mindepth 1 -maxdepth 1 -type d; }

# No image, layer or temporary file; a blob that was verified may stay for the next try.
nothing_staged() { [ -z "$(find "$T/root/layers" "$T/root/tmp" -mindepth 1)" ]; }
nothing_half() { nothing_staged && [ "$(query 'SELECT count(*) FROM images')" = 0 ]; }

requests() { grep -c -- "$1" "$T/reg/requests"; }
