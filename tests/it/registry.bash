# registry.bash - a registry of the test's own: started, asked, stopped.
#
#	load lib
#	load registry
#
# registry_start FLAG... serves $REG_ROOT ($T/root); $REG is its address. Teardown stops it. REG_UNDER is a program that
# runs it.

OCI_MANIFEST=application/vnd.oci.image.manifest.v1+json

registry_start() {
	rm -f "$T/addr"
	"${REG_UNDER[@]}" "$DAVIT_BUILD/davit-image" registry serve --root "${REG_ROOT:-$T/root}" --listen "${LISTEN:-127.0.0.1:0}" --addr-file "$T/addr" \
		--access-log "$T/access.log" "$@" >"$T/serve.out" 2>"$T/serve.err" 3>&- </dev/null &
	REG_PID=$!
	wait_for registry_is_up
	REG=$(head -n 1 "$T/addr")
}

registry_is_up() { [ -s "$T/addr" ] || ! kill -0 "$REG_PID" 2>/dev/null; }

# registry_stop [SIGNAL]: and its end.
registry_stop() {
	[ -n "$REG_PID" ] || return 0
	kill "-${1:-TERM}" "$REG_PID" 2>/dev/null || true
	wait "$REG_PID" || reg_status=$?
	REG_PID=
}

setup() {
	it_setup
	REG_PID=
}

# What the sanitizers have to say stands in its output.
teardown() {
	registry_stop
	[ ! -s "$T/serve.err" ] || sed 's/^/# registry: /' "$T/serve.err"
	! grep -qE 'Sanitizer|runtime error' "$T/serve.err" 2>/dev/null
	it_teardown
}

# get PATH [CURL FLAG...]: the body; $T/head has the headers.
get() {
	local path=$1
	shift
	curl -sS -D "$T/head" --max-time 300 "$@" "${SCHEME:-http}://$REG$path"
}

# status PATH [CURL FLAG...]
status() {
	local path=$1
	shift
	curl -sS -o "$T/body" -D "$T/head" -w '%{http_code}\n' --max-time 300 "$@" "${SCHEME:-http}://$REG$path"
}

header() { tr -d '\r' <"$T/head" | awk -v n="$1" 'BEGIN { IGNORECASE = 1 } tolower($1) == tolower(n) ":" { sub("^[^ ]* ", ""); print }'; }

sha() { sha256sum "$1" | cut -d' ' -f1; }

# push_file REPOSITORY FILE [CURL FLAG...]: as one POST.
push_file() {
	local repo=$1 file=$2
	shift 2
	[ "$(status "/v2/$repo/blobs/uploads/?digest=sha256:$(sha "$file")" --data-binary "@$file" -X POST "$@")" = 201 ]
}

# small_image REPOSITORY TAG [CURL FLAG...]: a manifest with one configuration of its own.
small_image() {
	local repo=$1 tag=$2
	shift 2
	printf '{"os":"linux","tag":"%s"}' "$tag" >"$T/config.json"
	push_file "$repo" "$T/config.json" "$@"
	jq -cn --arg d "sha256:$(sha "$T/config.json")" --argjson n "$(stat -c %s "$T/config.json")" --arg m "$OCI_MANIFEST" \
		'{schemaVersion: 2, mediaType: $m, config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $d,
		  size: $n}, layers: []}' >"$T/manifest.json"
	[ "$(status "/v2/$repo/manifests/$tag" -X PUT --data-binary "@$T/manifest.json" -H "Content-Type: $OCI_MANIFEST" \
		"$@")" = 201 ]
}

# Every blob of the store is what its name says.
blobs_verify() {
	local f
	for f in "$T"/root/blobs/sha256/*; do
		[ ! -e "$f" ] || [ "$(sha "$f")" = "${f##*/}" ] || { echo "$f"; return 1; }
	done
}

# client_push NAME TAG: to repository NAME, of $T/NAME.layer and $T/NAME.config: the layer as stream, the configuration at
# once, then the manifest.
client_push() {
	local dir=$T/$1 location code
	location=$(curl -s --max-time 300 -D - -o /dev/null -X POST "http://$REG/v2/$1/blobs/uploads/" | tr -d '\r' |
		sed -n 's/^[Ll]ocation: //p')
	[ -n "$location" ] || return 1
	curl -sf --max-time 300 -o /dev/null -X PATCH --data-binary "@$dir.layer" "http://$REG$location" || return 1
	curl -sf --max-time 300 -o /dev/null -X PUT "http://$REG$location?digest=sha256:$(sha "$dir.layer")" || return 1
	curl -sf --max-time 300 -o /dev/null --data-binary "@$dir.config" \
		"http://$REG/v2/$1/blobs/uploads/?digest=sha256:$(sha "$dir.config")" || return 1
	jq -cn --arg c "sha256:$(sha "$dir.config")" --argjson cs "$(stat -c %s "$dir.config")" --arg m "$OCI_MANIFEST" \
		--arg l "sha256:$(sha "$dir.layer")" --argjson ls "$(stat -c %s "$dir.layer")" \
		'{schemaVersion: 2, mediaType: $m, config: {mediaType: "a/b", digest: $c, size: $cs},
		  layers: [{mediaType: "a/b", digest: $l, size: $ls}]}' >"$dir.manifest"
	curl -sf --max-time 300 -o /dev/null -X PUT --data-binary "@$dir.manifest" -H "Content-Type: $OCI_MANIFEST" \
		"http://$REG/v2/$1/manifests/$2"
}
