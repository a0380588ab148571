#!/usr/bin/python3
"""layers - does every include follow an arrow of LAYERS?

    layers.py [TREE]

A module includes its own headers and those of its row, always as
"module/file.h". src/main, which wires programs, may include everything. A row
names only modules above it, so there is no cycle.
"""
import os
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]*)"', re.M)
FORM = re.compile(r'^([a-z0-9_]+)/[A-Za-z0-9_.-]+\.(h|inc)$')
FREE = {'main'}


def read_rows(path, problems):
    """{module: the modules that it may include}"""
    rows = {}
    with open(path, encoding='utf-8') as f:
        for number, line in enumerate(f, 1):
            line = line.partition('#')[0].strip()
            if not line:
                continue
            module, colon, below = line.partition(':')
            if not colon:
                problems.append(f'LAYERS:{number}: no colon in "{line}"')
                continue
            for name in below.split():
                if name not in rows:
                    problems.append(f'LAYERS:{number}: {module} names {name}, which is not above it')
            rows[module.strip()] = set(below.split())
    return rows


def check_file(path, shown, module, rows):
    with open(path, encoding='utf-8', errors='replace') as f:
        text = f.read()
    for m in INCLUDE.finditer(text):
        where = f'{shown}:{text.count(chr(10), 0, m.start(1)) + 1}'
        form = FORM.match(m.group(1))
        if not form:
            yield f'{where}: include "{m.group(1)}" is not of the form "module/file.h"'
        elif module not in FREE and form.group(1) != module and form.group(1) not in rows[module]:
            yield f'{where}: {module} may not include {form.group(1)} ("{m.group(1)}"); its row in LAYERS: ' \
                  + (' '.join(sorted(rows[module])) or 'nothing')


def check(tree):
    problems = []
    rows = read_rows(os.path.join(tree, 'LAYERS'), problems)
    src = os.path.join(tree, 'src')
    for module in sorted(os.listdir(src)):
        if not os.path.isdir(os.path.join(src, module)):
            continue
        if module not in rows and module not in FREE:
            problems.append(f'src/{module}: no row in LAYERS')
            continue
        for folder, _, names in os.walk(os.path.join(src, module)):
            for name in sorted(names):
                if name.endswith(('.c', '.h', '.inc')):
                    path = os.path.join(folder, name)
                    problems.extend(check_file(path, os.path.relpath(path, tree), module, rows))
    return problems


def main():
    problems = check(sys.argv[1] if len(sys.argv) > 1 else '.')
    for p in problems:
        print(p)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
