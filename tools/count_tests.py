#!/usr/bin/python3
"""Count the sub-tests of Meson test logs.

    count_tests.py LOGBASE...      (LOGBASE is the path without .json / .junit.xml)

Meson writes two logs. The junit one has each sub-test of a TAP program; but a
program that dies has no failure in it, and one that runs out of time looks
passed. The json one has a result per program. Only both together tell the
truth: sub-tests are counted from the first, and the second adds a failure for
each program that ended badly in a way its sub-tests do not show.

Before the names of what failed come the reasons: whoever sees nothing of a log
but its tail shall not have to guess.
"""
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

GOOD = ('OK', 'EXPECTEDFAIL')
WHY_FAILURES = 5        # that many failures are explained,
WHY_LINES = 20          # in that many lines in all,
WHY_LINES_EACH = 12     # and each in no more than these
WHY_BYTES = 1500
WHY_HEAD = 3            # where it failed stands first, what came last is next to the failure


@dataclass
class Count:
    passed: int = 0
    failed: list = field(default_factory=list)    # names
    skipped: list = field(default_factory=list)
    why: dict = field(default_factory=dict)       # name of a failure: the lines that explain it

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.why.update(other.why)

    def fail(self, name, why=()):
        self.failed.append(name)
        self.why[name] = list(why)

    def line(self):
        text = f'{self.passed} passed, {len(self.failed)} failed'
        return text + (f', {len(self.skipped)} skipped' if self.skipped else '')


def short_name(name):
    """'davit:unit / base-err' -> 'base-err'; Meson leaves the front away where all are of one suite."""
    return name.rpartition(' / ')[2]


def read_junit(path):
    """The sub-tests of each TAP program: {its short name: [(name, result, reason)]}."""
    programs = {}
    for suite in ElementTree.parse(path).getroot().iter('testsuite'):
        cases = []
        for case in suite.findall('testcase'):
            if case.get('classname') != suite.get('name') or case.get('time') is not None:
                continue        # not a sub-test: a program without any
            if case.find('failure') is not None or case.find('error') is not None:
                result = 'failed'
            elif case.find('skipped') is not None:
                result = 'skipped'
            else:
                result = 'passed'
            cases.append((case.get('name'), result, case.findtext('system-out') or ''))
        if cases:
            programs[short_name(suite.get('name').partition('.')[2])] = cases
    return programs


def says_nothing(line):
    """Meson takes a TAP program without a line of output for a skipped one; a skip has a plan or status 77."""
    return line['result'] == 'SKIP' and line.get('returncode') == 0 and '1..0' not in line.get('stdout', '')


def ended_badly(line, sub_failed):
    """Did the program fail beyond what its failed sub-tests say?"""
    if line['result'] in GOOD or line['result'] == 'SKIP':
        return False
    if line['result'] in ('FAIL', 'ERROR') and sub_failed:
        # cmocka ends with the number of failures, bats with 1: that is no crash
        return line.get('returncode') not in (0, 1, sub_failed)
    return True


def last_words(line):
    """What a program said at its end."""
    return [text for stream in ('stdout', 'stderr') for text in line.get(stream, '').splitlines() if text.strip()]


def diagnostics(line, case):
    """The lines of a failed sub-test: those after its "not ok" up to the next test, or else those before it."""
    number = case.partition(' ')[0]
    before, after, here = [], [], False
    for text in line.get('stdout', '').splitlines():
        if re.match(r'(not )?ok\b', text):
            if here:
                break
            here = re.match(rf'not ok {re.escape(number)}\b', text) is not None
            before = before if here else []
        elif not re.match(r'1\.\.\d', text):
            (after if here else before).append(re.sub(r'^# ?', '', text))
    return (after or before) if here else []


def count_alone(line, name):
    """A program without sub-tests."""
    count = Count()
    if says_nothing(line):
        count.fail(f'{name}: the program printed no test', last_words(line))
    elif line['result'] in GOOD:
        count.passed = 1
    elif line['result'] == 'SKIP':
        reason = line.get('stdout', '').partition('# SKIP ')[2].partition('\n')[0]
        count.skipped.append(name + (f' ({reason})' if reason else ''))
    else:
        count.fail(f'{name}: {line["result"]}', last_words(line))
    return count


def count_program(line, cases, label):
    name = label + short_name(line['name'])
    if not cases:
        return count_alone(line, name)
    count = Count()
    for case, result, reason in cases:
        if result == 'passed':
            count.passed += 1
        elif result == 'failed':
            count.fail(f'{name}: {case}', diagnostics(line, case))
        else:
            count.skipped.append(f'{name}: {case}' + (f' ({reason})' if reason else ''))
    if ended_badly(line, len(count.failed)):
        count.fail(f'{name}: the program ended badly: {line["result"]}, exit status {line.get("returncode")}',
                   last_words(line))
    return count


def count_log(base, label=''):
    """Count the logs base.json and base.junit.xml. Raises OSError or ValueError when they are unreadable."""
    try:
        programs = read_junit(base + '.junit.xml')
    except ElementTree.ParseError as e:
        raise ValueError(f'{base}.junit.xml: {e}') from e
    total = Count()
    with open(base + '.json', encoding='utf-8') as f:
        for text in f:
            line = json.loads(text)
            total.add(count_program(line, programs.get(short_name(line['name']), []), label))
    return total


def shortened(lines, most):
    """At most so many lines and WHY_BYTES bytes of text: the first ones and the last ones."""
    if len(lines) > most:
        lines = [*lines[:WHY_HEAD], '...', *lines[len(lines) - (most - WHY_HEAD - 1):]]
    each = WHY_BYTES // max(len(lines), 1) - 1
    while sum(len(text) + 1 for text in lines) > WHY_BYTES:
        longest = max(range(len(lines)), key=lambda i: len(lines[i]))
        lines[longest] = lines[longest][:max(len(lines[longest]) * 3 // 4, each)]
    return lines


def print_reasons(total):
    """A few lines of each of the first failures; they share what the tail of a log has room for."""
    explained = [name for name in total.failed if total.why.get(name)][:WHY_FAILURES]
    for name in explained:
        print(f'why: {name}')
        for text in shortened(list(total.why[name]), min(WHY_LINES_EACH, WHY_LINES // len(explained))):
            print('    ' + ''.join(c if c.isprintable() else '?' for c in text.expandtabs()))


def print_summary(total):
    for name in total.skipped:
        print(f'skipped: {name}')
    print_reasons(total)
    for name in total.failed:
        print(f'FAILED: {name}')
    print(total.line(), flush=True)


def main():
    total = Count()
    for base in sys.argv[1:]:
        total.add(count_log(base))
    print_summary(total)
    return 1 if total.failed or not total.passed else 0


if __name__ == '__main__':
    sys.exit(main())
