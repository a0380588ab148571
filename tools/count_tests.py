#!/usr/bin/python3
"""Count the sub-tests of Meson test logs.

    count_tests.py LOGBASE...      (LOGBASE is the path without .json / .junit.xml)

Meson writes two logs. The junit one has each sub-test of a TAP program; but a
program that dies has no failure in it, and one that runs out of time looks
passed. The json one has a result per program. Only both together tell the
truth: sub-tests are counted from the first, and the second adds a failure for
each program that ended badly in a way its sub-tests do not show.
"""
import json
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

GOOD = ('OK', 'EXPECTEDFAIL')


@dataclass
class Count:
    passed: int = 0
    failed: list = field(default_factory=list)    # names
    skipped: list = field(default_factory=list)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

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


def count_program(line, cases, label):
    name = label + short_name(line['name'])
    count = Count()
    if not cases:
        if says_nothing(line):
            count.failed.append(f'{name}: the program printed no test')
        elif line['result'] in GOOD:
            count.passed = 1
        elif line['result'] == 'SKIP':
            reason = line.get('stdout', '').partition('# SKIP ')[2].partition('\n')[0]
            count.skipped.append(name + (f' ({reason})' if reason else ''))
        else:
            count.failed.append(f'{name}: {line["result"]}')
        return count
    for case, result, reason in cases:
        if result == 'passed':
            count.passed += 1
        elif result == 'failed':
            count.failed.append(f'{name}: {case}')
        else:
            count.skipped.append(f'{name}: {case}' + (f' ({reason})' if reason else ''))
    if ended_badly(line, len(count.failed)):
        count.failed.append(f'{name}: the program ended badly: {line["result"]}, '
                            f'exit status {line.get("returncode")}')
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


def print_summary(total):
    for title, names in (('skipped', total.skipped), ('FAILED', total.failed)):
        for name in names:
            print(f'{title}: {name}')
    print(total.line(), flush=True)


def main():
    total = Count()
    for base in sys.argv[1:]:
        total.add(count_log(base))
    print_summary(total)
    return 1 if total.failed or not total.passed else 0


if __name__ == '__main__':
    sys.exit(main())
