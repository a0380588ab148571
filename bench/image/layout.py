#!/usr/bin/env python3
"""layout.py - the parts of bench/image's image that no package gives, and its descriptions.

    layout.py app OUT.tar full|small    an application: 300 files of text and code of all sizes
    layout.py whiteouts OUT.tar         deletes some of the layers below
    layout.py layout DIR                DIR/layers/N.tar(.gz) -> DIR/layout (OCI), DIR/archive.tar, DIR/facts
"""
import hashlib
import io
import json
import os
import random
import sys
import tarfile

WHEN = 1_700_000_000


def add(tar, name, data=None, mode=0o644):
    t = tarfile.TarInfo(name)
    t.mtime, t.mode = WHEN, mode
    if data is None:
        t.type, t.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(t)
    else:
        t.size = len(data)
        tar.addfile(t, io.BytesIO(data))


def app(out, kind):
    """Two thirds noise: what linked programs and packed assets look like to a compressor."""
    rng = random.Random(7)
    total = (36 if kind == "full" else 6) << 20
    words = [bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(2000)]
    sizes = [rng.paretovariate(0.8) for _ in range(300)]
    scale = total / sum(sizes)
    with tarfile.open(out, "w", format=tarfile.PAX_FORMAT) as tar:
        for d in ("srv", "srv/app", "srv/app/lib", "srv/app/assets"):
            add(tar, d)
        for i, s in enumerate(sizes):
            n = int(s * scale) + 1
            text = b" ".join(rng.choices(words, k=n // 15 + 1))[: n // 3]
            add(tar, "srv/app/%s/f%03d" % (("lib", "assets")[i % 2], i), text + rng.randbytes(n - len(text)),
                0o755 if i % 2 == 0 else 0o644)


def whiteouts(out):
    with tarfile.open(out, "w", format=tarfile.PAX_FORMAT) as tar:
        add(tar, "usr")
        add(tar, "usr/share")
        add(tar, "usr/share/.wh.doc", b"")
        add(tar, "usr/share/locale")
        add(tar, "usr/share/locale/.wh..wh..opq", b"")
        add(tar, "srv")
        add(tar, "srv/app")
        add(tar, "srv/app/lib")
        add(tar, "srv/app/lib/.wh.f000", b"")


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else \
            hashlib.sha256(f.read()).hexdigest()


def layout(top):
    blobs = top + "/layout/blobs/sha256/"
    os.makedirs(blobs)
    tars = sorted(top + "/layers/" + n for n in os.listdir(top + "/layers") if n.endswith(".tar"))
    diffs = ["sha256:" + digest(t) for t in tars]
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z",
        "config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": diffs},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "layer %d" % i} for i in range(len(tars))],
    }).encode()

    def blob(data):
        name = hashlib.sha256(data).hexdigest()
        with open(blobs + name, "wb") as f:
            f.write(data)
        return {"digest": "sha256:" + name, "size": len(data)}

    layers = []
    for t in tars:
        name = digest(t + ".gz")
        os.link(t + ".gz", blobs + name)
        layers.append({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "sha256:" + name,
                       "size": os.path.getsize(t + ".gz")})
    desc = {"mediaType": "application/vnd.oci.image.config.v1+json", **blob(config)}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                           "config": desc, "layers": layers}).encode()
    top_desc = {"mediaType": "application/vnd.oci.image.manifest.v1+json", **blob(manifest),
                "annotations": {"org.opencontainers.image.ref.name": "1"}}
    with open(top + "/layout/index.json", "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [top_desc]}, f)
    with open(top + "/layout/oci-layout", "w") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
    archive(top, tars, config)
    entries = 0
    for t in tars:
        with tarfile.open(t) as tar:
            entries += sum(1 for _ in tar)
    with open(top + "/facts", "w") as f:
        f.write("raw=%d\ncompressed=%d\nentries=%d\nlayers=%d\nid=%s\ndigest=%s\n" % (
            sum(map(os.path.getsize, tars)), sum(d["size"] for d in layers), entries, len(tars),
            desc["digest"], top_desc["digest"]))


def archive(top, tars, config):
    name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps([{"Config": name, "RepoTags": ["bench/archive:1"],
                            "Layers": [os.path.basename(t) for t in tars]}]).encode()
    with tarfile.open(top + "/archive.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        add(tar, "manifest.json", manifest)
        add(tar, name, config)
        for t in tars:
            tar.add(t, os.path.basename(t))


{"app": app, "whiteouts": whiteouts, "layout": layout}[sys.argv[1]](*sys.argv[2:])
