#!/usr/bin/env python3
"""Writes src/oci/syscalls.tsv from kernel headers.

	tools/syscalls.py DIR >src/oci/syscalls.tsv

DIR holds one unpacked linux-libc-dev-ARCH-cross package per architecture, as
DIR/ARCH/usr/.../include (the package names are in HEADERS). Run it when a new
kernel adds calls: the table is committed, builds do not need the headers.

Calls newer than the headers come from NEWER: since Linux 5.1 a new call has
the same number everywhere, apart from the offsets of mips and x32.
"""
import glob
import re
import subprocess
import sys

X32_BIT = 0x40000000

# column: (package, header, defines, offset of the newer calls)
HEADERS = {
    "x86_64": ("amd64", "asm/unistd_64.h", [], 0),
    "x86": ("i386", "asm/unistd_32.h", [], 0),
    "x32": ("x32", "asm/unistd_x32.h", ["__X32_SYSCALL_BIT=0x40000000"], X32_BIT),
    "aarch64": ("arm64", "asm/unistd.h", [], 0),
    "arm": ("armhf", "asm/unistd.h", ["__ARM_EABI__"], 0),
    "riscv64": ("riscv64", "asm/unistd.h", ["__riscv_xlen=64", "__LP64__", "__SIZEOF_POINTER__=8"], 0),
    "loongarch64": ("arm64", "asm-generic/unistd.h",
                    ["__BITS_PER_LONG=64", "__ARCH_WANT_NEW_STAT", "__ARCH_WANT_SYS_CLONE3",
                     "__ARCH_WANT_MEMFD_SECRET"], 0),
    "s390x": ("s390x", "asm/unistd_64.h", [], 0),
    "s390": ("s390x", "asm/unistd_32.h", [], 0),
    "ppc64": ("ppc64el", "asm/unistd_64.h", [], 0),
    "ppc": ("powerpc", "asm/unistd_32.h", [], 0),
    "mips": ("mipsel", "asm/unistd_o32.h", ["__NR_Linux=4000"], 4000),
    "mips64": ("mips64el", "asm/unistd_n64.h", ["__NR_Linux=5000"], 5000),
    "mips64n32": ("mipsn32el", "asm/unistd_n32.h", ["__NR_Linux=6000"], 6000),
    "m68k": ("m68k", "asm/unistd_32.h", [], 0),
    "sh": ("sh4", "asm/unistd_32.h", [], 0),
    "parisc": ("hppa", "asm/unistd_32.h", [], 0),
    "parisc64": ("hppa", "asm/unistd_64.h", ["__LP64__"], 0),
}

NEWER = {
    "cachestat": 451, "fchmodat2": 452, "map_shadow_stack": 453, "futex_wake": 454, "futex_wait": 455,
    "futex_requeue": 456, "statmount": 457, "listmount": 458, "lsm_get_self_attr": 459,
    "lsm_set_self_attr": 460, "lsm_list_modules": 461, "mseal": 462, "setxattrat": 463,
    "getxattrat": 464, "listxattrat": 465, "removexattrat": 466, "open_tree_attr": 467,
    "file_getattr": 468, "file_setattr": 469, "listns": 470, "rseq_slice_yield": 471,
}
SOME_ARCHS = {
    ("uretprobe", "x86_64"): 335, ("uretprobe", "x32"): X32_BIT + 335,
    ("uprobe", "x86_64"): 336, ("uprobe", "x32"): X32_BIT + 336,
    ("riscv_hwprobe", "riscv64"): 258, ("memfd_secret", "s390x"): 447, ("memfd_secret", "s390"): 447,
    ("cacheflush", "parisc"): 356, ("cacheflush", "parisc64"): 356,
}
NOT_THERE = {("map_shadow_stack", "x32")}

# The calls behind socketcall(2) and ipc(2), by their first argument.
MULTIPLEXED = {
    "socketcall": {
        "socket": 1, "bind": 2, "connect": 3, "listen": 4, "accept": 5, "getsockname": 6, "getpeername": 7,
        "socketpair": 8, "send": 9, "recv": 10, "sendto": 11, "recvfrom": 12, "shutdown": 13,
        "setsockopt": 14, "getsockopt": 15, "sendmsg": 16, "recvmsg": 17, "accept4": 18, "recvmmsg": 19,
        "sendmmsg": 20,
    },
    "ipc": {
        "semop": 1, "semget": 2, "semctl": 3, "semtimedop": 4, "msgsnd": 11, "msgrcv": 12, "msgget": 13,
        "msgctl": 14, "shmat": 21, "shmdt": 22, "shmget": 23, "shmctl": 24,
    },
}

# Not calls: limits and bases that the headers define beside them, and names no kernel ever served.
NOT_CALLS = re.compile(r"^(Linux|.*_Linux(_syscalls)?|syscalls|SYSCALL_.*|OABI_.*|arch_specific_syscall|BASE|"
                       r"syscall_count|reserved.*|unused.*|Linux_syscalls)$")


def preprocess(include, text, defines, *options):
    run = subprocess.run(["cc", "-E", "-P", "-undef", "-nostdinc", "-I", include, *["-D" + d for d in defines],
                          *options, "-xc", "-"], input=text, capture_output=True, text=True, check=True)
    return run.stdout


def numbers(root, package, header, defines):
    include = glob.glob(f"{root}/{package}/usr/*/include")[0]
    source = f"#include <{header}>\n"
    names = re.findall(r"^#define __(?:ARM_)?NR3264_?\w*|^#define (__(?:ARM_)?NR_(\w+))\b",
                       preprocess(include, source, defines, "-dM"), re.M)
    calls = {name: macro for macro, name in names if name and not NOT_CALLS.match(name)}
    ask = source + "".join(f"@{name} {macro}\n" for name, macro in sorted(calls.items()))
    result = {}
    for name, value in re.findall(r"^@(\w+) ([^\n]+)$", preprocess(include, ask, defines), re.M):
        if re.fullmatch(r"[0-9a-fA-Fx+() ]+", value):
            result[name] = eval(value)  # arithmetic on constants of the header, checked above
    return result


def main():
    table = {}
    for column, (package, header, defines, offset) in HEADERS.items():
        calls = numbers(sys.argv[1], package, header, defines)
        for name, number in NEWER.items():
            if (name, column) not in NOT_THERE:
                calls.setdefault(name, number + offset)
        for name, number in calls.items():
            table.setdefault(name, {})[column] = number
    for (name, column), number in SOME_ARCHS.items():
        table.setdefault(name, {})[column] = number
    print("# Linux system calls: name, then its number per architecture ('-': none). Written by tools/syscalls.py.")
    print("# mux: the call and first argument it hides behind where socketcall and ipc exist.")
    print("\t".join(["name", "mux", *HEADERS]))
    mux = {child: f"{parent}:{n}" for parent, children in MULTIPLEXED.items() for child, n in children.items()}
    for name in sorted(table):
        print("\t".join([name, mux.get(name, "-"), *[str(table[name].get(c, "-")) for c in HEADERS]]))


if __name__ == "__main__":
    main()
