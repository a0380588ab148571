# davit registry serve: the specification as a table, restarts, passwords, tokens, certificates, collection, limits.
load lib
load registry

@test "the table of the distribution specification" {
	registry_start
	run timeout 300 python3 "$DAVIT_SOURCE/tests/it/registry_conformance.py" "http://$REG"
	echo "$output" | grep -A 1 "^not ok" || true
	[ "$status" = 0 ]
}

@test "davit registry is davit-image's: one command line" {
	run -0 "$DAVIT_BUILD/davit" registry serve --help
	[[ $output == *"--listen"* && $output == *"--tls-client-ca"* ]]
	run -0 "$DAVIT_BUILD/davit" registry gc --root "$T/root" --format json
	[ "$(jq -r .dryRun <<<"$output")" = false ]
}

@test "a second server on the same root is refused; a wrong address too" {
	registry_start
	run timeout 300 "$DAVIT_BUILD/davit-image" registry serve --root "$T/root" --listen 127.0.0.1:0
	[ "$status" = 1 ]
	[[ $output == *"another registry serves"* ]]
	run timeout 300 "$DAVIT_BUILD/davit-image" registry serve --root "$T/other" --listen nonsense
	[ "$status" = 1 ]
	run timeout 300 "$DAVIT_BUILD/davit-image" registry serve --root "$T/other" --listen "$REG"
	[ "$status" = 1 ]
}

@test "an open registry that strangers reach is warned about" {
	LISTEN=0.0.0.0:0 registry_start
	grep -q "may push and delete" "$T/serve.err"
}

@test "umoci's image by skopeo: there and back, byte for byte" {
	command -v umoci >/dev/null && command -v skopeo >/dev/null || skip "no umoci or no skopeo"
	registry_start
	umoci init --layout "$T/L"
	umoci new --image "$T/L:i"
	umoci unpack --image "$T/L:i" "$T/B" >/dev/null 2>&1
	make_rootfs "$T/B/rootfs"
	umoci repack --image "$T/L:i" "$T/B" >/dev/null 2>&1
	skopeo copy -q --insecure-policy --dest-tls-verify=false "oci:$T/L:i" "docker://$REG/a/b:v1"
	skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$REG/a/b:v1" "oci:$T/back:i"
	[ "$(jq -r '.manifests[0].digest' "$T/L/index.json")" = "$(jq -r '.manifests[0].digest' "$T/back/index.json")" ]
	skopeo inspect --tls-verify=false --raw "docker://$REG/a/b:v1" >"$T/raw"
	[ "sha256:$(sha "$T/raw")" = "$(jq -r '.manifests[0].digest' "$T/L/index.json")" ]
	run -0 skopeo list-tags --tls-verify=false "docker://$REG/a/b"
	[ "$(jq -c .Tags <<<"$output")" = '["v1"]' ]
	skopeo copy -q --insecure-policy --src-tls-verify=false --dest-tls-verify=false "docker://$REG/a/b:v1" "docker://$REG/c:v2"
	[ "$(get /v2/c/manifests/v2 | sha256sum)" = "$(sha256sum <"$T/raw")" ]
	run -0 skopeo delete --tls-verify=false "docker://$REG/a/b:v1"
	run skopeo inspect --tls-verify=false "docker://$REG/a/b:v1"
	[ "$status" != 0 ]
	blobs_verify
}

@test "a blob of 100 MB: there, back, a part of it" {
	registry_start
	head -c 100M /dev/zero >"$T/data"
	digest=sha256:$(sha "$T/data")
	[ "$(status /v2/a/blobs/uploads/ -X POST)" = 202 ]
	location=$(header location)
	[ "$(status "$location" -X PATCH -T "$T/data")" = 202 ]
	[ "$(header range)" = 0-104857599 ]
	[ "$(status "$location?digest=$digest" -X PUT)" = 201 ]
	[ "sha256:$(get "/v2/a/blobs/$digest" | sha256sum | cut -d' ' -f1)" = "$digest" ]
	[ "$(get "/v2/a/blobs/$digest" -r 99999990- | wc -c)" = 4857610 ]
	[ "$(awk '/^VmRSS/ { print $2 }' "/proc/$REG_PID/status")" -lt 32768 ] || [[ $DAVIT_BUILD == *asan* ]]
}

@test "an upload survives a restart: SIGTERM and SIGKILL" {
	registry_start
	head -c 300000 /dev/urandom >"$T/data"
	[ "$(status /v2/a/blobs/uploads/ -X POST)" = 202 ]
	location=$(header location)
	for part in 0 1; do
		dd if="$T/data" of="$T/part" bs=100000 skip=$part count=1 status=none
		[ "$(status "$location" -X PATCH --data-binary "@$T/part" \
			-H "Content-Range: $((part * 100000))-$((part * 100000 + 99999))")" = 202 ]
		registry_stop $([ $part = 0 ] && echo TERM || echo KILL)
		registry_start
		[ "$(status "$location")" = 204 ]
		[ "$(header range)" = "0-$((part * 100000 + 99999))" ]
	done
	dd if="$T/data" of="$T/part" bs=100000 skip=2 count=1 status=none
	[ "$(status "$location?digest=sha256:$(sha "$T/data")" -X PUT --data-binary "@$T/part")" = 201 ]
	get "/v2/a/blobs/sha256:$(sha "$T/data")" | cmp - "$T/data"
	[ -z "$(ls "$T/root/registry/uploads")" ]
}

@test "a stream that is cut off keeps what came, a chunk that is cut off does not" {
	registry_start
	head -c 4000000 /dev/urandom >"$T/data"
	for range in "" "Content-Range: 0-3999999"; do
		[ "$(status /v2/a/blobs/uploads/ -X POST)" = 202 ]
		location=$(header location)
		curl -sS -X PATCH --limit-rate 100k -T "$T/data" -H "$range" -H "Expect:" "http://$REG$location" </dev/null >"$T/cut" 2>&1 3>&- &
		wait_for something_came
		kill -9 "$!"
		wait "$!" || true
		wait_for upload_is_free "$location"
		end=$(header range)
		if [ -n "$range" ]; then
			[ "$end" = 0-0 ]
			from=0
		else
			from=$((${end#0-} + 1))
			[ "$from" -gt 1000 ]
		fi
		tail -c +$((from + 1)) "$T/data" >"$T/rest"
		[ "$(status "$location?digest=sha256:$(sha "$T/data")" -X PUT --data-binary "@$T/rest")" = 201 ]
	done
}

something_came() { [ -n "$(find "$T/root/registry/uploads" -type f -size +3k)" ]; }

# A PATCH of nothing is refused as long as another request has the upload.
upload_is_free() { [ "$(status "$1" -X PATCH --data-binary "")" = 202 ]; }

@test "SIGTERM: a pull that runs is finished, a new one is not served" {
	registry_start
	head -c 3000000 /dev/urandom >"$T/data"
	push_file a "$T/data"
	curl -sS --limit-rate 1500k -o "$T/got" "http://$REG/v2/a/blobs/sha256:$(sha "$T/data")" 3>&- &
	pull=$!
	wait_for test -s "$T/got"
	kill -TERM "$REG_PID"
	wait_for not_listening
	wait "$pull"
	cmp "$T/got" "$T/data"
	wait "$REG_PID"
}

not_listening() { ! curl -s -o /dev/null --max-time 5 "http://$REG/healthz"; }

@test "htpasswd: who may not is asked, or refused; SIGHUP reads the file again" {
	command -v htpasswd >/dev/null || skip "no htpasswd"
	htpasswd -nbBC 4 alice secret >"$T/users"
	registry_start --auth htpasswd --htpasswd "$T/users"
	[ "$(status /v2/)" = 401 ]
	[[ $(header www-authenticate) == Basic* ]]
	[ "$(jq -r '.errors[0].code' "$T/body")" = UNAUTHORIZED ]
	[ "$(status /v2/ -u alice:secret)" = 200 ]
	[ "$(status /v2/ -u alice:wrong)" = 401 ]
	[ "$(status /v2/ -u bob:secret)" = 401 ]
	[ "$(status /v2/ -H 'Authorization: Basic ???')" = 401 ]
	[ "$(status /healthz)" = 200 ]
	small_image a v1 -u alice:secret
	[ "$(status /v2/a/manifests/v1)" = 401 ]
	[ "$(status /v2/a/manifests/v1 -u alice:secret)" = 200 ]
	htpasswd -nbBC 4 bob other >"$T/users"
	kill -HUP "$REG_PID"
	wait_for status_is 200 /v2/ -u bob:other
	[ "$(status /v2/ -u alice:secret)" = 401 ]
	echo nonsense >"$T/users"
	kill -HUP "$REG_PID"
	wait_for grep -q "not reloaded" "$T/serve.err"
	[ "$(status /v2/ -u bob:other)" = 200 ]
}

status_is() {
	local want=$1
	shift
	[ "$(status "$@")" = "$want" ]
}

@test "rules: anonymous pulls, users, groups, actions; the catalog shows what may be pulled" {
	command -v htpasswd >/dev/null || skip "no htpasswd"
	{ htpasswd -nbBC 4 alice a; htpasswd -nbBC 4 bob b; } >"$T/users"
	cat >"$T/rules" <<-END
		groups: {ops: [alice]}
		rules:
		- repositories: ["**"]
		  groups: [ops]
		  actions: ["*"]
		- repositories: ["public/*"]
		  anonymous: true
		  actions: [pull]
		- repositories: ["bob/*"]
		  users: [bob]
		  actions: [pull, push]
	END
	registry_start --auth htpasswd --htpasswd "$T/users" --rules "$T/rules"
	for repo in public/a bob/a secret; do small_image $repo v1 -u alice:a; done
	[ "$(status /v2/public/a/manifests/v1)" = 200 ]
	[ "$(status /v2/public/a/manifests/v1 -X DELETE)" = 401 ]
	[ "$(status /v2/secret/manifests/v1)" = 401 ]
	[ "$(status /v2/secret/manifests/v1 -u bob:b)" = 403 ]
	small_image bob/a v2 -u bob:b
	[ "$(status /v2/bob/a/manifests/v2 -u bob:b -X DELETE)" = 403 ]
	[ "$(status /v2/bob/a/manifests/v2 -u alice:a -X DELETE)" = 202 ]
	[ "$(get /v2/_catalog -u bob:b | jq -c .repositories)" = '["bob/a","public/a"]' ]
	[ "$(get /v2/_catalog -u alice:a | jq -c .repositories)" = '["bob/a","public/a","secret"]' ]
	# what bob may not pull he may not mount either
	digest=$(get /v2/secret/manifests/v1 -u alice:a | jq -r .config.digest)
	[ "$(status "/v2/bob/a/blobs/uploads/?mount=$digest&from=secret" -X POST -u bob:b)" = 202 ]
}

@test "token server: docker's way from 401 to a token of the right scope" {
	command -v htpasswd >/dev/null || skip "no htpasswd"
	htpasswd -nbBC 4 alice secret >"$T/users"
	registry_start --auth token --htpasswd "$T/users"
	[ "$(status /v2/a/manifests/v1)" = 401 ]
	[ "$(header www-authenticate)" = \
		"Bearer realm=\"http://$REG/token\",service=\"davit-registry\",scope=\"repository:a:pull\"" ]
	[ "$(status '/token?scope=repository:a:pull' -u alice:wrong)" = 401 ]
	token=$(get '/token?service=davit-registry&scope=repository:a:pull,push' -u alice:secret | jq -r .token)
	small_image a v1 -H "Authorization: Bearer $token"
	[ "$(status /v2/a/manifests/v1 -X DELETE -H "Authorization: Bearer $token")" = 401 ]
	[ "$(status /v2/b/tags/list -H "Authorization: Bearer $token")" = 401 ]
	[ "$(status /v2/a/manifests/v1 -H "Authorization: Bearer ${token%??????????}AAAAAAAAAA")" = 401 ]
	[ "$(status /v2/a/manifests/v1 -u alice:secret)" = 401 ]
	token=$(get '/token?scope=repository:a:pull' | jq -r .token)
	[ "$(status /v2/a/manifests/v1 -H "Authorization: Bearer $token")" = 401 ]
	command -v skopeo >/dev/null || return 0
	run -0 skopeo inspect --raw --tls-verify=false --creds alice:secret "docker://$REG/a:v1"
	# another key: no token of before is good
	token=$(get '/token?scope=repository:a:pull' -u alice:secret | jq -r .token)
	[ "$(status /v2/a/manifests/v1 -H "Authorization: Bearer $token")" = 200 ]
	registry_stop
	rm "$T/root/registry/token.key"
	registry_start --auth token --htpasswd "$T/users"
	[ "$(status /v2/a/manifests/v1 -H "Authorization: Bearer $token")" = 401 ]
}

# certificate NAME SUBJECT: $T/NAME.pem and $T/NAME.key, signed by $T/ca.
certificate() {
	[ -e "$T/ca.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca \
		-keyout "$T/ca.key" -out "$T/ca.pem" 2>/dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" -keyout "$T/$1.key" -out "$T/$1.csr" 2>/dev/null
	printf 'subjectAltName=IP:127.0.0.1\n' >"$T/ext"
	openssl x509 -req -in "$T/$1.csr" -CA "$T/ca.pem" -CAkey "$T/ca.key" -CAcreateserial -days 2 -extfile "$T/ext" \
		-out "$T/$1.new" 2>/dev/null
	mv "$T/$1.new" "$T/$1.pem"
}

serial() { openssl s_client -connect "$REG" </dev/null 2>/dev/null | openssl x509 -noout -serial; }
serial_is_not() { [ "$(serial)" != "$1" ]; }

@test "TLS, another certificate while it serves, names from certificates" {
	certificate server /CN=server
	certificate alice /CN=alice
	certificate bob /CN=bob
	cat >"$T/rules" <<-END
		rules:
		- {repositories: ["**"], users: [alice], actions: [pull, push, delete]}
		- {repositories: ["**"], users: [bob], actions: [pull]}
	END
	registry_start --tls-cert "$T/server.pem" --tls-key "$T/server.key" --tls-client-ca "$T/ca.pem" --rules "$T/rules"
	SCHEME=https
	ALICE="--cacert $T/ca.pem --cert $T/alice.pem --key $T/alice.key"
	BOB="--cacert $T/ca.pem --cert $T/bob.pem --key $T/bob.key"
	small_image a v1 $ALICE
	[ "$(status /v2/a/manifests/v1 $BOB)" = 200 ]
	[ "$(status /v2/a/manifests/v1 $BOB -X DELETE)" = 403 ]
	run curl -sS --cacert "$T/ca.pem" "https://$REG/v2/"
	[ "$status" != 0 ]
	before=$(openssl x509 -noout -serial -in "$T/server.pem")
	certificate server /CN=server
	kill -HUP "$REG_PID"
	wait_for serial_is_not "$before"
	[ "$(status /v2/a/manifests/v1 $ALICE)" = 200 ]
	head -c 2000000 /dev/urandom >"$T/data"
	for version in --http1.1 --http2; do
		push_file "a$version" "$T/data" $ALICE $version
		get "/v2/a$version/blobs/sha256:$(sha "$T/data")" $BOB $version | cmp - "$T/data"
		[[ $(head -n 1 "$T/head") == HTTP/${version#--http}* ]]
	done
}

@test "collection: loose blobs, untagged manifests, dry run; pulls and pushes go on" {
	registry_start
	small_image a v1
	small_image a v2
	echo loose >"$T/loose"
	push_file a "$T/loose"
	untagged=$(header docker-content-digest)
	digest=sha256:$(sha "$T/manifest.json")
	[ "$(status /v2/a/manifests/v2 -X DELETE)" = 202 ]
	gc() { "$DAVIT_BUILD/davit-image" registry gc --root "$T/root" --format json "$@" | jq -rc '[.deleted[].digest] | sort'; }
	loose=sha256:$(sha "$T/loose")
	config=$(jq -r .config.digest "$T/manifest.json")
	[ "$(gc)" = '[]' ]
	[ "$(gc --grace 0 --dry-run)" = "[\"$loose\"]" ]
	[ "$(gc --grace 0 --dry-run --delete-untagged)" = "$(jq -nc '$ARGS.positional | sort' --args "$loose" "$digest" "$config")" ]
	[ "$(gc --grace 0)" = "[\"$loose\"]" ]
	[ "$(status "/v2/a/blobs/$loose")" = 404 ]
	[ "$(status "/v2/a/manifests/$digest")" = 200 ]
	[ ! -e "$T/root/blobs/sha256/${loose#*:}" ]
	[ "$(gc --grace 0 --delete-untagged)" = "$(jq -nc '$ARGS.positional | sort' --args "$digest" "$config")" ]
	[ "$(status "/v2/a/manifests/$digest")" = 404 ]
	[ ! -e "$T/root/blobs/sha256/${config#*:}" ]
	[ "$(status /v2/a/manifests/v1)" = 200 ]
	push_file a "$T/loose"
	[ "$(status "/v2/a/blobs/$loose")" = 200 ]
}

@test "the server collects by itself" {
	registry_start --gc-interval 1s --gc-grace 1s
	echo loose >"$T/loose"
	push_file a "$T/loose"
	# asking for it would keep it
	wait_for test ! -e "$T/root/blobs/sha256/$(sha "$T/loose")"
	[ "$(status "/v2/a/blobs/sha256:$(sha "$T/loose")")" = 404 ]
}

@test "blobs are shared with the engine: a push is a link, and each keeps what it needs" {
	registry_start
	make_rootfs "$T/rootfs"
	tar -C "$T/rootfs" -cf "$T/layer.tar" .
	push_file a "$T/layer.tar"
	inode=$(stat -c %i "$T/root/blobs/sha256/$(sha "$T/layer.tar")")
	push_file b "$T/layer.tar"
	[ "$(stat -c %i "$T/root/blobs/sha256/$(sha "$T/layer.tar")")" = "$inode" ]
	# the collector of the store knows of it
	[ "$(status "/v2/a/blobs/sha256:$(sha "$T/layer.tar")" -X DELETE)" = 202 ]
	"$DAVIT_BUILD/davit-image" registry gc --root "$T/root" --grace 1h >/dev/null
	get "/v2/b/blobs/sha256:$(sha "$T/layer.tar")" | cmp - "$T/layer.tar"
	blobs_verify
}

@test "limits: uploads of a repository and of a peer, size of a blob, delete refused" {
	registry_start --uploads-per-repo 2 --uploads-per-peer 3 --blob-max 1000 --no-delete
	[ "$(status /v2/a/blobs/uploads/ -X POST)" = 202 ]
	[ "$(status /v2/a/blobs/uploads/ -X POST)" = 202 ]
	location=$(header location)
	[ "$(status /v2/a/blobs/uploads/ -X POST)" = 429 ]
	[ "$(status /v2/b/blobs/uploads/ -X POST)" = 202 ]
	[ "$(status /v2/b/blobs/uploads/ -X POST)" = 429 ]
	[ "$(jq -r '.errors[0].code' "$T/body")" = TOOMANYREQUESTS ]
	[ "$(status "$location" -X DELETE)" = 204 ]
	[ "$(status /v2/b/blobs/uploads/ -X POST)" = 202 ]
	location=$(header location)
	head -c 1001 /dev/zero >"$T/large"
	[ "$(status "$location" -X PATCH --data-binary "@$T/large")" = 413 ]
	head -c 600 /dev/zero >"$T/half"
	[ "$(status "$location" -X PATCH --data-binary "@$T/half")" = 202 ]
	[ "$(status "$location" -X PATCH --data-binary "@$T/half")" = 413 ]
	[ "$(status "$location" -X PATCH -T "$T/large" -H 'Transfer-Encoding: chunked')" = 413 ]
	small_image a v1
	[ "$(status /v2/a/manifests/v1 -X DELETE)" = 405 ]
}

@test "sixteen clients that say nothing and one that speaks slowly do not keep others waiting" {
	registry_start --connections-per-peer 20
	for i in $(seq 16); do
		exec {fd}<>"/dev/tcp/${REG%:*}/${REG#*:}"
		printf 'GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Slow: ' >&"$fd"
	done
	small_image a v1
	[ "$(status /v2/a/manifests/v1)" = 200 ]
}

@test "a full disk: 507, and what was there goes on" {
	mkdir "$T/root"
	mount -t tmpfs -o size=6m none "$T/root"
	registry_start
	small_image a v1
	head -c 8000000 /dev/urandom >"$T/data"
	code=$(status "/v2/a/blobs/uploads/?digest=sha256:$(sha "$T/data")" -X POST --data-binary "@$T/data")
	detail=$(cat "$T/body")
	[ "$(status /v2/a/manifests/v1)" = 200 ]
	small_image a v2
	left=$(ls "$T/root/registry/uploads")
	registry_stop
	umount "$T/root"
	[ "$code" = 507 ]
	[[ $detail == *"storage is full"* ]]
	[ -z "$left" ]
}

@test "figures, health, the access log as JSON" {
	registry_start --log-format json
	small_image a v1
	[ "$(status /v2/a/manifests/v1)" = 200 ]
	[ "$(status /v2/a/manifests/v1)" = 200 ]
	[ "$(status /v2/a/manifests/none)" = 404 ]
	[ "$(status /healthz)" = 200 ]
	get /metrics >"$T/metrics"
	grep -q '^davit_registry_requests_total{route="manifest",method="GET",code="2xx"} 2$' "$T/metrics"
	grep -q '^davit_registry_requests_total{route="manifest",method="GET",code="4xx"} 1$' "$T/metrics"
	grep -q '^davit_registry_uploads_completed_total 1$' "$T/metrics"
	grep -q '^davit_registry_repositories 1$' "$T/metrics"
	grep -q '^davit_registry_manifest_cache_hits_total [1-9]' "$T/metrics"
	registry_stop
	[ "$(jq -r 'select(.path == "/v2/a/manifests/none") | "\(.method) \(.status)"' "$T/access.log")" = "GET 404" ]
	jq -es 'all(.[]; .usec >= 0 and .peer == "127.0.0.1")' "$T/access.log" >/dev/null
}

@test "foreign text in a log line stays in its quotes" {
	registry_start
	[ "$(status '/v2/%0a%22x/tags/list' -A $'a"b\tc')" != 200 ]
	registry_stop
	[ "$(wc -l <"$T/access.log")" = 1 ]
	grep -q '"/v2/%0a%22x/tags/list"' "$T/access.log"
	grep -q '"a\\x22b' "$T/access.log"
}
