#!/usr/bin/python3
"""static - are the static programs static, small, and free of glibc's name services?

    static.py BUILD-TREE

Checks the programs that exist, and what our own libraries call. dlopen() is
checked in those only: glibc's static library has it in every program.
"""
import os
import struct
import subprocess
import sys
import tempfile

# program: largest size stripped, in bytes
PROGRAMS = {
    'davit': 6 << 20,
    'davit-oci': 768 << 10,
    'davit-monitor': 1536 << 10,
    'davit-netd': 2 << 20,
}
# libraries of the modules that only dynamic programs link
DYNAMIC = {'transfer', 'registry', 'http', 'store', 'kube', 'api', 'ctl', 'sched', 'node', 'proxy', 'mesh', 'web'}
FORBIDDEN = {'getpwnam', 'getpwnam_r', 'getpwuid', 'getpwuid_r', 'getpwent', 'getgrnam', 'getgrnam_r', 'getgrgid', 'getgrgid_r',
             'getgrouplist', 'initgroups', 'getaddrinfo', 'gethostbyname', 'gethostbyname_r', 'iconv_open', 'dlopen'}
PT_INTERP = 3
# These have src/small/heap.c, which is for one thread; with glibc instead of musl they have glibc's.
ONE_THREAD = {'davit-oci', 'davit-monitor'}


def has_interpreter(path):
    """Does the ELF file (64 bit, of this machine) ask for a dynamic loader?"""
    with open(path, 'rb') as f:
        data = f.read()
    offset, = struct.unpack_from('<Q', data, 32)
    size, count = struct.unpack_from('<HH', data, 54)
    return any(struct.unpack_from('<I', data, offset + i * size)[0] == PT_INTERP for i in range(count))


def stripped_size(path):
    with tempfile.NamedTemporaryFile() as f:
        subprocess.run(['strip', '-o', f.name, path], check=True)
        return os.path.getsize(f.name)


def symbols(path, *options):
    out = subprocess.run(['nm', *options, path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
    return {line.split()[-1].partition('@')[0] for line in out.splitlines() if line.split()}


def check_program(path, size_max):
    name = os.path.basename(path)
    if has_interpreter(path):
        yield f'{name}: not static: it has a PT_INTERP'
        return
    size = stripped_size(path)
    if size > size_max:
        yield f'{name}: {size} bytes stripped, more than {size_max}'
    for symbol in sorted((FORBIDDEN & symbols(path)) - {'dlopen'}):
        yield f'{name}: {symbol} is linked'
    if name in ONE_THREAD and 'gnu_get_libc_version' not in symbols(path) and 'pthread_create' in symbols(path):
        yield f'{name}: pthread_create is linked, and its heap is for one thread'


def check_library(path):
    for symbol in sorted(FORBIDDEN & symbols(path, '--undefined-only')):
        yield f'{os.path.basename(path)}: calls {symbol}, and static programs link it'


def check(build):
    problems, seen = [], 0
    for name, size_max in PROGRAMS.items():
        path = os.path.join(build, name)
        if os.path.isfile(path):
            seen += 1
            problems.extend(check_program(path, size_max))
    for module in sorted(os.listdir(os.path.join(build, 'src'))):
        folder = os.path.join(build, 'src', module)
        if module in DYNAMIC or not os.path.isdir(folder):
            continue
        for name in sorted(os.listdir(folder)):
            if name.endswith('.a'):
                seen += 1
                problems.extend(check_library(os.path.join(folder, name)))
    if not seen:
        problems.append(f'{build}: nothing to check')
    return problems


def main():
    problems = check(sys.argv[1])
    for p in problems:
        print(p)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
