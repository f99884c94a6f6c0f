"""Processes that do our work for a test, to be killed in the middle of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.conftest import REPOSITORY


def started(module: str, *arguments: str) -> subprocess.Popen[str]:
    """``python -m module …`` in a session of its own, once it has said that it is ready."""
    child = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def kill(child: subprocess.Popen[str]) -> None:
    """Kill -9 of it and of all it started."""
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert child.stdout is not None
    child.stdout.close()
