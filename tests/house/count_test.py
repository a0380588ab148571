"""tools/count_tests.py against the logs of a real Meson run of programs that end in every way."""
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools')
sys.path.insert(0, TOOLS)
import tap  # noqa: E402
from count_tests import Count, count_log, shortened  # noqa: E402

# name: (script, protocol, passed, failed, skipped)
PROGRAMS = {
    'good': ('echo 1..2; echo ok 1 a; echo ok 2 b', 'tap', 2, 0, 0),
    'skips-one': ('echo 1..2; echo ok 1 a; echo "ok 2 b # SKIP no kernel"', 'tap', 1, 0, 1),
    'skips-all': ('echo "1..0 # SKIP no machine"', 'tap', 0, 0, 1),
    'fails-one': ('echo 1..2; echo ok 1 a; echo not ok 2 b; exit 1', 'tap', 1, 1, 0),
    'fails-two-as-cmocka': ('echo 1..2; echo not ok 1 a; echo not ok 2 b; exit 2', 'tap', 0, 2, 0),
    'fails-with-status-0': ('echo 1..1; echo not ok 1 a', 'tap', 0, 1, 0),
    'dies': ('echo 1..2; echo ok 1 a; kill -ABRT $$', 'tap', 1, 1, 0),
    'dies-after-failure': ('echo 1..2; echo not ok 1 a; kill -ABRT $$', 'tap', 0, 2, 0),
    'sanitizer': ('echo 1..1; echo ok 1 a; exit 99', 'tap', 1, 1, 0),
    'too-few': ('echo 1..3; echo ok 1 a', 'tap', 1, 1, 0),
    'silent': ('exit 0', 'tap', 0, 1, 0),
    'hangs': ('echo 1..2; echo ok 1 a; exec tail -f /dev/null', 'tap', 1, 1, 0),
    'exit-good': ('exit 0', 'exitcode', 1, 0, 0),
    'exit-bad': ('exit 1', 'exitcode', 0, 1, 0),
    'exit-skip': ('exit 77', 'exitcode', 0, 0, 1),
    'exit-dies': ('kill -ABRT $$', 'exitcode', 0, 1, 0),
    'exit-hangs': ('exec tail -f /dev/null', 'exitcode', 0, 1, 0),
}


def run_meson(folder, programs):
    """The path of the logs of `meson test` over the programs."""
    with open(os.path.join(folder, 'meson.build'), 'w', encoding='utf-8') as f:
        f.write("project('trap')\nsh = find_program('sh')\n")
        for name, (script, protocol, *_) in programs.items():
            f.write(f"test('{name}', sh, args: ['-c', '''{script}'''], protocol: '{protocol}', timeout: 5, suite: 'unit')\n")
    env = dict(os.environ, MESON_TESTTHREADS='8')
    for argv in (['meson', 'setup', 'b'], ['meson', 'test', '-C', 'b', '--logbase', 'log']):
        subprocess.run(argv, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return os.path.join(folder, 'b/meson-logs/log')


def test_each_way_to_end():
    with tempfile.TemporaryDirectory() as folder:
        base = run_meson(folder, PROGRAMS)
        total = count_log(base)
        failed, skipped = total.failed, total.skipped
        for name, (_, _, _, want_failed, want_skipped) in PROGRAMS.items():
            got = [n for n in failed if n == name or n.startswith(name + ':')]
            assert len(got) == want_failed, f'{name}: failures {got}, not {want_failed}'
            got = [n for n in skipped if n == name or n.startswith((name + ':', name + ' '))]
            assert len(got) == want_skipped, f'{name}: skips {got} of {skipped}, not {want_skipped}'
        assert total.passed == sum(p[2] for p in PROGRAMS.values()), f'{total.passed} passed'
        assert 'skips-one: 2 b (no kernel)' in skipped, skipped


def test_missing_log_is_an_error():
    for text in (None, 'not xml'):
        with tempfile.TemporaryDirectory() as folder:
            base = os.path.join(folder, 'log')
            if text:
                with open(base + '.junit.xml', 'w', encoding='utf-8') as f:
                    f.write(text)
            try:
                count_log(base)
            except (OSError, ValueError):
                continue
            raise AssertionError(f'{text}: counted')


def test_last_line():
    for passed, failed, skipped, want in ((3, 0, 0, '3 passed, 0 failed'), (3, 1, 0, '3 passed, 1 failed'),
                                          (0, 2, 1, '0 passed, 2 failed, 1 skipped')):
        got = Count(passed, ['x'] * failed, ['y'] * skipped).line()
        assert got == want, got


def test_exit_status():
    for name, want in (('good', 0), ('dies', 1), ('exit-skip', 1)):     # nothing passed: that is no success
        with tempfile.TemporaryDirectory() as folder:
            base = run_meson(folder, {name: PROGRAMS[name]})
            r = subprocess.run([sys.executable, os.path.join(TOOLS, 'count_tests.py'), base], stdout=subprocess.PIPE, check=False)
            assert r.returncode == want, f'{name}: {r.returncode} {r.stdout}'


# name: (script, protocol, lines that have to be there, lines that must not)
EXPLAINED = {
    'as-bats': ('echo 1..3; echo ok 1 a; echo not ok 2 b; echo "# (in test file x.bats, line 7)"; echo "#   wanted 1"; '
                'echo not ok 3 c; echo "# other"; exit 1', 'tap', ['(in test file x.bats, line 7)', '  wanted 1', 'other'], ['a']),
    'before': ('echo 1..2; echo "# of a"; echo ok 1 a; echo "# of b"; echo not ok 2 b; exit 1', 'tap', ['of b'], ['of a']),
    'dying': ('echo 1..2; echo ok 1 a; echo last words >&2; kill -ABRT $$', 'tap', ['last words'], []),
    'bare': ('echo what went wrong; exit 1', 'exitcode', ['what went wrong'], []),
}


def test_reasons_stand_before_the_names():
    with tempfile.TemporaryDirectory() as folder:
        base = run_meson(folder, {name: (script, protocol) for name, (script, protocol, *_) in EXPLAINED.items()})
        r = subprocess.run([sys.executable, os.path.join(TOOLS, 'count_tests.py'), base], stdout=subprocess.PIPE, text=True,
                           check=False)
        lines = r.stdout.splitlines()
        names = [i for i, text in enumerate(lines) if text.startswith('FAILED: ')]
        assert len(names) == 5 and names[-1] == len(lines) - 2, r.stdout
        reasons = [text[4:] for text in lines[:names[0]] if text.startswith('    ')]
        for name, (_, _, wanted, unwanted) in EXPLAINED.items():
            for text in wanted:
                assert text in reasons, f'{name}: no {text!r} in {reasons}'
            for text in unwanted:
                assert text not in reasons, f'{name}: {text!r} in {reasons}'


def test_a_long_reason_keeps_its_ends():
    got = shortened([f'line {i}' for i in range(100)], 12)
    assert len(got) == 12 and got[0] == 'line 0' and got[3] == '...' and got[-1] == 'line 99', got
    got = shortened(['where', 'x' * 100000, 'y' * 100000, 'end'], 12)
    assert got[0] == 'where' and got[-1] == 'end' and sum(len(text) + 1 for text in got) <= 1500, got


if __name__ == '__main__':
    sys.exit(tap.main(globals()))
