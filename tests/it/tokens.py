"""tokens.py - a token server as docker-registry wants it.

    tokens.py DIR CERT KEY

While DIR/spoil is there, it is removed and a token is given that no registry takes. Port in DIR/port; a line for each request in DIR/asked ("METHOD scope=... [user|idtoken]"). User "user" with
"secret" may do everything, anonymous may pull from public/.
"""
import base64
import http.server
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse

DIR, CERT, KEY = sys.argv[1:]


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def sign(claims):
    pem = open(CERT).read()
    der = ''.join(re.search(r'-----BEGIN CERTIFICATE-----\n(.*?)-----END', pem, re.S).group(1).split())
    head = {'typ': 'JWT', 'alg': 'RS256', 'x5c': [der]}
    text = b64(json.dumps(head).encode()) + '.' + b64(json.dumps(claims).encode())
    done = subprocess.run(['openssl', 'dgst', '-sha256', '-sign', KEY], input=text.encode(), capture_output=True, check=True)
    return text + '.' + b64(done.stdout)


def access(scope, who):
    kind, name, actions = scope.split(':')
    actions = [a for a in actions.split(',') if who or (a == 'pull' and name.startswith('public/'))]
    return {'type': kind, 'name': name, 'actions': actions}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def give(self, scopes, who):
        with open(os.path.join(DIR, 'asked'), 'a') as f:
            f.write(' '.join([self.command] + ['scope=' + s for s in scopes] + ([who] if who else [])) + '\n')
        now = int(time.time())
        token = sign({'iss': 'tester', 'sub': who, 'aud': 'test', 'exp': now + 300, 'nbf': now - 10, 'iat': now,
                      'jti': str(time.time_ns()), 'access': [access(s, who) for s in scopes]})
        spoil = os.path.join(DIR, 'spoil')
        if os.path.exists(spoil):
            os.remove(spoil)
            token = token[:-8] + 'AAAAAAAA'
        self.reply(200, json.dumps({'token': token, 'expires_in': 300}).encode())

    def reply(self, status, body=b''):
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        auth = self.headers.get('Authorization')
        if auth and auth != 'Basic ' + base64.b64encode(b'user:secret').decode():
            return self.reply(401)
        self.give(query.get('scope', []), 'user' if auth else '')

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers['Content-Length'])).decode())
        if form.get('grant_type') != ['refresh_token'] or form.get('refresh_token') != ['idtoken']:
            return self.reply(401)
        self.give(form.get('scope', [''])[0].split(), 'idtoken')

    def log_message(self, *args):
        pass


os.makedirs(DIR, exist_ok=True)
open(os.path.join(DIR, 'asked'), 'w').close()
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
with open(os.path.join(DIR, 'port.new'), 'w') as f:
    f.write(str(server.server_address[1]))
os.rename(os.path.join(DIR, 'port.new'), os.path.join(DIR, 'port'))
server.serve_forever()
