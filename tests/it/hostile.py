"""hostile.py - a registry that misbehaves as the repository's name says.

    hostile.py DIR [--auth basic|bearer=REALM] [--tls CERT KEY] [--other URL]

Writes the port that the kernel gave to DIR/port and a line for each request to DIR/requests
("METHOD PATH AUTHORIZATION"). The blob that it has is DIR/blob, its manifest DIR/manifest; what was
uploaded whole is in DIR/uploaded. User and password are "user" and "secret".
"""
import argparse
import base64
import hashlib
import http.server
import json
import os
import re
import ssl
import sys
import threading
import time

sys.dont_write_bytecode = True
BLOB = b''.join(hashlib.sha256(b'%d' % i).digest() for i in range(32000))
CUT = 300000
MANIFEST = json.dumps({
    'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.manifest.v1+json',
    'config': {'mediaType': 'application/vnd.oci.image.config.v1+json', 'size': 2, 'digest': 'sha256:' + '0' * 64},
    'layers': []}).encode()


def digest(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    # --- answers ---

    def answer(self, status, body=b'', **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        if 'Content_Length' not in headers and 'Transfer_Encoding' not in headers:
            self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def error(self, status, code, message, **headers):
        self.answer(status, json.dumps({'errors': [{'code': code, 'message': message}]}).encode(), **headers)

    def hang_up(self):
        self.close_connection = True
        self.wfile.flush()

    def until_close(self, body):
        """A body without a length: it ends with the connection."""
        self.send_response(200)
        self.send_header('Connection', 'close')
        self.end_headers()
        self.wfile.write(body)
        self.hang_up()

    def start(self):
        """The first byte that is wanted."""
        found = re.match(r'bytes=(\d+)-$', self.headers.get('Range', ''))
        return int(found.group(1)) if found else 0

    def part(self, first, data=BLOB, stop=None, total=None, claim=None):
        """From first on, cut at stop; claim: what Content-Range says instead."""
        body = data[first:stop]
        self.send_response(206 if first or claim is not None else 200)
        if first or claim is not None:
            at = first if claim is None else claim
            self.send_header('Content-Range', f'bytes {at}-{len(data) - 1}/{total or len(data)}')
        self.send_header('Content-Length', str(len(data) - first))
        self.end_headers()
        self.wfile.write(body)
        if stop is not None and stop < len(data):
            self.hang_up()

    # --- blobs: one method for each way to misbehave ---

    def blob_good(self, n):
        self.part(self.start())

    def blob_cut(self, n):
        self.part(self.start(), stop=self.start() + CUT)

    def blob_crumbs(self, n):
        self.part(self.start(), stop=self.start() + 1000)

    def blob_cut_norange(self, n):
        self.part(0, stop=CUT) if n == 0 else self.part(0)

    def blob_wrong_range(self, n):
        self.part(0, stop=CUT) if n == 0 else self.part(self.start(), claim=0)

    def blob_wrong_total(self, n):
        self.part(0, stop=CUT) if n == 0 else self.part(self.start(), total=len(BLOB) + 1)

    def blob_long(self, n):
        self.answer(200, BLOB + b'more')

    def blob_short(self, n):
        self.answer(200, BLOB[:-5])

    def blob_extra(self, n):
        self.until_close(BLOB + b'more')

    def blob_noend(self, n):
        self.until_close(BLOB[:CUT]) if n == 0 else self.part(self.start())

    def blob_bytes(self, n):
        self.answer(200, b'X' + BLOB[1:])

    def blob_stall(self, n):
        self.part(0, stop=1000) if n < 0 else self.send_and_wait()

    def send_and_wait(self):
        self.send_response(200)
        self.send_header('Content-Length', str(len(BLOB)))
        self.end_headers()
        self.wfile.write(BLOB[:1000])
        self.wfile.flush()
        self.rfile.read(1)      # until the client has had enough

    def blob_stall_once(self, n):
        self.send_and_wait() if n == 0 else self.part(self.start())

    def blob_trickle(self, n):
        self.send_response(200)
        self.send_header('Content-Length', str(len(BLOB)))
        self.end_headers()
        for i in range(len(BLOB)):
            self.wfile.write(BLOB[i:i + 1])
            self.wfile.flush()
            time.sleep(0.05)

    def blob_busy(self, n):
        self.answer(503) if n < 2 else self.part(0)

    def blob_slow_down(self, n):
        self.error(429, 'TOOMANYREQUESTS', 'slow down', Retry_After='1') if n == 0 else self.part(0)

    def blob_go_away(self, n):
        self.error(429, 'TOOMANYREQUESTS', 'slow down', Retry_After='3600')

    def blob_dead(self, n):
        self.answer(500)

    def blob_loop(self, n):
        self.answer(307, Location=self.path)

    def blob_nowhere(self, n):
        self.answer(307)

    def blob_scheme(self, n):
        self.answer(307, Location='file:///etc/passwd')

    def blob_far(self, n):
        self.answer(307, Location=f'{self.server.args.other}/v2/good/blobs/{digest(BLOB)}?signed=1')

    def blob_headers(self, n):
        self.answer(200, BLOB, **{f'X_{i}': 'x' * 1000 for i in range(99)}, X_long='y' * 300000)

    def blob_fewer(self, n):
        self.part(0, stop=CUT) if n == 0 else self.answer(416)

    # --- manifests ---

    def manifest_good(self, n):
        self.answer(200, MANIFEST, Content_Type='application/vnd.oci.image.manifest.v1+json; charset=utf-8',
                    Docker_Content_Digest=digest(MANIFEST))

    def manifest_digest(self, n):
        self.answer(200, MANIFEST, Docker_Content_Digest=digest(b'other'))

    def manifest_no_digest(self, n):
        self.answer(200, MANIFEST, Docker_Content_Digest='sha256:zz')

    def manifest_huge(self, n):
        self.answer(200, b' ' * (5 << 20))

    def manifest_html(self, n):
        self.answer(404, b'<html>\x1b[2J not here')

    def manifest_control(self, n):
        self.error(403, 'DENIED', 'first\nsecond\x1b[2Jthird')

    def manifest_unknown_code(self, n):
        self.error(418, 'TEAPOT', 'short and stout')

    def manifest_echo(self, n):
        self.error(403, 'DENIED', 'you sent ' + self.headers.get('Authorization', 'nothing'))

    def manifest_flaky(self, n):
        self.hang_up() if n < 2 else self.manifest_good(n)

    # --- uploads ---

    def uploads(self):
        return self.server.uploads

    def location(self, name, session, host=''):
        return f'{host}/v2/{name}/blobs/uploads/{session}?state={len(self.uploads()[session])}'

    def chunked(self, limit=None):
        data = b''
        while limit is None or len(data) < limit:
            size = int(self.rfile.readline(), 16)
            data += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return data
        return data[:limit]

    def body(self, limit=None):
        if self.headers.get('Transfer-Encoding') == 'chunked':
            return self.chunked(limit)
        size = int(self.headers.get('Content-Length', 0))
        return self.rfile.read(size if limit is None else min(size, limit))

    def upload_start(self, name, n):
        session = f's{len(self.uploads())}'
        self.uploads()[session] = b''
        host = self.server.args.other if name == 'up_far' else ''
        self.body()
        self.answer(202, Location=self.location(name, session, host))

    def upload_status(self, name, session):
        if session not in self.uploads() or name == 'up_lost':
            return self.error(404, 'BLOB_UPLOAD_UNKNOWN', 'gone')
        have = len(self.uploads()[session])
        self.answer(204, Location=self.location(name, session), Range=f'0-{max(have - 1, 0)}')

    def upload_patch(self, name, session, n):
        have = len(self.uploads()[session])
        first = int(self.headers.get('Content-Range', f'{have}-').split('-')[0])
        if name == 'up_length' and 'Content-Length' not in self.headers:
            self.close_connection = True
            return self.answer(411)
        if first != have:
            return self.answer(416, Range=f'0-{have - 1}')
        if name == 'up_cut' and n % 2 == 0:
            self.uploads()[session] += self.body(CUT)
            return self.hang_up()
        data = self.body()
        if name == 'up_half' and n == 0:
            data = data[:1000]
        if name == 'up_busy' and n == 0:
            return self.answer(503)
        if name == 'up_416' and n == 0:
            self.uploads()[session] += data[:5000]
            return self.answer(416)
        self.uploads()[session] += data
        have = len(self.uploads()[session])
        self.answer(202, Location=self.location(name, session), Range='0-7' if name == 'up_lies' else f'0-{have - 1}')

    def upload_put(self, name, session, n):
        if name in ('up_cut', 'up_lost') and n == 0 and int(self.headers.get('Content-Length', 0)) > 0:
            self.uploads()[session] += self.body(CUT)
            return self.hang_up()
        data = self.uploads().pop(session, b'') + self.body()
        if f'digest={digest(data)}' not in self.path.replace('%3A', ':'):
            return self.error(400, 'DIGEST_INVALID', f'{len(data)} bytes')
        with open(os.path.join(self.server.args.dir, 'uploaded'), 'wb') as f:
            f.write(data)
        self.answer(201, Location='/', Docker_Content_Digest=digest(data))

    # --- the rest ---

    def tags(self, name):
        if name == 'tags_far':
            return self.answer(200, b'{"tags":["a"]}', Link=f'<{self.server.args.other}/v2/x/tags/list>; rel="next"')
        if name == 'tags_bad':
            return self.answer(200, b'{"tags":[1]}')
        if name == 'tags_null':
            return self.answer(200, b'{"name":"x","tags":null}')
        last = re.search(r'last=(\d+)', self.path)
        first = int(last.group(1)) if last else 0
        body = json.dumps({'tags': [f't{i}' for i in range(first, first + 3)]}).encode()
        if first < 9:
            return self.answer(200, body, Link=f'</v2/{name}/tags/list?n=3&last={first + 3}>; rel="next"')
        self.answer(200, body)

    def challenge(self):
        """True when the request was refused."""
        how = self.server.args.auth
        if not how or self.path.startswith('/token'):
            return False
        if how == 'basic':
            if self.headers.get('Authorization') == 'Basic ' + base64.b64encode(b'user:secret').decode():
                return False
            self.error(401, 'UNAUTHORIZED', 'who are you', WWW_Authenticate='Basic realm="hostile"')
            return True
        if self.headers.get('Authorization', '').startswith('Bearer good'):
            return False
        realm = how.split('=', 1)[1]
        self.error(401, 'UNAUTHORIZED', 'a token', WWW_Authenticate=f'Bearer realm="{realm}",service="hostile"')
        return True

    def serve(self):
        with self.server.lock:
            self.server.requests.write(f'{self.command} {self.path} {self.headers.get("Authorization", "-")}\n')
            self.server.requests.flush()
        self.path = re.sub(r'^http://[^/]*', '', self.path)     # as a proxy's clients ask
        if self.challenge():
            self.body()
            return None
        path = self.path.split('?')[0]
        if path == '/v2/':
            return self.answer(200, b'{}')
        found = re.match(r'/v2/([^/]+)/(blobs/uploads|blobs|manifests|tags|referrers)/(.*)$', path)
        if not found:
            return self.error(404, 'NAME_UNKNOWN', 'no such place')
        name, what, rest = found.groups()
        with self.server.lock:
            key = (name, self.command, what)
            n = self.server.counts.get(key, 0)
            self.server.counts[key] = n + 1
        if what == 'tags':
            return self.tags(name)
        if what == 'blobs/uploads':
            steps = {'POST': lambda: self.upload_start(name, n), 'GET': lambda: self.upload_status(name, rest),
                     'PATCH': lambda: self.upload_patch(name, rest, n), 'PUT': lambda: self.upload_put(name, rest, n)}
            return steps.get(self.command, lambda: self.answer(405))()
        if what == 'manifests' and self.command == 'PUT':
            return self.answer(201, Docker_Content_Digest=digest(self.body() + (b'x' if name == 'put_digest' else b'')))
        act = getattr(self, f'{what[:-1]}_{name}', None)
        return act(n) if act else self.error(404, 'NAME_UNKNOWN', 'no such repository')

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = serve

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass                    # clients that had enough are what this is for


def main():
    p = argparse.ArgumentParser()
    p.add_argument('dir')
    p.add_argument('--auth')
    p.add_argument('--tls', nargs=2)
    p.add_argument('--other', default='')
    args = p.parse_args()
    os.makedirs(args.dir, exist_ok=True)
    server = Server(('127.0.0.1', 0), Handler)
    server.args, server.lock, server.counts, server.uploads = args, threading.Lock(), {}, {}
    server.requests = open(os.path.join(args.dir, 'requests'), 'w')
    if args.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*args.tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    for name, data in (('blob', BLOB), ('manifest', MANIFEST), ('port', str(server.server_address[1]).encode())):
        with open(os.path.join(args.dir, name + '.new'), 'wb') as f:
            f.write(data)
        os.rename(os.path.join(args.dir, name + '.new'), os.path.join(args.dir, name))
    server.serve_forever()


main()
