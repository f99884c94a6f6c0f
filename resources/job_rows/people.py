"""What people do with a job: call it off, have it tried again, do it once more with other arguments.

In the transaction of whoever asks: the application's and the administration's roles hold what these need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, case, func, null, select, text, update
from sqlalchemy.dialects.postgresql import insert

from resources.database import sole
from resources.errors import Conflict
from resources.job_rows.running import UNFINISHED
from resources.schema import job

MATERIALIZE: Final = "materialize"
"""The kind of job that stands for a run a person launched in Dagster: only there can it be launched again."""
MORE_ATTEMPTS: Final = 3
_REMEMBERED: Final = text("interval '10 minutes'")
"""How long a run may lie in Dagster's queue unnoticed after its job was cancelled."""

_ENDED: Final = {"succeeded": "succeeded", "failed": "failed", "cancelled": "was cancelled"}
_COLUMNS: Final = (
    *(job.c.id, job.c.org_id, job.c.connection_id, job.c.kind, job.c.arguments, job.c.status, job.c.priority),
)


def cancel(connection: Connection, job_id: UUID) -> str:
    """Call a job off; its status after that.

    One that waits is ``cancelled`` at once. One that runs stays ``running`` until its worker is at its next page, turn or
    step; asking twice changes nothing.

    Raises:
        NotFound: there is no such job for the caller.
        Conflict: it is over.
    """
    waits = job.c.status == "queued"
    asked = (
        update(job)
        .where(job.c.id == job_id, job.c.status.in_(UNFINISHED))
        .values(
            status=case((waits, "cancelled"), else_=job.c.status),
            cancel_requested_at=func.coalesce(job.c.cancel_requested_at, func.now()),
            finished_at=case((waits, func.now()), else_=null()),
            lease_expires_at=case((waits, null()), else_=job.c.lease_expires_at),
        )
    )
    status: str | None = connection.execute(asked.returning(job.c.status)).scalar_one_or_none()
    if status is None:
        over = _one(connection, job_id).status
        raise Conflict(f"The job is over: it {_ENDED[over]}.", remedy="There is nothing left to cancel.")
    return status


def retry(connection: Connection, job_id: UUID) -> None:
    """Have a job that failed or was cancelled tried again, from where it stopped, with new attempts.

    Attempts are counted on: the end of an early attempt's worker, seen late, says nothing about this one.

    Raises:
        NotFound: there is no such job for the caller.
        Conflict: it did not fail and was not cancelled, or it only stands for a run.
    """
    again = (
        update(job)
        .where(job.c.id == job_id, job.c.status.in_(("failed", "cancelled")), job.c.kind != MATERIALIZE)
        .values(
            status="queued",
            max_attempts=job.c.attempts + MORE_ATTEMPTS,
            run_at=func.now(),
            finished_at=None,
            cancel_requested_at=None,
            error_code=None,
            error_message=None,
        )
    )
    if connection.execute(again).rowcount == 0:
        row = _one(connection, job_id)
        _refuse_runs(row)
        raise Conflict(
            f"The job cannot be tried again: it {_ENDED.get(row.status, 'is under way')}.",
            remedy="Replay it to have it done once more.",
        )


def replay(
    connection: Connection,
    job_id: UUID,
    overrides: Mapping[str, Any] | None = None,
    *,
    key: str | None = None,
) -> UUID:
    """The id of a new job that does the same again, ``overrides`` laid over its arguments.

    The same ``key`` gives the same new job.

    Raises:
        NotFound: there is no such job for the caller.
        Conflict: it only stands for a run.
    """
    first = _one(connection, job_id)
    _refuse_runs(first)
    new_key = f"replay:{job_id}:{key or uuid4()}"
    made = insert(job).values(
        org_id=first.org_id,
        connection_id=first.connection_id,
        kind=first.kind,
        arguments={**first.arguments, **(overrides or {})},
        idempotency_key=new_key,
        replay_of=job_id,
        priority=first.priority,
    )
    connection.execute(made.on_conflict_do_nothing())
    by_key = select(job.c.id).where(
        job.c.org_id.is_not_distinct_from(first.org_id), job.c.idempotency_key == new_key
    )
    found: UUID = connection.execute(by_key).scalar_one()
    return found


def to_stop(connection: Connection) -> Sequence[UUID]:
    """Jobs that were called off and may still have a run: those that run, and those cancelled a short while ago."""
    recently = (job.c.status == "cancelled") & (job.c.finished_at > func.now() - _REMEMBERED)
    query = select(job.c.id).where(
        job.c.cancel_requested_at.is_not(None),
        job.c.status.in_(("running", "cancelled")),
        (job.c.status == "running") | recently,
    )
    return connection.execute(query).scalars().all()


def _one(connection: Connection, job_id: UUID) -> Row[Any]:
    row: Row[Any] = sole(connection.execute(select(*_COLUMNS).where(job.c.id == job_id)).all(), "job")
    return row


def _refuse_runs(row: Row[Any]) -> None:
    if row.kind == MATERIALIZE:
        raise Conflict("The job stands for a run of Dagster's.", remedy="Launch it again in Dagster.")
