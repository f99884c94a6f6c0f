"""The embedded server's folder, as every process sees it: locks, the port, the log.

``users.lock`` is held shared by each process that uses the server and exclusively by a guardian that is
stopping it; ``server.lock`` is held exclusively by the guardian for as long as it lives. The kernel releases
both however their holder ends, so neither can be stale.
"""

from __future__ import annotations

import contextlib
import fcntl
import socket
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from resources.errors import NotConfigured

if TYPE_CHECKING:
    from pathlib import Path

HOST: Final = "127.0.0.1"
_LOG_BYTES = 16 * 1024 * 1024
_LOG_TAIL_LINES = 12
_PORT_LINE = 3  # of postmaster.pid, counted from 0


@dataclass(frozen=True, slots=True)
class ServerFolder:
    """Paths and questions; holds no state of its own."""

    path: Path

    @property
    def data(self) -> Path:
        """The cluster, owned by the user that runs the server."""
        return self.path / "data"

    @property
    def log(self) -> Path:
        """Where the server and its guardian write."""
        return self.path / "postgres.log"

    def open_users(self) -> IO[str]:
        """A new, unlocked handle on ``users.lock``."""
        return (self.path / "users.lock").open("a")

    def open_server(self) -> IO[str]:
        """A new, unlocked handle on ``server.lock``."""
        return (self.path / "server.lock").open("a")

    def guarded(self) -> bool:
        """Whether a guardian lives."""
        with self.open_server() as handle:
            return not take(handle, fcntl.LOCK_SH)

    def used(self) -> bool:
        """Whether any process uses the server; false also while it is stopping."""
        with self.open_users() as users:
            nobody = take(users, fcntl.LOCK_EX)
        with self.open_users() as users:
            return not nobody and take(users, fcntl.LOCK_SH)

    def running_port(self) -> int:
        """As the server's own pid file says, which it writes when it listens and removes when it stops; else 0."""
        try:
            return int((self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[_PORT_LINE])
        except (OSError, IndexError, ValueError):
            return 0

    def choose_port(self, wanted: int) -> int:
        """``wanted``, or for 0 the remembered one while it is free, or a new one, which is then remembered.

        Raises:
            NotConfigured: ``wanted`` is taken.
        """
        if wanted:
            if not _is_free(wanted):
                raise NotConfigured(
                    f"Port {wanted} (POSTGRES_PORT) is taken by another program.",
                    remedy="Set POSTGRES_PORT to a free port, or to 0 to have one chosen.",
                )
            return wanted
        memory = self.path / "port"
        with contextlib.suppress(OSError, ValueError):
            remembered = int(memory.read_text(encoding="utf-8"))
            if _is_free(remembered):
                return remembered
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            chosen = int(probe.getsockname()[1])
        memory.write_text(f"{chosen}\n", encoding="utf-8")
        return chosen

    def check_version(self, major: str) -> None:
        """Refuse a cluster of another major version.

        Raises:
            NotConfigured: it was written by another Postgres than ``major``.
        """
        try:
            theirs = (self.data / "PG_VERSION").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return
        if theirs != major:
            raise NotConfigured(
                f"{self.data} was written by Postgres {theirs}; this Drovi brings Postgres {major}.",
                remedy="Dump it with the Drovi that wrote it and restore it here, or set DROVI_HOME to another folder.",
            )

    def open_log(self) -> IO[bytes]:
        """The log for appending, readable by its owner only; a long one is put aside as ``postgres.log.1``."""
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > _LOG_BYTES:
                self.log.replace(self.path / "postgres.log.1")
        self.log.touch(mode=0o600)
        return self.log.open("ab")

    def log_tail(self) -> str:
        """Its last lines, on one line."""
        return " | ".join(self.log.read_text("utf-8", errors="replace").splitlines()[-_LOG_TAIL_LINES:])


def take(handle: IO[str], kind: int) -> bool:
    """Take the ``flock`` of that kind if it can be had at once."""
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As Postgres itself binds: a connection still closing does not make the port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
