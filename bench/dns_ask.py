#!/usr/bin/env python3
"""dns_ask.py SERVER WINDOW NAME COUNT - asks COUNT times for the address of NAME, WINDOW questions at a time from
as many ports; prints the one answer that all agree on."""
import select
import socket
import struct
import sys


def main(server, window, name, count):
    window, count = min(int(window), int(count)), int(count)
    question = b''.join(bytes([len(x)]) + x.encode() for x in name.split('.')) + b'\0' + struct.pack('>HH', 1, 1)
    socks = []
    poll = select.epoll()
    for i in range(window):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect((server, 53))
        poll.register(s, select.EPOLLIN)
        socks.append(s)
    by_fd = {s.fileno(): s for s in socks}
    query = struct.pack('>6H', 77, 0x100, 1, 0, 0, 0) + question
    sent = answered = 0
    answers = set()
    for s in socks:
        s.send(query)
        sent += 1
    while answered < count:
        ready = poll.poll(20)
        if not ready:
            sys.exit(1)
        for fd, _ in ready:
            msg = by_fd[fd].recv(512)
            answered += 1
            answers.add(socket.inet_ntoa(msg[-4:]) if struct.unpack_from('>H', msg, 6)[0] == 1 else 'none')
            if sent < count:
                by_fd[fd].send(query)
                sent += 1
    if len(answers) != 1:
        sys.exit(1)
    print(answers.pop())


main(*sys.argv[1:])
