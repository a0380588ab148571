#!/usr/bin/env python3
"""mkcopy.py DIR - an OCI layout for copy.bats: images, an index of two platforms, an artifact, a referrer."""
import gzip, hashlib, io, json, os, sys, tarfile

OCI = 'application/vnd.oci.image.'
out = sys.argv[1]
entries = []


def write(name, data):
    os.makedirs(os.path.dirname(os.path.join(out, name)), exist_ok=True)
    with open(os.path.join(out, name), 'wb') as f:
        f.write(data)


def blob(data, kind, alg='sha256', **more):
    digest = hashlib.new(alg, data).hexdigest()
    write(f'blobs/{alg}/{digest}', data)
    return {'mediaType': kind, 'digest': f'{alg}:{digest}', 'size': len(data), **more}


def document(doc, kind, **more):
    return blob(json.dumps(doc).encode(), kind, **more)


def layer(name):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode='w') as tar:
        for path, text in (('etc', None), ('etc/' + name, name.encode())):
            info = tarfile.TarInfo(path)
            info.type, info.mode = (tarfile.DIRTYPE, 0o755) if text is None else (tarfile.REGTYPE, 0o644)
            info.size = len(text or b'')
            tar.addfile(info, io.BytesIO(text or b''))
    return data.getvalue()


def image(name, arch='amd64', alg='sha256'):
    plain = layer(name)
    config = document({'os': 'linux', 'architecture': arch, 'created': '2026-01-01T00:00:00Z',
                       'config': {'Cmd': ['/bin/sh']},
                       'rootfs': {'type': 'layers', 'diff_ids': ['sha256:' + hashlib.sha256(plain).hexdigest()]}},
                      OCI + 'config.v1+json')
    packed = blob(gzip.compress(plain, mtime=0), OCI + 'layer.v1.tar+gzip', alg)
    kind = OCI + 'manifest.v1+json'
    return document({'schemaVersion': 2, 'mediaType': kind, 'config': config, 'layers': [packed],
                     'annotations': {'note': name}}, kind)


def add(name, entry):
    entries.append({**entry, 'annotations': {'org.opencontainers.image.ref.name': name}} if name else entry)


write('oci-layout', b'{"imageLayoutVersion":"1.0.0"}')
one = image('one')
add('one', one)
add('two', image('two'))
add('sha512', image('long', alg='sha512'))
kind = OCI + 'index.v1+json'
add('multi', document({'schemaVersion': 2, 'mediaType': kind, 'manifests': [
    {**image('amd'), 'platform': {'os': 'linux', 'architecture': 'amd64'}},
    {**image('arm', 'arm64'), 'platform': {'os': 'linux', 'architecture': 'arm64', 'variant': 'v8'}}]}, kind))
empty = blob(b'{}', 'application/vnd.oci.empty.v1+json')
kind = OCI + 'manifest.v1+json'
artifact = {'schemaVersion': 2, 'mediaType': kind, 'artifactType': 'application/vnd.example.sbom', 'config': empty}
add('art', document({**artifact, 'layers': [blob(b'a thing', 'text/plain')]}, kind))
add(None, document({**artifact, 'layers': [blob(b'of one', 'text/plain')],
                    'subject': {k: one[k] for k in ('mediaType', 'digest', 'size')}}, kind))
write('index.json', json.dumps({'schemaVersion': 2, 'manifests': entries}).encode())
