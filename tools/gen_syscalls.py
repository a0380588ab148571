#!/usr/bin/env python3
"""Turns src/oci/syscalls.tsv into a C header: gen_syscalls.py TABLE HEADER

An id is a name's place in the table. The header has
  enum            SYSCALL_read and so on, the ids; SYSCALL_COUNT
and, for the file that defines SYSCALLS_DATA (src/oci/syscalls.c),
  names_text, name_at[]  id to name (offsets, so that a start-up needs no relocations)
  name_slots[]    open-addressed hash (FNV-1a) from name to id + 1
  mux[]           id to parent id and first argument, for socketcall and ipc
  calls_ARCH[]    (number - base) << 12 | id, ascending
  base_ARCH       what the numbers count from
"""
import sys
from itertools import accumulate

ID_BITS = 12
X32_BIT = 0x40000000
OFFSETS = {"x32": X32_BIT}


def fnv1a(name):
    value = 2166136261
    for byte in name.encode():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


def read(path):
    with open(path, encoding="ascii") as file:
        lines = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
    header, rows = lines[0], lines[1:]
    if any(len(row) != len(header) for row in rows):
        sys.exit(f"{path}: a row has not {len(header)} columns")
    return header[2:], rows


def array(kind, name, values):
    lines = [f"static const {kind} {name}[] = {{"]
    values = list(values)
    for at in range(0, len(values), 12):
        lines.append("\t" + " ".join(f"{value}," for value in values[at:at + 12]))
    return lines + ["};"]


def hash_slots(names):
    size = 1
    while size < 4 * len(names):
        size *= 2
    slots = [0] * size
    for number, name in enumerate(names):
        at = fnv1a(name) % size
        while slots[at]:
            at = (at + 1) % size
        slots[at] = number + 1
    return slots


def calls(rows, column, base):
    numbers = sorted((int(row[column]) - base, at) for at, row in enumerate(rows) if row[column] != "-")
    if numbers[0][0] < 0 or numbers[-1][0] >= 1 << (32 - ID_BITS):
        sys.exit("a number does not fit")
    return [hex(number << ID_BITS | at) for number, at in numbers]


def main():
    archs, rows = read(sys.argv[1])
    names = [row[0] for row in rows]
    out = ["/* Made from syscalls.tsv by tools/gen_syscalls.py. */", "#pragma once", "", "enum syscall_id {"]
    out += [f"\tSYSCALL_{name}," for name in names]
    out += ["\tSYSCALL_COUNT", "};", "", "#ifdef SYSCALLS_DATA"]
    out += ["static const char names_text[] =", *[f'\t"{name}\\0"' for name in names[:-1]], f'\t"{names[-1]}";']
    out += array("unsigned short", "name_at", accumulate((len(name) + 1 for name in names[:-1]), initial=0))
    out += array("unsigned short", "name_slots", hash_slots(names))
    out += ["static const struct syscall_mux mux[SYSCALL_COUNT] = {"]
    for row in rows:
        if row[1] != "-":
            parent, number = row[1].split(":")
            out.append(f"\t[SYSCALL_{row[0]}] = {{ SYSCALL_{parent}, {number} }},")
    out.append("};")
    for column, arch in enumerate(archs, 2):
        base = OFFSETS.get(arch, 0)
        out.append(f"enum {{ base_{arch} = {base} }};")
        out += array("unsigned", f"calls_{arch}", calls(rows, column, base))
    out.append("#endif")
    with open(sys.argv[2], "w", encoding="ascii") as file:
        file.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
