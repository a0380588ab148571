#!/usr/bin/python3
"""coverage_attacks - is every attack of tests/attack/attacks.tsv mounted by a test, and shown to work without its defence?

    coverage_attacks.py [ROOT]

Prints the table of attacks with their tests. Markers are lines "# attack: ID held" or "# attack: ID held shown" above
a test in tests/attack/*.bats. tests/attack/images.tsv names for each attack on images the test that holds it, by words
that are in its file.
"""
import glob
import os
import re
import sys

MARKER = re.compile(r'# attack: (\S+) (held|shown|held shown)$')
SWITCH = re.compile(r'defence_on\("([^"]+)"\)')
OFF = re.compile(r'(?:without |DAVIT_WEAK=)([a-z0-9,-]+)')


def read_attacks(root):
    with open(os.path.join(root, 'tests/attack/attacks.tsv'), encoding='utf-8') as f:
        rows = [line.rstrip('\n').split('\t') for line in f if line.strip() and not line.startswith('#')]
    return {row[0]: {'also': row[1].split(), 'name': row[2], 'defences': [] if row[3] == '-' else row[3].split(),
                     'held': [], 'shown': []} for row in rows}


def read_tests(root):
    """(file, line number, test, markers) of every test, and the defences that tests switch off."""
    tests, off = [], set()
    for path in sorted(glob.glob(os.path.join(root, 'tests/attack/*.bats'))):
        markers = []
        with open(path, encoding='utf-8') as f:
            for number, line in enumerate(f, 1):
                if not line.lstrip().startswith('#'):
                    off.update(name for names in OFF.findall(line) for name in names.split(','))
                marker = MARKER.match(line.rstrip('\n'))
                if marker:
                    markers.append((marker[1], marker[2].split()))
                elif line.startswith('# attack:'):
                    tests.append((path, number, None, line.strip()))
                elif line.startswith('@test'):
                    tests.append((path, number, line.split('"')[1], markers))
                    markers = []
                elif markers:
                    tests.append((path, number, None, 'a marker without a test'))
                    markers = []
    return tests, off


def switches(root):
    found = set()
    for path in glob.glob(os.path.join(root, 'src/*/*.c')):
        with open(path, encoding='utf-8') as f:
            found.update(SWITCH.findall(f.read()))
    return found


def check_images(root):
    """Every row names a test that is there."""
    table = os.path.join(root, 'tests/attack/images.tsv')
    if not os.path.exists(table):
        return
    with open(table, encoding='utf-8') as f:
        for number, line in enumerate(f, 1):
            if line.startswith('#') or not line.strip():
                continue
            where, _, words = line.rstrip('\n').partition('\t')[2].partition(': ')
            try:
                with open(os.path.join(root, where), encoding='utf-8') as test:
                    found = bool(words) and words in test.read()
            except OSError:
                found = False
            if not found:
                yield f'tests/attack/images.tsv:{number}: no such test'


def check(root, attacks=None):
    yield from check_images(root)
    attacks = read_attacks(root) if attacks is None else attacks
    tests, off = read_tests(root)
    for path, number, test, markers in tests:
        where = f'{os.path.relpath(path, root)}:{number}'
        if test is None:
            yield f'{where}: {markers}'
            continue
        for name, halves in markers:
            if name not in attacks:
                yield f'{where}: attack {name} is not in attacks.tsv'
                continue
            for half in halves:
                attacks[name][half].append(test)
    named = set()
    for name, a in attacks.items():
        named.update(a['defences'])
        if not a['held']:
            yield f'{name}: no test mounts it'
        if a['defences'] and not a['shown']:
            yield f'{name}: no test shows that it works without the defence'
    in_source = switches(root)
    for defence in sorted(named - in_source):
        yield f'{defence}: no such defence in src'
    for defence in sorted(in_source - named):
        yield f'{defence}: a defence of src that belongs to no attack'
    for defence in sorted(named & in_source - off):
        yield f'{defence}: no test switches it off'


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else '.'
    attacks = read_attacks(root)
    problems = list(check(root, attacks))
    for name, a in attacks.items():
        print(f'{" ".join([name, *a["also"]])}: {a["name"]}')
        for half in ('held', 'shown'):
            for test in a[half]:
                print(f'    {half:5}  {test}')
    for p in problems:
        print(f'coverage_attacks: {p}', file=sys.stderr)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
