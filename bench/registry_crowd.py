"""registry_crowd.py - many clients at once: the most memory a registry had meanwhile, in KiB.

    registry_crowd.py ADDRESS PID PULLS PUSHES MEGABYTES

Each pull reads the same blob, each push sends one of its own; every byte is counted, every status looked at.
"""
import hashlib
import http.client
import os
import sys
import threading

address, pid = sys.argv[1], int(sys.argv[2])
pulls, pushes, size = int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]) << 20
block = os.urandom(1 << 20)
wrong = []


def blob(first):
    """The pieces of a blob that begins with this byte."""
    yield bytes([first])
    for _ in range(size >> 20):
        yield block


def digest(first):
    h = hashlib.sha256()
    for piece in blob(first):
        h.update(piece)
    return "sha256:" + h.hexdigest()


def push(first):
    c = http.client.HTTPConnection(address, timeout=600)
    c.request("POST", f"/v2/crowd/blobs/uploads/?digest={digest(first)}", blob(first),
              {"Content-Length": str(size + 1)})
    r = c.getresponse()
    r.read()
    if r.status != 201:
        wrong.append(f"push: {r.status}")


def pull(name):
    c = http.client.HTTPConnection(address, timeout=600)
    c.request("GET", f"/v2/crowd/blobs/{name}")
    r, n, room = c.getresponse(), 0, bytearray(1 << 18)
    while k := r.readinto(room):
        n += k
    if r.status != 200 or n != size + 1:
        wrong.append(f"pull: {r.status}, {n} bytes")


def resident():
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def guarded(f, arg):
    try:
        f(arg)
    except (OSError, http.client.HTTPException) as e:
        wrong.append(f"{f.__name__}: {e}")


push(0)
name = digest(0)
threads = [threading.Thread(target=guarded, args=(pull, name)) for _ in range(pulls)]
threads += [threading.Thread(target=guarded, args=(push, i % 255 + 1)) for i in range(pushes)]
top = resident()
for t in threads:
    t.start()
while any(t.is_alive() for t in threads):
    top = max(top, resident())
    threads[0].join(0.02)
    threads = [t for t in threads if t.is_alive()] or threads[:1]
if wrong:
    sys.exit(f"{len(wrong)} wrong, such as {wrong[0]}")
print(max(top, resident()))
