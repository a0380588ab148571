#!/usr/bin/env python3
"""coverage_flags.py - which flags of davit's container commands have no test that reads their effect.

    tools/coverage_flags.py DAVIT [TREE]

The flags are those that the program's help shows, and the rows of src/cli/ctr_opts*.h, which has hidden ones. A
test says what it reads by a comment in a bats file: "# flag: run --cpus". Flags
that `create` shares with `run` are tested with run. Printed is what has no such comment, and comments that name
nothing; the exit status says whether there was any.
"""
import pathlib
import re
import subprocess
import sys

VERBS = ['run', 'create', 'exec', 'ps', 'rm', 'container prune', 'update',
         'pod create', 'pod start', 'pod stop', 'pod restart', 'pod kill', 'pod pause', 'pod unpause', 'pod rm', 'pod ps',
         'pod inspect', 'pod logs', 'pod top', 'pod stats', 'pod prune']
SHARED = {'create': 'run'}
MARK = re.compile(r'^\s*# flag: ((?:%s) --[a-z0-9-]+)\s*$' % '|'.join(VERBS), re.M)
ROWS = re.compile(r'CTR_(?:ROW|BOOL|ALSO|ONE|BYTES_OR_NONE|IGNORED|IGNORED_BOOL|REFUSED)\(\s*(?:[A-Z0-9]+,\s*)?"([a-z0-9-]+)"')


def help_flags(program, verb):
    out = subprocess.run([program, *verb.split(), '--help'], capture_output=True, text=True)
    if out.returncode != 0:
        return []
    return re.findall(r'^ +(?:-\w, )?--([a-z0-9-]+)', out.stdout, re.M)


def known(program, tree):
    names = set()
    for verb in VERBS:
        found = {name for name in help_flags(program, verb) if name != 'help'}
        names |= {f'{SHARED.get(verb, verb)} --{name}' for name in found}
    for path in sorted((tree / 'src/cli').glob('ctr_opts*.h')):
        names |= {f'run --{name}' for name in ROWS.findall(path.read_text())}
    return names


def main():
    program = sys.argv[1]
    tree = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else pathlib.Path(__file__).resolve().parent.parent)
    have = set()
    for path in sorted((tree / 'tests/it').glob('*.bats')):
        if path.name.startswith('oci_'):    # those of the runtime: coverage_spec.py
            continue
        have |= set(MARK.findall(path.read_text()))
    names = known(program, tree)
    if len(names) < 80:
        sys.exit(f'coverage_flags: only {len(names)} flags: the tables are not found')
    bad = 0
    for name in sorted(names - have):
        print(f'{name}: no test reads its effect')
        bad += 1
    for name in sorted(have - names):
        print(f'{name}: a test names it, nothing knows it')
        bad += 1
    print(f'{len(names)} flags, {bad} without a test')
    return bad != 0


if __name__ == '__main__':
    sys.exit(main())
