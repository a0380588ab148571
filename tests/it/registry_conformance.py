#!/usr/bin/env python3
"""registry_conformance.py - what the OCI distribution specification 1.1 asks of a registry, as a table.

    registry_conformance.py http://127.0.0.1:5000 [--only WORD]

Each function below that is marked with @want is one row: its text is what the registry has to do.
Prints TAP, and exits with 1 when a row fails. It runs against any registry: docker-registry 2.8.2 passes
about 50 of them.
"""
import hashlib
import http.client
import json
import os
import sys
import urllib.parse

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
EMPTY = "application/vnd.oci.empty.v1+json"
FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"

ROWS = []


def want(text):
    def mark(f):
        ROWS.append((text, f))
        return f
    return mark


class Wrong(Exception):
    pass


class Answer:
    def __init__(self, r):
        self.status, self.body = r.status, r.read()
        self.headers = r.headers

    def __getitem__(self, name):
        return self.headers.get(name)

    def json(self):
        return json.loads(self.body)

    def code(self):
        try:
            return self.json()["errors"][0]["code"]
        except (ValueError, KeyError, IndexError, TypeError):
            raise Wrong(f"no error body: {self.body[:200]!r}") from None


def sha(data, alg="sha256"):
    return f"{alg}:{hashlib.new(alg, data).hexdigest()}"


def check_equal(what, have, wanted):
    if have != wanted:
        raise Wrong(f"{what}: {have!r}, wanted {wanted!r}")


def check_in(what, have, wanted):
    if have not in wanted:
        raise Wrong(f"{what}: {have!r}, wanted one of {wanted!r}")


class Registry:
    def __init__(self, url):
        u = urllib.parse.urlsplit(url)
        self.host, self.count = u.netloc, 0
        self.word = os.urandom(4).hex()

    def call(self, method, path, body=None, headers=None, status=None):
        c = http.client.HTTPConnection(self.host, timeout=120)
        h = dict(headers or {})
        path = urllib.parse.urlsplit(path)
        target = path.path + ("?" + path.query if path.query else "")
        try:
            c.request(method, target, body=body, headers=h, encode_chunked="Transfer-Encoding" in h)
        except (BrokenPipeError, ConnectionResetError):
            pass    # refused before all of the body was sent: the answer is there
        a = Answer(c.getresponse())
        c.close()
        if status is not None:
            check_in(f"{method} {target} status", a.status, status if isinstance(status, tuple) else (status,))
        return a

    def repo(self):
        self.count += 1
        return f"conf-{self.word}/r{self.count}"

    def start(self, repo, query=""):
        a = self.call("POST", f"/v2/{repo}/blobs/uploads/{query}", status=202, headers={"Content-Length": "0"})
        if not a["Location"]:
            raise Wrong("no Location")
        return a["Location"]

    @staticmethod
    def with_digest(location, digest):
        return location + ("&" if "?" in location else "?") + "digest=" + urllib.parse.quote(digest)

    def blob(self, repo, data, alg="sha256"):
        digest = sha(data, alg)
        a = self.call("PUT", self.with_digest(self.start(repo), digest), data,
                      {"Content-Type": "application/octet-stream"}, 201)
        return digest, a

    def put(self, repo, ref, doc, media=MANIFEST, status=201):
        body = doc if isinstance(doc, bytes) else json.dumps(doc).encode()
        return body, self.call("PUT", f"/v2/{repo}/manifests/{ref}", body, {"Content-Type": media} if media else {},
                               status)

    def descriptor(self, repo, data, media, alg="sha256"):
        digest, _ = self.blob(repo, data, alg)
        return {"mediaType": media, "digest": digest, "size": len(data)}

    def image(self, repo, alg="sha256", **more):
        doc = {"schemaVersion": 2, "mediaType": MANIFEST,
               "config": self.descriptor(repo, b'{"architecture":"amd64","os":"linux"}' + os.urandom(4).hex().encode(),
                                         CONFIG, alg),
               "layers": [self.descriptor(repo, os.urandom(100), LAYER, alg)]}
        doc.update(more)
        return doc


# --- the base ---

@want("GET /v2/ says 200")
def base(r):
    r.call("GET", "/v2/", status=200)


@want("an unknown endpoint says 404")
def unknown(r):
    r.call("GET", "/v2/a/nonsense/b", status=404)


# --- pull ---

@want("a blob that is not there: 404 BLOB_UNKNOWN")
def blob_missing(r):
    check_equal("code", r.call("GET", f"/v2/{r.repo()}/blobs/{sha(b'x')}", status=404).code(), "BLOB_UNKNOWN")


@want("HEAD of a blob that is not there: 404 without a body")
def blob_head_missing(r):
    check_equal("body", r.call("HEAD", f"/v2/{r.repo()}/blobs/{sha(b'x')}", status=404).body, b"")


@want("GET of a blob: 200, its bytes, Content-Length, Docker-Content-Digest")
def blob_get(r):
    repo, data = r.repo(), os.urandom(5000)
    digest, _ = r.blob(repo, data)
    a = r.call("GET", f"/v2/{repo}/blobs/{digest}", status=200)
    check_equal("body", a.body, data)
    check_equal("Content-Length", a["Content-Length"], "5000")
    check_equal("Docker-Content-Digest", a["Docker-Content-Digest"], digest)


@want("HEAD of a blob: 200, Content-Length, Docker-Content-Digest, no body")
def blob_head(r):
    repo, data = r.repo(), os.urandom(500)
    digest, _ = r.blob(repo, data)
    a = r.call("HEAD", f"/v2/{repo}/blobs/{digest}", status=200)
    check_equal("Content-Length", a["Content-Length"], "500")
    check_equal("Docker-Content-Digest", a["Docker-Content-Digest"], digest)
    check_equal("body", a.body, b"")


@want("a blob is one of its repository only")
def blob_other_repo(r):
    digest, _ = r.blob(r.repo(), b"mine")
    r.call("GET", f"/v2/{r.repo()}/blobs/{digest}", status=404)


@want("a digest that is none: 400 or 404")
def blob_bad_digest(r):
    r.call("GET", f"/v2/{r.repo()}/blobs/sha256:baddigeststring", status=(400, 404))


def make_range(spec, status, first=0, last=0):
    @want(f"Range: bytes={spec}: {status}")
    def ranged(r):
        repo, data = r.repo(), os.urandom(2048)
        digest, _ = r.blob(repo, data)
        a = r.call("GET", f"/v2/{repo}/blobs/{digest}", headers={"Range": f"bytes={spec}"}, status=status)
        if status == 206:
            check_equal("body", a.body, data[first:last + 1])
            check_in("Content-Range", a["Content-Range"], (f"bytes {first}-{last}/2048", f"bytes {first}-{last}/*"))


make_range("500-1499", 206, 500, 1499)
make_range("500-", 206, 500, 2047)
make_range("-500", 206, 1548, 2047)
make_range("2000-5000", 206, 2000, 2047)
make_range("0-0", 206, 0, 0)
make_range("500-0", 416)
make_range("5000-10000", 416)
make_range("2048-", 416)


@want("a manifest that is not there, by tag: 404 MANIFEST_UNKNOWN")
def manifest_missing_tag(r):
    check_equal("code", r.call("GET", f"/v2/{r.repo()}/manifests/none", status=404).code(), "MANIFEST_UNKNOWN")


@want("a manifest that is not there, by digest: 404 MANIFEST_UNKNOWN")
def manifest_missing_digest(r):
    check_equal("code", r.call("GET", f"/v2/{r.repo()}/manifests/{sha(b'x')}", status=404).code(), "MANIFEST_UNKNOWN")


@want("GET of a manifest by a digest that is none: 400 or 404")
def manifest_bad_digest(r):
    r.call("GET", f"/v2/{r.repo()}/manifests/sha256:baddigeststring", status=(400, 404))


@want("PUT of a manifest by a digest that is none: 400")
def manifest_put_bad_digest(r):
    repo = r.repo()
    r.put(repo, "sha256:baddigeststring", r.image(repo), status=400)


@want("GET and HEAD of a manifest by tag and digest: exact bytes, type, length, digest")
def manifest_get(r):
    repo = r.repo()
    body, _ = r.put(repo, "v1", json.dumps(r.image(repo), indent=3).encode())
    for ref in ("v1", sha(body)):
        a = r.call("GET", f"/v2/{repo}/manifests/{ref}", headers={"Accept": MANIFEST}, status=200)
        h = r.call("HEAD", f"/v2/{repo}/manifests/{ref}", headers={"Accept": MANIFEST}, status=200)
        check_equal("body", a.body, body)
        check_equal("body of HEAD", h.body, b"")
        for x in (a, h):
            check_equal("Content-Type", x["Content-Type"], MANIFEST)
            check_equal("Content-Length", x["Content-Length"], str(len(body)))
            check_equal("Docker-Content-Digest", x["Docker-Content-Digest"], sha(body))


# --- push: blobs ---

@want("POST then PUT: 201, Location of the blob, Docker-Content-Digest")
def upload_put(r):
    repo, data = r.repo(), os.urandom(512)
    digest, a = r.blob(repo, data)
    check_equal("Docker-Content-Digest", a["Docker-Content-Digest"], digest)
    check_equal("body", r.call("GET", a["Location"], status=200).body, data)


@want("POST with a digest and the bytes: 201")
def upload_post(r):
    repo, data = r.repo(), os.urandom(512)
    a = r.call("POST", f"/v2/{repo}/blobs/uploads/?digest={sha(data)}", data,
               {"Content-Type": "application/octet-stream"}, 201)
    check_equal("body", r.call("GET", a["Location"], status=200).body, data)


@want("an empty blob")
def upload_empty(r):
    repo = r.repo()
    digest, _ = r.blob(repo, b"")
    check_equal("length", r.call("GET", f"/v2/{repo}/blobs/{digest}", status=200)["Content-Length"], "0")


@want("PATCH without Content-Range: 202, Location, Range; PUT without a body: 201")
def upload_stream(r):
    repo, data = r.repo(), os.urandom(70000)
    a = r.call("PATCH", r.start(repo), iter([data[:30000], data[30000:]]),
               {"Content-Type": "application/octet-stream", "Transfer-Encoding": "chunked"}, 202)
    check_equal("Range", a["Range"], "0-69999")
    a = r.call("PUT", r.with_digest(a["Location"], sha(data)), headers={"Content-Length": "0"}, status=201)
    check_equal("body", r.call("GET", a["Location"], status=200).body, data)


def chunk(r, method, location, data, first, last, status):
    return r.call(method, location, data[first:last + 1],
                  {"Content-Type": "application/octet-stream", "Content-Range": f"{first}-{last}"}, status)


@want("chunks with Content-Range, the last one by PUT")
def upload_chunks(r):
    repo, data = r.repo(), os.urandom(300)
    a = chunk(r, "PATCH", r.start(repo), data, 0, 99, 202)
    check_equal("Range", a["Range"], "0-99")
    a = chunk(r, "PATCH", a["Location"], data, 100, 199, 202)
    check_equal("Range", a["Range"], "0-199")
    a = chunk(r, "PUT", r.with_digest(a["Location"], sha(data)), data, 200, 299, 201)
    check_equal("body", r.call("GET", a["Location"], status=200).body, data)


@want("a chunk out of order, ahead or back: 416; GET says where to go on: 204, Range, Location")
def upload_order(r):
    repo, data = r.repo(), os.urandom(300)
    location = r.start(repo)
    chunk(r, "PATCH", location, data, 100, 199, 416)
    location = chunk(r, "PATCH", location, data, 0, 99, 202)["Location"]
    a = chunk(r, "PATCH", location, data, 200, 299, 416)
    check_equal("Range of the 416", a["Range"], "0-99")
    chunk(r, "PATCH", location, data, 0, 99, 416)
    a = r.call("GET", location, status=204)
    check_equal("Range", a["Range"], "0-99")
    chunk(r, "PUT", r.with_digest(a["Location"], sha(data)), data, 200, 299, 416)
    a = chunk(r, "PATCH", location, data, 100, 299, 202)
    r.call("PUT", r.with_digest(a["Location"], sha(data)), headers={"Content-Length": "0"}, status=201)


@want("a Content-Range that is none: 416")
def upload_bad_range(r):
    r.call("PATCH", r.start(r.repo()), b"abc", {"Content-Range": "abc"}, 416)


@want("a Content-Range unlike the length of the body: 400")
def upload_bad_length(r):
    r.call("PATCH", r.start(r.repo()), b"abc", {"Content-Range": "0-9"}, 400)


@want("DELETE of an upload: 204; afterwards it is unknown: 404 BLOB_UPLOAD_UNKNOWN")
def upload_cancel(r):
    location = r.start(r.repo())
    r.call("DELETE", location, status=204)
    check_equal("code", r.call("GET", location, status=404).code(), "BLOB_UPLOAD_UNKNOWN")
    r.call("PATCH", location, b"x", status=404)


@want("an upload belongs to its repository")
def upload_other_repo(r):
    a, b = r.repo(), r.repo()
    r.call("GET", r.start(a).replace(a, b), status=404)


@want("an upload that was never begun: 404")
def upload_unknown(r):
    r.call("GET", f"/v2/{r.repo()}/blobs/uploads/00112233445566778899aabbccddeeff", status=404)


def make_bad_digest(name, send):
    @want(f"bytes of another digest, by {name}: 400 DIGEST_INVALID, and no blob")
    def bad(r):
        repo, data = r.repo(), os.urandom(300)
        digest = sha(b"other")
        a = send(r, repo, data, digest)
        check_equal("status", a.status, 400)
        check_equal("code", a.code(), "DIGEST_INVALID")
        r.call("HEAD", f"/v2/{repo}/blobs/{digest}", status=404)
        r.call("HEAD", f"/v2/{repo}/blobs/{sha(data)}", status=404)


make_bad_digest("POST", lambda r, repo, data, d: r.call("POST", f"/v2/{repo}/blobs/uploads/?digest={d}", data))
make_bad_digest("PUT", lambda r, repo, data, d: r.call("PUT", r.with_digest(r.start(repo), d), data))
make_bad_digest("PATCH and PUT", lambda r, repo, data, d: r.call(
    "PUT", r.with_digest(r.call("PATCH", r.start(repo), data, status=202)["Location"], d),
    headers={"Content-Length": "0"}))


@want("PUT without a digest, or with one that is none: 400")
def upload_no_digest(r):
    r.call("PUT", r.start(r.repo()), b"x", status=400)
    r.call("PUT", r.with_digest(r.start(r.repo()), "sha256:bad"), b"x", status=400)


@want("mount from a repository that has the blob: 201, Location; the blob is there")
def mount(r):
    a, b, data = r.repo(), r.repo(), os.urandom(100)
    digest, _ = r.blob(a, data)
    m = r.call("POST", f"/v2/{b}/blobs/uploads/?mount={digest}&from={a}", headers={"Content-Length": "0"}, status=201)
    check_equal("body", r.call("GET", m["Location"], status=200).body, data)


@want("mount without from: 201")
def mount_anonymous(r):
    a, b, data = r.repo(), r.repo(), os.urandom(100)
    digest, _ = r.blob(a, data)
    m = r.call("POST", f"/v2/{b}/blobs/uploads/?mount={digest}", headers={"Content-Length": "0"}, status=201)
    check_equal("body", r.call("GET", m["Location"], status=200).body, data)


@want("mount of what the source does not have: 202 and an upload")
def mount_missing(r):
    a, b, data = r.repo(), r.repo(), os.urandom(100)
    m = r.call("POST", f"/v2/{b}/blobs/uploads/?mount={sha(data)}&from={a}", headers={"Content-Length": "0"}, status=202)
    r.call("PUT", r.with_digest(m["Location"], sha(data)), data, status=201)


@want("sha512: blobs by POST and PUT, by PATCH and PUT, by POST; pulled by it")
def blob_sha512(r):
    repo, data = r.repo(), os.urandom(400)
    digest, a = r.blob(repo, data, "sha512")
    check_equal("Docker-Content-Digest", a["Docker-Content-Digest"], digest)
    check_equal("body", r.call("GET", f"/v2/{repo}/blobs/{digest}", status=200).body, data)
    data = os.urandom(400)
    a = r.call("PATCH", r.start(repo), data, status=202)
    r.call("PUT", r.with_digest(a["Location"], sha(data, "sha512")), headers={"Content-Length": "0"}, status=201)
    data = os.urandom(400)
    r.call("POST", f"/v2/{repo}/blobs/uploads/?digest={sha(data, 'sha512')}", data, status=201)
    check_equal("body", r.call("GET", f"/v2/{repo}/blobs/{sha(data, 'sha512')}", status=200).body, data)


# --- push: manifests ---

@want("PUT of a manifest by tag: 201, Location, Docker-Content-Digest")
def manifest_put_tag(r):
    repo = r.repo()
    body, a = r.put(repo, "v1", r.image(repo))
    check_equal("Docker-Content-Digest", a["Docker-Content-Digest"], sha(body))
    check_equal("body", r.call("GET", a["Location"], headers={"Accept": MANIFEST}, status=200).body, body)


@want("PUT of a manifest by digest: 201; by another digest: 400 DIGEST_INVALID")
def manifest_put_digest(r):
    repo = r.repo()
    body = json.dumps(r.image(repo)).encode()
    r.put(repo, sha(body), body)
    _, a = r.put(repo, sha(body + b"  "), body, status=400)
    check_equal("code", a.code(), "DIGEST_INVALID")


@want("a tag moves to the manifest that was put last")
def tag_moves(r):
    repo = r.repo()
    r.put(repo, "v1", r.image(repo))
    body, _ = r.put(repo, "v1", r.image(repo))
    check_equal("digest", r.call("HEAD", f"/v2/{repo}/manifests/v1", headers={"Accept": MANIFEST},
                                 status=200)["Docker-Content-Digest"], sha(body))


@want("a manifest whose blobs are missing: 4xx MANIFEST_BLOB_UNKNOWN")
def manifest_missing_blob(r):
    repo = r.repo()
    doc = r.image(repo)
    doc["layers"].append({"mediaType": LAYER, "digest": sha(b"none"), "size": 4})
    _, a = r.put(repo, "v1", doc, status=(400, 404))
    check_equal("code", a.code(), "MANIFEST_BLOB_UNKNOWN")
    r.call("GET", f"/v2/{repo}/manifests/v1", status=404)


@want("an index whose manifest is missing: 4xx")
def index_missing_child(r):
    doc = {"schemaVersion": 2, "mediaType": INDEX,
           "manifests": [{"mediaType": MANIFEST, "digest": sha(b"none"), "size": 4}]}
    r.put(r.repo(), "v1", doc, INDEX, status=(400, 404))


def make_malformed(name, doc, media=MANIFEST):
    @want(f"a malformed manifest ({name}): 400 MANIFEST_INVALID")
    def malformed(r):
        _, a = r.put(r.repo(), "v1", doc, media, status=400)
        check_equal("code", a.code(), "MANIFEST_INVALID")


make_malformed("no JSON", b"{")
make_malformed("empty", b"")
make_malformed("an array", b"[]")
make_malformed("no config", {"schemaVersion": 2, "mediaType": MANIFEST, "layers": []})
make_malformed("a digest that is none",
               {"schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
                "config": {"mediaType": CONFIG, "digest": "sha256:../../../../etc/passwd", "size": 1}})
make_malformed("both layers and manifests",
               {"schemaVersion": 2, "mediaType": MANIFEST, "manifests": [], "layers": [],
                "config": {"mediaType": CONFIG, "digest": sha(b""), "size": 0}})
make_malformed("mediaType unlike Content-Type", {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}, DOCKER_LIST)
make_malformed("a type that is none of a manifest", {"schemaVersion": 2, "manifests": []}, "text/plain")


@want("a descriptor with another size than the blob's: 400")
def manifest_wrong_size(r):
    repo = r.repo()
    doc = r.image(repo)
    doc["config"]["size"] += 1
    r.put(repo, "v1", doc, status=400)


@want("a manifest of nearly 4 MiB is accepted, a larger one is not: 413")
def manifest_large(r):
    repo = r.repo()
    doc = r.image(repo, annotations={f"a{i}": "A" * 10000 for i in range(390)})
    body, _ = r.put(repo, "large", doc)
    check_equal("body", r.call("GET", f"/v2/{repo}/manifests/large", headers={"Accept": MANIFEST}, status=200).body, body)
    doc["annotations"].update({f"b{i}": "B" * 10000 for i in range(100)})
    r.put(repo, "larger", doc, status=413)


@want("indexes, indexes of indexes, empty indexes")
def indexes(r):
    repo = r.repo()
    body, _ = r.put(repo, "i", r.image(repo))
    child = {"mediaType": MANIFEST, "digest": sha(body), "size": len(body),
             "platform": {"os": "linux", "architecture": "amd64"}}
    body, _ = r.put(repo, "x", {"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]}, INDEX)
    r.put(repo, "y", {"schemaVersion": 2, "mediaType": INDEX,
                      "manifests": [{"mediaType": INDEX, "digest": sha(body), "size": len(body)}]}, INDEX)
    r.put(repo, "z", {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}, INDEX)
    check_equal("type", r.call("GET", f"/v2/{repo}/manifests/y", headers={"Accept": INDEX}, status=200)["Content-Type"],
                INDEX)


@want("docker's schema 2, and lists of it")
def docker_schema(r):
    repo = r.repo()
    doc = r.image(repo, mediaType=DOCKER)
    body, _ = r.put(repo, "d", doc, DOCKER)
    check_equal("type", r.call("GET", f"/v2/{repo}/manifests/d", headers={"Accept": DOCKER}, status=200)["Content-Type"],
                DOCKER)
    r.put(repo, "l", {"schemaVersion": 2, "mediaType": DOCKER_LIST,
                      "manifests": [{"mediaType": DOCKER, "digest": sha(body), "size": len(body),
                                     "platform": {"os": "linux", "architecture": "amd64"}}]}, DOCKER_LIST)


@want("artifacts: artifactType, the empty config, layers of any type")
def artifacts(r):
    repo = r.repo()
    r.put(repo, "a", {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.example",
                      "config": r.descriptor(repo, b"{}", EMPTY),
                      "layers": [r.descriptor(repo, b"hello", "application/x.anything")]})


@want("layers that may not be distributed need not be there")
def foreign(r):
    repo = r.repo()
    doc = r.image(repo)
    doc["layers"].append({"mediaType": FOREIGN, "digest": sha(os.urandom(9)), "size": 123456,
                          "urls": ["https://store.example.com/x"]})
    r.put(repo, "f", doc)


@want("members that are not known stay as they are")
def custom_fields(r):
    repo = r.repo()
    body, _ = r.put(repo, "c", r.image(repo, **{"org.example": {"a": [1, 2]}}))
    check_equal("body", r.call("GET", f"/v2/{repo}/manifests/c", headers={"Accept": MANIFEST}, status=200).body, body)


@want("an image without layers")
def no_layers(r):
    repo = r.repo()
    r.put(repo, "n", r.image(repo, layers=[]))


@want("sha512: a manifest of blobs by sha512, put and pulled by its sha512")
def manifest_sha512(r):
    repo = r.repo()
    body = json.dumps(r.image(repo, "sha512")).encode()
    digest = sha(body, "sha512")
    _, a = r.put(repo, digest, body)
    check_equal("Docker-Content-Digest", a["Docker-Content-Digest"], digest)
    a = r.call("GET", f"/v2/{repo}/manifests/{digest}", headers={"Accept": MANIFEST}, status=200)
    check_equal("body", a.body, body)
    check_equal("Docker-Content-Digest", a["Docker-Content-Digest"], digest)


@want("tags as parameters of a PUT by digest: OCI-Tag, and the tags are there")
def tag_params(r):
    repo = r.repo()
    body = json.dumps(r.image(repo)).encode()
    _, a = r.put(repo, sha(body, "sha512") + "?tag=one&tag=two", body)
    check_equal("OCI-Tag", sorted(t.strip() for v in a.headers.get_all("OCI-Tag") or [] for t in v.split(",")),
                ["one", "two"])
    for tag in ("one", "two"):
        check_equal("digest", r.call("HEAD", f"/v2/{repo}/manifests/{tag}", headers={"Accept": MANIFEST},
                                     status=200)["Docker-Content-Digest"], sha(body, "sha512"))


def make_bad_name(name):
    @want(f"a repository may not be called {name!r}: 400 or 404")
    def bad_name(r):
        r.call("POST", f"/v2/{urllib.parse.quote(name)}/blobs/uploads/", headers={"Content-Length": "0"},
               status=(400, 404))


for bad in ("UPPER", "a//b", "a..b", "-a", "a_", "a b", "a" * 300, "../a"):
    make_bad_name(bad)


@want("a tag of 129 characters, or with a wrong one: 4xx")
def bad_tags(r):
    repo = r.repo()
    doc = r.image(repo)
    r.put(repo, "t" * 128, doc)
    for tag in ("t" * 129, ".t", "t%20t"):
        r.put(repo, tag, doc, status=(400, 404))


# --- discovery ---

@want("tags of a repository that is not there: 404 NAME_UNKNOWN")
def tags_missing(r):
    check_equal("code", r.call("GET", f"/v2/{r.repo()}/tags/list", status=404).code(), "NAME_UNKNOWN")


@want("tags in order, n, last, Link; n=0 is an empty list")
def tags(r):
    repo = r.repo()
    doc = r.image(repo)
    names = sorted(["b", "a", "A", "10", "1", "v1.0"])
    for n in names:
        r.put(repo, n, doc)
    a = r.call("GET", f"/v2/{repo}/tags/list", status=200)
    check_equal("list", a.json(), {"name": repo, "tags": names})
    check_equal("Link", a["Link"], None)
    seen, path = [], f"/v2/{repo}/tags/list?n=2"
    while path:
        a = r.call("GET", path, status=200)
        seen += a.json()["tags"]
        link = a["Link"]
        if link and not link.endswith('; rel="next"'):
            raise Wrong(f"Link: {link}")
        path = link[1:link.index(">")] if link else None
    check_equal("pages", seen, names)
    check_equal("last", r.call("GET", f"/v2/{repo}/tags/list?last={names[2]}", status=200).json()["tags"], names[3:])
    check_equal("n=0", r.call("GET", f"/v2/{repo}/tags/list?n=0", status=200).json()["tags"] or [], [])


@want("n that is no number: 400")
def tags_bad_n(r):
    repo = r.repo()
    r.put(repo, "a", r.image(repo))
    r.call("GET", f"/v2/{repo}/tags/list?n=-1", status=400)
    r.call("GET", f"/v2/{repo}/tags/list?n=x", status=400)


@want("_catalog: names in order; a huge n is cut, not obeyed")
def catalog(r):
    repo = r.repo()
    r.put(repo, "a", r.image(repo))
    names = r.call("GET", "/v2/_catalog?n=18446744073709551615", status=200).json()["repositories"]
    check_equal("order", names, sorted(names))
    a = r.call("GET", f"/v2/_catalog?n=1&last={names[-2]}" if len(names) > 1 else "/v2/_catalog?n=1", status=200)
    check_equal("last", a.json()["repositories"], names[-1:])


@want("referrers of anything: 200 and an empty index")
def referrers_empty(r):
    a = r.call("GET", f"/v2/{r.repo()}/referrers/{sha(b'x')}", status=200)
    check_equal("Content-Type", a["Content-Type"], INDEX)
    check_equal("index", a.json(), {"schemaVersion": 2, "mediaType": INDEX, "manifests": []})


@want("referrers of a digest that is none: 400")
def referrers_bad(r):
    r.call("GET", f"/v2/{r.repo()}/referrers/sha256:bad", status=400)


@want("OCI-Subject; referrers with type, annotations and size; artifactType filters, OCI-Filters-Applied")
def referrers(r):
    repo = r.repo()
    body, a = r.put(repo, "subject", r.image(repo))
    check_equal("OCI-Subject of none", a["OCI-Subject"], None)
    subject = {"mediaType": MANIFEST, "digest": sha(body), "size": len(body)}
    want_all = {}
    for kind in ("application/vnd.one", "application/vnd.two", None):
        doc = {"schemaVersion": 2, "mediaType": MANIFEST, "config": r.descriptor(repo, b"{}", kind and EMPTY or CONFIG),
               "layers": [], "subject": subject, "annotations": {"org.example.kind": str(kind)}}
        if kind:
            doc["artifactType"] = kind
        data, a = r.put(repo, sha(json.dumps(doc).encode()), doc)
        check_equal("OCI-Subject", a["OCI-Subject"], subject["digest"])
        want_all[sha(data)] = {"mediaType": MANIFEST, "digest": sha(data), "size": len(data),
                               "artifactType": kind or CONFIG, "annotations": doc["annotations"]}
    have = r.call("GET", f"/v2/{repo}/referrers/{subject['digest']}", status=200).json()["manifests"]
    check_equal("list", {d["digest"]: d for d in have}, want_all)
    a = r.call("GET", f"/v2/{repo}/referrers/{subject['digest']}?artifactType=application/vnd.one", status=200)
    check_equal("filter", [d["artifactType"] for d in a.json()["manifests"]], ["application/vnd.one"])
    check_equal("OCI-Filters-Applied", a["OCI-Filters-Applied"], "artifactType")
    for digest in want_all:
        r.call("DELETE", f"/v2/{repo}/manifests/{digest}", status=202)
    check_equal("after deletion", r.call("GET", f"/v2/{repo}/referrers/{subject['digest']}", status=200).json()["manifests"],
                [])


@want("a subject that is missing is accepted, and has referrers; an index may have a subject")
def missing_subject(r):
    repo = r.repo()
    subject = {"mediaType": MANIFEST, "digest": sha(os.urandom(8)), "size": 123}
    body, a = r.put(repo, "m", r.image(repo, subject=subject))
    check_equal("OCI-Subject", a["OCI-Subject"], subject["digest"])
    data, a = r.put(repo, "i", {"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "subject": subject,
                                "artifactType": "application/vnd.x"}, INDEX)
    have = r.call("GET", f"/v2/{repo}/referrers/{subject['digest']}", status=200).json()["manifests"]
    check_equal("list", sorted(d["digest"] for d in have), sorted([sha(body), sha(data)]))


# --- management ---

@want("DELETE of a tag: 202; the manifest stays by digest; again: 404")
def delete_tag(r):
    repo = r.repo()
    body, _ = r.put(repo, "v1", r.image(repo))
    r.call("DELETE", f"/v2/{repo}/manifests/v1", status=202)
    r.call("HEAD", f"/v2/{repo}/manifests/v1", status=404)
    r.call("HEAD", f"/v2/{repo}/manifests/{sha(body)}", headers={"Accept": MANIFEST}, status=200)
    r.call("DELETE", f"/v2/{repo}/manifests/v1", status=404)
    check_equal("tags", r.call("GET", f"/v2/{repo}/tags/list", status=200).json()["tags"] or [], [])


@want("DELETE of a manifest: 202; its tags go with it; again: 404")
def delete_manifest(r):
    repo = r.repo()
    body, _ = r.put(repo, "v1", r.image(repo))
    r.call("DELETE", f"/v2/{repo}/manifests/{sha(body)}", status=202)
    r.call("HEAD", f"/v2/{repo}/manifests/{sha(body)}", status=404)
    r.call("HEAD", f"/v2/{repo}/manifests/v1", status=404)
    r.call("DELETE", f"/v2/{repo}/manifests/{sha(body)}", status=404)


@want("DELETE of a blob: 202; it is gone, here only; again: 404")
def delete_blob(r):
    a, b, data = r.repo(), r.repo(), os.urandom(50)
    digest, _ = r.blob(a, data)
    r.blob(b, data)
    r.call("DELETE", f"/v2/{a}/blobs/{digest}", status=202)
    r.call("HEAD", f"/v2/{a}/blobs/{digest}", status=404)
    r.call("DELETE", f"/v2/{a}/blobs/{digest}", status=404)
    check_equal("in the other repository", r.call("GET", f"/v2/{b}/blobs/{digest}", status=200).body, data)
    r.blob(a, data)
    r.call("HEAD", f"/v2/{a}/blobs/{digest}", status=200)


@want("a method that an endpoint does not have: 405")
def wrong_method(r):
    r.call("POST", f"/v2/{r.repo()}/manifests/v1", b"{}", status=(404, 405))
    r.call("PUT", "/v2/", b"", status=405)


@want("a GET sees what was put, deleted and put again, every time")
def fresh(r):
    repo = r.repo()
    docs = [r.image(repo) for _ in range(2)]
    for i in range(20):
        body, _ = r.put(repo, "t", docs[i % 2])
        check_equal("digest", r.call("GET", f"/v2/{repo}/manifests/t", headers={"Accept": MANIFEST},
                                     status=200)["Docker-Content-Digest"], sha(body))
        if i % 3 == 0:
            r.call("DELETE", f"/v2/{repo}/manifests/t", status=202)
            r.call("GET", f"/v2/{repo}/manifests/t", status=404)


def main():
    r = Registry(sys.argv[1])
    only = sys.argv[3] if sys.argv[2:3] == ["--only"] else ""
    rows = [(text, f) for text, f in ROWS if only in text]
    failed = 0
    print(f"1..{len(rows)}")
    for i, (text, f) in enumerate(rows, 1):
        try:
            f(r)
            print(f"ok {i} {text}")
        except (Wrong, OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as e:
            failed += 1
            print(f"not ok {i} {text}\n# {type(e).__name__}: {e}")
    sys.exit(1 if failed else 0)


main()
