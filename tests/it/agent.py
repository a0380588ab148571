#!/usr/bin/python3
"""The other end of the sockets a runtime talks to. Each command listens on SOCKET, says "ready" and then
prints what arrives.

    agent.py console SOCKET [TEXT]      a terminal's descriptor: writes TEXT to it, prints what it says
    agent.py pidfd SOCKET               a pidfd: prints the pid behind it
    agent.py notify SOCKET ERRNO [N]    a seccomp listener: prints its message, answers N calls with ERRNO (0: go on)
    agent.py datagram SOCKET N          N datagrams, a line each
    agent.py listen SOCKET PROGRAM...   runs PROGRAM with the listening socket as descriptor 3
"""
import array
import fcntl
import json
import os
import socket
import struct
import sys

SECCOMP_RECV = 0xC0502100   # struct seccomp_notif is 80 bytes
SECCOMP_SEND = 0xC0182101
FLAG_CONTINUE = 1


def serve(path, kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_UNIX, kind)
    s.bind(path)
    if kind == socket.SOCK_STREAM:
        s.listen(4)
    return s


def ready():
    print("ready", flush=True)


def receive_fd(conn):
    fds = array.array("i")
    data, ancillary, _, _ = conn.recvmsg(65536, socket.CMSG_SPACE(16 * fds.itemsize))
    for level, kind, body in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(body[:len(body) - len(body) % fds.itemsize])
    return data, list(fds)


def accept_fd(path):
    s = serve(path)
    ready()
    conn, _ = s.accept()
    return receive_fd(conn)


def console(path, text=None):
    data, (fd,) = accept_fd(path)
    print("name", data.decode(), flush=True)
    if text:
        os.write(fd, text.encode().decode("unicode_escape").encode())
    while True:
        try:
            chunk = os.read(fd, 4096)
        except OSError:
            break
        if not chunk:
            break
        os.write(1, chunk)


def pidfd(path):
    data, (fd,) = accept_fd(path)
    with open(f"/proc/self/fdinfo/{fd}") as f:
        for line in f:
            if line.startswith("Pid:"):
                print("pid", line.split()[1], flush=True)


def notify(path, errno, calls=1):
    data, fds = accept_fd(path)
    print(json.dumps(json.loads(data)), flush=True)
    for _ in range(int(calls)):
        request = bytearray(80)
        fcntl.ioctl(fds[0], SECCOMP_RECV, request)
        ident, pid, _, number = struct.unpack_from("=QIIi", request)
        print("call", number, flush=True)
        flags = 0 if int(errno) else FLAG_CONTINUE
        fcntl.ioctl(fds[0], SECCOMP_SEND, struct.pack("=QqiI", ident, 0, -int(errno), flags))


def datagram(path, count):
    s = serve(path, socket.SOCK_DGRAM)
    ready()
    for _ in range(int(count)):
        print(s.recv(4096).decode().replace("\n", "\\n"), flush=True)


def listen(path, *program):
    s = serve(path)
    if s.fileno() != 3:
        os.dup2(s.fileno(), 3)
    os.set_inheritable(3, True)
    os.environ["LISTEN_FDS"] = "1"
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.execvp(program[0], program)


if __name__ == "__main__":
    {f.__name__: f for f in (console, pidfd, notify, datagram, listen)}[sys.argv[1]](*sys.argv[2:])
