"""Watching a platform from outside while it is killed: who has which turn, what moves, which runs are dead."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from resources.embedded_postgres import EmbeddedPostgres

_POLL_SECONDS = 0.2
_CONNECT_SECONDS = 2
_CONNECTIONS = """
SELECT c.id::text, CASE WHEN l.expires_at > clock_timestamp() THEN l.holder END, c.last_synced_at,
       (SELECT max(updated_at) FROM stream_cursor s WHERE s.connection_id = c.id),
       (SELECT count(*) FROM source_item i WHERE i.connection_id = c.id AND i.processed_at IS NOT NULL)
FROM connection c LEFT JOIN connection_lease l ON l.connection_id = c.id
"""
_STARTED = "SELECT run_id FROM runs WHERE status IN ('STARTED', 'CANCELING')"
_WORKER = (
    "SELECT substring(event from '\\(pid: ([0-9]+)\\)') FROM event_logs"
    " WHERE run_id = %s AND event LIKE '%%(pid: %%' ORDER BY id DESC LIMIT 1"
)
WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill -9; ``at`` by the monotonic clock, ``wall`` of the epoch, ``interrupted`` the connections it was working on."""

    kind: str
    at: float
    wall: float
    interrupted: frozenset[str]

    def disturbs(self, connection_id: str) -> bool:
        """Whether what takes the connection over has to wait for what was killed."""
        return self.kind != WORKER or connection_id in self.interrupted


@dataclass(frozen=True, slots=True)
class TakeOver:
    """From a kill to the next committed progress of a connection that it interrupted.

    ``seconds`` from the last kill that fell into it, ``whole`` from the first.
    """

    kind: str
    seconds: float
    whole: float


class Watch(threading.Thread):
    """Looks five times a second, through every outage."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        super().__init__(name="watch", daemon=True)
        self._addresses = {name: server.url(name, "superuser") for name in ("drovi", "dagster")}
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._sessions: dict[str, psycopg.Connection[Any]] = {}
        self._open: dict[str, tuple[Kill, Any]] = {}
        self._down: float | None = None
        self._workers: dict[str, int] = {}
        self._dead: dict[str, float] = {}
        self.holders: dict[str, str] = {}
        self.kills: list[Kill] = []
        self.taken_over: list[TakeOver] = []
        self.outages: list[float] = []
        self.longest_dead = 0.0

    def run(self) -> None:
        while not self._over.wait(_POLL_SECONDS):
            with suppress(psycopg.Error), self._lock:
                self.look()
                self._look_at_runs()

    def end(self) -> None:
        """Stop looking."""
        self._over.set()
        self.join()
        for session in self._sessions.values():
            session.close()

    def query(self, statement: str, parameters: Sequence[Any] = (), database: str = "drovi") -> list[tuple]:
        """Rows, on a session of our own, which is made anew where the server went away."""
        with self._lock:
            session = self._sessions.get(database)
            if session is None or session.closed:
                session = psycopg.connect(
                    self._addresses[database], autocommit=True, connect_timeout=_CONNECT_SECONDS
                )
                self._sessions[database] = session
            return session.execute(statement, parameters).fetchall()

    def look(self) -> dict[str, Any]:
        """How far each connection is; ends the take-overs that have come through."""
        with self._lock:
            rows = self.query(_CONNECTIONS)
            now = time.monotonic()
            if self._down is not None:
                self.outages.append(now - self._down)
                self._down = None
            self.holders = {row[0]: row[1] for row in rows if row[1]}
            moved = {row[0]: row[2:] for row in rows}
            for connection_id, (kill, before) in list(self._open.items()):
                if before is None:
                    self._open[connection_id] = (kill, moved[connection_id])
                elif moved[connection_id] != before:
                    self._taken_over(connection_id, kill, now)
            return moved

    def note(self, kill: Kill, before: dict[str, Any]) -> None:
        """A kill was done; ``before`` is what ``look`` last said."""
        with self._lock:
            self.kills.append(kill)
            if kill.kind == "postmaster":
                self._down = kill.at
                for session in self._sessions.values():  # an orphan of the old server must not answer
                    session.close()
                before = {}
            for connection_id in kill.interrupted:
                self._open.setdefault(connection_id, (kill, before.get(connection_id)))

    def waiting(self) -> int:
        """Connections that nobody has taken over yet."""
        with self._lock:
            return len(self._open)

    def _taken_over(self, connection_id: str, kill: Kill, now: float) -> None:
        later = [one.at for one in self.kills if one.at > kill.at and one.disturbs(connection_id)]
        whole = now - kill.at
        self.taken_over.append(TakeOver(kill.kind, now - max([kill.at, *later]), whole))
        del self._open[connection_id]

    def _look_at_runs(self) -> None:
        """For how long runs count as started whose worker is dead."""
        started = {run_id for (run_id,) in self.query(_STARTED, database="dagster")}
        for run_id in started - self._workers.keys():
            if found := self.query(_WORKER, [run_id], "dagster"):
                self._workers[run_id] = int(found[0][0])
        now = time.monotonic()
        dead = {run_id for run_id in started if run_id in self._workers and not _lives(self._workers[run_id])}
        self._dead = {run_id: self._dead.get(run_id, now) for run_id in dead}
        self.longest_dead = max([self.longest_dead, *(now - since for since in self._dead.values())])


def _lives(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    return False
