#!/usr/bin/env python3
"""coverage_spec.py - which fields of the runtime specification and which flags have no test that reads their effect.

    tools/coverage_spec.py DAVIT-OCI [TREE]

The fields come from the lists that decode them (DV_VIEW), the flags from the program's own help. A test
says what it reads by a comment in a bats file: "# spec: process.cwd" or "# flag: exec --cwd". Printed is
what has no such comment, and comments that name nothing; the exit status says whether there was any.
"""
import pathlib
import re
import subprocess
import sys

VIEW = re.compile(r'^#define (\w+)\(F, c\) \\\n((?:.*\\\n)*.*\n)', re.M)
ROW = re.compile(r'F\(c,\s*(\w+),\s*\w+,\s*"([^"]+)",\s*\w+,\s*(?:NULL|&(\w+)_schema)\)')
NAME = re.compile(r'^DV_VIEW(?:_STRUCT|_SCHEMA)?\((\w+), (\w+)\)', re.M)
MARK = re.compile(r'^\s*# (spec|flag): (\S.*?)\s*$', re.M)

# Objects that another module decodes from a node, and those whose members are not a list of fields.
NODES = {
    'linux.resources': 'res',
    'linux.resources.devices': 'res_device',
    'linux.seccomp': 'seccomp_view',
}
MEMBERS = {
    'linux.timeOffsets': ['monotonic.secs', 'monotonic.nanosecs', 'boottime.secs', 'boottime.nanosecs'],
}


def read_views(tree):
    macros, views = {}, {}
    for path in sorted((tree / 'src/oci').glob('*.[ch]')):
        text = path.read_text()
        for name, body in VIEW.findall(text):
            macros[name] = ROW.findall(body)
        views.update(dict(NAME.findall(text)))
    return {view: macros[macro] for view, macro in views.items() if macro in macros}


def fields(views, view, where=''):
    for kind, path, schema in views[view]:
        full = where + path
        if schema:
            yield from fields(views, schema, full + '.')
        elif full in NODES:
            yield from fields(views, NODES[full], full + '.')
        elif full in MEMBERS:
            yield from (f'{full}.{m}' for m in MEMBERS[full])
        else:
            yield full


def flags(program):
    def help_of(*verb):
        out = subprocess.run([program, *verb, '--help'], capture_output=True, text=True, check=True).stdout
        return out, re.findall(r'^ +(?:-\w, )?(--[a-z0-9-]+)', out, re.M)

    text, own = help_of()
    yield from own
    verbs = re.findall(r'^  ([a-z]+) ', text.split('Commands:')[1].split('\n\n')[0], re.M)
    for verb in verbs:
        yield from (f'{verb} {flag}' for flag in help_of(verb)[1])


def marks(tree):
    found = {'spec': set(), 'flag': set()}
    for path in sorted((tree / 'tests/it').glob('oci_*.bats')):     # the flags of other programs have other lists
        for kind, name in MARK.findall(path.read_text()):
            found[kind].add(name)
    return found


def main():
    program = sys.argv[1]
    tree = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else pathlib.Path(__file__).resolve().parent.parent)
    known = {'spec': set(fields(read_views(tree), 'spec')), 'flag': set(flags(program))}
    have = marks(tree)
    bad = 0
    for kind in ('spec', 'flag'):
        if len(known[kind]) < 50:
            sys.exit(f'coverage_spec: only {len(known[kind])} names of kind {kind}: the lists are not found')
        for name in sorted(known[kind] - have[kind]):
            print(f'{kind}: {name}: no test')
            bad += 1
        for name in sorted(have[kind] - known[kind]):
            print(f'{kind}: {name}: a test names it, nothing knows it')
            bad += 1
    print(f'{len(known["spec"])} fields, {len(known["flag"])} flags, {bad} without a test')
    return bad != 0


if __name__ == '__main__':
    sys.exit(main())
