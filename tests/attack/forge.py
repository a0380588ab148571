#!/usr/bin/env python3
"""forge.py KIND IF [KEY=VALUE...] - sends one frame that the kernel would not send for this interface, or hears some.

    arp     mac ip                  "ip is at mac" to everybody
    udp     src dst sport dport text [mac]      a datagram from somebody else's address; IPv4 or IPv6
    na      target mac dst          a neighbour advertisement that overrides what is known, from our own address
    ra      prefix                  a router advertisement from our own address
    frame   type text               of an unknown kind
    hear    type                    prints the text of each frame of that kind

`to=MAC` is where the frame goes (everybody else), `then=ADDRESS` a datagram "genuine" to port 7000 afterwards, sent in
the usual way: when it has arrived, so has what was before it, or never will.
"""
import fcntl
import socket
import struct
import sys

ALL = 'ff:ff:ff:ff:ff:ff'


def mac(text):
    return bytes.fromhex(text.replace(':', ''))


def checksum(data):
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def addr(text):
    return socket.inet_pton(socket.AF_INET6 if ':' in text else socket.AF_INET, text)


def ip6(src, dst, kind, body, hops):
    return struct.pack('>IHBB', 6 << 28, len(body), kind, hops) + src + dst + body


def sealed(src, dst, kind, body, at):
    """The body with its checksum in place, as IPv6 wants it and IPv4's UDP likewise."""
    pseudo = src + dst + (struct.pack('>II', len(body), kind) if len(src) == 16 else struct.pack('>HH', kind, len(body)))
    return body[:at] + struct.pack('>H', checksum(pseudo + body)) + body[at + 2:]


def own(iface):
    """SIOCGIFHWADDR: /sys shows the links of the namespace that it was mounted in."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        return fcntl.ioctl(s, 0x8927, struct.pack('256s', iface.encode()))[18:24]


def own6(iface):
    """Our link-local address, as made from the MAC."""
    m = own(iface)
    return addr('fe80::')[:8] + bytes([m[0] ^ 2]) + m[1:3] + b'\xff\xfe' + m[3:]


def arp(o, iface):
    m, ip = mac(o['mac']), addr(o['ip'])
    return 0x0806, struct.pack('>HHBBH', 1, 0x0800, 6, 4, 2) + m + ip + mac(ALL) + ip


def udp(o, iface):
    src, dst, text = addr(o['src']), addr(o['dst']), o['text'].encode()
    body = sealed(src, dst, 17, struct.pack('>HHHH', int(o['sport']), int(o['dport']), 8 + len(text), 0) + text, 6)
    if len(src) == 16:
        return 0x86dd, ip6(src, dst, 17, body, 64)
    head = struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(body), 1, 0, 64, 17, 0) + src + dst
    return 0x0800, head[:10] + struct.pack('>H', checksum(head)) + head[12:] + body


def na(o, iface):
    src, dst, target = addr(o['src']), addr(o['dst']), addr(o['target'])
    body = struct.pack('>BBHI', 136, 0, 0, 0x60000000) + target + b'\x02\x01' + mac(o['mac'])
    return 0x86dd, ip6(src, dst, 58, sealed(src, dst, 58, body, 2), 255)


def ra(o, iface):
    src, dst = own6(iface), addr('ff02::1')
    body = struct.pack('>BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0) + b'\x01\x01' + own(iface)
    body += struct.pack('>BBBBIII', 3, 4, 64, 0xc0, 3600, 3600, 0) + addr(o['prefix'])
    return 0x86dd, ip6(src, dst, 58, sealed(src, dst, 58, body, 2), 255)


def frame(o, iface):
    return int(o['type'], 16), o['text'].encode()


def hear(o, iface):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(int(o['type'], 16)))
    s.bind((iface, int(o['type'], 16)))
    print('ready', flush=True)
    while True:
        print(s.recv(2048).rstrip(b'\0').decode(errors='replace'), flush=True)


def main(args):
    kind, iface = args[:2]
    o = dict(a.split('=', 1) for a in args[2:])
    if kind == 'hear':
        hear(o, iface)
    ethertype, body = {'arp': arp, 'udp': udp, 'na': na, 'ra': ra, 'frame': frame}[kind](o, iface)
    source = mac(o['as']) if 'as' in o else own(iface)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((iface, 0))
    s.send(mac(o.get('to', ALL)) + source + struct.pack('>H', ethertype) + body)
    if 'then' in o:
        g = socket.socket(socket.AF_INET6 if ':' in o['then'] else socket.AF_INET, socket.SOCK_DGRAM)
        g.sendto(b'genuine', (o['then'], 7000))


main(sys.argv[1:])
