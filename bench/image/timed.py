#!/usr/bin/env python3
"""timed.py DIR OUT COMMAND...: runs it, then syncfs of DIR; writes "SECONDS MAXRSS_MB" to OUT, passes the status on."""
import os
import resource
import subprocess
import sys
import time

where, out, *command = sys.argv[1:]
begin = time.monotonic()
status = subprocess.call(command, stdin=subprocess.DEVNULL)
subprocess.check_call(["sync", "-f", where])
took = time.monotonic() - begin
with open(out, "w") as f:
    f.write("%.3f %d\n" % (took, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024))
sys.exit(status)
