#!/usr/bin/python3
"""longest - how long functions and files are: a report to read, not a gate.

    longest.py [TREE]
"""
import os
import sys

sys.dont_write_bytecode = True
import csource  # noqa: E402

SHOWN = 10
FUNCTION_MAX, FILE_MAX = 80, 400


def main():
    tree = sys.argv[1] if len(sys.argv) > 1 else '.'
    functions, files = [], []
    for folder, _, names in os.walk(os.path.join(tree, 'src')):
        for name in names:
            if name.endswith('.c') and not name.endswith('_test.c'):
                path = os.path.join(folder, name)
                with open(path, encoding='utf-8') as f:
                    text = f.read()
                shown = os.path.relpath(path, tree)
                files.append((text.count('\n'), shown))
                functions += [(f.last - f.first + 1, f'{shown}:{f.first} {f.name}') for f in csource.functions(text)]
    for what, rows, limit in (('functions', functions, FUNCTION_MAX), ('files', files, FILE_MAX)):
        rows.sort(reverse=True)
        if rows:
            print(f'{len(rows)} {what}, median {rows[len(rows) // 2][0]} lines, p95 {rows[len(rows) // 20][0]}, '
                  f'{sum(r[0] > limit for r in rows)} above {limit}; the longest:')
        for lines, name in rows[:SHOWN]:
            print(f'  {lines:4d}  {name}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
