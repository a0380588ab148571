#!/usr/bin/env python3
"""dns_ask.py SERVER NAME [TYPE [FROM]] - one question; prints the answer's addresses or names, or its code.

TYPE is A, AAAA or PTR; FROM is the address it is asked from. `+tcp` before SERVER asks by TCP.
"""
import socket
import struct
import sys

TYPES = {'A': 1, 'AAAA': 28, 'PTR': 12}
CODES = {0: 'NODATA', 1: 'FORMERR', 2: 'SERVFAIL', 3: 'NXDOMAIN', 4: 'NOTIMP', 5: 'REFUSED'}


def name_at(msg, at):
    labels = []
    while msg[at]:
        if msg[at] >= 0xc0:
            at = struct.unpack_from('>H', msg, at)[0] & 0x3fff
            continue
        labels.append(msg[at + 1:at + 1 + msg[at]].decode())
        at += msg[at] + 1
    return '.'.join(labels)


def data(msg, at, kind, size):
    if kind == 1:
        return socket.inet_ntop(socket.AF_INET, msg[at:at + size])
    if kind == 28:
        return socket.inet_ntop(socket.AF_INET6, msg[at:at + size])
    return name_at(msg, at)


def read(msg):
    _, flags, _, answers, _, _ = struct.unpack_from('>6H', msg)
    at = 12
    while msg[at]:
        at += msg[at] + 1
    at += 5
    found = []
    for _ in range(answers):
        kind, _, _, size = struct.unpack_from('>HHIH', msg, at + 2)
        found.append(data(msg, at + 12, kind, size))
        at += 12 + size
    return ' '.join(found) or CODES.get(flags & 15, 'code %d' % (flags & 15))


def main(args):
    tcp = args[0] == '+tcp'
    server, name = args[tcp:tcp + 2]
    kind, source = (args[tcp + 2:] + ['A', ''][len(args) - tcp - 2:])
    question = b''.join(bytes([len(x)]) + x.encode() for x in name.rstrip('.').split('.')) + b'\0'
    query = struct.pack('>6H', 4711, 0x100, 1, 0, 0, 0) + question + struct.pack('>HH', TYPES[kind], 1)
    family = socket.AF_INET6 if ':' in server else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    s.settimeout(20)
    if source:
        s.bind((source, 0))
    s.connect((server, 53))
    if tcp:
        s.sendall(struct.pack('>H', len(query)) + query)
        size = struct.unpack('>H', s.recv(2, socket.MSG_WAITALL))[0]
        print(read(s.recv(size, socket.MSG_WAITALL)))
    else:
        s.send(query)
        print(read(s.recv(4096)))


main(sys.argv[1:])
