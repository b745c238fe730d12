"""Kill the process groups of a supervisor that has gone: ``python guard.py``, its list on standard input.

Each line is ``+PID`` for a group that runs and ``-PID`` for one that has ended. The pipe closes when the supervisor
ends, however it ended; what is still on the list then is killed. A leash (see ``leash.py``) holds one process only;
the guard also reaches those that it has started.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def main() -> None:
    """Follow the list to its end, then kill what is left on it."""
    running: set[int] = set()
    for line in sys.stdin:
        pid = int(line[1:])
        if line[0] == "+":
            running.add(pid)
        else:
            running.discard(pid)
    for pid in running:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
