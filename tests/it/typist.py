"""typist.py - run a program at a terminal and answer its questions.

    typist.py ["PROMPT=ANSWER"...] -- PROGRAM ARGS...

Shows what the terminal showed, how the program ended, and whether the terminal's echo is on afterwards. An answer is
typed when its prompt is there and the program has set the terminal as it wants it; one that ends with a control
character is typed without a line end. Our side of the terminal stays open until all that was written is read, so
nothing that the program wrote before it ended can be lost.
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


def show(shown):
    sys.stdout.write(shown.decode(errors='replace').replace('\r', ''))
    sys.stdout.flush()


def start(argv):
    """(master, slave, pid, pidfd); the slave is kept so that the terminal's state can be looked at afterwards."""
    master, slave = pty.openpty()
    pid = os.fork()
    if pid == 0:
        os.close(master)
        os.login_tty(slave) if hasattr(os, 'login_tty') else login_tty(slave)
        os.execvp(argv[0], argv)
    return master, slave, pid, os.pidfd_open(pid)


def type_answers(master, answers):
    shown = b''
    for prompt, answer in answers:
        while prompt.encode() not in shown:
            shown += read_some(master)
        show(shown)
        shown = b''
        os.write(master, answer.encode() + (b'' if answer and answer[-1] < ' ' else b'\n'))
    return shown


def read_to_end(master, pidfd, shown):
    ended = False
    while True:
        ready = select.select([master] if ended else [master, pidfd], [], [], 0.2 if ended else SECONDS)[0]
        if master in ready:
            shown += read_some(master)
        elif ended:
            return shown
        elif not ready:
            raise SystemExit('the program said nothing for %d s' % SECONDS)
        else:
            ended = True


def login_tty(fd):
    import fcntl
    os.setsid()
    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
    for n in range(3):
        os.dup2(fd, n)
    if fd > 2:
        os.close(fd)


def main():
    split = sys.argv.index('--')
    answers = [a.split('=', 1) for a in sys.argv[1:split]]
    master, slave, pid, pidfd = start(sys.argv[split + 1:])
    show(read_to_end(master, pidfd, type_answers(master, answers)))
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        print('ended by signal %d' % os.WTERMSIG(status))
    print('echo is', 'on' if termios.tcgetattr(slave)[3] & termios.ECHO else 'off')
    sys.exit(0 if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))


main()
