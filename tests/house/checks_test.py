"""The checks of tools/ against small bad trees: each rule is shown to fail, and good code to pass."""
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools'))
import banned  # noqa: E402
import coverage_attacks  # noqa: E402
import coverage_spec  # noqa: E402
import csource  # noqa: E402
import layers  # noqa: E402
import static  # noqa: E402
import tap  # noqa: E402

LAYERS = 'base:\njson: base\nui: base json  # comment\n'
HOST = 'deb' + '.debian.' + 'org'
UNIT = '#include <cmocka.h>\n%s\nint main(void)\n{\n\tcmocka_unit_test(t);\n}\n'


def found(check, files):
    with tempfile.TemporaryDirectory() as tree:
        for path, text in files.items():
            os.makedirs(os.path.join(tree, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(tree, path), 'w', encoding='utf-8') as f:
                f.write(text)
        return check(tree)


def expect(check, path, text, want):
    """want: a word of the one problem, or None for none."""
    files = {'LAYERS': LAYERS, 'src/base/err.h': '', path: text}
    problems = found(check, files)
    if want is None:
        assert not problems, f'{path}: {text!r}: {problems}'
    else:
        assert len(problems) == 1 and want in problems[0], f'{path}: {text!r}: {problems}, not {want}'


def test_layers_arrows():
    for path, include, want in (
            ('src/json/a.c', 'base/err.h', None),
            ('src/json/a.c', 'json/json.h', None),
            ('src/json/a.c', 'ui/opt.h', 'json may not include ui'),
            ('src/base/a.h', 'json/json.h', 'base may not include json'),
            ('src/json/a_test.c', 'ui/opt.h', 'json may not include ui'),
            ('src/json/deep/a.c', 'ui/opt.h', 'json may not include ui'),
            ('src/main/davit.c', 'ui/opt.h', None),
            ('src/json/a.c', 'err.h', 'not of the form'),
            ('src/json/a.c', '../base/err.h', 'not of the form'),
            ('src/json/a.c', 'base/err.c', 'not of the form'),
            ('src/main/davit.c', 'opt.h', 'not of the form'),
            ('src/stray/a.c', 'base/err.h', 'no row in LAYERS')):
        expect(layers.check, path, f'#include <stdio.h>\n# include "{include}"\n', want)


def test_layers_has_no_cycle():
    problems = found(layers.check, {'LAYERS': 'base: json\njson: base\n', 'src/base/a.h': ''})
    assert len(problems) == 1 and 'not above it' in problems[0], problems


def test_banned_calls():
    for path, line, want in (
            ('src/net/a.c', 'fd = socket(AF_UNIX, SOCK_STREAM, 0);', 'raw-fd'),
            ('src/net/a.c', 'pipe2(p, O_CLOEXEC);', 'raw-fd'),
            ('src/net/a.c', 'fd = dup (1);', 'raw-fd'),
            ('src/net/a.c', 'fd = accept(l, NULL, NULL);', 'raw-fd'),
            ('src/net/a.c', 'fd_pipe(p, e); fd_socket(1, 2, 3, &fd, e); x.dup(1); x->accept(2); dup2(1, 2);', None),
            ('src/net/a.c', '/* socket(1, 2, 3) */ puts("pipe(p)");', None),
            ('src/net/a.c', 'fd = dup(1); /* allow(raw-fd): no room for an error here */', None),
            ('src/net/a.c', 'fd = dup(1); /* allow(raw-fd): */', 'raw-fd'),
            ('src/base/fd.c', 'fd = socket(AF_UNIX, SOCK_STREAM, 0);', None),
            ('src/net/a.c', 'system("ls");', 'shell'),
            ('src/net/a.c', 'if (strstr(e->msg, "not found")) x();', 'message'),
            ('src/net/a.c', 'if (streq(e.msg, "not found")) x();', 'message'),
            ('src/net/a_test.c', 'assert_true(strstr(e.msg, "not found"));', None),
            ('src/net/a_test.c', 'skip();', 'cmocka-skip'),
            ('src/net/a.c', 'pw = getpwnam("x");', 'nss'),
            ('src/transfer/a.c', 'getaddrinfo(a, b, c, d);', None),
            ('src/net/a.c', 'x(); // later', 'comment'),
            ('src/net/a.c', 'x("http://127.0.0.1/"); /* http://[::1]/ */', None),
            ('README', 'https://127.0.0.1:5000/v2/ http://registry.test/x https://$host/', None),
            ('src/net/a.c', 'x("https:' + '//some.where/");', 'url'),
            ('tools/x', f'mirror {HOST}', 'package-host')):
        expect(banned.check, path, line + '\n', want)


def test_banned_sleeps():
    for line, want in (
            ('sleep 1', 'sleep'), ('x && sleep 0.1', 'sleep'), ('run sleep 1', 'sleep'), ('while x; do sleep 1; done', 'sleep'),
            ('davit run bb sleep 100', None), ("davit run bb sh -c 'sleep 100'", None), ('sleep 100 &', None), ('# sleep 1', None),
            ('wait_for x', None)):
        expect(banned.check, 'tests/it/a.bash', line + '\n', want)


def test_unit_tests_assert():
    for code, want in (
            ('static void t(void **state)\n{\n\tassert_int_equal(f(), 1);\n}', None),
            ('static void t(void **state)\n{\n\tf();\n}', 'no-assert'),
            ('static void t(void **state)\n{\n\tf(); /* assert_true(1) */\n}', 'no-assert'),
            ('static void g(int x)\n{\n\tassert_true(x);\n}\n\nstatic void h(void)\n{\n\tg(1);\n}\n\n'
             'static void t(void **state)\n{\n\th();\n}', None),
            ('#define CHECK(x) \\\n\tassert_true(x)\n\nstatic void t(void **state)\n{\n\tCHECK(1);\n}', None)):
        expect(banned.check, 'src/base/a_test.c', UNIT % code, want)


def test_banned_wait():
    for code, want in (('wait', 'wait'), ('x & wait', 'wait'), ('wait || true', 'wait'), ('wait $!', None), ('wait_for x', None),
                       ("davit run bb sh -c 'sleep 1 & wait'", None), ('run x "wait"', None)):
        expect(banned.check, 'tests/it/a.bash', f'f() {{\n\t{code}\n}}\n', want)


def test_bats_tests_check():
    for code, want in (
            ('run x\n\t[ "$status" -eq 0 ]', None), ('run -1 x', None), ('run ! x', None), ('x | grep -q y', None),
            ('run x', 'no-assert'), ('x\n\ty', 'no-assert'), ('# [ 1 = 1 ]\n\tx', 'no-assert')):
        expect(banned.check, 'tests/it/a.bats', f'@test "a" {{\n\t{code}\n}}\n', want)


def test_attacks_are_mounted():
    tsv, src, bats = 'tests/attack/attacks.tsv', 'src/oci/a.c', 'tests/attack/a.bats'
    both = '# attack: 1 held shown\n@test "a" {\n\twithout d x\n}\n'
    for row, code, test, want in (
            ('1\t\tx\td', 'd', both, None),
            ('1\t\tx\t-', '', '# attack: 1 held\n@test "a" {\n}\n', None),
            ('1\t\tx\td', 'd', '# attack: 1 held\n@test "a" {\n\twithout d x\n}\n', 'no test shows'),
            ('1\t\tx\td', 'd', '# attack: 1 shown\n@test "a" {\n\twithout d x\n}\n', 'no test mounts'),
            ('1\t\tx\td', 'd', both.replace('without', '# without'), 'no test switches it off'),
            ('1\t\tx\td', 'd', both + '# attack: 2 held\n@test "b" {\n}\n', 'not in attacks.tsv'),
            ('1\t\tx\td', 'd', both + '# attack: 1 helt\n', '# attack: 1 helt'),
            ('1\t\tx\td', 'd', both + '# attack: 1 held\n\n', 'without a test'),
            ('1\t\tx\td', '', both, 'no such defence'),
            ('1\t\tx\td', 'd e', both, 'belongs to no attack')):
        files = {tsv: row + '\n', src: ''.join(f'defence_on("{d}");\n' for d in code.split()), bats: test}
        problems = found(lambda tree: list(coverage_attacks.check(tree)), files)
        assert len(problems) == (want is not None) and (not want or want in problems[0]), f'{row} {code} {test}: {problems}'


def test_attacks_on_images_have_tests():
    for row, want in (('x\ta.bats: some words', 0), ('x\ta.bats: other words', 1), ('x\tb.bats: some words', 1), ('x\ta.bats', 1)):
        files = {'tests/attack/images.tsv': f'# head\n{row}\n', 'a.bats': '@test "some words" {\n}\n'}
        assert len(found(lambda tree: list(coverage_attacks.check_images(tree)), files)) == want, row


def test_functions_of_c():
    text = ('/* a()\n{\n} */\nstatic int first(int a,\n\tint b)\n{\n\tif (a) {\n\t\treturn 1;\n\t}\n\treturn 0;\n}\n\n'
            'struct x {\n\tint (*f)(void);\n};\n\nint\nsecond(void)\n{\n}\n')
    got = [(f.name, f.first, f.last) for f in csource.functions(text)]
    assert got == [('first', 4, 11), ('second', 17, 20)], got


def built(tree, program, options, code):
    """A program compiled from code as TREE/NAME, or TREE/src/NAME.a for a library."""
    os.makedirs(os.path.join(tree, 'src', 'json'), exist_ok=True)
    source = os.path.join(tree, 'x.c')
    with open(source, 'w', encoding='utf-8') as f:
        f.write(code)
    subprocess.run(['cc', '-w', source, '-o', os.path.join(tree, program), *options], check=True, stderr=subprocess.DEVNULL)


def test_static_programs():
    main = 'int main(void) { return 0; }'
    for program, options, code, want in (
            ('davit-oci', ['-static'], main, None),
            ('davit-oci', ['-static-pie'], main, None),
            ('davit-oci', [], main, 'PT_INTERP'),
            ('davit-oci', ['-static'], 'char x[2 << 20] = "a"; ' + main, 'more than'),
            ('davit-oci', ['-static'], 'int main(int n, char **v) { return getpwnam(v[0]) != 0; }', 'getpwnam'),
            ('src/json/libjson.a', ['-c'], 'int f(char *v) { return dlopen(v, 1) != 0; }', 'libjson.a: calls dlopen'),
            ('src/json/libjson.a', ['-c'], 'int f(char *v) { return open(v, 1); }', None)):
        with tempfile.TemporaryDirectory() as tree:
            built(tree, program, options, code)
            problems = static.check(tree)
        if want is None:
            assert not problems, f'{program} {options}: {problems}'
        else:
            assert any(want in p for p in problems), f'{program} {options} {code}: {problems}, not {want}'


def test_spec_coverage():
    views = ('#define X_VIEW(F, c) \\\n\tF(c, str, a, "a", REQ, NULL) \\\n\tF(c, u32, h, "size.h", 0, NULL)\n'
             '#define SPEC_VIEW(F, c) \\\n\tF(c, list, xs, "xs", 0, &x_schema)\nDV_VIEW(spec, SPEC_VIEW);\nDV_VIEW(x, X_VIEW);\n')
    with tempfile.TemporaryDirectory() as tree:
        for path, text in (('src/oci/spec.h', views), ('tests/it/oci_a.bats', '# spec: xs.a\n@test "x" {\n\t# spec: xs.b\n# flag: run --x\n'),
                           ('tests/it/other.bats', '# flag: run --y\n')):
            os.makedirs(os.path.join(tree, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(tree, path), 'w', encoding='utf-8') as f:
                f.write(text)
        root = coverage_spec.pathlib.Path(tree)
        known = set(coverage_spec.fields(coverage_spec.read_views(root), 'spec'))
        assert known == {'xs.a', 'xs.size.h'}, known
        assert coverage_spec.marks(root) == {'spec': {'xs.a', 'xs.b'}, 'flag': {'run --x'}}


if __name__ == '__main__':
    sys.exit(tap.main(globals()))
