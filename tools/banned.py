#!/usr/bin/python3
"""banned - calls, comments and tests that this tree does not want.

    banned.py [TREE]

src/base/banned.h stops at compile time what a macro can stop; the rest is
here, one row each. An exception carries its reason in a comment on the line or
the one above: "allow(RULE): reason" (/* */ in C, # in scripts).
"""
import os
import re
import subprocess
import sys
from dataclasses import dataclass

sys.dont_write_bytecode = True
import csource  # noqa: E402

CALL = r'(?<![\w.>])'       # not a member, not the end of a longer name
# `sleep` as a command of the test itself; not an argument (of `davit run`), not one in the background
SLEEP = r'(?:^|[;&|({]|\bthen|\bdo|\belse|\brun(?: -\d+)?)\s*sleep\s[^&\n]*$'
ALLOWED_HOSTS = r'(?:localhost|127\.|\[::1\]|10\.|192\.168\.|0\.0\.0\.0|[\w.-]*\bexample\b|[\w.-]*\.(?:test|invalid|local)\b' \
                r'|[A-Za-z](?![\w-]|\.\w)|www\.apache\.org|opencontainers\.org|json-schema\.org|[%$"\'{<*])'


@dataclass
class Rule:
    name: str
    paths: str              # regular expression over the path in the tree
    pattern: str            # regular expression over lines
    why: str
    but: str = r'$^'        # paths left out
    raw: bool = False       # look at comments and strings too


RULES = [
    Rule('raw-fd', r'^src/.*\.[ch]$', CALL + r'(?:socket|socketpair|accept|accept4|pipe|pipe2|dup)\s*\(',
         'descriptors are made by base/fd.h, which sets close-on-exec', but=r'^src/base/'),
    Rule('shell', r'^(?:src|tests)/.*\.[ch]$', CALL + r'(?:system|popen)\s*\(', 'no shell: proc_spawn()'),
    Rule('message', r'^src/.*\.[ch]$', r'\b(?:str\w*|memmem|fnmatch)\s*\([^;]*\be(?:rr)?(?:\.|->)msg\b',
         'branch on the kind of an error, not on its text', but=r'_test\.c$'),
    Rule('cmocka-skip', r'_test\.c$', CALL + r'skip\s*\(\s*\)', 'cmocka prints "not ok" for it; skip in bats, or exit 77'),
    Rule('nss', r'^src/.*\.[ch]$', CALL + r'(?:getpw\w+|getgr(?:nam|gid|ent)\w*|getaddrinfo|gethostby\w+|iconv(?:_open)?|dlopen)\s*\(',
         'not in static programs', but=r'^src/(?:transfer|registry|http|web)/'),
    Rule('sleep', r'^tests/.*\.(?:bats|bash|sh)$', SLEEP, 'wait for an event: wait_for CMD'),
    Rule('wait', r'^tests/.*\.(?:bats|bash)$', r'(?:^|[;&|({])[ \t]*wait[ \t]*(?:$|[;&|)}#])',
         'it waits for what bats itself has in the background, too: wait PID'),
    Rule('url', r'.', r'https?://(?!' + ALLOWED_HOSTS + r')[\w-]', 'a host that is not ours, or a new one to add to ALLOWED_HOSTS',
         but=r'^LICENSE$|^data/|\.(?:md|tsv)$', raw=True),
    Rule('package-host', r'.', r'\b[a-z]+\.debian\.[a-z]+\b|\bregistry\.n[a-z]+js\b', 'no package host in any file', raw=True),
]
ASSERTION = re.compile(r'\b(?:assert_\w+|fail_msg|fail)\s*\(')
BATS_ASSERTION = re.compile(r'^\s*(?:\[\[?|!|run (?:-\d+|!)|(?:assert|refute|check|expect|is|has|same)\w*\b|diff\b|cmp\b|test\b|wait_for\b)'
                            r'|\bgrep\b|\bjq -\w*e|\|\| (?:false|return|fail)', re.M)
BATS_TEST = re.compile(r'^@test ([^\n]*) \{\n(.*?)^\}', re.M | re.S)


def allowed(rule, lines, number):
    """Is there an allow(RULE) with a reason on this line or the one above?"""
    near = '\n'.join(lines[max(0, number - 2):number])
    return re.search(r'\ballow\(' + rule + r'\): \w', near) is not None


def script_code(text):
    """A script without its comments."""
    return re.sub(r'^[ \t]*#.*$|[ \t]#[ \t].*$', '', text, flags=re.M)


def check_rules(path, text):
    lines = text.split('\n')
    code = (csource.code_of(text) if path.endswith(('.c', '.h')) else script_code(text)).split('\n')
    for rule in RULES:
        if not re.search(rule.paths, path) or re.search(rule.but, path):
            continue
        for number, line in enumerate(lines if rule.raw else code, 1):
            if re.search(rule.pattern, line) and not allowed(rule.name, lines, number):
                yield f'{path}:{number}: {rule.name}: {rule.why}: {lines[number - 1].strip()}'


def check_comments(path, text):
    if path.endswith(('.c', '.h')) and path.startswith(('src/', 'tests/', 'bench/')):
        for number in csource.line_comments(text):
            yield f'{path}:{number}: comment: // is for what must not be committed; write /* */'


def check_unit_tests(path, text):
    """Each test asserts, by itself or through functions of the same file."""
    if not path.endswith('_test.c'):
        return
    functions = csource.functions(text)
    asserting = {f.name for f in functions if ASSERTION.search(f.body)}
    while True:
        more = {f.name for f in functions if f.name not in asserting
                and any(re.search(rf'\b{name}\s*\(', f.body) for name in asserting)}
        if not more:
            break
        asserting |= more
    # the macros of a test file may assert as well
    macros = {m.group(1) for m in re.finditer(r'^#define (\w+)\((?:[^\n\\]|\\\n|\\.)*', text, re.M) if ASSERTION.search(m.group())}
    for f in functions:
        is_test = 'void **' in f.head and re.search(r'cmocka_unit_test\w*\(\s*' + f.name + r'\b|\bT\(' + f.name + r'\)', text)
        if is_test and f.name not in asserting and not any(re.search(rf'\b{m}\s*\(', f.body) for m in macros):
            yield f'{path}:{f.first}: no-assert: the test {f.name} asserts nothing'


def check_bats(path, text):
    if not path.endswith('.bats'):
        return
    for m in BATS_TEST.finditer(text):
        if not BATS_ASSERTION.search(script_code(m.group(2))):
            yield f'{path}:{text.count(chr(10), 0, m.start()) + 1}: no-assert: the test {m.group(1)} checks nothing'


def files_of(tree):
    """What git tracks or would; everything below a tree without git."""
    r = subprocess.run(['git', '-C', tree, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if r.returncode == 0 and r.stdout:
        return sorted(r.stdout.decode().rstrip('\0').split('\0'))
    return sorted(os.path.relpath(os.path.join(folder, name), tree) for folder, _, names in os.walk(tree) for name in names)


def check(tree):
    problems = []
    for path in files_of(tree):
        try:
            with open(os.path.join(tree, path), encoding='utf-8') as f:
                text = f.read()
        except (OSError, UnicodeDecodeError):
            continue        # removed but not committed; or a binary file of a corpus
        for one in (check_rules, check_comments, check_unit_tests, check_bats):
            problems.extend(one(path, text))
    return problems


def main():
    problems = check(sys.argv[1] if len(sys.argv) > 1 else '.')
    for p in problems:
        print(p)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
