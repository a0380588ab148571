"""tap - the smallest TAP runner: functions named test_* of the calling module."""
import sys
import traceback

sys.dont_write_bytecode = True


def main(names):
    tests = [(n, f) for n, f in names.items() if n.startswith('test_')]
    print(f'1..{len(tests)}')
    failed = 0
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            print(f'ok {number} {name}', flush=True)
        except Exception:       # noqa: BLE001  (whatever it is, it is this test's failure)
            failed += 1
            print(''.join('# ' + line + '\n' for line in traceback.format_exc().splitlines()), end='')
            print(f'not ok {number} {name}', flush=True)
    return 1 if failed else 0
