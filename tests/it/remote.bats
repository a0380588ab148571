# The registry client against Debian's docker-registry: plain, TLS, htpasswd, tokens; mirrors.

load lib
load remote

setup() {
	it_setup
	need docker-registry openssl
	make_conf
}

teardown() {
	stop_servers
	it_teardown
}

manifest_of() {	# CONFIG LAYER
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"%s","digest":"%s","size":%d},"layers":[{"mediaType":"%s","digest":"%s","size":%d}]}' \
		application/vnd.oci.image.config.v1+json "$(sha256_of "$1")" "$(stat -c %s "$1")" \
		application/vnd.oci.image.layer.v1.tar "$(sha256_of "$2")" "$(stat -c %s "$2")"
}

# push_something OPTIONS... NAME: an image with a layer of 9 MB, tagged v1.
push_something() {
	local name=${*: -1}
	[ -e "$T/layer" ] || head -c 9000001 /dev/urandom >"$T/layer"
	printf '{}' >"$T/config"
	manifest_of "$T/config" "$T/layer" >"$T/manifest"
	drive "${@:1:$#-1}" put "$name" "$T/layer" stream
	drive "${@:1:$#-1}" put "$name" "$T/config"
	drive "${@:1:$#-1}" put_manifest "$name" v1 application/vnd.oci.image.manifest.v1+json "$T/manifest"
}

@test "push and pull: manifests, blobs in one piece and in pieces, ranges, mounts, tags" {
	docker_registry reg
	local name=$reg/team/app
	run -0 push_something --tls-verify=false "$name"
	local layer=$(sha256_of "$T/layer")
	run -0 drive --tls-verify=false manifest "$name" v1
	[ "${lines[0]}" = "$(sha256_of "$T/manifest") application/vnd.oci.image.manifest.v1+json" ]
	[ "${lines[1]}" = "$(cat "$T/manifest")" ]
	run -0 drive --tls-verify=false head "$name" v1
	[ "$output" = "$(sha256_of "$T/manifest") application/vnd.oci.image.manifest.v1+json $(stat -c %s "$T/manifest")" ]
	run -0 drive --tls-verify=false blob "$name" "$layer" 9000001 0 "$T/out"
	cmp "$T/layer" "$T/out"
	run -0 drive --tls-verify=false blob "$name" "$layer" - 8000000 "$T/out"
	cmp <(tail -c +8000001 "$T/layer") "$T/out"
	run -0 drive --tls-verify=false exists "$name" "$layer"
	[ "$output" = "yes 9000001" ]
	run -0 drive --tls-verify=false exists "$reg/other" "$layer"
	[ "$output" = "no -1" ]
	run -0 drive --tls-verify=false mount "$reg/other" "$layer" team/app
	[ "$output" = "mounted yes" ]
	run -0 drive --tls-verify=false exists "$reg/other" "$layer"
	[ "$output" = "yes 9000001" ]
	run -0 drive --tls-verify=false mount "$reg/other" "sha256:$(printf '0%.0s' {1..64})" team/app
	[ "$output" = "mounted no" ]
	run -0 drive --tls-verify=false put_manifest "$name" v2 application/vnd.oci.image.manifest.v1+json "$T/manifest"
	run -0 drive --tls-verify=false tags "$name"
	[ "$output" = $'v1\nv2' ]
	run -0 drive --tls-verify=false read "$name" "$(sha256_of "$T/config")"
	[ "$output" = "{}" ]
	run -0 drive --tls-verify=false many "$name" v1 10
	[ "$output" = 80 ]
	run -0 drive --tls-verify=false delete "$name" "$(sha256_of "$T/manifest")"
	run -66 drive --tls-verify=false manifest "$name" v1
	[[ "$output" == *"$name:v1: manifest: registry answered 404: no such manifest"* ]]
	run -0 drive --tls-verify=false delete_blob "$name" "$layer"
	run -66 drive --tls-verify=false blob "$name" "$layer" 9000001 0 "$T/out"
	[[ "$output" == *"$name@$layer: blob: registry answered 404: no such blob"* ]]
}

@test "what skopeo pushed can be read, and ours by skopeo; an empty blob and one of a single byte" {
	need skopeo umoci
	docker_registry reg
	run -0 push_something --tls-verify=false "$reg/app"
	run -0 skopeo inspect --tls-verify=false --raw "docker://$reg/app:v1"
	[ "$output" = "$(cat "$T/manifest")" ]
	umoci init --layout "$T/layout" && umoci new --image "$T/layout:x"
	run -0 skopeo copy --insecure-policy --dest-tls-verify=false "oci:$T/layout:x" "docker://$reg/from/skopeo:1"
	run -0 drive --tls-verify=false manifest "$reg/from/skopeo" 1
	[[ "${lines[0]}" == *" application/vnd.oci.image.manifest.v1+json" ]]
	: >"$T/empty"
	printf x >"$T/one"
	local file how
	for file in empty one; do
		for how in plain stream once stream-once; do
			run -0 drive --tls-verify=false put "$reg/from/$file$how" "$T/$file" "$how"
			[ "$output" = "$(sha256_of "$T/$file")" ]
			run -0 drive --tls-verify=false blob "$reg/from/$file$how" "$(sha256_of "$T/$file")" - 0 "$T/out"
			cmp "$T/$file" "$T/out"
		done
	done
}

@test "referrers: the tag stands in for the API that this registry lacks" {
	docker_registry reg
	run -0 push_something --tls-verify=false "$reg/app"
	local subject=$(sha256_of "$T/manifest")
	run -0 drive --tls-verify=false referrers "$reg/app" "$subject"
	[ "$output" = "[]" ]
	local a="sha256:$(printf 'a%.0s' {1..64})" b="sha256:$(printf 'b%.0s' {1..64})"
	# docker-registry wants what an index lists to exist: the image itself serves
	run -0 drive --tls-verify=false refer "$reg/app" "$subject" "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"$subject\",\"size\":$(stat -c %s "$T/manifest"),\"artifactType\":\"sig/x\"}"
	run -0 drive --tls-verify=false refer "$reg/app" "$subject" "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"$subject\",\"size\":$(stat -c %s "$T/manifest"),\"artifactType\":\"sig/x\"}"
	run -0 drive --tls-verify=false referrers "$reg/app" "$subject"
	[ "$(jq length <<<"$output")" = 1 ]
	[ "$(jq -r '.[0].digest' <<<"$output")" = "$subject" ]
	run -0 drive --tls-verify=false referrers "$reg/app" "$subject" sig/x
	[ "$(jq length <<<"$output")" = 1 ]
	run -0 drive --tls-verify=false referrers "$reg/app" "$subject" sig/y
	[ "$output" = "[]" ]
}

@test "TLS: certs.d, --cert-dir, an authority that is not ours, --tls-verify=false" {
	make_ca
	make_cert server
	docker_registry reg "http: {addr: \"127.0.0.1:0\", tls: {certificate: $T/server.crt, key: $T/server.key}}"
	run -69 drive manifest "$reg/app" v1
	[[ "$output" == *"$reg/app:v1: manifest: "*certificate* ]]
	mkdir "$T/certs"
	cp "$T/ca.crt" "$T/certs/"
	run -0 push_something --cert-dir "$T/certs" "$reg/app"
	mkdir -p "$T/home/.config/containers/certs.d/$reg"
	cp "$T/ca.crt" "$T/home/.config/containers/certs.d/$reg/"
	HOME=$T/home run -0 drive manifest "$reg/app" v1
	run -0 drive --tls-verify=false manifest "$reg/app" v1
	printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$reg" >"$T/registries.conf"
	run -0 drive manifest "$reg/app" v1
	run -69 drive --tls-verify manifest "$reg/app" v1
	cp "$T/ca.key" "$T/certs/lonely.key"
	run -64 drive --cert-dir "$T/certs" manifest "$reg/app" v1
	[[ "$output" == *"lonely.key has no lonely.cert beside it"* ]]
}

@test "TLS with a certificate of ours" {
	make_ca
	make_cert server
	make_cert client
	docker_registry reg "http: {addr: \"127.0.0.1:0\", tls: {certificate: $T/server.crt, key: $T/server.key, clientcas: [$T/ca.crt]}}"
	mkdir "$T/certs"
	cp "$T/ca.crt" "$T/certs/"
	run -69 drive --cert-dir "$T/certs" manifest "$reg/app" v1
	cp "$T/client.crt" "$T/certs/client.cert"
	cp "$T/client.key" "$T/certs/client.key"
	run -0 push_something --cert-dir "$T/certs" "$reg/app"
}

@test "an expired certificate is refused and named so" {
	make_ca
	make_cert server -1
	hostile host --tls "$T/server.crt" "$T/server.key"
	mkdir "$T/certs"
	cp "$T/ca.crt" "$T/certs/"
	run -69 drive --cert-dir "$T/certs" manifest "$host/good" v1
	[[ "$output" == *"$host/good:v1: manifest: "*"certificate has expired"* ]]
	[ "$(requests host .)" = 0 ]
}

@test "htpasswd: login, wrong password, logout, credentials by path, --creds" {
	need htpasswd
	htpasswd -Bbn user secret >"$T/htpasswd" 2>/dev/null
	docker_registry reg "auth: {htpasswd: {realm: test, path: $T/htpasswd}}"
	local login="timeout 300 davit-image login --authfile $T/auth.json --tls-verify=false"
	run -77 drive --tls-verify=false manifest "$reg/app" v1
	[[ "$output" == *"$reg/app:v1: manifest: registry answered 401: log in first"* ]]
	run -1 $login -u user --password-stdin "$reg" <<<wrong
	[[ "$output" == *"$reg: login: registry answered 401: wrong user name or password"* ]]
	[ ! -e "$T/auth.json" ]
	run -0 $login -u user --password-stdin "$reg" <<<secret
	[ "$output" = "Login Succeeded!" ]
	[ "$(stat -c %a "$T/auth.json")" = 600 ]
	run -0 $login --get-login "$reg"
	[ "$output" = user ]
	run -0 $login "$reg"
	[[ "$output" == *"Already logged in to $reg" ]]
	run -0 push_something --tls-verify=false "$reg/app"
	run -0 drive --tls-verify=false --creds user:secret manifest "$reg/app" v1
	run -77 drive --tls-verify=false --creds user:wrong manifest "$reg/app" v1
	[[ "$output" == *"401: wrong user name or password"* ]]
	run -77 drive --tls-verify=false --no-creds manifest "$reg/app" v1
	run -0 timeout 300 davit-image logout --authfile "$T/auth.json" "$reg"
	[ "$output" = "Removed login credentials for $reg" ]
	run -1 timeout 300 davit-image logout --authfile "$T/auth.json" "$reg"
	[[ "$output" == *"not logged into $reg"* ]]
	run -1 $login --get-login "$reg"
	run -0 timeout 300 davit-image login --authfile "$T/auth.json" --tls-verify=false -u user --password-stdin "$reg/ap" <<<secret
	run -77 drive --tls-verify=false manifest "$reg/app" v1
	run -0 timeout 300 davit-image login --authfile "$T/auth.json" --tls-verify=false -u user --password-stdin "$reg/app" <<<secret
	run -0 drive --tls-verify=false manifest "$reg/app" v1
	run -0 timeout 300 davit-image logout --authfile "$T/auth.json" --all
	[ "$output" = "Removed login credentials for all registries" ]
	run -77 drive --tls-verify=false manifest "$reg/app" v1
}

@test "skopeo's login is ours too, and ours skopeo's" {
	need skopeo
	need htpasswd
	htpasswd -Bbn user secret >"$T/htpasswd" 2>/dev/null
	docker_registry reg "auth: {htpasswd: {realm: test, path: $T/htpasswd}}"
	run -0 skopeo login --authfile "$T/auth.json" --tls-verify=false -u user -p secret "$reg"
	run -0 timeout 300 davit-image login --authfile "$T/auth.json" --get-login "$reg"
	[ "$output" = user ]
	run -0 push_something --tls-verify=false "$reg/app"
	run -0 timeout 300 davit-image logout --authfile "$T/auth.json" "$reg"
	run -0 timeout 300 davit-image login --authfile "$T/auth.json" --tls-verify=false -u user --password-stdin "$reg" <<<secret
	run -0 skopeo inspect --authfile "$T/auth.json" --tls-verify=false --raw "docker://$reg/app:v1"
	run -0 timeout 300 davit-image logout --authfile "$T/auth.json" "$reg"
	run -1 skopeo login --authfile "$T/auth.json" --get-login "$reg"
}

@test "login at a terminal: the password does not appear, and the echo comes back" {
	need htpasswd
	htpasswd -Bbn user secret >"$T/htpasswd" 2>/dev/null
	docker_registry reg "auth: {htpasswd: {realm: test, path: $T/htpasswd}}"
	run -0 timeout 300 python3 "$DAVIT_SOURCE/tests/it/typist.py" "Username: =user" "Password: =secret" -- \
		davit-image login --authfile "$T/auth.json" --tls-verify=false "$reg"
	[[ "$output" == *"Login Succeeded!"*"echo is on"* ]]
	[[ "$output" == *"Username: user"* ]]
	[[ "$output" != *secret* ]]
	run -0 davit-image login --authfile "$T/auth.json" --get-login "$reg"
	[ "$output" = user ]
	# interrupted in front of the password
	run -0 timeout 300 python3 "$DAVIT_SOURCE/tests/it/typist.py" "Username: =user" $'Password: =\x03' -- \
		davit-image login --authfile "$T/none.json" --tls-verify=false "$reg"
	[[ "$output" == *"ended by signal 2"*"echo is on"* ]]
	run -1 davit-image login --authfile "$T/none.json" --tls-verify=false "$reg" </dev/null
	[[ "$output" == *"at a terminal"* ]]
}

@test "tokens: scopes for pull, push, mount and delete; a password by GET, an identity token by POST" {
	make_ca
	make_cert signer
	start_server "$T/tokens.log" python3 "$DAVIT_SOURCE/tests/it/tokens.py" "$T/tokens" "$T/signer.crt" "$T/signer.key"
	wait_for test -s "$T/tokens/port"
	local realm=http://127.0.0.1:$(cat "$T/tokens/port")/token
	docker_registry reg "auth: {token: {realm: \"$realm\", service: test, issuer: tester, rootcertbundle: $T/ca.crt}}"
	run -77 drive --tls-verify=false manifest "$reg/private/app" v1
	run -77 drive --tls-verify=false --creds user:wrong manifest "$reg/private/app" v1
	[[ "$output" == *"$reg/private/app:v1: manifest: token server "*"answered 401: wrong user name or password"* ]]
	run -1 timeout 300 davit-image login --authfile "$T/auth.json" --tls-verify=false -u user --password-stdin "$reg" <<<wrong
	run -0 timeout 300 davit-image login --authfile "$T/auth.json" --tls-verify=false -u user --password-stdin "$reg" <<<secret
	run -0 push_something --tls-verify=false "$reg/private/app"
	run -0 drive --tls-verify=false manifest "$reg/private/app" v1
	run -0 drive --tls-verify=false mount "$reg/private/other" "$(sha256_of "$T/layer")" private/app
	[ "$output" = "mounted yes" ]
	grep -q 'GET scope=repository:private/other:pull,push scope=repository:private/app:pull user' "$T/tokens/asked"
	# many calls, one token
	local before=$(wc -l <"$T/tokens/asked")
	run -0 drive --tls-verify=false many "$reg/private/app" v1 5
	[ $(($(wc -l <"$T/tokens/asked") - before)) = 1 ]
	run -0 drive --tls-verify=false delete "$reg/private/app" "$(sha256_of "$T/manifest")"
	# one that is not taken is asked for again, once
	touch "$T/tokens/spoil"
	run -0 drive --tls-verify=false tags "$reg/private/app"
	[ ! -e "$T/tokens/spoil" ]
	# without credentials: what is public
	run -0 push_something --tls-verify=false "$reg/public/app"
	run -0 drive --tls-verify=false --no-creds manifest "$reg/public/app" v1
	run -77 drive --tls-verify=false --no-creds delete "$reg/public/app" "$(sha256_of "$T/manifest")"
	# an identity token
	printf '{"auths":{"%s":{"auth":"%s","identitytoken":"idtoken"}}}' "$reg" "$(printf 'user:' | base64)" >"$T/auth.json"
	run -0 drive --pull --tls-verify=false manifest "$reg/public/app" v1
	grep -q 'POST scope=repository:public/app:pull idtoken' "$T/tokens/asked"
	# a registry token instead
	run -77 drive --tls-verify=false --token nonsense manifest "$reg/public/app" v1
	[[ "$output" == *"401: the credentials do not allow this"* ]]
	[[ "$output" != *nonsense* ]]
}

@test "mirrors: the first that has it, the registry when none; credentials stay at home" {
	docker_registry home
	docker_registry near
	hostile broken
	run -0 push_something --tls-verify=false "$near/cache/app"
	cat >"$T/registries.conf" <<-END
		[[registry]]
		location = "$home"
		insecure = true
		[[registry.mirror]]
		location = "$broken"
		insecure = true
		[[registry.mirror]]
		location = "$near/cache"
		insecure = true
	END
	run -0 drive --pull --creds user:secret manifest "$home/app" v1
	[[ "$output" == *"mirror: $broken/app:v1: manifest: "*"no such repository"* ]]
	[ "$(requests broken .)" -ge 2 ]
	[ "$(requests broken Basic)" = 0 ]
	run -66 drive --pull manifest "$home/app" v2
	[[ "${lines[-1]}" == *"$home/app:v2: manifest: registry answered 404"* ]]
	# blobs come from where the manifest was, or from whoever has them
	run -0 drive --pull blob "$home/app" "$(sha256_of "$T/layer")" 9000001 0 "$T/out"
	cmp "$T/layer" "$T/out"
	# a push goes to the registry itself
	run -0 push_something "$home/app"
	run -0 drive manifest "$home/app" v1
	printf '[[registry]]\nlocation = "%s"\nblocked = true\n' "$home" >"$T/registries.conf"
	run -77 drive --pull manifest "$home/app" v1
	[[ "$output" == *"$home/app: registry $home is blocked in $T/registries.conf"* ]]
}
