"""Run a program that cannot outlive us: started by file name, standard library only, it replaces itself.

``tether.py PARENT_PID PROGRAM ARGUMENT...`` asks the kernel to kill this process when its parent ends, however
that ends, and becomes the program. A process of its own, because the request follows the *thread* that
forked and code between fork and exec is unsafe where there are threads: the platform forks from its main
thread, and this has only one.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Never returns."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it ended before the kernel knew
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - our own programs, no shell between


if __name__ == "__main__":
    main()
