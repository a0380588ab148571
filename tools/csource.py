"""csource - just enough C for the checks: code without comments and strings, and where functions are.

Relies on our layout: a function's opening and closing brace stand alone in the first column.
"""
import re
from dataclasses import dataclass

TOKEN = re.compile(r'''(?P<line>//[^\n]*)|(?P<block>/\*.*?\*/)|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')''', re.S)
NAME = re.compile(r'\b([A-Za-z_]\w*)\s*\(')


@dataclass
class Function:
    name: str
    head: str       # from the return type to the opening brace
    body: str
    first: int      # line numbers, from 1
    last: int


def blank(text):
    """The same text with everything but newlines blanked: line numbers stay."""
    return re.sub(r'[^\n]', ' ', text)


def code_of(text):
    """Without comments, with empty strings."""
    def keep(m):
        if m.lastgroup == 'string':
            return m.group()[0] + blank(m.group()[1:-1]) + m.group()[-1]
        return blank(m.group())
    return TOKEN.sub(keep, text)


def line_comments(text):
    """Line numbers of // comments."""
    return [text.count('\n', 0, m.start()) + 1 for m in TOKEN.finditer(text) if m.lastgroup == 'line']


def functions(text):
    """All functions of a C file, their code without comments and strings."""
    lines = code_of(text).split('\n')
    found = []
    head, opened = [], None
    for number, line in enumerate(lines, 1):
        if opened is not None:
            if line.rstrip() == '}':
                name = NAME.search(' '.join(head))
                if name:
                    found.append(Function(name.group(1), ' '.join(head), '\n'.join(lines[opened:number - 1]),
                                          opened - len(head), number))
                head, opened = [], None
        elif line.rstrip() == '{' and head and '(' in ' '.join(head):
            opened = number
        elif not line.strip() or line.startswith(('#', '}')) or line.rstrip().endswith((';', '{', ',')) and '(' not in line:
            head = []
        elif line.rstrip().endswith(';'):
            head = []
        elif line[0].isspace() and not head:
            continue
        else:
            head.append(line)
    return found
