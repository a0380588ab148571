# copy_hostile.bats - documents and blobs that lie: refused by copy, whatever the destination, and nothing appears.

load lib

setup() {
	it_setup
	cd "$T" || return 1
	MK=$DAVIT_SOURCE/tests/it/mklayout.py
}

copy() { timeout 300 "$DAVIT_BUILD/davit-image" --root "$T/root" copy -q "$@"; }

# expect_refused CASE DESTINATION...: each one fails with one line, and leaves nothing.
expect_refused() {
	local case=$1 to
	shift
	CANARY=$T "$MK" "$case" "$T/$case" >/dev/null
	mkdir -p out
	for to; do
		run copy --all "oci:$T/$case" "$to"
		echo "$case $to: $status $output"
		[ "$status" -eq 1 ]
		[ "$(wc -l <<<"$output")" -eq 1 ]
		[ -z "$(ls -A out)" ]
		[ -z "$(find . -maxdepth 2 -name '.*davit-*')" ]
	done
	[ ! -e root ] || [ -z "$(timeout 300 "$DAVIT_BUILD/davit" --root "$T/root" images -q)" ]
}

ALL="oci:out/o:x oci-archive:out/a:x docker-archive:out/d:x dir:out/p davit:x"

@test "digests and sizes that do not match" {
	for case in flip-manifest flip-config flip-layer wrong-size negative-size no-blob; do
		expect_refused $case $ALL
	done
}

@test "digests that are paths, or of another algorithm" {
	expect_refused digest-path $ALL
	expect_refused digest-md5 $ALL
}

@test "documents that are two things, indexes that are nested too deep" {
	expect_refused both $ALL
	expect_refused nested-indexes $ALL
}

@test "layers and configuration: their number, and where layers are unpacked also what they are" {
	expect_refused diff-count $ALL
	expect_refused layers-501 $ALL
	expect_refused huge-config $ALL
	expect_refused wrong-diff docker-archive:out/d:x davit:x
	expect_refused trailing-garbage docker-archive:out/d:x davit:x
	expect_refused cut-gzip docker-archive:out/d:x davit:x
}

# An index whose entry says more than the document, or too much.
make_index() {
	python3 - "$DAVIT_SOURCE/tests/it/mkcopy.py" "$T/$1" "$1" <<'END'
import hashlib, json, subprocess, sys
mk, out, what = sys.argv[1:]
subprocess.run([sys.executable, mk, out], check=True)
index = json.load(open(out + '/index.json'))
one = next(e for e in index['manifests'] if e.get('annotations', {}).get('org.opencontainers.image.ref.name') == 'one')
entry = {k: one[k] for k in ('mediaType', 'digest', 'size')}
if what == 'type':
    entry['mediaType'] = 'application/vnd.oci.image.index.v1+json'
elif what == 'size':
    entry['size'] += 1
elif what == 'large':
    entry['size'] = 5 << 20
entries = [entry] * 2001 if what == 'many' else [entry]
doc = {'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.index.v1+json', 'manifests': entries}
data = json.dumps(doc).encode()
digest = hashlib.sha256(data).hexdigest()
open(f'{out}/blobs/sha256/{digest}', 'wb').write(data)
index['manifests'] = [{'mediaType': doc['mediaType'], 'digest': 'sha256:' + digest, 'size': len(data)}]
open(out + '/index.json', 'w').write(json.dumps(index))
END
}

@test "an index that lies about type or size of an entry, or has too many" {
	for what in type size large many; do
		make_index $what
		run copy --all "oci:$T/$what" oci:o:x
		echo "$what: $status $output"
		[ "$status" -eq 1 ]
		[ ! -e o ]
	done
	[[ $output == *"2001 manifests, at most 2000"* ]]
}

@test "foreign urls are never followed" {
	python3 "$DAVIT_SOURCE/tests/it/mkcopy.py" L
	python3 - <<'END'
import hashlib, json, socket, subprocess, os, threading
index = json.load(open('L/index.json'))
one = next(e for e in index['manifests'] if e.get('annotations', {}).get('org.opencontainers.image.ref.name') == 'one')
doc = json.load(open('L/blobs/sha256/' + one['digest'][7:]))
server = socket.create_server(('127.0.0.1', 0))
server.setblocking(False)
layer = doc['layers'][0]
layer['mediaType'] = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'
layer['urls'] = ['http://127.0.0.1:%d/layer' % server.getsockname()[1]]
os.unlink('L/blobs/sha256/' + layer['digest'][7:])
data = json.dumps(doc).encode()
digest = hashlib.sha256(data).hexdigest()
open('L/blobs/sha256/' + digest, 'wb').write(data)
index['manifests'] = [{'mediaType': doc['mediaType'], 'digest': 'sha256:' + digest, 'size': len(data)}]
open('L/index.json', 'w').write(json.dumps(index))
run = lambda to: subprocess.run([os.environ['DAVIT_BUILD'] + '/davit-image', 'copy', '-q', 'oci:L', to], timeout=300).returncode
assert run('oci:O:x') == 1, 'a layout without the layer'
assert run('dir:D') == 0, 'the descriptor stays as it is'
try:
    server.accept()
    raise SystemExit('somebody asked the url')
except BlockingIOError:
    pass
END
	[ ! -e O ]
	jq -e '.layers[0].urls | length == 1' D/manifest.json
}

@test "a docker archive that lies" {
	mkdir d
	tar -C d -cf l.tar .
	echo '{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["sha256:'"$(printf '%064d' 0)"'"]}}' >d/c.json
	cp l.tar d/l.tar
	echo '[{"Config":"c.json","RepoTags":["x:1"],"Layers":["l.tar"]}]' >d/manifest.json
	tar -C d -cf diff.tar c.json l.tar manifest.json
	run copy docker-archive:diff.tar oci:O:x
	[ "$status" -eq 1 ]
	echo '[{"Config":"c.json","RepoTags":["x:1"],"Layers":["../../etc/passwd"]}]' >d/manifest.json
	tar -C d -cf path.tar c.json l.tar manifest.json
	run copy docker-archive:path.tar oci:O:x
	[ "$status" -eq 1 ]
	[[ $output == *"etc/passwd"* ]]
	[ ! -e O ]
}
