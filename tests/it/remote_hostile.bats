# The registry client against a registry that misbehaves (hostile.py): each way has one line here.

load lib
load remote

setup() {
	it_setup
	make_conf
	hostile host
	BLOB=$(sha256_of "$T/host/blob")
	SIZE=$(stat -c %s "$T/host/blob")
}

teardown() {
	stop_servers
	it_teardown
}

hdrive() { drive --tls-verify=false "$@"; }

# fetch REPOSITORY [OPTIONS]: its blob to $T/out.
fetch() { hdrive "${@:2}" blob "$host/$1" "$BLOB" "$SIZE" 0 "$T/out"; }

# expect_blob REPOSITORY REQUESTS [OPTIONS]: the blob comes whole, after so many requests.
expect_blob() {
	local before=$(requests host "/v2/$1/blobs/")
	run -0 fetch "$1" "${@:3}"
	cmp "$T/host/blob" "$T/out" || return 1
	[ $(($(requests host "/v2/$1/blobs/") - before)) = "$2" ] || { requests host "/v2/$1/"; return 1; }
}

# expect_refused REPOSITORY STATUS TEXT [OPTIONS]: one line that names repository and digest and has TEXT.
expect_refused() {
	run -"$2" fetch "$1" "${@:4}"
	[[ "$output" == *"remote-drive: $host/$1@$BLOB: blob: "*"$3"* ]] || { echo "$output"; return 1; }
}

@test "broken connections go on where they were" {
	expect_blob good 1
	expect_blob cut 4
	expect_blob cut_norange 2
	expect_blob noend 2
	# not for ever, when next to nothing comes each time
	expect_refused crumbs 69 "transfer closed with" --retries 6
	[ "$(requests host /v2/crumbs/blobs/)" = 7 ]
	run -0 hdrive blob "$host/cut" "$BLOB" - 0 "$T/out"
	cmp "$T/host/blob" "$T/out"
}

@test "ranges and sizes that lie" {
	expect_refused wrong_range 65 'bytes from 300000 on were asked for, "bytes 0-'
	expect_refused wrong_total 65 "the registry has 1024001 bytes, 1024000 are wanted"
	expect_refused long 65 "the registry has 1024004 bytes, 1024000 are wanted"
	expect_refused short 65 "the registry has 1023995 bytes, 1024000 are wanted"
	expect_refused extra 65 "more than the 1024000 bytes that are wanted"
	expect_refused fewer 64 "416"
}

@test "a blob whose bytes are others is noticed when it is read whole" {
	# of at most 1 MiB; the layers' digests are checked where they are written
	run -65 hdrive read "$host/bytes" "$BLOB"
	[[ "$output" == *"$host/bytes@$BLOB: blob: the content has digest sha256:"* ]]
	run -0 fetch bytes
	[[ "$output" != *"$BLOB"* ]]
}

@test "a registry that stalls, once and for ever" {
	expect_blob stall_once 2 --stall 3000
	expect_refused stall 75 "nothing moved for 500 ms" --stall 500 --retries 1
	[ "$(requests host /v2/stall/blobs/)" = 2 ]
}

@test "a byte now and then is a stall too" {
	expect_refused trickle 75 "nothing moved for 600 ms" --stall 600 --retries 0
}

@test "cancelled: while nothing comes, and in a pause" {
	local before=$EPOCHREALTIME repository
	for repository in stall dead; do
		hdrive --retries 20 --delay 60000 blob "$host/$repository" "$BLOB" "$SIZE" 0 "$T/out" >"$T/output" 2>&1 3>&- &
		wait_for requests host "/v2/$repository/blobs/"
		kill -INT "$(pgrep -P $!)"
		wait $! && return 1
		grep -q "remote-drive: .*cancelled" "$T/output"
	done
	[ $((${EPOCHREALTIME/./} - ${before/./})) -lt 50000000 ]
}

@test "busy, slow down, go away, dead" {
	expect_blob busy 3
	local before=$EPOCHREALTIME
	expect_blob slow_down 2
	[ $((${EPOCHREALTIME/./} - ${before/./})) -ge 1000000 ]
	expect_refused go_away 69 "429: too many requests (slow down)"
	[ "$(requests host /v2/go_away/blobs/)" = 1 ]
	expect_refused dead 69 "500: internal error" --retries 3
	[ "$(requests host /v2/dead/blobs/)" = 4 ]
	expect_refused dead 69 "500: internal error" --retries 0
	[ "$(requests host /v2/dead/blobs/)" = 5 ]
}

@test "redirects: in a circle, to nowhere, to a file, too many headers" {
	expect_refused loop 77 "more than 10 redirects"
	[ "$(requests host /v2/loop/blobs/)" = 11 ]
	expect_refused nowhere 64 "a redirect (307) without a location"
	expect_refused scheme 64 "redirect: "
	expect_refused headers 69 ""
}

@test "credentials do not follow a redirect, a next page, an upload or a mirror to another host" {
	hostile store
	hostile home --auth basic --other "http://$store"
	host=$home
	run -0 fetch far --creds user:secret
	cmp "$T/host/blob" "$T/out"
	[ "$(requests home 'Basic ')" -ge 1 ]
	[ "$(requests store "GET /v2/good/blobs/$BLOB?signed=1 -")" = 1 ]
	run -77 hdrive --creds user:secret tags "$home/tags_far"
	[[ "$output" == *"$home/tags_far: list tags: the next page is on another host ($store)"* ]]
	run -0 hdrive --creds user:secret put "$home/up_far" "$T/store/manifest"
	[ "$(requests store 'PUT /v2/up_far')" = 1 ]
	[ "$(requests store Basic)" = 0 ]
	run -77 drive --tls-verify=false --creds user:wrong manifest "$home/good" v1
	[[ "$output" == *"401: wrong user name or password"* ]]
	[[ "$output" != *"user:"* && "$output" != *Basic* ]]
}

@test "from https neither redirects nor tokens go over http" {
	make_ca
	make_cert server
	mkdir "$T/certs"
	cp "$T/ca.crt" "$T/certs/"
	hostile plain
	hostile secure --tls "$T/server.crt" "$T/server.key" --other "http://$plain"
	hostile asking --tls "$T/server.crt" "$T/server.key" --auth "bearer=http://$plain/token"
	run -0 drive --cert-dir "$T/certs" blob "$secure/cut" "$BLOB" "$SIZE" 0 "$T/out"
	cmp "$T/host/blob" "$T/out"
	run -77 drive --cert-dir "$T/certs" blob "$secure/far" "$BLOB" "$SIZE" 0 "$T/out"
	[[ "$output" == *"$secure/far@$BLOB: blob: a redirect from https to http ($plain) is not followed"* ]]
	run -77 drive --cert-dir "$T/certs" --creds user:secret manifest "$asking/good" v1
	[[ "$output" == *"$asking/good:v1: manifest: the token server $plain does not use https"* ]]
	[ "$(requests plain .)" = 0 ]
}

@test "token servers that make no sense" {
	hostile words --auth basic
	local realm
	for realm in "http://$host/v2/" "http://$words/v2/" "ftp://x/" "not a url"; do
		hostile asking --auth "bearer=$realm"
		run drive --tls-verify=false --creds user:secret manifest "$asking/good" v1
		[ "$status" = 64 ] || [ "$status" = 77 ]
		[[ "$output" == *"$asking/good:v1: manifest: "* ]]
		[[ "$output" != *secret* ]]
		kill "${SERVERS[-1]}"
		rm "$T/asking/port"
	done
}

@test "manifests: wrong digests, too large, refusals in other words" {
	local digest=$(sha256_of "$T/host/manifest")
	run -0 hdrive manifest "$host/good" v1
	[ "${lines[0]}" = "$digest application/vnd.oci.image.manifest.v1+json" ]
	run -0 hdrive manifest "$host/good" "$digest"
	run -65 hdrive manifest "$host/good" "$BLOB"
	[[ "$output" == *"$host/good@$BLOB: manifest: the content has digest $digest, not $BLOB"* ]]
	run -65 hdrive manifest "$host/digest" v1
	[[ "$output" == *"$host/digest:v1: manifest: the content has digest $digest"* ]]
	run -64 hdrive manifest "$host/no_digest" v1
	run -70 hdrive manifest "$host/huge" v1
	[[ "$output" == *"$host/huge:v1: manifest: the answer has more than 4194304 bytes"* ]]
	run -66 hdrive manifest "$host/html" v1
	[[ "$output" == *"$host/html:v1: manifest: registry answered 404: not found" ]]
	run -77 hdrive manifest "$host/control" v1
	[[ "$output" == *"$host/control:v1: manifest: registry answered 403: access denied (first second [2Jthird)" ]]
	run -64 hdrive manifest "$host/unknown_code" v1
	[[ "$output" == *"registry answered 418: "*"(short and stout)" ]]
	run -0 hdrive manifest "$host/flaky" v1
	[ "$(requests host /v2/flaky/manifests/)" = 3 ]
	run -65 hdrive put_manifest "$host/put_digest" v1 x/y "$T/host/manifest"
	local bad
	for bad in '../x' 'a/b' '' '.a' 'a?b' 'sha256:12' 'a b' "$(printf 'a%.0s' {1..129})"; do
		run -64 hdrive manifest "$host/good" "$bad"
	done
}

@test "a registry that repeats what it was sent gets it into no message" {
	hostile home --auth basic
	run -77 drive --tls-verify=false --creds user:secret manifest "$home/echo" v1
	[[ "$output" == *"$home/echo:v1: manifest: registry answered 403: access denied" ]]
}

@test "tags: pages, none, and others than strings" {
	run -0 hdrive tags "$host/paged"
	[ "$output" = "$(printf 't%d\n' {0..11})" ]
	run -0 hdrive tags "$host/tags_null"
	[ "$output" = "" ]
	run -64 hdrive tags "$host/tags_bad"
	[[ "$output" == *"$host/tags_bad: list tags: a tag that is no string"* ]]
}

# upload REPOSITORY HOW [OPTIONS]: the host's blob twice and a half, so that there are several pieces.
upload() {
	[ -e "$T/big" ] || for _ in 1 2 3 4 5 6 7 8 9; do cat "$T/host/blob"; done >"$T/big"
	rm -f "$T/host/uploaded"
	hdrive "${@:3}" put "$host/$1" "$T/big" "$2"
}

@test "uploads go on where the registry is" {
	local how
	for how in plain once stream stream-once; do
		run -0 upload up_good $how
		cmp "$T/big" "$T/host/uploaded"
	done
	run -0 upload up_cut plain
	cmp "$T/big" "$T/host/uploaded"
	[[ "$output" == *"note: seek 300000"* ]]
	run -0 upload up_length stream
	cmp "$T/big" "$T/host/uploaded"
	[ "$(requests host 'PATCH /v2/up_length')" -ge 3 ]
	hostile more
	host=$more
	run -0 upload up_cut stream
	cmp "$T/big" "$T/more/uploaded"
	[[ "$output" == *"note: seek 300000"* ]]
	host=127.0.0.1:$(cat "$T/host/port")
	run -0 upload up_busy stream-once
	cmp "$T/big" "$T/host/uploaded"
	run -0 upload up_half stream-once
	cmp "$T/big" "$T/host/uploaded"
	run -0 upload up_416 stream-once
	cmp "$T/big" "$T/host/uploaded"
}

@test "pieces that broke off are sent again from where they broke" {
	run -0 upload up_cut stream-once
	cmp "$T/big" "$T/host/uploaded"
	[ "$(requests host 'PATCH /v2/up_cut')" -ge 4 ]
}

@test "a session that is gone begins again, if the source can" {
	run -0 upload up_lost plain
	cmp "$T/big" "$T/host/uploaded"
	[[ "$output" == *"note: seek 0"* ]]
	[ "$(requests host 'POST /v2/up_lost')" = 2 ]
	hostile again
	host=$again
	run -69 upload up_lost once
	[ ! -e "$T/again/uploaded" ]
	[[ "${lines[-1]}" == *"$host/up_lost@sha256:"*": push blob: "* ]]
}

@test "a registry that lies about what it has taken" {
	run -64 upload up_lies stream
	[[ "$output" == *"$host/up_lies: push blob: 9216000 bytes were sent, the registry says \"0-7\""* ]]
	run -64 upload up_lies stream-once
	[[ "$output" == *"$host/up_lies: push blob: bytes up to "*" were sent, the registry says \"0-7\""* ]]
}

@test "foreign layers come without credentials, and over https only" {
	hostile home --auth basic
	run -0 hdrive --creds user:secret url "http://$host/v2/cut/blobs/$BLOB" "$SIZE" "$T/out"
	cmp "$T/host/blob" "$T/out"
	[ "$(requests host 'Basic')" = 0 ]
	[ "$(requests host ' /v2/ ')" = 0 ]
	run -77 hdrive --creds user:secret url "http://$home/v2/good/blobs/$BLOB" "$SIZE" "$T/out"
	[ "$(requests home Basic)" = 0 ]
	run -77 drive url "http://$host/v2/good/blobs/$BLOB" "$SIZE" "$T/out"
	[[ "$output" == *"https is wanted"* ]]
	run -64 hdrive url "http://localhost:pw@$host/x" "$SIZE" "$T/out"
}

@test "through a proxy, except to this machine" {
	http_proxy=http://$host https_proxy=http://$host run -0 hdrive --pull manifest registry.example/good v1
	[ "$(requests host "GET http://registry.example/v2/good/manifests/v1 -")" = 1 ]
	hostile here
	http_proxy=http://$host https_proxy=http://$host run -0 hdrive manifest "$here/good" v1
	[ "$(requests here "GET /v2/good/manifests/v1 -")" = 1 ]
}

@test "no registry there, and one that does not speak https" {
	run -69 drive manifest "$host/good" v1
	[[ "$output" == *"$host/good:v1: manifest: the registry does not speak https (--tls-verify=false allows http)"* ]]
	stop_servers
	local before=$EPOCHREALTIME
	run -69 hdrive manifest "$host/good" v1
	[[ "$output" == *"$host/good:v1: manifest: Failed to connect to 127.0.0.1 port "* ]]
	[ $((${EPOCHREALTIME/./} - ${before/./})) -lt 5000000 ]
}
