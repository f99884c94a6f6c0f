"""Children of the platform: started, found ready, started again when they crash, ended.

Nothing here knows what the children do. Each leads a session of its own, so that ^C in a terminal is for the
platform alone, and so that what a child started (Dagster's run workers) can be ended with it. All of this
runs in one thread, the one that must outlive the children (see ``tether``).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drovi import tether
from resources.telemetry import get_logger

POLL_SECONDS = 0.1
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_STABLE_SECONDS = 60.0
"""A child that ran this long crashes anew, not again: it is started at once."""
_LOG_BYTES = 16 * 1024 * 1024

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Program:
    """What a child runs. ``ready`` is asked again and again after the start, and answers without waiting long."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    ready: Callable[[], bool]


@dataclass(slots=True)
class Child:
    """A program, and the process that runs it now."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    _sessions: set[int] = field(default_factory=set)
    _started: float = 0.0
    _pause: float = 0.0
    _due: float = 0.0

    def start(self) -> None:
        """Start the program under a tether, its output appended to its log."""
        _put_aside(self.program.log)
        with self.program.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own programs and arguments
                [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *self.program.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self.program.environment),
                start_new_session=True,
            )
        self._sessions.add(self.process.pid)
        self._started = time.monotonic()

    def running(self) -> bool:
        """Whether its process lives."""
        return self.process is not None and self.process.poll() is None

    def tend(self) -> None:
        """Start it again if it ended, after a pause that doubles while it keeps ending soon."""
        if self.running():
            return
        now = time.monotonic()
        if self.process is not None:
            lasted = now - self._started
            self._pause = (
                _FIRST_PAUSE
                if lasted > _STABLE_SECONDS
                else min(self._pause * 2 or _FIRST_PAUSE, _LONGEST_PAUSE)
            )
            self._due = now + self._pause
            status = self.process.returncode
            _log.warning("child ended", child=self.program.name, status=status, again_in_seconds=self._pause)
            self.process = None
        if now >= self._due:
            self.start()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the child and to all it started, also through earlier processes that crashed."""
        for session in self._sessions:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(session, number)

    def ended(self) -> bool:
        """Whether nothing is left of it or of what it started."""
        if self.running():
            return False
        self._sessions = {session for session in self._sessions if _lives(session)}
        return not self._sessions

    def log_tail(self, lines: int = 12) -> str:
        """The last lines of its log, for a person to see what went wrong."""
        with contextlib.suppress(OSError):
            return "\n".join(self.program.log.read_text("utf-8", errors="replace").splitlines()[-lines:])
        return ""


def end(children: Iterable[Child], *, patience: float) -> None:
    """End the children together: SIGTERM, and SIGKILL to what is left after ``patience`` seconds."""
    left = [child for child in children if not child.ended()]
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        for child in left:
            child.signal(number)
        deadline = time.monotonic() + seconds
        while left and time.monotonic() < deadline:
            left = [child for child in left if not child.ended()]
            time.sleep(POLL_SECONDS if left else 0)


def _lives(session: int) -> bool:
    """Whether any process of that group is left; one that is a zombie until its parent looks counts as gone."""
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return any(_state(pid) not in {"Z", ""} for pid in _group(session)) if sys.platform == "linux" else True


def _group(session: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.getpgid(int(entry.name)) == session:
                found.append(int(entry.name))
    return found


def _state(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    return ""


def _put_aside(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
