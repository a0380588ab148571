"""turns.py - medians of wall time of several commands that take turns.

    turns.py ROUNDS NAME COMMAND... --- NAME COMMAND... [--- ...]

Prints "NAME<TAB>milliseconds" for each. A command that fails ends it: nothing is printed.
"""
import os
import statistics
import sys
import time


def run(argv):
    start = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, os.environ,
                         file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    _, status = os.waitpid(pid, 0)
    if status:
        sys.exit(f"{argv[0]} failed while it was timed (status {os.waitstatus_to_exitcode(status)})")
    return (time.perf_counter() - start) * 1e3


def main():
    rounds, commands, words = int(sys.argv[1]), {}, []
    for word in sys.argv[2:] + ["---"]:
        if word == "---":
            commands[words[0]] = words[1:]
            words = []
        else:
            words.append(word)
    times = {name: [] for name in commands}
    for i in range(-2, rounds):
        for name, argv in commands.items():
            t = run(argv)
            if i >= 0:
                times[name].append(t)
    for name, t in times.items():
        print(f"{name}\t{statistics.median(t):.3f}")


main()
