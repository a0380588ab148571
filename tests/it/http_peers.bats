# http_peers.bats - our HTTP server with other people's clients: curl, nghttp, h2load, openssl.

load lib

setup() {
	it_setup
	"$DAVIT_BUILD/tests/it/http-serve" "$T" </dev/null >"$T/log" 2>&1 3>&- &
	SERVER=$!
	wait_for test -s "$T/ports"
	# shellcheck disable=SC1091
	. "$T/ports"
}

teardown() {
	kill "$SERVER" || :
	wait "$SERVER" || { cat "$T/log"; false; }
	it_teardown
}

# get OPTIONS... URL: the body, then the version of HTTP that curl spoke
get() { timeout 300 curl -sS --noproxy '*' --cacert "$T/ca.pem" -w ' %{http_version}' "$@"; }

# subject: of the certificate that is served now
subject() { timeout 300 openssl s_client -connect "$TLS" -CAfile "$T/ca.pem" </dev/null 2>/dev/null | sed -n 's/^subject=//p'; }

handshake() { timeout 300 openssl s_client -connect "$TLS" -CAfile "$T/ca.pem" -verify_return_error "$@" </dev/null 2>&1; }

@test "curl: each version, plain and with TLS" {
	[ "$(get "http://$PLAIN/show")" = "GET /show HTTP/1 http -
 1.1" ]
	[ "$(get --http2-prior-knowledge "http://$PLAIN/show")" = "GET /show HTTP/2 http -
 2" ]
	[ "$(get --http1.1 "https://$TLS/show")" = "GET /show HTTP/1 https -
 1.1" ]
	[ "$(get "https://$TLS/show")" = "GET /show HTTP/2 https -
 2" ]
}

@test "curl: bodies come back as they were, trailers behind them" {
	head -c 20000000 /dev/urandom >"$T/body"
	for how in "--http1.1 http://$PLAIN" "--http2-prior-knowledge http://$PLAIN" "--http1.1 https://$TLS" "--http2 https://$TLS"; do
		# shellcheck disable=SC2086
		get ${how% *} -w '' -o "$T/back" -D "$T/head" --data-binary "@$T/body" "${how#* }/echo"
		cmp "$T/body" "$T/back"
	done
	get --http2-prior-knowledge -v --data-binary x "http://$PLAIN/echo" 2>&1 | grep -i 'x-echoed: all'
}

@test "curl: 200 MB each way leave the server small" {
	for how in "--http1.1 http://$PLAIN" "--http2 https://$TLS"; do
		# shellcheck disable=SC2086
		[ "$(get ${how% *} -w '%{size_download}' -o /dev/null "${how#* }/big?n=200000000")" = 200000000 ]
		# shellcheck disable=SC2086
		head -c 200000000 /dev/zero |
			get ${how% *} -w '%{size_download}' -o /dev/null -T - -X POST "${how#* }/echo" | grep -qx 200000000
	done
	hwm=$(awk '/^VmHWM/ { print $2 }' "/proc/$SERVER/status")
	echo "peak memory $hwm KiB"
	# sanitizers have a shadow and a quarantine of their own
	[[ $DAVIT_BUILD == *asan* ]] || [ "$hwm" -lt 32768 ]
}

@test "curl: client certificates are asked for, checked, and told to the handler" {
	get --cert "$T/alice.pem" "https://$MTLS/show" | grep -Fx 'GET /show HTTP/2 https CN=alice,O=team'
	run get "https://$MTLS/show"
	[ "$status" -ne 0 ]
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/eve.pem" -out "$T/eve.crt" -days 2 -subj /CN=eve 2>/dev/null
	cat "$T/eve.crt" >>"$T/eve.pem"
	run get --cert "$T/eve.pem" "https://$MTLS/show"
	[ "$status" -ne 0 ]
}

@test "nghttp: a stream of its own for each of many requests" {
	timeout 300 nghttp -v "https://$TLS/hello" "https://$TLS/show" >"$T/out" 2>&1
	grep -q 'The negotiated protocol: h2' "$T/out"
	[ "$(grep -c ':status: 200' "$T/out")" = 2 ]
	timeout 300 nghttp -nv -d "$T/ports" "http://$PLAIN/echo" | grep 'x-echoed: all'
}

@test "h2load: thousands of requests over many streams" {
	for url in "http://$PLAIN/hello" "https://$TLS/hello" "https://$TLS/big?n=100000"; do
		timeout 300 h2load -n 3000 -c 10 -m 100 "$url" >"$T/out"
		grep 'status codes: 3000 2xx, 0 3xx, 0 4xx, 0 5xx' "$T/out"
		grep -q '3000 succeeded, 0 failed, 0 errored, 0 timeout' "$T/out"
	done
	timeout 300 h2load --h1 -n 3000 -c 10 "http://$PLAIN/hello" | grep 'status codes: 3000 2xx'
}

@test "openssl: versions, ciphers, ALPN, renegotiation" {
	handshake -alpn h2,http/1.1 | grep -x 'ALPN protocol: h2'
	handshake -alpn http/1.1 | grep -x 'ALPN protocol: http/1.1'
	handshake -tls1_3 | grep 'Verification: OK'
	handshake -tls1_2 | grep 'Verification: OK'
	run handshake -tls1_1 -cipher DEFAULT:@SECLEVEL=0
	[[ $output != *'Verification: OK'* || $output == *'Cipher is (NONE)'* ]]
	run handshake -tls1_2 -cipher AES128-SHA:AES256-SHA256
	[[ $output == *'Cipher is (NONE)'* ]]
	run handshake -alpn other
	[[ $output == *'no application protocol'* ]]
	# R on a line of its own asks for a renegotiation
	: >"$T/out"
	{ echo R; wait_for grep -qi 'no renegotiation' "$T/out" || :; } | timeout 300 openssl s_client -connect "$TLS" -tls1_2 >"$T/out" 2>&1 || :
	grep -i 'no renegotiation' "$T/out"
}

@test "certificates that are replaced are in use without a restart; broken ones are not" {
	[ "$(subject)" = 'CN = first' ]
	"$DAVIT_BUILD/tests/it/http-serve" "$T" second
	is_second() { [ "$(subject)" = 'CN = second' ]; }
	wait_for is_second
	get "https://$TLS/hello" | grep hello
	echo broken >"$T/s.pem"
	get "https://$TLS/hello" | grep hello
	"$DAVIT_BUILD/tests/it/http-serve" "$T" third
	is_third() { [ "$(subject)" = 'CN = third' ]; }
	wait_for is_third
}
