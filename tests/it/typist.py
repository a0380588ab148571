"""typist.py - answer a program's questions at a terminal.

    typist.py "PROMPT=ANSWER"... -- PROGRAM ARGS...

Shows what the terminal showed, how the program ended, and whether the terminal's echo is on afterwards. An answer is
typed when its prompt is there and the program has set the terminal as it wants it.
"""
import os
import pty
import select
import sys
import termios

SECONDS = 120


def read_some(fd):
    if not select.select([fd], [], [], SECONDS)[0]:
        raise SystemExit('nothing came for %d s' % SECONDS)
    try:
        return os.read(fd, 4096)
    except OSError:     # the other side is closed
        return b''


def main():
    split = sys.argv.index('--')
    answers = [a.split('=', 1) for a in sys.argv[1:split]]
    keep, terminal = None, pty.openpty()
    master, slave = terminal
    pid = os.fork()
    if pid == 0:
        os.close(master)
        os.login_tty(slave) if hasattr(os, 'login_tty') else login_tty(slave)
        os.execvp(sys.argv[split + 1], sys.argv[split + 1:])
    keep = slave        # so that the terminal's state can be looked at afterwards
    shown = b''
    for prompt, answer in answers:
        while prompt.encode() not in shown:
            shown += read_some(master)
        print(shown.decode().replace('\r', ''), end='')
        shown = b''
        os.write(master, answer.encode() + (b'' if answer == '\x03' else b'\n'))
    _, status = os.waitpid(pid, 0)
    while select.select([master], [], [], 0.2)[0]:
        shown += read_some(master)
    print(shown.decode().replace('\r', ''), end='')
    if os.WIFSIGNALED(status):
        print('ended by signal %d' % os.WTERMSIG(status))
    print('echo is', 'on' if termios.tcgetattr(keep)[3] & termios.ECHO else 'off')
    sys.exit(0 if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))


def login_tty(fd):
    import fcntl
    os.setsid()
    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
    for n in range(3):
        os.dup2(fd, n)
    if fd > 2:
        os.close(fd)


main()
