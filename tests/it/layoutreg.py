#!/usr/bin/env python3
"""layoutreg.py DIR - OCI layouts served as a registry: DIR/REPO/ is the layout of repository REPO.

For tests of pull: it serves bytes as they are, good or bad. Every tag is the first entry of index.json. The
port the kernel gave is written to DIR/port, a line for each request to DIR/requests. What goes wrong is read
from DIR/mode at each request for a layer, one word:

    cut     the connection breaks in the middle, once for each blob
    flip    one bit in the middle is wrong
    hold    in the middle, wait until the mode is another
"""
import http.server
import json
import os
import sys
import threading
import time

sys.dont_write_bytecode = True
TOP = sys.argv[1]
LOCK = threading.Lock()
CUT = set()


def mode():
    try:
        with open(TOP + '/mode') as f:
            return f.read().strip()
    except FileNotFoundError:
        return ''


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def head(self, status, size, media='application/octet-stream', **more):
        self.send_response(status)
        self.send_header('Content-Length', str(size))
        self.send_header('Content-Type', media)
        for k, v in more.items():
            self.send_header(k.replace('_', '-'), v)
        self.end_headers()

    def manifest(self, repo, ref):
        with open('%s/%s/index.json' % (TOP, repo)) as f:
            entry = json.load(f)['manifests'][0]
        digest = ref if ref.startswith('sha256:') else entry['digest']
        with open('%s/%s/blobs/sha256/%s' % (TOP, repo, digest[7:]), 'rb') as f:
            data = f.read()
        try:
            media = json.loads(data).get('mediaType') or 'application/vnd.oci.image.manifest.v1+json'
        except ValueError:
            media = 'application/vnd.oci.image.manifest.v1+json'
        self.head(200, len(data), media, Docker_Content_Digest=digest)
        if self.command == 'GET':
            self.wfile.write(data)

    def blob(self, repo, digest):
        with open('%s/%s/blobs/sha256/%s' % (TOP, repo, digest[7:]), 'rb') as f:
            data = f.read()
        start = 0
        if self.headers.get('Range'):
            start = int(self.headers['Range'].split('=')[1].split('-')[0])
            self.head(206, len(data) - start, Content_Range='bytes %d-%d/%d' % (start, len(data) - 1, len(data)))
        else:
            self.head(200, len(data))
        if self.command == 'GET':
            self.body(digest, data, start, mode() if len(data) > 2000 else '')

    def body(self, digest, data, start, how):
        middle = max(start, len(data) // 2)
        if how == 'flip' and middle < len(data):
            data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:]
        self.wfile.write(data[start:middle])
        self.wfile.flush()
        if how == 'cut' and digest not in CUT:
            CUT.add(digest)
            self.close_connection = True
            return
        while how == 'hold' and mode() == 'hold':
            time.sleep(0.02)
        self.wfile.write(data[middle:])

    def do_GET(self):
        with LOCK, open(TOP + '/requests', 'a') as f:
            f.write('%s %s %s\n' % (self.command, self.path, self.headers.get('Range', '')))
        part = self.path.split('?')[0].split('/')
        try:
            if self.path in ('/v2', '/v2/'):
                self.head(200, 0)
            elif len(part) > 4 and part[-2] == 'manifests':
                self.manifest('/'.join(part[2:-2]), part[-1])
            elif len(part) > 4 and part[-2] == 'blobs':
                self.blob('/'.join(part[2:-2]), part[-1])
            elif part[-2:] == ['tags', 'list']:
                body = json.dumps({'name': '/'.join(part[2:-2]), 'tags': ['one', 'two']}).encode()
                self.head(200, len(body), 'application/json')
                self.wfile.write(body)
            else:
                self.head(404, 0)
        except FileNotFoundError:
            self.head(404, 0)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_HEAD = do_GET


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


server = Server(('127.0.0.1', 0), Handler)
with open(TOP + '/port.new', 'w') as f:
    f.write(str(server.server_port))
os.rename(TOP + '/port.new', TOP + '/port')
server.serve_forever()
