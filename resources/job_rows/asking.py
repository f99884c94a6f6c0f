"""Asking for work: what a job is to be, and the keys by which the same request is the same job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from resources.job_rows.running import UNFINISHED
from resources.schema import job

BACKFILL: Final = "backfill"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job to be asked for. The same ``key`` in an organisation is the same job, asked for once.

    ``org_id`` None is the platform's own work; ``run_at`` and ``max_attempts`` None are the table's defaults.
    """

    org_id: UUID | None
    kind: str
    key: str
    connection_id: UUID | None = None
    arguments: Mapping[str, Any] | None = None
    dagster_run_id: str | None = None
    requested_by: UUID | None = None
    run_at: datetime | None = None
    priority: int = 0
    max_attempts: int | None = None


@dataclass(frozen=True, slots=True)
class Backfill:
    """How much of a source's history is to be read: all of it, one stream, one window; what is left, or from empty.

    ``window`` is a window's name, or days that windows lie in: "2024-01-15/2024-07-01", the end not among them.
    """

    connection_id: UUID
    stream: str | None = None
    window: str | None = None
    full_refresh: bool = False

    @property
    def key(self) -> str:
        """The same for the same work: connection, stream, window, and whether it is read again from empty."""
        whole = "full" if self.full_refresh else "rest"
        return f"{BACKFILL}:{self.connection_id}:{self.stream or '*'}:{self.window or '*'}:{whole}"

    @property
    def arguments(self) -> dict[str, Any]:
        """As a job row keeps it; ``of`` reads it back."""
        named = {"stream": self.stream, "window": self.window}
        return {name: value for name, value in named.items() if value} | (
            {"full_refresh": True} if self.full_refresh else {}
        )

    @classmethod
    def of(cls, connection_id: UUID, arguments: Mapping[str, Any]) -> Backfill:
        """What a job row asks for."""
        return cls(
            connection_id,
            arguments.get("stream") or None,
            arguments.get("window") or None,
            bool(arguments.get("full_refresh")),
        )

    def wanted(self, org_id: UUID, *, requested_by: UUID | None = None, priority: int = 0) -> Wanted:
        """The job that does it, for ``renew``."""
        return Wanted(
            org_id,
            BACKFILL,
            self.key,
            self.connection_id,
            self.arguments,
            requested_by=requested_by,
            priority=priority,
        )


def ensure(connection: Connection, wanted: Wanted) -> UUID:
    """The id of the job of that key, queued now where there was none, whatever became of it."""
    return _asked(connection, wanted)[0]


def renew(connection: Connection, wanted: Wanted) -> tuple[UUID, bool]:
    """The id of the unfinished job of that key, or of a new one where the last of them is over; and whether it is new.

    Each is numbered by how many are over, so that of two who ask at once both find the same one.
    """
    mine = job.c.org_id.is_not_distinct_from(wanted.org_id) & (
        job.c.connection_id.is_not_distinct_from(wanted.connection_id) & (job.c.kind == wanted.kind)
    )
    numbered = mine & job.c.idempotency_key.startswith(f"{wanted.key}#", autoescape=True)
    over = connection.execute(
        select(func.count()).select_from(job).where(numbered, job.c.status.not_in(UNFINISHED))
    ).scalar_one()
    return _asked(connection, replace(wanted, key=f"{wanted.key}#{over}"))


def _asked(connection: Connection, wanted: Wanted) -> tuple[UUID, bool]:
    values = {
        "org_id": wanted.org_id,
        "kind": wanted.kind,
        "idempotency_key": wanted.key,
        "connection_id": wanted.connection_id,
        "arguments": dict(wanted.arguments or {}),
        "dagster_run_id": wanted.dagster_run_id,
        "requested_by": wanted.requested_by,
        "run_at": wanted.run_at or func.now(),
        "priority": wanted.priority,
    }
    if wanted.max_attempts is not None:
        values["max_attempts"] = wanted.max_attempts
    asked = insert(job).values(values).on_conflict_do_nothing().returning(job.c.id)
    made: UUID | None = connection.execute(asked).scalar_one_or_none()
    if made is not None:
        return made, True
    found: UUID = connection.execute(
        select(job.c.id).where(
            job.c.org_id.is_not_distinct_from(wanted.org_id), job.c.idempotency_key == wanted.key
        )
    ).scalar_one()
    return found, False
