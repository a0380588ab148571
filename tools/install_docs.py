#!/usr/bin/python3
"""install_docs - at `make install`: man pages of all commands, and completion for bash, zsh and fish.

    install_docs.py PROGRAM...      into $MESON_INSTALL_DESTDIR_PREFIX (Meson sets it)

The programs write both themselves, out of the tables of their options; this only walks their commands.
"""
import os
import re
import subprocess
import sys

COMPLETIONS = {
    'bash': 'share/bash-completion/completions/%s',
    'zsh': 'share/zsh/site-functions/_%s',
    'fish': 'share/fish/vendor_completions.d/%s.fish',
}


def text_of(program, *words):
    return subprocess.run([program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True).stdout


def put(name, data):
    path = os.path.join(os.environ['MESON_INSTALL_DESTDIR_PREFIX'], name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(data)


def commands_of(page):
    section = re.search(r'^\.SH COMMANDS\n(.*?)(?=^\.SH |\Z)', page.decode(), re.M | re.S)
    return [name.replace('\\-', '-') for name in re.findall(r'^\\fB(.*)\\fR$', section[1], re.M)] if section else []


def put_pages(program, words):
    page = text_of(program, '__man', *words)
    put('share/man/man1/%s.1' % '-'.join([os.path.basename(program), *words]), page)
    for name in commands_of(page):
        put_pages(program, [*words, name])


def main():
    for program in sys.argv[1:]:
        put_pages(program, [])
        for shell, place in COMPLETIONS.items():
            put(place % os.path.basename(program), text_of(program, 'completion', shell))


main()
