"""The process that runs ``postgres``: started by file name, standard library only, one thread.

It exists because a Drovi process cannot do this itself: it may be killed with -9, its threads come and
go (the kernel's parent-death signal is tied to the *thread* that forked), and as root it must not drop
its own privileges. So:

* ``postgres`` is its child, with the death signal set *after* privileges are dropped (a change of user
  clears it): if the guardian is killed, the server shuts down;
* every Drovi process that uses the server holds a shared lock on ``users.lock``, which the kernel releases
  however the process ends. When the guardian gets the exclusive lock, nobody is left, and it stops the
  server; holding it while stopping makes newcomers wait and then start a new one;
* ``server.lock``, inherited locked from whoever started us, is held for our lifetime: one guardian a folder;
* when ``postgres`` dies by itself it is started again, as often as it takes for orphaned backends to
  release the shared memory, and Postgres' own crash recovery keeps every committed row.

It puts itself in the background and ends when the server was stopped as asked, or cannot be started (the
log says why); whoever waits sees ``server.lock`` released.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_POLL_SECONDS = 0.1
_PR_SET_PDEATHSIG = 1
_RETRY_SECONDS = 60.0
_ORPHAN_SECONDS = 5.0  # orphans of a killed server notice at once, unless they hang
_FAST_SHUTDOWN_SECONDS = 60.0  # a checkpoint of every dirty buffer on a slow disk
_IMMEDIATE_SHUTDOWN_SECONDS = 5.0
_STATUS_LINE = 7  # of postmaster.pid, counted from 0


class Guardian:
    """Runs one server in one folder until nobody uses it or a signal says to stop."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._bin = Path(config["installation"]) / "bin"
        self._folder = Path(config["folder"])
        self._data = self._folder / "data"
        self._account: tuple[int, int] | None = config["account"] and tuple(config["account"])
        self._arguments: list[str] = config["arguments"]
        self._initdb_arguments: list[str] = config["initdb_arguments"]
        self._users = int(config["users_fd"])
        self._asked_to_stop = False
        self._server: subprocess.Popen[bytes] | None = None

    def run(self, password: str) -> int:
        """Create the cluster when there is none, then keep the server up; returns the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        if not (self._data / "PG_VERSION").exists() and not self._initialise(password):
            return 1
        os.chdir(self._data)
        if self._account:
            os.setgroups([])
            os.setgid(self._account[1])
            os.setuid(self._account[0])
        return self._supervise()

    def _on_signal(self, number: int, frame: object) -> None:
        del number, frame
        self._asked_to_stop = True

    def _initialise(self, password: str) -> bool:
        """``initdb`` beside the final place, then a rename: an interrupted one is never taken for a cluster."""
        fresh = self._folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        reader, writer = os.pipe()
        dropped: dict[str, Any] = {}
        if self._account:
            os.chown(fresh, *self._account)
            os.fchown(reader, *self._account)  # initdb opens the pipe anew, by name
            dropped = {"user": self._account[0], "group": self._account[1], "extra_groups": []}
        os.write(writer, password.encode())
        os.close(writer)
        done = subprocess.run(  # noqa: S603 - our own executable and arguments
            [
                self._bin / "initdb",
                "-D",
                self._reachable(fresh),
                f"--pwfile=/dev/fd/{reader}",
                *self._initdb_arguments,
            ],
            cwd=fresh,
            pass_fds=[reader],
            stdin=subprocess.DEVNULL,
            check=False,
            **dropped,
        )
        os.close(reader)
        if done.returncode != 0:
            return False
        fresh.rename(self._data)
        parent = os.open(self._folder, os.O_RDONLY)
        os.fsync(parent)
        os.close(parent)
        return True

    def _reachable(self, folder: Path) -> str:
        """How the server names its folder.

        The unprivileged user may not be allowed through the folders above it (a home under ``/root``); its
        own working folder it can always name, and ``postgres`` never leaves it.
        """
        return "/proc/self/cwd" if self._account else str(folder)

    def _supervise(self) -> int:
        failing_since: float | None = None
        while True:
            after_crash = Path("postmaster.pid").exists()
            self._launch()
            assert self._server is not None
            was_ready = False
            while self._server.poll() is None:
                if self._asked_to_stop or self._unused():
                    self._stop()
                    return 0
                was_ready = was_ready or self._ready()
                time.sleep(_POLL_SECONDS)
            if self._asked_to_stop or self._unused():
                return 0
            status = self._server.returncode
            failing_since = None if was_ready else failing_since or time.monotonic()
            failing_for = 0.0 if failing_since is None else time.monotonic() - failing_since
            # Only what a crash left behind goes away by trying again; a taken port or a full disk does not.
            if failing_for > _RETRY_SECONDS or (status > 0 and not was_ready and not after_crash):
                self._say(f"postgres ended with status {status}; giving up")
                return 1
            if failing_for > _ORPHAN_SECONDS:
                self._kill_orphans()
            self._say(f"postgres ended with status {status}; starting it again")

    def _launch(self) -> None:
        self._forget_recycled_pid()
        parent = os.getpid()
        libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

        def die_with_parent() -> None:
            if libc is not None:
                libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)  # SIGINT is Postgres' fast shutdown
            if os.getppid() != parent:  # the guardian died between the fork and the call above
                os._exit(1)

        self._server = subprocess.Popen(  # noqa: S603 - our own executable and arguments
            [self._bin / "postgres", "-D", self._reachable(self._data), *self._arguments],
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread
        )

    def _unused(self) -> bool:
        """Whether no process holds the shared lock any more; once true, we hold the exclusive one."""
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _ready(self) -> bool:
        assert self._server is not None
        lines = self._pid_file()
        return (
            len(lines) > _STATUS_LINE
            and lines[0] == str(self._server.pid)
            and lines[_STATUS_LINE].strip() == "ready"
        )

    def _pid_file(self) -> list[str]:
        try:
            return Path("postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return []

    def _forget_recycled_pid(self) -> None:
        """Remove a crashed server's pid file when its pid now belongs to another program.

        Postgres would take that program for a running server and refuse for ever; it happens in containers,
        where a few low pids are dealt out again at every start. A live server has our folder as its own, and
        orphaned backends are still found through the shared memory, which goes by the folder's inode.
        """
        lines = self._pid_file()
        if not lines or not lines[0].isdigit() or sys.platform != "linux":
            return
        with contextlib.suppress(OSError):  # gone, or another user's: Postgres knows both cases
            if not Path(f"/proc/{lines[0]}/cwd").samefile("."):
                Path("postmaster.pid").unlink()

    def _kill_orphans(self) -> None:
        """End backends of a killed server that hang and so keep its shared memory: nobody else can.

        Safe because they no longer have a postmaster, so nothing they hold in memory is of use, and what they
        committed is in the log. They are told by their working folder, which is ours alone.
        """
        if sys.platform != "linux":
            return
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # gone meanwhile, or another user's
                if int(process.name) != os.getpid() and (process / "cwd").samefile("."):
                    os.kill(int(process.name), signal.SIGKILL)

    def _stop(self) -> None:
        assert self._server is not None
        for number, seconds in (
            (signal.SIGINT, _FAST_SHUTDOWN_SECONDS),
            (signal.SIGQUIT, _IMMEDIATE_SHUTDOWN_SECONDS),
            (signal.SIGKILL, _IMMEDIATE_SHUTDOWN_SECONDS),
        ):
            self._server.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._server.wait(seconds)
                return

    @staticmethod
    def _say(text: str) -> None:
        sys.stderr.write(f"guardian: {text}\n")
        sys.stderr.flush()


def main() -> int:
    """Configuration as JSON in the one argument; the superuser's password, which must not be seen in ``ps``, on stdin."""
    config = json.loads(sys.argv[1])
    password = sys.stdin.readline().strip()
    if os.fork():  # into the background: nobody's child, so nobody has to wait for it
        return 0
    return Guardian(config).run(password)


if __name__ == "__main__":
    sys.exit(main())
