# remote.bash - registries for tests of the client: Debian's docker-registry, and one that misbehaves.
# A file that loads this calls stop_servers in its teardown. Ports are the kernel's choice.

DRIVE=$DAVIT_BUILD/tests/it/remote-drive
SERVERS=()

need() {
	local program
	for program in "$@"; do
		command -v "$program" >/dev/null || skip "no $program"
	done
}

# In the background with nothing of ours open.
start_server() {
	local log=$1
	shift
	"$@" </dev/null >"$log" 2>&1 3>&- &
	SERVERS+=($!)
}

stop_servers() {
	local pid
	for pid in "${SERVERS[@]}"; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	SERVERS=()
}

# drive ARGS...: the client by hand, with our own configuration only.
drive() { timeout 300 "$DRIVE" --conf "$T/registries.conf" --authfile "$T/auth.json" "$@"; }

make_conf() { : >"$T/registries.conf"; }

# hostile NAME [OPTIONS]: sets $NAME to its 127.0.0.1:PORT; its files are in $T/NAME.
hostile() {
	local name=$1
	shift
	start_server "$T/$name.log" python3 "$DAVIT_SOURCE/tests/it/hostile.py" "$T/$name" "$@"
	wait_for test -s "$T/$name/port"
	printf -v "$name" '127.0.0.1:%s' "$(cat "$T/$name/port")"
}

# docker_registry NAME [YAML LINES for the end]: sets $NAME to its 127.0.0.1:PORT.
docker_registry() {
	local name=$1
	shift
	mkdir -p "$T/$name"
	{
		printf '%s\n' 'version: 0.1' 'log: {level: info}' 'storage:' "  filesystem: {rootdirectory: $T/$name/data}" \
			'  delete: {enabled: true}'
		printf '%s\n' "$@"
		[[ "$*" == *"http: {"* ]] || printf '%s\n' 'http: {addr: "127.0.0.1:0"}'
	} >"$T/$name/config.yml"
	start_server "$T/$name.log" docker-registry serve "$T/$name/config.yml"
	wait_for grep -q 'listening on' "$T/$name.log"
	printf -v "$name" '127.0.0.1:%s' "$(sed -n 's/.*listening on 127.0.0.1:\([0-9]*\).*/\1/p' "$T/$name.log")"
}

# make_ca: $T/ca.crt; make_cert NAME [DAYS]: $T/NAME.crt, $T/NAME.key for 127.0.0.1, signed by it.
make_ca() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/ca.key" -out "$T/ca.crt" -days 2 -subj "/CN=$TAG CA" \
		-addext 'basicConstraints=critical,CA:TRUE' 2>/dev/null
}

make_cert() {
	local name=$1 days=${2:-2}
	openssl req -newkey rsa:2048 -nodes -keyout "$T/$name.key" -out "$T/$name.csr" -subj "/CN=$name" 2>/dev/null
	printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\n' >"$T/$name.ext"
	openssl x509 -req -in "$T/$name.csr" -CA "$T/ca.crt" -CAkey "$T/ca.key" -CAcreateserial -out "$T/$name.crt" \
		-extfile "$T/$name.ext" -days "$days" 2>/dev/null
}

sha256_of() { sha256sum <"$1" | sed 's/^\([0-9a-f]*\).*/sha256:\1/'; }

# requests NAME PATTERN: how many requests the hostile registry NAME has seen that match.
requests() { grep -c -- "$2" "$T/$1/requests"; }
