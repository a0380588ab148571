#!/usr/bin/env python3
"""mklayout.py CASE DIR | --into DIR CASE... - an OCI layout (or docker archive) with one thing wrong, or right.

Used by load.bats. Everything is made from bytes here, so that no tool can
"repair" what the case is about.
"""
import gzip, hashlib, io, json, os, sys, tarfile

OCI = 'application/vnd.oci.image.'


def sha(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


def layer(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=tarfile.PAX_FORMAT) as tar:
        for name, text in files:
            info = tarfile.TarInfo(name)
            if text is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
            else:
                info.size = len(text)
                tar.addfile(info, io.BytesIO(text))
    return out.getvalue()


class Layout:
    def __init__(self, path):
        self.path = path
        os.makedirs(path + '/blobs/sha256', exist_ok=True)
        self.write('oci-layout', b'{"imageLayoutVersion":"1.0.0"}')

    def write(self, name, data):
        with open(os.path.join(self.path, name), 'wb') as f:
            f.write(data)

    def blob(self, data, kind):
        self.write('blobs/sha256/' + sha(data)[7:], data)
        return {'mediaType': kind, 'digest': sha(data), 'size': len(data)}

    def json(self, doc, kind):
        return self.blob(json.dumps(doc).encode(), kind)

    def index(self, *manifests):
        self.write('index.json', json.dumps({'schemaVersion': 2, 'manifests': list(manifests)}).encode())


def config(diffs, arch='amd64', **more):
    return {'created': '2026-01-02T03:04:05Z', 'os': 'linux', 'architecture': arch, 'config': {'Cmd': ['/bin/sh']},
            'rootfs': {'type': 'layers', 'diff_ids': diffs}, **more}


def image(out, plains, name='case:latest', change_config=None, change=None, pack=gzip.compress, kind='layer.v1.tar+gzip',
          arch='amd64'):
    """An image of these layers; change(manifest) and change_config(config) spoil it."""
    conf = config([sha(p) for p in plains], arch)
    if change_config:
        change_config(conf)
    manifest = {'schemaVersion': 2, 'mediaType': OCI + 'manifest.v1+json',
                'config': out.json(conf, OCI + 'config.v1+json'),
                'layers': [out.blob(pack(p), OCI + kind) for p in plains]}
    if change:
        change(manifest)
    desc = out.json(manifest, manifest.get('mediaType', OCI + 'manifest.v1+json'))
    if name:
        desc['annotations'] = {'org.opencontainers.image.ref.name': name}
    return desc


ETC = layer([('etc/', None), ('etc/motd', b'hello\n')])
TOP = layer([('etc/top', b'top\n')])            # leaves its parent directory out


def simple(path, **kw):
    out = Layout(path)
    out.index(image(out, kw.pop('plains', [ETC, TOP]), **kw))
    return out


def set_layer(key, value):
    def change(m):
        m['layers'][0][key] = value
    return change


def set_config(key, value):
    def change(m):
        m['config'][key] = value
    return change


def flip(path, which):
    out = simple(path)
    name = json.load(open(path + '/index.json'))['manifests'][0]['digest'][7:]
    m = json.load(open(path + '/blobs/sha256/' + name))
    name = {'manifest': name, 'config': m['config']['digest'][7:], 'layer': m['layers'][1]['digest'][7:]}[which]
    full = path + '/blobs/sha256/' + name
    data = bytearray(open(full, 'rb').read())
    data[len(data) // 2] ^= 1
    out.write('blobs/sha256/' + name, bytes(data))


def platforms(path):
    out = Layout(path)
    entries = []
    for arch in ('arm64', 'amd64', 's390x'):
        d = image(out, [layer([('arch', arch.encode())])], name=None, arch=arch)
        d['platform'] = {'os': 'linux', 'architecture': arch}
        entries.append(d)
    d = image(out, [ETC], name=None)
    d['platform'] = {'os': 'unknown', 'architecture': 'unknown'}
    entries.insert(0, d)
    top = out.json({'schemaVersion': 2, 'mediaType': OCI + 'index.v1+json', 'manifests': entries}, OCI + 'index.v1+json')
    top['annotations'] = {'org.opencontainers.image.ref.name': 'multi:1'}
    out.index(top)


def bomb(path):
    zero = gzip.compress(bytes(1 << 20), 9)     # members: 2 GiB from little memory
    digest = hashlib.sha256()
    head = tarfile.TarInfo('zeros')
    head.size = 2 << 30
    raw = head.tobuf(tarfile.GNU_FORMAT)
    digest.update(raw)
    out = Layout(path)
    packed = gzip.compress(raw) + zero * 2048
    diff = 'sha256:' + '0' * 64                 # never reached
    m = {'schemaVersion': 2, 'config': out.json(config([diff]), OCI + 'config.v1+json'),
         'layers': [out.blob(packed, OCI + 'layer.v1.tar+gzip')]}
    out.index(out.json(m, OCI + 'manifest.v1+json'))


def many_layers(path, n):
    simple(path, plains=[ETC] * n)


def nested(path):
    out = Layout(path)
    d = image(out, [ETC])
    for _ in range(10):
        d = out.json({'schemaVersion': 2, 'manifests': [d]}, OCI + 'index.v1+json')
    out.index(d)


def smuggler(path):
    """A pax size that hides entries: an inner tar must stay data."""
    inner = layer([('smuggled', b'x')])
    info = tarfile.TarInfo('outer')
    pax = b'%d size=%d\n'
    body = pax % (len(pax % (20, len(inner))), len(inner))
    head = tarfile.TarInfo('pax')
    head.type, head.size = tarfile.XHDTYPE, len(body)
    raw = head.tobuf(tarfile.USTAR_FORMAT) + body.ljust(512, b'\0') + info.tobuf(tarfile.USTAR_FORMAT) + inner + bytes(1024)
    simple(path, plains=[raw])


def whiteouts(path):
    """Two layers whose union overlayfs has to show as docker's unpacker would have made it."""
    low = io.BytesIO()
    with tarfile.open(fileobj=low, mode='w') as tar:
        for name in ('a', 'b', 'usr', 'usr/bin', 'gone', 'gone/deep'):
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, 0o711
            tar.addfile(info)
        for name in ('a/x', 'a/y', 'b/z', 'usr/bin/ls', 'gone/deep/f', 'file'):
            tar.addfile(tarfile.TarInfo(name))
        info = tarfile.TarInfo('bin')
        info.type, info.linkname = tarfile.SYMTYPE, 'usr/bin'
        tar.addfile(info)
    top = layer([('a/.wh.x', b''), ('b/.wh..wh..opq', b''), ('b/new', b'n'), ('bin/tool', b't'), ('.wh.gone', b''),
                 ('gone/again', b'g'), ('file/inside', b'i')])
    simple(path, plains=[low.getvalue(), top])


def docker_legacy(path):
    """As docker before 25 wrote: layers in directories, the second one a link to the first."""
    os.makedirs(path + '/a')
    os.makedirs(path + '/b')
    open(path + '/a/layer.tar', 'wb').write(ETC)
    os.symlink('../a/layer.tar', path + '/b/layer.tar')
    conf = json.dumps(config([sha(ETC), sha(ETC)])).encode()
    name = hashlib.sha256(conf).hexdigest() + '.json'
    open(os.path.join(path, name), 'wb').write(conf)
    open(path + '/manifest.json', 'w').write(json.dumps(
        [{'Config': name, 'RepoTags': ['legacy:1', 'legacy:2'], 'Layers': ['a/layer.tar', 'b/layer.tar']}]))


def extra(members):
    def make(path):
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode='w') as tar:
            for name, kind, link in members:
                info = tarfile.TarInfo(name)
                info.type, info.linkname = kind, link.replace('CANARY', os.environ.get('CANARY', '/nonexistent'))
                info.size = 4 if kind == tarfile.REGTYPE else 0
                tar.addfile(info, io.BytesIO(b'evil'))
        simple(path, plains=[plain.getvalue()])
    return make


CASES = {
    'good': simple,
    'plain': lambda p: simple(p, pack=bytes, kind='layer.v1.tar'),
    'unnamed': lambda p: simple(p, name=None),
    'no-layers': lambda p: simple(p, plains=[]),
    'members': lambda p: simple(p, pack=lambda d: gzip.compress(d[:700]) + gzip.compress(d[700:])),
    'same-layer-twice': lambda p: many_layers(p, 3),
    'platforms': platforms,
    'docker-legacy': docker_legacy,
    'smuggler': smuggler,
    'whiteouts': whiteouts,
    'bad-name': lambda p: simple(p, name='Not a Name'),
    'flip-manifest': lambda p: flip(p, 'manifest'),
    'flip-config': lambda p: flip(p, 'config'),
    'flip-layer': lambda p: flip(p, 'layer'),
    'wrong-size': lambda p: simple(p, change=set_layer('size', 7)),
    'negative-size': lambda p: simple(p, change=set_layer('size', -1)),
    'huge-config': lambda p: simple(p, change=set_config('size', 9 << 20)),
    'digest-path': lambda p: simple(p, change=set_layer('digest', 'sha256:../../../../etc/passwd')),
    'digest-md5': lambda p: simple(p, change=set_layer('digest', 'md5:900150983cd24fb0d6963f7d28e17f72')),
    'no-blob': lambda p: simple(p, change=set_layer('digest', 'sha256:' + '1' * 64)),
    'both': lambda p: simple(p, change=lambda m: m.update(manifests=[])),
    'wrong-type': lambda p: simple(p, change=lambda m: m['config'].update(mediaType='application/vnd.example')),
    'wrong-diff': lambda p: simple(p, change_config=lambda c: c['rootfs'].update(diff_ids=[sha(ETC), sha(ETC)])),
    'diff-count': lambda p: simple(p, change_config=lambda c: c['rootfs']['diff_ids'].pop()),
    'trailing-garbage': lambda p: simple(p, pack=lambda d: gzip.compress(d) + b'garbage'),
    'cut-gzip': lambda p: simple(p, pack=lambda d: gzip.compress(d)[:-9]),
    'cut-tar': lambda p: simple(p, plains=[ETC[:700]]),
    'layers-501': lambda p: many_layers(p, 501),
    'layers-5000': lambda p: many_layers(p, 5000),
    'nested-indexes': nested,
    'bomb': bomb,
    'a-then-b': extra([('a', tarfile.REGTYPE, ''), ('a/b', tarfile.REGTYPE, '')]),
    'root-link': extra([('.', tarfile.SYMTYPE, 'CANARY'), ('secret', tarfile.REGTYPE, '')]),
    'hardlink-out': extra([('h', tarfile.LNKTYPE, '../../../../CANARY/secret')]),
    'through-link': extra([('d', tarfile.SYMTYPE, 'CANARY'), ('d/secret', tarfile.REGTYPE, '')]),
    'whiteout-through-link': extra([('d', tarfile.SYMTYPE, 'CANARY'), ('d/.wh.secret', tarfile.REGTYPE, '')]),
    'whiteout-dots': extra([('.wh...', tarfile.REGTYPE, '')]),
}

if __name__ == '__main__':
    if sys.argv[1:] == ['--list']:
        print('\n'.join(CASES))
    elif sys.argv[1] == '--into':
        for case in sys.argv[3:]:
            os.makedirs(os.path.join(sys.argv[2], case), exist_ok=True)
            CASES[case](os.path.join(sys.argv[2], case))
    else:
        os.makedirs(sys.argv[2], exist_ok=True)
        CASES[sys.argv[1]](sys.argv[2])
