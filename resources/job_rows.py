"""Job rows: the public, tenant-safe account of background work. Dagster executes; this is what people see of it.

A row moves from ``queued`` to ``running`` to one of ``succeeded``, ``failed`` and ``cancelled``, and back to ``queued``
when its worker died and attempts are left, or was told to end. Every function works in the caller's (worker) transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, case, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from resources.database import WorkerDatabase
from resources.errors import DroviError
from resources.schema import job

LEASE_SECONDS = 150
"""How long a running job may be silent before it counts as dead: its worker may wait 120 s for a turn."""
TICK_SECONDS = 30
"""The same for a job that a tick does: one that was killed is noticed as soon as a connection's lease runs out."""

UNFINISHED = ("queued", "running")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job to be asked for. The same ``key`` in an organisation is the same job, asked for once."""

    org_id: UUID
    kind: str
    key: str
    connection_id: UUID | None = None
    arguments: Mapping[str, Any] | None = None
    dagster_run_id: str | None = None
    requested_by: UUID | None = None
    run_at: datetime | None = None


def ensure(connection: Connection, wanted: Wanted) -> UUID:
    """The id of the job of that key, queued now where there was none."""
    connection.execute(
        insert(job)
        .values(
            org_id=wanted.org_id,
            kind=wanted.kind,
            idempotency_key=wanted.key,
            connection_id=wanted.connection_id,
            arguments=dict(wanted.arguments or {}),
            dagster_run_id=wanted.dagster_run_id,
            requested_by=wanted.requested_by,
            run_at=wanted.run_at or func.now(),
        )
        .on_conflict_do_nothing()
    )
    found: UUID = connection.execute(
        select(job.c.id).where(job.c.org_id == wanted.org_id, job.c.idempotency_key == wanted.key)
    ).scalar_one()
    return found


def due(connection: Connection, kinds: Sequence[str], limit: int) -> Sequence[Row[Any]]:
    """Queued jobs of those kinds whose time has come, oldest first."""
    query = (
        select(job)
        .where(job.c.status == "queued", job.c.kind.in_(kinds), job.c.run_at <= func.now())
        .order_by(job.c.run_at, job.c.id)
        .limit(limit)
    )
    return connection.execute(query).all()


def unfinished(connection: Connection, connection_id: UUID, kind: str) -> bool:
    """Whether a job of that kind waits or runs for the connection."""
    query = select(job.c.id).where(
        job.c.connection_id == connection_id, job.c.kind == kind, job.c.status.in_(UNFINISHED)
    )
    return connection.execute(query.limit(1)).first() is not None


def start(
    connection: Connection,
    job_ids: Sequence[UUID],
    *,
    run_id: str | None = None,
    seconds: int = LEASE_SECONDS,
) -> None:
    """Jobs begin, or are seen to go on, and may be silent for so many seconds; of no effect on finished ones."""
    connection.execute(
        update(job)
        .where(job.c.id.in_(job_ids), job.c.status.in_(UNFINISHED))
        .values(
            status="running",
            attempts=job.c.attempts + case((job.c.status == "queued", 1), else_=0),
            started_at=func.coalesce(job.c.started_at, func.now()),
            lease_expires_at=_lease(seconds),
            dagster_run_id=func.coalesce(run_id, job.c.dagster_run_id),
        )
    )


def see(connection: Connection, job_id: UUID, run_id: str) -> None:
    """A job's run was seen under way. That is no sign that its worker lives: what is known already is left as it is."""
    news = or_(job.c.status == "queued", job.c.dagster_run_id.is_distinct_from(run_id))
    known = connection.execute(select(job.c.id).where(job.c.id == job_id, news)).first() is None
    if not known:
        start(connection, [job_id], run_id=run_id)


def note(database: WorkerDatabase, job_id: UUID, progress: Mapping[str, Any]) -> None:
    """A running job's progress, and the sign that its worker lives; in a transaction of its own."""
    with database.dispatch() as connection:
        connection.execute(
            update(job)
            .where(job.c.id == job_id, job.c.status == "running")
            .values(progress=dict(progress), lease_expires_at=_lease())
        )


def succeed(connection: Connection, job_ids: Sequence[UUID], result: Mapping[str, Any] | None = None) -> None:
    """Jobs end well; ``result`` None leaves what the last progress said."""
    last = job.c.progress if result is None else dict(result)
    _finish(
        connection,
        job_ids,
        {"status": "succeeded", "result": last, "error_code": None, "error_message": None},
    )


def fail(connection: Connection, job_ids: Sequence[UUID], error: BaseException | str) -> None:
    """Jobs end badly, for good; the message is for their owner."""
    code = error.code if isinstance(error, DroviError) else "SERVER_ERROR"
    message = str(error) if isinstance(error, DroviError | str) else "Something went wrong inside Drovi."
    _finish(connection, job_ids, {"status": "failed", "error_code": code, "error_message": message})


def cancel(connection: Connection, job_ids: Sequence[UUID]) -> None:
    """Jobs were called off."""
    _finish(connection, job_ids, {"status": "cancelled"})


def hand_over(connection: Connection, job_id: UUID) -> None:
    """A running job waits for another worker to go on with it; no attempt is counted for that."""
    connection.execute(
        update(job)
        .where(job.c.id == job_id, job.c.status == "running")
        .values(status="queued", lease_expires_at=None)
    )


def restart(connection: Connection, job_id: UUID) -> None:
    """A job that waits or failed begins anew in a tick, its attempts counted from one."""
    connection.execute(
        update(job)
        .where(job.c.id == job_id, job.c.status.in_(("queued", "failed")))
        .values(
            status="running",
            attempts=job.c.attempts + 1,
            started_at=func.now(),
            lease_expires_at=_lease(TICK_SECONDS),
        )
        .values(finished_at=None, error_code=None, error_message=None)
    )


def lost(connection: Connection, job_ids: Sequence[UUID], *, attempt: int | None = None) -> None:
    """The worker of jobs died: they are queued again, or fail where no attempt is left.

    ``attempt`` is the number of attempts there were when that worker was asked for: the end of an
    earlier worker says nothing about a later one.
    """
    again = job.c.attempts < job.c.max_attempts
    dead = job.c.status == "running" if attempt is None else _of_worker(attempt)
    connection.execute(
        update(job)
        .where(job.c.id.in_(job_ids), dead)
        .values(
            status=case((again, "queued"), else_="failed"),
            attempts=_counted(),
            lease_expires_at=None,
            finished_at=case((again, None), else_=func.now()),
            error_code=case((again, None), else_="SERVER_ERROR"),
            error_message=case((again, None), else_="The worker died at every attempt."),
        )
    )


def interrupted(connection: Connection, job_id: UUID, *, attempt: int) -> None:
    """The worker of a run was told to end, by a deploy: its job is queued again, with one attempt more to have.

    ``attempt`` as in ``lost``. The attempts themselves go on counting, for a run's key is made of them.
    """
    connection.execute(
        update(job)
        .where(job.c.id == job_id, _of_worker(attempt))
        .values(
            status="queued",
            attempts=_counted(),
            max_attempts=job.c.max_attempts + 1,
            lease_expires_at=None,
        )
    )


def silent(connection: Connection) -> Sequence[Row[Any]]:
    """Running jobs that gave no sign for longer than their lease."""
    overdue = or_(job.c.lease_expires_at.is_(None), job.c.lease_expires_at < func.now())
    return connection.execute(select(job).where(job.c.status == "running", overdue)).all()


def alive(connection: Connection, job_id: UUID) -> bool:
    """Whether a job runs and its worker gave a sign within its lease."""
    query = select(job.c.id).where(
        job.c.id == job_id, job.c.status == "running", job.c.lease_expires_at > func.now()
    )
    return connection.execute(query).first() is not None


def _of_worker(attempt: int) -> ColumnElement[bool]:
    """Whether a job is still the one that the worker of this attempt was asked to do, begun or not."""
    begun = (job.c.status == "running") & (job.c.attempts == attempt + 1)
    return begun | ((job.c.status == "queued") & (job.c.attempts == attempt))


def _counted() -> Any:
    """The attempts, with the one whose worker ended before it could begin."""
    return job.c.attempts + case((job.c.status == "queued", 1), else_=0)


def _lease(seconds: int = LEASE_SECONDS) -> Any:
    return func.now() + text(f"interval '{seconds} seconds'")


def _finish(connection: Connection, job_ids: Sequence[UUID], values: Mapping[str, Any]) -> None:
    connection.execute(
        update(job)
        .where(job.c.id.in_(job_ids), job.c.status.in_(UNFINISHED))
        .values(**values, finished_at=func.now(), lease_expires_at=None)
    )
