# Our own client and engine with our own registry: another root, and the same one.
load lib
load engine
load registry

setup() {
	it_setup
	REG_PID=
	make_image bb
}

teardown() {
	registry_stop
	! grep -qE 'Sanitizer|runtime error' "$T/serve.err" 2>/dev/null
	it_teardown
}

store_is_sound() { davit system check >"$T/check" 2>&1 || { cat "$T/check"; return 1; }; }

@test "an image goes to the registry, is deleted, comes back and runs" {
	REG_ROOT=$T/other registry_start
	davit tag bb "$REG/a/bb:v1"
	davit push --tls-verify=false "$REG/a/bb:v1"
	davit rmi bb "$REG/a/bb:v1"
	[ -z "$(davit images -q)" ]
	davit pull --tls-verify=false "$REG/a/bb:v1"
	run -0 davit run --rm --network none "$REG/a/bb:v1" echo hello
	[ "$output" = hello ]
	registry_stop
	store_is_sound
	davit --root "$T/other" system check
}

@test "the same root: a push is a link, a pull finds what is there, and each keeps what the other deletes" {
	registry_start
	before=$(ls "$T/root/blobs/sha256" | sort)
	davit copy --dest-tls-verify=false davit:bb "docker://$REG/a/bb:v1"
	layer=$(get /v2/a/bb/manifests/v1 | jq -r '.layers[0].digest')
	[ "$(ls "$T/root/blobs/sha256" | wc -l)" -le $(($(wc -w <<<"$before") + 2)) ]
	davit rmi bb
	[ -z "$(davit images -q)" ]
	davit system gc >/dev/null
	[ "sha256:$(get "/v2/a/bb/blobs/$layer" | sha256sum | cut -d' ' -f1)" = "$layer" ]
	: >"$T/access.log"
	davit pull --tls-verify=false "$REG/a/bb:v1"
	! grep -q "GET \"/v2/a/bb/blobs/$layer" "$T/access.log"
	[ "$(davit run --rm --network none "$REG/a/bb:v1" echo hello)" = hello ]
	[ "$(status /v2/a/bb/manifests/v1 -I)" = 200 ]
	[ "$(status "/v2/a/bb/manifests/$(header docker-content-digest)" -X DELETE)" = 202 ]
	"$DAVIT_BUILD/davit-image" registry gc --root "$T/root" --grace 0 >/dev/null
	[ "$(davit run --rm --network none "$REG/a/bb:v1" echo again)" = again ]
	store_is_sound
}
